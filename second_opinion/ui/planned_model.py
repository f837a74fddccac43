"""The model that a plan is about, in words."""

from __future__ import annotations

from second_opinion.errors import UserError
from second_opinion.records.plan import Plan
from second_opinion.ui.visit import Visit

TAKEN_OUT = (
    "Its version was taken out of the model folder, so that its cases cannot be answered now. Ask "
    "the owner of this app."
)


def words(visit: Visit, plan: Plan) -> str:
    """Title and version; empty where that version was taken out of the model folder."""
    try:
        title = visit.catalog.card(f"{plan.model}/{plan.version}").title
    except UserError:
        return ""
    return f"{title}, version {plan.version}"
