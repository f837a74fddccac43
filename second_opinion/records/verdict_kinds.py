"""What kinds of verdicts there are: their words, looks and what they count as, in one table.

Pages, figures and the database ask it. A kind more is one entry, or one call of `register`; the
database learns of it when it is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from second_opinion.errors import UserError

CountsAs = Literal["right", "wrong", "nothing"]
Detail = Literal["value", "direction", "severity", "comment"]


@dataclass(frozen=True)
class VerdictKind:
    """One thing that an expert can say of an answer.

    ``name`` is what is stored, ``label`` stands on buttons, ``words`` in sentences after ``verb``
    (``You are unsure``). ``colour`` is one of Streamlit's for text; ``bar`` is the colour and the
    pattern of what is drawn of all kinds that count as the same, taken from the first of them;
    None for the colour of a reference.

    ``counts_as`` says what it makes of the model's answer. Where ``is_current`` is False, the
    verdict before it no longer counts, and neither does this one. ``asks`` is what its form has;
    one without a form is saved at once, and every form has a comment. Any one of what it ``needs``
    is enough; `refusal` is said where none is there. ``first_triage``
    is the state in which a reviewer finds it, empty where nothing is to be done.

    Where an answer is a risk, the button says ``risk_label`` if there is one, and a kind that is
    ``two_sided`` has a button for each direction.

    ``letter`` is the key of a keyboard that presses its button; empty for none. C and R are
    Streamlit's.
    """

    name: str
    label: str
    sign: str
    words: str
    counts_as: CountsAs
    verb: str = ""
    colour: str = "gray"
    bar: tuple[str, str] | None = None
    asks: tuple[Detail, ...] = ()
    needs: tuple[Detail, ...] = ()
    comment_label: str = "Why (optional)"
    is_current: bool = True
    first_triage: str = ""
    risk_label: str = ""
    two_sided: bool = False
    letter: str = ""

    @property
    def refusal(self) -> str:
        """What is said where nothing of what it needs was given."""
        if "value" in self.needs:
            return (
                "This disagreement says nothing of what would be right. Give the right answer, "
                "or say why in a few words, then save again."
            )
        details = {
            "direction": "a direction",
            "severity": "how bad it is",
            "comment": "a reason in a few words",
        }
        enough = " or ".join(details[detail] for detail in self.needs)
        return f"{self.label} alone says too little. Give {enough}, then save again."

    @property
    def saves_at_once(self) -> bool:
        """Whether its button stores it, with nothing more to say."""
        return not self.asks


ORDER: tuple[CountsAs, ...] = ("right", "wrong", "nothing")
# The kinds after which columns and bars of counts are named.
COLUMNS: dict[CountsAs, str] = {"right": "agree", "wrong": "disagree", "nothing": "unsure"}
# What else the panel and the table of a batch call by these names.
TAKEN = frozenset(
    {"answer", "ask", "buttons", "cancel", "change", "comment", "correct", "direction", "flags"}
    | {
        "focus",
        "for",
        "line",
        "next",
        "next_id",
        "open",
        "row",
        "said",
        "save",
        "saved",
        "seconds",
        "serious",
    }
    | {"since", "own", "sure", "too_high", "too_low", "undo"}
)
KINDS: dict[str, VerdictKind] = {}


def register(kind: VerdictKind) -> VerdictKind:
    """Add a kind; `UserError` where its name means something already."""
    if kind.name in KINDS or kind.name in TAKEN:
        raise UserError(
            f"The name {kind.name!r} of a kind of verdict is taken; expected a new one. Give this "
            "kind another name."
        )
    KINDS[kind.name] = kind
    return kind


def kind_of(name: str) -> VerdictKind:
    """The kind of that name; `UserError` where there is none."""
    if name not in KINDS:
        raise UserError(f"The verdict is {name!r}; expected one of {', '.join(KINDS)}.")
    return KINDS[name]


def current_kinds() -> list[VerdictKind]:
    """Those that count, in the order of their buttons."""
    return [kind for kind in KINDS.values() if kind.is_current]


def column_kind(counts_as: CountsAs) -> VerdictKind:
    """The one after which columns and bars of all that count as the same are named."""
    return KINDS[COLUMNS[counts_as]]


def column_of(name: str) -> str:
    """The column of counts that a verdict of this kind is in: agree, disagree or unsure."""
    return column_kind(kind_of(name).counts_as).name


def column_labels() -> dict[str, str]:
    """The columns that count verdicts by what they count as, with their heads."""
    return {kind.name: kind.label for kind in map(column_kind, ORDER)}


register(
    VerdictKind(
        "agree",
        label="Agree",
        sign="✓",
        words="agree",
        counts_as="right",
        colour="green",
        # The eighth and ninth of chartCategoricalColors.
        bar=("#000008", ""),
        risk_label="About right",
        letter="a",
    )
)
register(
    VerdictKind(
        "disagree",
        label="Disagree",
        sign="✕",
        words="disagree",
        counts_as="wrong",
        colour="orange",
        bar=("#000009", "x"),
        asks=("value", "direction", "severity", "comment"),
        needs=("value", "direction", "comment"),
        first_triage="open",
        two_sided=True,
        letter="d",
    )
)
register(
    VerdictKind(
        "unsure",
        label="Unsure",
        sign="?",
        words="unsure",
        verb="are ",
        counts_as="nothing",
        asks=("comment",),
        comment_label="What would you need to know?",
        letter="u",
    )
)
WITHDRAWN = register(
    VerdictKind(
        "withdrawn",
        label="Undo",
        sign="",
        words="taken back",
        counts_as="nothing",
        is_current=False,
    )
)
