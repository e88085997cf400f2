# Everything runs from a virtual environment that the first command makes.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

.PHONY: demo test check chaos soak frozen fuzz bench bench-check bench-tui bench-growth format clean

$(BIN)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(BIN)/.ready
	$(BIN)/kfwd demo --headless

test: $(BIN)/.ready
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

check: $(BIN)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The pictures of the TUI in docs, by the app itself (local ports 3000 to 9200 must be free).
screens: $(BIN)/.ready
	$(BIN)/python -m tests.tui.pictures docs/screens

# CHAOS_S seconds of everything that goes wrong, as CHAOS_SEED has it (docs/reliability.md).
chaos: $(BIN)/.ready
	$(BIN)/python -m tests.chaos

# What takes longer than a test may: isolation, 100 000 connections, rotation (docs/reliability.md).
soak: $(BIN)/.ready
	$(BIN)/python -m tests.soak

# A path that loses every packet, for real: network namespaces, so Linux, root and iproute2.
frozen: $(BIN)/.ready
	$(BIN)/python -m tests.frozen

# FUZZ_S seconds for each reader of what others wrote, or for those that FUZZ names.
fuzz: $(BIN)/.fuzz
	$(BIN)/python -m tests.fuzz

$(BIN)/.fuzz: $(BIN)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	touch $@

bench: $(BIN)/.ready
	$(BIN)/python -m bench --json bench/last.json --picture docs/performance.svg --page docs/performance.md

bench-check: $(BIN)/.ready
	$(BIN)/python -m bench --check bench/last.json

bench-tui: $(BIN)/.ready
	$(BIN)/python -m bench.tui

bench-growth: $(BIN)/.ready
	$(BIN)/python -m bench.growth

format: $(BIN)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis .fuzz
