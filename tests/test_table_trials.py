"""Tables as people have them, each scored on the command line as its owner would."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import ROOT
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from workbooks import open_document, workbook

from second_opinion import Registry, settings
from second_opinion.cli import main

TRIALS = ROOT / "tests" / "trials" / "tables"
ONE = [(35, 3000, "basic")]


@pytest.fixture(scope="module")
def customers(tmp_path_factory):
    """A registry of two models: nothing may be missing of req, everything of opt."""
    folder = tmp_path_factory.mktemp("customers")
    for name in ("req", "opt"):
        table = pd.read_csv(TRIALS / f"train-{name}.csv", dtype={"plan": str})
        steps = [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
            (
                "c",
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
                ),
                ["plan"],
            ),
        ]
        estimator = make_pipeline(ColumnTransformer(steps), LogisticRegression())
        cases = table.drop(columns="out")
        estimator.fit(cases, table["out"])
        Registry(folder / "models").add(estimator, cases, table["out"], name=name)
    return folder / "models"


@pytest.fixture
def score(customers, tmp_path, monkeypatch, capfdbinary):
    """Scores a file of the trials, or one that is written first: what was said, and the answers
    beside the cases (None where nothing was written)."""
    for name in settings.names():
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(settings, "SECRETS", tmp_path / "secrets.toml")
    monkeypatch.setenv("MODEL_DIR", str(customers))

    def score(name, model, *options, content=None):
        path = TRIALS / name if content is None else tmp_path / name
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        out = tmp_path / "out.csv"
        out.unlink(missing_ok=True)
        capfdbinary.readouterr()
        code = main.main(["score", str(path), "-o", str(out), "--model", model, *options])
        said = capfdbinary.readouterr().err.decode()
        assert "Traceback" not in said
        assert code == (0 if out.exists() else 1)
        return said, pd.read_csv(out, dtype=str) if code == 0 else None

    return score


@pytest.fixture
def answers(customers):
    """What the estimator itself says of cases."""

    def answers(model, cases):
        loaded = Registry(customers).load(model)
        frame = loaded.card.case_schema.frame(
            pd.DataFrame(cases, columns=["age", "income", "plan"])
        )
        return loaded.estimator.predict(frame).tolist(), loaded.estimator.predict_proba(frame).max(
            1
        )

    return answers


def right(scored, expected):
    """Whether the scored rows have these answers to the bit."""
    values, shares = expected
    return scored["prediction"].tolist() == values and (
        scored["confidence"].astype(float).tolist() == shares.tolist()
    )


MODELS = pytest.mark.parametrize("model", ["req", "opt"])

READ = {
    "sep-line.csv": ("Read with semicolons", ONE),
    "title-line.csv": ("stand in line 3: read from there", ONE),
    "title-line-alone.csv": ("stand in line 2: read from there", ONE),
    "comment-line.csv": ("stand in line 2: read from there", ONE),
    "excel-title-row.xlsx": ("stand in line 2 of the sheet Sheet: read from there", ONE),
    "excel-cases-on-second-sheet.xlsx": ("stand in line 1 of the sheet cases: read", ONE),
    "excel-hidden-first-sheet.xlsx": ("Read from the sheet Sheet.", ONE),
    "excel-number-shown-as-007.xlsx": ("Read from the sheet Sheet.", [(35, 3000, "007")]),
    "excel-datetime-index.xlsx": ("Read from the sheet Sheet.", ONE),
    "blank-cells-rows.csv": ("1 row scored", ONE),
    "trailing-columns.csv": ("neither name nor content: columns 4 and 5", ONE),
    "duplicate-unused-column.csv": ('"note.1"', ONE),
    "json-records-key.json": ("1 row scored", [(36, 3000, "plus")]),
    "parquet-timestamp-tz.parquet": ("2 rows scored", [(35, 1.5, "basic"), (36, 2.5, "plus")]),
}


@MODELS
@pytest.mark.parametrize("name", READ)
def test_a_table_is_found_where_it_stands_and_scored_like_the_estimator(
    score, answers, name, model
):
    expected, cases = READ[name]
    said, scored = score(name, model)
    assert expected in said
    assert right(scored, answers(model, cases))


REFUSED = {
    "unrelated.csv": ["has none of the columns that the model takes", '"years"'],
    "excel-error-cells.xlsx": ["Line 2: income is the error #N/A", "#DIV/0!", "#REF!"],
    "excel-formula-not-computed.xlsx": ["Line 2: income is a formula without a stored result"],
    "header-and-row-stray-quotes.csv": ["has broken quotation marks in line 1"],
    "header-stray-quote-2rows.csv": ["has broken quotation marks in line 1"],
    "only-stray-quotes.csv": ["has broken quotation marks in line 1"],
    "nul-in-header.csv": ["has a NUL character in line 1"],
    "json-first-broken.json": ["the JSON is broken or cut off here (line 1: Expecting property"],
    "json-first-broken.jsonl": ["Line 1: the JSON is broken (line 1, column 12: Expecting", "of 4"],
    "nbsp-number.csv": ["without the no-break space in it"],
}


@MODELS
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_refused_by_its_name(score, name, model):
    said, scored = score(name, model)
    assert scored is None
    for part in REFUSED[name]:
        assert part in said


# --- what only a person knows, and each way out followed to its end


def test_an_absent_column_is_a_decision(score, answers):
    said, scored = score("renamed-column.csv", "opt")
    assert scored is None
    assert 'no column "age"' in said
    assert '("years") is meant' in said
    assert "add --absent-ok" in said
    said, scored = score("renamed-column.csv", "opt", "--absent-ok")
    assert 'read as not known in every row: "age". Not used: "years".' in said
    cases = [(None, 3000, "basic"), (None, 3100, "plus")]
    assert right(scored, answers("opt", cases))
    renamed = (TRIALS / "renamed-column.csv").read_text().replace("years", "age")
    _, scored = score("renamed.csv", "opt", content=renamed)
    assert right(scored, answers("opt", [(35, 3000, "basic"), (70, 3100, "plus")]))


def test_no_option_opens_a_file_without_a_column_that_may_not_be_missing(score):
    for options in ([], ["--absent-ok"]):
        said, scored = score("renamed-column.csv", "req", *options)
        assert scored is None
        assert '"age" is missing' in said


@MODELS
def test_what_a_point_before_three_digits_means_is_asked(score, answers, model):
    said, scored = score("semicolon-thousands-only.csv", model)
    assert scored is None
    assert "The point parts thousands: 3.000 is 3000: add --decimal ," in said
    assert "It is the decimal point: 3.000 is 3: add --decimal ." in said
    _, scored = score("semicolon-thousands-only.csv", model, "--decimal", ",")
    assert right(scored, answers(model, [(35, 3000, "basic"), (36, 1234, "basic")]))
    assert scored["income"].tolist() == ["3.000", "1.234"]
    _, scored = score("semicolon-thousands-only.csv", model, "--decimal", ".")
    assert right(scored, answers(model, [(35, 3, "basic"), (36, 1.234, "basic")]))


@MODELS
def test_likely_encodings_are_shown_by_the_first_cells_and_taken(score, model):
    said, scored = score("cp1250.csv", model)
    assert scored is None
    offers = [line for line in said.splitlines() if "add --encoding" in line]
    assert offers[0] == "Read it as Windows-1250 (Central Europe): łódź: add --encoding cp1250"
    assert any("³ódŸ: add --encoding cp1252" in offer for offer in offers)
    _, scored = score("cp1250.csv", model, "--encoding", "cp1250")
    assert scored["plan"].tolist() == ["łódź"]


HEAD = ["age", "income", "plan"]


@MODELS
def test_of_several_sheets_that_fit_one_is_chosen(score, answers, model):
    content = workbook(old=[HEAD, [50, 1000, "plus"]], new=[HEAD, [35, 3000, "basic"]])
    said, scored = score("two.xlsx", model, content=content)
    assert scored is None
    assert "add --sheet old" in said
    assert "add --sheet new" in said
    said, scored = score("two.xlsx", model, "--sheet", "new", content=content)
    assert "Read from the sheet new." in said
    assert right(scored, answers(model, ONE))
    said, _ = score("two.xlsx", model, "--sheet", "none", content=content)
    assert 'has no sheet "none"; it has "old" and "new"' in said


@MODELS
def test_a_hidden_sheet_is_never_read(score, model):
    content = workbook(notes=[["read me"]], hidden_cases=[HEAD, [35, 3000, "basic"]])
    said, scored = score("hidden.xlsx", model, content=content)
    assert scored is None
    assert 'hidden sheets are not read: "cases"' in said
    said, scored = score("hidden.xlsx", model, "--sheet", "cases", content=content)
    assert scored is None
    assert "Unhide it" in said


ERROR = ('t="e"', "<v>#N/A</v>")
CELLS = {
    "an error in a row of nothing else": (
        [[35, 3000, "basic"], [ERROR, None, None]],
        "Line 3: age is the error #N/A",
    ),
    "a formula that was never computed": (
        [[35, ("", "<f>A1*2</f>"), "basic"]],
        "Line 2: income is a formula without a stored result",
    ),
    "a formula below all values": (
        [[35, 3000, "basic"], [None, None, ("", "<f>A1</f><v/>")]],
        "Line 3: plan is a formula without a stored result",
    ),
    "a duration": ([[35, ('s="4"', "<v>1.25</v>"), "basic"]], "income is the duration 30:00:00"),
}


@MODELS
@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_without_a_value_is_never_missing(score, model, kind):
    rows, expected = CELLS[kind]
    said, scored = score("cells.xlsx", model, content=workbook(cases=[HEAD, *rows]))
    assert scored is None
    assert expected in said


@MODELS
def test_a_formula_that_gave_a_value_is_that_value(score, answers, model):
    rows = [[35, ("", "<f>1000*3</f><v>3000</v>"), ('t="str"', "<f>B1</f><v>basic</v>")]]
    _, scored = score("formulas.xlsx", model, content=workbook(cases=[HEAD, *rows]))
    assert right(scored, answers(model, ONE))


@MODELS
@pytest.mark.parametrize("style", [1, 2])
def test_a_number_shown_with_zeros_is_the_level_that_is_shown(score, answers, model, style):
    rows = [[(f's="{style}"', "<v>35</v>"), 3000, (f's="{style}"', "<v>7</v>")]]
    _, scored = score("zeros.xlsx", model, content=workbook(cases=[HEAD, *rows]))
    assert right(scored, answers(model, [(35, 3000, "007")]))


def test_a_text_of_nothing_that_a_formula_gave_is_missing(score, answers):
    rows = [[35, 3000, ('t="str"', '<f>IF(1,"")</f><v></v>')]]
    _, scored = score("empty.xlsx", "opt", content=workbook(cases=[HEAD, *rows]))
    assert right(scored, answers("opt", [(35, 3000, None)]))


@MODELS
def test_an_old_workbook_is_read_from_its_visible_sheet(score, answers, model):
    said, scored = score("old-workbook.xls", model)
    assert "stand in line 3 of the sheet cases: read from there" in said
    assert right(scored, answers(model, ONE))


@MODELS
def test_an_open_document_is_read(score, answers, model):
    content = open_document([["Customers"], [], HEAD, [35, 3000, "basic"]])
    said, scored = score("cases.ods", model, content=content)
    assert "of the sheet cases: read from there" in said
    assert right(scored, answers(model, ONE))


@pytest.mark.parametrize("name", ["old-workbook-error.xls", "cases.ods"])
def test_where_an_error_cannot_be_told_from_an_empty_cell_that_is_said(score, name):
    content = open_document([HEAD, [35, "#N/A", "basic"]]) if name.endswith("ods") else None
    said, scored = score(name, "req", content=content)
    assert scored is None
    assert "income is empty, or an error such as #N/A, which an ." in said
    said, _ = score(name, "opt", content=content)
    assert "nothing tells an error such as #N/A from an empty cell" in said


def test_a_workbook_that_declares_entities_is_refused(score):
    content = io.BytesIO(workbook(cases=[HEAD, [35, ERROR, "basic"]]))
    bomb = io.BytesIO()
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(bomb, "w") as new:
        for part in old.namelist():
            head = '<!DOCTYPE w [<!ENTITY a "aaaa">]>' if part.endswith("sheet1.xml") else ""
            new.writestr(part, head + old.read(part).decode())
    said, scored = score("bomb.xlsx", "opt", content=bomb.getvalue())
    assert scored is None
    assert "document type" in said or "cannot be read" in said


# --- more of each kind


OTHERS = {
    "byte order mark and sep": ("\ufeffsep=;\nage;income;plan\n35;3000;basic\n", ONE),
    "sep in quotes, tab": ('"sep=\t"\nage\tincome\tplan\n35\t3000\tbasic\n', ONE),
    "title with commas": ("Report, March, 2024, all\nage,income,plan\n35,3000,basic\n", ONE),
    "title with a quote": ('Report "March\nage,income,plan\n35,3000,basic\n', ONE),
    "title opens a quote": ('"Report of March\nage,income,plan\n35,3000,basic\n', ONE),
    "title names a column": ("age\n\nage,income,plan\n35,3000,basic\n", ONE),
    "nineteen comments": ("# x\n" * 19 + "age;income;plan\n35;3000;basic\n", ONE),
    "bars and a title": ("Title\nage|income|plan\n35|3000|basic\n", ONE),
    "CR alone": ("Title\rage,income,plan\r35,3000,basic\r", ONE),
    "names in quotes, over a line": (
        'Title\n"age","income","plan","the\nnote"\n35,3000,basic,x\n',
        ONE,
    ),
    "blank rows of quotes": ('age,income,plan\n"","",""\n35,3000,basic\n,,\n , ,\n', ONE),
    "blank rows between": ("age;income;plan\n;;\n35;3000;basic\n;;\n", ONE),
    "leading nameless column": (",age,income,plan\n,35,3000,basic\n", ONE),
    "nameless column between": ("age,,income,,plan\n35,,3000,,basic\n", ONE),
    "three names alike": ("x,x,x,age,income,plan\n1,2,3,35,3000,basic\n", ONE),
    "decimal commas": ("age;income;plan\n35;3000,0;basic\n", ONE),
    "decimal points": ("age;income;plan\n35;3000.00;basic\n", ONE),
    "a point that is sure below": ("age;income;plan\n35;3000;basic\n36;0.125;plus\n", None),
}


@MODELS
@pytest.mark.parametrize("kind", OTHERS)
def test_more_tables_are_read_where_they_stand(score, answers, model, kind):
    content, cases = OTHERS[kind]
    _, scored = score("other.csv", model, content=content)
    assert right(scored, answers(model, cases or [(35, 3000, "basic"), (36, 0.125, "plus")]))


@pytest.mark.parametrize("suffix", ["txt", "dat", "tsv"])
def test_the_name_of_a_text_file_says_nothing(score, answers, suffix):
    _, scored = score(f"cases.{suffix}", "req", content="age\tincome\tplan\n35\t3000\tbasic\n")
    assert right(scored, answers("req", ONE))


ASKED = {
    "thousands far down": "age;income;plan\n" + "35;300;basic\n" * 700 + "35;3.000;basic\n",
    "millions": "age;income;plan\n35;1.234.567;basic\n",
    "with decimals": "age;income;plan\n35;1.234,50;basic\n",
    "by tabs": "age\tincome\tplan\n35\t3.000\tbasic\n",
    "commas": "age;income;plan\n35;3,000;basic\n",
    "signs and blanks": "age;income;plan\n35; -3.000 ;basic\n",
    "decimals elsewhere": "age;income;plan\n35;3,5;basic\n35;3.000;basic\n",
}


@MODELS
@pytest.mark.parametrize("kind", ASKED)
def test_a_sign_before_three_digits_is_asked_about_wherever_it_stands(score, model, kind):
    said, scored = score("asked.csv", model, content=ASKED[kind])
    assert scored is None
    assert "stands before three digits" in said
    option = said.partition("add --decimal ")[2][0]
    _, scored = score("asked.csv", model, "--decimal", option, content=ASKED[kind])
    assert scored is not None


CASE = {"age": 35, "income": 3000, "plan": "basic"}
FORMS = {
    "data": {"data": [CASE]},
    "instances": {"instances": [CASE]},
    "dataframe_records": {"dataframe_records": [CASE]},
    "dataframe_split": {"dataframe_split": {"columns": HEAD, "data": [[35, 3000, "basic"]]}},
    "split": {"columns": HEAD, "index": [0], "data": [[35, 3000, "basic"]]},
    "table": {"schema": {"fields": []}, "data": [{"index": 0, **CASE}]},
    "pandas": {name: {"0": value} for name, value in CASE.items()},
    "pandas by index": {"0": CASE},
    "lists": {name: [value] for name, value in CASE.items()},
    "inputs of lists": {"inputs": {name: [value] for name, value in CASE.items()}},
    "one case": CASE,
    "with empty cases": [CASE, {}, dict.fromkeys(HEAD)],
}


@MODELS
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", FORMS)
def test_json_is_read_in_the_forms_that_programs_write(score, answers, model, form, indent):
    content = json.dumps(FORMS[form], indent=indent)
    _, scored = score("cases.json", model, content=content)
    assert right(scored, answers(model, ONE))


def test_a_broken_case_far_down_is_named_by_its_line(score):
    content = "[\n" + json.dumps(CASE) + ",\n" + '{"age": 35 "income": 1}]'
    said, scored = score("broken.json", "req", content=content)
    assert scored is None
    assert "Line 2: the JSON is broken or cut off here (line 3: Expecting ',' delimiter)" in said


# --- nothing is rounded, and nothing carried along, in silence


@MODELS
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("9007199254740993.0", "too large to be exact"),
        ("9007199254740993", "too large to be exact"),
        ("1e400", "too large for a number"),
        ("9" * 1_000_000, "too large for a number"),
        ("9.007199254740993e15", "too large to be exact"),
    ],
    ids=["with a point", "without", "with an exponent", "a million digits", "exact exponent"],
)
def test_a_number_of_json_that_no_float_holds_is_refused(score, model, number, expected):
    said, scored = score("big.json", model, content=json.dumps([CASE]).replace("35", number))
    assert scored is None
    assert expected in said
    assert len(said) < 1000


def test_numbers_that_the_model_does_not_take_keep_every_digit(score):
    numbers = ["9007199254740993.0", "1e400", "9" * 5000, "0.1000000000000000055511151231257827"]
    for number in numbers:
        content = json.dumps([{**CASE, "x": 1.5}]).replace("1.5", number)
        _, scored = score("digits.json", "req", content=content)
        assert scored["x"].tolist() == [number]


@MODELS
def test_the_index_that_pandas_puts_into_parquet_is_left_out(score, answers, model):
    file = io.BytesIO()
    frame = pd.DataFrame([{**CASE, "l": [1, 2]}] * 2, index=[7, 3])
    frame.to_parquet(file)
    said, scored = score("index.parquet", model, content=file.getvalue())
    assert '"l" and "__index_level_0__"' in said
    assert "__index_level_0__" not in scored
    assert right(scored, answers(model, ONE * 2))


def test_a_moment_of_another_zone_is_written_as_that_moment_in_utc(score):
    _, scored = score("parquet-timestamp-tz.parquet", "req")
    moments = pd.to_datetime(scored["joined"], utc=True)
    stored = pq.read_table(TRIALS / "parquet-timestamp-tz.parquet")["joined"].cast(pa.int64())
    assert np.array_equal(moments.astype("datetime64[us, UTC]").astype("int64"), stored.to_numpy())
    assert scored["joined"].str.endswith("Z").all()


@pytest.mark.parametrize("word", ["n/a", "NA", "none", "-", "?", "null"])
def test_to_leave_a_cell_empty_is_advised_where_that_is_allowed_alone(score, word):
    """Of a column that may not be empty, the advice would lead to the next refusal."""
    said, _ = score("needed.csv", "req", content=f"age,income,plan\n35,{word},basic\n".encode())
    assert "left empty" not in said
    assert "which the model needs in every row" in said


def test_a_required_number_of_a_demo_is_not_to_be_left_empty(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MODEL_DIR", str(ROOT / "model"))
    path = ROOT / "tests/trials/judging/empty-or-not.csv"
    main.main(["score", str(path), "-o", str(tmp_path / "out.csv"), "--model", "customer-churn"])
    said = capsys.readouterr().err
    assert 'monthly_charge is "n/a"; expected' in said
    assert "left empty" not in said
