# Everything happens in one virtual environment, .venv, with the versions of constraints.txt.
#
#   make demo PYTHON=python3.12                                        another Python (3.11 to 3.13)
#   make demo PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu  on Linux: PyTorch without CUDA, 0.2 GB not 3
#   make test ARGS="tests/samplers -k top_k"                           some of the tests

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := $(or $(PYTHON),python3.11 python3.12 python3.13 python3)

# Never without the constraints: a bare "torch" may bring gigabytes of CUDA packages.
PIP_INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
PLUGINS := $(wildcard plugins/*/pyproject.toml)
EVERYTHING := --editable '.[all,dev,docs]' $(foreach file,$(PLUGINS),--editable '$(patsubst %/,%,$(dir $(file)))[dev]')

# Files whose age says what is installed, so that the second run starts at once.
CREATED := $(VENV)/.created
INSTALLED_DEMO := $(VENV)/.installed-demo
INSTALLED_DOCS := $(VENV)/.installed-docs
INSTALLED := $(VENV)/.installed

# Tests run in as many processes as there are cores, with one thread each: most of their time goes into starting
# Python and importing frameworks, which more threads do not speed up.  At most 8: a process holds TensorFlow and torch.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
PYTEST = $(ONE_THREAD) $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal $(ARGS)

# What a person's environment may have: the lowest versions that pyproject.toml allows, of all but PyTorch, whose older wheels
# on PyPI bring CUDA.
LOWEST := $(VENV)-lowest
LOWEST_TESTS := tests --ignore tests/docs --ignore tests/typing --ignore tests/test_packaging.py

# Those that are run; what they share has no such line.
BENCHMARKS = $(shell grep -l '^if __name__' benchmarks/*.py)

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-lowest check format docs bench constraints install clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED_DEMO)  ## install what it needs, train on the bundled corpus for two minutes, generate
	$(BIN)/seqgen train --name demo --max-time 2m
	$(BIN)/seqgen generate --seed "the ice"

test: check  ## install everything, check, run the tests
	$(PYTEST)

test-slow: check  ## the same with the tests that take long; before a release, and after changes to what they hold
	$(PYTEST) --slow

test-lowest:  ## run the tests with the lowest versions that are allowed; after changes to what pyproject.toml asks for
	rm -rf $(LOWEST)
	$(MAKE) VENV=$(LOWEST) $(LOWEST)/.created
	$(LOWEST)/bin/python -m pip install --disable-pip-version-check uv
	grep '^torch==' constraints.txt > $(LOWEST)/torch.txt
	$(LOWEST)/bin/uv pip compile --quiet --resolution lowest-direct --constraint $(LOWEST)/torch.txt --extra all --extra dev \
		--output-file $(LOWEST)/lowest.txt pyproject.toml
	$(LOWEST)/bin/python -m pip install --disable-pip-version-check --constraint $(LOWEST)/lowest.txt --editable '.[all,dev]'
	$(MAKE) VENV=$(LOWEST) ARGS="$(or $(ARGS),$(LOWEST_TESTS))" pytest

# Without what makes sure that all is installed.
.PHONY: pytest
pytest:
	$(PYTEST)

check: $(INSTALLED)  ## format, lint, types, and which package may import which
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(INSTALLED)  ## format, and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(INSTALLED_DOCS)  ## install what it needs, build the documentation into site/
	$(BIN)/mkdocs build --strict

bench: $(INSTALLED)  ## run each benchmark; tables here, JSON in benchmarks/results/
	@for file in $(BENCHMARKS); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

install: $(INSTALLED)  ## only install everything (test and check do it by themselves)

constraints:  ## pin the newest versions that fit; torch stays as it is, raise it by hand
	rm -rf $(VENV)-constraints
	$(MAKE) VENV=$(VENV)-constraints $(VENV)-constraints/.created
	grep '^torch==' constraints.txt > $(VENV)-constraints/torch.txt
	$(VENV)-constraints/bin/python -m pip install --disable-pip-version-check --upgrade \
		--constraint $(VENV)-constraints/torch.txt setuptools $(EVERYTHING)
	@{ echo "# Exact versions of all that the demo and the tests install; \`make constraints\` writes this file."; \
	   echo "# torch has no local version (+cpu), so that an index of CPU builds serves as well as PyPI."; \
	   $(VENV)-constraints/bin/python -m pip freeze --all --exclude pip --exclude-editable | sed 's/+cpu$$//'; \
	 } > constraints.txt.new
	mv constraints.txt.new constraints.txt
	rm -rf $(VENV)-constraints

clean:  ## remove the environment, caches and built files; trained models stay
	rm -rf $(VENV) $(VENV)-constraints $(LOWEST) site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find seqgen tests plugins benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(CREATED):
	@for python in $(PYTHONS); do \
		if $$python -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
		then echo "$$python -m venv $(VENV)"; $$python -m venv $(VENV) && touch $@; exit; fi; \
	done; \
	echo "No usable Python among: $(PYTHONS).  seqgen's pinned versions need Python 3.11, 3.12 or 3.13 with the" \
		"venv module (on Debian: apt install python3-venv).  Another one: make PYTHON=/path/to/python" >&2; exit 1

$(INSTALLED_DEMO): pyproject.toml constraints.txt | $(CREATED)
	$(PIP_INSTALL) --editable '.[torch]'
	@touch $@

# The pages are made from the sources as text: no framework is needed.
$(INSTALLED_DOCS): pyproject.toml constraints.txt | $(CREATED)
	$(PIP_INSTALL) --editable '.[docs]'
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt $(PLUGINS) | $(CREATED)
	$(PIP_INSTALL) $(EVERYTHING)
	@touch $@ $(INSTALLED_DEMO) $(INSTALLED_DOCS)
