"""The examples of docs/release.md do what they say."""

import contextlib
import io
import re

from builders import OWNER, ROOT, scored_batch

from second_opinion.evidence import plan_of_batch
from second_opinion.evidence.plan_of_batch import Terms
from second_opinion.models.registry import Registry
from second_opinion.store import Store

PAPER = (ROOT / "docs/release.md").read_text("utf-8")
EXAMPLE, OUTPUT = re.search(
    r"```python\n((?:(?!```).)*)```\n\n```\n(.*?)```", PAPER, re.DOTALL
).groups()
PROGRAM = re.search(r"```python\n((?:(?!```).)*store\.queue\.lock.*?)```", PAPER, re.DOTALL)[1]


def test_the_notebook_example_prints_what_stands_below_it():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(EXAMPLE, {})
    assert printed.getvalue() == OUTPUT


def test_a_program_answers_the_cases_of_a_plan_as_it_is_printed(place, models, monkeypatch):
    """Through the queue, which refuses a second answer to a case that was given once."""
    monkeypatch.chdir(place)
    (place / "model").symlink_to(models)
    store, registry = Store.open("feedback.db"), Registry("model")
    batch, _ = scored_batch(store, registry, "triage", 6)
    terms = Terms(target=0.6, twice=0.0, experts=("Ada",))
    plan = plan_of_batch.freeze(store, registry.card("triage"), batch, terms, by=OWNER)
    said = iter(["home", "", *["home"] * 4])
    exec(PROGRAM, {"input": lambda question: next(said)})
    answers = [one for _, one in store.plans.answers(plan, by=OWNER).verdicts]
    assert [one.blind_value for one in answers] == ["home", None, *["home"] * 4]
    assert {(one.expert, one.mode) for one in answers} == {("Ada", "blind")}
