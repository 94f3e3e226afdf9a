# `make demo` shows what headrace does; `make help` lists the rest.
# Needs Python 3.11 or newer and make, nothing else. Another Python: make demo PYTHON=python3.12

PYTHON =
VENV = .venv
BIN = $(VENV)/bin
RUN = $(BIN)/headrace run
# One more than there are processors: some tests wait, for a browser, for processes, for the disk.
WORKERS = $$($(BIN)/python -c 'import os; print(1 + (os.cpu_count() or 1))')

.PHONY: help demo test fuzz lint format types floors bench check clean

help: ## List the targets (the default)
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name text; do \
		printf '  make %-8s %s\n' "$$name" "$$text"; done

demo: $(VENV)/.for-demo ## Install into .venv, run the examples on your own store, and test them
	@echo; echo "== Two flows, on the store in $${HEADRACE_HOME:-~/.headrace}"
	@$(RUN) examples/hello/flows.py:my_flow
	@$(RUN) examples/hello/flows.py:my_other_flow
	@echo; echo "== ETL from a shop that fails now and then, with retries"
	@$(RUN) examples/etl/flows.py:etl
	@echo; echo "== A crawler that is polite: at most three requests at a time"
	@# The limit is there already from the second time on.
	@$(BIN)/headrace concurrency-limit create example-website 3 >/dev/null 2>&1 || true
	@$(RUN) examples/crawler/flows.py:crawl
	@echo; echo "== The same work in several processes"
	@$(RUN) examples/fan_out/flows.py:count_primes
	@echo; echo "== What was recorded:  headrace runs ls"
	@$(BIN)/headrace runs ls --limit 5
	@echo; echo "== The examples' own tests: each with a store of its own, and no waiting"
	@$(BIN)/python -m pytest examples
	@echo; echo "Now try:  $(BIN)/headrace --help"

test: $(VENV)/.for-dev ## Run the whole suite
	@# It starts some hundreds of processes, which need not compile everything anew, whatever the environment says.
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

fuzz: $(VENV)-fuzz/.for-fuzz ## Ask the server whatever its OpenAPI document allows
	$(VENV)-fuzz/bin/python -m pytest -p no:schemathesis tests/server/test_fuzzing.py

lint: $(VENV)/.for-dev ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.for-dev ## Mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.for-dev ## Check types
	$(BIN)/mypy

floors: $(VENV)/.for-dev ## Check that imports point downwards only
	$(BIN)/lint-imports

bench: $(VENV)/.for-dev ## Measure: tables, each beside a floor (python -m benches --help)
	@$(BIN)/python -m benches

check: test fuzz lint types floors ## All that continuous integration checks

clean: ## Remove .venv, caches and what was built
	rm -rf $(VENV) $(VENV)-fuzz .demo build dist .coverage
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.for-demo: pyproject.toml
	@if [ -f $(VENV)/.for-dev ]; then $(MAKE) $(VENV)/.for-dev; touch $@; \
	else .ci/install "$(PYTHON)" $(VENV) pytest $@; fi

$(VENV)-fuzz/.for-fuzz: pyproject.toml
	@.ci/install "$(PYTHON)" $(VENV)-fuzz fuzz $@

$(VENV)/.for-dev: pyproject.toml
	@.ci/install "$(PYTHON)" $(VENV) dev $@
