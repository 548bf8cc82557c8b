# make demo        train on the embedded digits and say where the report is (makes .venv first)
# make test        the suite without its slow part; make test-slow: the slow part
# make lint        ruff and the type checker; make docs: the generated pages
# make bench       how fast it is on this machine, beside plain PyTorch; half an hour
# make extras      each extra alone, in an environment of its own: does it install and work? (gigabytes, minutes)
# make clean       everything these targets made, but not runs/
#
# PYTHON names the interpreter that .venv is made of (3.11 or newer): make demo PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
WANTED := pyproject.toml constraints.txt

.PHONY: demo test test-slow lint docs bench extras clean

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "alexnet needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Name another: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "could not make $(VENV): Debian and Ubuntu keep the venv module in the package python3-venv"; exit 2; }
	@touch $@

$(VENV)/core: $(VENV)/made $(WANTED)
	@echo "installing alexnet and what it needs into $(VENV) (torch is large: minutes on the first call)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/test: $(VENV)/core $(WANTED)
	@echo "installing the extras and the test tools into $(VENV)"
	@$(PIP) --editable '.[all,test]'
	@touch $@

$(VENV)/dev: $(VENV)/core $(WANTED)
	@echo "installing the linter and the type checker into $(VENV)"
	@$(PIP) --editable '.[dev]'
	@touch $@

demo: $(VENV)/core
	@out=runs/demo; n=1; while [ -e "$$out" ]; do n=$$((n + 1)); out=runs/demo-$$n; done; \
	  $(BIN)/alexnet train digits --out "$$out" && echo && echo "The report, for any browser: $$(pwd)/$$out/report.html"

# One thread a worker: two workers with all cores each would wait for one another.
test: $(VENV)/test
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow and not gpu"

# pytest's status 5 says that nothing was collected, which is no failure of a test.
test-slow: $(VENV)/test
	@$(BIN)/python -m pytest -m "slow and not gpu" || { s=$$?; [ $$s -eq 5 ] && echo "no slow tests yet" || exit $$s; }

lint: $(VENV)/dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python

docs: $(VENV)/test
	@$(BIN)/python -m pytest -q --collect-only --write-fidelity=docs/fidelity.md tests >/dev/null
	@$(BIN)/python tests/house.py README.md
	@$(BIN)/python tests/networks.py docs/networks.md
	@$(BIN)/python tests/speed.py docs/speed.md README.md
	@echo "wrote docs/fidelity.md, the tables in docs/networks.md, docs/speed.md and README.md, and the README's tree"

# Nothing else should run meanwhile. `make docs` then writes the tables of docs/speed.md and of the README.
bench: $(VENV)/test
	@$(BIN)/alexnet bench all --out benchmarks/results/bench

extras:
	@PYTHON="$(PYTHON)" EXTRAS="$(EXTRAS)" tests/extras.sh

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
