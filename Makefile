# What a checkout can do. Needs Python 3.11+, git and make; everything else goes into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check

# Arguments for `sopro demo` and for pytest: make demo ARGS=--once, make test PYTEST_ARGS="-x -k merkle".
ARGS        ?=
PYTEST_ARGS ?=

# Tests wait for half of their time, so three run beside one another, each file in one process.
# One after the other, for example with a debugger: make test PYTEST_ARGS="-n 0".
BESIDE := -n 3 --dist loadfile

# Other people's vectors and real registers lie beside a checkout, or they do not.
SHARED := $(wildcard ../shared/.)
ifdef SHARED
TEST_MARKS := not long
else
TEST_MARKS := not long and not shared
endif

.DEFAULT_GOAL := help
.PHONY: help demo test check check-static format shared bench long lock clean

help:
	@echo "make demo     run a whole federation on this machine (ARGS=--once: tell its story, check it, exit)"
	@echo "make test     all tests but the long ones"
	@echo "make check    format, lint, types, import contracts, fast tests: before every commit"
	@echo "make format   put the source into its form"
	@echo "make shared   only the tests that read ../shared"
	@echo "make bench    the figures, each beside the machine's own limit"
	@echo "make long     the long tests and the figures at full size"
	@echo "make lock     write requirements.lock anew (LOCK_ARGS=--upgrade takes newer versions)"
	@echo "make clean    remove the environment and all caches, no data"

demo: $(READY)
	@$(BIN)/sopro demo $(ARGS)

test: $(READY)
ifndef SHARED
	@echo "left out: tests marked shared, because there is no ../shared beside this checkout"
endif
	@$(BIN)/python -m pytest -m "$(TEST_MARKS)" $(BESIDE) $(PYTEST_ARGS)

check: check-static
	$(BIN)/python -m pytest -m "not slow and not long and not shared" $(BESIDE) $(PYTEST_ARGS)

check-static: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

shared: $(READY)
ifndef SHARED
	@echo "make shared reads ../shared, and there is none beside this checkout" >&2; exit 1
endif
	$(BIN)/python -m pytest -m shared $(PYTEST_ARGS)

bench: $(READY)
	$(BIN)/python tests/benchmarks/run.py

long: $(READY)
	$(BIN)/python -m pytest -m long $(PYTEST_ARGS)
	$(BIN)/python tests/benchmarks/run.py --long

# An environment of its own: the lock must be writable also when the old one no longer installs.
LOCK_ARGS ?=
lock:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip -qq --disable-pip-version-check install "uv>=0.5"
	$(VENV)/lock/bin/uv pip compile pyproject.toml --group dev --universal --generate-hashes \
		--python $(VENV)/lock/bin/python --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --quiet $(LOCK_ARGS) --output-file requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage dist
	find protocol registry node cli conformance tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend is in the lock too, so the project installs without fetching anything unlocked.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || { \
		echo "$(PYTHON) is missing or older than Python 3.11: install it, or name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV) (about a minute, only when requirements.lock or pyproject.toml changed)" >&2
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
