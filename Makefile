# The two commands: `make study` runs a study, `make test` checks the project. Both first make .venv
# current (tools/setup.sh); when it is, that costs milliseconds.
#
#   make study ARGS="experiment=NAME"    make test TESTARGS="-k store"    PYTHON=/path to choose one
SHELL := /bin/sh
.DEFAULT_GOAL := help
# A foreign PYTHONPATH would make this another environment than the pinned one.
unexport PYTHONPATH PYTHONHOME
ARGS ?=
TESTARGS ?=
bin := .venv/bin
export PYTHON

.PHONY: help study test test-all test-inspect test-oracles test-launchers test-services test-train lint types contracts setup setup-test clean

help: ## say what can be asked for
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

study: setup ## run a study: diagnose run $(ARGS)
	@$(bin)/diagnose run $(ARGS)

# One thread per worker: two test processes on two cores must not start a pool of threads each.
test: lint types contracts ## lint, types, import contracts, then the tests: pytest $(TESTARGS)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(bin)/python -m pytest -n auto $(TESTARGS)

test-all: lint types contracts ## the same with the tests marked slow
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(bin)/python -m pytest -n auto -m '' $(TESTARGS)

# In an environment of its own, without this project: what writes the logs needs the records alone.
test-inspect: .venv-inspect/stamp ## the tests of Inspect's logs (40 packages that nothing else needs)
	@PYTHONPATH=. .venv-inspect/bin/python -m pytest tests/inspect_logs $(TESTARGS)

# Likewise: 600 MB, and one of them GPL.
test-oracles: .venv-oracles/stamp ## the analysis against other people's implementations (shapiq, marginaleffects)
	@PYTHONPATH=. .venv-oracles/bin/python -m pytest tests/oracles $(TESTARGS)

# With the base set, as a sweep's jobs are studies, which start in folders of their own; what is built
# from source is built as in setup.sh.
test-launchers: .venv-launchers/stamp ## sweeps on joblib, on a Ray cluster of several nodes, and on submitit
	@PYTHONPATH="$(CURDIR)" .venv-launchers/bin/python -m pytest tests/launchers $(TESTARGS)

test-services: .venv-services/stamp ## records on an object store, traces and runs told to servers: each run here for the tests
	@PYTHONPATH="$(CURDIR)" .venv-services/bin/python -m pytest tests/services $(TESTARGS)

test-train: .venv-train/stamp ## the extra `train`: treatments of a model's weights (torch: 5 GB)
	@OMP_NUM_THREADS=1 PYTHONPATH="$(CURDIR)" .venv-train/bin/python -m pytest -n auto tests/training $(TESTARGS)

.venv-launchers/stamp .venv-services/stamp .venv-train/stamp: .venv-%/stamp: requirements/build.txt requirements/%.txt
	@rm -rf .venv-$*
	@"$$(tools/find-python)" -m venv .venv-$*
	@for set in $^; do .venv-$*/bin/python -I -m pip install --quiet --require-hashes --no-deps \
		--no-build-isolation --disable-pip-version-check -r $$set || exit; done
	@touch $@

.venv-%/stamp: requirements/%.txt
	@rm -rf .venv-$*
	@"$$(tools/find-python)" -m venv .venv-$*
	@.venv-$*/bin/python -I -m pip install --quiet --require-hashes --no-deps \
		--disable-pip-version-check -r $<
	@touch $@

lint: setup-test ## ruff: rules and format
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .

types: setup-test ## mypy, strict
	@$(bin)/mypy --strict diagnose interventions analysis

contracts: setup-test ## which module may import which
	@$(bin)/lint-imports

setup:
	@tools/setup.sh base

setup-test:
	@tools/setup.sh test

clean: ## remove the environment and every cache; studies are kept
	@rm -rf .venv .venv-inspect .venv-oracles .venv-launchers .venv-services .venv-train .venv-old-* .venv.lock build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
