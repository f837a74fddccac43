"""Which files become a model that is code: what it imports and opens, never a table of cases."""

import textwrap

import pytest

from second_opinion import UserError
from second_opinion.models.formats.code_files import unpacked
from second_opinion.models.parts.code_brought import predict_file, with_code
from second_opinion.models.parts.needed_files import needed

FILES = (
    *("predict.py", "utils.py", "src/__init__.py", "src/features.py", "helpers.py", "deep.py"),
    *("model.h5", "parts/scaler.pkl", "parts/encoder.pkl", "fold_1.txt", "fold_2.txt"),
    *("saved/graph.pb", "saved/variables/one", "train.csv", "other.csv", "cases.xlsx"),
    *("walk.ipynb", ".env", "venv/pyvenv.cfg", "venv/lib/utils.py", "mine/pyvenv.cfg"),
    *("mine/secret.txt", "columns.json", "unused.bin", "notes.csv.gz", "df.parquet"),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A folder like a stranger's."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def names(folder, text, **about):
    (folder / "predict.py").write_text(textwrap.dedent(text))
    entry = folder / "predict.py"
    return [path.relative_to(folder).as_posix() for path in needed(entry, **about)][1:]


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("import utils", ["utils.py"]),
        ("from utils import x as y", ["utils.py"]),
        ("from .utils import x", ["utils.py"]),
        ("from . import utils", ["utils.py"]),
        ("import src.features", ["src/__init__.py", "src/features.py"]),
        ("from src import features", ["src/__init__.py", "src/features.py"]),
        ("sys.path.append(HERE); import features", ["src/features.py"]),
        ("def load(folder):\n    import utils", ["utils.py"]),
        ("import numpy, pandas as pd", []),
        ("open(folder / 'model.h5')", ["model.h5"]),
        ("open(folder / 'parts' / 'scaler.pkl')", ["parts/scaler.pkl"]),
        ("open(os.path.join(folder, 'parts', 'scaler.pkl'))", ["parts/scaler.pkl"]),
        ("NAME = 'parts/scaler.pkl'", ["parts/scaler.pkl"]),
        ("NAME = './model.h5'", ["model.h5"]),
        ("open(f'{folder}/model.h5')", ["model.h5"]),
        ("[open(folder / f'fold_{i}.txt') for i in (1, 2)]", ["fold_1.txt", "fold_2.txt"]),
        ("folder.glob('fold_*.txt')", ["fold_1.txt", "fold_2.txt"]),
        ("load_model(folder / 'saved')", ["saved/graph.pb", "saved/variables/one"]),
        ("x = row['saved']", []),
        ("json.load(open(folder / 'columns.json'))", ["columns.json"]),
        ("pd.read_csv(folder / 'other.csv'); 'cases.xlsx'; 'df.parquet'; 'notes.csv.gz'", []),
        ("'walk.ipynb'; '.env'; 'venv/lib/utils.py'; 'mine/secret.txt'", []),
        ("open('../outside.txt')", []),
        ("open('/etc/passwd')", []),
    ],
)
def test_what_it_imports_and_opens_is_proposed(folder, text, files):
    (folder.parent / "outside.txt").write_text("")
    assert names(folder, text) == files


def test_what_its_own_modules_need_is_proposed_too(folder):
    (folder / "utils.py").write_text("import helpers")
    (folder / "helpers.py").write_text("import utils, deep")
    (folder / "deep.py").write_text("open('model.h5')")
    files = names(folder, "import utils")
    assert files == ["deep.py", "helpers.py", "model.h5", "utils.py"]


def test_the_training_data_never_goes_with_it(folder):
    (folder / "predict.py").write_text("open('columns.json')")
    assert names(folder, "open('columns.json')", without=[folder / "columns.json"]) == []
    with pytest.raises(UserError, match="is the training data, which does not go"):
        predict_file(folder / "predict.py", [folder / "train.csv"], folder / "train.csv")


def test_files_that_are_named_come_along(folder):
    beside = [folder / "other.csv", folder / "parts"]
    file = predict_file(folder / "predict.py", beside, folder / "train.csv")
    found = sorted(unpacked(file.content))
    assert found == ["other.csv", "parts/encoder.pkl", "parts/scaler.pkl", "predict.py"]


def test_a_file_from_elsewhere_lies_beside_it(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "weights.bin"
    elsewhere.write_text("w")
    file = predict_file(folder / "predict.py", [elsewhere])
    assert unpacked(file.content)["weights.bin"] == b"w"


def test_whatever_its_name_is_it_becomes_predict_py(folder):
    (folder / "my-adapter.py").write_text("def load(folder): ...")
    assert list(unpacked(predict_file(folder / "my-adapter.py").content)) == ["predict.py"]
    (folder / "my-adapter.py").write_text("import predict")
    with pytest.raises(UserError, match="Give that file another name"):
        predict_file(folder / "my-adapter.py")


@pytest.mark.parametrize("name", ["json", "numpy", "pandas", "sklearn"])
def test_a_module_that_would_stand_in_the_way_is_refused(folder, name):
    (folder / f"{name}.py").write_text("")
    (folder / "predict.py").write_text(f"import {name}")
    with pytest.raises(UserError, match="has the name of a module of Python or of this program"):
        predict_file(folder / "predict.py")


def test_files_that_are_not_there_are_named(folder):
    with pytest.raises(UserError, match=r"gone.h5 is not there"):
        predict_file(folder / "predict.py", [folder / "gone.h5"])
    with pytest.raises(UserError, match="cannot be read"):
        predict_file(folder / "gone.py")


def test_the_code_of_a_model_file_lies_where_its_pickle_looks(folder):
    from second_opinion.models.formats.model_file import ModelFile

    pickled = b"\x80\x04c" + b"src.features\nClean\n."
    file = with_code(ModelFile("model.pkl", "pickle", pickled), [folder / "src/features.py"])
    found = unpacked(file.content)
    assert sorted(found) == ["model.pickle", "predict.py", "src/features.py"]
    assert b"import src.features" in found["predict.py"]
    assert found["model.pickle"] == pickled
