"""Which columns of a batch a person may see: a rule for every call that gives cells away."""

from __future__ import annotations

from second_opinion.access import roles
from second_opinion.errors import UserError
from second_opinion.formatting import plural, quoted
from second_opinion.records.batch import Batch
from second_opinion.records.expert import Expert
from second_opinion.store import Store


def hidden_from(store: Store, batch: Batch, by: Expert | None) -> frozenset[str]:
    """The columns that are not for this person; none for a reviewer."""
    if roles.may(by, "see columns that are hidden from experts"):
        return frozenset()
    return frozenset(store.column_choices.latest(batch.id).hidden)


def visible(store: Store, batch: Batch, by: Expert | None) -> list[str]:
    """The columns that are for this person, in the order of the file."""
    hidden = hidden_from(store, batch, by)
    return [name for name in batch.columns if name not in hidden]


def shown(store: Store, batch: Batch, by: Expert | None) -> list[str]:
    """The columns that a case is known by and that are for this person, in their order."""
    choice, seen = store.column_choices.latest(batch.id), {*visible(store, batch, by)}
    names = [name for name in choice.shown if name in seen]
    return [
        *([choice.picture] if choice.picture in seen and choice.picture not in names else []),
        *names,
    ]


def check_column(store: Store, batch: Batch, column: str, by: Expert | None) -> None:
    """Raise `UserError` where the column is not for this person: a search would tell its cells."""
    if column in hidden_from(store, batch, by):
        raise UserError(
            f"The column {quoted(column)} is not for experts to see, so it cannot be searched. "
            "Choose another column, or ask a reviewer."
        )


def check_whole_rows(store: Store, batch: Batch, by: Expert | None) -> None:
    """Raise `UserError` where rows as they stand in the file have cells not for this person."""
    hidden = hidden_from(store, batch, by)
    if hidden:
        raise UserError(
            f"These rows stand here as in the file, with {plural(len(hidden), 'column')} that "
            "experts may not see. Ask a reviewer for them, or mend the file that you uploaded."
        )
