"""Arms: who answers a case under an A/B alias, and what an alias may point at."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from second_opinion.errors import UserError
from second_opinion.models import traffic_split
from second_opinion.schema import Feature, Schema, first_difference

VERSION = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,6}", fullmatch=True)
WEIGHTS = st.dictionaries(VERSION, st.integers(1, 1000), min_size=1, max_size=5)
SHARES = WEIGHTS.map(lambda weights: {v: w / sum(weights.values()) for v, w in weights.items()})


@pytest.mark.parametrize(
    "shares", [{"1": 0.5, "2": 0.5}, {"1": 0.9, "2": 0.1}, {"a": 0.2, "b": 0.3, "c": 0.5}]
)
def test_each_arm_gets_its_share_of_ten_thousand_ids(shares):
    drawn = [traffic_split.drawn(shares, f"{number:032x}") for number in range(10_000)]
    for version, share in shares.items():
        low, high = binom.interval(1 - 1e-9, 10_000, share)
        assert low <= drawn.count(version) <= high


@given(SHARES, st.text())
def test_an_id_is_always_answered_by_the_same_arm(shares, prediction_id):
    assert traffic_split.drawn(shares, prediction_id) in shares
    assert traffic_split.drawn(shares, prediction_id) == traffic_split.drawn(
        dict(shares), prediction_id
    )


def test_the_place_of_an_id_is_its_sha_256_as_a_fraction():
    """The digest of the empty text is e3b0c44298fc1… (FIPS 180-4)."""
    assert traffic_split.place("") == 0xE3B0C44298FC1 / 16**13
    assert 0 <= traffic_split.place("x") < 1
    assert sha256(b"x").hexdigest().startswith("2d711642b726b")
    assert traffic_split.place("x") == 0x2D711642B726B / 16**13


def test_an_arm_begins_where_the_one_before_ends():
    at = traffic_split.place("x")
    assert traffic_split.drawn({"1": at, "2": 1 - at}, "x") == "2"
    assert traffic_split.drawn({"1": at + 1e-12, "2": 1 - at}, "x") == "1"
    assert traffic_split.drawn({"1": 1e-9, "2": 1e-9}, "x") == "2"


@given(SHARES)
def test_arms_come_back_from_their_text(shares):
    text = traffic_split.text(shares)
    assert list(traffic_split.read(text)) == list(shares)
    assert traffic_split.read(text) == (shares if len(shares) > 1 else {next(iter(shares)): 1.0})
    assert traffic_split.is_split(text) == (len(shares) > 1)


@pytest.mark.slow
@given(st.dictionaries(VERSION, SHARES.map(traffic_split.text), max_size=4))
def test_a_file_of_aliases_comes_back_as_it_was_written(tmp_path_factory, aliases):
    path = tmp_path_factory.mktemp("aliases") / "aliases.json"
    traffic_split.write_file(path, aliases)
    assert traffic_split.read_file(path) == aliases


@pytest.mark.parametrize(
    "split",
    [
        {},
        {"1": 0.5},
        {"1": 0.5, "2": 0.6},
        {"1": 0, "2": 1},
        {"1": -1, "2": 2},
        {"1": True},
        {"1": "0.5", "2": 0.5},
        {"1": None, "2": 1},
        {"1": [1]},
    ],
)
def test_shares_that_do_not_make_a_whole_are_refused_with_their_place(tmp_path, split):
    path = tmp_path / "aliases.json"
    path.write_text(json.dumps({"ab": split}), "utf-8")
    with pytest.raises(UserError, match=r"aliases\.json: the alias ab is .*a share above 0"):
        traffic_split.read_file(path)


@pytest.mark.parametrize("share", [float("nan"), float("inf")])
def test_a_share_that_is_no_number_is_refused(share):
    with pytest.raises(UserError, match="a share above 0"):
        traffic_split.checked({"1": share, "2": 0.5}, "The split")


def test_words_name_shares_and_the_header_does_not():
    split = traffic_split.text({"1": 0.25, "2": 0.75})
    assert traffic_split.words("1") == traffic_split.either("1") == "version 1"
    assert traffic_split.words(split) == "version 1 (25 %) and version 2 (75 %)"
    assert traffic_split.either(split) == "A/B: version 1 or 2"
    assert (
        traffic_split.either(traffic_split.text({"1": 0.2, "2": 0.3, "3": 0.5}))
        == "A/B: version 1, 2 or 3"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "years"}, "age is a field of one alone"),
        ({"kind": "integer"}, "age is of the kind number in one and integer in the other"),
        ({"kind": "category", "choices": [1, 2]}, "age is of the kind"),
        ({"missing": True}, "age may be missing in one alone"),
        ({"min": 3, "max": 4, "label": "Years", "unit": "a"}, ""),
    ],
)
def test_the_first_difference_of_two_schemas_is_named(change, said):
    fields = {"name": "age", "kind": "number"}
    one, other = Schema([Feature(**fields)]), Schema([Feature(**{**fields, **change})])
    assert first_difference(one, other).startswith(said)
    assert bool(first_difference(one, other)) == bool(said)
    if said:
        with pytest.raises(UserError, match="Versions 1 and 2 do not take the same fields: age"):
            traffic_split.refuse_other_fields({"1": one, "2": other})


def test_choices_are_compared_without_their_order():
    def colours(*values):
        return Schema([Feature(name="colour", kind="category", choices=values)])

    assert first_difference(colours("red", "blue"), colours("blue", "red")) == ""
    assert first_difference(colours("red"), colours("red", "blue")) == "colour has other choices"
    assert first_difference(colours("1"), colours(1)) == "colour has other choices"
