"""Every verdict in the order in which they were stored, to be fetched piece by piece."""

from __future__ import annotations

from typing import NamedTuple

from second_opinion.access import roles
from second_opinion.records.expert import Expert
from second_opinion.records.verdict import Verdict
from second_opinion.store import record_rows, sql_verdicts
from second_opinion.store.blind_cases import closed_among
from second_opinion.store.database_file import DatabaseFile


class LoggedVerdict(NamedTuple):
    """A verdict, and the model and version whose prediction it is about."""

    verdict: Verdict
    model: str
    version: str


class VerdictLog:
    """The verdicts that were replaced or withdrawn too. `Store.verdict_log` is the one to use."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def after(
        self, created_at: str = "", verdict_id: str = "", *, most: int, by: Expert
    ) -> list[LoggedVerdict]:
        """Up to so many that were stored after this one, or, where it is not there, after its time;
        `UserError` below a reviewer.

        Those on cases that blind plans close to ``by`` (`BlindCases`) are left out.
        """
        roles.check(by, "see every verdict")
        about = {"created_at": created_at, "id": verdict_id, "most": most}
        about |= {"hidden": record_rows.listed(by.hidden_models)}
        with self._file.reading() as connection:
            while rows := connection.execute(sql_verdicts.VERDICTS_AFTER, about).fetchall():
                closed = closed_among(connection, [row["prediction_id"] for row in rows], by)
                visible = [row for row in rows if row["prediction_id"] not in closed]
                if visible:
                    return [_logged(dict(row)) for row in visible]
                # Who reads on to the end must not stop at a page of closed ones.
                about |= {name: rows[-1][name] for name in ("created_at", "id")}
        return []


def _logged(row: dict[str, str]) -> LoggedVerdict:
    model, version = row.pop("model"), row.pop("version")
    return LoggedVerdict(record_rows.verdict(row), model, version)
