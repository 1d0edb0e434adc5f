# `make` alone lists what there is to run.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP = $(BIN)/python -m pip install --disable-pip-version-check
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header
# Processes that `make test` spreads each tier over. Tests that need an API server mostly wait, and each of their
# processes starts a control plane of its own.
FAST_WORKERS ?= 2
CLUSTER_WORKERS ?= 3
# What a file sets up on the API server it sets up once: its tests stay with one worker.
BY_FILE := --dist loadfile --no-loadscope-reorder

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: bench
bench: $(STAMP) ## measure beside the peers, a little of everything, in 5 minutes; NAMES=idle takes one
	@$(BIN)/python -m bench $(NAMES)

.PHONY: bench-full
bench-full: $(STAMP) ## measure with 10,000 incidents, and write docs/benchmarks.md
	@$(BIN)/python -m bench --full $(NAMES)

.PHONY: demo
demo: $(STAMP) ## play one incident from page to resolve on a local control plane
	@$(BIN)/python -m dev demo

.PHONY: up
up: $(STAMP) ## start a local control plane and write its kubeconfigs to .dev/
	@$(BIN)/python -m dev up

.PHONY: down
down: $(STAMP) ## stop the local control plane
	@$(BIN)/python -m dev down

.PHONY: test
test: $(STAMP) ## run every test: the fast ones first, then those that need an API server
	@$(BIN)/python -m dev build
	@$(BIN)/python -m dev controllers
	@$(BIN)/python -m dev helm
	@# Without these some tests are skipped loudly, and fail where CI is set.
	@$(BIN)/python -m dev promtool || true
	@$(BIN)/python -m dev contract || true
	@rm -f .dev/results.json; failed=0; \
	$(BIN)/python -m pytest -m 'not cluster' --dist worksteal -n $(FAST_WORKERS) || failed=1; \
	$(BIN)/python -m pytest -m cluster $(BY_FILE) -n $(CLUSTER_WORKERS) || failed=1; \
	$(BIN)/python -m tests.plugins.features summary || failed=1; \
	exit $$failed

.PHONY: e2e
e2e: $(STAMP) ## run the image and the chart in a real cluster of one node; needs root
	@# What is missing is said twice, by the tests too; where CI is set this is the end of it.
	@$(BIN)/python -m dev cluster build || [ -z "$$CI" ]
	@$(BIN)/python -m dev helm
	@$(BIN)/python -m pytest -n0 tests/e2e

.PHONY: faults
faults: $(STAMP) ## try faults at every crossing of the operator's boundary; ARGS="--plan ID" plays one again
	@$(BIN)/python -m dev build
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.faults $(ARGS)

.PHONY: faults-full
faults-full: $(STAMP) ## the same for an hour and a half, the model of faults in its large bounds, and 200 dead leaders
	@$(BIN)/python -m dev build
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.faults --minutes 10 --at-least 10000 --real all --write
	WATCHBILL_FAULTS=full $(BIN)/python -m pytest -s tests/model
	WATCHBILL_FAULTS=full $(BIN)/python -m pytest -rP --dist worksteal -n $(CLUSTER_WORKERS) \
		tests/integration/test_failover.py

.PHONY: contract
contract: $(STAMP) ## hold our requests, and our fakes, against the vendors' own documents
	@$(BIN)/python -m dev contract
	@$(BIN)/python -m pytest tests/contract

.PHONY: check
check: $(STAMP) ## check format, lint, types, layers and generated files; no cluster needed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m dev generate --check

.PHONY: fmt
fmt: $(STAMP) ## format the sources and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: generate
generate: $(STAMP) ## write what is made from the models: CRDs, policies, roles, reference
	@$(BIN)/python -m dev generate

.PHONY: features
features: $(STAMP) ## print each row of the acceptance table: proven, by which tests, or open
	@$(BIN)/python -m tests.plugins.features table

.PHONY: lock
lock: $(STAMP) ## pin the requirements again; ARGS=--upgrade takes newer versions
	$(LOCK) $(ARGS) requirements/runtime.in -o requirements/runtime.txt
	$(LOCK) $(ARGS) requirements/tracing.in -o requirements/tracing.txt
	$(LOCK) $(ARGS) requirements/dev.in -o requirements/dev.txt
	$(LOCK) $(ARGS) requirements/contract.in -o requirements/contract.txt
	$(LOCK) $(ARGS) requirements/build.in -o requirements/build.txt
	cd dev/contract && npm install --package-lock-only --ignore-scripts --no-audit --no-fund

# Made once, and brought up to date when the pins or the project's own metadata change.
$(STAMP): $(VENV)/.tools pyproject.toml
	@$(PIP) --quiet --no-deps --no-build-isolation -e . >&2
	@# Tests start the operator again and again, also where Python writes no bytecode by itself.
	@$(BIN)/python -m compileall -q operator
	@touch $@

$(VENV)/.tools: requirements/dev.txt
	@command -v $(PYTHON) >/dev/null 2>&1 \
	&& $(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	|| { echo 'Watchbill needs Python 3.11 or newer with its venv module (Debian: python3-venv); PYTHON=... names another one.' >&2; exit 1; }
	@echo 'Installing the pinned tools into $(VENV) ...' >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@$(PIP) --progress-bar off --require-hashes -r requirements/dev.txt >&2
	@touch $@
