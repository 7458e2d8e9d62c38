# Everything a developer or an operator of one machine types. `make` alone lists it.
PYTHON ?= python3
BIN := .venv/bin
# Missing migrations and system checks need models, not data: the address leads nowhere on purpose.
DJANGO := DATABASE_URL='postgresql://app@/none?host=/nonexistent' DJANGO_SETTINGS_MODULE=portal.settings $(BIN)/python -W ignore -m django
.DEFAULT_GOAL := help
.PHONY: help up test check soak bench demo-env dev-env browser lint
MAKEFLAGS += --no-print-directory

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

up: demo-env ## Run the portal here until Ctrl-C (PORT=8000, PORTAL_HOME=./.portal)
	@$(BIN)/portal up

test: dev-env browser lint ## All that CI runs: lint, types, contracts, translations, every test
	@$(BIN)/pytest -n 4 --dist worksteal -m "not soak"

check: dev-env lint ## The quick half of `make test`, in seconds

soak: dev-env browser ## The same races and crashes at full size
	@PEERS=fetch $(BIN)/pytest -m "soak or peer"

bench: dev-env ## Measure this machine: bench <name> <value> <unit>
	@$(BIN)/portal bench

demo-env:
	@$(PYTHON) scripts/bootstrap.py demo

dev-env:
	@$(PYTHON) scripts/bootstrap.py dev

browser:
	@$(PYTHON) scripts/chromium.py

lint:
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy --explicit-package-bases portal doubles scripts
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/doors.py
	@$(DJANGO) makemigrations --check --dry-run
	@$(BIN)/python scripts/messages.py check
