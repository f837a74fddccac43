"""The API beside a small FastAPI app, a Gradio app and `mlflow models serve` over the same model.

    python benchmarks/api.py --gradio PYTHON --mlflow PYTHON [--seconds 10]

One prediction at a time, then twenty clients at once, each side in turn, three rounds. Ours stores
and commits each answer; the others store nothing. The interpreters have gradio with fastapi, and
the whole of mlflow, beside this scikit-learn; a side without its interpreter is left out.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from measure import ROOT, keep, table, versions

PROCESS_CLOCK = 2
HOME = ROOT / "model" / "customer-churn" / "1"
CALLS, CLIENTS, ROUNDS = 60, 20, 3

FASTAPI = """
import sys, joblib, pandas as pd, uvicorn
from fastapi import FastAPI
model, app = joblib.load(sys.argv[1]), FastAPI()

@app.get("/ping")
def ping():
    return "ok"

@app.post("/predict")
def predict(case: dict):
    shares = model.predict_proba(pd.DataFrame([case]))[0].tolist()
    return {"value": int(shares[1] > 0.5), "probabilities": shares}

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""
GRADIO = """
import sys, json, joblib, pandas as pd, gradio as gr
model, names = joblib.load(sys.argv[1]), json.loads(sys.argv[3])

def predict(*values):
    shares = model.predict_proba(pd.DataFrame([dict(zip(names, values))]))[0]
    return {str(at): float(share) for at, share in enumerate(shares)}

kinds = json.loads(sys.argv[4])
fields = [{"number": gr.Number, "text": gr.Textbox, "boolean": gr.Checkbox}[k]() for k in kinds]
demo = gr.Interface(predict, fields, gr.Label(), api_name="predict")
demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[2]), quiet=True)
"""
SAVE = """
import sys, joblib, mlflow, pandas as pd, json
model, case = joblib.load(sys.argv[1]), pd.DataFrame([json.loads(sys.argv[3])])
signature = mlflow.models.infer_signature(case, model.predict(case))
mlflow.sklearn.save_model(
    model, sys.argv[2], signature=signature, serialization_format="cloudpickle"
)
"""


@dataclass
class Side:
    """One server: how to start it, when it is up, and one prediction over a kept connection."""

    name: str
    command: list[str]
    port: int
    up: str
    ask: Callable[[http.client.HTTPConnection], None]
    environment: dict[str, str]
    pid: int = 0

    @contextmanager
    def running(self, log: Path) -> Iterator[None]:
        """The server, from its first answer on."""
        with log.open("w") as written:
            process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=written,
                stderr=written,
            )
        try:
            self._wait(process, log)
            self.pid = listener(self.port)
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()

    def _wait(self, process: subprocess.Popen, log: Path) -> None:
        for _ in range(600):
            with suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("GET", self.up)
                if connection.getresponse().status == 200:
                    return
            if process.poll() is not None:
                break
            time.sleep(0.3)
        sys.exit(f"{self.name} does not answer:\n{log.read_text()[-3000:]}")

    def cpu(self) -> float:
        """Seconds of processor time of the process that answers."""
        return time.clock_gettime(~self.pid << 3 | PROCESS_CLOCK)

    def one_by_one(self) -> tuple[float, float]:
        """Median milliseconds of a call, and CPU milliseconds of one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for _ in range(5):
            self.ask(connection)
        took, before = [], self.cpu()
        for _ in range(CALLS):
            started = time.perf_counter()
            self.ask(connection)
            took.append(time.perf_counter() - started)
        return median(took) * 1000, (self.cpu() - before) * 1000 / CALLS

    def at_once(self, seconds: float) -> float:
        """Calls a second that twenty clients get answered."""

        def client(_: int) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            count, end = 0, time.monotonic() + seconds
            while time.monotonic() < end:
                self.ask(connection)
                count += 1
            return count

        with ThreadPoolExecutor(CLIENTS) as threads:
            return sum(threads.map(client, range(CLIENTS))) / seconds


def listener(port: int) -> int:
    """The process that listens on a port: a command may start another one."""
    wanted = f"{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inodes = {
        f"socket:[{line.split()[9]}]"
        for line in lines
        if line.split()[1].endswith(f":{wanted}") and line.split()[3] == "0A"
    }
    for files in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            if any(str(one.readlink()) in inodes for one in files.iterdir()):
                return int(files.parent.name)
    sys.exit(f"nobody listens on {port}")


def post(path: str, body: dict) -> Callable[[http.client.HTTPConnection], None]:
    """A call with this body that must be answered."""
    content = json.dumps(body).encode()

    def ask(connection: http.client.HTTPConnection) -> None:
        connection.request("POST", path, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {text[:300]!r}")

    return ask


def of_gradio(values: list) -> Callable[[http.client.HTTPConnection], None]:
    """Gradio's own way for a program: an event is asked for, then its result."""
    content = json.dumps({"data": values}).encode()

    def ask(connection: http.client.HTTPConnection) -> None:
        path = "/gradio_api/call/predict"
        connection.request("POST", path, content, {"Content-Type": "application/json"})
        event = json.loads(connection.getresponse().read())["event_id"]
        connection.request("GET", f"{path}/{event}")
        text = connection.getresponse().read()
        if b"event: complete" not in text:
            sys.exit(f"gradio: {text[:300]!r}")

    return ask


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def sides(given: argparse.Namespace, folder: Path) -> list[Side]:
    """Each side over the same model file, asked for the same case."""
    card = json.loads((HOME / "card.json").read_text("utf-8"))
    case = {one["name"]: one["typical"] for one in card["features"]}
    file, ports = str(HOME / card["artifact"]["file"]), [free_port() for _ in range(4)]
    ours = {"FEEDBACK_DB": str(folder / "feedback.db"), "DURABLE": "1"}
    run = ["-m", "streamlit", "run", "serve.py", f"--server.port={ports[0]}"]
    run += ["--server.address=127.0.0.1", "--server.headless=true"]
    ask = post("/api/predict", {"model": "customer-churn/1", "cases": [case]})
    found = [
        Side("Ours, stored and committed", [sys.executable, *run], ports[0], "/ping", ask, ours)
    ]
    if given.gradio:
        kinds = [
            "boolean" if isinstance(v, bool) else "text" if isinstance(v, str) else "number"
            for v in case.values()
        ]
        fast = [given.gradio, "-c", FASTAPI, file, str(ports[1])]
        found.append(Side("FastAPI", fast, ports[1], "/ping", post("/predict", case), {}))
        names = [json.dumps(list(case)), json.dumps(kinds)]
        gradio = [given.gradio, "-c", GRADIO, file, str(ports[2]), *names]
        asked = of_gradio(list(case.values()))
        found.append(
            Side("Gradio", gradio, ports[2], "/", asked, {"GRADIO_ANALYTICS_ENABLED": "0"})
        )
    if given.mlflow:
        saved = str(folder / "mlflow")
        subprocess.run([given.mlflow, "-c", SAVE, file, saved, json.dumps(case)], check=True)
        path = f"{Path(given.mlflow).parent}{os.pathsep}{os.environ['PATH']}"
        serve = [given.mlflow, "-m", "mlflow", "models", "serve", "-m", saved]
        serve += ["-p", str(ports[3]), "-h", "127.0.0.1", "--env-manager", "local"]
        invoke = post("/invocations", {"dataframe_records": [case]})
        found.append(Side("MLflow", serve, ports[3], "/ping", invoke, {"PATH": path}))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gradio", help="a Python with gradio and fastapi")
    parser.add_argument("--mlflow", help="a Python with mlflow")
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with TemporaryDirectory() as name, ExitStack() as servers:
        folder = Path(name)
        every = sides(given, folder)
        for side in every:
            servers.enter_context(side.running(folder / f"{side.port}.log"))
        figures = {side.name: [] for side in every}
        for _ in range(ROUNDS):
            for side in every:
                figures[side.name].append((*side.one_by_one(), side.at_once(given.seconds)))
                print(side.name, [round(one, 1) for one in figures[side.name][-1]], flush=True)
    first = every[0].name
    middle = {n: [median(column) for column in zip(*f, strict=True)] for n, f in figures.items()}
    rows = []
    for name, (p50, cpu, rate) in middle.items():
        ratios = [middle[first][0] / p50, middle[first][2] / rate]
        goal = "≤ 0.6 / ≥ 2" if name == "Gradio" else ""
        rows.append(
            [
                name,
                f"{p50:.1f} ms",
                f"{cpu:.1f} ms",
                f"{rate:.0f}/s",
                f"{ratios[0]:.2f} / {ratios[1]:.2f}",
                goal,
            ]
        )
    header = [
        "side",
        "p50 of one",
        "CPU a call",
        "20 clients",
        "ours against it: p50 / rate",
        "goal",
    ]
    about = f"{versions()}; the demo model customer-churn, one case a call; median of {ROUNDS}."
    keep("API", f"{about}\n\n{table(header, rows)}")


if __name__ == "__main__":
    main()
