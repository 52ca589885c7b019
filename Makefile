# Every target does its own set-up: git, make and Python 3.11+ with venv are all it needs.
PYTHON ?= python3
WORKERS ?= 4
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV = $(shell command -v uv || echo $(BIN)/uv)
LOCKED := --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade

.PHONY: install ship test test-long test-aws clean-aws check format locks docs docs-serve man pictures bench clean

install: .venv/.installed

# uv takes seconds for what takes pip half a minute. Where it cannot be had, pip installs the same.
define install_locked
	@if [ -x "$(UV)" ]; then $(UV) pip install --python $(BIN)/python --require-hashes --requirement $(1); \
	else $(PIP) install --require-hashes --requirement $(1); fi
endef

.venv/.installed: pyproject.toml locks/install.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ebcd needs Python 3.11 or later: make PYTHON=python3.12")'
	@test -x $(BIN)/python || { echo "Making .venv …"; $(PYTHON) -m venv .venv; }
	@sed -n '/^uv==/,/[^\]$$/p' locks/install.txt >.venv/uv.txt
	@test -x "$(UV)" || { echo "Fetching uv …"; $(PIP) install --quiet --require-hashes --requirement .venv/uv.txt || true; }
	@echo "Installing $$(grep -c == locks/install.txt) packages into .venv …"
	$(call install_locked,locks/install.txt)
	@PYTHONWARNINGS=ignore $(PIP) install --quiet --no-deps --config-settings editable_mode=compat --editable .  # compat: a path; else each start of Python pays for a finder
	@touch $@

.venv/.developing: .venv/.installed locks/develop.txt
	@echo "Installing what tests and checks need …"
	$(call install_locked,locks/develop.txt)
	@touch $@

ship: install
	@$(BIN)/ebcd ship

test: .venv/.developing
	$(PYTEST) $(if $(T),-n 0,-n $(WORKERS) --dist worksteal) -m 'not long' $(T)

test-long: .venv/.developing
	$(PYTEST) -n $(WORKERS) --dist worksteal -rfEP $(T)

test-aws: .venv/.developing
	@$(BIN)/python tests/contract/on_account.py run

clean-aws: .venv/.developing
	@$(BIN)/python tests/contract/on_account.py clean $(RUN)

check: .venv/.developing docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.developing
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: man
	@$(BIN)/zensical build --strict --clean -f build/docs/zensical.toml

docs-serve: man
	@$(BIN)/zensical serve --dev-addr 127.0.0.1:8000 -f build/docs/zensical.toml

man: .venv/.developing
	@PYTHONPATH=docs $(BIN)/python -m reference build/docs

pictures: .venv/.developing
	@PYTHONPATH=docs $(BIN)/python -m recording

locks: .venv/.installed  # what pyproject.toml asks for, at its newest, with hashes
	$(UV) pip compile -q $(LOCKED) pyproject.toml --extra local --extra database -o locks/install.txt
	$(UV) pip compile -q $(LOCKED) pyproject.toml --extra local --extra database --extra cloudformation --group dev \
		--constraint locks/install.txt -o locks/develop.txt

bench: .venv/.developing
	@$(BIN)/python benchmarks/everything.py

clean:
	@if [ -x $(BIN)/ebcd ]; then $(BIN)/ebcd local down; fi
	rm -rf .venv .clients .bench build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
