# MetaLayer: `make` lists what can be done. Every target installs what it needs into .venv by itself.

PYTHON ?= python3
LOCK_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LANDING := $(or $(METALAYER_LANDING),data/landing)
UV := $(shell command -v uv 2>/dev/null)
# Some machines forbid bytecode, and without it every `import dagster` takes twice as long.
WITH_BYTECODE := env -u PYTHONDONTWRITEBYTECODE

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
# `make -j check` must still end on the summary line of pytest.
.NOTPARALLEL:
.DELETE_ON_ERROR:

.PHONY: help demo test check bench dev lint types config lock clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Build a warehouse from sample files, then show its tables
	@$(BIN)/metalayer up
	@if [ -n "$$(ls -A '$(LANDING)' 2>/dev/null)" ]; \
	then echo "$(LANDING) holds files already: they are loaded, and no sample is written."; \
	else $(BIN)/metalayer sample; fi
	@$(BIN)/metalayer run
	@$(BIN)/metalayer status
	@echo "Open the UI with: make dev"

test: $(INSTALLED) ## Run the tests on a real PostgreSQL
	@$(BIN)/pytest --numprocesses auto --dist loadfile

# The tests come last: their summary line closes the output.
check: lint types config test ## Everything that CI asks: lint, types, config, tests

bench: $(INSTALLED) ## Measure loads against the bare PostgreSQL
	@$(BIN)/python -m bench

dev: $(INSTALLED) ## Open the Dagster UI on the warehouse
	@$(BIN)/metalayer dev

lint: $(INSTALLED) ## Check the style of Python, SQL and YAML
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint --disable-progress-bar sql
	@$(BIN)/yamllint --strict .

types: $(INSTALLED) ## Check the types
	@$(BIN)/mypy
	@$(BIN)/mypy docker

# The definitions are loaded on a Dagster home of their own: no server is needed to read code.
config: $(INSTALLED) ## Check the definitions, compose file, workflows and hooks
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/pre-commit validate-config
	@bash -n .ci/run
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && : > "$$home/dagster.yaml" && \
	DAGSTER_HOME=$$home $(BIN)/dagster definitions validate --log-level warning -w workspace.yaml

# What builds the project is named once, in pyproject.toml; editables is what hatchling needs to install it in place.
lock: $(INSTALLED) ## Resolve requirements.lock again (all to their newest: LOCK_FLAGS=--upgrade)
	@{ $(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")'; \
	echo editables; } | \
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(LOCK_FLAGS) \
	--output-file requirements.lock pyproject.toml --group dev -
	@grep -c == requirements.lock | sed 's/$$/ packages in requirements.lock/'

clean: ## Remove .venv and the caches; the warehouse and the landing files stay
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml requirements.lock
	@[ -x $(BIN)/python ] || { \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "MetaLayer needs Python 3.11 or newer, and $(PYTHON) is not: name one, as in make PYTHON=python3.12 demo" >&2; \
	exit 1; } && \
	$(PYTHON) -m venv $(VENV) || { \
	rm -rf $(VENV); \
	echo "$(PYTHON) made no virtual environment: install its venv module (python3-venv on Debian)" >&2; \
	exit 1; }; }
ifdef UV
	@echo "Installing into $(VENV) with uv"
	@$(WITH_BYTECODE) uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
else
	@echo "Installing into $(VENV) with pip"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endif
	@$(WITH_BYTECODE) $(BIN)/python -m compileall -q -j 0 $(VENV)/lib metalayer_assets
	@touch $@
