# `make` alone prints what there is. Everything runs in .venv/, which `make setup` prepares.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Which build of llama.cpp: `make setup GPU=cuda` takes another one over the locked package, and
# every later command keeps it, until another is named.
BUILDS := cpu metal cuda cuda13 rocm rocm6 vulkan
FOLDER_cuda := cu128
FOLDER_cuda13 := cu132
FOLDER_rocm := rocm-7.2.4
FOLDER_rocm6 := rocm-6.4.1
FOLDER_vulkan := vulkan
WHEELS := https://xorbitsai.github.io/xllamacpp/whl
SECONDS ?= 60
KEPT := $(or $(shell cat $(VENV)/gpu 2>/dev/null),cpu)
WANTED := $(if $(filter command,$(origin GPU)),$(GPU),$(KEPT))
FOLDER := $(FOLDER_$(WANTED))
ifeq ($(filter $(WANTED),$(BUILDS)),)
$(error GPU=$(WANTED) is not known; there are $(BUILDS))
endif

.DEFAULT_GOAL := help
.PHONY: help setup chat run test check bench bench-demo fuzz format lock clean

help: ## What there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/run.stamp ## Prepare .venv/ with what Troupe runs on (GPU=cuda, rocm or vulkan)

chat: $(VENV)/run.stamp ## Play a bundled persona here in the terminal
	@$(BIN)/troupe chat

run: $(VENV)/run.stamp ## Play on Discord (needs TROUPE_DISCORD_TOKEN, see README)
	@$(BIN)/troupe run

# Three at a time: one mostly waits for its own sockets and processes, and has to be answered within
# Discord's times, so the others give way to it; two cores do all.
WAITING := tests/benchmarks tests/cli tests/cogs tests/end_to_end tests/fake_discord_itself
PROMPTS := tests/prompting
OTHERS_LOG := $(VENV)/others.log
PROMPTS_LOG := $(VENV)/prompts.log
PYTEST := $(BIN)/coverage run -m pytest -q

test: $(VENV)/dev.stamp ## All tests, with coverage
	@nice $(PYTEST) tests $(WAITING:%=--ignore=%) --ignore=$(PROMPTS) > $(OTHERS_LOG) 2>&1 & others=$$!; \
	nice $(PYTEST) $(PROMPTS) > $(PROMPTS_LOG) 2>&1 & prompts=$$!; \
	$(PYTEST) $(WAITING); failed=$$?; \
	wait $$others || failed=1; wait $$prompts || failed=1; \
	cat $(OTHERS_LOG) $(PROMPTS_LOG); exit $$failed
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --show-missing

check: $(VENV)/dev.stamp ## Format, lint, import contracts, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: $(VENV)/run.stamp ## What the cache saves, what the path and showing replies cost, as ratios
	@$(BIN)/python -m benchmarks.engine
	@$(BIN)/python -m benchmarks.discord

bench-demo: $(VENV)/run.stamp ## What the demo model can do, on prompts it has not seen
	@$(BIN)/python -m benchmarks.demo_model

fuzz: $(VENV)-fuzz/stamp ## Feed damage and attacks to what reads strangers' text (SECONDS=60 each)
	@$(VENV)-fuzz/bin/python -m tools.fuzz.seeds $(VENV)-fuzz/corpus
	@for target in $$($(VENV)-fuzz/bin/python -m tools.fuzz --list); do \
		echo "$$target"; $(VENV)-fuzz/bin/python -m tools.fuzz $$target \
			$(VENV)-fuzz/corpus/$$target -max_total_time=$(SECONDS) -timeout=2 -rss_limit_mb=300 \
			-max_len=4096 -dict=tools/fuzz/words.dict -artifact_prefix=$(VENV)-fuzz/$$target- \
			-verbosity=0 -print_final_stats=1 || exit 1; done

format: $(VENV)/dev.stamp ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## Lock the dependencies anew (needs uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 pyproject.toml --extra build -o requirements.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 pyproject.toml --extra build --extra dev -c requirements.lock \
		-o requirements-dev.lock

clean: ## Remove .venv/ and caches; never data/
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Troupe needs Python 3.11 or newer; name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@echo "Preparing $(VENV)/ (once)…" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml $(if $(filter-out $(KEPT),$(WANTED)),another-build) | $(VENV)/bin/python
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(if $(FOLDER),$(PIP) install --no-deps --force-reinstall --index-url $(WHEELS)/$(FOLDER) \
		$$(grep -o '^xllamacpp==[^ ;]*' requirements.lock))
	@echo $(WANTED) > $(VENV)/gpu
	@touch $@

# An environment of its own: atheris is for some systems only, and never part of Troupe.
$(VENV)-fuzz/stamp: tools/fuzz/requirements.txt
	@$(PYTHON) -m venv $(VENV)-fuzz
	@$(VENV)-fuzz/bin/python -m pip --disable-pip-version-check --quiet install -r $<
	@touch $@

.PHONY: another-build
another-build: | $(VENV)/bin/python
	@echo "Exchanging llama.cpp: $(WANTED) for $(KEPT)…" >&2
	@$(PIP) uninstall --yes xllamacpp
	@rm -f $(VENV)/gpu $(VENV)/run.stamp

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
