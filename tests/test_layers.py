"""The arrows of import: downward only, so that the library runs without a page."""

import ast
import re
from collections import Counter
from graphlib import TopologicalSorter

import pytest
from builders import ROOT

# From the ground up: what each part of the project may import of the others.
MAY_IMPORT = {
    "errors": "",
    "compatibility": "",
    "formatting": "",
    "file_content": "",
    "recent": "",
    "jsonfile": "errors file_content",
    "settings": "errors",
    "records": "errors formatting",
    "verdicts": "errors records",
    "access": "errors formatting settings records",
    "schema": "compatibility formatting records",
    "store": "compatibility errors formatting settings records verdicts access",
    "tables": "compatibility errors formatting records schema",
    "statistics": "errors file_content formatting jsonfile records schema",
    "models": (
        "compatibility errors file_content formatting jsonfile recent settings "
        "records verdicts access schema store tables statistics"
    ),
    "__init__": "errors store models",
    "doctor": "access errors file_content formatting settings store models",
    "batches": "errors formatting recent records access schema store tables models",
    "charts": "formatting records schema statistics models",
    "evidence": (
        "access batches errors formatting models recent records statistics store tables verdicts"
    ),
    "review": (
        "batches errors evidence formatting records verdicts access store tables statistics models"
    ),
    "distributions": (
        "formatting recent records verdicts access schema store tables statistics models batches "
        "charts"
    ),
    "api": (
        "access errors evidence formatting jsonfile settings records verdicts schema store tables "
        "models batches review"
    ),
    "cli": (
        "errors formatting settings records schema store tables statistics models doctor batches "
        "evidence review"
    ),
    "ui": (
        "errors formatting jsonfile settings records access schema "
        "store tables statistics models doctor batches charts evidence review distributions "
        "verdicts"
    ),
    "__main__": "cli",
    "Home": "formatting ui",
    "serve": "api ui",
    "pages": "access formatting records review distributions ui",
}
KNOW_STREAMLIT = {"Home", "pages", "serve", "ui"}
ALLOWED = {name: set(others.split()) for name, others in MAY_IMPORT.items()}
STARTED = [ROOT / "Home.py", ROOT / "serve.py", *ROOT.glob("pages/*.py")]
SOURCES = sorted([*STARTED, *ROOT.glob("second_opinion/**/*.py")])
TESTS = sorted(ROOT.glob("tests/*.py"))

SQL = re.compile(
    r"\b(SELECT\s.*\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|PRAGMA\s"
    r"|(CREATE|DROP|ALTER)\s+(TABLE|VIEW|INDEX|TRIGGER))\b",
    re.DOTALL,
)
IMPORTING = ("import_module", "__import__", "find_spec", "importorskip")
STATEMENT = re.compile(r"\bsql_\w+\.[A-Z]")
TEXT_MAKERS = ("format", "format_map", "join", "replace")


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
    return imports_in(tree(path), path)


def imports_in(module, path="here"):
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where the arrow goes"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(IMPORTING):
            yield from (name.value for name in node.args[:1] if isinstance(name, ast.Constant))


def own(path):
    """The other parts of this project that a file imports."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("second_opinion.")}
    return {name if is_module(name) else "__init__" for name in names} - {part(path)}


def is_module(name):
    home = ROOT / "second_opinion"
    return (home / f"{name}.py").exists() or (home / name).is_dir()


def files_of(*parts):
    """The files of these parts of the project; there is one of each."""
    found = [path for path in SOURCES if part(path) in parts]
    assert {part(path) for path in found} == set(parts)
    return found


def reached(name):
    """Every part that a part imports, or that one of those imports in turn."""
    others = ALLOWED[name]
    return others.union(*map(reached, others))


def texts(path):
    return [
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def named(path):
    return str(path.relative_to(ROOT))


def test_each_part_of_the_project_has_its_row_and_each_row_its_part():
    inside = {path.stem for path in ROOT.glob("second_opinion/*.py")}
    inside |= {path.parent.name for path in ROOT.glob("second_opinion/*/__init__.py")}
    folders = {path.parent.name for path in ROOT.glob("second_opinion/*/*.py")}
    assert len(folders) > 10
    assert folders <= inside
    assert inside | {"Home", "pages", "serve"} == set(ALLOWED) == {part(path) for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_module_imports_only_what_its_row_allows(path):
    assert own(path) <= ALLOWED[part(path)]


@pytest.mark.parametrize("name", ALLOWED)
def test_a_row_allows_only_what_is_imported(name):
    assert set().union(*map(own, files_of(name))) == ALLOWED[name]


def test_no_parts_import_one_another_in_a_circle():
    TopologicalSorter(ALLOWED).prepare()


def test_no_modules_import_one_another_in_a_circle():
    """Also within a package; `prepare` names the circle that it finds."""
    modules = {dotted(path): path for path in SOURCES if path.name != "__init__.py"}
    imported = {name: {*imports(path)} & {*modules} for name, path in modules.items()}
    assert sum(map(len, imported.values())) > len(modules)
    TopologicalSorter(imported).prepare()


def test_only_pages_know_streamlit():
    knowing = {
        part(path)
        for path in SOURCES
        if "streamlit" in {name.partition(".")[0] for name in imports(path)}
    }
    assert knowing == KNOW_STREAMLIT


@pytest.mark.parametrize(
    "line",
    [
        "import streamlit as st",
        "def draw():\n    import streamlit.web.bootstrap",
        "def draw():\n    from streamlit import web",
        "async def draw():\n    if True:\n        from streamlit.runtime import get_instance",
        "if TYPE_CHECKING:\n    from streamlit.delta_generator import DeltaGenerator",
        "try:\n    import json, streamlit\nexcept ImportError:\n    pass",
        'import importlib\nst = importlib.import_module("streamlit")',
        'import_module("streamlit.web.bootstrap")',
        'lambda: __import__("streamlit")',
    ],
)
def test_an_import_is_seen_wherever_it_stands(line):
    names = {name.partition(".")[0] for name in imports_in(ast.parse(line))}
    assert "streamlit" in names


def test_only_pages_know_the_ui():
    assert {name for name in ALLOWED if "ui" in reached(name)} == {
        "Home",
        "pages",
        "serve",
    }


def modules_behind(paths):
    """Every module that these files import, or that one of those imports in turn."""
    modules = {dotted(path): path for path in SOURCES}
    found, waiting = set(), [dotted(path) for path in paths]
    while waiting:
        new = {*imports(modules[waiting.pop()])} & {*modules} - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("name", ["charts", "statistics"])
def test_charts_and_statistics_never_know_the_store(name):
    """Nor through what they import."""
    known = modules_behind(files_of(name))
    assert "second_opinion.schema" in known
    assert not {module.split(".")[1] for module in known} & {"store", "ui"}
    assert "second_opinion.models.registry" not in known


# Whatever they are called on: a column draws it as well as the page.
DRAWS_HTML = {"html", "iframe", "declare_component"}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_no_page_puts_html_into_the_browser(path):
    """A comment that is drawn as HTML could call home from the reviewer's browser."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            assert node.attr not in DRAWS_HTML
        if isinstance(node, ast.keyword):
            assert node.arg != "unsafe_allow_html"
        # It may come without its name: st.markdown(text, True).
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in ("markdown", "caption") or len(node.args) == 1
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "streamlit":
            assert not DRAWS_HTML & {alias.name for alias in node.names}


# Calls that read or write what belongs to a person, with who asks: `by`. Some may be left without
# it by a program that has the file; a page never does.
PERSONAL = {
    *("add_verdict", "history", "current_verdict", "current_verdicts_of", "judged_rows"),
    *("review", "cancel", "triage", "adjudicate", "newest", "own_answer", "export", "opened_copy"),
    *("move_alias", "add_card_edits"),
    *("verdict_history", "prediction", "find", "listed"),
}


PARTS_OF_STORE = ("store", "batches", "review", "event_log", "exports")


def personal_calls(path):
    """The calls of these names on a store, or on a part of it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).rsplit(".", 1)[-1]
            if node.func.attr in PERSONAL and owner in PARTS_OF_STORE:
                yield node


def test_no_page_asks_for_what_is_a_persons_without_saying_who_asks():
    pages = [path for path in SOURCES if part(path) in KNOW_STREAMLIT]
    calls = [call for path in pages for call in personal_calls(path)]
    assert {call.func.attr for call in calls} >= {"add_verdict", "history", "review", "cancel"}
    for call in calls:
        assert "by" in {word.arg for word in call.keywords}, ast.unparse(call)


# Those of another module of statements are held to the same rule there.
STATEMENTS = r"second_opinion\.store\.sql_\w+"


def holds_statements(path):
    return part(path) == "store" and path.name.startswith("sql_")


def beside_constants(module):
    """What in a module of statements is more than texts, and `+` of them and of earlier ones."""
    plain = (ast.Module, ast.Assign, ast.BinOp, ast.Add, ast.Name, ast.expr_context)
    constants = set()
    for statement in module.body[1:]:
        if isinstance(statement, ast.ImportFrom) and re.fullmatch(STATEMENTS, statement.module):
            constants |= {alias.asname or alias.name for alias in statement.names}
            continue
        nodes = list(ast.walk(statement))
        texts = [node for node in nodes if isinstance(node, ast.Constant)]
        names = [node.id for node in nodes if isinstance(node, ast.Name)]
        target = names[0] if isinstance(statement, ast.Assign) else ""
        if (
            not all(isinstance(node, (*plain, ast.Constant)) for node in nodes)
            or not all(isinstance(node.value, str) for node in texts)
            or not target.isupper()
            or not {*names[1:]} <= constants
        ):
            yield ast.unparse(statement)
        constants.add(target)


def put_together(module):
    """The expressions that make a text out of SQL, or out of a statement of another module."""
    for node in ast.walk(module):
        called = node.func if isinstance(node, ast.Call) else None
        joins = isinstance(called, ast.Attribute) and called.attr in TEXT_MAKERS
        # Rows of a query may be added to others; a text may not.
        grows = isinstance(node, ast.AugAssign) and not isinstance(node.value, ast.Call)
        if joins or grows or isinstance(node, (ast.JoinedStr, ast.BinOp)):
            source = ast.unparse(node)
            if SQL.search(source) or STATEMENT.search(source):
                yield source


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_sql_stands_in_the_store_alone_and_is_never_put_together(path):
    if holds_statements(path):
        assert not list(beside_constants(tree(path)))
    else:
        assert not list(put_together(tree(path)))
    if part(path) != "store":
        assert not [text for text in texts(path) if SQL.search(text)]


@pytest.mark.parametrize(
    "line",
    [
        'ALL = f"SELECT * FROM {_TABLE}"',
        'ALL = "SELECT * FROM %s" % _TABLE',
        'ALL = "SELECT * FROM {}".format(_TABLE)',
        'ALL = " ".join(["SELECT * FROM", _TABLE])',
        'ALL = "SELECT * FROM " + table',
        'ALL = "SELECT * FROM " + str(_TABLE)',
        'ALL = "SELECT * FROM " + _ELSEWHERE',
        'ALL = "SELECT * FROM cases LIMIT " + 5',
        'all_cases = "SELECT * FROM cases"',
        'def of(table): return "SELECT * FROM " + table',
        'if _TABLE: ALL = "SELECT * FROM cases"',
        'for _TABLE in "ab": pass',
        'ALL = [name for name in "ab"]',
    ],
)
def test_in_a_module_of_statements_only_constants_are_put_together(line):
    before = '"""Statements."""\n_TABLE = "cases"\n'
    assert not list(beside_constants(ast.parse(before + 'ALL = "SELECT * FROM " + _TABLE')))
    assert list(beside_constants(ast.parse(before + line)))


@pytest.mark.parametrize(
    "line",
    [
        'run(f"SELECT * FROM {table}")',
        'run("SELECT * FROM " + table)',
        'run("SELECT * FROM %s" % table)',
        'run("SELECT * FROM {}".format(table))',
        'run(" ".join(["DELETE FROM", table]))',
        'run("SELECT * FROM cases".replace("cases", table))',
        "run(sql_review.NEWEST + order)",
        'run(f"{sql_review.NEWEST} LIMIT {most}")',
        'statement += "SELECT 1 FROM cases"',
    ],
)
def test_elsewhere_no_sql_is_put_together(line):
    assert list(put_together(ast.parse(line)))
    assert not list(put_together(ast.parse('run(sql_review.NEWEST, {"most": most + 1})')))


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_no_test_imports_another(path):
    """What two of them share stands in builders.py, in what drives pages, or in conftest.py."""
    tests = {test.stem for test in TESTS if test.stem.startswith(("test_", "conftest"))}
    assert len(tests) > 60
    assert not {name.split(".")[-1] for name in imports(path)} & tests


@pytest.mark.slow
def test_no_law_has_a_deadline_of_its_own():
    """The one profile in conftest.py has none, and a slow machine breaks no law."""
    profiled = {
        path.name for path in TESTS if "deadline" in set(keywords_of(path, "register_profile"))
    }
    assert profiled == {"conftest.py"}
    assert not [path.name for path in TESTS if "deadline" in set(keywords_of(path, "settings"))]


def keywords_of(path, function):
    """The keywords with which a file calls a function."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            yield from (word.arg for word in node.keywords if name == function)


def test_the_store_has_sql_that_the_rules_can_see():
    assert len([path for path in files_of("store") if any(map(SQL.search, texts(path)))]) > 5


def test_no_file_name_occurs_twice():
    names = Counter(path.name for path in SOURCES if path.name != "__init__.py")
    assert not {name for name, count in names.items() if count > 1}
