# Every target sets itself up: a virtual environment in .venv, filled from constraints.txt (pinned, with hashes).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COMPILE := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help install run test check lint docs mutants mutated bench figures golden chaos limits screenshots servers sbom audit \
	images clean constraints

# What keeps $(PYTHON) from making the environment, and the command that mends it; empty if nothing does.
PYTHON_FAULT = $(shell \
	command -v $(PYTHON) >/dev/null || { echo 'Python is missing: sudo apt install python3 python3-venv'; exit; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'arbkit needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.11'; exit; }; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		echo 'The package $(notdir $(PYTHON))-venv is missing: sudo apt install $(notdir $(PYTHON))-venv')

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | column -t -s '	'

$(STAMP): constraints.txt pyproject.toml
	$(if $(PYTHON_FAULT),$(error $(PYTHON_FAULT)))
	@echo 'Installing arbkit and its packages into $(VENV) (about two minutes) …'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
	@echo 'Installed.'

install: $(STAMP) ## virtual environment and packages

run: install ## everything on this machine: demo market or Keepa, detection, dashboard, API
	$(BIN)/arbkit up

# The files of tests side by side; those with a browser and every service then have the machine to themselves.
# Compiled before: where no bytecode is written, each process that the tests start would compile all of arbkit.
test: install ## all tests this machine can run
	$(BIN)/python -m compileall -q -j 0 arbkit apps tests
	@failed=0; \
	$(BIN)/python -m pytest -n auto --dist loadfile --ignore tests/e2e || failed=$$?; \
	$(BIN)/python -m pytest tests/e2e || failed=$$?; \
	exit $$failed

check: install ## unit, layout and docs tests, within a minute
	$(BIN)/python -m pytest tests/unit -n auto -q

lint: install ## ruff, mypy, dead code and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/vulture
	$(BIN)/lint-imports

docs: install ## write the reference pages, and build the site into build/site
	$(BIN)/python -m tests.docs.reference
	$(BIN)/python -m tests.docs.openapi
	$(BIN)/python -m mkdocs build --quiet

mutants: install ## 600 seeded mutants of the money model against its tests
	$(BIN)/python -m tests.mutants.run --count 600 --seed 13

mutated: install ## 20,000 mutated files, answers and messages against a second reader
	$(BIN)/python -m tests.mutated.run --count 20000 --seed 15

bench: install ## all benchmarks as ratios of one run; BENCH=api: one group; AGAINST=COMMIT: speed against a commit, REPEATS=5 pairs
	$(BIN)/python -m tests.benchmarks.run $(if $(BENCH),--bench '$(BENCH)') $(if $(AGAINST),--against '$(AGAINST)') \
	  $(if $(REPEATS),--repeats '$(REPEATS)')

figures: install ## every figure that forecasts have to reach, with goal and state, in a quarter of an hour; JSON=FILE keeps them
	$(BIN)/python -m tests.figures.run $(if $(JSON),--json "$(JSON)")

golden: install ## execute the golden notebooks of the tests anew; look at the difference before you commit it
	$(BIN)/python -m tests.notebooks.golden

chaos: install ## 300 random kills while 100,000 records flow, 200 while alerts are sent, 300 injections of every kind; nothing may be lost
	$(BIN)/python -m tests.chaos.trial --kills 300 --records 100000 --store elasticsearch
	$(BIN)/python -m tests.chaos.trial --kills 300 --records 100000 --store sqlite
	$(BIN)/python -m tests.chaos.alerting.campaign --kills 200
	$(BIN)/python -m tests.chaos.alerting.campaign --kills 200 --log kafka --store elasticsearch
	$(BIN)/python -m tests.chaos.campaign --injections 300 --records 20000 --strict --system
	$(BIN)/python -m tests.chaos.campaign --injections 300 --records 20000 --strict --system --log kafka --store elasticsearch

limits: install ## every Compose service under its own limit of memory: 20,000 products, six open pages, no Docker
	$(BIN)/python -m tests.limits.trial --products 20000 --pages 6

screenshots: install ## pictures of every page in each state, into build/screenshots; those of the README into docs
	$(BIN)/python -m tests.e2e.screenshots

servers: install ## real Kafka and Elasticsearch on free loopback ports, without Docker, until Ctrl-C
	$(BIN)/python -m tests.servers.launch

sbom: install ## what arbkit installs, as CycloneDX, into build/sbom.json
	$(BIN)/python -m tests.supply.sbom

audit: install ## known vulnerabilities of the pinned packages: clean, found, or could not run
	$(BIN)/python -m tests.supply.audit

images: install ## fix the images of Dockerfile and docker-compose.yml to the digests that their tags have now
	$(BIN)/python -m tests.supply.images

clean: ## remove the virtual environment and caches; data in var/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

constraints: ## pin anew what pyproject.toml asks for, and the same for the container image
	$(BIN)/python -m pip install --quiet uv
	printf '%s\n' '# Pinned for every platform and Python 3.11+; made by `make constraints`.' > constraints.txt
	$(BIN)/uv pip compile pyproject.toml --extra dev $(COMPILE) >> constraints.txt
	printf '%s\n' '# What the image runs, pinned as in constraints.txt; made by `make constraints`.' > docker/requirements.txt
	$(BIN)/uv pip compile pyproject.toml --constraint constraints.txt $(COMPILE) >> docker/requirements.txt
	printf '%s\n' '# What builds its wheel, pinned as in constraints.txt; made by `make constraints`.' > docker/build.txt
	printf '%s\n' hatchling editables | $(BIN)/uv pip compile - --constraint constraints.txt $(COMPILE) >> docker/build.txt
