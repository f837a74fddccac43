"""POST and GET /api/verdicts: stored once, never changed, fetched in the order of storing."""

import json

import pytest
from calls import bearer

from second_opinion import Store
from second_opinion.records.verdict import Verdict


@pytest.fixture
def predicted(api, registry):
    """Predicts the typical case of a model; gives the answer."""

    def predict(name="risk", headers=None):
        body = {"model": name, "cases": [registry.card(name).case_schema.typical]}
        return api("/api/predict", body, headers=headers).body["predictions"][0]

    return predict


def verdict(answer, judgement="agree", **more):
    return {"prediction_id": answer["id"], "expert": "Ada", "judgement": judgement} | more


def rows(place):
    return Store.open(place / "feedback.db").reviewed()


def test_a_verdict_is_stored_before_it_is_answered(api, place, predicted):
    answer = predicted()
    reply = api("/api/verdicts", verdict(answer, "unsure", comment=" why? "))
    assert reply.status == 200
    (row,) = rows(place).to_dict("records")
    assert row["verdict_id"] == reply.body["id"]
    assert (row["expert"], row["judgement"], row["comment"]) == ("Ada", "unsure", "why?")
    assert row["identity_source"] == reply.body["identity_source"] == "declared"


def test_a_verdict_that_is_sent_again_under_its_id_is_stored_once(api, place, predicted):
    said = verdict(predicted("triage"), "disagree", correct_value="home", severity="minor", id="7")
    first, second = api("/api/verdicts", said), api("/api/verdicts", said)
    assert (first.status, first.body) == (second.status, second.body)
    assert first.body["id"] == "7"
    assert len(rows(place)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"judgement": "agree"},
        {"expert": "Grace"},
        {"comment": "another"},
        {"judgement": "disagree", "comment": "because"},
    ],
)
def test_another_verdict_under_an_id_that_is_there_is_a_conflict(api, place, predicted, other):
    said = verdict(predicted(), "unsure", id="7")
    api("/api/verdicts", said)
    reply = api("/api/verdicts", said | other)
    assert (reply.status, reply.headers["content-type"]) == (409, "application/problem+json")
    assert rows(place)["judgement"].tolist() == ["unsure"]


def test_a_later_verdict_of_the_same_expert_replaces_the_one_before(api, place, predicted):
    answer = predicted()
    first = api("/api/verdicts", verdict(answer)).body
    second = api("/api/verdicts", verdict(answer, "unsure")).body
    assert second["supersedes"] == first["id"]
    assert rows(place)["judgement"].tolist() == ["unsure"]
    assert api("/api/verdicts", verdict(answer, "withdrawn")).status == 200
    assert rows(place).empty


def test_a_token_replaces_its_own_verdict(api, place, predicted, monkeypatch):
    monkeypatch.setenv("API_TOKENS", "scanner:secret")
    token = bearer("secret")
    answer = predicted(headers=token)
    for judgement in ("agree", "unsure"):
        assert api("/api/verdicts", verdict(answer, judgement), headers=token).status == 200
    assert rows(place)["judgement"].tolist() == ["unsure"]


@pytest.mark.parametrize(
    ("model", "said", "field"),
    [
        ("triage", {"judgement": "perhaps"}, "judgement"),
        ("triage", {"judgement": "agree", "correct_value": "home"}, "correct_value"),
        ("triage", {"judgement": "disagree", "correct_value": "Home"}, "correct_value"),
        ("triage", {"judgement": "disagree", "correct_value": 1}, "correct_value"),
        ("triage", {"judgement": "disagree", "direction": "too_low"}, "direction"),
        ("triage", {"judgement": "unsure", "severity": "minor"}, "severity"),
        ("triage", {"judgement": "disagree", "severity": "awful"}, "severity"),
        ("dose", {"judgement": "disagree", "correct_value": "much"}, "correct_value"),
        ("dose", {"judgement": "disagree", "correct_value": True}, "correct_value"),
        (
            "dose",
            {"judgement": "disagree", "correct_value": 1e9, "direction": "too_high"},
            "direct",
        ),
        ("risk", {"judgement": "agree", "expert": ""}, "expert"),
        ("risk", {"judgement": "agree", "expert": "<b>"}, "expert"),
        ("risk", {"judgement": "agree", "id": "a b"}, "id"),
        ("risk", {"judgement": "agree", "id": ""}, "id"),
        ("risk", {"judgement": "agree", "comment": "x" * 4001}, "comment"),
        ("risk", {"judgement": "agree", "comment": 3}, "comment"),
        ("risk", {"judgement": "agree", "mode": "blind"}, "mode"),
        ("risk", {"judgement": None}, "judgement"),
    ],
)
def test_a_verdict_that_says_what_cannot_be_is_refused_by_field(
    api, place, predicted, model, said, field
):
    reply = api("/api/verdicts", verdict(predicted(model)) | said)
    assert (reply.status, reply.headers["content-type"]) == (422, "application/problem+json")
    assert reply.body["errors"][0]["field"].startswith(field)
    assert rows(place).empty


@pytest.mark.parametrize("comment", ["\x00", "\ud800"])
def test_a_comment_that_cannot_be_stored_is_refused(api, predicted, comment):
    assert api("/api/verdicts", verdict(predicted(), comment=comment)).status == 422


def test_a_disagreement_that_says_nothing_and_an_undo_of_nothing_are_refused(api, predicted):
    answer = predicted("triage")
    for judgement in ("disagree", "withdrawn"):
        assert api("/api/verdicts", verdict(answer, judgement)).status == 422
    same = verdict(answer, "disagree", correct_value=answer["value"])
    assert "same as the model's" in api("/api/verdicts", same).body["detail"]


def test_the_side_of_a_number_follows_from_the_right_one(api, predicted):
    answer = predicted("dose")
    said = verdict(answer, "disagree", correct_value=answer["value"] + 50)
    assert api("/api/verdicts", said).body["direction"] == "too_low"


@pytest.mark.parametrize("name", ["nobody", "", "\x00", "' OR 1=1"])
def test_a_prediction_that_is_not_there_is_not_found(api, name):
    assert api("/api/verdicts", verdict({"id": name})).status == 404


# --- how far it is


def test_the_status_is_that_of_the_command(api, place, predicted, run):
    for judgement in ("agree", "unsure"):
        api("/api/verdicts", verdict(predicted("dose"), judgement))
    said = {one["model"]: one for one in api("/api/status").body["models"]}
    _, out, _ = run("status", "--json")
    assert list(said.values()) == json.loads(out)
    assert (said["dose"]["verdicts"], said["dose"]["unsure"]) == (2, 1)


# --- fetched


def pages(api, limit):
    """Every verdict, fetched so many at a time."""
    after, ids = "", []
    while True:
        page = api(f"/api/verdicts?limit={limit}&after={after}").body
        if not page["verdicts"]:
            return ids
        ids += [one["id"] for one in page["verdicts"]]
        after = page["next"]


def test_every_verdict_is_fetched_once_whatever_the_size_of_a_page(api, predicted):
    answers = [predicted() for _ in range(4)]
    stored = [
        api("/api/verdicts", verdict(one, j)).body["id"]
        for one in answers
        for j in ("agree", "unsure")
    ]
    for limit in (1, 3, 8, 100):
        assert pages(api, limit) == stored


def test_a_verdict_that_was_begun_earlier_and_stored_later_is_not_missed(api, place, predicted):
    answer, other = predicted(), predicted()
    late = Verdict(other["id"], "Grace", "agree")
    seen = api("/api/verdicts", verdict(answer)).body
    Store.open(place / "feedback.db").add_verdict(late)
    after = f"{seen['created_at']},{seen['id']}"
    assert late.created_at <= seen["created_at"]
    page = api(f"/api/verdicts?after={after}").body
    assert [one["id"] for one in page["verdicts"]] == [late.id]


def test_after_a_verdict_of_another_database_its_time_counts(api, predicted):
    api("/api/verdicts", verdict(predicted()))
    assert api("/api/verdicts?after=2020-01-01T00:00:00.000Z,nobody").body["verdicts"]
    page = api("/api/verdicts?after=2999-01-01T00:00:00.000Z,nobody").body
    assert page == {"verdicts": [], "next": "2999-01-01T00:00:00.000Z,nobody", "waiting": 0}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "limit=x", "after=x", "limit=", "after=,"]
)
def test_a_page_that_cannot_be_is_refused(api, query):
    assert api(f"/api/verdicts?{query}").status == 422
