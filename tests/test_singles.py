"""Predictions that belong to no batch: each filter to its edge, and the verdicts on any."""

from itertools import product

import pytest
from builders import case, verdict

TIMES = ["2026-11-01T23:59:59.999Z", "2026-11-02T00:00:00.000Z", "2026-11-02T12:00:00.000Z"]
OTHERS = [("dose", None), ("churn", "b"), ("churn", "a")]


@pytest.fixture
def predictions(empty_store):
    """Predictions of both versions and three sources at every time, and some of batches."""
    singles = [
        case(version=version, source=source, created_at=time)
        for time, version, source in product(TIMES, "12", ("form", "api", "plan"))
    ]
    others = [
        case(model=model, batch_id=batch, row_number=1 if batch else None, created_at=TIMES[1])
        for model, batch in OTHERS
    ]
    empty_store.add_predictions([*singles, *others])
    return singles


@pytest.mark.slow
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"version": "2"},
        {"source": "api"},
        {"since": TIMES[1]},
        {"until": TIMES[1]},
        {"since": TIMES[1], "until": TIMES[2]},
        {"since": TIMES[0], "until": TIMES[0]},
        {"version": "1", "source": "form", "since": TIMES[1]},
    ],
    ids=str,
)
def test_singles_are_listed_newest_first_from_since_until_before_until(
    empty_store, predictions, wanted
):
    expected = [
        made
        for made in predictions[::-1]
        if wanted.get("version", made.version) == made.version
        and wanted.get("source", made.source) == made.source
        and wanted.get("since", "") <= made.created_at < wanted.get("until", "9")
    ]
    found = empty_store.singles.listed("churn", **wanted)
    assert [row["id"] for row in found] == [made.id for made in expected]
    newest = empty_store.singles.listed("churn", **wanted, limit=2)
    assert newest == found[:2]


def test_singles_are_counted_by_version_and_source_with_their_last_time(empty_store, predictions):
    found = empty_store.singles.counts("churn")
    assert [(one.version, one.source) for one in found] == list(
        product("12", ("api", "form", "plan"))
    )
    assert {(one.predictions, one.last_at) for one in found} == {(3, TIMES[2])}
    (other,) = empty_store.singles.counts("dose")
    assert (other.predictions, other.last_at) == (1, TIMES[1])


@pytest.mark.parametrize("batch", [None, "a", "b"])
def test_verdicts_are_those_on_the_batch_or_on_the_predictions_of_none(empty_store, batch):
    """In the order of their time, and without what was withdrawn."""
    made = {
        about: case(model=about[0], batch_id=about[1], row_number=1 if about[1] else None)
        for about in [("churn", None), *OTHERS]
    }
    empty_store.add_predictions(made.values())
    for prediction in made.values():
        for expert, time in zip(["Ada", "Bob", "Cyd"], [TIMES[2], *TIMES[:2]], strict=True):
            empty_store.add_verdict(verdict(prediction, "agree", expert, created_at=time))
        empty_store.add_verdict(verdict(prediction, "withdrawn", "Cyd"))
    found = empty_store.singles.verdicts("churn", batch)
    assert {row["prediction_id"] for row in found} == {made["churn", batch].id}
    assert [row["created_at"] for row in found] == [TIMES[0], TIMES[2]]
