# benchfleet: `make demo` does the main job on this machine, `make test` runs the tests. `make help` lists the rest.
SHELL := /bin/bash
PY := .venv/bin/python
UV := $(shell command -v uv || echo $(CURDIR)/.tools/bin/uv)
SOURCES := core/src agent/src controller/src

.PHONY: help setup test check format protos clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## .venv with everything, quick when already there
	@scripts/setup

test: setup ## unit, contract, integration tests
	$(PY) -m pytest -q

check: setup ## lint, types, protocol, layers, generated code, documents
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy $(SOURCES)
	.venv/bin/buf lint
	UV=$(UV) scripts/generate-protos --check
	scripts/buf-breaking
	.venv/bin/lint-imports --no-logo

format: setup ## ruff, in place
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

protos: setup ## regenerate benchfleet.v1
	UV=$(UV) scripts/generate-protos

clean: ## remove what make made
	rm -rf .venv .tools dist build demo-output .mypy_cache .ruff_cache .pytest_cache
