"""skops files: only types that somebody trusts are loaded, and never as a pickle."""

import io
import sys
import zipfile

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from second_opinion import UserError
from second_opinion.models.formats import skops_format
from second_opinion.models.formats.file_format import LOAD_ERRORS
from second_opinion.models.formats.skops_format import (
    is_own,
    is_skops,
    lacking,
    load,
    unknown_types,
)

sio = pytest.importorskip("skops.io")

TREE = "sklearn.tree._tree.Tree"


@pytest.fixture(scope="module")
def iris():
    """Cases and classes."""
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def forest(iris):
    """A forest as skops writes it: its trees are of a type that skops does not trust."""
    return sio.dumps(RandomForestClassifier(3, random_state=0).fit(*iris))


def rewritten(content, change):
    """The file with another schema, as somebody with an editor would make it."""
    source, buffer = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in source.namelist():
            part = source.read(name)
            made.writestr(name, change(part) if name == skops_format.SCHEMA else part)
    return buffer.getvalue()


def test_a_plain_pipeline_needs_no_trust(iris):
    model = make_pipeline(LogisticRegression(max_iter=1000)).fit(*iris)
    content = sio.dumps(model)
    assert is_skops(content)
    assert unknown_types(content) == []
    assert (load(content, ()).predict(iris[0]) == model.predict(iris[0])).all()


def test_what_is_not_trusted_is_not_loaded(forest):
    assert unknown_types(forest) == [TREE]
    with pytest.raises(UserError, match=r"holds sklearn\.tree\._tree\.Tree, which its card does"):
        load(forest, ())
    with pytest.raises(UserError, match="It was not loaded"):
        load(forest, ["sklearn.tree._tree.Trees", "sklearn"])
    assert load(forest, [TREE]).n_estimators == 3


def test_what_a_function_of_somebody_does_is_not_loaded_unless_it_is_named(iris):
    step = FunctionTransformer(np.asarray)
    content = sio.dumps(make_pipeline(step, LogisticRegression(max_iter=1000)).fit(*iris))
    assert unknown_types(content) == ["numpy.asarray"]
    with pytest.raises(UserError, match=r"numpy\.asarray"):
        load(content, ())
    load(content, ["numpy.asarray"])


def test_no_module_of_a_file_is_imported_before_it_is_trusted(forest, tmp_path, monkeypatch):
    """Importing runs code, so a name in a file must not be enough to do it."""
    (tmp_path / "brought_along.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    monkeypatch.syspath_prepend(tmp_path)
    content = rewritten(forest, lambda text: text.replace(b"sklearn.tree._tree", b"brought_along"))
    assert "brought_along.Tree" in unknown_types(content)
    assert lacking(unknown_types(content)) is None
    assert not is_own("brought_along.Tree")
    with pytest.raises(UserError):
        load(content, [TREE])
    assert "brought_along" not in sys.modules
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "own"),
    [
        (TREE, True),
        ("sklearn.calibration._CalibratedClassifier", True),
        ("numpy.dtype", True),
        ("scipy.sparse._csr.csr_matrix", True),
        ("numpy.asarray", False),
        ("numpy.testing._private.utils.runstring", False),
        ("numpy.f2py.__main__.main", False),
        ("sklearn.no_such_module.Thing", False),
        ("sklearn.tree._tree.NoSuchThing", False),
        ("sklearnish.Tree", False),
        ("builtins.eval", False),
        ("os.system", False),
        ("Tree", False),
        ("", False),
    ],
)
def test_only_classes_of_the_libraries_themselves_are_their_own(name, own):
    assert is_own(name) is own


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("__main__.Step", AttributeError, "__main__"),
        ("no_such_package.steps.Step", ModuleNotFoundError, "no_such_package"),
        ("sklearn.compose._column_transformer._Gone", AttributeError, "There is no _Gone in"),
        ("Step", ModuleNotFoundError, ""),
    ],
)
def test_what_is_not_here_is_told(name, error, said):
    found = lacking([TREE, name])
    assert isinstance(found, error)
    assert said in str(found)


def test_what_is_here_lacks_nothing():
    assert lacking([TREE, "numpy.asarray", "json.JSONDecoder"]) is None


@pytest.mark.parametrize("schema", [b"", b"[", b"{}", b"[]", b"null", b'{"protocol": 2}'])
def test_a_broken_schema_is_a_load_error(forest, schema):
    content = rewritten(forest, lambda text: schema)
    assert is_skops(content)
    with pytest.raises(LOAD_ERRORS):
        unknown_types(content)


def test_long_lists_of_types_are_cut():
    said = skops_format.named([f"a.T{n}" for n in range(40)])
    assert said.endswith("a.T11 and 28 more")
