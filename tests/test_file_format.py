"""Formats of model files: told by their content, loaded in their own way, refused with a reason."""

import io
import pickle
import re
import zipfile

import joblib
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from second_opinion import UserError
from second_opinion.models.formats import file_format
from second_opinion.models.formats.file_format import format_of, loaded, saved_by, why

COMPRESSIONS = ["zlib", "gzip", "bz2", "xz", "lzma", "lz4"]


@pytest.fixture(scope="module")
def iris():
    """Cases and a pipeline that was trained on them."""
    X, y = load_iris(return_X_y=True)
    return X, make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)


def compressed(model, kind):
    """The model as joblib compresses it."""
    if kind == "lz4":
        pytest.importorskip("lz4", reason="lz4 is not installed; joblib needs it to write that")
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=(kind, 3))
    return buffer.getvalue()


def saved(model, file_format):
    """The model as bytes of a format."""
    if file_format == "pickle":
        return pickle.dumps(model)
    if file_format == "skops":
        return pytest.importorskip("skops.io").dumps(model)
    return compressed(model, "zlib")


def archive(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in files.items():
            made.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


# --- what a file is


@pytest.mark.parametrize("kind", COMPRESSIONS)
@pytest.mark.parametrize("name", ["model.joblib", "model.pkl", "model"])
def test_every_compression_of_joblib_is_known_and_loaded(iris, kind, name):
    X, model = iris
    content = compressed(model, kind)
    assert format_of(name, content) == "joblib"
    found = loaded(content, "joblib")
    assert (found.predict_proba(X) == model.predict_proba(X)).all()


@pytest.mark.parametrize("level", range(10))
def test_every_level_of_zlib_is_known(iris, level):
    buffer = io.BytesIO()
    joblib.dump(iris[1], buffer, compress=level)
    assert format_of("model.joblib", buffer.getvalue()) == "joblib"


@pytest.mark.parametrize("file_format", ["joblib", "pickle", "skops"])
def test_a_file_is_what_it_holds_whatever_it_is_called(iris, file_format):
    X, model = iris
    content = saved(model, file_format)
    for name in ("model.pkl", "model.skops", "model"):
        assert format_of(name, content) == file_format
    found = loaded(content, file_format)
    assert (found.predict(X) == model.predict(X)).all()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "model.skops is empty"),
        (archive(readme_txt="hello"), "a zip archive without the schema of a skops file"),
        (b"PK\x03\x04 cut off", "it is damaged or cut off"),
        (file_format.LFS_POINTER + b"v1\noid sha256:0", "a pointer of Git LFS"),
        (b"  <!DOCTYPE html><title>Sign in</title>", "a web page or XML"),
        (b'{"message": "Not Found"}', "JSON text"),
        (b"model", "is not a joblib or pickle file, nor one of skops: it begins with b'model'"),
    ],
)
def test_what_is_no_model_file_is_named(content, said):
    with pytest.raises(UserError, match=re.escape(said)):
        format_of("model.skops", content)


def test_a_zip_archive_under_another_name_is_not_taken_for_skops():
    with pytest.raises(UserError, match="a zip archive, but no skops file"):
        format_of("model.joblib", archive(readme_txt="hello"))


def test_the_format_of_the_card_is_the_one_way_to_load(iris):
    """A skops file that is no skops file is not tried as a pickle, nor the other way round."""
    pytest.importorskip("skops.io")
    for right, wrong in (("pickle", "skops"), ("skops", "pickle"), ("skops", "joblib")):
        with pytest.raises(file_format.LOAD_ERRORS):
            loaded(saved(iris[1], right), wrong)


# --- which scikit-learn saved it


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_the_version_is_read_from_a_compressed_file_without_loading_it(iris, kind):
    assert saved_by(compressed(iris[1], kind), "joblib") == sklearn.__version__


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_version_is_read_from_a_pickle_of_any_protocol(iris, protocol):
    assert saved_by(pickle.dumps(iris[1], protocol), "pickle") == sklearn.__version__


def test_the_version_is_read_from_a_skops_file(iris):
    assert saved_by(saved(iris[1], "skops"), "skops") == sklearn.__version__


@pytest.mark.parametrize("version", ["1.6.1", "1.8.0rc1", "0.24.2", "2.0.dev0"])
def test_every_kind_of_version_is_read_in_full(iris, version):
    content = pickle.dumps(iris[1], protocol=0).decode("latin-1")
    changed = content.replace(f"V{sklearn.__version__}\n", f"V{version}\n")
    assert changed != content
    assert saved_by(changed.encode("latin-1"), "pickle") == version


@pytest.mark.parametrize("file_format", ["joblib", "pickle", "skops"])
def test_no_version_is_made_up(file_format):
    assert saved_by(b"x\x9c cut off", file_format) == ""
    assert saved_by(b"", file_format) == ""


# --- why it does not load


def test_an_absent_package_is_named():
    error = ModuleNotFoundError("No module named 'catboost.core'", name="catboost.core")
    assert "it needs the package 'catboost', which is not here" in why(error, "1.2.0")


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named '_loss'", name="_loss"),
        ModuleNotFoundError("No module named 'sklearn.gone'", name="sklearn.gone"),
        AttributeError("Can't get attribute '_RemainderColsList'"),
    ],
)
def test_a_part_of_another_version_is_not_taken_for_a_package(error):
    said = why(error, "1.0.2")
    assert "package" not in said
    assert f"saved with scikit-learn 1.0.2, and {sklearn.__version__} runs here" in said
    assert "older than 1.2, the oldest that this program runs with" in said
    assert "damaged or cut off" in why(error, sklearn.__version__)
    assert "damaged or cut off" in why(error, "")


def test_a_class_of_a_notebook_is_named():
    error = AttributeError("Can't get attribute 'Step' on <module '__main__'>")
    assert "defined in a notebook or script" in why(error, "1.2.0")


def test_a_cut_off_compressed_forest_is_a_load_error():
    X, y = load_iris(return_X_y=True)
    forest = RandomForestClassifier(3, random_state=0).fit(X, y)
    for kind in COMPRESSIONS[:-1]:
        content = compressed(forest, kind)
        for share in (1, 5, 9):
            with pytest.raises(file_format.LOAD_ERRORS):
                loaded(content[: len(content) * share // 10], "joblib")
