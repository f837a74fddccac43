"""Trains the demo models and writes them into this folder: ``python model/train_demos.py``.

Seeded throughout: the same versions of Python and the libraries write the same bytes. Demos that
are here already are replaced, other models stay. The data is in demo_data.py, the words of the
cards in demo_cards.py.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.base import is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

HERE = Path(__file__).resolve().parent
# A script finds its own folder alone; the library and this folder as a package lie one above.
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from model import demo_cards, demo_data  # noqa: E402
from second_opinion.errors import UserError  # noqa: E402
from second_opinion.models.card import ModelCard  # noqa: E402
from second_opinion.models.registry import Registry  # noqa: E402

SEED = 20261120
HELD_OUT = 0.25
CHURN_NUMBERS = [
    "age",
    "income",
    "credit_score",
    "tenure_months",
    "usage_gb",
    "support_calls",
    "monthly_charge",
]
CHURN_CHOICES = ["contract", "region", "payment", "is_member", "has_fibre"]


def churn_linear() -> Pipeline:
    """Logistic regression: adds effects up, so it misses what only happens together."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [("choices", _one_hot(), CHURN_CHOICES), ("numbers", numbers, CHURN_NUMBERS)]
    )
    return make_pipeline(columns, LogisticRegression())


def churn_boosted() -> Pipeline:
    """Boosted trees: finds effects that only happen together; takes missing numbers as they are."""
    columns = ColumnTransformer(
        [("choices", _one_hot(), CHURN_CHOICES), ("numbers", "passthrough", CHURN_NUMBERS)]
    )
    trees = HistGradientBoostingClassifier(
        learning_rate=0.06,
        max_iter=120,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=5,
        early_stopping=False,
        random_state=SEED,
    )
    return make_pipeline(columns, trees)


def breast_cancer_linear() -> Pipeline:
    """Logistic regression, held back a little: 8 measurements that say much the same."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.3))


def diabetes_linear() -> Pipeline:
    """Ridge regression, with sex as a code and not as an amount."""
    numbers = ["age", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu"]
    columns = ColumnTransformer(
        [("choices", _one_hot(), ["sex"]), ("numbers", StandardScaler(), numbers)]
    )
    return make_pipeline(columns, Ridge(alpha=5))


def iris_forest() -> RandomForestClassifier:
    """A small forest, shallow enough to be unsure between two species that overlap."""
    return RandomForestClassifier(n_estimators=50, max_depth=3, random_state=SEED)


def _one_hot() -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="ignore", sparse_output=False)


@dataclass(frozen=True)
class Demo:
    """One version of a demo model: where its data comes from, and how it is built."""

    name: str
    version: str
    alias: str
    target: str
    load: Callable[[], pd.DataFrame]
    build: Callable[[], Any]

    @property
    def ref(self) -> str:
        """``name/version``."""
        return f"{self.name}/{self.version}"


# The first is the default model.
DEMOS = (
    Demo("customer-churn", "1", "champion", "churn", demo_data.churn, churn_linear),
    Demo("customer-churn", "2", "challenger", "churn", demo_data.churn, churn_boosted),
    Demo(
        "breast-cancer", "1", "champion", "diagnosis", demo_data.breast_cancer, breast_cancer_linear
    ),
    Demo(
        "diabetes-progression", "1", "champion", "progression", demo_data.diabetes, diabetes_linear
    ),
    Demo("iris", "1", "champion", "species", demo_data.iris, iris_forest),
)


class Rows(NamedTuple):
    """Features and outcomes of the same cases."""

    X: pd.DataFrame
    y: pd.Series[Any]


class Trained(NamedTuple):
    """An estimator with the rows it was trained on, and its figures on those held out."""

    demo: Demo
    estimator: Any
    rows: Rows
    figures: dict[str, Any]


def split(demo: Demo) -> tuple[Rows, Rows]:
    """The training rows and the held-out rows, a quarter; each with its share of every outcome."""
    rows = demo.load()
    X, y = rows.drop(columns=demo.target), rows[demo.target]
    strata = pd.qcut(y, 4, labels=False) if y.dtype.kind == "f" else y
    X, X_held_out, y, y_held_out = train_test_split(
        X, y, test_size=HELD_OUT, random_state=SEED, stratify=strata
    )
    return Rows(X, y), Rows(X_held_out, y_held_out)


def train(demo: Demo) -> Trained:
    """Fit a demo on its training rows and score it on the others."""
    rows, held_out = split(demo)
    # Boosting writes the number of threads into the file, and sums depend on it in the last bit.
    with threadpool_limits(1):
        estimator = demo.build().fit(rows.X, rows.y)
        found = figures(estimator, held_out, demo_cards.CARDS[demo.name].get("positive"))
    return Trained(demo, estimator, rows, found)


def figures(estimator: Any, held_out: Rows, positive: Any = None) -> dict[str, Any]:
    """The card's ``metrics``: how well the estimator does on rows it was never trained on."""
    score = _errors if is_regressor(estimator) else _shares_right
    about = {"on": "25 % held-out rows, never trained on", "rows": len(held_out.y)}
    found = score(estimator, held_out, positive)
    return about | {name: round(float(figure), 4) for name, figure in found.items()}


def _errors(estimator: Any, held_out: Rows, _: Any) -> dict[str, float]:
    found = estimator.predict(held_out.X)
    return {
        "mean absolute error": metrics.mean_absolute_error(held_out.y, found),
        "RMSE": float(np.sqrt(metrics.mean_squared_error(held_out.y, found))),
        "R²": metrics.r2_score(held_out.y, found),
    }


def _shares_right(estimator: Any, held_out: Rows, positive: Any) -> dict[str, float]:
    probabilities = estimator.predict_proba(held_out.X)
    scores = {
        "accuracy": metrics.accuracy_score(held_out.y, estimator.predict(held_out.X)),
        "accuracy of the commonest answer": held_out.y.value_counts(normalize=True).max(),
    }
    if positive is None:
        return scores | {"log loss": metrics.log_loss(held_out.y, probabilities)}
    is_event = held_out.y == positive
    probability = probabilities[:, np.flatnonzero(estimator.classes_ == positive)[0]]
    return scores | {
        "ROC AUC": metrics.roc_auc_score(is_event, probability),
        "Brier score": metrics.brier_score_loss(is_event, probability),
    }


def write(registry: Registry, trained: Sequence[Trained]) -> list[ModelCard]:
    """Put trained demos into a registry in place of those there; other models stay.

    A card whose content is the same as before keeps its time of creation, and so its hash.
    `UserError` when a model that is no demo has the name of one; on any error the old ones stay.
    """
    names = list(dict.fromkeys(one.demo.name for one in trained))
    _check_demos(registry, names)
    with _set_aside(registry.folder, names) as before:
        return [_added(registry, one, before) for one in trained]


def _check_demos(registry: Registry, names: Sequence[str]) -> None:
    for entry in registry.look().entries(demos=True):
        if entry.name in names and (entry.card is None or not entry.card.demo):
            raise UserError(
                f"{registry.folder}/{entry.name}/{entry.version} is no demo model, and would be "
                "replaced by one. Give it another name, or remove it, then try again."
            )


@contextmanager
def _set_aside(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """The folder where the models of these names lie meanwhile; they come back on an error."""
    aside = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    there = [name for name in names if (folder / name).exists()]
    for name in there:
        (folder / name).rename(aside / name)
    try:
        yield aside
    except BaseException:
        for name in names:
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in there:
            (aside / name).rename(folder / name)
        raise
    finally:
        shutil.rmtree(aside)


def _added(registry: Registry, one: Trained, before: Path) -> ModelCard:
    demo = one.demo
    words = demo_cards.CARDS[demo.name]
    registry.add(
        one.estimator,
        *one.rows,
        name=demo.name,
        version=demo.version,
        alias=demo.alias,
        reference="rows",
        card={**words, "owner": demo_cards.OWNER, "metrics": one.figures, "demo": True},
    )
    _keep_time(registry.folder / demo.ref / "card.json", before / demo.ref / "card.json")
    return registry.card(demo.ref)


def _keep_time(path: Path, before: Path) -> None:
    """Put back the card from before where the new one differs in nothing but the time."""
    if before.exists() and _timeless(path) == _timeless(before):
        shutil.copyfile(before, path)


def _timeless(path: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return {**card, "artifact": {**card["artifact"], "created_at": ""}}


def main() -> int:
    """Train and write all demos; says what each is worth. Returns the exit code."""
    registry = Registry(HERE)
    try:
        cards = write(registry, [train(demo) for demo in DEMOS])
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    for card in cards:
        size = (HERE / card.ref / card.artifact.file).stat().st_size
        shown = ", ".join(f"{name} {figure}" for name, figure in card.metrics.items())
        print(f"{card.ref}: {size / 1000:.0f} kB, {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
