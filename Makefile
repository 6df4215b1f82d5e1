# Two commands: `make run` shows it working, `make test` proves it. Everything else is listed by `make help`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PEERS  := $(VENV)/bench/.installed
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help install run test check bench chaos hostile clean

help:        ## this list
	@grep -E '^[a-z]+: .*##|^[a-z]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("leadstream needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=24'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

install: $(STAMP)  ## create .venv and install the project with its tools

run: $(STAMP)      ## local stack, sample traffic, the funnel; ARGS="--once --json" for one JSON line
	$(BIN)/leadstream demo $(ARGS)

test: $(STAMP)     ## every test, two files at a time; says what it skipped and why; ARGS="-k name" selects
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

check: $(STAMP)    ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) $(PEERS)  ## benchmarks beside their peers, on this machine; ARGS="--only score --json" for one row
	@$(BIN)/python -m tests.bench $(ARGS)

# The peers' packages stand apart from ours: they bring another package named avro. Without them their rows are skipped.
$(PEERS): pyproject.toml | $(STAMP)
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $(@D) \
		$$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"])') \
		|| echo "the extra bench could not be installed: its rows are skipped"
	@touch $@

chaos: $(STAMP)    ## break everything at random and check every event; ARGS="--faults 500 --events 1000000 --seed 1 --json"
	@$(BIN)/python -m tests.chaos $(ARGS)

hostile: $(STAMP)  ## requests no well-behaved client sends, at a running collector; ARGS="--requests 10000 --seed 1 --json"
	@$(BIN)/python -m tests.hostile $(ARGS)

clean:             ## stop the local servers, remove their data and the virtual environment
	-@test -x $(BIN)/leadstream && $(BIN)/leadstream local down && $(BIN)/leadstream local down --data .leadstream/demo
	rm -rf $(VENV) .leadstream .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
