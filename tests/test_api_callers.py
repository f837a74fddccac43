"""Who may call: a token, or a program on this machine while nothing says that others come."""

import pytest
from builders import OWNER, REVIEWER
from calls import bearer
from database import current_rows
from visits import messages, start

from second_opinion import Store, UserError

TOKENS = "billing:first-secret, nurse station:second-secret"
CALLS = ["/api/models", "/api/models/risk/1", "/api/verdicts"]


@pytest.fixture
def risk(registry):
    """A call for a prediction."""
    return {"model": "risk", "cases": [registry.card("risk").case_schema.typical]}


def test_without_a_token_set_a_program_on_this_machine_may_call(api, risk):
    assert api("/api/predict", risk).status == 200
    assert [api(path).status for path in CALLS] == [200] * len(CALLS)
    assert api("/api/models", headers={"Host": "localhost:8501"}).status == 200
    assert api("/api/models", headers={"X-Request-Id": "7", "User-Agent": "mine"}).status == 200


@pytest.mark.parametrize(
    "header",
    [
        {"Forwarded": "for=10.0.0.1"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"x-forwarded-for": "127.0.0.1"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Anything": ""},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "127.0.0.1"},
        {"CF-Connecting-IP": "10.0.0.1"},
        {"Host": "app.example"},
        {"Host": "localhost.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_call_that_came_by_a_proxy_or_from_a_strangers_page_is_not_direct(api, risk, header):
    reply = api("/api/predict", risk, headers=header)
    assert (reply.status, reply.headers["content-type"]) == (403, "application/problem+json")
    assert "Set API_TOKENS" in reply.body["detail"]


@pytest.mark.parametrize("name", ["PUBLIC", "OWNER_CODE", "REVIEWER_CODE", "EXPERT_CODE"])
def test_where_others_reach_the_app_no_one_calls_without_a_token(api, risk, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert api("/api/predict", risk).status == 403
    monkeypatch.setenv("API_TOKENS", TOKENS)
    assert api("/api/predict", risk).status == 401
    assert api("/api/predict", risk, headers=bearer("first-secret")).status == 200


@pytest.mark.parametrize(
    "header",
    [
        {},
        bearer(""),
        bearer("wrong"),
        bearer("first-secre"),
        bearer("first-secret2"),
        bearer("billing:first-secret"),
        bearer("Füß".encode().decode("latin-1")),
        {"Authorization": "first-secret"},
        {"Authorization": "Basic Zmlyc3Qtc2VjcmV0"},
        {"X-Forwarded-For": "127.0.0.1"},
    ],
)
def test_with_tokens_set_whoever_has_none_of_them_is_refused(api, risk, monkeypatch, header):
    monkeypatch.setenv("API_TOKENS", TOKENS)
    for reply in (api("/api/predict", risk, headers=header), api("/api/verdicts", headers=header)):
        assert (reply.status, reply.headers["content-type"]) == (401, "application/problem+json")
        assert reply.headers["www-authenticate"] == "Bearer"
        assert "secret" not in str(reply.body)


def test_a_right_token_may_call_from_anywhere(api, risk, monkeypatch):
    monkeypatch.setenv("API_TOKENS", TOKENS)
    far = {"Host": "app.example", "X-Forwarded-For": "10.0.0.1", "Via": "1.1 proxy"}
    for token in ("first-secret", "second-secret"):
        assert api("/api/predict", risk, headers=bearer(token) | far).status == 200
        assert [api(path, headers=bearer(token)).status for path in CALLS] == [200] * len(CALLS)


def test_what_a_token_stores_carries_its_name(api, place, risk, monkeypatch):
    monkeypatch.setenv("API_TOKENS", TOKENS)
    token = bearer("second-secret")
    (answer,) = api("/api/predict", risk, headers=token).body["predictions"]
    said = {"prediction_id": answer["id"], "judgement": "agree", "expert": "Somebody else"}
    reply = api("/api/verdicts", said, headers=token)
    assert (reply.body["expert"], reply.body["identity_source"]) == ("nurse station", "api")
    (row,) = current_rows(place / "feedback.db")
    assert row["expert_key"] == "api:nurse station"


def test_who_types_the_name_of_a_token_is_somebody_else(api, place, risk, monkeypatch):
    monkeypatch.setenv("API_TOKENS", TOKENS)
    token = bearer("second-secret")
    (answer,) = api("/api/predict", risk, headers=token).body["predictions"]
    said = {"prediction_id": answer["id"], "judgement": "agree"}
    api("/api/verdicts", said, headers=token)
    monkeypatch.delenv("API_TOKENS")
    api("/api/verdicts", said | {"judgement": "unsure", "expert": "nurse station"})
    assert {row["judgement"] for row in current_rows(place / "feedback.db")} == {"agree", "unsure"}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("secret", "entry 1"),
        ("billing:", "entry 1"),
        (":secret", "entry 1"),
        ("a:secret,b", "entry 2"),
        ("a:secret,A:other-secret", "twice"),
        ("<b>:secret", "entry 1"),
    ],
)
def test_tokens_that_are_written_wrongly_let_nobody_in(api, risk, monkeypatch, setting, said):
    """Nor does a program on this machine come in then."""
    monkeypatch.setenv("API_TOKENS", setting)
    reply = api("/api/predict", risk, headers=bearer("secret"))
    assert reply.status == 503
    assert said in reply.body["detail"]
    assert "secret" not in reply.body["detail"]


@pytest.mark.parametrize(
    "secrets",
    ["[auth", "second_opinion = 3", '[roles]\n"ada@example.org" = "boss"', "[access]\na = 1"],
)
def test_what_is_wrong_with_the_secrets_goes_to_the_log_and_not_to_who_calls(
    api, risk, place, monkeypatch, caplog, secrets
):
    monkeypatch.setenv("API_TOKENS", TOKENS)
    (place / "secrets.toml").write_text(secrets, "utf-8")
    for path, body in (("/api/predict", risk), ("/api/openapi.json", None)):
        reply = api(path, body, headers=bearer("first-secret"))
        assert reply.status == 503
        assert reply.body["detail"].startswith(
            "This app is closed until its secrets file is mended."
        )
    assert str(place / "secrets.toml") in caplog.text


def test_health_and_readiness_answer_everybody_and_name_no_model(api, monkeypatch):
    assert {"triage", "risk"} <= {one["name"] for one in api("/api/health").body["models"]}
    monkeypatch.setenv("API_TOKENS", TOKENS)
    for path in ("/api/health", "/api/ready"):
        assert (api(path).status, api(path).body["models"]) == (200, [])
    assert api("/api/health", headers=bearer("first-secret")).body["models"]


def test_what_a_model_takes_is_told_where_the_pages_tell_it(api, monkeypatch):
    monkeypatch.setenv("API_TOKENS", TOKENS)
    assert api("/api/openapi.json").status == 200
    monkeypatch.setenv("EXPERT_CODE", "long and random")
    assert api("/api/openapi.json").status == 401
    assert api("/api/openapi.json", headers=bearer("first-secret")).status == 200


def test_a_token_that_an_owner_made_opens_until_it_is_revoked(api, place, risk):
    store = Store.open(place / "feedback.db")
    with pytest.raises(UserError, match="may not make tokens"):
        store.made_tokens.make("scanner", "reviewer", by=REVIEWER)
    scanner = bearer(store.made_tokens.make("scanner", "expert", by=OWNER))
    reader = bearer(store.made_tokens.make("reader", "reviewer", by=OWNER))
    assert api("/api/predict", risk).status == 401
    assert api("/api/predict", risk, headers=scanner).status == 200
    assert api("/api/verdicts", headers=scanner).status == 403
    assert api("/api/verdicts", headers=reader).status == 200
    with pytest.raises(UserError, match="has a token already"):
        store.made_tokens.make("Scanner", "expert", by=OWNER)
    for token in store.made_tokens.listed(by=OWNER):
        store.made_tokens.revoke(token.token_id, by=OWNER)
        store.made_tokens.revoke(token.token_id, by=OWNER)
    assert store.made_tokens.listed(by=OWNER) == []
    # None is set any more, so that a program on this machine calls without one.
    assert api("/api/verdicts").status == 200
    assert api("/api/verdicts", headers={"Via": "1.1 proxy"} | reader).status == 403
    log = [one.details["action"] for one in store.event_log.newest("token", by=OWNER)]
    assert sorted(log) == ["make", "make", "revoke", "revoke"]


def test_a_token_is_made_shown_once_and_revoked_on_the_page(place, at_home):
    page = start("pages/9_People_and_records.py", section="tokens")
    assert messages(page) == []
    page.text_input(key="people_token_name").input("scanner")
    page.button(key="FormSubmitter:people_token_form-Make a token").click().run()
    assert messages(page) == []
    (secret,) = [one.value for one in page.code]
    files = list(place.glob("feedback.db*"))
    assert files
    assert not any(secret.encode() in path.read_bytes() for path in files)
    assert not page.run().code
    (token,) = Store.open(place / "feedback.db").made_tokens.listed(by=OWNER)
    page.button(key=f"people_revoke_{token.token_id}").click().run()
    assert messages(page) == []
    assert Store.open(place / "feedback.db").made_tokens.listed(by=OWNER) == []


def test_the_doctor_shows_no_token(place, monkeypatch, run):
    monkeypatch.setenv("API_TOKENS", TOKENS)
    _, out, _ = run("doctor")
    assert "API_TOKENS         set, not shown here" in out
    assert "secret" not in out
