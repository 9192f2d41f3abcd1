# Everything a newcomer needs: `make demo`, then `make test`. CONTRIBUTING.md explains the rest.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARCH   := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
AGENT  ?= codex
DEMO   := build/demo

.PHONY: install demo check format test test-all test-image bench bench-interceptor bench-scoring bench-workspace clean

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
	$(BIN)/pytest -n auto --dist loadscope

# Every interpreter from the floor on that is found here; each in an environment of its own.
test-all: install
	for python in $$($(BIN)/python tests/interpreters.py); do \
	  venv=.venv-$$($$python -c 'import sys; print(*sys.version_info[:2], sep=".")'); \
	  $(MAKE) VENV=$$venv PYTHON=$$python install && $$venv/bin/pytest -n auto --dist loadscope || exit 1; \
	done

test-image: install
	tests/image/run.sh

bench: install
	$(BIN)/python benchmarks/rollout.py

bench-interceptor: install
	$(BIN)/python benchmarks/interceptor.py

bench-scoring: install
	$(BIN)/python benchmarks/scoring.py

bench-workspace: install
	$(BIN)/python benchmarks/workspace.py

clean:
	rm -rf build $(VENV) .venv-* node_modules
