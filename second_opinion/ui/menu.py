"""The menu: the pages of the app, what each is for, and who sees it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from second_opinion.access import roles
from second_opinion.records.expert import Role
from second_opinion.ui import who


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


def draw() -> None:
    """A link to each page that is for who is here."""
    for page in PAGES:
        if _is_for(page):
            st.page_link(page.file, label=page.title, icon=page.icon)


def job(title: str) -> str:
    """What the page with this title is for."""
    return next(page.job for page in PAGES if page.title == title)


def file_of(title: str) -> str | None:
    """The file of the page with this title, None where there is none."""
    return next((page.file for page in PAGES if page.title == title), None)


def _is_for(page: MenuEntry) -> bool:
    role = who.role()
    return role is not None and roles.rank(role) >= roles.rank(page.needed)
