# `make demo` and `make test` need Python 3.11 or 3.12, make and nothing else: they create .venv and install into it.

VENV := .venv
BIN := $(VENV)/bin

# The first interpreter that has the right version: python3 may be older or newer than what TensorFlow has wheels for.
PYTHON ?= $(shell for python in python3 python3.11 python3.12; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null \
	&& echo $$python && exit; done; echo python3)

.PHONY: help demo test fuzz lint notebooks install clean

help:
	@echo "make demo       install into $(VENV) and segment the bundled clip"
	@echo "make test       install into $(VENV) with the developers' tools and run the tests"
	@echo "make fuzz       feed mutated files to every reader and to the server for about an hour"
	@echo "make lint       check style and formatting"
	@echo "make notebooks  run the sources of the notebooks and write them with their outputs"
	@echo "make install    only install, with the developers' tools"
	@echo "make clean      remove $(VENV) and what builds and tests leave behind"

demo: $(VENV)/.installed
	$(BIN)/ytvos-segment --demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

fuzz: $(VENV)/.installed-dev
	YTVOS_FUZZ_SECONDS=80 $(BIN)/python -m pytest -n 0 -s tests/test_fuzz.py tests/test_fuzz_server.py

lint: $(VENV)/.installed-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

notebooks: $(VENV)/.installed-dev
	$(BIN)/python notebooks/build.py

install: $(VENV)/.installed-dev

# Stamp files: a target installs again only when the packaging metadata has changed.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || { \
		echo "error: ytvos-keras needs Python 3.11 or 3.12; '$(PYTHON)' is not one." \
			"Install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/.created
	$(BIN)/python -m pip install -e .
	@touch $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml | $(VENV)/.created
	$(BIN)/python -m pip install -e '.[dev]'
	@touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) ytvos-demo build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
