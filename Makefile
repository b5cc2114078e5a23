# Everything runs from here; `make demo` and `make test` need only Python 3.11, make and a package index.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: setup demo test test-twice test-cases test-long test-all check format columns bench bench-ingest bench-rollups bench-report bench-alerts bench-billings bench-starting chaos faults evidence mutants audit audit-in-ci sbom lock clean

setup: .venv/.ready

.venv/.ready: pyproject.toml uv.lock
	@echo "making the environment in .venv, once; nothing is put anywhere else"
	@echo "  1/4 a virtual environment ($(PYTHON))"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "  2/4 uv, which installs what uv.lock names"
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@echo "  3/4 the packages: some hundred MB from the package index, a minute or two"
	@$(BIN)/uv sync --quiet --frozen --all-extras --inexact --compile-bytecode
	@echo "  4/4 compiling"
	@$(BIN)/python -m compileall -q metrics integrations worker
	@touch $@

demo: setup
	@$(BIN)/nrr demo

# What pytest makes of a test file is kept, also where no byte code is to be written: making it is half of what each of its processes starts with.
test test-twice test-cases test-long: export PYTHONDONTWRITEBYTECODE =

# Each push: everything once, on the database that it is about, with a share of the random cases, by one process more than there are cores
# (tests wait, too). The cores are taken: polars' own threads would only wait for one another here; `test-twice` and `test-long` leave it as many as it likes.
test: setup
	@POLARS_MAX_THREADS=1 $(BIN)/pytest -n auto --durations=10 -m "not slow and not twice and not long"

# What is the same on PostgreSQL again.
test-twice: setup
	@$(BIN)/pytest -n auto --durations=10 -m "twice and not slow"

# All random cases, two thousand random histories among them, and what takes long.
test-cases: setup
	@NRR_TESTS=all $(BIN)/pytest -n auto --durations=10 -m "(random_cases or long) and not slow and not twice"

# What `test` leaves out: the second database, slow tests, and all random cases.
test-long: setup
	@NRR_TESTS=all $(BIN)/pytest -n auto --durations=10 -m "slow or twice or long or random_cases"

test-all: test test-long

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/uv lock --check

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Tables of columns and keys in deploy/, written anew from their declarations.
columns: setup
	@$(BIN)/python -m tests.columns

bench: setup
	$(BIN)/python -m tests.benchmarks.first_read

bench-ingest: setup
	$(BIN)/python -m tests.benchmarks.ingest

bench-rollups: setup
	$(BIN)/python -m tests.benchmarks.rollups

bench-report: setup
	$(BIN)/python -m tests.benchmarks.report

bench-alerts: setup
	$(BIN)/python -m tests.benchmarks.alerts

bench-billings: setup
	$(BIN)/python -m tests.benchmarks.billings

bench-starting: setup
	$(BIN)/python -m tests.benchmarks.starting

faults: setup
	$(BIN)/pytest -m slow tests/faults tests/lives

chaos: setup
	$(BIN)/python -m tests.faults.chaos

# What was run, with what, and what came of it, put into TESTING.md row by row: ALL=1 runs what takes minutes too, LEFT=1 only what has no result yet.
evidence: setup
	@$(BIN)/python -m tests.evidence --write $(if $(ALL),--all) $(if $(LEFT),--left)

mutants: setup
	$(BIN)/python -m tests.mutation

# Fails for a known vulnerability, and when nothing could be audited; in CI, which must not fail because a service is away, that is said in words.
audit: setup
	@$(BIN)/python -m tests.supply.audit

audit-in-ci: setup
	@$(BIN)/python -m tests.supply.audit --in-ci

# What runs, part by part, as CycloneDX.
sbom: setup
	@mkdir -p dist
	@$(BIN)/uv export --quiet --frozen --no-dev --all-extras --format cyclonedx1.5 --preview-features sbom-export -o dist/nrr.cdx.json >/dev/null
	@echo "dist/nrr.cdx.json"

# The lock, and what is made of it for those who install without it: pinned with hashes, and as constraints.
lock: setup
	$(BIN)/uv lock
	$(BIN)/uv export --quiet --frozen --no-dev --all-extras --no-emit-project -o deploy/requirements.txt >/dev/null
	$(BIN)/uv export --quiet --frozen --no-dev --all-extras --no-emit-project --no-hashes -o deploy/constraints.txt >/dev/null

clean:
	rm -rf .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants
