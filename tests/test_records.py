"""What records promise: values stay apart, a name is one person, a verdict says something."""

import json
import time
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime
from itertools import product
from uuid import RFC_4122, UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.errors import UserError
from second_opinion.records.expert import NAME_LIMIT, Expert, same_person
from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id, now
from second_opinion.records.value import plain, same_inputs, same_value, text_of, typed_text
from second_opinion.records.verdict import COMMENT_LIMIT, Verdict

VALUES = [None, True, False, 0, 1, 2, "1", "", "true", "No", 0.5, -1]


def prediction(value=1):
    return Prediction(
        model="churn",
        version="1",
        model_sha256="a",
        card_sha256="b",
        inputs={"age": 40},
        value=value,
        confidence=0.8,
        probabilities=(0.2, 0.8),
        flags=(),
        source="form",
        asked_by="Ada",
        latency_ms=2.0,
    )


def verdict(judgement="disagree", **changes):
    return Verdict("p1", "Ada", judgement, **changes)


@pytest.mark.parametrize(("left", "right"), list(product(VALUES, VALUES)))
def test_two_values_are_the_same_only_if_they_are_one_entry(left, right):
    """Nothing passes for something else: not "1" for 1, not True for 1, not None for ""."""
    one_entry = repr(left) == repr(right)
    assert same_value(left, right) == one_entry


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_the_same_as_its_float(number):
    assert same_value(number, float(number))
    assert same_value(np.int64(number), number)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(3), 3),
        (float("nan"), None),
        (np.float64("nan"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT"), None),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 12, tzinfo=UTC), "2024-02-29T12:00:00+00:00"),
        (pd.Timestamp("2024-02-29 12:00"), "2024-02-29T12:00:00"),
        (np.datetime64("2024-02-29"), "2024-02-29"),
        (np.datetime64("2024-02-29T12:00", "ns"), "2024-02-29T12:00:00"),
    ],
)
def test_a_value_is_unpacked_to_what_json_knows(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    assert json.loads(json.dumps(found)) == expected


@pytest.mark.parametrize(
    ("value", "exact", "typed"),
    [
        (None, "", ""),
        ('Yes, a "b"', 'Yes, a "b"', 'Yes, a "b"'),
        (True, "true", "true"),
        (35, "35", "35"),
        (35.0, "35.0", "35"),
        (-0.5, "-0.5", "-0.5"),
        (1e-05, "1e-05", "1e-05"),
        (1e16, "1e+16", "1e+16"),
        (date(2026, 11, 20), "2026-11-20", "2026-11-20"),
        ([0.25, "ü", None], '[0.25,"ü",null]', '[0.25,"ü",null]'),
        ({"age": 35}, '{"age":35}', '{"age":35}'),
    ],
)
def test_a_value_has_one_text_in_a_cell_and_one_as_it_is_typed(value, exact, typed):
    assert (text_of(value), typed_text(value)) == (exact, typed)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_reads_back_from_its_text(number):
    assert float(text_of(number)) == float(typed_text(number)) == float(number)


@given(st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()))
def test_a_plain_value_stays_as_it_is(value):
    assert repr(plain(value)) == repr(value)
    assert same_value(plain(value), value)


def test_inputs_are_the_same_in_any_order_and_with_any_kind_of_missing():
    left = {"age": 40, "born": date(1984, 1, 1), "weight": float("nan")}
    right = {"weight": None, "born": "1984-01-01", "age": np.int64(40)}
    assert same_inputs(left, right)


@pytest.mark.parametrize(
    "changed", [{"age": "40", "sex": "f"}, {"age": 40}, {"age": 40, "sex": "f", "more": None}]
)
def test_inputs_differ_when_one_value_or_one_name_differs(changed):
    assert not same_inputs({"age": 40, "sex": "f"}, changed)


@given(st.text(min_size=1), st.text(" \t", max_size=3))
def test_blanks_and_case_do_not_make_another_person(name, blanks):
    assert same_person(name, f"{blanks}{name}{blanks}")
    assert same_person("Ada  Weiß", "ada WEISS")
    assert not same_person(name, f"{name} x")


def test_an_e_mail_address_makes_another_person():
    assert not same_person("Ada", Expert.declared("Ada", "ada@example.org").label)


def test_a_declared_name_is_tidied():
    expert = Expert.declared("  Ada   Lovelace ", " ada@example.org ")
    assert expert.label == "Ada Lovelace <ada@example.org>"
    assert expert.source == "declared"
    assert Expert.declared("Ada").label == "Ada"


@pytest.mark.parametrize(
    "name", ["", " ", "a" * (NAME_LIMIT + 1), "<b>", "a\x00", "a\u202eb", "\ud800"]
)
def test_a_name_that_will_not_do_is_refused(name):
    with pytest.raises(UserError, match="name"):
        Expert.declared(name)


@pytest.mark.parametrize(
    "email", ["ada", "ada@", "@example.org", "ada@org", "a@b@c.org", "a b@c.org", "a@<c>.org"]
)
def test_an_incomplete_e_mail_address_is_refused(email):
    with pytest.raises(UserError, match="e-mail"):
        Expert.declared("Ada", email)


@pytest.mark.parametrize("judgement", ["agree", "unsure", "withdrawn"])
def test_a_verdict_that_claims_nothing_else_needs_nothing_else(judgement):
    verdict(judgement).check(prediction())


@pytest.mark.parametrize(
    "said", [{"correct_value": 0}, {"direction": "too_low"}, {"comment": "Look at the age."}]
)
def test_a_disagreement_that_says_something_is_accepted(said):
    verdict(**said).check(prediction())


@pytest.mark.parametrize("said", [{}, {"comment": " \n"}])
def test_a_disagreement_that_says_nothing_is_refused(said):
    with pytest.raises(UserError, match="says nothing"):
        verdict(**said).check(prediction())


@pytest.mark.parametrize(
    ("correct", "predicted"),
    [(1, 1), (1.0, 1), ("yes", "yes"), (np.int64(1), 1), (date(2024, 1, 1), "2024-01-01")],
)
def test_a_disagreement_with_the_same_answer_is_refused(correct, predicted):
    with pytest.raises(UserError, match="same as the model's"):
        verdict(correct_value=correct).check(prediction(predicted))


def test_the_text_of_a_number_is_another_answer():
    verdict(correct_value="1").check(prediction(1))
    verdict(correct_value=True).check(prediction(1))


def test_an_unknown_judgement_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="'perhaps'; expected one of agree, disagree"):
        verdict("perhaps").check(prediction())


@pytest.mark.parametrize("comment", ["a" * (COMMENT_LIMIT + 1), "a\x00b"])
def test_a_comment_that_cannot_be_kept_is_refused(comment):
    with pytest.raises(UserError, match="comment"):
        verdict("agree", comment=comment).check(prediction())


def test_a_comment_of_the_full_length_is_accepted():
    verdict("agree", comment="ä" * COMMENT_LIMIT).check(prediction())


def test_records_are_frozen():
    for record in (prediction(), verdict(), Expert("Ada")):
        with pytest.raises(FrozenInstanceError):
            record.expert = "Bo"


def test_ids_are_hexadecimal_and_new_each_time():
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(name) == 32 and int(name, 16) >= 0 for name in ids)


def test_ids_grow_with_time():
    """A UUID of version 7: what is stored later stands behind what was stored before."""
    before = time.time_ns() // 1_000_000
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    made = UUID(first)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000
    assert first < second


def test_times_are_utc_with_milliseconds():
    """Fixed width, so that the order of the texts is the order of the times."""
    found = datetime.strptime(now(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert len(now()) == len("2024-02-29T12:00:00.000Z")
    assert abs((datetime.now(UTC) - found).total_seconds()) < 5
