"""The committed demo models, and the script that makes them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from model import demo_cards, demo_data, train_demos
from model.train_demos import DEMOS, Demo, Trained, split, train, write
from second_opinion.errors import UserError
from second_opinion.models.describe import card_fields
from second_opinion.models.model import Model
from second_opinion.models.registry import Registry
from second_opinion.records.value import plain

FOLDER = Path(train_demos.__file__).parent
REGISTRY = Registry(FOLDER)
NUMBERS = [demo for demo in DEMOS if demo.name == "diabetes-progression"]
CLASSES = [demo for demo in DEMOS if demo.name != "diabetes-progression"]
MEGABYTE = 1_000_000


def each(demos: Any = DEMOS) -> Any:
    return pytest.mark.parametrize("demo", demos, ids=lambda demo: demo.ref)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine a thread a core makes boosting ten times slower, not faster."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def trained() -> list[Trained]:
    """The demos trained anew from their data."""
    return [train(demo) for demo in DEMOS]


@pytest.fixture
def fresh_folder(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def reference_rows(demo: Demo) -> pd.DataFrame:
    return pd.read_parquet(FOLDER / demo.ref / "reference.parquet")


def fifty_cases(demo: Demo) -> pd.DataFrame:
    """Fifty of the reference rows, ten of them with a gap where the model allows gaps."""
    rows = reference_rows(demo).drop(columns=demo.target)
    gaps = rows.isna().any(axis=1)
    return pd.concat([rows[gaps].head(10), rows[~gaps]]).head(50).reset_index(drop=True)


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a browser or the API would send it."""
    found: dict[str, Any] = json.loads(json.dumps({name: plain(v) for name, v in row.items()}))
    return found


def plausible(demo: Demo, count: int) -> pd.DataFrame:
    schema, reference = REGISTRY.card(demo.ref).case_schema, REGISTRY.reference(demo.ref)
    return pd.DataFrame([reference.plausible(schema, seed) for seed in range(count)])


def bytes_of(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def own_model(registry: Registry, name: str) -> None:
    X = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0]})
    y = pd.Series([0, 0, 1, 1], name="large")
    registry.add(DecisionTreeClassifier(random_state=0).fit(X, y), X, y, name=name)


# What is committed


@each()
def test_the_card_says_that_this_is_a_demo_and_what_it_is_not_for(demo: Demo) -> None:
    card = REGISTRY.card(demo.ref)
    assert card.demo
    assert card.owner == "Second Opinion demo"
    assert card.target.name == demo.target
    for text in (card.title, card.intended_use, card.limits, card.licence, card.target.description):
        assert text
    assert card.data["description"]


@each()
def test_verify_finds_nothing_wrong(demo: Demo) -> None:
    assert REGISTRY.verify(demo.ref) == []
    assert len(REGISTRY.reference(demo.ref).checks) >= 10


def test_no_model_file_is_over_a_megabyte_and_all_demos_are_under_two() -> None:
    files = [path for demo in DEMOS for path in (FOLDER / demo.ref).iterdir()]
    sizes = {path: path.stat().st_size for path in files}
    assert max(sizes.values()) < MEGABYTE
    assert sum(sizes.values()) < 2 * MEGABYTE


@pytest.mark.slow
@each()
def test_the_committed_card_is_what_the_script_writes_today(
    demo: Demo, trained: list[Trained], fresh_folder: Registry
) -> None:
    """Red after an edit of data, training or words without `python model/train_demos.py`."""
    write(fresh_folder, [one for one in trained if one.demo == demo])
    today, committed = (
        json.loads((folder / demo.ref / "card.json").read_text("utf-8"))
        for folder in (fresh_folder.folder, FOLDER)
    )
    # The file's hash is the machine's own: another processor may round the last bit otherwise.
    assert today | {"artifact": None} == committed | {"artifact": None}


def test_champion_and_challenger_of_customer_churn_are_its_two_versions() -> None:
    assert REGISTRY.look().versions("customer-churn") == ["1", "2"]
    assert REGISTRY.load("customer-churn@champion").card.ref == "customer-churn/1"
    assert REGISTRY.load("customer-churn@challenger").card.ref == "customer-churn/2"


# Figures


@each(CLASSES)
def test_the_accuracy_is_that_of_the_held_out_rows(demo: Demo) -> None:
    _, held_out = split(demo)
    model = REGISTRY.load(demo.ref)
    right = [
        said == plain(true)
        for said, true in zip(model.predict(held_out.X)["value"], held_out.y, strict=True)
    ]
    figures = model.card.metrics
    assert figures["accuracy"] == round(sum(right) / len(right), 4)
    assert figures["accuracy"] > figures["accuracy of the commonest answer"] + 0.05
    assert figures["rows"] == len(right)
    assert figures["on"] == "25 % held-out rows, never trained on"


@each([demo for demo in CLASSES if demo.name != "iris"])
def test_the_roc_auc_is_the_share_of_pairs_in_the_right_order(demo: Demo) -> None:
    _, held_out = split(demo)
    model = REGISTRY.load(demo.ref)
    answers = model.predict(held_out.X)["probabilities"]
    risk = np.array([model.card.probability(row) for row in answers], dtype=float)
    event = (held_out.y == model.card.positive).to_numpy()
    above = risk[event][:, None] - risk[~event]
    pairs = (np.sign(above) + 1) / 2
    assert model.card.metrics["ROC AUC"] == round(float(pairs.mean()), 4)
    assert model.card.metrics["Brier score"] == round(float(((risk - event) ** 2).mean()), 4)


@each(NUMBERS)
def test_the_errors_are_those_of_the_held_out_rows(demo: Demo) -> None:
    _, held_out = split(demo)
    model = REGISTRY.load(demo.ref)
    y = held_out.y.to_numpy()
    error = model.predict(held_out.X)["value"].to_numpy(float) - y
    figures = model.card.metrics
    assert figures["mean absolute error"] == round(float(np.abs(error).mean()), 4)
    assert figures["RMSE"] == round(float(np.sqrt((error**2).mean())), 4)
    assert figures["R²"] == round(float(1 - (error**2).sum() / ((y - y.mean()) ** 2).sum()), 4)


@each()
def test_the_figures_of_the_committed_file_are_those_of_a_new_training(
    demo: Demo, trained: list[Trained]
) -> None:
    new = next(one for one in trained if one.demo == demo)
    assert REGISTRY.card(demo.ref).metrics == new.figures


@each()
def test_no_held_out_row_was_trained_on(demo: Demo) -> None:
    rows, held_out = split(demo)
    card = REGISTRY.card(demo.ref)
    assert not set(rows.X.index) & set(held_out.X.index)
    assert card.data["rows"] == len(rows.X)
    assert card.data["sha256"] == card_fields.digest(rows.X)
    assert len(held_out.X) == pytest.approx(0.25 * (len(rows.X) + len(held_out.X)), abs=1)


def test_the_challenger_is_slightly_better_than_the_champion() -> None:
    champion, challenger = (REGISTRY.card(f"customer-churn/{at}").metrics for at in "12")
    assert champion["accuracy"] < challenger["accuracy"] < champion["accuracy"] + 0.05
    assert champion["ROC AUC"] < challenger["ROC AUC"] < champion["ROC AUC"] + 0.05
    assert challenger["Brier score"] < champion["Brier score"]


# Honest words


@each()
def test_generated_data_is_called_generated_and_real_data_is_not(demo: Demo) -> None:
    card = REGISTRY.card(demo.ref)
    for text in (card.data["description"], card.limits):
        assert ("generated" in text.lower()) == (demo.load is demo_data.churn)


@each()
def test_each_feature_has_a_plain_name_a_label_and_a_description(demo: Demo) -> None:
    features = REGISTRY.card(demo.ref).features
    assert {f.name for f in features} == set(demo_cards.CARDS[demo.name]["features"])
    for feature in features:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name)
        assert feature.label[0].isupper()
        assert feature.description.endswith(".")


def test_malignant_is_the_positive_class_of_breast_cancer_and_large_nuclei_speak_for_it() -> None:
    model = REGISTRY.load("breast-cancer")
    typical = model.card.case_schema.typical
    largest = {f.name: f.max for f in model.card.features}
    assert (demo_data.breast_cancer().diagnosis == "malignant").sum() == 212
    assert model.card.label(model.card.positive) == "Malignant"
    assert model.predict([typical, largest])["value"].tolist() == ["benign", "malignant"]
    assert not any(f.unit for f in model.card.features)
    assert "not for diagnosis" in model.card.limits.lower()


def test_the_codes_of_sex_are_choices_and_not_an_amount() -> None:
    sex = REGISTRY.card("diabetes-progression").case_schema["sex"]
    assert sex.kind == "category"
    assert [(choice.value, choice.label) for choice in sex.choices] == [
        (1, "code 1"),
        (2, "code 2"),
    ]
    assert sex.column_dtype == "int64"
    assert sex.range_text == ""
    assert sex.read(sex.typical) == (sex.typical, None)
    value, problem = sex.read(3)
    assert value == 3
    assert problem is not None
    assert not problem.blocking


# Reference


@each()
def test_the_ranges_of_card_and_summary_are_those_of_the_training_rows(demo: Demo) -> None:
    rows, _ = split(demo)
    reference = REGISTRY.reference(demo.ref)
    assert reference.rows == len(rows.X)
    for feature in REGISTRY.card(demo.ref).features:
        column, known = rows.X[feature.name].dropna(), reference.features[feature.name]
        assert known["missing"] == round(float(rows.X[feature.name].isna().mean()), 6)
        if feature.is_numeric:
            ends = (column.min(), column.max())
            assert (feature.min, feature.max) == ends
            assert (known["quantiles"][0], known["quantiles"][-1]) == ends
            assert feature.typical in set(column)
        else:
            counts = dict(known["counts"])
            assert counts == column.value_counts().to_dict()
            assert set(feature.values) == set(counts)
            assert counts[feature.typical] == max(counts.values())


@each()
def test_the_reference_rows_are_the_training_rows_with_their_outcome(demo: Demo) -> None:
    rows, _ = split(demo)
    kept = reference_rows(demo)
    expected = rows.X.assign(**{demo.target: rows.y}).reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, expected)


# Predictions


@each()
def test_fifty_reference_rows_come_back_from_json_without_a_blocking_problem(demo: Demo) -> None:
    schema = REGISTRY.card(demo.ref).case_schema
    rows = fifty_cases(demo)
    for row in rows.to_dict("records"):
        case, problems = schema.read(as_json(row))
        assert problems == []
        assert case == {name: plain(value) for name, value in row.items()}
    typed = schema.frame([schema.read(as_json(row))[0] for row in rows.to_dict("records")])
    # How pandas stores a text is its own affair: as Python's objects, or as Arrow's.
    assert typed.dtypes.map(str).equals(rows.dtypes.map(str))
    pd.testing.assert_frame_equal(typed, rows, check_dtype=False)


@each()
def test_predictions_of_fifty_cases_are_the_estimators_own_to_the_bit(demo: Demo) -> None:
    model = REGISTRY.load(demo.ref)
    rows = fifty_cases(demo)
    assert list(rows.columns) == model.card.case_schema.names
    assert rows.isna().any(axis=None) == (demo.name == "customer-churn")
    assert_same_answers(model, rows)


@pytest.mark.slow
@each()
def test_predictions_one_by_one_are_the_estimators_own_to_the_bit(demo: Demo) -> None:
    """Like with like: a sum over one row may round otherwise than one over fifty."""
    model = REGISTRY.load(demo.ref)
    rows = fifty_cases(demo)
    for at in range(len(rows)):
        assert_same_answers(model, rows.iloc[[at]])


def assert_same_answers(model: Model, rows: pd.DataFrame) -> None:
    schema, estimator = model.card.case_schema, model.estimator
    answers = model.predict([schema.read(as_json(row))[0] for row in rows.to_dict("records")])
    # The same numbers row by row or column by column in memory may differ in the last bit.
    typed = schema.frame(rows)
    assert answers["value"].tolist() == estimator.predict(typed).tolist()
    if model.card.task == "regression":
        assert answers["probabilities"].tolist() == [None] * len(rows)
        return
    assert list(model.card.class_values) == estimator.classes_.tolist()
    expected = [tuple(row) for row in estimator.predict_proba(typed).tolist()]
    assert answers["probabilities"].tolist() == expected


@each([demo for demo in DEMOS if demo.name == "customer-churn"])
def test_the_typical_customer_stays_and_the_model_is_fairly_sure(demo: Demo) -> None:
    model = REGISTRY.load(demo.ref)
    answer = model.predict([model.card.case_schema.typical]).iloc[0]
    assert model.card.label(answer["value"]) == "Stays"
    assert 0.8 <= answer["confidence"] <= 0.95


# Plausible examples


@each()
def test_plausible_examples_lie_inside_the_training_ranges(demo: Demo) -> None:
    schema = REGISTRY.card(demo.ref).case_schema
    for case in plausible(demo, 200).to_dict("records"):
        assert schema.read(as_json(case))[1] == []


@each()
def test_plausible_examples_keep_the_strongest_correlation_of_the_training_rows(
    demo: Demo,
) -> None:
    numbers = [f.name for f in REGISTRY.card(demo.ref).features if f.is_numeric]
    known = reference_rows(demo)[numbers].corr("spearman")
    pairs = known.where(np.triu(np.ones(known.shape, dtype=bool), 1)).stack()
    left, right = pairs.abs().idxmax()
    made_up = plausible(demo, 300)[[left, right]].corr("spearman").loc[left, right]
    assert abs(pairs[left, right]) > 0.5
    assert made_up == pytest.approx(pairs[left, right], abs=0.1)


def test_a_plausible_nucleus_has_the_area_of_its_radius() -> None:
    demo = next(demo for demo in DEMOS if demo.name == "breast-cancer")
    made_up = plausible(demo, 200)
    roundness = made_up.mean_area / (np.pi * made_up.mean_radius**2)
    known = reference_rows(demo)
    widest = (known.mean_area / (np.pi * known.mean_radius**2)).quantile([0.01, 0.99])
    assert roundness.between(widest[0.01] - 0.05, widest[0.99] + 0.05).mean() > 0.95


@each(CLASSES)
def test_twenty_plausible_examples_get_every_answer(demo: Demo) -> None:
    model = REGISTRY.load(demo.ref)
    answers = model.predict(plausible(demo, 20))["value"]
    assert set(answers) == set(model.card.class_values)


def test_plausible_patients_get_answers_that_differ() -> None:
    model = REGISTRY.load("diabetes-progression")
    answers = model.predict(plausible(NUMBERS[0], 20))["value"].astype(float)
    assert answers.max() - answers.min() > 50


# The script


@pytest.mark.slow
def test_a_second_run_writes_the_same_bytes(trained: list[Trained], fresh_folder: Registry) -> None:
    write(fresh_folder, trained)
    first = bytes_of(fresh_folder.folder)
    write(fresh_folder, [train(demo) for demo in DEMOS])
    assert bytes_of(fresh_folder.folder) == first
    assert {f"{demo.ref}/model.joblib" for demo in DEMOS} < set(first)


def test_the_number_of_threads_leaves_no_trace_in_the_file() -> None:
    challenger = DEMOS[1]
    with threadpool_limits(2):
        two = train(challenger).estimator
    assert joblib.hash(two) == joblib.hash(train(challenger).estimator)


def test_a_card_that_changed_gets_a_new_time(
    trained: list[Trained], fresh_folder: Registry
) -> None:
    before = write(fresh_folder, trained[-1:])[0]
    other = trained[-1]._replace(figures={**trained[-1].figures, "accuracy": 0.5})
    after = write(fresh_folder, [other])[0]
    assert after.metrics["accuracy"] == 0.5
    assert after.artifact.created_at > before.artifact.created_at


@pytest.mark.slow
def test_an_empty_folder_gets_customer_churn_as_its_default(
    trained: list[Trained], fresh_folder: Registry
) -> None:
    write(fresh_folder, trained)
    assert fresh_folder.look().default == "customer-churn"
    assert fresh_folder.look().aliases("customer-churn") == {"champion": "1", "challenger": "2"}
    assert fresh_folder.look().aliases("iris") == {"champion": "1"}


def test_other_models_and_the_default_stay_as_they_are(
    trained: list[Trained], fresh_folder: Registry
) -> None:
    own_model(fresh_folder, "mine")
    before = bytes_of(fresh_folder.folder)
    write(fresh_folder, trained[-1:])
    write(fresh_folder, trained[-1:])
    after = bytes_of(fresh_folder.folder)
    assert before.items() <= after.items()
    assert fresh_folder.look().default == "mine"


def test_a_model_that_is_no_demo_is_never_replaced(
    trained: list[Trained], fresh_folder: Registry
) -> None:
    own_model(fresh_folder, "iris")
    before = bytes_of(fresh_folder.folder)
    with pytest.raises(UserError, match="iris/1 is no demo model"):
        write(fresh_folder, trained)
    assert bytes_of(fresh_folder.folder) == before


@pytest.mark.slow
def test_the_old_demos_come_back_when_a_new_one_cannot_be_added(
    trained: list[Trained], fresh_folder: Registry
) -> None:
    write(fresh_folder, trained[-2:])
    before = bytes_of(fresh_folder.folder)
    broken = trained[0]._replace(demo=replace(trained[0].demo, version="No Version"))
    with pytest.raises(UserError):
        write(fresh_folder, [*trained[-2:], broken])
    assert bytes_of(fresh_folder.folder) == before
