# Targets work in .venv, which `make venv` builds; .ci/run does the whole round in one go.

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help venv native same check test slow bench format docs notebooks pictures kernels record fuzz hunt ci clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(BIN)/ka-analyze  ## install the project and its tools into .venv

native: venv  ## make the machine code anew, of what was edited
	$(BIN)/python -m analyzer.engine.compiler

check: venv  ## format, lint and types, without changing anything
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

test: venv  ## run the tests, but for the slow ones
	$(BIN)/python -m pytest -n auto --dist loadfile

slow: venv  ## run the slow ones: recordings made here, notebooks, conversions, a loaded interface
	$(BIN)/python -m pytest -m slow

same: venv  ## whether all faces of all captures in FOLDERS=samples are those of the commit BEFORE=HEAD, octet by octet
	$(BIN)/python -m tests.same_faces $(or $(BEFORE),HEAD) $(or $(FOLDERS),samples)

bench: venv  ## compare speed and memory with tshark, tcptrace, libpcap and cat; takes an hour
	$(BIN)/python -m tests.benchmarks

format: venv  ## format the sources and apply safe lint fixes
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: venv  ## rewrite what is generated of the READMEs and docs/
	$(BIN)/python -m tests.generated

notebooks: venv  ## run the notebooks and keep their outputs
	$(BIN)/python -m tests.notebooks

pictures: venv  ## make the pictures of the README (the page's needs chromium)
	$(BIN)/python -m tests.pictures

kernels:  ## build user-mode Linux at 100, 250, 300 and 1000 Hz for the recorder
	samples/record/kernels.sh

record: venv  ## list what can be recorded; samples/README.md says how
	$(BIN)/python -m samples.record --list

fuzz: venv  ## break captures for SECONDS=600, with a new seed or SEED=n
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

hunt: venv  ## cut TIMES=100 times as many generated captures, and all recordings, into shards
	HUNT=$(or $(TIMES),100) $(BIN)/python -m pytest tests/many/test_join.py

ci:  ## what continuous integration runs, from the README's commands on
	bash .ci/run

clean:  ## remove what the other targets made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build analyzer/engine/kernels-*
	find analyzer samples tests -name __pycache__ -type d -exec rm -rf {} +

$(BIN)/ka-analyze: pyproject.toml
	python3 -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
