"""The data behind the demo models: one generated set, three real ones.

Each function returns a frame of features and target, with plain column names, whole numbers as
integers, and what has a name in the trade under that name.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

CUSTOMERS = 6000
CHURN_COLUMNS = [
    *("age", "income", "tenure_months", "usage_gb", "credit_score", "monthly_charge"),
    *("support_calls", "contract", "region", "payment", "is_member", "has_fibre"),
]
REGIONS = {"centre": 0.30, "north": 0.22, "south": 0.20, "east": 0.15, "west": 0.13}
BREAST_MEASUREMENTS = (
    "mean radius",
    "mean texture",
    "mean area",
    "mean smoothness",
    "mean concavity",
    "mean concave points",
    "worst radius",
    "worst concave points",
)
DIABETES_NAMES = {"s1": "tc", "s2": "ldl", "s3": "hdl", "s4": "tch", "s5": "ltg", "s6": "glu"}


def churn(seed: int = 2026) -> pd.DataFrame:
    """Generated customers of a phone and internet company, with ``churn`` 1 where one leaves.

    Customers are drawn first, each column from those before it; then leaving is drawn from
    `leaving`; only then are some incomes and credit scores lost, so what is missing still counts.
    """
    rng = np.random.default_rng(seed)
    customers = _contracts(_people(rng), rng)
    leaves = rng.random(CUSTOMERS) < expit(leaving(customers))
    return _with_gaps(customers, rng)[CHURN_COLUMNS].assign(churn=leaves.astype("int64"))


def leaving(customers: pd.DataFrame) -> pd.Series[float]:
    """The log-odds of leaving within 90 days: what the trade knows, as a formula.

    The first months are the riskiest; support calls count from the second on, and double on
    fibre, where a call means a fault; paying more than the bundle is worth drives out those who
    may go any month; a longer contract holds until its last three months; an invoice with a poor
    credit score ends in disconnection; hardly any use after two years is a customer half gone;
    the young switch more, loyalty members less.
    """
    c = customers
    monthly = c.contract == "monthly"
    term = c.contract.map({"monthly": 1, "yearly": 12, "two years": 24})
    ending = ~monthly & (term - c.tenure_months % term <= 3)
    overpaid = (c.monthly_charge - going_price(c)) / 10
    return (
        -3.8
        + 2.2 * monthly
        - 1.6 * (c.contract == "two years")
        + 2.8 * ending
        + 2.6 * np.exp(-c.tenure_months / 10)
        + 1.2 * (c.support_calls - 1).clip(lower=0) * (1 + c.has_fibre)
        + overpaid * (0.6 + 1.6 * monthly)
        + 2.0 * ((c.payment == "invoice") & (c.credit_score < 620))
        + 2.0 * ((c.usage_gb < 4) & (c.tenure_months > 24))
        - 0.045 * (c.age - 45)
        - 1.5 * c.is_member
    )


def going_price(customers: pd.DataFrame) -> pd.Series[float]:
    """What the bundle is worth in the market, $ a month."""
    return 22 + 0.7 * customers.usage_gb + 20 * customers.has_fibre


def breast_cancer() -> pd.DataFrame:
    """Eight measurements of 569 breast masses; ``diagnosis`` is malignant or benign, in words.

    scikit-learn codes malignant as 0; the words leave no room for reading it the wrong way round.
    """
    found = load_breast_cancer(as_frame=True)
    columns = found.data[list(BREAST_MEASUREMENTS)].rename(columns=_snake)
    return columns.assign(diagnosis=found.target.map(dict(enumerate(found.target_names))))


def diabetes() -> pd.DataFrame:
    """Ten baseline measurements of 442 patients in their own units, and ``progression``."""
    found = load_diabetes(as_frame=True, scaled=False).frame
    whole = {"age": "int64", "sex": "int64"}
    return found.astype(whole).rename(columns={**DIABETES_NAMES, "target": "progression"})


def iris() -> pd.DataFrame:
    """Four lengths in cm of 150 flowers, and the name of their ``species``."""
    found = load_iris(as_frame=True)
    columns = found.data.rename(columns=lambda name: _snake(name.removesuffix(" (cm)")))
    return columns.assign(species=found.target.map(dict(enumerate(found.target_names))))


def _snake(name: str) -> str:
    return name.replace(" ", "_")


def _people(rng: np.random.Generator) -> pd.DataFrame:
    """Who the customers are: age, where they live, what they earn, how they are rated."""
    n = CUSTOMERS
    age = 18 + np.floor(73 * rng.beta(1.5, 2.0, n))
    working_age = np.exp(-(((age - 48) / 26) ** 2))
    income = 34_000 * np.exp(0.75 * working_age + rng.normal(0, 0.42, n))
    score = 672 + 55 * np.log(income / 55_000) + 0.9 * (age - 45) + rng.normal(0, 62, n)
    return pd.DataFrame(
        {
            "age": age.astype("int64"),
            "income": np.round(np.clip(income, 12_000, 250_000), -2),
            "credit_score": np.clip(score, 300, 850).round(),
            "region": rng.choice(list(REGIONS), n, p=list(REGIONS.values())),
        }
    )


def _contracts(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """What they have and do: tenure, contract, bundle, use, price, payment, calls."""
    n = CUSTOMERS
    longest = np.minimum(120, (people.age - 17) * 12)
    tenure = 1 + np.floor((longest - 1) * rng.beta(0.8 + people.age / 90, 2.6, n))
    settled = expit((tenure - 24) / 12)
    fibre = rng.random(n) < expit(-0.05 + 1.0 * (people.region == "centre") + _high(people.income))
    monthly = 0.58 - 0.36 * settled
    two_years = 0.08 + 0.22 * settled
    draw = rng.random(n)
    contract = np.select([draw < monthly, draw > 1 - two_years], ["monthly", "two years"], "yearly")
    share = expit(-1.15 - 0.028 * (people.age - 45) + 0.35 * fibre)
    invoice = expit(-2.0 + 0.02 * (people.age - 45) - _high(people.credit_score))
    direct = (1 - invoice) * expit(0.2 + 0.8 * settled)
    paid = rng.random(n)
    customers = people.assign(
        tenure_months=tenure.astype("int64"),
        contract=contract,
        has_fibre=fibre,
        usage_gb=np.round(60 * rng.beta(5 * share, 5 * (1 - share)), 1),
        is_member=rng.random(n) < expit(-1.3 + 1.6 * settled),
        payment=np.select(
            [paid < invoice, paid < invoice + direct], ["invoice", "direct debit"], "card"
        ),
        support_calls=rng.poisson(
            0.3 + 0.6 * fibre * (people.region == "north") + 0.5 * rng.gamma(0.8, 1.2, n)
        ),
    )
    loyal = 3 * (contract == "yearly") + 6 * (contract == "two years")
    charge = going_price(customers) - loyal + 0.06 * tenure + rng.normal(2, 9, n)
    return customers.assign(monthly_charge=np.round(np.clip(charge, 9, None), 2))


def _high(column: pd.Series[float]) -> pd.Series[float]:
    """How far above the middle, in units of the usual spread."""
    return (column - column.median()) / column.std()


def _with_gaps(customers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Income unknown for some, more often of the newest; a score for those with a history alone."""
    new = customers.tenure_months < 6
    unknown = rng.random(CUSTOMERS) < np.where(new, 0.12, 0.05)
    unscored = rng.random(CUSTOMERS) < np.where(customers.age < 25, 0.09, 0.01)
    return customers.assign(
        income=customers.income.mask(unknown), credit_score=customers.credit_score.mask(unscored)
    )
