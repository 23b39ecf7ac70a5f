# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0

# The Python that .venv is made with, 3.10 to 3.13.
PYTHON ?= python3

SHELL := /bin/bash
RUN := scripts/run .venv/bin/python
# Holds Ctrl-C back while Python starts, for a program that takes it then.
HOLD := $(shell env --block-signal=INT true 2>/dev/null && echo env --block-signal=INT)
.DEFAULT_GOAL := help

# The values of the command line that are set, as arguments: N=100 becomes --n 100.
option = $(if $($(1)),--$(2) '$($(1))')

SET_UP := $(PYTHON) scripts/set_up.py

.PHONY: help setup development tools training docs solvers demo interrupts kills test test-system-libraries drive-all commonroad commonroad-search commonroad-peer judge peer cases benchmark-scp benchmark-lanes benchmark-inference benchmark-warmstart benchmark-recorded benchmark-mpc \
    dataset train outcomes export-model trials ablation minari aggregate transitions \
    driving-logs train-iql \
    export-policy evaluate-policy validate-iql lint format clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-20s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup:  ## Create .venv, build messages and solvers: whatever is missing to drive
	@$(SET_UP)

development:
	@$(SET_UP) --with development

tools:
	@$(SET_UP) --without-solvers --with development

training:
	@$(SET_UP) --with development training

solvers:  ## Generate and compile solvers that are not current: [VEHICLE=name or path] [WEIGHTS=path] [DT=s] [STEPS=n]
	@$(SET_UP) --without-solvers
	$(RUN) -m warmstart_planner.commands.generate $(call option,VEHICLE,vehicle) \
	    $(call option,WEIGHTS,weights) $(call option,DT,dt) $(call option,STEPS,steps)

demo: setup  ## Drive: [SCENARIO=name or path] [OUT=out/demo] [ARGS=...]
	scripts/run $(HOLD) .venv/bin/python -m warmstart_planner.commands.demo $(call option,SCENARIO,scenario) \
	    --out '$(or $(OUT),out/demo)' $(ARGS)

interrupts: setup  ## Press Ctrl-C at random times and count what comes of it: [N=times] [ARGS=...]
	$(RUN) scripts/interrupts.py $(call option,N,n) $(ARGS)

kills: setup  ## Kill each node while driving and count which drives go on: [N=drives each] [ARGS=...]
	$(RUN) scripts/kills.py $(call option,N,n) $(ARGS)

# Tests of nodes run in real time and want the processors for themselves.
test: training  ## Run all tests: [ARGS='-k name']
ifdef ARGS
	$(RUN) -m pytest $(ARGS)
else
	$(RUN) -m pytest -m 'not integration' --numprocesses auto --dist worksteal
	$(RUN) -m pytest -m integration
endif

test-system-libraries: setup  ## Run the core's tests with the libraries of Ubuntu 22.04 and 24.04
	scripts/test_system_libraries

drive-all: setup  ## Drive all packaged scenarios without ROS: [N=noise seeds each] [ARGS=...]
	$(RUN) -m warmstart_planner.commands.drive_all $(call option,N,seeds) $(ARGS)

commonroad: setup  ## Drive a folder of CommonRoad files without ROS, judged after `make judge`: FOLDER=... [N=files] [ARGS=...]
	$(RUN) -m warmstart_planner.commands.drive_files $(call option,FOLDER,folder) $(call option,N,n) $(ARGS)

commonroad-search: setup judge  ## Search a solution of each file that `make commonroad` missed, for minutes: FOLDER=... [ARGS=...]
	$(RUN) -m warmstart_planner.commands.search_missed $(call option,FOLDER,folder) $(ARGS)

judge: .venv-judge/.stamp  ## Install CommonRoad's own checker, which judges what `make commonroad` drives

.venv-judge/.stamp: requirements/judge.txt
	$(PYTHON) -m venv --clear .venv-judge
	.venv-judge/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

commonroad-peer: setup peer  ## Drive the folder with CommonRoad's reactive planner instead, for comparison: FOLDER=... [N=files] [ARGS=...]
	$(RUN) -m warmstart_planner.commands.drive_peer $(call option,FOLDER,folder) $(call option,N,n) $(ARGS)

peer: .venv-peer/.stamp  ## Install CommonRoad's reactive planner (Python 3.10 or 3.11: PYTHON=python3.11), with which `make commonroad-peer` drives

.venv-peer/.stamp: requirements/peer.txt
	$(PYTHON) -m venv --clear .venv-peer
	.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

cases: setup  ## Drive inputs that are easily got wrong, and compare: [FOLDER=test/cases] [ARGS=...]
	$(RUN) -m warmstart_planner.commands.cases --folder '$(or $(FOLDER),test/cases)' $(ARGS)

benchmark-scp: development  ## Compare SCP with other solvers: [N=problems a tier] [ARGS=...]
	$(RUN) -m training.experiments.solvers.benchmark_scp $(call option,N,n) $(ARGS)

benchmark-lanes: development  ## Time SCP's lanes against its loop on HPIPM: [N=problems a tier] [ARGS=...]
	$(RUN) -m training.experiments.solvers.benchmark_lanes $(call option,N,n) $(ARGS)

benchmark-inference: development  ## Time transcription and the model beside their references: [N=problems a tier] [ARGS=...]
	$(RUN) -m training.experiments.models.benchmark_inference $(call option,N,n) $(ARGS)

benchmark-warmstart: development  ## Measure what the planner's starts are worth: [N=problems a tier] [ARGS=...]
	$(RUN) -m training.experiments.warmstart.benchmark_warmstart \
	    $(or $(call option,N,n),--images docs/images) $(ARGS)

benchmark-recorded: development  ## Measure what starts are worth in drives through CommonRoad files: FOLDER=... [N=problems] [ARGS=...]
	$(RUN) -m training.experiments.warmstart.benchmark_warmstart --n 0 --driven '$(or $(N),100)' \
	    $(call option,FOLDER,scenarios) --out out/benchmark-recorded.json $(ARGS)

dataset: training  ## Solve random problems to learn from: [N=base problems] [OUT=out/dataset] [ARGS=...]
	$(RUN) -m training.dataset.generate $(call option,N,problems) \
	    --out '$(or $(OUT),out/dataset)' $(ARGS)

minari: training  ## Copy a dataset into Minari's format: [DATASET=out/dataset] [ARGS=...]
	$(RUN) -m training.dataset.minari_export --dataset '$(or $(DATASET),out/dataset)' $(ARGS)

train: training  ## Train the Decision Transformer: [ARGS=...]
	$(RUN) -m training.decision_transformer.train $(ARGS)

outcomes: training  ## Learn what the model's candidates are worth: [ARGS=...]
	$(RUN) -m training.decision_transformer.outcomes $(ARGS)

export-model: training  ## Export the trained model to ONNX: [ARGS=...]
	$(RUN) -m training.decision_transformer.export $(ARGS)

trials: training  ## Try the exported model far from its training, and note how far to trust it: [N=problems] [ARGS=...]
	$(RUN) -m training.decision_transformer.trials $(call option,N,n) $(ARGS)

ablation: training  ## Train models that differ in one thing each, and compare them: [ARGS=...]
	$(RUN) -m training.experiments.models.ablation $(ARGS)

aggregate: training  ## Add states that the model's own proposals lead to: [ARGS=...]
	$(RUN) -m training.decision_transformer.aggregate $(ARGS)

transitions: training  ## Turn a dataset's answers and a plain controller's drives into episodes: [ARGS=...]
	$(RUN) -m training.iql_lstm.logs.transitions $(ARGS)

driving-logs: training  ## Drive with disturbances and keep the episodes: [N=drives] [ARGS=...]
	$(RUN) -m training.iql_lstm.logs.driving_logs $(call option,N,drives) $(ARGS)

train-iql: training  ## Train the ensemble of IQL-LSTM policies: [ARGS=...]
	$(RUN) -m training.iql_lstm.train $(ARGS)

export-policy: training  ## Export the trained ensemble to ONNX: [ARGS=...]
	$(RUN) -m training.iql_lstm.export $(ARGS)

evaluate-policy: training  ## Compare policies by what they really return: [N=problems] [ARGS=...]
	$(RUN) -m training.experiments.models.evaluate_policy $(call option,N,n) $(ARGS)

validate-iql: training  ## Compare our IQL with d3rlpy's on Pendulum: [N=seeds] [ARGS=...]
	$(RUN) -m training.experiments.d3rlpy.validate_iql $(call option,N,n) $(ARGS)

benchmark-mpc: development  ## Compare the MPC's warm starts in closed loop: [N=drives] [ARGS=...]
	$(RUN) -m training.experiments.mpc.benchmark_mpc $(call option,N,n) $(ARGS)

docs: tools  ## Build the documentation site into out/docs/
	NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(RUN) -m mkdocs --quiet build
	@echo out/docs/index.html

lint: tools  ## Check style, layout and the direction of imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo --no-cache

format: tools  ## Put style and layout right where that needs no thought
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:  ## Remove everything that was built, .venv included
	rm -rf .venv .venv-d3rlpy .venv-judge .venv-peer build install log out .setup.lock
