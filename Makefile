# Handrail. `make demo` and `make test` need only Python, make and a way to the package registries.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# A uv that works in both folders, or one of our own from PyPI in a folder of its own. Each uv call stands in the folder whose
# .python-version it serves, so that it finds the interpreters a version manager offers.
UV := $(shell uv --version >/dev/null 2>&1 && cd engine && uv --version >/dev/null 2>&1 && command -v uv || echo $(CURDIR)/.uv/bin/uv)
BASE_PYTHON := $(shell for p in python3.12 python3.11 python3.10 python3 /usr/bin/python3; do \
	$$p -m venv --help >/dev/null 2>&1 && command -v $$p && break; done)
PYTHON := .venv/bin/python
ENGINE := engine/.venv/bin/python
HANDRAIL := .venv/bin/handrail

.PHONY: setup demo run train test check eval bench lock clean help

setup: .venv/.ready engine/.venv/.ready  ## install both runtimes as they are locked

$(CURDIR)/.uv/bin/uv:
	$(BASE_PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/.ready: requirements.txt pyproject.toml | $(UV)
	test -x $(PYTHON) || $(UV) venv --quiet .venv
	$(UV) pip sync --quiet --python .venv --require-hashes --compile-bytecode requirements.txt
	$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation -e .
	touch $@

engine/.venv/.ready: engine/requirements.txt engine/.python-version | $(UV)
	cd engine && { test -x .venv/bin/python || $(UV) venv --quiet .venv; }
	cd engine && $(UV) pip sync --quiet --python .venv --require-hashes --compile-bytecode requirements.txt
	touch $@

train: setup  ## train the dialogue model, if its sources changed
	@$(HANDRAIL) train

demo: setup  ## chat in a made-up practice (add ARGS="--script FILE --transcript FILE")
	@$(HANDRAIL) demo $(ARGS)

run: setup  ## the real service
	@$(HANDRAIL) run

test: train  ## all tests, two at a time, on the real engine, SQLite and PostgreSQL (or those of ARGS="tests/…")
	$(PYTHON) -m pytest $(or $(ARGS),--numprocesses 2 --dist worksteal)

check: setup  ## style, types, layers, dialogue data, words, rows without a story
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTHON) -m tests.check
	PYTHONWARNINGS=ignore $(ENGINE) -m engine data validate --data nlu stories --domain domain --fail-on-warnings

eval: train  ## how well messages and danger are understood
	@PYTHONWARNINGS=ignore $(ENGINE) -m benchmarks.evaluation $(ARGS)

bench: train  ## speed and memory, as a table
	@$(PYTHON) -m benchmarks.speed $(ARGS)

lock: | $(UV)  ## resolve both requirement files anew
	$(UV) pip compile --quiet pyproject.toml --group dev --python-version 3.12 --generate-hashes \
		--no-emit-index-url --no-header -o requirements.txt
	cd engine && $(UV) pip compile --quiet pyproject.toml --override overrides.txt --python-version 3.10 \
		--generate-hashes --no-emit-index-url --no-header -o requirements.txt

clean:  ## remove environments, models and caches
	rm -rf .uv .venv engine/.venv models .rasa .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
