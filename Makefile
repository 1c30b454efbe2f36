# The two commands: `make serve` starts the mock, `make test` runs lint, types, tests and the wheel.
PYTHON ?= python3
VENV ?= .venv
BENCH ?= .venv-bench
DOCS ?= .venv-docs
BIN := $(VENV)/bin
ARGS ?=
COMPILE_CONTRACT := "from mockserver import settings; from mockserver.service import assembly; assembly.load_contract(settings.Settings().contract)"

# The folders whose tests start servers, browsers, other runs of pytest, or whole verifications.
STARTING := browser ci clients commands drift live recording testing verify

.PHONY: serve test quick lint types tests thorough coverage wheel release-check lock contract lint-contract mutants bench bench-peers vendor screenshots docs compiled clean help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

serve: $(VENV)/.run  ## start the mock on the demo fixtures and print a signed curl
	$(BIN)/mockserver serve $(ARGS)

test: $(VENV)/.dev lint types tests wheel  ## lint, types, tests and the wheel
	@$(BIN)/python -m tests.state.redis_servers || true

quick: $(VENV)/.dev lint types  ## lint, types, and the tests that start nothing and are not marked slow
	$(BIN)/pytest -n 2 -q -m "not slow" $(STARTING:%=--ignore=tests/%) $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest -q -p no:randomly tests/test_architecture.py
	$(BIN)/python contracts/write_patch_operations.py --check
	$(BIN)/python contracts/write_signature_vectors.py --check
	$(BIN)/python docs/write_fidelity.py --check
	$(BIN)/python docs/write_settings.py --check
	$(BIN)/python docs/write_calls.py --check
	$(BIN)/python docs/write_reasons.py --check

types: $(VENV)/.dev
	$(BIN)/mypy

# One process more than there are cores at least, for many a test waits for another process. What pytest makes of the
# tests is kept for the next run also where Python is told to write no .pyc files: that is half of its start.
tests: $(VENV)/.dev compiled
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -p no:randomly -n 3 --dist worksteal $(ARGS)

thorough: $(VENV)/.dev compiled  ## the tests in random order, with ten times as many examples of each law, drawn anew (long)
	THOROUGH=1 $(BIN)/pytest -n 3 --dist worksteal $(ARGS)

coverage: $(VENV)/.dev compiled  ## measure the branches that the tests run, of which there may be no fewer (takes twice their time)
	$(BIN)/pytest -p no:randomly -n 3 --dist worksteal --cov --cov-report=term -m "not no_cover" $(ARGS)

wheel: $(VENV)/.dev  ## build the wheel and test it in an environment of its own
	$(BIN)/python -m tests.test_wheel

contract: $(VENV)/.dev  ## write the derived parts of contract and docs anew
	$(BIN)/python contracts/write_patch_operations.py
	$(BIN)/python contracts/write_signature_vectors.py
	$(BIN)/python docs/write_fidelity.py
	$(BIN)/python docs/write_settings.py
	$(BIN)/python docs/write_calls.py
	$(BIN)/python docs/write_reasons.py

lint-contract:  ## lint the contract with Redocly (needs Node.js)
	npx --yes @redocly/cli@2 lint contracts/openapi.yaml --config redocly.yaml

release-check: $(VENV)/.dev  ## do all of a release but the upload: build, test what was built (dist/; needs Node.js)
	rm -rf dist
	$(BIN)/python -m tests.test_wheel dist
	$(BIN)/python -m tools.typed_client

lock: $(VENV)/.dev  ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
		pyproject.toml --group build -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
		pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
		--group docs -o requirements-docs.lock

vendor:  ## write the workbench's vendored files anew from npm (needs Node.js)
	$(PYTHON) tools/vendor.py

screenshots: $(VENV)/.dev  ## write the workbench's pictures anew (needs Chromium)
	$(BIN)/python -m tools.screenshots

docs: $(VENV)/.dev $(DOCS)/.ready  ## render the documentation into site/; a link that leads nowhere is an error
	$(BIN)/python -m tools.site build/docs
	cd build/docs && $(abspath $(DOCS))/bin/zensical build --clean --strict
	rm -rf site && mv build/docs/site site
	@echo "open site/index.html, or: $(BIN)/python -m http.server --directory site --bind 127.0.0.1 8000"

mutants: $(VENV)/.dev  ## run the verification against all wrong servers and list which stage finds which (long)
	$(BIN)/python tools/mutants/run.py $(ARGS)

bench: $(BENCH)/.ready  ## measure all of docs/benchmarks.md (a quarter of an hour; ARGS=--quick for a look, --long for more)
	$(BENCH)/bin/python -m tools.bench $(ARGS)

bench-peers: $(BENCH)/.ready  ## measure mock servers from npm alone (needs Node.js and Java)
	$(BENCH)/bin/python -m tools.bench --only peers $(ARGS)

$(DOCS)/.ready: requirements-docs.lock
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-docs.lock
	@touch $@

$(BENCH)/.ready: requirements.lock pyproject.toml tools/bench/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check -r tools/bench/requirements.txt
	$(BENCH)/bin/python -m compileall -q mockserver
	PYTHONDONTWRITEBYTECODE= $(BENCH)/bin/python -c $(COMPILE_CONTRACT)
	@touch $@

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# Compiled at once, modules and contract, so that the first start is as quick as any; also where Python is told to write
# no .pyc files by itself. Before the tests anew: hundreds of them start a mock, and what was edited since is stale.
compiled: $(VENV)/.run
	@$(BIN)/python -m compileall -q mockserver
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -c $(COMPILE_CONTRACT)

$(VENV)/.run: $(VENV)/.python requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q mockserver
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c $(COMPILE_CONTRACT)
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) $(BENCH) $(DOCS) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
