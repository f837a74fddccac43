"""What of a file stands where its rows are judged, beside what the model takes. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from second_opinion.errors import UserError
from second_opinion.formatting import folded, quoted

# So many columns are shown without a choice; a person adds others.
FIRST_SHOWN = 8
# What tables call the answer, whatever it is of; and a target of fewer letters is in other names.
USUAL_TARGETS = frozenset({"target", "label", "y", "ytrue", "truth", "groundtruth"})
LONG_ENOUGH = 4
# Classes that say nothing of what they are of: any column of yes and no has these.
NO_WORDS = frozenset({"", "0", "1", "00", "10", "true", "false", "t", "f", "yes", "no", "y", "n"})


@dataclass(frozen=True)
class CaseColumns:
    """What a person sees of the columns of a file that the model does not use.

    ``shown`` stand above the fields of the model, in this order; ``hidden`` are for no expert to
    see, anywhere, and ``shown`` has none of them. Cells with an https address of one of the
    ``link_hosts`` can be opened. ``picture`` is the column whose cells name pictures; empty for
    none.
    """

    shown: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    link_hosts: tuple[str, ...] = ()
    picture: str = ""

    def tidy(self, columns: Sequence[str], feature_names: Collection[str]) -> CaseColumns:
        """The same for a file with these columns: what is hidden is not shown, nor a picture."""
        unused = [name for name in columns if name not in feature_names]
        hidden = tuple(name for name in unused if name in self.hidden)
        shown = tuple(name for name in self.shown if name in unused)
        hosts = tuple(dict.fromkeys(map(_host, filter(str.strip, self.link_hosts))))
        picture = self.picture if self.picture in unused else ""
        chosen = replace(self, shown=shown, hidden=hidden, link_hosts=hosts, picture=picture)
        return chosen.without_hidden()

    def without_hidden(self) -> CaseColumns:
        """The same, where what is hidden is neither shown nor names pictures."""
        shown = tuple(name for name in self.shown if name not in self.hidden)
        picture = "" if self.picture in self.hidden else self.picture
        return replace(self, shown=shown, picture=picture)

    def allows(self, address: str) -> bool:
        """Whether a text is an https address of one of the hosts, and nothing else."""
        if not address.startswith("https://") or not address.isprintable() or " " in address:
            return False
        if "\\" in address or "@" in address.partition("?")[0]:
            return False
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError:
            return False
        return port in (None, 443) and (parts.hostname or "") in self.link_hosts


@dataclass(frozen=True)
class Answer:
    """What a model is asked for: the name of its target, the words of its classes, and those
    words that are their values in its training table."""

    target: str
    words: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()

    def is_told_by(self, name: str, cells: Iterable[str | None]) -> bool:
        """Whether a column of this name, with such cells, seems to be the answer itself."""
        target, short = folded(self.target), folded(name)
        if short in {target, *USUAL_TARGETS} or (len(target) >= LONG_ENOUGH and target in short):
            return True
        texts = {folded(cell) for cell in cells if cell}
        is_in_words = texts <= {folded(word) for word in self.words} - NO_WORDS
        return bool(texts) and (is_in_words or texts <= self._codes)

    @property
    def _codes(self) -> frozenset[str]:
        """The values of the classes; where they are a yes and a no, in any spelling of these."""
        values = frozenset(folded(value) for value in self.values)
        return NO_WORDS if values and values <= NO_WORDS else values


def first_choice(
    columns: Sequence[str],
    feature_names: Collection[str],
    answer: Answer,
    rows: Sequence[Sequence[str | None]] = (),
) -> CaseColumns:
    """What holds until somebody chooses: what tells the answer is hidden, the first others shown.

    ``rows`` are some of the file. Too much is hidden rather than too little: who uploaded the file
    sees it, and can show it.
    """
    unused = [(at, name) for at, name in enumerate(columns) if name not in feature_names]
    hidden = tuple(
        name for at, name in unused if answer.is_told_by(name, [row[at] for row in rows])
    )
    shown = tuple(name for _, name in unused if name and name not in hidden)
    return CaseColumns(shown=shown[:FIRST_SHOWN], hidden=hidden)


def _host(text: str) -> str:
    """A host as it stands in an address; `UserError` for what is none."""
    host = text.strip().casefold().removeprefix("https://").rstrip("/")
    try:
        is_host = urlsplit(f"https://{host}").hostname == host and host.isascii()
    except ValueError:
        is_host = False
    if not is_host or any(letter in host for letter in "*@:/ "):
        raise UserError(
            f"{quoted(text.strip())} is no host; expected a name such as records.example.org, as "
            "it stands between https:// and the next slash. Correct it."
        )
    return host
