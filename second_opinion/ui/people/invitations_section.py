"""People and records: personal links made, sent, followed and revoked."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.records.invitation import InvitationState
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.people import invitation_form, link_text, made_link, plan_panel
from second_opinion.ui.visit import Visit

PAGE_ROWS = 20
NOT_AGAIN = (
    "Copy it now: only its hash is kept, so it cannot be shown again. A new link can be made at "
    "any time, which ends this one."
)


def invitations(visit: Visit) -> None:
    """Who was invited and how far each is, the newest first; and a form to invite another."""
    states = visit.store.invitations.listed(by=visit.asker)
    invitation_form.form(visit)
    show_problem("people")
    for plan in plan_panel.open_plans(visit).values():
        plan_panel.invite_missing(visit, plan, states)
    if not states:
        st.text("Nobody has a personal link yet. Invite the first expert above.")
        return
    rows(visit, states)


def rows(visit: Visit, states: list[InvitationState]) -> None:
    """How far each of those who were invited is, with what can be done about their link."""
    if not states:
        return
    pages = -(-len(states) // PAGE_ROWS)
    number = min(st.session_state.get("people_links_page", 1), pages)
    for state in states[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]:
        with st.container(border=True, key=f"people_link_{state.invitation.id}"):
            _invitation(visit, state)
    if pages > 1:
        width = 44 * min(pages + 2, 9)
        st.pagination(pages, default=number, key="people_links_page", width=width)


def _invitation(visit: Visit, state: InvitationState) -> None:
    invitation = state.invitation
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch", gap="xxsmall"):
            st.text(invitation.expert.label)
            st.caption(escape(_how_far(visit, state)))
        _buttons(visit, state)
    secret = made_link.secret_of(invitation.id)
    if secret and not state.is_revoked:
        _to_send(visit, state, secret)
    elif st.session_state.get("people_reminded") == invitation.id:
        _text(visit, state, link_text.reminder(invitation, *_title_and_sender(visit, state)))


def _how_far(visit: Visit, state: InvitationState) -> str:
    invitation, parts = state.invitation, []
    if state.is_revoked:
        parts.append("revoked: the link opens nothing")
    if state.cases:
        last = visit.clock(state.last_verdict_at or "")
        parts.append(f"{plural(state.cases, 'case')} judged, the last {last}")
    elif state.opened_at:
        parts.append(f"opened {visit.clock(state.opened_at)}, nothing judged yet")
    else:
        parts.append("not opened yet")
    if invitation.plan_id:
        plan = plan_panel.in_place(visit).get(invitation.plan_id)
        is_open = plan is not None and plan.id in plan_panel.open_plans(visit)
        name = plan.name if plan and is_open else "a plan that is closed"
        parts.append(f"{plural(state.plan_cases, 'case')} answered of {name}")
    elif invitation.model:
        parts.append(f"opens {invitation.model}")
    parts.append(f"link of {visit.clock(state.link_at)} by {invitation.invited_by}")
    text = " · ".join(parts)
    return text[:1].upper() + text[1:]


def _buttons(visit: Visit, state: InvitationState) -> None:
    one = state.invitation.id
    store = visit.store.invitations
    if state.is_revoked:
        st.button(
            "Undo",
            key=f"people_restore_{one}",
            icon=":material/undo:",
            on_click=_do,
            args=(lambda: store.restore(one, by=visit.signer()),),
        )
        return
    st.button(
        "Remind",
        key=f"people_remind_{one}",
        type="tertiary",
        on_click=_do,
        args=(lambda: st.session_state.update(people_reminded=one),),
    )
    st.button(
        "New link",
        key=f"people_renew_{one}",
        type="tertiary",
        help="For somebody who lost the link. The one before opens nothing any more.",
        on_click=_do,
        args=(lambda: made_link.show(one, store.renew(one, by=visit.signer())),),
    )
    st.button(
        "Revoke",
        key=f"people_revoke_{one}",
        type="tertiary",
        icon=":material/link_off:",
        on_click=_do,
        args=(lambda: store.revoke(one, by=visit.signer()),),
    )


@callback("people")
def _do(act: Callable[[], None]) -> None:
    act()


def _to_send(visit: Visit, state: InvitationState, secret: str) -> None:
    link = link_text.address(st.context.url, secret)
    with st.container(key="people_to_send"):
        st.caption(NOT_AGAIN)
        st.code(link, language=None, wrap_lines=True)
        _text(
            visit,
            state,
            link_text.message(state.invitation, link, *_title_and_sender(visit, state)),
        )


def _text(visit: Visit, state: InvitationState, text: str) -> None:
    with st.container(key="people_text"):
        st.caption("A text to send:")
        st.code(text, language=None, wrap_lines=True)
        mail = link_text.mail(state.invitation, text)
        with st.container(horizontal=True):
            if mail:
                st.link_button("Write the e-mail", mail, icon=":material/mail:")
            st.button("Done", key="people_text_done", on_click=_put_away)


@callback("people")
def _put_away() -> None:
    made_link.put_away()
    st.session_state.pop("people_reminded", None)


def _title_and_sender(visit: Visit, state: InvitationState) -> tuple[str, str]:
    try:
        title = visit.catalog.card(state.invitation.model or visit.ref).title
    except UserError:
        title = ""
    return title, visit.signer().name
