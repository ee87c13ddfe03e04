# Four verbs for a newcomer: demo, test, lint, docs. Each sets up all that it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto

.PHONY: help demo test lint docs bench torture clean

help:
	@echo "make demo     audit the German Credit model inside a real MLflow run"
	@echo "make test     run every test"
	@echo "make lint     check format, style and types"
	@echo "make docs     build the documentation and check its links"
	@echo "make bench    print the benchmarks' ratios"
	@echo "make torture  break everything on purpose: kills, full disks, tampering; under 20 minutes"
	@echo "make clean    remove what the other verbs made"

# A venv without pip is one whose making was interrupted, or a Python without ensurepip: made anew.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "venturalitica needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
	  { echo "making $(VENV) with $$($(PYTHON) --version) ..."; $(PYTHON) -m venv --clear $(VENV); }
	@touch $@

# One line that counts what pip has found so far; on a pipe, nothing but errors.
define install
	@echo "installing $(1) into $(VENV); a few minutes, once ..."
	@if [ -t 1 ]; then \
	  { $(BIN)/python -m pip install --disable-pip-version-check -e "$(2)" || echo FAILED; } | \
	  { n=0; while read -r line; do case "$$line" in \
	      Collecting*) n=$$((n + 1)); printf '\r\033[K  %d packages found' "$$n";; \
	      "Installing collected"*) printf '\r\033[K  %d packages found; installing them' "$$n";; \
	      FAILED) echo; exit 1;; esac; done; printf '\r\033[K'; }; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -e "$(2)"; fi
endef

# The stamps make a second call cheap; a changed pyproject.toml installs again.
$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	$(call install,venturalitica with MLflow$(COMMA) W&B and scikit-learn,.[all])
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	$(call install,venturalitica and its development tools,.[dev])
	@touch $@

COMMA := ,

demo: $(VENV)/.demo
	@$(BIN)/venturalitica demo --out demo-out

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

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

torture: $(VENV)/.dev
	cd tests && ../$(BIN)/python -m torture

clean:
	rm -rf $(VENV) site demo-out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
