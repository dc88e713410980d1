PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-compiled check wheel bench clean

run: $(VENV)/.installed
	$(BIN)/actionflow serve --demo --project flows

# A process a core; the files in turn, so that what a module's tests share is made once. The servers that
# tests start must not compile the program anew each time.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0

# Those of what an event passes once more, on the modules as a compiled wheel has them.
COMPILED := tests/store tests/postgres tests/unit tests/flows tests/stripe tests/web tests/front tests/outbox
test-compiled: export PYTHONDONTWRITEBYTECODE :=
test-compiled: export PYTHONSAFEPATH := 1
test-compiled: $(VENV)/.installed-dev
	there=$$(PYTHONPATH=. $(BIN)/python -m bench.compiled) && PYTHONPATH=$$there:$(CURDIR) \
	$(BIN)/python -m pytest -o "pythonpath=$$there ." -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(COMPILED)

# For this machine's Python; needs a C compiler and Python's headers. Into dist/.
wheel: $(VENV)/bin/python
	ACTIONFLOW_COMPILED=1 $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/actionflow check --project flows
	$(BIN)/actionflow test --project flows --all-reached

bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench
	$(BIN)/python -m bench.abuse

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Actionflow needs Python 3.11 or newer; name one with: make run PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
