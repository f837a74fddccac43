# Plain `make` lists what there is to make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
VERSION ?= 1.7.2
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 8 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help run quick test check format demo-models screenshots bench try-sklearn try-mlflow

help: ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

run: $(VENV)/run.stamp ## Open Second Opinion on http://localhost:8501
	$(BIN)/streamlit run Home.py --server.port $(PORT) --server.address localhost

quick: $(VENV)/dev.stamp ## Run the tests that need no browser and little time: no simulation, none marked slow
	$(BIN)/python -m pytest -m "not browser and not simulation and not slow" $(SIDE_BY_SIDE)

test: $(VENV)/dev.stamp ## Run every test, with a real browser; THOROUGH=1 runs the long counts
	@scripts/browser $(BIN)/python
	$(BIN)/python -m pytest -m "not browser" $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest -m browser

check: $(VENV)/dev.stamp ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo-models: $(VENV)/run.stamp ## Train the demo models again
	$(BIN)/python model/train_demos.py

bench: $(VENV)/dev.stamp ## Measure beside the alternatives, into benchmarks/RESULTS.md
	$(BIN)/python benchmarks/batch.py
	$(BIN)/python benchmarks/distributions.py
	$(BIN)/python benchmarks/review.py
	$(BIN)/python benchmarks/experts.py

screenshots: $(VENV)/dev.stamp ## Draw docs/images: every page, light, dark and phone
	@scripts/browser $(BIN)/python
	$(BIN)/python scripts/screenshots.py

try-sklearn: ## Try the app with another scikit-learn, from scratch: VERSION=1.7.2
	$(PYTHON) scripts/try-sklearn $(VERSION)

try-mlflow: ## Try the app with a real MLflow server, from scratch
	$(PYTHON) scripts/try-mlflow

$(VENV)/run.stamp: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Second Opinion needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + ". Set PYTHON=python3.12 or the like.")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
