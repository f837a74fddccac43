"""What a pickle would make is told without importing or running anything of it."""

import io
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from second_opinion.models.formats.file_format import uncompressed
from second_opinion.models.parts.pickle_outline import outline

WAYS = [0, 1, 2, 3, 4, 5, "joblib", "compressed"]


def written(content, way):
    if isinstance(way, int):
        return pickle.dumps(content, protocol=way)
    file = io.BytesIO()
    joblib.dump(content, file, compress=3 if way == "compressed" else 0)
    return uncompressed(file.getvalue())


VALUES = {
    "list": ["age", "Größe"],
    "tuple": ("a", "b"),
    "dict": {"model": None, 3: [True, 2.5, b"\x00\xff"]},
    "set": {"a", "b"},
    "int": np.int32(7),
    "float": np.float64(0.1),
    "floats": np.array([[1.5, np.nan, 3], [4, 5, 6]]),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "big-endian": np.array([1, 2, 300], dtype=">i4"),
    "texts": np.array(["No", "Yes"]),
    "objects": np.array(["No", "Yes"], dtype=object),
    "none": np.array([], dtype=float),
    "bools": np.array([True, False]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VALUES)
def test_plain_values_and_arrays_are_what_loading_gives(name, way):
    read, _ = outline(written(VALUES[name], way))
    np.testing.assert_equal(read, VALUES[name])


INDEXES = [
    pd.Index(["age", "Größe", ""]),
    pd.Index(["age", "sex"], dtype=object),
    pd.DataFrame({"age": [1], "sex": [2]}).columns,
    pd.DataFrame(columns=["x", "age", "sex"]).drop(columns="x").columns,
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("names", INDEXES, ids=str)
def test_an_index_of_pandas_is_its_names(names, way):
    assert outline(written(names, way))[0].tolist() == names.tolist()


@pytest.mark.parametrize("way", WAYS)
def test_a_fitted_step_has_its_attributes(way):
    frame = pd.DataFrame({"age": [1.0, 2, 6], "sex": [0, 1, 1]})
    fitted = StandardScaler().fit(frame)
    read, imports = outline(written(fitted, way))
    assert read.origin == "sklearn.preprocessing._data.StandardScaler"
    assert read.origin in imports
    assert read.attributes["mean_"].tolist() == fitted.mean_.tolist()
    assert read.attributes["feature_names_in_"].tolist() == ["age", "sex"]
    assert read.attributes["n_features_in_"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("estimator", [RandomForestClassifier(3), HistGradientBoostingClassifier()])
def test_what_stands_behind_a_large_model_is_read_too(estimator, way):
    X, y = np.random.default_rng(0).random((80, 3)), np.arange(80) % 2
    content = {"model": make_pipeline(StandardScaler(), estimator).fit(X, y), "after": ["x", "y"]}
    read, _ = outline(written(content, way))
    assert read["after"] == ["x", "y"]
    assert read["model"].attributes["steps"][1][1].attributes["n_features_in_"] == 3


class Running:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_the_file_is_run(way, tmp_path):
    mark = tmp_path / "mark"
    content = [Running(mark), np.array([Running(mark)], dtype=object)]
    _, imports = outline(written(content, way))
    assert {"io.open", "_io.open", "__builtin__.open"} & {*imports}
    assert not mark.exists()


@pytest.mark.slow
def test_no_module_that_the_file_names_is_imported():
    estimator = LogisticRegression().fit([[0], [1]], ["a", "b"])
    content = pickle.dumps([estimator, LabelEncoder().fit(["a", "b"])])
    program = (
        "import sys\n"
        "from second_opinion.models.parts.pickle_outline import outline\n"
        f"read, _ = outline({content!r})\n"
        "assert read[1].attributes['classes_'].tolist() == ['a', 'b']\n"
        "assert 'sklearn.linear_model' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
