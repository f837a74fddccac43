"""A case as the expert knows it: what its file says beside what the model takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from second_opinion.batches import column_rights
from second_opinion.batches.scored_rows import RowPage, ScoredRows
from second_opinion.records.batch import Batch
from second_opinion.records.case_columns import CaseColumns
from second_opinion.records.case_picture import CasePicture
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.store import Store


class CaseFact(NamedTuple):
    """One cell: its text, the address that may be opened, and the picture that it names.

    ``picture`` is one that was uploaded; a picture elsewhere has its address in ``picture_at``.
    """

    text: str
    href: str = ""
    picture: CasePicture | None = None
    picture_at: str = ""


def of_rows(
    store: Store, batch: Batch, row_page: RowPage, by: Expert | None
) -> dict[str, list[CaseFact]]:
    """The facts of some rows by column, in the order in which they are to stand for ``by``."""
    choice = store.column_choices.latest(batch.id)
    present = {*row_page.text.column_names}
    names = [name for name in column_rights.shown(store, batch, by) if name in present]
    return {
        name: _facts(store, batch, choice, name, row_page.text[name].to_pylist()) for name in names
    }


def of_prediction(store: Store, prediction: Prediction, by: Expert | None) -> dict[str, CaseFact]:
    """The facts of one case for ``by``, by column; none of a case that came in no batch."""
    batch = store.batches.find(prediction.batch_id) if prediction.batch_id else None
    if batch is None or prediction.row_number is None:
        return {}
    row_page = ScoredRows(store).fetched(batch, [prediction.row_number])
    return {name: cells[0] for name, cells in of_rows(store, batch, row_page, by).items() if cells}


class KnownBy:
    """What experts know cases by, in words, for many predictions: each batch is looked up once."""

    def __init__(self, store: Store, by: Expert | None) -> None:
        self._store, self._by = store, by
        self._batches: dict[str, tuple[Batch, list[str]] | None] = {}

    def of(self, predictions: Sequence[Prediction]) -> dict[str, dict[str, str]]:
        """By the id of a prediction its cells by column; none of one that came in no batch."""
        rows: dict[str, dict[int, str]] = {}
        for one in predictions:
            if one.batch_id and one.row_number is not None and self._columns(one.batch_id):
                rows.setdefault(one.batch_id, {})[one.row_number] = one.id
        known: dict[str, dict[str, str]] = {}
        for batch_id, ids in rows.items():
            known |= self._of_batch(batch_id, ids)
        return known

    def _of_batch(self, batch_id: str, ids: dict[int, str]) -> dict[str, dict[str, str]]:
        batch, names = self._columns(batch_id) or (None, [])
        if batch is None:
            return {}
        row_page = ScoredRows(self._store).fetched(batch, sorted(ids))
        cells = row_page.text.select(names).to_pylist()
        return {
            ids[row]: {name: (text or "").strip() for name, text in case.items()}
            for row, case in zip(row_page.rows.tolist(), cells, strict=True)
        }

    def _columns(self, batch_id: str) -> tuple[Batch, list[str]] | None:
        if batch_id not in self._batches:
            batch = self._store.batches.find(batch_id)
            names = column_rights.shown(self._store, batch, self._by) if batch else []
            self._batches[batch_id] = (batch, names) if batch and names else None
        return self._batches[batch_id]


def _facts(
    store: Store, batch: Batch, choice: CaseColumns, name: str, cells: Sequence[str | None]
) -> list[CaseFact]:
    texts = [(cell or "").strip() for cell in cells]
    if name != choice.picture:
        return [CaseFact(cell, cell if choice.allows(cell) else "") for cell in texts]
    pictures = store.column_choices.pictures(batch.id, _file_names(texts))
    return [
        CaseFact(
            cell,
            picture=pictures.get(file_name(cell)),
            picture_at=cell if choice.allows(cell) else "",
        )
        for cell in texts
    ]


def file_name(path: str) -> str:
    """The name of a file without its folders, however these are parted."""
    return PurePosixPath(path.replace("\\", "/")).name


def _file_names(texts: Iterable[str]) -> set[str]:
    return {file_name(text) for text in texts if text and "://" not in text}
