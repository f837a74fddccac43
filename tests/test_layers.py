"""The arrows of import: downward only, so that the library runs without a page."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

# From the ground up. What stands on one line does not know the others of that line.
LAYERS = """
errors words
records settings jsonfile
filters roles schema
arms card reference tables
answers artifacts predictor statistics
charts intake insight pair store
copies review
catalog
registry
aliases api batch compare doctor population report
cli ui
__main__ pages Home serve
"""
# cloud.py loads the server to weigh it.
KNOWS_STREAMLIT = {"ui", "pages", "Home", "serve", "doctor"}
RANK = {name: at for at, line in enumerate(LAYERS.split("\n")) for name in line.split()}
SOURCES = sorted([ROOT / "Home.py", *ROOT.glob("pages/*.py"), *ROOT.glob("serve.py")])
SOURCES += sorted(
    path for path in ROOT.glob("second_opinion/**/*.py") if path.name != "__init__.py"
)

SQL = re.compile(
    r"\b(SELECT\s.*\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|PRAGMA\s"
    r"|(CREATE|DROP|ALTER)\s+(TABLE|VIEW|INDEX|TRIGGER))\b",
    re.DOTALL,
)


def part(path):
    """The name under which a file stands in the layers: its module, or its package."""
    first, *rest = path.relative_to(ROOT).parts
    return (rest[0] if first == "second_opinion" else first).removesuffix(".py")


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def tree(path):
    return ast.parse(path.read_text("utf-8"))


def imports(path):
    """Every module that a file imports anywhere in it, by its full name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where the arrow goes"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path):
    """The parts of this project that a file imports."""
    found = {name.split(".")[1] for name in imports(path) if name.startswith("second_opinion.")}
    return {name for name in found if is_module(name)}


def is_module(name):
    home = ROOT / "second_opinion"
    return (home / f"{name}.py").exists() or (home / name).is_dir()


def texts(path):
    return [
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def named(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_module_imports_only_what_lies_below_it(path):
    here = part(path)
    assert here in RANK, f"give {here} its place in LAYERS"
    assert not {name for name in own(path) - {here} if RANK[name] >= RANK[here]}


def test_no_modules_import_one_another_in_a_circle():
    """Also within a package; `prepare` names the circle that it finds."""
    modules = {dotted(path): path for path in SOURCES}
    imported = {name: {*imports(path)} & {*modules} for name, path in modules.items()}
    TopologicalSorter(imported).prepare()


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_only_pages_know_streamlit(path):
    known = {name.partition(".")[0] for name in imports(path)}
    assert "streamlit" not in known or part(path) in KNOWS_STREAMLIT


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_only_pages_know_the_ui(path):
    assert "ui" not in own(path) or part(path) in ("ui", "pages", "Home", "serve")


def test_charts_and_statistics_never_know_the_store():
    knowing = {part(path) for path in SOURCES if "store" in own(path)}
    charts = {path.stem for path in SOURCES if path.stem.startswith("charts")}
    assert not knowing & {*charts, "statistics"}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_no_page_puts_html_into_the_browser(path):
    """A comment that is drawn as HTML could call home from the reviewer's browser."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("st", "html")
        if isinstance(node, ast.keyword):
            assert node.arg != "unsafe_allow_html"
        if isinstance(node, ast.ImportFrom) and node.module == "streamlit":
            assert "html" not in {alias.name for alias in node.names}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_sql_stands_in_the_store_alone_and_is_never_put_together(path):
    put_together = [node for node in ast.walk(tree(path)) if isinstance(node, ast.JoinedStr)]
    for node in put_together:
        assert not SQL.search(ast.unparse(node))
    if part(path) != "store":
        assert not [text for text in texts(path) if SQL.search(text)]


def test_the_sources_are_found():
    assert {part(path) for path in SOURCES} >= {"errors", "store", "ui", "pages", "Home"}
    assert Path(ROOT, "second_opinion/store/queries.py") in SOURCES
    assert any(SQL.search(text) for text in texts(ROOT / "second_opinion/store/queries.py"))
