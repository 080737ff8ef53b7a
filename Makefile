# Needs Python 3.11 or newer, make and a package index; the virtual environment is made here. `make` alone lists the targets.
# PYTHON=/path/to/python3.12 picks another Python, ARGS="..." is handed to the command, JOBS=N is how many run at a time.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SEEDS ?= 1..3000
JOBS ?= 2
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo "$$python"; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help demo test chaos stories simulation mutants check format docs kafka bench clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## See it work: embedded broker, worker, a month of trade, a kill, the check (about a minute)
	$(BIN)/onhand demo $(ARGS)

test: $(READY) ## Run all tests, on the embedded broker and, where Java and Maven are, on Apache Kafka
	$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder $(ARGS)

chaos: $(READY) ## Kill, freeze, cut and poison workers and broker on Apache Kafka, and judge what is left (ten minutes)
	$(BIN)/python -m tests.chaos $(ARGS)

stories: $(READY) ## Tell the ledger ten thousand random stories of all kinds, and check its books (some minutes)
	$(BIN)/python -m pytest --hypothesis-profile=many tests/inventory/test_every_kind.py tests/inventory/test_commuting.py $(ARGS)

simulation: $(READY) ## Play worlds of a virtual broker, clock and disk under every fault: SEEDS=1..3000, some minutes
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(JOBS) $(ARGS)

mutants: $(READY) ## Break a copy of the code in each of the ways that tests/mutants lists, and see each caught (minutes)
	$(BIN)/python -m tests.mutants $(ARGS)

check: $(READY) ## Judge style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY) ## Put the source into its format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(READY) ## Write the pages of docs/reference that come from the code and the scenarios
	$(BIN)/python -m tools.reference

kafka: $(READY) ## Run Apache Kafka here in the foreground (Java 17 and Maven, no Docker)
	$(BIN)/onhand broker --apache $(ARGS)

bench: $(READY) ## Measure throughput and latency against bare loops
	$(BIN)/onhand bench $(ARGS)

clean: ## Remove the virtual environment and what was built; data in .onhand and .kafka stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find agents tools schemas tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Made anew when what it holds may have changed.
$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Onhand needs Python 3.11 or newer, and none was found. Install it, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "Onhand needs Python 3.11 or newer, and $(PYTHON) is not. Name another: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment. Install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Installing Onhand and its tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
