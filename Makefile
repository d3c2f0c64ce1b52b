# Every target does its own set-up: a fresh machine needs Python 3.11+ with venv, and `make` itself.
# The system's interpreter comes first: distributions build it optimised, version managers often do not,
# and the campaigns run up to twice as fast on it. `make PYTHON=...` takes another one.
SUITS = import sys, ensurepip, venv; sys.version_info >= (3, 11) and print("$(1)")
PYTHON ?= $(firstword $(foreach p,/usr/bin/python3 python3,$(shell $(p) -c '$(call SUITS,$(p))' 2>/dev/null)) python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXAMPLE := docs/examples/home-agent

.PHONY: demo test lint laws bench gallery trace clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python docs/examples/demo.py

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy spec executable model proofs diagrams tests docs/examples
	$(BIN)/lint-imports

test: lint
	$(BIN)/xfrmspec trace --check
	$(BIN)/python -m pytest -n 2 --dist worksteal

bench: $(STAMP)
	$(BIN)/python -m pytest tests/bench -m bench -s

gallery: $(STAMP)
	$(BIN)/xfrmspec diagram --gallery diagrams/gallery

trace: $(STAMP)
	$(BIN)/xfrmspec trace --write

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
