"""The feedback database as another program reads it, and its summaries counted anew."""

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing

from second_opinion.records import said, same_value


def select(path, query, *parameters):
    """Rows as another program reads them from the file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query, parameters).fetchall()


def ids_in(path, table="verdicts"):
    return {found for (found,) in select(path, f"SELECT id FROM {table}")}


def assert_intact(path):
    assert select(path, "PRAGMA integrity_check") == [("ok",)]
    assert select(path, "PRAGMA foreign_key_check") == []


def full_count(path):
    """Every summary, counted in Python from the rows that people wrote."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        predictions = {r["id"]: dict(r) for r in connection.execute("SELECT * FROM predictions")}
        verdicts = list(map(dict, connection.execute("SELECT * FROM verdicts ORDER BY rowid")))
        triage = {
            r["verdict_id"]: r["state"]
            for r in connection.execute("SELECT * FROM triage ORDER BY rowid")
        }
        final = {
            r["prediction_id"]: r["answer"]
            for r in connection.execute("SELECT * FROM adjudications ORDER BY rowid")
        }
    replaced = {v["supersedes"] for v in verdicts}
    counts = defaultdict(Counter)
    by_case = defaultdict(list)
    for p in predictions.values():
        counts["predictions"][p["model"], p["version"]] += 1
    for v in verdicts:
        if v["id"] in replaced or v["judgement"] == "withdrawn":
            continue
        p = predictions[v["prediction_id"]]
        value = json.loads(p["value"] or "null")
        is_class = p["probabilities"] is not None or not (value is None or type(value) is float)
        decided = final.get(p["id"])
        correct = json.loads(v["correct_value"] or "null")
        own = said(v["judgement"], value, correct)
        outcome = {"agree": "right", "disagree": "wrong", "unsure": "unsure"}[v["judgement"]]
        if decided is not None:
            outcome = "right" if same_value(json.loads(decided), value) else "wrong"
        answer = decided if decided is not None else None if own is None else json.dumps(own)
        about = p["model"], p["version"]
        counts["groups"][
            *about,
            p["source"],
            v["expert"],
            v["judgement"],
            v["severity"] or "",
            v["mode"],
            p["value"] if is_class else "",
            (answer or "") if is_class else "",
            v["correct_value"] is not None,
            decided is not None,
            outcome,
            triage.get(v["id"], "open" if v["judgement"] == "disagree" else ""),
        ] += 1
        day = v["created_at"][:10]
        counts["days"][*about, day, v["judgement"], outcome] += 1
        if p["confidence"] is not None:
            percent = round(p["confidence"] * 100)  # the tests use whole percents
            counts["confidence"][*about, percent, v["judgement"], outcome] += 1
        counts["rows"][v["id"], p["batch_id"], day, p["confidence"]] += 1
        by_case[p["id"]].append((v["expert"], v["judgement"], own, v))
    for id, given_verdicts in by_case.items():
        if len(given_verdicts) > 1:
            p = predictions[id]
            conflict = contradict([v for *_, v in given_verdicts])
            answers = sorted(repr((e, j, own)) for e, j, own, _ in given_verdicts)
            last = max(v["created_at"] for *_, v in given_verdicts)
            counts["cases"][id, conflict, id in final, last, *answers] += 1
            about = p["model"], p["version"]
            counts["shared"][about] += 1
            counts["repeated"][about] += len(given_verdicts) - 1
            counts["conflicts"][about] += conflict
            counts["undecided"][about] += conflict and id not in final
    return {name: +found for name, found in counts.items() if +found}


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
