"""The feedback database as another program reads it, and its summaries counted anew."""

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing

from second_opinion.records.value import same_value


def select(path, query, *parameters):
    """Rows as another program reads them from the file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query, parameters).fetchall()


def ids_in(path, table="verdicts"):
    return {found for (found,) in select(path, f"SELECT id FROM {table}")}


def copy_rows(connection, table, source="theirs"):
    """Put the rows of a table of an attached database into one that has perhaps fewer columns."""
    names = [name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})")]
    columns = ", ".join(names)
    rows = f"SELECT {columns} FROM {source}.{table} ORDER BY rowid"
    connection.execute(f"INSERT INTO {table} ({columns}) {rows}")


def assert_intact(path):
    assert select(path, "PRAGMA integrity_check") == [("ok",)]
    assert select(path, "PRAGMA foreign_key_check") == []


def current_rows(path):
    """Every verdict that counts, oldest first, with what it is about and what came of it.

    Worked out in Python from the rows that people wrote: no view or summary is read.
    """
    predictions = {row["id"]: row for row in _written(path, "predictions")}
    verdicts = _written(path, "verdicts")
    triage = {row["verdict_id"]: row["state"] for row in _written(path, "triage")}
    final = {
        case_of(predictions[row["prediction_id"]]): row["answer"]
        for row in _written(path, "adjudications")
    }
    replaced = {row["supersedes"] for row in verdicts}
    return [
        _row(row, predictions[row["prediction_id"]], triage, final)
        for row in verdicts
        if row["id"] not in replaced and row["judgement"] != "withdrawn"
    ]


def _written(path, table):
    """The rows of a table as they were stored, one after the other."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return list(map(dict, connection.execute(f"SELECT * FROM {table} ORDER BY rowid")))


def case_of(prediction):
    """What tells a case from all others: a model file, inputs, and what it answers."""
    value = json.loads(prediction["value"] or "null")
    return (
        *(prediction["model"], prediction["version"], prediction["model_sha256"]),
        json.dumps(json.loads(prediction["inputs"]), sort_keys=True),
        *(isinstance(value, bool), isinstance(value, str), value, _is_number(prediction, value)),
    )


def _is_number(prediction, value):
    return prediction["probabilities"] is None and type(value) is float


def _half_a_place(value):
    """Half a unit of the last of three digits, or of the ones."""
    shown = f"{abs(value):.2e}"
    return 0.5 if abs(value) >= 100 else 0.5 * 10.0 ** (int(shown.split("e")[1]) - 2)


def _row(verdict, prediction, triage, final):
    value = json.loads(prediction["value"] or "null")
    tolerance = _half_a_place(value) if _is_number(prediction, value) else None
    decided = final.get(case_of(prediction))
    judgement, correct = verdict["judgement"], json.loads(verdict["correct_value"] or "null")
    own = {"agree": value, "disagree": correct}.get(judgement)
    outcome = {"agree": "right", "disagree": "wrong", "unsure": "unsure"}[judgement]
    if judgement == "disagree" and correct is not None and same(correct, value, tolerance):
        outcome = "right"
    own_outcome = outcome
    if decided is not None:
        outcome = "right" if same(json.loads(decided), value, tolerance) else "wrong"
    about = ("model", "version", "source", "batch_id", "confidence", "probabilities")
    return {
        **verdict,
        **{name: prediction[name] for name in about},
        "case": case_of(prediction),
        "tolerance": tolerance,
        "day": verdict["created_at"][:10],
        "value": value,
        "is_class": tolerance is None and value is not None,
        "said": own,
        "own_outcome": own_outcome,
        "answer": own if decided is None else json.loads(decided),
        "corrected": verdict["correct_value"] is not None,
        "adjudicated": decided is not None,
        "outcome": outcome,
        "triage": triage.get(verdict["id"], "open" if judgement == "disagree" else None),
    }


def same(left, right, tolerance):
    """Whether two answers are one."""
    number = (int, float)
    if tolerance is None or type(left) not in number or type(right) not in number:
        return same_value(left, right)
    return abs(left - right) <= tolerance + 1e-9


def shared_cases(rows, what="prediction_id"):
    """The rows of each prediction, or case, with more than one verdict."""
    by_case = defaultdict(list)
    for row in rows:
        by_case[row[what]].append(row)
    return {id: each for id, each in by_case.items() if len(each) > 1}


def full_count(path):
    """Every summary, counted in Python from the rows that people wrote."""
    counts = defaultdict(Counter)
    for row in _written(path, "predictions"):
        counts["predictions"][row["model"], row["version"]] += 1
    rows = current_rows(path)
    for row in rows:
        about = row["model"], row["version"]
        came_of_it = row["judgement"], row["outcome"]
        counts["groups"][
            *about,
            row["source"],
            row["expert"],
            row["judgement"],
            row["severity"] or "",
            row["mode"],
            class_text(row, "value"),
            class_text(row, "answer"),
            row["corrected"],
            row["adjudicated"],
            row["outcome"],
            row["triage"] or "",
        ] += 1
        counts["days"][*about, row["day"], *came_of_it] += 1
        if row["confidence"] is not None:
            percent = round(row["confidence"] * 100)  # the tests use whole percents
            counts["confidence"][*about, percent, *came_of_it] += 1
        counts["rows"][row["id"], row["batch_id"], row["day"], row["confidence"]] += 1
    for id, each in shared_cases(rows).items():
        answers = sorted(
            repr((row["expert"], row["own_outcome"], row["said"], row["direction"])) for row in each
        )
        counts["predictions judged twice"][
            id, max(row["created_at"] for row in each), *answers
        ] += 1
        about = each[0]["model"], each[0]["version"]
        counts["shared"][about] += 1
        counts["repeated"][about] += len(each) - 1
    for each in shared_cases(rows, "case").values():
        conflict, decided = contradict(each), each[0]["adjudicated"]
        about = each[0]["model"], each[0]["version"]
        outcomes = Counter(row["outcome"] for row in each)
        key = (len(each), outcomes["right"], outcomes["wrong"], conflict, decided)
        counts["cases"][*about, *key] += 1
        counts["conflicts"][about] += conflict
        counts["undecided"][about] += conflict and not decided
    return {name: +found for name, found in counts.items() if +found}


def class_text(row, name):
    """A class as the summaries have it: JSON, or nothing where it is none."""
    return json.dumps(row[name]) if row["is_class"] and row[name] is not None else ""


def contradict(verdicts):
    """Whether any two of these verdicts cannot both be right."""
    sure = [v for v in verdicts if v["own_outcome"] != "unsure"]
    return any(_cannot_both(a, b) for a in sure for b in sure)


def _cannot_both(one, other):
    if one["said"] is not None and other["said"] is not None:
        return not same(one["said"], other["said"], one["tolerance"])
    if one["own_outcome"] != other["own_outcome"]:
        return True
    directions = {v["direction"] for v in (one, other) if v["said"] is None}
    both = one["said"] is None and other["said"] is None
    return both and len(directions - {None}) > 1


def kept(path):
    """The same, as the summaries have it."""
    found = {
        "groups": Counter(
            {
                row[1:-2]: row[-2]
                for row in select(path, "SELECT * FROM review_groups WHERE verdicts <> 0")
            }
        ),
        "days": Counter(
            {r[:-1]: r[-1] for r in select(path, "SELECT * FROM review_days WHERE verdicts <> 0")}
        ),
        "confidence": Counter(
            {
                r[:-1]: r[-1]
                for r in select(path, "SELECT * FROM review_confidence WHERE verdicts <> 0")
            }
        ),
        "rows": Counter(
            select(
                path,
                "SELECT verdict_id, batch_id, day, confidence FROM review JOIN verdict_order "
                "USING (number) LEFT JOIN review_batches ON review_batches.number = batch",
            )
        ),
    }
    twice = Counter()
    for id, last, answers in select(
        path, "SELECT prediction_id, last_at, answers FROM review_shared"
    ):
        listed = sorted(repr(tuple(answer)) for answer in json.loads(answers))
        twice[id, last, *listed] += 1
    found["predictions judged twice"] = twice
    found["cases"] = Counter(
        select(
            path,
            "SELECT model, version, verdicts, right, wrong, conflict, adjudicated"
            " FROM review_cases",
        )
    )
    for name in ("predictions", "shared", "repeated", "conflicts", "undecided"):
        totals = select(path, f"SELECT model, version, {name} FROM review_totals")
        found[name] = +Counter({(model, version): n for model, version, n in totals})
    assert all(n >= 0 for n in found["groups"].values())
    return {name: counted for name, counted in found.items() if counted}
