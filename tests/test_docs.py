"""What the papers name is there: modules and functions, tables and columns, links, decisions."""

import ast
import json
import re
from collections import Counter, defaultdict

import pytest
from builders import ROOT
from database import current_rows, select

ARCHITECTURE = (ROOT / "docs/architecture.md").read_text("utf-8")
DATA_MODEL = (ROOT / "docs/data-model.md").read_text("utf-8")
PAPERS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md")]
DECISIONS = sorted(ROOT.glob("docs/decisions/0*.md"))
LIBRARY = ROOT / "second_opinion"

FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
TICKED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def named(path):
    return str(path.relative_to(ROOT))


# --- docs/architecture.md


def is_path(name):
    return bool(re.fullmatch(r"[\w./-]+", name)) and ("/" in name or name.endswith((".py", ".md")))


WORDS = [word for word in TICKED.findall(FENCED.sub("", ARCHITECTURE)) if "…" not in word]
PATHS = sorted({word for word in WORDS if is_path(word) and "N_" not in word})
# What begins with `st.` is Streamlit's.
CALLS = sorted({word for word in WORDS if re.fullmatch(r"(?!st\.)\w+\.\w+", word)} - {*PATHS})


def defined_in(body):
    """The names that statements define, those that stand in `__init__` too."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def library_names():
    """What can be named as `module.name` or `Class.name`, by what stands before the dot.

    What a class takes from the classes below it, within the library, is its own.
    """
    names, bases = defaultdict(set), {}
    for path in LIBRARY.glob("**/*.py"):
        body = ast.parse(path.read_text("utf-8")).body
        module = path.parent.name if path.name == "__init__.py" else path.stem
        names[module] |= {*defined_in(body)}
        for node in body:
            if isinstance(node, ast.ClassDef):
                names[node.name] |= {*defined_in(node.body)}
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return names, bases


NAMES, BASES = library_names()


def names_of(owner):
    return NAMES[owner].union(*(names_of(base) for base in BASES.get(owner, ())))


def test_the_architecture_names_paths_and_functions():
    assert len(PATHS) > 15
    assert len(CALLS) > 50


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_the_architecture_is_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("call", CALLS)
def test_a_function_of_the_architecture_is_there(call):
    owner, _, name = call.partition(".")
    assert owner in NAMES, f"no module or class {owner}"
    assert name in names_of(owner), f"{owner} has no {name}"


def test_what_is_named_without_its_module_is_a_class():
    classes = {word for word in WORDS if re.fullmatch(r"([A-Z][a-z]+)+", word)}
    assert len(classes) > 8
    assert classes <= {*BASES}


PICTURE = FENCED.findall(ARCHITECTURE)[0]
STORIES = [
    names
    for line in PICTURE.splitlines()
    if (names := re.findall(r"\w+", line.partition("│")[0].replace("▼", "")))
]
HEIGHT = {name: -at for at, names in enumerate(STORIES) for name in names}


def part(path):
    first, *rest = path.relative_to(ROOT).parts
    return (rest[0] if first == "second_opinion" else first).removesuffix(".py")


SOURCES = [
    path
    for path in [
        ROOT / "Home.py",
        ROOT / "serve.py",
        *ROOT.glob("pages/*.py"),
        *LIBRARY.rglob("*.py"),
    ]
    if path != LIBRARY / "__init__.py"
]


def imported(path):
    """The parts of the project that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{name}" for name in names)]
            inside = [name.split(".") for name in names if name.startswith("second_opinion.")]
            yield from (name for _, name, *_ in inside if name in HEIGHT)


def test_the_picture_has_every_room():
    assert {*HEIGHT} == {part(path) for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_no_arrow_of_the_picture_goes_up(path):
    here = part(path)
    assert not {name for name in {*imported(path)} - {here} if HEIGHT[name] >= HEIGHT[here]}


# --- docs/data-model.md


@pytest.fixture
def objects(empty_store):
    """The columns of each table and view of the database."""
    tables = select(
        empty_store.path, "SELECT name FROM sqlite_schema WHERE type IN (?, ?)", "table", "view"
    )
    columns = "SELECT name FROM pragma_table_info(?)"
    return {
        name: [column for (column,) in select(empty_store.path, columns, name)]
        for (name,) in tables
    }


def described():
    """The columns of each table as the paper has them; the tables that it calls internal."""
    public, internal = DATA_MODEL.split("\n## Internal\n")
    sections = re.split(r"^### `(\w+)`$", public, flags=re.MULTILINE)[1:]
    columns = {}
    for name, text in zip(sections[::2], sections[1::2], strict=True):
        same = re.search(r"The columns of `(\w+)`", text)
        own = re.findall(r"^\| `(\w+)` \|", text.split("\n## ")[0], re.MULTILINE)
        columns[name] = columns[same.group(1)] if same else own
    return columns, set(TICKED.findall(internal))


def test_every_table_and_view_has_its_section_or_is_called_internal(objects):
    columns, internal = described()
    assert not {*columns} & internal
    assert {*columns} | internal == {*objects}


def test_every_column_has_its_line(objects):
    columns, _ = described()
    assert len(columns) > 8
    assert columns == {name: objects[name] for name in columns}


QUERIES = [text for text in FENCED.findall(DATA_MODEL) if "SELECT" in text]


@pytest.mark.slow
def test_the_query_of_versions_counts_by_what_is_right(busy_store):
    counts = defaultdict(Counter)
    for row in current_rows(busy_store.path):
        counts[row["model"], row["version"]].update(
            [row["outcome"], ("who", row["expert"].lower())]
        )
    expected = []
    for version, count in sorted(counts.items()):
        judged = count["right"] + count["wrong"]
        verdicts = judged + count["unsure"]
        people = sum(isinstance(key, tuple) for key in count)
        share = round(count["right"] / judged, 4)
        expected.append((*version, verdicts, people, count["right"], count["wrong"], share))
    assert len(expected) == 3
    assert select(busy_store.path, QUERIES[0]) == expected


def test_the_query_of_disagreements_names_what_is_right(busy_store):
    expected = [
        (
            row["id"],
            40,
            row["value"],
            row["answer"],
            row["direction"],
            row["confidence"],
            row["expert"],
            row["comment"],
        )
        for row in current_rows(busy_store.path)
        if row["judgement"] == "disagree" and row["model"] == "churn"
    ]
    expected.sort(key=lambda row: (-row[5], row[0]))
    rows = [
        (id, age, json.loads(value), json.loads(answer or "null"), *about)
        for id, age, value, answer, *about in select(busy_store.path, QUERIES[1])
    ]
    assert len(rows) > 20
    assert any(row["adjudicated"] for row in current_rows(busy_store.path))
    assert list(map(repr, rows)) == list(map(repr, expected))


def test_the_query_of_changed_minds_follows_what_was_replaced(busy_store):
    columns = "SELECT id, expert, judgement, supersedes FROM verdicts"
    verdicts = {id: about for id, *about in select(busy_store.path, columns)}
    changes = Counter(
        (expert, verdicts[earlier][1], judgement)
        for expert, judgement, earlier in verdicts.values()
        if earlier and verdicts[earlier][1] != judgement
    )
    assert len(changes) > 10
    assert select(busy_store.path, QUERIES[2]) == [(*who, n) for who, n in sorted(changes.items())]


def test_every_query_of_the_data_model_is_tried_here():
    assert len(QUERIES) == 3


# --- links and decisions


@pytest.mark.parametrize("paper", PAPERS, ids=named)
def test_a_link_leads_to_a_file(paper):
    links = LINK.findall(FENCED.sub("", paper.read_text("utf-8")))
    assert not [link for link in links if not (paper.parent / link).exists()]


def test_the_index_of_decisions_has_each_and_a_word_on_each_number_that_is_missing():
    listed, missing = (ROOT / "docs/decisions/README.md").read_text("utf-8").split("\n## Missing")
    files = [path.name for path in DECISIONS]
    assert re.findall(r"^- \[\d+\]\((.+?)\) \S", listed, re.MULTILINE) == files
    assert re.findall(r"^- \[(\d+)\]", listed, re.MULTILINE) == [name[:4] for name in files]
    numbers = [int(name[:4]) for name in files]
    gaps = sorted({*range(1, max(numbers) + 1)} - {*numbers})
    assert [int(number) for number in re.findall(r"\b0\d{3}\b", missing)] == gaps
    assert len(numbers) == len({*numbers})


# --- releases


def test_the_newest_release_of_the_changelog_is_the_version_of_the_project():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    version = re.search('^version = "(.+)"$', project, re.MULTILINE)[1]
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    first, newest = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)[:2]
    assert (first, newest) == ("Unreleased", version)


# --- docs/security.md


def test_each_promise_of_the_paper_on_security_names_a_test_that_is_there():
    words = TICKED.findall(FENCED.sub("", (ROOT / "docs/security.md").read_text("utf-8")))
    files = {word for word in words if word.startswith("tests/")}
    tests = {word for word in words if word.startswith("test_")}
    assert {"tests/test_browser_hostile.py", "tests/test_local_browser.py"} <= files
    assert {file for file in files if not (ROOT / file).exists()} == set()
    code = "".join(path.read_text("utf-8") for path in ROOT.glob("tests/test_*.py"))
    assert {test for test in tests if f"def {test}(" not in code} == set()
