"""Counts of the newest verdicts of a filter: for what the summaries of the database do not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from second_opinion.records.namesakes import key_in, label_in, names
from second_opinion.records.verdict_kinds import column_labels, column_of

if TYPE_CHECKING:
    import pandas as pd

CERTAIN = ["right", "wrong"]
SAID = ["verdicts", *column_labels(), *CERTAIN]


class Newest:
    """The newest verdicts that match, to be counted `by` what they have in common.

    ``total`` counts the matching ones; with ``more`` there are more than that many.
    """

    def __init__(
        self,
        rows: Sequence[tuple[Any, ...]],
        groups: Sequence[Any],
        *,
        total: int,
        more: bool,
    ) -> None:
        import pandas as pd

        self._rows = pd.DataFrame(rows, columns=["id", "day", "percent", "case_id"])
        own = [{**group, "said": column_of(group["judgement"])} for group in map(dict, groups)]
        self._groups = pd.DataFrame(own).drop(columns="verdicts", errors="ignore")
        self.total, self.more = total, more

    def by(self, *keys: str) -> pd.DataFrame:
        """One row for each of what is there of the keys, in their order: ``keys`` and `SAID`.

        A key is a column of ``review_groups``, ``day``, ``percent`` or ``case_id``; verdicts
        whose confidence is not known have no percent and are left out by it.
        """
        import pandas as pd

        if self._rows.empty:
            return pd.DataFrame(columns=[*keys, *SAID]).astype(dict.fromkeys(SAID, "int64"))
        own = [key for key in keys if key in self._rows]
        counts = self._rows.groupby(["id", *own]).size().rename("verdicts").reset_index()
        each = counts.merge(self._groups, on="id")
        for name in SAID[1:]:
            mask = each["outcome" if name in CERTAIN else "said"] == name
            each[name] = each["verdicts"].where(mask, 0)
        return each.groupby(list(keys))[SAID].sum().reset_index()

    def certain_facts(self, *keys: str) -> pd.DataFrame:
        """One row for each verdict that says right or wrong: ``case_id, outcome`` and the keys."""
        rows = self._rows
        if rows.empty:
            return rows.reindex(columns=["case_id", "outcome", *keys])
        groups = self._groups.set_index("id")
        groups = groups[groups["outcome"].isin(CERTAIN)]
        rows = rows[rows["id"].isin(groups.index)]
        names = dict.fromkeys(["outcome", *keys])
        own = {name: rows["id"].map(groups[name]) for name in names if name not in rows}
        return rows.assign(**own)[["case_id", *names]]


def people(by_expert: pd.DataFrame) -> pd.DataFrame:
    """Spellings of one name put together under the one that was used most; most verdicts first.

    Takes ``expert`` as the summaries write it, and `SAID`; gives what to call each, and `SAID`, by
    the key of each.
    """
    ranked = by_expert.sort_values("verdicts", ascending=False, kind="stable")
    person = ranked["expert"].map(key_in)
    label = ranked.groupby(person, sort=False)["expert"].first().map(label_in)
    summed = ranked.groupby(person, sort=False)[SAID].sum().rename_axis(None)
    summed.insert(0, "expert", list(names(dict(label)).values()))
    return summed.sort_values("verdicts", ascending=False, kind="stable")
