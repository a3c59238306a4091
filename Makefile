# Two commands do everything, their own set-up included:
#   make prove    every scenario against every guard, with reports
#                 make prove BACKENDS=container (see docs/backends.md)
#   make test     the tests
# Needs Python 3.11 or newer, git and make; nothing else.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# Hundreds of Python processes are started from here, and each compiles all modules anew where what
# the first has compiled is not kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: prove test test-slow lint types check format bench-explore protections clean setup

prove: $(READY)
	$(BIN)/paidonce prove $(foreach set,$(BACKENDS),--backends '$(set)') $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

test-slow: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadgroup -m slow --hypothesis-profile=other $(ARGS)

check: lint types test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "paidonce needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	       "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

bench-explore: $(READY)
	$(BIN)/python benchmarks/exploration.py $(ARGS)

# The page of what real protections do, from a search of each: takes minutes, and the network.
protections: $(READY)
	$(BIN)/python docs/protection_pages.py $(ARGS)

clean:
	rm -rf $(VENV) paidonce-report .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
