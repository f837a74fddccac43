"""`wrap` and `add FOLDER` make the same of a folder, and it answers as its owner's script."""

import shlex

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import IsotonicRegression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler

from second_opinion import Registry
from second_opinion.models.parts import folder
from second_opinion.models.parts.likely_parts import LikelyParts
from second_opinion.models.parts.predict_text import predict_text
from second_opinion.models.parts.proposal import proposed
from second_opinion.models.parts.wrapped_parts import WrappedParts

ROWS = 120
RNG = np.random.default_rng(4)
PEOPLE = pd.DataFrame(
    {
        "sex": RNG.choice(["f", "m"], ROWS),
        "age": RNG.integers(18, 80, ROWS),
        "income": RNG.uniform(1e3, 9e3, ROWS).round(),
    }
)
NUMBERS = PEOPLE[["age", "income"]]
CODES = (PEOPLE.age + 9 * (PEOPLE.sex == "m") > 50).astype(int)
WORDS = np.array(["stays", "leaves"])[CODES]
PRICE = PEOPLE.age * 3.0 + 100


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


def save(place, table, **parts):
    for name, content in parts.items():
        joblib.dump(content, place / f"{name}.pkl")
    table.to_csv(place / "train.csv", index=False)


def likely(place):
    return LikelyParts.of(folder.look(place).parts)


def coded(*columns):
    return PEOPLE.assign(sex=LabelEncoder().fit_transform(PEOPLE.sex))[list(columns)]


def a_pipeline_and_a_scaler_beside_it(place):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(NUMBERS, WORDS)
    save(place, NUMBERS.assign(y=WORDS), model=model, scaler=StandardScaler().fit(NUMBERS))
    return model.predict(NUMBERS)


def a_pipeline_behind_a_dict_of_encoders(place):
    X = coded("sex", "age")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, WORDS)
    encoders = {"sex": LabelEncoder().fit(PEOPLE.sex)}
    save(place, PEOPLE.assign(y=WORDS), model=model, encoders=encoders)
    return model.predict(X)


def an_old_scaler_beside_a_bundle_with_its_own(place):
    scaler = StandardScaler().fit(NUMBERS)
    model = LogisticRegression().fit(scaler.transform(NUMBERS), WORDS)
    old = StandardScaler().fit(NUMBERS * 7)
    bundle = {"model": model, "scaler": scaler}
    save(place, NUMBERS.assign(y=WORDS), bundle=bundle, scaler=old)
    return model.predict(scaler.transform(NUMBERS))


def my_scaler_of_the_only_input(place):
    scaler = StandardScaler().fit(NUMBERS[["age"]].to_numpy())
    model = LinearRegression().fit(scaler.transform(NUMBERS[["age"]].to_numpy()), PRICE)
    save(place, NUMBERS[["age"]].assign(price=PRICE), model=model, my_scaler=scaler)
    return PRICE


def an_encoder_told_by_its_levels(place):
    X = coded("sex", "age")
    model = RandomForestClassifier(9, random_state=0).fit(X, CODES)
    encoder = LabelEncoder().fit(PEOPLE.sex)
    save(place, PEOPLE.assign(late=CODES), model=model, encoder_1=encoder)
    return np.array(["not late", "late"])[model.predict(X)]


def an_encoder_called_after_the_target(place):
    target = LabelEncoder().fit(WORDS)
    model = RandomForestClassifier(9, random_state=0).fit(NUMBERS, target.transform(WORDS))
    save(place, NUMBERS.assign(churn=WORDS), model=model, le_churn=target)
    return target.inverse_transform(model.predict(NUMBERS))


def twelve_classes_with_words_in_a_text(place):
    codes = np.arange(ROWS) % 12
    X = pd.DataFrame({"size": codes * 2.0, "weight": codes % 5 + 0.5})
    model = RandomForestClassifier(20, random_state=0).fit(X, codes)
    words = np.array([f"kind {letter}" for letter in "lkjihgfedcba"])
    text = "".join(f"{code}={word}\n" for code, word in enumerate(words))
    (place / "classes.txt").write_text(text, "utf-8")
    save(place, X.assign(kind=words[codes]), bundle={"model": model})
    return words[model.predict(X)]


def towns_in_a_dict_beside_a_regression(place):
    model = LinearRegression().fit(NUMBERS, PRICE)
    save(place, NUMBERS.assign(price=PRICE), model=model, towns={"Bonn": 0, "Kiel": 1})
    return PRICE


KINDS = [
    a_pipeline_and_a_scaler_beside_it, a_pipeline_behind_a_dict_of_encoders,
    an_old_scaler_beside_a_bundle_with_its_own, my_scaler_of_the_only_input,
    an_encoder_told_by_its_levels, an_encoder_called_after_the_target,
    twelve_classes_with_words_in_a_text, towns_in_a_dict_beside_a_regression,
]  # fmt: skip


def answers(model_folder, name, table):
    """What an added model answers, in words where its card has some."""
    model = Registry(model_folder).load(name)
    values = model.predict(table)["value"]
    if model.card.task == "regression":
        return values.astype(float).tolist()
    return [model.card.label(value) for value in values]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_both_commands_lead_to_the_answers_of_the_script(kind, place, run, empty_folder):
    expected = kind(place)
    table = pd.read_csv(place / "train.csv")
    _, _, said = run("add", "theirs", "--name", "added")
    added = next(line for line in said.splitlines() if line.startswith("  python -m"))
    _, out, _ = run("wrap", "theirs")
    wrapped = out.splitlines()[-1].replace("NAME", "wrapped")
    for name, command in (("added", added), ("wrapped", wrapped)):
        code, _, said = run(*shlex.split(command)[3:], "--yes")
        assert code == 0, said
        own = answers(empty_folder, name, table)
        if isinstance(own[0], float):
            assert own == pytest.approx(list(expected))
        else:
            assert own == [str(answer) for answer in expected]


def test_a_calibrator_is_no_model_and_is_said(place, run):
    model = LogisticRegression(max_iter=2000).fit(NUMBERS, CODES)
    calibrator = IsotonicRegression().fit(model.predict_proba(NUMBERS)[:, 1], CODES)
    bundle = {"calibrator": calibrator, "model": model}
    save(place, NUMBERS.assign(y=CODES), model_files=bundle)
    proposal = proposed(folder.look(place).parts)
    assert (proposal.model.keys, proposal.models) == (("model",), ())
    (sentence,) = proposal.unused
    assert "model_files.pkl#calibrator" in sentence
    assert "by that calibrator write a predict.py: `wrap` begins it" in sentence
    assert run("wrap", "theirs")[0] == 0
    assert '"calibrator"]' in (place / "predict.py").read_text("utf-8")


@pytest.mark.parametrize("by_name", [False, True])
def test_a_scaler_of_the_answers_is_told_beside_one_of_a_single_input(place, by_name):
    X, y = NUMBERS[["age"]], PRICE.to_frame("price")
    X, y = (X, y) if by_name else (X.to_numpy(), y.to_numpy())
    scaler_X, scaler_y = StandardScaler().fit(X), StandardScaler().fit(y)
    model = LinearRegression().fit(scaler_X.transform(X), scaler_y.transform(y).ravel())
    table = NUMBERS[["age"]].assign(price=PRICE)
    save(place, table, model=model, scaler_X=scaler_X, scaler_y=scaler_y)
    parts = likely(place)
    assert [part.path.stem for part in parts.steps] == ["scaler_X"]
    assert parts.target_scaler.path.stem == "scaler_y"


def test_the_training_data_comes_before_other_tables(place):
    save(place, NUMBERS.assign(y=CODES), model=LogisticRegression().fit(NUMBERS.to_numpy(), CODES))
    NUMBERS.assign(y=CODES).to_csv(place / "data_of_the_test.csv", index=False)
    assert likely(place).table.path.name == "train.csv"


def test_a_table_is_told_by_a_list_of_columns_too(place):
    """The model knows no names; a list does."""
    save(place, PEOPLE, model=LogisticRegression().fit(NUMBERS.to_numpy(), CODES), cols=["x", "z"])
    pd.DataFrame({"x": [1.0], "z": 2.0, "y": 1}).to_csv(place / "other.csv", index=False)
    assert likely(place).table.path.name == "other.csv"


@pytest.mark.parametrize(
    ("name", "reader"), [("train.xlsx", "read_excel"), ("train.parquet", "read_parquet")]
)
def test_the_check_reads_a_table_of_another_format(name, reader, place):
    joblib.dump(LinearRegression().fit(NUMBERS, PRICE), place / "model.pkl")
    (place / name).write_bytes(b"")
    assert f'pd.{reader}(here / "{name}")' in predict_text(WrappedParts.of(place))


def test_wrap_names_what_may_be_the_model_or_the_target_instead(place, run):
    model = LogisticRegression(max_iter=2000).fit(NUMBERS.to_numpy(), CODES)
    save(place, NUMBERS.assign(left=CODES, member=1 - CODES), model=model, other=model)
    _, out, _ = run("wrap", "theirs")
    assert "theirs/other.pkl is a model too: a LogisticRegression" in out
    assert "The target is taken to be member; it might be left." in out


def test_the_weights_of_a_network_come_before_a_calibrator(place):
    joblib.dump(IsotonicRegression().fit([0, 1], [0, 1]), place / "calibrator.pkl")
    (place / "net.h5").write_bytes(b"\x89HDF")
    parts = likely(place)
    assert parts.model.path.name == "net.h5"
    assert parts.calibrator.path.name == "calibrator.pkl"


def test_a_model_called_after_its_threshold_is_taken_up(place):
    save(place, NUMBERS.assign(y=CODES), threshold_model=LogisticRegression().fit(NUMBERS, CODES))
    assert proposed(folder.look(place).parts).unused == ()
