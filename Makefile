# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

# The Python that .venv is made with, 3.10 to 3.13.
PYTHON ?= python3

SHELL := /bin/bash
RUN := scripts/run .venv/bin/python
.DEFAULT_GOAL := help

# The values of the command line that are set, as arguments: N=100 becomes --n 100.
option = $(if $($(1)),--$(2) '$($(1))')

.PHONY: help setup tools solvers demo test drive-all benchmark-scp lint format clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup:  ## Create .venv, build the messages, generate the solvers: whatever is missing
	@$(PYTHON) scripts/set_up.py

tools:
	@$(PYTHON) scripts/set_up.py --without-solvers

solvers: setup  ## Generate and compile the solvers that are not current

demo: setup  ## Drive: [SCENARIO=name or path] [OUT=out/demo] [ARGS=...]
	$(RUN) -m warmstart_planner.demo $(call option,SCENARIO,scenario) \
	    --out '$(or $(OUT),out/demo)' $(ARGS)

test: setup  ## Run all tests: [ARGS='-k name']
	$(RUN) -m pytest $(ARGS)

drive-all: setup  ## Drive all packaged scenarios without ROS: [N=noise seeds each] [ARGS=...]
	$(RUN) -m warmstart_planner.drive_all $(call option,N,seeds) $(ARGS)

benchmark-scp: setup  ## Compare SCP with other solvers: [N=problems a tier] [ARGS=...]
	$(RUN) -m training.experiments.benchmark_scp $(call option,N,n) $(ARGS)

lint: tools  ## Check style, layout and the direction of imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo --no-cache

format: tools  ## Put style and layout right where that needs no thought
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:  ## Remove everything that was built, .venv included
	rm -rf .venv build install log out .setup.lock
