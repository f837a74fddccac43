"""Models that are code: hashed as one, loaded from the checked bytes, each with its own modules."""

import json
import pickle
import sys
import textwrap
import threading

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from second_opinion import Registry, UserError
from second_opinion.models.formats import code_files, python_code
from second_opinion.models.parts.code_brought import predict_file, with_code

PREDICT = """
    from utils import factor

    class Model:
        def predict(self, cases):
            return cases["a"] * factor()

    def load(folder):
        return Model()
"""


def written(folder, **files):
    """Files of Python in a folder; ``predict`` is predict.py."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text), "utf-8")
    return folder


def factor(number):
    return f"def factor():\n    return {number}\n"


@pytest.fixture
def cases():
    """Forty rows with two numbers."""
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=40).round(3), "b": rng.normal(size=40).round(3)})


def added(registry, folder, cases, y, name="own", **about):
    file = predict_file(folder / "predict.py", **about)
    estimator, _ = file.load()
    y = y.rename("outcome")
    return registry.add(estimator, cases, y, name=name, artifact=(file.format, file.content))


def answers(registry, ref, cases):
    return registry.load(ref).predict(cases)["value"].tolist()


def test_two_versions_answer_each_with_its_own_utils(tmp_path, cases):
    registry = Registry(tmp_path / "model")
    for number in (2, 3):
        folder = written(tmp_path / f"v{number}", predict=PREDICT, utils=factor(number))
        added(registry, folder, cases, cases.a * number)
    first, second = registry.load("own/1"), registry.load("own/2")
    assert first.predict(cases)["value"].tolist() == (cases.a * 2).tolist()
    assert second.predict(cases)["value"].tolist() == (cases.a * 3).tolist()
    assert first.predict(cases)["value"].tolist() == (cases.a * 2).tolist()
    assert first.card.artifact.sha256 != second.card.artifact.sha256
    assert "utils" not in sys.modules
    assert "predict" not in sys.modules


CLASS = """
    from sklearn.base import BaseEstimator, TransformerMixin

    class Times(BaseEstimator, TransformerMixin):
        def fit(self, X, y=None):
            return self
        def transform(self, X):
            return X * {number}
"""


def pickled_with(folder, number, cases, dump=joblib.dump, module="utils"):
    """A model file whose first step is a class of a module in the folder."""
    written(folder, **{module: CLASS.format(number=number)})
    sys.path.insert(0, str(folder))
    try:
        step = __import__(module).Times()
        model = make_pipeline(step, LinearRegression()).fit(cases, cases.a)
        with (folder / "model.joblib").open("wb") as file:
            dump(model, file)
    finally:
        sys.path.remove(str(folder))
        del sys.modules[module]
    return folder / "model.joblib"


@pytest.mark.parametrize("dump", [joblib.dump, pickle.dump])
def test_a_pickle_finds_the_class_of_its_own_version(tmp_path, cases, dump):
    from second_opinion.models.formats.model_file import ModelFile

    loaded = []
    for number in (1, 5):
        path = pickled_with(tmp_path / str(number), number, cases, dump)
        file = with_code(ModelFile.read(path), [path.parent / "utils.py"])
        loaded.append(file.load()[0])
    for model, number in zip(loaded, (1, 5), strict=True):
        assert model[0].transform(cases).a.iloc[0] == cases.a.iloc[0] * number
        assert np.allclose(model.predict(cases), cases.a)
    assert "utils" not in sys.modules


@pytest.mark.slow
def test_a_step_of_ones_own_works_in_processes_too(tmp_path, cases):
    written(tmp_path, utils=CLASS.format(number=3))
    written(
        tmp_path,
        predict="""
        from joblib import Parallel, delayed
        from utils import Times

        class Model:
            def predict(self, cases):
                parts = [cases[["a"]], cases[["b"]]]
                both = Parallel(n_jobs=2)(delayed(Times().transform)(part) for part in parts)
                return both[0]["a"] + both[1]["b"]

        def load(folder):
            return Model()
        """,
    )
    model = predict_file(tmp_path / "predict.py").load()[0]
    assert np.allclose(model.answers(cases), 3 * (cases.a + cases.b))


def test_a_pickle_opened_only_when_it_predicts_finds_its_own_class(tmp_path, cases):
    for number in (1, 5):
        path = pickled_with(tmp_path / str(number), number, cases)
        written(
            path.parent,
            predict="""
            import joblib

            class Lazy:
                def __init__(self, folder):
                    self.folder = folder
                def predict(self, cases):
                    return joblib.load(self.folder / "model.joblib")[0].transform(cases)["a"]

            def load(folder):
                return Lazy(folder)
            """,
        )
        file = predict_file(path.parent / "predict.py", [path.parent / "utils.py"])
        assert np.allclose(file.load()[0].answers(cases), cases.a * number)


def test_a_class_of_a_notebook_is_found_in_predict(tmp_path, cases):
    folder = written(tmp_path / "own", predict=CLASS.format(number=4))
    source = (folder / "predict.py").read_text()
    space = {"__name__": "__main__"}
    exec(source, space)
    space["Times"].__module__ = "__main__"
    main = sys.modules["__main__"]
    main.Times = space["Times"]
    joblib.dump(space["Times"](), folder / "step.joblib")
    del main.Times
    load = """
        import joblib

        class Model:
            def __init__(self, step):
                self.step = step
            def predict(self, cases):
                return self.step.transform(cases)["a"]

        def load(folder):
            return Model(joblib.load(folder / "step.joblib"))
    """
    (folder / "predict.py").write_text(source + textwrap.dedent(load))
    model = predict_file(folder / "predict.py").load()[0]
    assert np.allclose(model.answers(cases), cases.a * 4)
    assert not hasattr(main, "Times")


@pytest.mark.parametrize(
    ("start", "files"),
    [
        ("import utils\nfactor = utils.factor", {"utils": factor(7)}),
        ("from .utils import factor", {"utils": factor(7)}),
        ("from importlib import import_module\nfactor = import_module('utils').factor",
         {"utils": factor(7)}),
        ("import package.inner\nfactor = package.inner.factor", {"package/inner": factor(7)}),
        ("from package import inner\nfactor = inner.factor", {"package/inner": factor(7)}),
        ("from package import factor",
         {"package/__init__": "from .inner import factor", "package/inner": factor(7)}),
        ("import sys, pathlib\nsys.path.append(str(pathlib.Path(__file__).parent / 'src'))\n"
         "from tools import factor", {"src/tools": factor(7)}),
        ("def factor():\n    from utils import factor\n    return factor()", {"utils": factor(7)}),
        ("def factor():\n    import tools\n    return tools.factor()\n"
         "import sys, pathlib\nsys.path.append(str(pathlib.Path(__file__).parent / 'src'))",
         {"src/tools": factor(7)}),
    ],
)  # fmt: skip
def test_modules_are_found_however_they_are_imported(tmp_path, cases, start, files):
    path = sys.path[:]
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
    predict = start + "\n" + textwrap.dedent(PREDICT.replace("from utils import factor", ""))
    written(tmp_path, predict=predict, **files)
    model = predict_file(tmp_path / "predict.py").load()[0]
    assert np.allclose(model.answers(cases), cases.a * 7)
    assert sys.path == path
    assert not {"utils", "package", "tools"} & {name.partition(".")[0] for name in sys.modules}


def test_somebody_elses_module_of_that_name_stays_theirs(tmp_path, cases, monkeypatch):
    theirs = type(sys)("utils")
    monkeypatch.setitem(sys.modules, "utils", theirs)
    folder = written(tmp_path, predict=PREDICT, utils=factor(2))
    assert predict_file(folder / "predict.py").load()[0].answers(cases)[0] == cases.a[0] * 2
    assert sys.modules["utils"] is theirs


def test_threads_that_answer_at_once_do_not_mix_their_modules(tmp_path, cases):
    lazy = PREDICT.replace("    from utils import factor", "").replace(
        'return cases["a"] * factor()', 'import importlib\n            '
        'return cases["a"] * importlib.import_module("utils").factor()'
    )  # fmt: skip
    models = {}
    for number in (2, 3):
        folder = written(tmp_path / str(number), predict=lazy, utils=factor(number))
        models[number] = predict_file(folder / "predict.py", [folder / "utils.py"]).load()[0]
    wrong = []

    def ask(number):
        for _ in range(10):
            if models[number].answers(cases)[0] != cases.a[0] * number:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in (2, 3) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nothing_compiled_is_read_or_written(tmp_path, cases):
    registry = Registry(tmp_path / "model")
    folder = written(tmp_path / "own", predict=PREDICT, utils=factor(2))
    added(registry, folder, cases, cases.a)
    home = tmp_path / "model/own/1/code"
    evil = home / "__pycache__"
    evil.mkdir()
    (evil / f"utils.{sys.implementation.cache_tag}.pyc").write_bytes(b"no code at all")
    assert answers(registry, "own/1", cases) == (cases.a * 2).tolist()
    assert registry.hash_state(registry.card("own/1")) == "intact"
    loaded = [path for path in tmp_path.rglob("*.pyc") if path.parent != evil]
    assert loaded == []


@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename"])
def test_a_file_that_was_touched_is_not_loaded(tmp_path, cases, change):
    registry = Registry(tmp_path / "model")
    folder = written(tmp_path / "own", predict=PREDICT, utils=factor(2), more="x = 1")
    added(registry, folder, cases, cases.a, beside=[folder / "more.py"])
    registry.load("own/1")
    more = tmp_path / "model/own/1/code/more.py"
    if change == "edit":
        more.write_text("x = 2")
    elif change == "add":
        more.with_name("sitecustomize.py").write_text("x = 1")
    elif change == "remove":
        more.unlink()
    else:
        more.rename(more.with_name("other.py"))
    assert registry.hash_state(registry.card("own/1")) == "changed"
    with pytest.raises(UserError, match="is not the file that was added"):
        registry.load("own/1")


def test_the_hash_goes_over_paths_and_contents():
    files = {"predict.py": b"ab", "a/b.py": b"c"}
    packed = code_files.packed(files)
    assert code_files.unpacked(packed) == files
    assert packed == code_files.packed(dict(reversed(files.items())))
    assert packed != code_files.packed({"predict.py": b"a", "a/b.py": b"bc"})
    assert packed != code_files.packed({"predict.py": b"ab", "a/c.py": b"c"})


@pytest.mark.parametrize("name", ["../a.py", "/a.py", "a\\b.py", ".hidden/a", "c:a", ""])
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="will not do as the path"):
        code_files.write_folder(code_files.packed({name: b""}), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "defines no load.folder."),
        ("def load(folder):\n    return None", "returns nothing; expected an object"),
        ("def load(folder):\n    return {}", "returns a dict; expected an object with predict"),
        ("def load(folder):\n    return 1 / 0", r"failed in predict.py, line 2 \(ZeroDivision"),
        ("def load(folder)\n    return 1", "predict.py is no Python that runs here in line 1"),
        ("raise SystemExit(3)", r"failed in predict.py, line 1 \(SystemExit: 3"),
        ("import nothing_like_it", "pip install` the package that brings nothing_like_it"),
        ("def load(folder):\n    open('w.txt')", r"as in folder / 'weights.h5'"),
    ],
)
def test_what_is_wrong_with_predict_py_is_said_with_its_line(tmp_path, text, message):
    (tmp_path / "predict.py").write_text(text)
    with pytest.raises(UserError, match=message):
        predict_file(tmp_path / "predict.py").load()


def test_an_error_while_it_predicts_names_the_line(tmp_path, cases):
    folder = written(tmp_path, predict=PREDICT, utils=factor("{}['x']"))
    model = predict_file(folder / "predict.py").load()[0]
    with pytest.raises(UserError, match=r"failed in utils.py, line 2 \(KeyError: 'x'\)"):
        model.answers(cases)


def test_a_model_that_was_corrected_loads_in_the_same_process(tmp_path, cases):
    folder = written(tmp_path, predict=PREDICT, utils="factor = 1 / 0")
    with pytest.raises(UserError):
        predict_file(folder / "predict.py").load()
    written(folder, utils=factor(2))
    assert predict_file(folder / "predict.py").load()[0].answers(cases)[0] == cases.a[0] * 2


def test_the_cases_are_not_changed_by_who_answers(tmp_path, cases):
    before = cases.copy()
    predict = PREDICT.replace('return cases["a"]', 'cases["a"] += 1; return cases["a"]')
    folder = written(tmp_path, predict=predict, utils=factor(2))
    model = predict_file(folder / "predict.py").load()[0]
    model.answers(cases)
    pd.testing.assert_frame_equal(cases, before)


def test_the_card_says_how_it_is_loaded_and_how_long_it_takes(tmp_path, cases):
    registry = Registry(tmp_path / "model")
    card = added(
        registry, written(tmp_path, predict=PREDICT, utils=factor(2)), cases, cases.a, name="own"
    )
    assert (card.artifact.file, card.artifact.format) == ("code", "python")
    assert 0 < card.artifact.seconds_per_case < 1
    assert card.task == "regression"
    assert [feature.name for feature in card.features] == ["a"]
    code = tmp_path / "model/own/1/code"
    assert sorted(path.name for path in code.iterdir()) == ["predict.py", "utils.py"]
    assert json.loads((code.parent / "card.json").read_text())["artifact"]["file"] == "code"
    assert python_code.load(code_files.packed_at(code)).answers(cases)[0] == cases.a[0] * 2
