# Everything installs what it needs: a virtual environment in .venv, Debian packages when run by root.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
GRAFANA := dashboards/grafana/node_modules/.ready
GRAFANA_UI := dashboards/grafana/node_modules/.drawing
LAB := $(BIN)/python -m tests.lab
# Tests of the lab that wait more than they work, so that some of them may run at once.
WAITING := alerting*.py world.py dnsdist.py
# These look at everything that runs, or at how soon it does something, and so nothing else may.
ALONE := isolation.py chaos.py

.PHONY: help lock digests sbom demo cast test test-stack check lab chaos bench bench-alerts bench-hostile bench-stack clean fuzz generate preview benchmarks dist
# From the registry that pip is configured for, whose name is nobody else's business. All files of a release are listed:
# those for amd64 and arm64, and the source.
COMPILE := CUSTOM_COMPILE_COMMAND='make lock' build/lock/bin/pip-compile --quiet --strip-extras --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(LOCK)


help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: $(READY) ## watch a real pair fail over, four times
	@tests/packages lab
	@$(LAB) demo

cast: demo ## run the demo, draw README's moving picture of it, and put what it printed into docs/failover-tests.md
	@$(BIN)/python -m tests.lab.demo_picture
	@$(BIN)/python -m docs.generate --printed demo build/demo.txt

lab: $(READY) ## start a pair and a shell beside it
	@tests/packages lab
	@$(LAB) shell

check: $(READY) ## format, lint, types, layers, unit tests, rules, generated files
	@tests/packages check
	@! command -v npm >/dev/null || $(MAKE) -s $(GRAFANA)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	shellcheck $$(git ls-files -c -o --exclude-standard | xargs grep -lE '^#!/bin/(ba)?sh' 2>/dev/null)
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m alerts.generate --check
	$(BIN)/python -m dashboards.generate --check
	$(BIN)/python -m pytest -q -n 4 tests/unit
	@echo "what mostly waits, such as for the notifier, beside the rules, the tools and the dashboards"
	@mkdir -p build; $(BIN)/python -m pytest -q -n 6 tests/timed tests/alerting >build/timed.log 2>&1 & timed=$$!; \
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/rules tests/tools tests/dashboards; code=$$?; \
	wait $$timed || code=1; cat build/timed.log; exit $$code

test: check ## check, and everything that needs a pair, an engine or a browser
	@tests/packages lab engine alerts page
	@! command -v npm >/dev/null || $(MAKE) -s $(GRAFANA_UI)
	$(LAB) run -- $(BIN)/python -m pytest -q $(ALONE:%=tests/lab_tests/test_%)
	$(LAB) run -- $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/lab_tests $(ALONE:%=--ignore-glob='*/test_%') $(WAITING:%=--ignore-glob='*/test_%')
	@echo "what mostly waits, such as the way to the phone, beside the wire, an engine and a browser"
	@$(LAB) run -- $(BIN)/python -m pytest -q -n 4 --dist loadfile $(WAITING:%=tests/lab_tests/test_%) >build/waiting.log 2>&1 & waiting=$$!; \
	$(BIN)/python -m pytest -q tests/wire tests/engine tests/page; code=$$?; \
	wait $$waiting || code=1; cat build/waiting.log; exit $$code

test-stack: $(READY) ## the compose files as shipped, on two Docker Engines; builds images, takes long; REAL_IMAGES=1 takes others' real images where there are any
	@tests/packages lab stack
	$(BIN)/python -m tests.stack.images
	$(LAB) run -- $(BIN)/python -m pytest -q tests/stack

chaos: $(READY) ## random faults on a real pair, judged by an oracle of its own; build/chaos.json; CHAOS="--seed 7 --minutes 10"
	@tests/packages lab
	$(LAB) run -- $(BIN)/python -m tests.chaos $(CHAOS)

bench: $(READY) ## measure; build/bench.json
	@tests/packages lab bench
	$(LAB) run -- $(BIN)/python -m tests.bench $(BENCH)

bench-stack: $(READY) ## measure the compose files as shipped, on two Docker Engines; build/bench-stack.json
	@tests/packages lab stack
	$(BIN)/python -m tests.stack.images
	$(LAB) run -- $(BIN)/python -m tests.stack_bench $(BENCH)

bench-alerts: $(READY) ## measure how soon a phone is told, and what a fleet costs; build/bench-alerts.json
	@tests/packages lab alerts
	$(BIN)/python -m tests.programs
	$(LAB) run -- $(BIN)/python -m tests.alerts_bench $(BENCH)

bench-hostile: $(READY) ## measure what others see while a stranger floods the exporter, the notifier or the LAN; build/bench-hostile.json
	@tests/packages lab
	$(LAB) run -- $(BIN)/python -m tests.hostile_bench $(BENCH)
lock: ## write the Python distributions that the images install, with hashes; LOCK=--upgrade takes newer ones
	@tests/packages python
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check 'pip-tools>=7.5'
	$(COMPILE) --output-file stack/images/requirements.txt pyproject.toml
	build/lock/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["notifier"], sep="\n")' | \
	$(COMPILE) --output-file stack/images/requirements-notifier.txt --constraint stack/images/requirements.txt -
	build/lock/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["homeassistant"], sep="\n")' | \
	$(COMPILE) --output-file stack/images/requirements-homeassistant.txt --constraint stack/images/requirements.txt -

digests: ## pin other people's images by their digests, as their registries give them now
	@tests/packages python
	$(PYTHON) -m stack.images.digests

sbom: ## what the built images are made of, by CycloneDX; build/sbom
	@tests/packages python
	$(PYTHON) -m stack.images.sbom $(IMAGES)

dist: $(READY) ## wheel and sdist; build/dist
	@rm -rf build/dist build/lib
	$(BIN)/python -c 'from setuptools import build_meta as make; make.build_sdist("build/dist"); make.build_wheel("build/dist")'

fuzz: $(READY) ## a million mutated inputs for each parser, in an hour of two cores; build/fuzz.json
	$(BIN)/python -m tests.fuzz $(FUZZ)

benchmarks: $(READY) ## write docs/benchmarks.md and README's failover table from build/*.json
	$(BIN)/python -m tests.bench.publish

generate: $(READY) ## write the reference in docs, rules and dashboards anew
	$(BIN)/python -m docs.generate
	$(BIN)/python -m alerts.generate
	$(BIN)/python -m dashboards.generate

preview: $(READY) ## draw the dashboards, photograph the status page; docs/images
	@tests/packages check page
	@$(MAKE) -s $(GRAFANA_UI)
	$(BIN)/python -m dashboards.preview
	$(BIN)/python -m tests.page.photograph

clean: ## remove what make made
	rm -rf build $(VENV) dashboards/grafana/node_modules ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): pyproject.toml tests/packages
	@tests/packages python
	@echo "making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,dashboards]'
	@touch $@

# What reads the dashboards, and what draws them too, which is three times as much.
$(GRAFANA): dashboards/grafana/package-lock.json
	@echo "installing Grafana's libraries in dashboards/grafana/node_modules"
	@cd dashboards/grafana && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(GRAFANA_UI): dashboards/grafana/package-lock.json
	@echo "installing Grafana's libraries, with those that draw, in dashboards/grafana/node_modules"
	@cd dashboards/grafana && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $(GRAFANA) $@
