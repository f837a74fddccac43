"""The feedback database as another program reads it, and its summaries counted anew."""

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing

from second_opinion.records.value import same_value
from second_opinion.records.verdict import right_answer


def select(path, query, *parameters):
    """Rows as another program reads them from the file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query, parameters).fetchall()


def ids_in(path, table="verdicts"):
    return {found for (found,) in select(path, f"SELECT id FROM {table}")}


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
    final = {row["prediction_id"]: row["answer"] for row in _written(path, "adjudications")}
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


def _row(verdict, prediction, triage, final):
    value = json.loads(prediction["value"] or "null")
    decided = final.get(prediction["id"])
    own = right_answer(verdict["judgement"], value, json.loads(verdict["correct_value"] or "null"))
    outcome = {"agree": "right", "disagree": "wrong", "unsure": "unsure"}[verdict["judgement"]]
    if decided is not None:
        outcome = "right" if same_value(json.loads(decided), value) else "wrong"
    about = ("model", "version", "source", "batch_id", "confidence", "probabilities")
    return {
        **verdict,
        **{name: prediction[name] for name in about},
        "day": verdict["created_at"][:10],
        "value": value,
        "is_class": prediction["probabilities"] is not None
        or not (value is None or type(value) is float),
        "said": own,
        "answer": own if decided is None else json.loads(decided),
        "corrected": verdict["correct_value"] is not None,
        "adjudicated": decided is not None,
        "outcome": outcome,
        "triage": triage.get(verdict["id"], "open" if verdict["judgement"] == "disagree" else None),
    }


def shared_cases(rows):
    """The rows of each prediction that several experts judged."""
    by_case = defaultdict(list)
    for row in rows:
        by_case[row["prediction_id"]].append(row)
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
        conflict, decided = contradict(each), each[0]["adjudicated"]
        answers = sorted(repr((row["expert"], row["judgement"], row["said"])) for row in each)
        last = max(row["created_at"] for row in each)
        counts["cases"][id, conflict, decided, last, *answers] += 1
        about = each[0]["model"], each[0]["version"]
        counts["shared"][about] += 1
        counts["repeated"][about] += len(each) - 1
        counts["conflicts"][about] += conflict
        counts["undecided"][about] += conflict and not decided
    return {name: +found for name, found in counts.items() if +found}


def class_text(row, name):
    """A class as the summaries have it: JSON, or nothing where it is none."""
    return json.dumps(row[name]) if row["is_class"] and row[name] is not None else ""


def contradict(verdicts):
    """Whether any two of these verdicts cannot both be right."""
    judgements = {v["judgement"] for v in verdicts}
    wrong = [v for v in verdicts if v["judgement"] == "disagree"]
    corrects = [json.loads(v["correct_value"]) for v in wrong if v["correct_value"]]
    named = any(not same_value(a, b) for a in corrects for b in corrects)
    directions = {v["direction"] for v in wrong if not v["correct_value"]} - {None}
    return {"agree", "disagree"} <= judgements or named or len(directions) > 1


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
    cases = Counter()
    for id, conflict, adjudicated, last, answers in select(
        path, "SELECT prediction_id, conflict, adjudicated, last_at, answers FROM review_cases"
    ):
        listed = sorted(repr(tuple(answer)) for answer in json.loads(answers))
        cases[id, conflict, adjudicated, last, *listed] += 1
    found["cases"] = cases
    for name in ("predictions", "shared", "repeated", "conflicts", "undecided"):
        totals = select(path, f"SELECT model, version, {name} FROM review_totals")
        found[name] = +Counter({(model, version): n for model, version, n in totals})
    assert all(n >= 0 for n in found["groups"].values())
    return {name: counted for name, counted in found.items() if counted}
