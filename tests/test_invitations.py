"""Personal links: hashed, revocable, renewed, and refused in words and on record."""

import re
import sqlite3
from contextlib import closing

import pytest
from builders import HOSTILE, OWNER, REVIEWER, case, verdict
from database import select

from second_opinion.errors import UserError
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation
from second_opinion.store.event_log import MOST_REFUSALS
from second_opinion.store.invitations import LinkError


def invited(store, name="Ada", **about):
    """An invitation and the secret of its link."""
    invitation = Invitation(name, **about)
    return invitation, store.invitations.invite(invitation, by=OWNER)


def state(store, name="Ada"):
    (one,) = [one for one in store.invitations.listed(by=OWNER) if one.invitation.name == name]
    return one


def log(store, what):
    return [(e.who, dict(e.details)) for e in reversed(store.event_log.newest(what, by=OWNER))]


def test_a_link_opens_for_the_person_it_was_made_for(empty_store):
    invitation, secret = invited(empty_store, email="ada@example.org", model="churn@champion")
    holder = empty_store.invitations.holder(secret)
    assert (holder.id, holder.model, holder.invited_by) == (
        invitation.id,
        "churn@champion",
        "Olga",
    )
    person = holder.expert
    assert (person.label, person.source, person.role) == (
        "Ada <ada@example.org>",
        "invite",
        "expert",
    )
    assert person.expert_key == f"invite:{invitation.id}"


def test_a_secret_has_128_bits_fits_an_address_and_is_nowhere_in_the_file(empty_store):
    made = [invited(empty_store, f"Ada {at}")[1] for at in range(20)]
    assert len(set(made)) == 20
    assert all(re.fullmatch(r"[\w-]{22}", secret) for secret in made)
    empty_store.invitations.arrive(made[0])
    with pytest.raises(LinkError):
        empty_store.invitations.arrive(f"{made[1]}x")
    empty_store.close()
    folder = empty_store.path.parent
    written = b"".join(path.read_bytes() for path in folder.glob("feedback.db*"))
    assert not [secret for secret in made if secret.encode() in written]


def test_a_revoked_link_opens_nothing_until_that_is_undone(empty_store):
    invitation, secret = invited(empty_store)
    for _ in range(2):
        empty_store.invitations.revoke(invitation.id, by=OWNER)
    assert state(empty_store).is_revoked
    for ask in (empty_store.invitations.holder, empty_store.invitations.arrive):
        with pytest.raises(LinkError, match="was taken back"):
            ask(secret)
    for _ in range(2):
        empty_store.invitations.restore(invitation.id, by=OWNER)
    assert empty_store.invitations.holder(secret).id == invitation.id
    assert not state(empty_store).is_revoked
    actions = [details["action"] for _, details in log(empty_store, "invitation")]
    assert actions == ["invite", "revoke", "restore"]


def test_a_new_link_ends_the_one_before_and_is_the_same_persons(empty_store):
    invitation, first = invited(empty_store)
    second = empty_store.invitations.renew(invitation.id, by=OWNER)
    assert empty_store.invitations.holder(second).id == invitation.id
    with pytest.raises(LinkError, match="replaced by a newer one"):
        empty_store.invitations.holder(first)
    empty_store.invitations.revoke(invitation.id, by=OWNER)
    with pytest.raises(UserError, match=r"Ada is revoked.*Undo that first"):
        empty_store.invitations.renew(invitation.id, by=OWNER)
    empty_store.invitations.restore(invitation.id, by=OWNER)
    assert empty_store.invitations.holder(second).id == invitation.id
    with pytest.raises(LinkError, match="replaced"):
        empty_store.invitations.holder(first)


@pytest.mark.parametrize(
    "text", ["", " ", "x", "0" * 22, "' OR 1=1 --", "a" * 100_000, "\ud800", HOSTILE, "\x00"]
)
def test_what_is_no_link_is_refused_in_words(empty_store, text):
    invited(empty_store)
    for ask in (empty_store.invitations.holder, empty_store.invitations.arrive):
        with pytest.raises(LinkError, match=r"not known here\. It may be cut off"):
            ask(text)


def test_a_link_that_differs_in_a_letter_or_its_case_is_another(empty_store):
    _, secret = invited(empty_store)
    others = {secret[:-1], f"{secret} ", f" {secret}", secret.swapcase(), f"{secret}="}
    for other in others - {secret}:
        with pytest.raises(LinkError, match="not known here"):
            empty_store.invitations.holder(other)


def test_who_comes_by_a_link_is_on_record_and_so_is_who_is_refused(empty_store):
    invitation, secret = invited(empty_store)
    empty_store.invitations.arrive(secret)
    empty_store.invitations.revoke(invitation.id, by=OWNER)
    for text in (secret, "a guess of a link"):
        with pytest.raises(LinkError):
            empty_store.invitations.arrive(text)
    assert log(empty_store, "sign-in") == [
        ("Ada", {"role": "expert", "by": "link", "invitation": invitation.id})
    ]
    assert log(empty_store, "refused link") == [
        ("Ada", {"reason": "revoked", "invitation": invitation.id}),
        ("somebody", {"reason": "unknown"}),
    ]
    assert "guess" not in repr(empty_store.event_log.newest(by=OWNER))


def test_guessing_links_does_not_fill_the_log(empty_store):
    for at in range(MOST_REFUSALS + 5):
        with pytest.raises(LinkError):
            empty_store.invitations.arrive(f"guess {at}")
    assert len(log(empty_store, "refused link")) == MOST_REFUSALS


def test_only_owners_invite_revoke_and_see_who_is_invited(empty_store):
    invitation, _ = invited(empty_store)
    store = empty_store.invitations
    for by in (REVIEWER, Expert("Eve")):
        for call in (
            lambda by=by: store.invite(Invitation("Eve"), by=by),
            lambda by=by: store.renew(invitation.id, by=by),
            lambda by=by: store.revoke(invitation.id, by=by),
            lambda by=by: store.restore(invitation.id, by=by),
            lambda by=by: store.listed(by=by),
        ):
            with pytest.raises(UserError, match="may not invite experts; expected the owner"):
                call()
    assert [one.invitation.name for one in store.listed(by=OWNER)] == ["Ada"]


@pytest.mark.parametrize(
    ("name", "email", "said"),
    [("", "", "The name is empty"), ("<b>", "", "not usable"), ("Ada", "ada@", "not complete")],
)
def test_a_name_that_will_not_do_is_refused_and_nothing_is_stored(empty_store, name, email, said):
    with pytest.raises(UserError, match=said):
        empty_store.invitations.invite(Invitation(name, email), by=OWNER)
    assert empty_store.invitations.listed(by=OWNER) == []
    assert empty_store.event_log.newest(by=OWNER) == []


def test_inviting_twice_by_one_click_makes_one_invitation(empty_store):
    same = Invitation("Ada")
    first, second = (empty_store.invitations.invite(same, by=OWNER) for _ in range(2))
    assert len(empty_store.invitations.listed(by=OWNER)) == 1
    assert empty_store.invitations.holder(second).id == same.id
    with pytest.raises(LinkError):
        empty_store.invitations.holder(first)


def test_how_far_each_is_counts_the_cases_of_this_person_alone(empty_store):
    invitation, _ = invited(empty_store)
    other, _ = invited(empty_store)
    cases = [case() for _ in range(3)]
    empty_store.add_predictions(cases)
    signed = {"identity_source": "invite", "expert_key": invitation.expert.expert_key}
    for one in cases[:2]:
        empty_store.add_verdict(verdict(one, **signed))
    changed = empty_store.add_verdict(verdict(cases[0], "unsure", **signed))
    # The same name, typed: another person.
    empty_store.add_verdict(verdict(cases[2]))
    done = {one.invitation.id: one for one in empty_store.invitations.listed(by=OWNER)}
    assert (done[invitation.id].cases, done[other.id].cases) == (2, 0)
    assert done[invitation.id].last_verdict_at == changed.created_at
    empty_store.add_verdict(verdict(cases[1], "withdrawn", **signed))
    assert {one.cases for one in empty_store.invitations.listed(by=OWNER)} == {0, 1}


def test_when_a_link_was_last_used_is_known(empty_store):
    invitation, _ = invited(empty_store)
    assert state(empty_store).opened_at is None
    empty_store.visits.note(invitation.expert, "2026-11-27T10:00:00.000Z")
    assert state(empty_store).opened_at == "2026-11-27T10:00:00.000Z"


@pytest.mark.parametrize("table", ["invitations", "invitation_links"])
def test_another_program_cannot_change_what_was_invited_or_revoked(empty_store, table):
    invitation, _ = invited(empty_store)
    empty_store.invitations.revoke(invitation.id, by=OWNER)
    for change in (f"UPDATE {table} SET id = 'x'", f"DELETE FROM {table}"):
        with (
            closing(sqlite3.connect(empty_store.path)) as connection,
            pytest.raises(sqlite3.IntegrityError),
        ):
            connection.execute(change)
    assert len(select(empty_store.path, "SELECT * FROM invitation_links")) == 2


def test_a_name_of_strange_letters_comes_back_as_it_was(empty_store):
    name = HOSTILE.replace("<", "").replace(">", "")[:80].strip()
    _, secret = invited(empty_store, name)
    assert empty_store.invitations.holder(secret).name == " ".join(name.split())
