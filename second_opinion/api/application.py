"""The application of the API: its routes, and one place for what goes wrong."""

from __future__ import annotations

from fastapi import FastAPI

from second_opinion.api import (
    api_description,
    call_counts,
    elsewhere_routes,
    health_routes,
    mlflow_routes,
    model_routes,
    prediction_routes,
    problem_json,
    status_routes,
    verdict_routes,
)
from second_opinion.api.call_log import CallLog

ROUTERS = (
    health_routes,
    call_counts,
    model_routes,
    prediction_routes,
    verdict_routes,
    status_routes,
    elsewhere_routes,
    mlflow_routes,
)


def application() -> FastAPI:
    """The API, with full paths (`/api/predict`): whoever mounts it takes no prefix away."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    problem_json.handle(app)
    for module in ROUTERS:
        app.include_router(module.router)
    api_description.add_to(app)
    app.add_middleware(CallLog)
    return app
