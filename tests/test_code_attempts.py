"""Wrong codes: who waits for how long, and who does not."""

from contextlib import suppress

import pytest

from second_opinion.access import code_attempts
from second_opinion.access.code_attempts import FREE, LONGEST_LINE, MOST_APART, Attempts, CodeLine
from second_opinion.errors import UserError


@pytest.fixture
def clock(monkeypatch):
    """The time, which stands still until a test moves it."""
    now = [1000.0]
    monkeypatch.setattr(code_attempts.time, "monotonic", lambda: now[0])
    return now


def test_wrong_codes_make_a_session_wait_longer_each_time(clock):
    attempts = Attempts()
    waits = []
    for _ in range(8):
        assert attempts.wait() == 0
        attempts.failed()
        waits.append(attempts.wait())
        clock[0] += attempts.wait()
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]


def until_full(line, most=1000):
    """The turns that so many sessions at once get."""
    turns = []
    with suppress(UserError):
        turns.extend(line.turn() for _ in range(most))
    return turns


def looked_at(line, clock, seconds, at_once):
    """How many codes are looked at while so many sessions at once try again each second."""
    turns = []
    for _ in range(seconds):
        turns += until_full(line, at_once)
        clock[0] += 1
    return sum(turn < clock[0] for turn in turns)


@pytest.mark.parametrize("at_once", [1, 10, 1000])
def test_many_sessions_guess_no_faster_than_one(clock, at_once):
    """Growing: after the first few, the tenth costs a second and the thirtieth three."""
    line = CodeLine()
    number = looked_at(line, clock, 600, at_once)
    assert number <= 600 / MOST_APART + 2 * FREE + 30
    assert line.apart() == MOST_APART


def test_codes_sent_at_one_moment_are_counted_before_any_is_known_to_be_wrong(clock):
    assert until_full(CodeLine()).count(clock[0]) <= FREE + 1


def test_nobody_stands_in_line_for_long_and_a_full_line_says_so(clock):
    line = CodeLine()
    places = until_full(line)
    assert max(places) - clock[0] <= LONGEST_LINE
    with pytest.raises(UserError, match="Yours was not looked at: wait a moment, then enter"):
        line.turn()
    clock[0] += LONGEST_LINE + MOST_APART
    assert line.turn() == clock[0]


def test_right_codes_slow_nobody(clock):
    line = CodeLine()
    for _ in range(500):
        line.take_back(line.turn())
    assert line.apart() == 0
    assert line.turn() == clock[0]


def test_the_line_forgets(clock):
    line = CodeLine()
    for _ in range(60):
        clock[0] = line.turn()
    assert line.apart() == MOST_APART
    clock[0] += code_attempts.WINDOW + 1
    assert line.apart() == 0


def test_a_browser_with_a_right_code_waits_for_its_own_wrong_ones_alone(clock):
    line = CodeLine()
    line.trust("ada")
    ada = line.attempts_of("ada")
    assert line.attempts_of("eve") is None
    waits = []
    for _ in range(12):
        ada.failed()
        line.failed()
        line.trust("ada")
        assert line.attempts_of("ada") is ada, "a right code does not wipe out the wrong ones"
        waits.append(ada.wait())
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert line.apart() > 0, "its guesses slow down others that it might become"


def test_the_browsers_that_are_known_are_bounded(clock):
    line = CodeLine()
    for number in range(code_attempts.MOST_BROWSERS + 5):
        line.trust(str(number))
    assert line.attempts_of("0") is None
    assert line.attempts_of(str(code_attempts.MOST_BROWSERS))
