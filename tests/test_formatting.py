"""Numbers, names and times as people read them."""

import ast
import math
import re
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from builders import ROOT
from hypothesis import assume, example, given
from hypothesis import strategies as st

from second_opinion.formatting import (
    alike,
    closest,
    cut,
    decimals_of,
    humanise,
    interval_text,
    joined,
    number_text,
    opening,
    percent,
    plural,
    quoted,
    round_down,
    share_of,
    share_text,
    when,
)
from second_opinion.statistics.agreement import wilson

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 20)


def parsed(text):
    return float(text.replace(",", ""))


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_a_whole_number_is_shown_to_its_last_digit(number):
    assert parsed(number_text(number)) == number
    assert number_text(float(number)) == number_text(number)


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_a_number_of_up_to_six_decimals_is_shown_to_its_last_digit(digits, places):
    number = digits / 10**places
    assume(number == 0 or abs(number) >= 1e-4)
    assert parsed(number_text(number)) == number
    _, _, fraction = number_text(number).partition(".")
    assert not fraction.endswith("0")


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.1 + 0.2)
@example(1e-300)
def test_no_digit_is_lost_that_a_person_would_miss(number):
    assert math.isclose(parsed(number_text(number)), number, rel_tol=0.006, abs_tol=5e-7)
    assert len(number_text(number)) <= 28


@pytest.mark.parametrize(
    ("number", "text"),
    [(75000, "75,000"), (0.1 + 0.2, "0.3"), (1234.5, "1,234.5"), (0.00001234, "1.23e-05")],
)
def test_thousands_stand_apart(number, text):
    assert number_text(number) == text


@given(st.floats(0, 1))
def test_a_percentage_never_claims_more_than_the_probability(share):
    """100 % and 0 % are said of certainty alone; the rest is right to half a percent."""
    text = percent(share)
    assert (text == "100 %") == (share == 1)
    assert (text == "0 %") == (share == 0)
    if text == "over 99 %":
        assert 0.99 < share < 1
    elif text == "under 1 %":
        assert 0 < share < 0.01
    else:
        assert abs(float(text.removesuffix(" %")) / 100 - share) <= 0.005 + 1e-12


@st.composite
def counts(draw, most=10**8):
    n = draw(st.integers(1, most))
    return draw(st.sampled_from([0, 1, n - 1, n]) | st.integers(0, n)), n


@given(counts())
@example((2000, 2001))
@example((1, 2000))
@example((999, 1000))
@example((10**8 - 1, 10**8))
def test_a_share_claims_all_or_none_only_where_it_is_all_or_none(pair):
    k, n = pair
    text = share_text(k / n)
    assert (text == "100 %") == (k == n)
    assert (text == "0 %") == (k == 0)
    if text == "over 99.9 %":
        assert 0.999 * n < k < n
    elif text == "under 0.1 %":
        assert 0 < k < 0.001 * n
    else:
        assert abs(float(text.removesuffix(" %")) / 100 - k / n) <= 0.0005 + 1e-12


def test_a_share_is_read_to_a_tenth():
    shares = [2000 / 2001, 1 / 2000, 2 / 3, 0.5, 0.8504, 1.0, 0.0, sum([0.1] * 10), math.nan]
    assert [share_text(share) for share in shares] == [
        *("over 99.9 %", "under 0.1 %", "66.7 %", "50 %", "85 %", "100 %", "0 %", "100 %", "–"),
    ]


@given(counts())
@example((2000, 2001))
@example((1, 2000))
@example((29, 100))
def test_what_is_written_of_an_interval_holds_all_of_it(pair):
    low, high = wilson(*pair)
    bottom, top = map(float, interval_text(low, high).removesuffix(" %").split(" to "))
    assert 0 <= bottom <= low * 100 + 1e-6
    assert high * 100 - 1e-6 <= top <= 100
    assert top - bottom <= (high - low) * 100 + 2
    assert bottom < top


def test_ends_of_an_interval_are_rounded_outwards():
    assert interval_text(*wilson(2000, 2001)) == "99.7 to 100 %"
    assert interval_text(*wilson(17, 20)) == "63 to 95 %"
    assert interval_text(0.29, 0.57) == "29 to 57 %"
    assert interval_text(math.nan, math.nan) == ""


@given(counts())
def test_of_fewer_than_ten_the_counts_are_said(pair):
    k, n = pair
    text = share_of(k, n, "verdict")
    assert text.endswith(f" of {plural(n, 'verdict')}")
    assert text.startswith(f"{k} of" if n < 10 else share_text(k / n))


def test_ties_are_told_by_name_up_to_three():
    assert alike(["a"]) == "a"
    assert alike(["a", "b", "c"]) == "a, b and c"
    assert alike(list("abcde")) == "a, b and 3 others"


def test_every_share_is_written_by_the_one_function():
    """Axes have their own ticks, and the lists of cases one decimal, rounded down."""
    others = (
        r"""[:.]\d*[.]?\d*f\} ?%""",
        r"""\d%(?:\}|")(?<!tickformat": "\.0%")""",
        r"""format=["'](?:percent|%\.\df %%)["']""",
    )
    found = [
        (path.name, line.strip())
        for path in [
            ROOT / "Home.py",
            *ROOT.glob("pages/*.py"),
            *ROOT.glob("second_opinion/**/*.py"),
        ]
        for line in path.read_text("utf-8").splitlines()
        if any(re.search(other, line) for other in others)
    ]
    # What check_text.py writes stands alone in the folder of who brought a model.
    kept = {"formatting.py", "check_text.py"}
    assert [
        (name, line)
        for name, line in found
        if name not in kept and not re.search(r"tickformat|digits|return|SURE =|PERCENT =", line)
    ] == []


@given(st.floats(1e-300, 1e300))
def test_a_step_is_the_largest_round_number_below(value):
    step = round_down(value)
    power = 10.0 ** math.floor(math.log10(step) + 1e-9)
    assert any(math.isclose(step / power, digit) for digit in (1, 2, 5))
    assert step <= value * (1 + 1e-8)
    assert value < 2.5 * step * (1 + 1e-8)


@pytest.mark.parametrize("value", [0, -3, math.nan, math.inf])
def test_a_step_is_one_where_there_is_no_range(value):
    assert round_down(value) == 1


@pytest.mark.parametrize(
    ("value", "places"), [(3, 0), (0.5, 1), (0.1 + 0.2, 1), (1.25e-7, 9), (12345.678, 3)]
)
def test_decimals_are_those_of_the_shortest_form(value, places):
    assert decimals_of(value) == places


NAMES = ["age", "colour", "tenure_months", "Sepal length (cm)"]


@given(st.text(), st.lists(st.text(), max_size=5))
def test_the_closest_name_is_one_of_the_names_or_none(name, names):
    assert closest(name, names) in (None, *names)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_closest_to_itself_in_any_spelling(name):
    for spelling in (name, name.upper(), name.replace(" ", "_"), f" {name} "):
        assert closest(spelling, NAMES) == name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("color", "colour"),
        ("tenure", None),
        ("tenure_month", "tenure_months"),
        ("Sepal.Length.cm", "Sepal length (cm)"),
        ("income", None),
        ("", None),
    ],
)
def test_a_misspelt_name_finds_the_one_that_was_meant(name, meant):
    assert closest(name, NAMES) == meant


@given(st.text() | st.integers() | st.floats() | st.lists(st.text()) | st.binary())
def test_a_quoted_value_fits_on_a_line(value):
    assert len(quoted(value)) <= 60


def test_a_column_name_becomes_a_label():
    assert humanise("tenure_months") == "Tenure months"
    assert humanise("BMI") == "BMI"
    assert humanise("") == ""


def test_words_are_joined():
    assert [joined(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-20T13:02:03.000Z", "14:02"),
        ("2026-11-19T22:59:00.000Z", "yesterday 23:59"),
        ("2026-11-19T23:00:00.000Z", "00:00"),
        ("2026-11-18T13:02:00.000Z", "18 Nov 14:02"),
        ("2026-07-01T13:02:00.000Z", "1 Jul 15:02"),
        ("2025-11-20T13:02:00.000Z", "20 Nov 2025"),
        ("2026-11-20T23:30:00.000Z", "21 Nov 00:30"),
    ],
)
def test_a_time_is_said_as_people_say_it(moment, said):
    assert when(moment, BERLIN, today=TODAY) == said


def test_a_full_time_names_its_zone():
    said = when("2026-11-20T13:02:03.000Z", BERLIN, full=True, today=TODAY)
    assert said == "20 November 2026 14:02:03 CET"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1237, "1,237 rows")]
)
def test_one_is_one(count, text):
    assert plural(count, "row") == text


def fields_before_text(path):
    """Each value that an f-string puts in, as it is written, and the text right after it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            for value, after in zip(node.values, node.values[1:], strict=False):
                if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                    continue
                # One with decimals is no count.
                if value.format_spec is None or "f" not in ast.unparse(value.format_spec)[2:]:
                    yield ast.unparse(value.value), after.value


def test_every_count_before_a_noun_is_put_into_words_by_plural():
    """Else it says "1 rows". Bounds, which are constants, are many by themselves."""
    sources = [ROOT / "Home.py", *ROOT.glob("pages/*.py"), *ROOT.glob("second_opinion/**/*.py")]
    call = re.compile(r"""plural\([^"']*["'](?:\w+ )?(\w+)["']\)""")
    nouns = {noun for path in sources for noun in call.findall(path.read_text("utf-8"))}
    assert nouns >= {"row", "case", "verdict", "version"}
    several = re.compile(
        rf" (?:more |demo |other )?(?:{'|'.join(sorted(nouns))})s\b(?! (?:at|with)\b)"
    )
    found = [(path, *field) for path in sources for field in fields_before_text(path)]
    assert len(found) > 500
    assert not [
        (path.name, value, after)
        for path, value, after in found
        if several.match(after) and not value.isupper()
    ]


@given(st.text(), st.integers(1, 300))
def test_an_opening_is_a_beginning_of_the_text(text, most):
    short = opening(text, most)
    assert text.startswith(short.removesuffix(" …"))
    assert short == text or len(short) <= most + 2


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Adults in the ward.", "Adults in the ward."),
        ("Adults in the ward. Not for children, nor for pets.", "Adults in the ward."),
        ("Adults in the ward who came by themselves", "Adults in the ward who came by …"),
        ("Donaudampfschifffahrtselektrizitätenhauptwerk", "Donaudampfschifffahrtselektriz …"),
    ],
)
def test_an_opening_ends_with_a_sentence_or_a_word(text, short):
    assert opening(text, 30) == short


@given(st.text(), st.integers(2, 60))
def test_a_cut_text_keeps_both_of_its_ends(text, most):
    short = cut(text, most)
    assert short == text or (len(short) == most and "…" in short)
    assert short[:1] == text[:1] or most < 3
    assert short[-1:] == text[-1:]


def test_a_long_name_loses_its_middle():
    assert cut("customers of the north, final 2.csv", 20) == "customers…inal 2.csv"
