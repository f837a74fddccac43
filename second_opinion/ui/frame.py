"""What every page starts with: title, menu, model, who is here, and one place for errors."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from second_opinion.access import roles
from second_opinion.doctor.machine import durability
from second_opinion.errors import UserError, incident, log
from second_opinion.models import traffic_split
from second_opinion.models.catalog import Catalog, Entry, alias_words
from second_opinion.models.remote import model_address, model_watch
from second_opinion.models.remote.model_address import is_address, local_ref, shown
from second_opinion.records.expert import Role
from second_opinion.ui import (
    browser,
    collector,
    deep_link,
    personal_link,
    presence,
    proxy_request,
    secrets_file,
    uploads,
    who,
    widget_values,
)
from second_opinion.ui.escaping import escape as escape
from second_opinion.ui.run_memory import forget
from second_opinion.ui.visit import Visit, is_part_alone

P = ParamSpec("P")
T = TypeVar("T")

# How many guarded parts are being drawn, one in the other.
DEPTH: ContextVar[int] = ContextVar("DEPTH", default=0)

# What went wrong in callbacks, and what was said of it since, by its place on the page. Each is
# one entry of the state: to look through all of its keys costs a millisecond.
PROBLEMS, SAID = "frame_problems", "frame_said"

THROW_AWAY = (
    "This app likely runs on a disk that is thrown away when it restarts, and the verdicts with "
    "it. Take a backup now and then. The setting DURABLE=1 says that the disk stays."
)


PLACE = (
    "Check the model before it is used: look at a case, read its answer, say if it is right. "
    "2 minutes for a first one."
)


@dataclass(frozen=True)
class MenuEntry:
    """One entry of the menu, and what its page is for: the page's heading.

    Those who may less than ``needed`` do not see it in the menu.
    """

    file: str
    title: str
    icon: str
    job: str
    needed: Role = "expert"


QUEUE = "pages/3_Review_queue.py"
PAGES = (
    MenuEntry("Home.py", "Home", ":material/home:", "Is the model right?"),
    MenuEntry(
        "pages/1_Single_prediction.py",
        "Single prediction",
        ":material/stethoscope:",
        "Judge a case",
    ),
    MenuEntry(
        "pages/2_Batch_upload.py",
        "Batch upload",
        ":material/table_rows:",
        "Judge the cases of a file",
    ),
    MenuEntry(
        "pages/3_Review_queue.py",
        "Review queue",
        ":material/checklist:",
        "Answer your cases",
    ),
    MenuEntry(
        "pages/4_Distributions.py",
        "Distributions",
        ":material/bar_chart:",
        "Look at all cases together",
    ),
    MenuEntry(
        "pages/5_Feedback_review.py",
        "Feedback review",
        ":material/rate_review:",
        "Review the verdicts",
    ),
    MenuEntry(
        "pages/6_Release_decision.py",
        "Release decision",
        ":material/verified:",
        "May this model be released?",
        needed="reviewer",
    ),
    MenuEntry(
        "pages/7_Models.py",
        "Models",
        ":material/deployed_code:",
        "Choose which version is in use",
    ),
    MenuEntry(
        "pages/9_People_and_records.py",
        "People and records",
        ":material/badge:",
        "See who is here, and what is on record",
        needed="owner",
    ),
    MenuEntry("pages/8_Help.py", "Help", ":material/help:", "How to use it"),
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
            for page in PAGES:
                if _is_for(page):
                    st.page_link(page.file, label=page.title, icon=page.icon)
            visit = Visit(settings, "")
            watch = model_watch.started(settings)
            if watch and not watch.is_ready and opening_setting(visit):
                faults.append(watch.state)
            ref = _choose_model(visit.catalog, opening_setting(visit), faults)
            who.menu()
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
        files = {page.title: page.file for page in PAGES}
        if link.page in files and (link.page, link.query) != (here, {}):
            st.switch_page(files[link.page], query_params=link.query)
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


def _is_for(page: MenuEntry) -> bool:
    role = who.role()
    return role is not None and roles.rank(role) >= roles.rank(page.needed)


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
    who.form(who.how_to_come_in())
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
    st.title(next(page.job for page in PAGES if page.title == here), anchor=False)


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
            _show_what_is_left()
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
            st.session_state[SAID] = {}
            forget()
            widget_values.again()
            try:
                settings, rules, _ = secrets_file.read()
                who.check_same_person(settings, rules)
                act(*args, **kwargs)
            except UserError as error:
                _by_place(PROBLEMS)[place] = str(error)
            except Exception as error:  # noqa: BLE001 - callbacks run before the page's handler
                _by_place(PROBLEMS)[place] = incident(error)
            # The page that is drawn next sees what this has changed.
            forget()

        return run

    return decorate


def has_problem(place: str) -> bool:
    """Whether something went wrong in a callback of this place that was not shown yet."""
    return place in _by_place(PROBLEMS)


def show_problem(place: str) -> None:
    """Show what went wrong in a callback of this place, once."""
    if message := take_problem(place):
        problem(message)


def take_problem(place: str) -> str:
    """What went wrong in a callback of this place, for who shows it; empty the next time."""
    message = _by_place(PROBLEMS).pop(place, "")
    if message:
        _by_place(SAID)[place] = message
    return message


def say(place: str, message: str) -> None:
    """Show a problem so that `say_again` can keep it on the page."""
    _by_place(SAID)[place] = message
    problem(message)


def say_again() -> None:
    """Keep on the page what was just said, through a run that no person asked for."""
    _by_place(PROBLEMS).update(_by_place(SAID))
    st.session_state[SAID] = {}


def _by_place(name: str) -> dict[str, str]:
    messages: dict[str, str] = st.session_state.setdefault(name, {})
    return messages


def _show_what_is_left() -> None:
    """What went wrong at a widget that is gone since."""
    for place in [*_by_place(PROBLEMS)]:
        show_problem(place)


def problem(message: str) -> None:
    """Show a problem as it is written, markdown and all."""
    st.error(escape(message), icon=":material/error:")


def notice(message: str) -> None:
    """Show something worth knowing as it is written."""
    st.warning(escape(message), icon=":material/warning:")


def remark(message: str) -> None:
    """Show how something was understood, which is no cause for worry, as it is written."""
    st.info(escape(message), icon=":material/info:")


def _choose_model(catalog: Catalog, setting: str, faults: list[str]) -> str:
    """Let the person choose among the models; returns a reference.

    It begins with what ``setting`` means, or with the default.
    """
    try:
        entries = catalog.entries()
    except UserError:
        entries = []
    if not entries:
        # Whatever needs a model says what is wrong.
        return ""
    options = _options(entries)
    start = _first_ref(catalog, entries, setting, faults)
    last_ref = st.session_state.pop("frame_model", None) or st.session_state.get("model_choice")
    model_ref = last_ref or st.query_params.get("model") or start
    if model_ref not in options:
        model_ref = _ref_of(catalog, entries, model_ref) if _is_known(catalog, model_ref) else start
    st.session_state["model_choice"] = model_ref
    refs = list(dict.fromkeys([*options, model_ref]))
    if len(refs) == 1:
        return str(refs[0])
    choice: str = st.selectbox(
        "Model",
        refs,
        key="model_choice",
        format_func=lambda ref: options.get(ref, ref),
        persist_state="session",
    )
    return choice


def model_options(catalog: Catalog) -> dict[str, str]:
    """The references that the menu offers, with their words; none where the folder is broken."""
    try:
        return _options(catalog.entries())
    except UserError:
        return {}


def opening_setting(visit: Visit) -> str:
    """The model that MODEL names; none where who is here may not know of it."""
    return model_address.opening_setting(visit.settings.model, visit.asker)


def _options(entries: list[Entry]) -> dict[str, str]:
    """The references of the menu with their words: each alias, and each version without one."""
    options: dict[str, str] = {}
    for entry in entries:
        title = entry.card.title if entry.card else ""
        for alias in entry.aliases:
            options[f"{entry.name}@{alias}"] = f"{title} · {alias_words(alias)}"
        for alias, _ in entry.shares:
            options[f"{entry.name}@{alias}"] = f"{title} · {alias_words(alias)} (A/B)"
        if not entry.aliases:
            options[entry.ref] = f"{title} · version {entry.version}" if title else entry.ref
    return options


def _first_ref(catalog: Catalog, entries: list[Entry], setting: str, faults: list[str]) -> str:
    """The option to begin with; another one, and a fault, where that is not to be had."""
    try:
        return _ref_of(catalog, entries, local_ref(setting) or catalog.default)
    except UserError as error:
        if is_address(setting) and faults:
            # It is being fetched, or could not be: said already.
            return entries[0].ref
        where = f"The setting MODEL is {shown(setting)!r}: {error} Correct it, or leave it empty."
        faults.append(where if setting else str(error))
        return entries[0].ref


def _is_known(catalog: Catalog, ref: str) -> bool:
    try:
        catalog.resolve(ref)
    except UserError:
        return False
    return True


def _ref_of(catalog: Catalog, entries: list[Entry], ref: str) -> str:
    """The option of the menu that means the same: by its alias, where there is one."""
    name, version = catalog.resolve(ref)
    if alias := catalog.alias(ref):
        return f"{name}@{alias}"
    same = [entry.ref for entry in entries if (entry.name, entry.version) == (name, version)]
    return same[0] if same else f"{name}/{version}"
