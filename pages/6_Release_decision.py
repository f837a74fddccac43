"""Release decision: what is claimed of a model, frozen, and how far the answers establish it."""

from second_opinion.ui import closed_page, frame, widget_values
from second_opinion.ui.release import (
    chosen_plan,
    decision_meter,
    decision_parts,
    plan_form,
    plan_links,
    plan_terms,
)

visit = frame.open_page("Release decision")


@frame.guarded
def page() -> None:
    if closed_page.is_closed(visit, "reviewer", "What you do here is on record with your name."):
        return
    frame.title()
    plans = chosen_plan.plans(visit)
    if chosen_plan.is_new(plans):
        plan_form.draw(visit, plans)
    else:
        plan = chosen_plan.choose(visit, plans)
        decision_meter.draw(visit, plan)
        decision_parts.draw(visit, plan)
        plan_terms.draw(visit, plan)
        plan_links.draw(visit, plan)
    widget_values.confirm(lambda: None)


page()
