"""The cases of a batch on which two versions of a model are compared."""

from __future__ import annotations

import numpy as np

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.models.comparison_cases import CaseSet, cases_in
from second_opinion.records.batch import Batch
from second_opinion.store import Store

MOST_OF_A_BATCH = 5000


def cases_of_batch(store: Store, batch: Batch, card: ModelCard) -> CaseSet:
    """The scored cases of a batch, up to 5,000 of them drawn with a fixed seed.

    ``card`` is that of the version that scored it.
    """
    from second_opinion.tables import typed

    rows = np.arange(1, batch.rows_done + 1)
    if len(rows) > MOST_OF_A_BATCH:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_OF_A_BATCH, replace=False))
    text = ScoredRows(store).fetched(batch, rows.tolist()).text
    cases, _ = typed(text, card.case_schema, decimal=batch.decimal)
    sample = f"{len(rows):,} of " if len(rows) < batch.rows_done else ""
    about = f"{sample}the {plural(batch.rows_done, 'case')} of the batch {batch.name}"
    return CaseSet(cases_in(cases, card.case_schema), about, batch_key(batch))


def batch_key(batch: Batch) -> str:
    """What tells the cases of `cases_of_batch` from all others, read without reading them."""
    return f"{batch.id} {batch.rows_done}"
