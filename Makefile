# Everything a newcomer needs: `make demo`, then `make test`. CONTRIBUTING.md explains the rest.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARCH   := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
AGENT  ?= codex
DEMO   := build/demo

.PHONY: install demo check format test test-all test-image clean \
  bench bench-interceptor bench-scoring bench-workspace bench-stacks bench-suites

install: $(VENV)/.installed $(VENV)/.clis

$(VENV)/.installed: pyproject.toml bin/run_rollout
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[otel]' --group dev
	touch $@

# Native binaries, not the npm shims: a shim is one more process between the runner and the agent.
$(VENV)/.clis: package-lock.json | $(VENV)/.installed
	npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
	mkdir -p $(VENV)/clis
	ln -sfn $(CURDIR)/node_modules/@openai/codex-linux-$(ARCH)/vendor/*/bin/codex $(VENV)/clis/codex
	ln -sfn $(CURDIR)/node_modules/@anthropic-ai/claude-code-linux-$(ARCH)/claude $(VENV)/clis/claude
	ln -sfn $(CURDIR)/node_modules/opencode-linux-$(ARCH)/bin/opencode $(VENV)/clis/opencode
	ln -sfn $(CURDIR)/node_modules/@openai/codex-linux-$(ARCH)/vendor/*/codex-path/rg $(VENV)/clis/rg
	touch $@

# The demo's project has its own environment, as a user's image would.
$(DEMO)/venv: 
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet pytest

demo: install $(DEMO)/venv
	@rm -rf $(DEMO)/workspace && cp -r examples/demo/workspace $(DEMO)/workspace
	@VIRTUAL_ENV=$(CURDIR)/$(DEMO)/venv $(BIN)/run_rollout --input examples/demo/rollout.json \
	  --output $(DEMO)/result.json --tasks examples/demo/task --workspace $(DEMO)/workspace --agent $(AGENT)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy runner agents scorers tests benchmarks

format: install
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

test: check
	$(BIN)/pytest -n auto --dist worksteal

# Every interpreter from the floor on that is found here; each in an environment of its own.
test-all: install
	for python in $$($(BIN)/python tests/interpreters.py); do \
	  venv=.venv-$$($$python -c 'import sys; print(*sys.version_info[:2], sep=".")'); \
	  $(MAKE) VENV=$$venv PYTHON=$$python install && $$venv/bin/pytest -n auto --dist worksteal || exit 1; \
	done

test-image: install
	tests/image/run.sh

# Each prints its figures side by side with what it measures against; nothing is asserted.
bench bench-interceptor bench-scoring bench-workspace bench-stacks bench-suites: install

bench: $(DEMO)/venv
	$(BIN)/python benchmarks/rollout.py

bench-interceptor:
	$(BIN)/python benchmarks/interceptor.py

bench-scoring: $(DEMO)/venv
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/scoring_cargo.py

bench-workspace:
	$(BIN)/python benchmarks/workspace.py

bench-stacks:
	$(BIN)/python benchmarks/stacks.py

# Our counts against the tools' own, on the test suites of real packages and crates from their registries.
bench-suites:
	$(BIN)/python benchmarks/real_suites.py
	$(BIN)/python benchmarks/real_crates.py

clean:
	rm -rf build $(VENV) .venv-* node_modules
