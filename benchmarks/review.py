"""Feedback review over a million verdicts: the CPU of each query of the page against its goal.

    python benchmarks/review.py [--verdicts 1000000] [--folder FOLDER]

Builds the database (kept in the folder for the next run), checks its summaries against the full
count, runs each query on connections of its own, warm, and takes the best CPU of five; then what
adding a verdict costs there and in an empty database, the median of five paired runs; then the
memory of exports, each in a process of its own, from this database and from one of a tenth.
RESULTS.md gets the figures.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from measure import keep, measured, side, table, versions
from sqlite_utils.db import Database

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from second_opinion.access import roles
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import clustered_groups, exports, totals
from second_opinion.review.model_status import status_of
from second_opinion.store import Store
from second_opinion.store.migrations import migrations

GOAL_MS, GOAL_LATEST_MS, GOAL_RATIO = 200.0, 5.0, 1.2
RUNS, COUNT = 5, 1000
COMMENT = "dose17 scan321 old4 looks odd to me here"
Begin = Callable[[Store], list[Verdict]]
WORDS = [f"{a}{b}" for a in ("patient", "dose", "scan", "lab", "age", "old") for b in range(500)]
CITIES = ("Bergen", "Oslo", "Tromsø")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=1_000_000)
    parser.add_argument("--adding", action="store_true", help="only the cost of adding")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--export", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.export:
        print(json.dumps(exported(*asked.export)))
        return
    path = made_once(asked.folder, asked.verdicts)
    store = Store.open(path)
    parts = [f"{versions()}; {asked.verdicts:,} verdicts."]
    if not asked.adding:
        verify(path)
        parts.append(show_queries(store))
    store.close()
    # What is added here must not be there in the next run.
    spare = asked.folder / "review-spare.db"
    shutil.copyfile(path, spare)
    with closing(Store.open(spare)) as store:
        parts.append(show_adding(store, asked.folder))
    spare.unlink()
    if not asked.adding:
        parts.append(show_exports(asked.folder, asked.verdicts))
    print("\n\n".join(parts))
    if not asked.adding:
        keep("Feedback review", "\n\n".join(parts))


def made_once(folder: Path, verdicts: int) -> Path:
    path = folder / f"review-{verdicts}.db"
    if not path.exists():
        build(path, verdicts)
    return path


def build(path: Path, verdicts: int) -> None:
    """Write the rows as they were before the summaries, then let the migration fill those."""
    started = time.process_time()
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        migrations.apply(Database(connection, execute_plugins=False), stop_before="m005_review")
        connection.execute("BEGIN")
        rng = random.Random(7)  # noqa: S311
        cases = list(predictions(rng, verdicts * 19 // 20))
        connection.executemany(
            "INSERT INTO predictions (id, batch_id, row_number, model, version, model_sha256,"
            " card_sha256, inputs, value, confidence, probabilities, flags, source, asked_by,"
            " latency_ms, created_at)"
            " VALUES (?, ?, ?, ?, ?, 'm', 'c', ?, ?, ?, ?, '[]', ?, 'Ada', 9.5, ?)",
            cases,
        )
        connection.executemany(
            "INSERT INTO verdicts (id, prediction_id, expert, identity_source, judgement,"
            " correct_value, direction, severity, comment, mode, seconds, created_at)"
            " VALUES (?, ?, ?, 'code', ?, ?, ?, ?, ?, ?, 8.0, ?)",
            given(rng, cases, verdicts),
        )
        connection.execute("COMMIT")
    say(f"{verdicts:,} rows written: {time.process_time() - started:.0f} s CPU")
    started = time.process_time()
    Store.open(draft).close()
    say(f"summaries filled in by the migration: {time.process_time() - started:.0f} s CPU")
    draft.rename(path)


def predictions(rng: random.Random, count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        churn = number % 10 < 9
        confidence = round(0.5 + 0.5 * rng.random(), 6) if churn else None
        batch = f"batch{rng.randrange(200)}" if rng.random() < 0.6 else None
        yield (
            f"{rng.getrandbits(128):032x}",
            batch,
            None if batch is None else number,
            "churn" if churn else "dose",
            str(1 + number * 3 // count),
            inputs(rng),
            str(rng.randrange(3)) if churn else repr(round(rng.gauss(100, 15), 3)),
            confidence,
            "[0.2,0.8]" if churn else None,
            "batch" if batch else rng.choice(["form", "api"]),
            moment(number, count),
        )


def inputs(rng: random.Random) -> str:
    """A case of its own: predictions of equal inputs are one case, and would be few huge ones."""
    case = {
        **{"age": rng.randrange(18, 90), "income": round(rng.gauss(51_000, 9_000), 1)},
        **{"tenure_months": rng.randrange(240), "city": rng.choice(CITIES)},
        **{"smoker": rng.random() < 0.2, "bmi": round(rng.gauss(27, 4), 1)},
    }
    return json.dumps(case, separators=(",", ":"))


def given(rng: random.Random, cases: list[tuple[Any, ...]], verdicts: int) -> Iterator[Any]:
    """One verdict on each case, and a second expert's on every nineteenth."""
    for number in range(verdicts):
        case = cases[min(number * 19 // 20, len(cases) - 1)]
        judgement = rng.choices(["agree", "disagree", "unsure"], [80, 15, 5])[0]
        wrong = judgement == "disagree"
        correct = wrong and rng.random() < 0.8
        answer = str((int(case[6]) + 1) % 3) if case[3] == "churn" else "99.5"
        yield (
            f"{rng.getrandbits(128):032x}",
            case[0],
            f"Expert {number % 25}",
            judgement,
            answer if correct else None,
            "too_low" if wrong and not correct else None,
            rng.choice(["minor", "minor", "serious"]) if wrong else None,
            " ".join(rng.choices(WORDS, k=12)) + " odd" if rng.random() < 0.3 else "",
            "blind" if number % 4 == 0 else "open",
            moment(number, verdicts),
        )


def moment(number: int, count: int) -> str:
    day = number * 500 // count
    return f"{2025 + day // 336}-{1 + day % 336 // 28:02d}-{1 + day % 28:02d}T10:00:00.000Z"


def verify(path: Path) -> None:
    """Compare the summaries with the full count."""
    with closing(sqlite3.connect(path)) as connection:
        for counted, kept in (
            (
                "SELECT judgement, count(*) FROM current_verdicts GROUP BY 1 ORDER BY 1",
                "SELECT judgement, sum(verdicts) FROM review_groups GROUP BY 1 ORDER BY 1",
            ),
            (
                "SELECT substr(created_at, 1, 10), count(*) FROM current_verdicts GROUP BY 1",
                "SELECT day, sum(verdicts) FROM review_days WHERE verdicts GROUP BY 1",
            ),
            (
                "SELECT count(*) FROM (SELECT 1 FROM current_verdicts GROUP BY prediction_id"
                " HAVING count(*) > 1)",
                "SELECT sum(shared) FROM review_totals",
            ),
        ):
            if connection.execute(counted).fetchall() != connection.execute(kept).fetchall():
                sys.exit(f"The summaries are wrong: {kept}")
    say("the summaries equal the full count")


def queries(store: Store) -> dict[str, Callable[[], Any]]:
    page, review = store.review(by=roles.PROGRAM).page, store.review(by=roles.PROGRAM)
    shared = review.shared_cases(most=1)[0].prediction_id
    return {
        "latest 50": lambda: page(VerdictFilter()),
        "latest 50 of one version": lambda: page(VerdictFilter(model="churn", version="1")),
        "page 200": lambda: page(VerdictFilter(), number=200),
        "least sure": lambda: page(VerdictFilter(), sort="least_sure"),
        "serious first": lambda: page(VerdictFilter(), sort="serious"),
        "serious first, disagreements": lambda: page(
            VerdictFilter(judgement="disagree"), sort="serious"
        ),
        "one expert": lambda: page(VerdictFilter(expert="expert 7")),
        "one expert, least sure": lambda: page(VerdictFilter(expert="expert 7"), sort="least_sure"),
        "class, corrected, most sure": lambda: page(
            VerdictFilter(value=2, corrected=True), sort="most_sure"
        ),
        "confidence band": lambda: page(VerdictFilter(at_least=0.5, below=0.6)),
        "dates, most sure": lambda: page(
            VerdictFilter(since="2025-02-01", until="2026-02-01"), sort="most_sure"
        ),
        "batch": lambda: page(VerdictFilter(batch="batch17"), sort="least_sure"),
        "batch that is not there": lambda: page(VerdictFilter(batch="none")),
        "everything at once": lambda: page(
            VerdictFilter(
                model="churn", judgement="disagree", mode="blind", source="batch", below=0.7
            ),
            sort="serious",
        ),
        "rare and old": lambda: page(
            VerdictFilter(until="2025-01-01", judgement="unsure", below=0.51)
        ),
        "page 200, least sure": lambda: page(VerdictFilter(), sort="least_sure", number=200),
        "search, rare word": lambda: page(VerdictFilter(words="scan321")),
        "search, two words": lambda: page(VerdictFilter(words="scan321 dose")),
        "search, in every comment": lambda: page(VerdictFilter(words="odd")),
        "search, common, rare filter": lambda: page(
            VerdictFilter(words="odd", expert="expert 3", judgement="unsure", at_least=0.99)
        ),
        "search, common, least sure": lambda: page(VerdictFilter(words="old"), sort="least_sure"),
        "search, three letters": lambda: page(VerdictFilter(words="pat")),
        "by day": lambda: review.by_day("churn"),
        "by version": lambda: review.by_version(),
        "by class": lambda: review.by_class("churn"),
        "by expert": lambda: review.by_expert(),
        "by confidence": lambda: review.by_confidence("churn", "2"),
        "by mode": lambda: review.by_mode(),
        "by triage": lambda: review.by_triage(),
        "confusion": lambda: review.confusion("churn"),
        "numbers of a regression": lambda: review.numbers("dose"),
        "shared counts": lambda: review.shared_counts("churn"),
        "10,000 shared cases": lambda: review.shared_cases("churn"),
        "conflicts": lambda: review.conflicts("churn", "1"),
        "one shared case": lambda: review.shared_case(shared),
        "progress": lambda: store.review(by=roles.PROGRAM).progress("churn"),
        "progress of a version": lambda: store.review(by=roles.PROGRAM).progress("churn", "1"),
        "the page's figures": lambda: totals.figures(review, VerdictFilter(model="churn")),
        "the page's figures, narrowed": lambda: totals.figures(
            review, VerdictFilter(model="churn", expert="expert 7")
        ),
        "the page's figures, by words": lambda: totals.figures(
            review, VerdictFilter(model="churn", words="odd")
        ),
        "the page's figures, of most": lambda: totals.figures(
            review, VerdictFilter(model="churn", judgement="agree")
        ),
        "intervals of groups, by case": lambda: clustered_groups.clustered(
            review, VerdictFilter(model="dose"), totals.figures(review, VerdictFilter(model="dose"))
        ),
        "status of a model": lambda: status_of(review, "churn"),
        "conflicts, as the page lists": lambda: review.conflicts("churn", size=50),
        "shared cases as ratings": lambda: totals.ratings(
            totals.shared(review, VerdictFilter(model="churn"))
        ),
        "cases to search for weak spots": lambda: totals.cases(
            review, VerdictFilter(model="churn")
        ),
    }


def show_queries(store: Store) -> str:
    """Each query with its goal, as Markdown."""
    import pandas as pd  # noqa: F401 - its import is not part of a query

    lines = []
    for name, query in queries(store).items():
        goal = GOAL_LATEST_MS if name == "latest 50" else GOAL_MS
        spent = min(cpu(query) for _ in range(5)) * 1000
        lines.append(
            [name, f"{spent:.1f} ms", f"≤ {goal:.0f} ms{'' if spent <= goal else ', MISSED'}"]
        )
        say(" · ".join(lines[-1]))
    return table(["query", "CPU", "goal"], lines)


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def cpu(act: Callable[[], Any]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def show_adding(store: Store, folder: Path) -> str:
    """Adding in turn to both databases, as Markdown: the median of five paired runs."""
    # The index of words was written at once, and is put in order by the first few thousand.
    for _ in range(2 * RUNS):
        adding(store, fresh(COMMENT)(store))
    lines = []
    for name, (begin, goal) in ADDED.items():
        runs = [paired(store, folder / f"empty-{run}.db", begin) for run in range(RUNS)]
        here, empty = (statistics.median(run[at] for run in runs) * 1e6 for at in (1, 0))
        ratio = statistics.median(run[1] / run[0] for run in runs)
        met = "" if goal is None else f"≤ {goal}{'' if ratio <= goal else ', MISSED'}"
        lines.append([name, f"{empty:.0f} µs", f"{here:.0f} µs", f"{ratio:.2f}", met])
        say(" · ".join(lines[-1]))
    return table(["a verdict", "empty", "here", "here / empty", "goal"], lines)


def paired(store: Store, path: Path, begin: Begin) -> tuple[float, float]:
    """CPU seconds of one verdict in an empty database, then in this one."""
    path.unlink(missing_ok=True)
    with closing(Store.open(path)) as empty:
        spent = adding(empty, begin(empty)), adding(store, begin(store))
    path.unlink()
    return spent


def adding(store: Store, given: list[Verdict]) -> float:
    started = time.process_time()
    for verdict in given:
        store.add_verdict(verdict)
    return (time.process_time() - started) / len(given)


def fresh(comment: str) -> Begin:
    """Verdicts on cases that were just predicted."""

    def begin(store: Store) -> list[Verdict]:
        cases = made()
        store.add_predictions(cases)
        return [Verdict(case.id, "Expert 3", "agree", comment=comment) for case in cases]

    return begin


def scattered(store: Store) -> list[Verdict]:
    """Verdicts on cases from all over the database that somebody judged before."""
    if not store.review(by=roles.PROGRAM).progress("churn").verdicts:
        cases = made()
        store.add_predictions(cases)
        adding(store, [Verdict(case.id, "Expert 3", "agree") for case in cases])
    with closing(sqlite3.connect(store.path)) as connection:
        ids = connection.execute(
            "SELECT prediction_id FROM verdicts ORDER BY random() LIMIT ?", (COUNT,)
        ).fetchall()
    name = f"Expert {new_id()}"
    return [Verdict(case, name, "agree") for case in {case for (case,) in ids}]


def show_exports(folder: Path, verdicts: int) -> str:
    """The memory of exports as Markdown: it must not grow with the rows."""
    lines = []
    for what in ("verdicts", "corrections"):
        for count in (verdicts // 10, verdicts):
            cost = side(__file__, "--export", made_once(folder, count), what)
            line = [what, f"{cost['rows']:,.0f}", f"{cost['cpu']:.0f} s", f"{cost['peak']:+.0f} MB"]
            lines.append(line)
            say(" · ".join(line))
    return table(["export to CSV", "rows", "CPU", "peak above start"], lines)


def exported(path: str, what: exports.What) -> dict[str, float]:
    """One export of the model churn into a file that is thrown away."""
    import pandas as pd  # noqa: F401 - its import is not part of the export

    store, by = Store.open(path), Expert("Olga", role="owner")
    rows = []

    def work() -> None:
        with tempfile.TemporaryFile() as out:
            done = exports.export(
                store, out, what, verdict_filter=VerdictFilter(model="churn"), by=by
            )
            rows.append(done.rows)

    return {**measured(work), "rows": rows[0]}


def made() -> list[Prediction]:
    return [
        Prediction(
            *("churn", "3", "m", "c", {"age": 4, "case": new_id()}, 1),
            *(0.83, (0.2, 0.8), (), "form", "Ada", 9.5),
        )
        for _ in range(COUNT)
    ]


ADDED: dict[str, tuple[Begin, float | None]] = {
    "on a case just predicted": (fresh(""), GOAL_RATIO),
    "the same with a comment": (fresh(COMMENT), GOAL_RATIO),
    "a further one on a case of long ago": (scattered, None),
}


if __name__ == "__main__":
    main()
