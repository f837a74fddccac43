"""What is counted of the calls, in Prometheus' text: no name of a caller, no value of a case."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from fastapi import APIRouter
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from second_opinion.access.roles import PROGRAM
from second_opinion.api.asked_cases import Models, store_of
from second_opinion.api.caller import Caller, settings_now
from second_opinion.api.problem_json import REFUSALS, CallError, documented
from second_opinion.api.work import in_thread

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

disable_created_metrics()  # type: ignore[no-untyped-call]

# Their own, and not those of the process: another application in it may count too.
REGISTRY = CollectorRegistry()
CALLS = Counter(
    "second_opinion_calls",
    "Calls that were answered or refused, by route and status.",
    ("route", "method", "status"),
    registry=REGISTRY,
)
LATENCY = Histogram(
    "second_opinion_prediction_seconds",
    "From the parsed call to the stored answers, by the version that answered.",
    ("model", "version"),
    buckets=BUCKETS,
    registry=REGISTRY,
)
PREDICTIONS = Counter(
    "second_opinion_predictions",
    "Predictions that were stored for calls, by the version that answered.",
    ("model", "version"),
    registry=REGISTRY,
)
ERRORS = Counter(
    "second_opinion_errors",
    "Calls that were refused or failed, by route and status.",
    ("route", "status"),
    registry=REGISTRY,
)
VERDICTS = Counter(
    "second_opinion_verdicts",
    "Verdicts that were stored for calls, by model and judgement.",
    ("model", "judgement"),
    registry=REGISTRY,
)

router = APIRouter(tags=["health"])


class StoredVerdicts:
    """The verdicts that count, from pages and calls, as the database has them when it is asked."""

    def collect(self) -> Iterable[Metric]:
        """One gauge by model."""
        gauge = GaugeMetricFamily(
            "second_opinion_current_verdicts",
            "Verdicts that count, given on the pages and in calls.",
            labels=("model",),
        )
        settings = settings_now()
        store, models = store_of(settings), Models.now(settings, PROGRAM)
        for name in dict.fromkeys(entry.name for entry in models.catalog.entries()):
            gauge.add_metric((name,), store.effort(name).verdicts)
        yield gauge

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the database is not asked while this is made."""
        return ()


REGISTRY.register(StoredVerdicts())


@router.get("/api/metrics", responses=documented(REFUSALS) | {200: {"content": {"text/plain": {}}}})
async def metrics(caller: Caller) -> Response:
    """Counts and latencies of this process, in Prometheus' text."""
    if caller.hidden_models:
        raise CallError(
            HTTPStatus.FORBIDDEN,
            "These counts name every model; expected a token that may use all of them. Name it, as "
            f"{caller.expert_key}, for each model of [access] in the secrets.",
        )
    text = await in_thread(generate_latest, REGISTRY)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
