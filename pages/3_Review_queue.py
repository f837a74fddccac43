"""Review queue: an expert's drawn cases, one after the other: the own answer before the model's."""

from second_opinion.ui import entry_form, frame
from second_opinion.ui.queue import drawn_case, plan_choice

visit = frame.open_page("Review queue")


@frame.guarded
def page() -> None:
    frame.title()
    person = visit.expert
    if person is None:
        entry_form.form("Your answers carry your name.")
        return
    plan = plan_choice.draw(visit, person)
    if plan is None:
        return
    card = visit.catalog.card(f"{plan.model}/{plan.version}")
    plan_choice.about(visit, plan, card)
    drawn_case.draw(visit, person, plan, card)


page()
