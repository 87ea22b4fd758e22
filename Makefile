# Each target does all of its set-up itself. VENV names the virtual environment (.venv), EXTRAS
# optional parts to install there too: `make run EXTRAS=whatsapp-web`, once.
VENV ?= .venv
export VENV
BIN := $(VENV)/bin
REPORTS := .reports

.DEFAULT_GOAL := help
.PHONY: help demo demo-web run test test-chatwoots lint format bench lock notices errors clean setup setup-dev

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Try Ponte against stand-ins, no accounts needed (KEEP=1 leaves it running)
	$(BIN)/ponte demo $(if $(KEEP),--keep) $(ARGS)

demo-web: setup-dev ## The same with a number connected by QR code, to a stand-in of WhatsApp Web
	PYTHONPATH=tests $(BIN)/python -m support.demo_web $(if $(KEEP),--keep) $(ARGS)

run: setup ## Start the service as config.toml and PONTE_... say; EXTRAS=whatsapp-web for QR codes
	$(BIN)/ponte serve $(ARGS)

test: setup-dev ## All tests and the coverage gate; TESTS="tests/unit -k phone" runs a part, without
	@mkdir -p $(REPORTS)
ifdef TESTS
	$(BIN)/pytest $(TESTS)
else
	$(BIN)/pytest -n auto --maxprocesses=4 --dist=worksteal --hypothesis-profile=ci \
		--junit-xml=$(REPORTS)/junit.xml --cov --cov-report=
	scripts/coverage-gate
endif

test-chatwoots: setup-dev ## The relay's tests against each version of Chatwoot in turn
	for version in 4.2.0 4.9.0 4.11.0 4.13.0 4.18.0; do \
		PONTE_TEST_CHATWOOT=$$version $(BIN)/pytest -n auto --maxprocesses=4 tests/relay || exit 1; \
	done

lint: setup-dev ## Style, format, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: setup-dev ## Rewrite what the formatter and the safe fixes can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup-dev ## Measure; bench/README.md says what
	$(BIN)/python -m bench $(ARGS)

lock: ## Make the lock files and the notices anew (ARGS=--upgrade for newer versions; needs uv)
	scripts/lock $(ARGS)
	$(MAKE) notices

notices: setup-dev ## Write docs/notices.md from what is installed
	$(BIN)/python scripts/notices

errors: setup-dev ## Write docs/errors.md from the catalogue of codes
	$(BIN)/python scripts/error-codes

clean: ## Remove what these targets made, also the virtual environment
	rm -rf .venv dist $(REPORTS) .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find bridge tests -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@scripts/install $(EXTRAS:%=--extra %)

setup-dev:
	@scripts/install --dev $(EXTRAS:%=--extra %)
