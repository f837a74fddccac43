# Plain `make` lists what there is to make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
VERSION ?= 1.7
# A release of scikit-learn whose models are to be opened, like 1.2: requirements/ has a set for it.
SKLEARN ?=
ENVIRONMENT := $(PYTHON) scripts/environment --sklearn "$(SKLEARN)"
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 8 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help environment workshop lock lock-check run serve quick test check audit format demo-models screenshots bench try-sklearn try-mlflow try-invocations

help: ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

run: environment ## Open Second Opinion on http://localhost:8501; SKLEARN=1.2 for models of that age
	$(BIN)/streamlit run Home.py --server.port $(PORT) --server.address localhost

serve: environment ## The same with the API beside the pages: http://localhost:8501/api/docs
	$(BIN)/streamlit run serve.py --server.port $(PORT) --server.address localhost

quick: workshop ## Run the tests that need no browser and little time: no simulation, none marked slow
	$(BIN)/python -m pytest -m "not browser and not simulation and not slow" $(SIDE_BY_SIDE)

test: workshop ## Run every test, with a real browser; THOROUGH=1 runs the long counts
	@scripts/browser $(BIN)/python
	$(BIN)/python -m pytest -m "not browser" $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest -m browser

check: workshop ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock-check: workshop ## Compare requirements.lock and requirements/ with pyproject.toml
	$(BIN)/python scripts/lock --check

audit: workshop ## Look the packages of the locks up among known vulnerabilities
	$(BIN)/python scripts/audit

format: workshop ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo-models: environment ## Train the demo models again
	$(BIN)/python model/train_demos.py

bench: workshop ## Measure beside the alternatives, into benchmarks/RESULTS.md
	$(BIN)/python benchmarks/batch.py
	$(BIN)/python benchmarks/shapes.py
	$(BIN)/python benchmarks/distributions.py
	$(BIN)/python benchmarks/review.py
	$(BIN)/python benchmarks/experts.py
	$(BIN)/python benchmarks/insight.py

lock: workshop ## Write requirements.lock and the sets of requirements/ anew
	$(BIN)/python scripts/lock

screenshots: workshop ## Draw docs/images: every page, light, dark and phone
	@scripts/browser $(BIN)/python
	$(BIN)/python scripts/screenshots.py

try-sklearn: ## Try the app with another scikit-learn, from scratch: VERSION=1.7
	$(PYTHON) scripts/try-sklearn $(VERSION)

try-mlflow: ## Try the app with a real MLflow server, from scratch
	$(PYTHON) scripts/try-mlflow

try-invocations: ## Compare /invocations with a real `mlflow models serve`, from scratch
	$(PYTHON) scripts/try-invocations

environment:
	@$(ENVIRONMENT)

workshop:
	@$(ENVIRONMENT) --work
