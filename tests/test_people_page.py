"""People and records: owners alone, who is here, links, the log, and what is kept how long."""

from datetime import UTC, datetime, timedelta

import pytest
from builders import HOSTILE, OWNER, case, verdict
from visits import assert_strange_text_is_escaped, keys, messages, press, start

from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation
from second_opinion.store import Store
from second_opinion.ui.people import link_text

PAGE = "pages/9_People_and_records.py"


@pytest.fixture
def store(place, at_home):
    """An owner's own machine."""
    return Store.open(place / "feedback.db")


def texts(at):
    return "\n".join(element.value for element in [*at.text, *at.caption])


def rows(at):
    assert messages(at) == []
    return at.dataframe[0].value.to_dict("records")


def ago(days):
    moment = datetime.now(UTC) - timedelta(days=days)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("role", ["expert", "reviewer"])
def test_others_than_owners_find_it_closed_and_not_in_the_menu(place, role, monkeypatch):
    monkeypatch.setenv("REVIEWER_CODE", "a code of reviewers")
    monkeypatch.setenv("OWNER_CODE", "a code of owners")
    session = {"who_by_code": role}
    at = start(PAGE, session=session)
    assert messages(at) == []
    assert "This is for the owner" in texts(at)
    assert not at.dataframe
    labels = [one.proto.label for one in at.sidebar.get("page_link")]
    assert "People and records" not in labels
    owner = start(PAGE, session={"who_by_code": "owner"})
    labels = [one.proto.label for one in owner.sidebar.get("page_link")]
    assert "People and records" in labels


@pytest.mark.parametrize("section", ["people", "invitations", "events", "kept", "nonsense"])
def test_each_section_says_what_will_stand_there_while_there_is_nothing(store, section):
    at = start(PAGE, section=section)
    assert messages(at) == []
    assert texts(at)


def test_who_is_here_is_listed_with_role_and_proof(store):
    store.visits.note(Expert("Bo", "b@example.org", "invite", subject="7"), ago(1))
    store.visits.note(Expert(f"Eve {HOSTILE}", role="reviewer", source="code"), ago(2))
    at = start(PAGE)
    listed = [(row["Who"], row["Role"], row["Proved by"]) for row in rows(at)]
    assert listed == [
        ("Ada", "owner", "typed a name"),
        ("Bo <b@example.org>", "expert", "personal link"),
        (f"Eve {HOSTILE}", "reviewer", "typed a name, entered a code"),
    ]
    assert_strange_text_is_escaped(at)


def invite(at, name="Bo", email=""):
    at.text_input(key="people_invite_name").set_value(name)
    at.text_input(key="people_invite_email").set_value(email)
    return press(at, "people_invite_make")


def codes(at):
    return [code.value for code in at.code]


def test_a_link_is_made_shown_once_with_a_text_and_opens(store):
    at = invite(start(PAGE, section="invitations"), "Bo", "bo@example.org")
    assert messages(at) == []
    link, text = codes(at)
    secret = link.rpartition("?invite=")[2]
    assert store.invitations.holder(secret).expert.label == "Bo <bo@example.org>"
    assert link in text
    assert "Not opened yet" in texts(at)
    assert at.text_input(key="people_invite_name").value == ""
    press(at, "people_text_done")
    assert codes(at) == []
    assert secret not in repr(at.main)


def test_a_name_that_will_not_do_is_refused_at_the_form_and_nothing_is_made(store):
    at = invite(start(PAGE, section="invitations"), " ")
    assert ["The name is empty" in message for message in messages(at)] == [True]
    assert store.invitations.listed(by=OWNER) == []


def test_links_are_revoked_that_is_undone_and_a_new_one_ends_the_first(store):
    invitation = Invitation("Bo")
    secret = store.invitations.invite(invitation, by=OWNER)
    at = start(PAGE, section="invitations")
    press(at, f"people_revoke_{invitation.id}")
    assert "the link opens nothing" in texts(at)
    assert f"people_renew_{invitation.id}" not in keys(at)
    press(at, f"people_restore_{invitation.id}")
    assert store.invitations.holder(secret).id == invitation.id
    press(at, f"people_renew_{invitation.id}")
    new = codes(at)[0].rpartition("?invite=")[2]
    assert store.invitations.holder(new).id == invitation.id
    done = [event.details["action"] for event in store.event_log.newest("invitation", by=OWNER)]
    assert done == ["new link", "restore", "revoke", "invite"]
    assert {event.who for event in store.event_log.newest("invitation", by=OWNER)} == {
        "Ada",
        "Olga",
    }


def test_how_far_each_is_stands_there_and_a_reminder_has_no_link(store):
    invitation = Invitation("Bo")
    secret = store.invitations.invite(invitation, by=OWNER)
    made = case()
    store.add_prediction(made)
    key = invitation.expert.expert_key
    store.add_verdict(verdict(made, identity_source="invite", expert="Bo", expert_key=key))
    at = start(PAGE, section="invitations")
    assert "1 case judged" in texts(at)
    press(at, f"people_remind_{invitation.id}")
    (text,) = codes(at)
    assert text.startswith("Hello Bo,")
    assert secret not in text
    assert "invite=" not in text


@pytest.mark.parametrize(
    ("page", "link"),
    [
        (
            "http://localhost:8501/People_and_records?section=invitations",
            "http://localhost:8501/?invite=s",
        ),
        ("https://a.example/tool/People_and_records", "https://a.example/tool/?invite=s"),
        ("https://a.example/People_and_records#x", "https://a.example/?invite=s"),
        (None, "https://ADDRESS-OF-THIS-APP/?invite=s"),
        ("", "https://ADDRESS-OF-THIS-APP/?invite=s"),
    ],
)
def test_the_link_is_beside_the_page_that_is_open(page, link):
    assert link_text.address(page, "s") == link


def test_an_e_mail_has_the_text_and_nothing_breaks_out_of_it():
    invitation = Invitation("Bo & Co", "bo?cc=eve@example.org")
    mail = link_text.mail(invitation, "a\nb & c?=#")
    assert mail == (
        "mailto:bo%3Fcc%3Deve%40example.org?subject=Your%20second%20opinion%20on%20a%20model"
        "&body=a%0D%0Ab%20%26%20c%3F%3D%23"
    )
    assert link_text.mail(Invitation("Bo"), "a") == ""


def test_what_was_done_is_filtered_by_kind_and_person_and_said_in_words(store):
    for at, who in enumerate(["Ada", "Bo", f"Eve {HOSTILE}"]):
        details = {"what": "verdicts", "filter": {"model": "churn"}, "text": HOSTILE}
        store.event_log.add(Event("export", who, details, created_at=ago(at)))
    store.event_log.add(Event("something_new", "Bo", {"rows": 1234, "b": True, "l": ["x", "y"]}))
    store.add_prediction(case(asked_by="Bo", latency_ms=2.5))
    at = start(PAGE, section="events")
    listed = rows(at)
    assert {row["What"] for row in listed} == {"Took a file", "Something new", "Predictions"}
    (new,) = [row for row in listed if row["What"] == "Something new"]
    assert new["Details"] == "rows 1,234, b yes, l x and y"
    (asked,) = [row for row in listed if row["What"] == "Predictions"]
    assert asked["Details"] == "1 prediction of churn version 1 (form), 2.5 ms each, slowest 2.5 ms"
    assert_strange_text_is_escaped(at)
    at.multiselect(key="people_event_kinds").set_value(["export"]).run()
    assert {row["Who"] for row in rows(at)} == {"Ada", "Bo", f"Eve {HOSTILE}"}
    at.selectbox(key="people_event_person").set_value("Bo").run()
    assert [row["Who"] for row in rows(at)] == ["Bo"]
    at.selectbox(key="people_event_period").set_value("Last 24 hours").run()
    assert "Nothing is like that" in texts(at)
    press(at, "people_event_clear")
    assert len(rows(at)) == 5


def test_the_log_is_turned_page_by_page(store):
    for at in range(60):
        store.event_log.add(Event("export", f"Person {at}", {}))
    at = start(PAGE, section="events")
    assert len(rows(at)) == 50
    at.session_state["people_event_page"] = 2
    assert len(rows(at.run())) == 10


def test_what_a_period_removes_is_said_first_and_then_removed(store):
    for days in (400, 1):
        store.add_prediction(case(created_at=ago(days)))
    at = start(PAGE, section="kept")
    kept = {row["What"]: row for row in rows(at)}
    assert (kept["Predictions"]["How many"], kept["Predictions"]["Kept"]) == ("2", "for good")
    at.selectbox(key="people_keep_predictions").set_value(365).run()
    assert "1 row from before" in texts(at)
    assert "once a day, what gets older is removed too" in texts(at)
    button = at.button(key="people_keep_predictions_save")
    assert button.label == "Remove 1 and keep the rest a year"
    press(at, "people_keep_predictions_save")
    assert messages(at) == []
    kept = {row["What"]: row for row in rows(at)}
    assert kept["Predictions"]["How many"] == "1"
    assert kept["Predictions"]["Kept"] == "a year, judged ones for good"
    assert "people_keep_predictions_save" not in keys(at)
    assert store.event_log.newest("retention", by=OWNER)[0].details["removed"] == 1
