"""The log of events as a CSV file, at flat memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from second_opinion.access import roles
from second_opinion.records.event import Event, EventFilter
from second_opinion.records.expert import Expert
from second_opinion.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("created_at", "what", "who", "details", "id")


def export_events(store: Store, out: BinaryIO, event_filter: EventFilter, *, by: Expert) -> None:
    """Write what the filter finds, newest first, safe to open in a spreadsheet.

    ``details`` is JSON. The export is itself in the log. `UserError` for all but owners.
    """
    from second_opinion.tables.spreadsheet_csv import write_export

    roles.check(by, "read the log of events")
    store.event_log.add(Event("export", by.label, {"what": "events", "format": "csv"}))
    write_export(_tables(store, event_filter, by), out, spreadsheet_safe=True)


def _tables(store: Store, event_filter: EventFilter, by: Expert) -> Iterator[pa.Table]:
    import pyarrow as pa

    for events in chain([[]], store.event_log.each(event_filter, by=by)):
        yield pa.table(
            [pa.array([_cell(one, name) for one in events], pa.string()) for name in COLUMNS],
            names=list(COLUMNS),
        )


def _cell(event: Event, name: str) -> str:
    value = getattr(event, name)
    return json.dumps(dict(value), ensure_ascii=False) if name == "details" else str(value)
