# Everything that a person types. Only python3 with venv is assumed; each target sets up what it needs.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help compare up load test check check-style check-mypy check-pyright check-layout format bench oracles spark interop pictures clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

compare: $(VENV)/installed ## compare the schemes under load and write runs/latest/report.html (the main job)
	@$(BIN)/idverify compare $(ARGS)

up: $(VENV)/installed ## start all services, each on its own port; Ctrl-C stops them
	@$(BIN)/idverify up $(ARGS)

load: $(VENV)/installed ## Locust's web page on http://127.0.0.1:8089, against the services of make up
	@$(BIN)/locust -f loadtests/locustfile.py --web-host 127.0.0.1 $(ARGS)

# Compiled first: the tests start hundreds of processes, and each would compile what it imports where Python keeps no bytecode.
test: $(VENV)/installed-dev ## run all tests (PostgreSQL comes as a wheel; Chromium from the system's packages)
	@sh tests/install-chromium
	@$(BIN)/python -m compileall -q src
	@$(BIN)/pytest --numprocesses auto --dist loadfile $(ARGS)

check: check-style check-mypy check-pyright check-layout ## ruff, mypy --strict, pyright, import direction

check-style: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-mypy: $(VENV)/installed-dev
	$(BIN)/mypy

check-pyright: $(VENV)/installed-dev
	$(BIN)/pyright

check-layout: $(VENV)/installed-dev
	$(BIN)/python -m pytest -q tests/test_layout.py

format: $(VENV)/installed-dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

oracles: $(VENV)/installed ## measure what theory expects of each attack; exit 0 only if all agree (two minutes)
	@$(BIN)/idverify oracles $(ARGS)

bench: $(VENV)/installed-dev ## measure the hot paths and write docs/benchmarks.md
	@$(BIN)/python -m tests.benchmarks $(ARGS)

spark: $(VENV)/installed-dev ## run the attacks on Apache Spark too, against DuckDB's answers (needs Java 17; installs pyspark)
	@$(BIN)/python -c 'import sys; from idverify.privacy.spark import missing_java; sys.exit(missing_java() or None)'
	@$(BIN)/python -c 'import pyspark' 2>/dev/null || { echo 'installing pyspark (400 MB, once)' >&2; $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[spark]'; }
	@$(BIN)/pytest -m spark tests/privacy $(ARGS)

interop: $(VENV)/installed-dev ## exchange credentials with other people's libraries (needs node, npm and a network)
	@$(BIN)/python -m tests.interop $(ARGS)

pictures: $(VENV)/installed-dev ## make the screenshots in docs/ again, from the real thing
	@sh tests/install-chromium
	@$(BIN)/python -m tests.pictures $(ARGS)

clean: ## remove the virtual environment and the caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'idverify needs Python 3.11 or newer; name one with make PYTHON=python3.13' >&2; exit 3; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo 'installing idverify into $(VENV) (half a minute, once)' >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo 'installing idverify with its test tools into $(VENV) (a minute, once)' >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/installed
