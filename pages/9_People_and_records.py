"""People and records: who is here, who is invited, what was done, and what is kept how long."""

from second_opinion.ui import closed_page, frame, who, widget_values
from second_opinion.ui.people import (
    events_section,
    invitations_section,
    record_sections,
    retention_section,
    tokens_section,
    visits_section,
)

visit = frame.open_page("People and records")

SECTIONS = {
    "people": visits_section.people,
    "invitations": invitations_section.invitations,
    "tokens": tokens_section.tokens,
    "events": events_section.events,
    "kept": retention_section.kept,
}


@frame.guarded
def page() -> None:
    if closed_page.is_closed(visit, "owner", "What you do here is on record with your name."):
        return
    frame.title()
    SECTIONS[record_sections.chosen()](visit)
    widget_values.confirm(lambda: None)
    who.keep("people")


page()
