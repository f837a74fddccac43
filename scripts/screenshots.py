"""Draw docs/images: every page, light, dark and at phone width, with one judged case."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import which

from playwright.sync_api import Browser, Page, sync_playwright

HOME = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HOME))

from second_opinion import Registry, Store  # noqa: E402
from second_opinion.access.roles import PROGRAM  # noqa: E402
from second_opinion.batches import jobs  # noqa: E402
from second_opinion.batches.scored_rows import ScoredRows  # noqa: E402
from second_opinion.evidence import plan_of_batch  # noqa: E402
from second_opinion.evidence.plan_of_batch import Terms  # noqa: E402
from second_opinion.records.event import Event  # noqa: E402
from second_opinion.records.expert import Expert  # noqa: E402
from second_opinion.records.invitation import Invitation  # noqa: E402
from second_opinion.records.stamp import new_id  # noqa: E402
from second_opinion.records.value import plain, typed_text  # noqa: E402
from second_opinion.records.verdict import Verdict  # noqa: E402
from second_opinion.tables import Limits, TableFile, look  # noqa: E402
from second_opinion.tables.template import template  # noqa: E402
from second_opinion.verdicts.blind_answer import locked  # noqa: E402

EXPERTS = ("Dr Ada Lovelace", "Bo Chen", "Mara Lind")
IMAGES = HOME / "docs" / "images"
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


@contextmanager
def app() -> Iterator[tuple[str, Path]]:
    """A server of its own, on the demo models and an empty database: address and database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"FEEDBACK_DB": f"{folder}/feedback.db", "DURABLE": "1"}
        command = [sys.executable, "-m", "streamlit", "run", "Home.py", "--server.headless=true"]
        command += [f"--server.port={port}", "--server.address=127.0.0.1"]
        server = subprocess.Popen(command, cwd=HOME, env=environment, stdout=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/_stcore/health")
            yield url, Path(folder, "feedback.db")
        finally:
            server.terminate()
            server.wait()


def wait_for(url: str) -> None:
    """Wait until the server answers."""
    for _ in range(100):
        try:
            urllib.request.urlopen(url)
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The server did not start within 20 s.")


def draw(browser: Browser, url: str, name: str) -> None:
    """All pages in one look, on the way of a first visit."""
    page = browser.new_context(**LOOKS[name], timezone_id="Europe/London").new_page()
    page.goto(url)
    page.locator(".st-key-who_name input").fill("Dr Ada Lovelace")
    page.locator(".st-key-who_start button").click()
    page.locator(".st-key-home_judge button").click()
    page.locator(".st-key-predict_submit button").click()
    page.locator(".st-key-verdict_agree button").wait_for()
    shoot(page, f"single-prediction-{name}")
    page.locator(".st-key-verdict_disagree button").click()
    page.locator(".st-key-verdict_comment textarea").fill("She called twice about the bill.")
    shoot(page, f"verdict-{name}")
    page.locator(".st-key-verdict_save button").click()
    page.locator(".st-key-verdict_saved").wait_for()
    page.locator(".st-key-predict_tab").get_by_text("JSON").click()
    page.locator(".st-key-predict_json textarea").wait_for()
    shoot(page, f"json-{name}")
    page.goto(url)
    page.locator(".st-key-home_progress").wait_for()
    shoot(page, f"home-{name}")
    draw_batch(page, url, name)
    page.goto(f"{url}/Help")
    page.get_by_test_id("stDataFrame").first.wait_for()
    shoot(page, f"help-{name}")
    page.goto(f"{url}/Models")
    page.locator(".st-key-models_card").wait_for()
    shoot(page, f"models-{name}")
    page.context.close()


def people(store: Store) -> None:
    """Two experts with personal links, one of whom is at work, and a reviewer with a code."""
    first = Invitation("Bo Chen", "bo@example.org")
    store.invitations.invite(first, by=PROGRAM)
    store.invitations.invite(Invitation("Lin Sato"), by=PROGRAM)
    reviewer = Expert("Rita Wong", role="reviewer", source="code")
    for at, person in enumerate((first.expert, reviewer)):
        store.visits.note(person, f"2026-11-26T1{at}:12:00.000Z")
    store.event_log.add(Event("sign-in", "Rita Wong", {"role": "reviewer", "by": "code"}))


def draw_people(browser: Browser, url: str, name: str) -> None:
    """What the owner sees of people, links, what was done, and what is kept."""
    page = browser.new_context(**LOOKS[name], timezone_id="Europe/London").new_page()
    page.goto(f"{url}/People_and_records?section=invitations")
    page.locator(".st-key-who_name input").fill("Grace Hopper")
    page.locator(".st-key-who_start button").click()
    page.locator(".st-key-people_invite_name input").fill("Mara Lind")
    page.locator(".st-key-people_invite_email input").fill("mara@example.org")
    page.locator(".st-key-people_invite_make button").click()
    page.locator(".st-key-people_to_send").wait_for()
    shoot(page, f"people-invitations-{name}")
    for section in ("people", "events", "kept"):
        page.goto(f"{url}/People_and_records?section={section}")
        page.get_by_test_id("stDataFrame").first.wait_for()
        shoot(page, f"people-{section}-{name}")
    page.context.close()


def draw_batch(page: Page, url: str, name: str) -> None:
    """A file with two bad rows, before it is scored and after."""
    page.goto(f"{url}/Batch_upload?model=customer-churn")
    upload = page.locator(".st-key-batch_file input[type=file]")
    upload.wait_for(state="attached")
    file = {"name": "march.csv", "mimeType": "text/csv", "buffer": march()}
    upload.set_input_files(file)  # type: ignore[arg-type]
    page.locator(".st-key-batch_score button").wait_for()
    shoot(page, f"batch-check-{name}")
    page.locator(".st-key-batch_score button").click()
    page.locator(".st-key-batch_table").wait_for()
    shoot(page, f"batch-{name}")


def draw_distributions(browser: Browser, url: str, name: str) -> None:
    """A batch with dearer contracts, section by section; what goes by day of single predictions."""
    page = browser.new_context(**LOOKS[name], timezone_id="Europe/London").new_page()
    parts = {
        "predictions": "part=Predictions",
        "confidence": "part=Confidence&of=singles",
        "features": "part=Features",
        "two": "part=Features&by=tenure_months&and=monthly_charge",
        "time": "part=Over time&of=singles",
        "drift": "part=Drift&drift=monthly_charge",
    }
    for part, query in parts.items():
        page.goto(f"{url}/Distributions?model=customer-churn&{query}")
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        top = "" if part == "predictions" else "distributions_section"
        shoot(page, f"distributions-{part}-{name}", top)
    page.context.close()


def april(database: Path) -> str:
    """A batch of the churn model in which one feature has moved: every charge is higher."""
    registry, store = Registry(HOME / "model"), Store.open(database)
    card, reference = registry.card("customer-churn"), registry.reference("customer-churn")
    schema = card.case_schema
    cases = [reference.plausible(schema, seed) for seed in range(1200)]
    for case in cases:
        case["monthly_charge"] = min(round(case["monthly_charge"] + 15, 2), 99)
    rows = [",".join(typed_text(plain(case[name])) for name in schema.names) for case in cases]
    header = template(schema).decode().splitlines()[0]
    source = TableFile.of_bytes("april.csv", "\n".join([header, *rows]).encode())
    batch = jobs.check(store, card, source, look(source, schema), asked_by="Ada", limits=Limits())
    for start in (None, jobs.score):
        if start:
            start(store, registry, batch.id, by=PROGRAM)
        while (found := store.batches.find(batch.id)) is None or found.is_running:
            time.sleep(0.1)
    return batch.id


def answer_plan(database: Path, batch_id: str) -> str:
    """A blind plan on this batch, to whose first 90 draws three experts have answered."""
    registry, store = Registry(HOME / "model"), Store.open(database)
    card, batch = registry.card("customer-churn"), store.batches.find(batch_id, by=PROGRAM)
    if batch is None:
        raise SystemExit("The batch of April is not in the database.")
    terms = Terms(target=0.85, expected=0.93, twice=0.0, experts=EXPERTS)
    plan = plan_of_batch.freeze(store, card, batch, terms, by=PROGRAM)
    chance = random.Random(7)  # noqa: S311 - pictures, not secrets
    for draw in store.plans.draws(plan.id, by=PROGRAM)[:90]:
        made = ScoredRows(store).opened(batch, draw.row_number, card)
        said = 1 - made.value if chance.random() < 0.06 else made.value
        said = None if chance.random() < 0.02 else said
        store.add_verdict(locked(made, EXPERTS[draw.position % 3], said, blind_confidence=0.8))
    return plan.id


def draw_release(browser: Browser, url: str, name: str, plan_id: str) -> None:
    """What the owner sees of the evidence, and one of the experts of the next case."""
    pages = {
        "release-decision": ("Grace Hopper", "Release_decision", "release_state"),
        "review-queue": ("Bo Chen", "Review_queue", "queue_lock"),
    }
    for picture, (person, path, part) in pages.items():
        page = browser.new_context(**LOOKS[name], timezone_id="Europe/London").new_page()
        page.goto(f"{url}/{path}?model=customer-churn&plan={plan_id}")
        page.locator(".st-key-who_name input").fill(person)
        page.locator(".st-key-who_start button").click()
        page.locator(f".st-key-{part}").first.wait_for()
        shoot(page, f"{picture}-{name}")
        page.context.close()


def judge(database: Path) -> None:
    """Three experts on 180 cases of the churn model, who know better than it now and then."""
    registry, store = Registry(HOME / "model"), Store.open(database)
    model, reference = registry.load("customer-churn"), registry.reference("customer-churn")
    chance = random.Random(5)  # noqa: S311 - pictures, not secrets
    for at in range(180):
        day = f"2026-11-{2 + at // 10:02d}T{9 + at % 8:02d}:12:00.000Z"
        case = reference.plausible(model.card.case_schema, at)
        made = model.predict_one(case, asked_by="Dr Ada Lovelace", source="form", id=new_id())
        made = replace(made, created_at=day)
        store.add_prediction(made)
        for expert in EXPERTS[at % 3 : at % 3 + 2]:
            wrong = chance.random() < (0.4 if (made.confidence or 1) < 0.75 else 0.06)
            said = "disagree" if wrong else "unsure" if chance.random() < 0.03 else "agree"
            more = {"correct_value": 1 - made.value, "comment": "Called twice about the bill."}
            more |= {"severity": chance.choice(["serious", "minor"])}
            given = Verdict(made.id, expert, said, created_at=day, **(more if wrong else {}))  # type: ignore[arg-type]
            store.add_verdict(given)


def draw_review(browser: Browser, url: str, name: str) -> None:
    """What reviewers see of many verdicts."""
    page = browser.new_context(**LOOKS[name], timezone_id="Europe/London").new_page()
    page.goto(url)
    page.locator(".st-key-who_name input").fill("Grace Hopper")
    page.locator(".st-key-who_start button").click()
    page.locator(".st-key-home_progress").wait_for()
    # The browser remembers the name once the page has told it to.
    page.wait_for_timeout(1500)
    for section in ("verdicts", "figures", "fails", "experts", "conflicts"):
        page.goto(f"{url}/Feedback_review?model=customer-churn&section={section}")
        page.locator(".st-key-review_section").wait_for()
        if section == "fails":
            page.locator(".st-key-review_fails button").click()
            page.locator(".st-key-review_spot_0").wait_for()
        if section == "verdicts":
            shoot(page, f"feedback-review-{name}")
        else:
            shoot(page, f"{section}-{name}", "review_section")
    page.context.close()


def march() -> bytes:
    """Plausible cases of the churn model as a CSV, two of them with an age that is none."""
    registry = Registry(HOME / "model")
    schema = registry.card("customer-churn").case_schema
    reference = registry.reference("customer-churn")
    rows = [template(schema).decode().splitlines()[0]]
    for seed in range(240):
        case = reference.plausible(schema, seed) | ({"age": "n/a"} if seed in (15, 90) else {})
        rows.append(",".join(typed_text(plain(case[name])) for name in schema.names))
    return "\n".join(rows).encode()


def shoot(page: Page, name: str, top: str = "") -> None:
    """One picture, of the page's first screen, or of the one that begins with the part ``top``."""
    page.wait_for_timeout(1200)
    page.mouse.move(640, 500)
    page.mouse.wheel(0, -5000)
    if top:
        # Below the bar at the top, and with nothing under the mouse.
        below = "part => { part.style.scrollMarginTop = '70px'; part.scrollIntoView() }"
        page.locator(f".st-key-{top}").evaluate(below)
        page.mouse.move(1270, 990)
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / f"{name}.png")


def main() -> None:
    """Draw every look."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    installed = next(filter(None, map(which, ("chromium", "google-chrome"))), None)
    with sync_playwright() as playwright, app() as (url, database):
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or installed,
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        for name in LOOKS:
            draw(browser, url, name)
        judge(database)
        plan_id = answer_plan(database, april(database))
        people(Store.open(database))
        for name in LOOKS:
            draw_review(browser, url, name)
            draw_distributions(browser, url, name)
            draw_people(browser, url, name)
            draw_release(browser, url, name, plan_id)


if __name__ == "__main__":
    main()
