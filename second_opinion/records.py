"""What is stored: predictions, verdicts and the experts who gave them. No I/O."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, get_args

from second_opinion.errors import UserError

Source = Literal["form", "batch", "api", "plan"]
Judgement = Literal["agree", "disagree", "unsure", "withdrawn"]
Direction = Literal["too_high", "too_low"]
Severity = Literal["minor", "serious"]
Role = Literal["expert", "reviewer", "owner"]
IdentitySource = Literal["oidc", "invite", "code", "declared", "api"]
TriageState = Literal["open", "accepted", "fixed", "declined"]
Outcome = Literal["right", "wrong", "unsure"]
BatchState = Literal["checking", "checked", "scoring", "done", "cancelled", "failed"]

COMMENT_LIMIT = 4000
NAME_LIMIT = 80


def new_id() -> str:
    """An id for a prediction or a verdict: 32 hexadecimal digits that grow with time.

    A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds since 1970 and 74 of
    chance. New rows stand side by side in every index, so adding one costs the same at any size.
    """
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    version, variant = 0x7 << 76, 0x2 << 62
    return f"{number & ~(0xF << 76) & ~(0x3 << 62) | version | variant:032x}"


def now() -> str:
    """The current time as ISO-8601 UTC text with milliseconds and ``Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Expert:
    """Who is here, how we know, and what this person may do.

    A declared name is whatever was typed; ``source`` says so on every verdict.
    """

    name: str
    email: str = ""
    source: IdentitySource = "declared"
    role: Role = "expert"

    @classmethod
    def declared(cls, name: str, email: str = "") -> Expert:
        """An expert by a typed name, blanks tidied; `UserError` when the name will not do."""
        name, email = " ".join(name.split()), email.strip()
        if not name:
            raise UserError("The name is empty. Type the name that your verdicts should carry.")
        if len(name) > NAME_LIMIT or not name.isprintable() or set(name) & set("<>"):
            raise UserError(
                f"The name is not usable; expected up to {NAME_LIMIT} letters without < and >. "
                "Type a shorter, plainer one."
            )
        if email and not _looks_like_email(email):
            raise UserError(
                "The e-mail address is not complete; expected something like ada@example.org. "
                "Correct it, or leave it empty."
            )
        return cls(name, email)

    @property
    def label(self) -> str:
        """The text that is stored with predictions and verdicts: ``Ada`` or ``Ada <a@b.org>``."""
        return f"{self.name} <{self.email}>" if self.email else self.name


def _looks_like_email(text: str) -> bool:
    before, at, after = text.partition("@")
    plain = text.isprintable() and not set(text) & set("<> \t")
    complete = before and at and "." in after and "@" not in after
    return bool(complete and plain and len(text) <= 254)


def same_person(left: str, right: str) -> bool:
    """Whether two stored labels name one expert: blanks and case do not count."""
    return folded(left) == folded(right)


def folded(label: str) -> str:
    """The part of a label that tells people apart: its blanks tidied, its case dropped."""
    return " ".join(label.split()).casefold()


@dataclass(frozen=True)
class Prediction:
    """What one model version said of one case, bound to the exact inputs.

    ``value`` is a class value or a number; ``confidence`` is the probability of the predicted
    class, 0 to 1, or None; ``probabilities`` are in the card's class order; ``flags`` look like
    ``out_of_range:age``; ``alias`` is the one it was asked under, None if by version.
    """

    model: str
    version: str
    model_sha256: str
    card_sha256: str
    inputs: Mapping[str, Any]
    value: Any
    confidence: float | None
    probabilities: tuple[float, ...] | None
    flags: tuple[str, ...]
    source: Source
    asked_by: str
    latency_ms: float
    id: str = field(default_factory=new_id)
    batch_id: str | None = None
    row_number: int | None = None
    created_at: str = field(default_factory=now)
    alias: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What one expert said of one prediction. Never changed: a later verdict supersedes it.

    ``supersedes`` is filled by the store. ``seconds`` is the time from the answer to the verdict.
    """

    prediction_id: str
    expert: str
    judgement: Judgement
    identity_source: IdentitySource = "declared"
    correct_value: Any = None
    direction: Direction | None = None
    severity: Severity | None = None
    comment: str = ""
    mode: Literal["open", "blind"] = "open"
    blind_value: Any = None
    blind_confidence: float | None = None
    seconds: float | None = None
    supersedes: str | None = None
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)

    def check(self, prediction: Prediction) -> None:
        """Raise `UserError` unless this says something that can be learned from."""
        if self.judgement not in get_args(Judgement):
            expected = ", ".join(get_args(Judgement))
            raise UserError(f"The verdict is {self.judgement!r}; expected one of {expected}.")
        if "\x00" in self.comment or len(self.comment) > COMMENT_LIMIT:
            raise UserError(
                f"The comment has {len(self.comment)} characters; expected up to {COMMENT_LIMIT}, "
                "none of them NUL. Shorten it, then save again."
            )
        if self.judgement != "disagree":
            return
        if self.correct_value is not None and same_value(self.correct_value, prediction.value):
            raise UserError(
                "The right answer is the same as the model's. Choose another one, or press Agree."
            )
        if self.correct_value is None and self.direction is None and not self.comment.strip():
            raise UserError(
                "This disagreement says nothing of what would be right. Give the right answer, "
                "or say why in a few words, then save again."
            )


def said(judgement: str, value: Any, correct_value: Any) -> Any:
    """What a verdict says is right: the prediction, the corrected value, or None where neither."""
    return value if judgement == "agree" else correct_value if judgement == "disagree" else None


def same_value(left: Any, right: Any) -> bool:
    """Equality that keeps ``True``, ``1`` and ``"1"`` apart, and 1 and 1.0 together."""
    left, right = plain(left), plain(right)
    numbers = (int, float)
    if isinstance(left, bool) or isinstance(right, bool):
        return type(left) is type(right) and left == right
    if isinstance(left, numbers) and isinstance(right, numbers):
        return left == right
    return type(left) is type(right) and bool(left == right)


def same_inputs(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two cases are the same, value by value, whatever the order of their fields."""
    return left.keys() == right.keys() and all(same_value(left[name], right[name]) for name in left)


def plain(value: Any) -> Any:
    """The value as JSON knows it: dates as ISO text, NaN, NaT and NA as None, scalars unpacked."""
    if isinstance(value, str):
        return str.__str__(value)
    if type(value).__name__ == "NAType":
        return None
    if getattr(value, "ndim", None) == 0:
        value = _unpacked(value)
    if isinstance(value, (float, datetime)) and value != value:
        return None
    if isinstance(value, date):
        return value.isoformat()
    return value


def _unpacked(scalar: Any) -> Any:
    # NumPy unpacks a datetime64[ns] to a bare count of nanoseconds.
    in_nanoseconds = str(scalar.dtype) == "datetime64[ns]"
    return (scalar.astype("datetime64[us]") if in_nanoseconds else scalar).item()


@dataclass(frozen=True)
class AliasMove:
    """An alias of a model pointed at a version, or put back: by whom, and when. Never changed.

    ``version`` is one version, or the arms of an A/B split as `arms.text` writes them.
    """

    model: str
    alias: str
    version: str
    action: Literal["promote", "rollback"]
    moved_by: str
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Arm:
    """What one version did under an alias. Verdicts are current ones: none that was replaced."""

    version: str
    predictions: int
    agree: int
    disagree: int
    unsure: int


@dataclass(frozen=True)
class Triage:
    """What a reviewer decided to do about one verdict. Never changed: the latest counts."""

    verdict_id: str
    state: TriageState
    note: str
    decided_by: str
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Adjudication:
    """The answer that counts for one prediction, and why. Never changed: the latest counts."""

    prediction_id: str
    answer: Any
    reason: str
    decided_by: str
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Event:
    """Who did what, and when, beside predictions and verdicts: ``export``, ``triage``, …"""

    what: str
    who: str
    details: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Judged:
    """A current verdict with its prediction, and what became of both.

    ``answer`` is what counts as right: the adjudicated answer where there is one, else what this
    expert said, else None. ``outcome`` says whether the model was right by that. ``triage`` is None
    where nothing is to be done.
    """

    verdict: Verdict
    prediction: Prediction
    answer: Any
    adjudicated: bool
    outcome: Outcome
    triage: TriageState | None


@dataclass(frozen=True)
class SharedCase:
    """A prediction with current verdicts of two experts or more.

    ``answers`` has for each of them name, judgement and what they said is right, never the
    adjudicated answer. ``undecided`` is a conflict that nobody has adjudicated.
    """

    prediction_id: str
    model: str
    version: str
    conflict: bool
    adjudicated: bool
    last_at: str
    answers: tuple[tuple[str, str, Any], ...]

    @property
    def undecided(self) -> bool:
        """Whether experts contradict each other here and nobody has said what counts."""
        return self.conflict and not self.adjudicated


@dataclass(frozen=True)
class Progress:
    """How far the review of a model has come. Counts of current verdicts: none that was replaced.

    ``judged`` counts predictions with a verdict, ``verdicts`` is ``agree + disagree + unsure``, and
    ``experts`` counts people, whatever the case of their names.
    """

    predictions: int
    judged: int
    verdicts: int
    agree: int
    disagree: int
    unsure: int
    experts: int
    last_verdict_at: str | None


@dataclass(frozen=True)
class Batch:
    """Cases that arrived together in one file, and how far their check and scoring have come.

    ``rows`` are the good rows and ``bad_rows`` those with problems, as far as the file is read;
    ``rows_done`` of the good ones are scored, ``rows_failed`` of these without an answer.
    ``columns`` are in the order of the file, and ``personal`` those that look like names or record
    numbers of people. ``message`` says why a batch stopped. ``worker`` holds the batch while its
    ``heartbeat_at`` is fresh; ``rows_before`` were done when it began.
    """

    name: str
    format: str
    file_sha256: str
    bytes: int
    columns: tuple[str, ...]
    model: str
    version: str
    model_sha256: str
    card_sha256: str
    asked_by: str
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    personal: tuple[str, ...] = ()
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)
    bytes_read: int = 0
    rows: int = 0
    bad_rows: int = 0
    problems: int = 0
    rows_done: int = 0
    rows_failed: int = 0
    state: BatchState = "checking"
    message: str = ""
    started_at: str | None = None
    rows_before: int = 0
    finished_at: str | None = None
    heartbeat_at: str | None = None
    worker: str | None = None

    @property
    def ref(self) -> str:
        """The model version that scores it: ``name/version``."""
        return f"{self.model}/{self.version}"

    @property
    def is_running(self) -> bool:
        """Whether somebody is at work on it, or was when the server stopped."""
        return self.state in ("checking", "scoring")

    @property
    def rows_a_second(self) -> float | None:
        """How fast the scoring has been since it last began; None before the first rows."""
        done = self.rows_done - self.rows_before
        if not self.started_at or not self.heartbeat_at or done <= 0:
            return None
        seconds = seconds_between(self.started_at, self.finished_at or self.heartbeat_at)
        return done / max(seconds, 0.001)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at that pace; None while the pace is not known."""
        pace = self.rows_a_second
        return (self.rows - self.rows_done) / pace if pace else None


def seconds_between(earlier: str, later: str) -> float:
    """The time from one stored moment to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
