"""What every page starts with: title, menu, model, who is here, and one place for errors."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from second_opinion.access import roles
from second_opinion.doctor.machine import durability
from second_opinion.errors import UserError, incident, log
from second_opinion.models import traffic_split
from second_opinion.models.catalog import alias_words
from second_opinion.models.remote import model_watch
from second_opinion.ui import (
    browser,
    collector,
    deep_link,
    entry_form,
    menu,
    messages,
    model_choice,
    personal_link,
    presence,
    proxy_request,
    secrets_file,
    uploads,
    who,
    widget_values,
)
from second_opinion.ui.escaping import escape as escape
from second_opinion.ui.menu import PAGES as PAGES
from second_opinion.ui.menu import QUEUE as QUEUE
from second_opinion.ui.messages import has_problem as has_problem
from second_opinion.ui.messages import notice as notice
from second_opinion.ui.messages import problem as problem
from second_opinion.ui.messages import remark as remark
from second_opinion.ui.messages import say as say
from second_opinion.ui.messages import say_again as say_again
from second_opinion.ui.messages import show_problem as show_problem
from second_opinion.ui.messages import take_problem as take_problem
from second_opinion.ui.model_choice import model_options as model_options
from second_opinion.ui.model_choice import opening_setting as opening_setting
from second_opinion.ui.run_memory import forget
from second_opinion.ui.visit import Visit, is_part_alone

P = ParamSpec("P")
T = TypeVar("T")

# How many guarded parts are being drawn, one in the other.
DEPTH: ContextVar[int] = ContextVar("DEPTH", default=0)

THROW_AWAY = (
    "This app likely runs on a disk that is thrown away when it restarts, and the verdicts with "
    "it. Take a backup now and then. The setting DURABLE=1 says that the disk stays."
)


PLACE = (
    "Check the model before it is used: look at a case, read its answer, say if it is right. "
    "2 minutes for a first one."
)


def open_page(title: str) -> Visit:
    """Set up a page: its title, the menu, the choice of model and the name of the person."""
    st.set_page_config(
        page_title=f"{title} · Second Opinion",
        page_icon=str(browser.ASSETS / "logo.svg"),
        layout="wide",
    )
    st.logo(str(browser.ASSETS / "wordmark.svg"), icon_image=str(browser.ASSETS / "logo.svg"))
    forget()
    if st.session_state.get("frame_page", title) != title:
        uploads.leave_page()
    st.session_state["frame_page"] = title
    try:
        settings, rules, faults = secrets_file.read()
        is_in = who.arrive(settings, rules)
        if is_in:
            _go_on(title)
        if not is_in and not who.owns_machine():
            _log(faults)
            faults = []
        if refused := personal_link.refusal(title):
            faults.append(refused)
        if not is_in:
            _ask_who_is_here(faults)
        if refused := proxy_request.model_refusal(settings):
            faults.append(refused)
        presence.note(who.here(), settings)
        with st.sidebar:
            menu.draw()
            visit = Visit(settings, "")
            watch = model_watch.started(settings)
            if watch and not watch.is_ready and opening_setting(visit):
                faults.append(watch.state)
            ref = model_choice.draw(visit.catalog, opening_setting(visit), faults)
            entry_form.menu()
            browser.style()
    except Exception as error:  # noqa: BLE001 - as in `guarded`, which runs later
        problem(incident(error))
        st.stop()
    # On a phone the menu is closed: what is wrong stands on the page.
    for fault in faults:
        problem(fault)
    visit = Visit(settings, ref)
    _warn_of_throw_away_disk(visit)
    _warn_of_weak_codes(visit)
    return visit


def _go_on(here: str) -> None:
    """Lead who came in to what their link named: before they signed in, or by its plan.

    What the address names beside a plan goes first.
    """
    if link := deep_link.take_up(here):
        file = menu.file_of(link.page)
        if file and (link.page, link.query) != (here, {}):
            st.switch_page(file, query_params=link.query)
    plan = personal_link.plan_to_open()
    if plan and not {*deep_link.query_now()} - {"model"}:
        st.switch_page(QUEUE, query_params={"plan": plan})


def _log(faults: list[str]) -> None:
    """Write what is wrong with the secrets to the log, once a visit: whoever is not in reads none
    of it."""
    if st.session_state.get("frame_logged") != faults:
        st.session_state["frame_logged"] = faults
        for fault in faults:
            log.error("%s", fault)


def _warn_of_throw_away_disk(visit: Visit) -> None:
    """Tell those who can do something about it that verdicts may be lost, with the way out."""
    if visit.expert is None or visit.closed_reason("reviewer"):
        return
    if durability(visit.settings).state != "ok":
        with st.container(key="frame_durable"):
            notice(THROW_AWAY)
            st.page_link(
                "pages/5_Feedback_review.py",
                label="Download a backup",
                icon=":material/download:",
                query_params={"section": "files"},
            )


def _warn_of_weak_codes(visit: Visit) -> None:
    """Tell the owner of codes that are soon guessed, or that open more than they are for."""
    if visit.expert is not None and not visit.closed_reason("owner"):
        for fault in roles.weak_codes(visit.settings):
            notice(fault)


def _ask_who_is_here(faults: list[str]) -> None:
    """Ask who is here, and show nothing else of the app."""
    browser.style()
    for fault in faults:
        problem(fault)
    entry_form.form(entry_form.how_to_come_in())
    st.stop()


def header(visit: Visit) -> None:
    """The top of a page: its job, which model and version it is about, and that one's question."""
    with st.container(key="frame_header", gap="xsmall"):
        title()
        line = _line(visit)
        st.session_state["frame_line"] = line
        st.caption(line)
        if visit.card.target.description:
            st.text(visit.card.target.description)
        if visit.expert is None:
            st.text(PLACE)


def title() -> None:
    """The heading of the page that is open: what it is for."""
    here = st.session_state["frame_page"]
    st.title(menu.job(here), anchor=False)


def section(visit: Visit) -> None:
    """The heading of a part that is about the chosen version alone, with its question."""
    st.header(_line(visit), anchor=False)
    if visit.card.target.description:
        st.text(visit.card.target.description)


def header_is_old(visit: Visit) -> bool:
    """Whether the alias has moved since the line above this page was drawn."""
    return bool(st.session_state.get("frame_line", "") != _line(visit))


def _line(visit: Visit) -> str:
    alias = visit.catalog.alias(visit.ref)
    parts = [visit.card.title, traffic_split.either(traffic_split.text(visit.arms))]
    return escape(", ".join([*parts, *([alias_words(alias)] if alias else [])]))


def guarded(body: Callable[P, T]) -> Callable[P, T | None]:
    """Run the body of a page; show its errors in words, never as a traceback."""

    @wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> T | None:
        show_problem("page")
        value = None
        depth = DEPTH.get()
        DEPTH.set(depth + 1)
        try:
            # Before the first widget of the run: a part within a page comes after some.
            if not depth:
                widget_values.again()
            value = body(*args, **kwargs)
        except UserError as error:
            problem(str(error))
        except Exception as error:  # noqa: BLE001 - the one handler: everything else is our fault
            problem(incident(error))
        finally:
            DEPTH.set(depth)
            collector.leave_out_what_stays()
        if not depth:
            messages.show_what_is_left()
        return value

    return run


def part(*, run_every: float | None = None) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """Like `guarded`, for a part of a page that is drawn again alone: at a click in it.

    With ``run_every`` also by itself, after so many seconds.
    """

    def decorate(body: Callable[P, T]) -> Callable[P, T | None]:
        whole = guarded(body)

        @st.fragment(run_every=run_every)
        @wraps(body)
        def run(*args: P.args, **kwargs: P.kwargs) -> T | None:
            if is_part_alone():
                forget()
                settings, rules, _ = secrets_file.read()
                if who.has_changed(settings, rules) or personal_link.has_ended():
                    st.rerun()
            return whole(*args, **kwargs)

        return run

    return decorate


def callback(place: str = "page") -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a widget's callback show its errors at a place of the page that is drawn next.

    The place is where `show_problem` is called with its name: beside the widget. Where the page
    has no such place any more, it is the end of what is drawn.
    """

    def decorate(act: Callable[P, None]) -> Callable[P, None]:
        @wraps(act)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            messages.forget_what_was_said()
            forget()
            widget_values.again()
            try:
                settings, rules, _ = secrets_file.read()
                who.check_same_person(settings, rules)
                act(*args, **kwargs)
            except UserError as error:
                messages.hold(place, str(error))
            except Exception as error:  # noqa: BLE001 - callbacks run before the page's handler
                messages.hold(place, incident(error))
            # The page that is drawn next sees what this has changed.
            forget()

        return run

    return decorate
