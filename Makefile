# Every target does its own set-up: git, make and Python 3.11+ with venv are all it needs.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: install ship test test-long test-aws clean-aws check format docs docs-serve man pictures bench clean

install: .venv/.installed

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ebcd needs Python 3.11 or later: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --config-settings editable_mode=compat \
		--editable '.[local,cloudformation,database]'  # compat: a path; else each start of Python pays for a finder
	@touch $@

.venv/.developing: .venv/.installed
	@echo "Installing what tests and checks need …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --group dev
	@touch $@

ship: install
	@$(BIN)/ebcd ship

test: .venv/.developing
	$(PYTEST) -n 3 --dist worksteal -m 'not long'

test-long: .venv/.developing
	$(PYTEST) -n 3 --dist worksteal -rfEP

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

bench: .venv/.developing
	@$(BIN)/python benchmarks/everything.py

clean:
	@if [ -x $(BIN)/ebcd ]; then $(BIN)/ebcd local down; fi
	rm -rf .venv .clients .bench build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
