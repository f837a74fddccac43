"""The application of the API: its routes, and one place for what goes wrong."""

from __future__ import annotations

from fastapi import FastAPI

from second_opinion.api import (
    api_description,
    health_routes,
    model_routes,
    prediction_routes,
    problem_json,
    verdict_routes,
)

ROUTERS = (health_routes, model_routes, prediction_routes, verdict_routes)


def application() -> FastAPI:
    """The API, with full paths (`/api/predict`): whoever mounts it takes no prefix away."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    problem_json.handle(app)
    for module in ROUTERS:
        app.include_router(module.router)
    api_description.add_to(app)
    return app
