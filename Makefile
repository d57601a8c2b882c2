# Python 3.11-3.13 and make are all a machine needs; every target sets up what it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KINDS := unit sql parity reference simulation glue e2e browser cluster
# How far the long tests of faults go: hours with these; KILLS=50 BITS=5 is a look.
KILLS ?= 500
BITS ?= 200
CLUSTER_KILLS ?= 20
# What the browser, reference and cluster tests need beyond Python, as Debian calls it.
DEBIAN := chromium r-base-core r-cran-survival r-cran-cmprsk postgresql rabbitmq-server
STAMP := $(VENV)/.installed

# Compiled modules make every command start in a fraction of the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test test-all test-fault check dev bench reference generated docs release lock clean $(KINDS:%=test-%)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed, this is %d.%d; set PYTHON=python3.12" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (once, about a minute) ..."
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements.lock; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock; \
	fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q registry_pipeline schemas
	@touch $(STAMP)

setup: $(STAMP)  ## the registry command, without running anything
	@echo "Ready: $(BIN)/registry --help; or put it on the path of this shell: . $(BIN)/activate"

demo: $(STAMP)  ## two refreshes of a synthetic registry, and what to open
	@$(BIN)/registry demo

test: check  ## every check and every test
	@$(BIN)/python -m pytest -n 2

test-all: packages test  ## the same with a browser, R and the services of a cluster, so that nothing is skipped for want of them

$(KINDS:%=test-%): test-%: $(STAMP)  ## one kind of test: make test-unit, test-reference, test-e2e, test-browser ...
	@$(BIN)/python -m pytest -n 2 tests/$*

test-fault: $(STAMP)  ## faults: the suite's, then commands killed (KILLS) and bits turned over (BITS) at random, parts of a cluster killed (CLUSTER_KILLS)
	@$(BIN)/python -m pytest -n 2 tests/fault
	@$(BIN)/python -m tests.fault.kills --count $(KILLS)
	@$(BIN)/python -m tests.fault.bit_sweep --first $(BITS) --random $(BITS)
	@$(BIN)/python -m tests.cluster.kills --count $(CLUSTER_KILLS)

.PHONY: packages
packages:  ## Debian's packages for the tests that would skip without them
	@if command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
	  apt-get -o Acquire::Retries=0 -o Acquire::http::Timeout=20 update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN) >/dev/null; \
	else \
	  echo "Not root, or not Debian: install by hand what is missing of: $(DEBIAN)"; \
	fi

check: $(STAMP)  ## lint, types and the house's import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

dev: $(STAMP)  ## Dagster's page and daemon over a registry home
	@$(BIN)/registry dev

bench: $(STAMP)  ## the speed figures of the README, as ratios measured in one run
	@$(BIN)/python -m benchmarks

reference: $(STAMP)  ## R's numbers anew, where Rscript is (survival, cmprsk, nlme)
	@command -v Rscript >/dev/null || { echo "Rscript is not installed: the numbers in tests/reference/numbers stay as they are."; exit 1; }
	@sh tests/reference/r/run.sh $(BIN)/python

generated: $(STAMP)  ## what is written from declarations and reviewed: pages of rules, tables, settings, commands; the asset graph
	@$(BIN)/python docs/write_reference.py
	@$(BIN)/python -m tests.glue.asset_graph

docs: $(STAMP)  ## the documentation as a site with a search, in build/site
	@$(BIN)/python docs/write_reference.py
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check ".[docs]"
	@$(BIN)/zensical build --clean --strict
	@echo "Look at it: python3 -m http.server --bind 127.0.0.1 --directory build/site"

RELEASE := build/release
release:  ## dist/: wheel and source distribution of the last tag, what they need as an SBOM (CycloneDX), their checksums
	@$(PYTHON) -m venv $(RELEASE) && rm -rf dist
	@$(RELEASE)/bin/python -m pip install --quiet --disable-pip-version-check $$($(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["release"])')
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) $(RELEASE)/bin/python -m build --outdir dist . >build/release.log || { tail -20 build/release.log; exit 1; }
	@PYTHONWARNINGS=ignore $(RELEASE)/bin/cyclonedx-py requirements --output-reproducible --pyproject pyproject.toml --output-file dist/sbom.cdx.json requirements.lock
	@cd dist && sha256sum * > SHA256SUMS && ls -l

lock:  ## the lock file anew (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) demo_home build dist *.egg-info
