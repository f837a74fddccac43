"""Wrong codes slow down whoever enters them, and all sessions of this process together.

A session costs a guesser nothing, so the process looks at codes one after another once many were
wrong. Browsers that have entered a right code do not stand in that line.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from second_opinion.errors import UserError

# How long a session waits at most after a wrong code, in seconds, and a browser that had a right
# one.
SESSION_WAIT = 30.0
BROWSER_WAIT = 900.0
# So many codes within the window are looked at at once; each further one slows the next down.
FREE = 10
WINDOW = 600.0
STEP = 0.1
MOST_APART = 3.0
# Nobody stands in line for longer, in seconds: who would is asked to come again.
LONGEST_LINE = 15.0
MOST_BROWSERS = 500


class Attempts:
    """Wrong codes of one session or browser: how long until the next one is looked at."""

    def __init__(self, longest: float = SESSION_WAIT) -> None:
        self.longest = longest
        self.wrong = 0
        self._next = 0.0

    def wait(self) -> float:
        """Seconds until the next may be tried; 0 if it may now."""
        return max(self._next - time.monotonic(), 0.0)

    def failed(self) -> None:
        """Note a wrong code."""
        self.wrong += 1
        self._next = time.monotonic() + min(2.0 ** min(self.wrong - 1, 30), self.longest)


@dataclass
class CodeLine:
    """The line in which codes of all sessions stand, and the browsers that need not.

    A code counts as wrong from its turn on, until `take_back`: many that are sent at one moment
    would otherwise all be looked at before the first is known to be wrong.
    """

    _counted: list[float] = field(default_factory=list)
    _last: float = float("-inf")
    _browsers: OrderedDict[str, Attempts] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def apart(self) -> float:
        """Seconds between two codes that are looked at; 0 while few were wrong."""
        with self._lock:
            return self._apart(time.monotonic())

    def turn(self) -> float:
        """Take the next place: the moment (of `time.monotonic`) at which the code is looked at.

        `UserError` where the line is too long; the code is not looked at then.
        """
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._last + self._apart(now))
            if turn - now > LONGEST_LINE:
                raise UserError(
                    "Many codes are being entered in this app just now, more than are looked at "
                    f"within {LONGEST_LINE:.0f} seconds. Yours was not looked at: wait a moment, "
                    "then enter it again. In a browser where a code was right before, there is no "
                    "such wait."
                )
            self._last = turn
            self._counted.append(turn)
            return turn

    def failed(self) -> None:
        """Note a wrong code that did not stand in line."""
        with self._lock:
            self._counted.append(time.monotonic())

    def take_back(self, turn: float) -> None:
        """The code of this turn was right."""
        with self._lock:
            if turn in self._counted:
                self._counted.remove(turn)

    def trust(self, browser: str) -> None:
        """From now on this browser, known by its secret, waits for its own wrong codes alone."""
        with self._lock:
            self._browsers.setdefault(browser, Attempts(BROWSER_WAIT))
            self._browsers.move_to_end(browser)
            while len(self._browsers) > MOST_BROWSERS:
                self._browsers.popitem(last=False)

    def attempts_of(self, browser: str) -> Attempts | None:
        """The wrong codes of a browser that has entered a right one; None of any other."""
        return self._browsers.get(browser)

    def _apart(self, now: float) -> float:
        self._counted = [turn for turn in self._counted if turn > now - WINDOW]
        return min(max(len(self._counted) - FREE, 0) * STEP, MOST_APART)


LINE = CodeLine()
