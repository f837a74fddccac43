"""People who bear one label: who is counted as whom, and how words tell them apart. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from second_opinion.records.expert import declared_key, folded, is_proven_key

# In the summaries the key of a proven person stands behind the label, between signs that no label
# has: `Ada <<invite:1f>>`. Of a typed name the label is all there is.
MARK, END = " <<", ">>"
HOW = {"oidc": "signed in", "invite": "by link", "api": "program"}


def key_in(summarized: str) -> str:
    """The key of the person whom a text of the summaries names."""
    label, mark, key = summarized.partition(MARK)
    return key.removesuffix(END) if mark else declared_key(label)


def label_in(summarized: str) -> str:
    """The label of the person whom a text of the summaries names."""
    return summarized.partition(MARK)[0]


def told_apart(label: str, key: str) -> str:
    """The label with what is this person's alone: ``Ada (by link 3f2a)``, ``Ada (typed)``."""
    if not is_proven_key(key):
        return f"{label} (typed)"
    return f"{label} ({HOW[key.partition(':')[0]]} {sha256(key.encode()).hexdigest()[:4]})"


def names(people: Mapping[str, str]) -> dict[str, str]:
    """What to call each of these people, by key: the label, told apart where two share it."""
    bearers = Counter(map(folded, people.values()))
    return {
        key: told_apart(label, key) if bearers[folded(label)] > 1 else label
        for key, label in people.items()
    }


def is_called(summarized: str, name: str) -> bool:
    """Whether this is a name of the person whom a text of the summaries names."""
    label = label_in(summarized)
    own = (label, told_apart(label, key_in(summarized)))
    return folded(name) in map(folded, own)
