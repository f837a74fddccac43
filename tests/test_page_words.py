"""Words of the pages that were replaced by plainer ones, and do not come back."""

import ast

import pytest
from builders import ROOT

ROOMS = ("ui", "distributions", "charts", "review")
SOURCES = [
    ROOT / "Home.py",
    *sorted((ROOT / "pages").glob("*.py")),
    *(path for room in ROOMS for path in sorted((ROOT / "second_opinion" / room).rglob("*.py"))),
]
REPLACED = (
    "Then judge a first case",
    "How far it is",
    "Bring a case as JSON",
    "4 Look",
    "carried along",
    "Bad rows",
    "Sure on average",
    "Only cases with",
    "has moved",
    "p after Holm",
    "count once for each of them",
    "is drawn from 10 verdicts on",
    "champion means",
    "Its card does not say",
    "A batch is predicted at one time",
)


def sentences(path):
    """The texts of a module, without what its docstrings say."""
    tree = ast.parse(path.read_text("utf-8"))
    owners = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


@pytest.mark.parametrize("old", REPLACED)
def test_a_replaced_wording_is_on_no_page(old):
    assert [path.name for path in SOURCES for text in sentences(path) if old in text] == []


def test_every_share_has_a_blank_before_its_sign():
    # Formats of charts are plotly's own, which labels of the axes replace.
    close = [
        (path.name, text)
        for path in SOURCES
        for text in sentences(path)
        if any(text[at - 1 : at].isdigit() for at, sign in enumerate(text) if sign == "%")
        and not text.startswith((".", ":"))
        and "?" not in text
    ]
    assert [one for one in close if "%d" not in one[1]] == []
