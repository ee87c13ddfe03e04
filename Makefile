# Four verbs for a newcomer: demo, test, lint, docs. Each sets up all that it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# PyTorch is heavy, so what needs it has an environment of its own.
FRAMEWORKS := .venv-frameworks
# So is Spark, and Modin wants an older pandas.
ENGINES := .venv-engines
WORKERS ?= auto

# Each test starts Pythons of its own by the hundred: they need not compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-pages test-browser test-torture test-peers test-gate test-frameworks test-engines lint docs bench torture architecture screenshots clean

help:
	@echo "make demo     audit the German Credit model inside a real MLflow run"
	@echo "make test     run the tests; the seven below are apart: from end to end, slow, and heavy"
	@echo "make test-pages  run the tests of the pages, the demo and the documents' example, as text"
	@echo "make test-browser  run the tests of the pages in a real browser"
	@echo "make test-torture  run a short seed of every part of make torture, and kill at every step"
	@echo "make test-peers  run scikit-learn's own tests with wrapped models, whole scripts, notebooks and CI jobs"
	@echo "make test-gate  attack the gate of a real MLflow server, and deliver to one; GATE_ROUNDS=125 for a thousand sequences"
	@echo "make test-frameworks  run the tests of PyTorch, skorch and Keras, which take 7 GB to install"
	@echo "make test-engines  run the tests of Spark, Dask, Ibis and Modin, which take 2 GB to install"
	@echo "make lint     check format, style and types"
	@echo "make docs     build the documentation and check its links"
	@echo "make bench    print the benchmarks' ratios"
	@echo "make torture  break everything on purpose: kills, full disks, tampering; about half an hour"
	@echo "make architecture  draw the rooms again, from the imports"
	@echo "make screenshots  draw the pictures of the documentation again"
	@echo "make clean    remove what the other verbs made"

# A venv without pip is one whose making was interrupted, or a Python without ensurepip: made anew.
$(VENV)/.made $(FRAMEWORKS)/.made $(ENGINES)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "venturalitica needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(@D)/bin/python -m pip --version >/dev/null 2>&1 || \
	  { echo "making $(@D) with $$($(PYTHON) --version) ..."; $(PYTHON) -m venv --clear $(@D); }
	@touch $@

# One line that counts what pip has found so far; on a pipe, nothing but errors.
define install
	@echo "installing $(1) into $(@D); a few minutes, once ..."
	@if [ -t 1 ]; then \
	  { $(@D)/bin/python -m pip install --disable-pip-version-check -e "$(2)" || echo FAILED; } | \
	  { n=0; while read -r line; do case "$$line" in \
	      Collecting*) n=$$((n + 1)); printf '\r\033[K  %d packages found' "$$n";; \
	      "Installing collected"*) printf '\r\033[K  %d packages found; installing them' "$$n";; \
	      FAILED) echo; exit 1;; esac; done; printf '\r\033[K'; }; \
	else $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -e "$(2)"; fi
endef

# The stamps make a second call cheap; a changed pyproject.toml installs again.
$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	$(call install,venturalitica with MLflow$(COMMA) W&B and scikit-learn,.[all])
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	$(call install,venturalitica and its development tools,.[dev])
	@touch $@

$(FRAMEWORKS)/.frameworks: pyproject.toml | $(FRAMEWORKS)/.made
	$(call install,venturalitica with PyTorch$(COMMA) skorch and Keras,.[frameworks])
	@touch $@

$(ENGINES)/.engines: pyproject.toml | $(ENGINES)/.made
	$(call install,venturalitica with PySpark$(COMMA) Dask$(COMMA) Ibis and Modin,.[engines])
	@touch $@

# Spark runs on Java.
$(ENGINES)/.system: Makefile | $(ENGINES)/.made
	$(call system,java,openjdk-17-jre-headless)
	@touch $@

# What tests need beside Python: programs of Debian, where they are missing and may be installed, and
# axe-core, which looks for what keeps people from using a page.
$(VENV)/.system: Makefile | $(VENV)/.made
	$(call system,strace,strace)
	$(call system,chromium,chromium)
	$(call system,npm,npm)
	$(call system,pg_ctlcluster,postgresql)
	@test -f $(VENV)/axe/node_modules/axe-core/axe.min.js || \
	  npm install --silent --no-audit --no-fund --prefix $(VENV)/axe axe-core@4
	@touch $@

define system
	@command -v $(1) >/dev/null || { \
	  echo "installing $(2) ..."; \
	  if [ "$$(id -u)" = 0 ]; then as=; else as="sudo -n"; fi; \
	  $$as apt-get update -qq && $$as apt-get install -y -qq $(2) >/dev/null; } || \
	  echo "$(1) is missing and could not be installed: what needs it will say so"
endef

COMMA := ,

demo: $(VENV)/.demo
	@$(BIN)/venturalitica demo --out demo-out

# Every test belongs to exactly one of these eight, and CI runs them all: tests/house holds it.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/.dev $(VENV)/.system
	$(PYTEST) --ignore=tests/browser --ignore=tests/torture --ignore=tests/peers --ignore=tests/scripts \
	  --ignore=tests/frameworks --ignore=tests/engines --ignore=tests/gate --ignore=tests/ui --ignore=tests/demo \
	  --ignore=tests/loan --ignore=tests/integrations --ignore=tests/audit/processes \
	  --ignore=tests/cli/processes --ignore=tests/trackers/server --ignore=tests/ledger/killed

test-pages: $(VENV)/.dev $(VENV)/.system
	$(PYTEST) tests/ui tests/demo tests/loan

test-browser: $(VENV)/.dev $(VENV)/.system
	$(PYTEST) tests/browser

test-torture: $(VENV)/.dev $(VENV)/.system
	$(PYTEST) tests/torture tests/ledger/killed

test-peers: $(VENV)/.dev $(VENV)/.system
	$(PYTEST) tests/peers tests/scripts tests/integrations tests/audit/processes tests/cli/processes

test-gate: $(VENV)/.dev $(VENV)/.system
	$(PYTEST) tests/gate tests/trackers/server

test-frameworks: BIN := $(FRAMEWORKS)/bin
test-frameworks: $(FRAMEWORKS)/.frameworks
	$(PYTEST) tests/frameworks

test-engines: BIN := $(ENGINES)/bin
test-engines: $(ENGINES)/.engines $(ENGINES)/.system
	$(PYTEST) tests/engines

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict
	@echo "open site/index.html"

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/enforce.py
	$(BIN)/python benchmarks/ledger.py
	$(BIN)/python benchmarks/hashing.py
	$(BIN)/python benchmarks/blocking.py
	$(BIN)/python benchmarks/ui.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/gate.py

torture: $(VENV)/.dev $(VENV)/.system
	cd tests && ../$(BIN)/python -m torture

architecture: $(VENV)/.dev
	$(BIN)/python tests/house/picture.py

screenshots: $(VENV)/.dev $(VENV)/.system
	$(BIN)/python tests/browser/screenshots.py

clean:
	rm -rf $(VENV) $(FRAMEWORKS) $(ENGINES) site demo-out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
