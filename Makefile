# Python 3.11 to 3.13, choose one with PYTHON=...; the embedded Triton needs 3.11 or 3.12. The
# distribution's own comes first: a fresh machine has no other, and it serves 5 % more requests than
# one that a version manager built without profiles.
PYTHON ?= $(shell for name in /usr/bin/python3.12 /usr/bin/python3.11 python3.12 python3.11 python3 \
  python3.13; do $$name -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
  2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Tests start a hundred processes: what each imports is compiled once, also where this is set.
unexport PYTHONDONTWRITEBYTECODE
# For `make up`, such as ARGS="--port 9000".
ARGS ?=
# For `make bench-gate`.
BASE ?=
NEW ?=
LIMITS ?=

.DEFAULT_GOAL := help
.PHONY: help install up down test unit coverage lint types imports policies pytest bench bench-gate fmt \
  generate lock clean

help:
	@echo 'make install   the virtual environment in $(VENV), and Envoy, OPA and Triton'
	@echo 'make up        install, start everything, tell how to use it; Ctrl-C stops it'
	@echo 'make down      stop what `sluice up --detach` started'
	@echo 'make test      every check: style, types, import directions, policies, tests'
	@echo 'make unit      the quick tests alone, in about a minute'
	@echo 'make coverage  all tests, and which lines they run'
	@echo 'make bench     measure speed, and how well sensitive data is found'
	@echo 'make bench-gate BASE=main   compare what a request costs with a revision, by limits'
	@echo 'make fmt       format Python and Rego'
	@echo 'make generate  write the schemas and documents that are made from types and policies'
	@echo 'make lock      resolve requirements.lock and requirements-dev.lock anew'
	@echo 'make clean     remove what the targets above made here'

install: $(INSTALLED)

$(INSTALLED): requirements-dev.lock pyproject.toml
	@test -n '$(PYTHON)' || { echo 'sluice needs Python 3.11, 3.12 or 3.13 with venv (on Debian: apt install python3-venv);' \
	  'name one: make PYTHON=...' >&2; exit 1; }
	@echo 'making $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv --clear $(VENV) || { echo 'cannot make $(VENV); on Debian: apt install python3-venv' >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/sluice engines
	@touch $@

up: install
	$(BIN)/sluice up $(ARGS)

down: install
	$(BIN)/sluice down $(ARGS)

test: lint types imports policies pytest

lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: install
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports

policies: install
	$(BIN)/sluice check

pytest: install
	$(BIN)/pytest -n auto -p no:benchmark

# Those that start no server and take no seconds: the first to run after a change.
unit: install
	$(BIN)/pytest -n auto -p no:benchmark -q \
	  -m 'not e2e and not slow'

# What runs in processes of its own (Envoy's service, commands) is counted too.
coverage: install
	$(BIN)/pytest -n auto -p no:benchmark -q \
	  --cov --cov-report=term:skip-covered

bench: install
	$(BIN)/python -m bench
	$(BIN)/python -m bench.detection
	$(BIN)/pytest -q --benchmark-columns=mean bench/test_replay.py bench/test_mutation.py \
		bench/test_identity.py bench/test_ledger.py bench/test_ledger_redis.py bench/test_waiting.py
	$(BIN)/pytest -q --benchmark-columns=median,mean bench/test_privacy.py bench/test_answer.py
	$(BIN)/pytest -q bench/test_linear_time.py

# The working tree, or the revision NEW, against BASE; LIMITS="--limit 1.01 --memory-limit 1.02".
bench-gate: install
	@test -n '$(BASE)' || { echo 'name the revision to compare with: make bench-gate BASE=main' >&2; exit 2; }
	$(BIN)/python -m bench.gate --base '$(BASE)' $(if $(NEW),--new '$(NEW)') $(LIMITS)

fmt: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	opa=$$($(BIN)/sluice engines | awk '$$1 == "opa" { print $$3 }') && $$opa fmt --write policies

# Schemas, and docs/policy-reference.md: after a change of the types or policies they are made from.
generate: install
	opa=$$($(BIN)/sluice engines | awk '$$1 == "opa" { print $$3 }') && \
	  PATH="$${opa%/*}:$$PATH" $(BIN)/python -m extauth.assurance.generate

# Every platform and Python at once, so that everybody installs the same: requirements.lock is what
# those who run Sluice install, with every store and engine; requirements-dev.lock adds the tools.
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' pyproject.toml

lock: install
	$(BIN)/python -m pip install --disable-pip-version-check 'uv>=0.13,<0.14'
	$(LOCK) --extra dev --upgrade --output-file requirements-dev.lock
	$(LOCK) --extra all --constraints requirements-dev.lock --output-file requirements.lock

clean:
	-test ! -x $(BIN)/sluice || $(BIN)/sluice down
	rm -rf $(VENV) .sluice .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks .import_linter_cache .coverage* dist
