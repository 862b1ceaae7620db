# Two commands on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS = 1
unexport PYTHONDONTWRITEBYTECODE  # hundreds of processes: each would compile all that it imports

.PHONY: run setup setup-dev test check faults bench gpu-check types fast format schema notebook docs matrix test-avx2

run: setup  ## train the robustness suite (about twenty minutes on two idle cores) and print where its report is
	$(BIN)/harness run suites/robustness.yaml

setup: .venv/.ready  ## .venv with the pinned dependencies

setup-dev: .venv/.ready-dev  ## the same with what tests and checks need

test: setup-dev  ## the whole test suite, six to ten minutes on two cores
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not bench"

# What must be the same bits in every stack, with the kernels that a machine without AVX-512 has.
test-avx2: export ONEDNN_MAX_CPU_ISA = AVX2
test-avx2: export ATEN_CPU_CAPABILITY = avx2
test-avx2: export MKL_ENABLE_INSTRUCTIONS = AVX2
test-avx2: setup-dev  ## the bitwise tests as on a machine without AVX-512, under two minutes on two cores
	$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/architectures/test_grouped.py tests/architectures/test_stacked.py

check: setup-dev  ## format, lint, types, fast tests: one to two minutes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --no-print-directory -j2 types fast

faults: setup-dev  ## try all that must be survived, 10 to 25 minutes on two cores; FAST=1 for a few rounds of those that take seconds
	PYTHONPATH=.:tests $(BIN)/python -m faults $(if $(FAST),--fast)

bench: setup-dev  ## what takes minutes to measure: a generator step beside a plain loop, a study, a report of 2,000 runs
	$(BIN)/harness bench
	$(BIN)/python -m pytest -q -m bench --durations=0

matrix:  ## a wheel in clean environments: Python 3.11 to 3.14, lowest and newest torch and pandas; gigabytes, minutes each
	$(PYTHON) tests/matrix.py

# Of .venv where there is one: a machine with a GPU often has its own PyTorch.
gpu-check: export PYTHONPATH := .:$(PYTHONPATH)
gpu-check: HERE := $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
gpu-check:  ## what must hold on a CUDA device, what a step costs there, and what each part took (also as gpu-check.json): five minutes, not yet timed
	$(HERE) -m benchmarks.gpu_check

types: setup-dev
	$(BIN)/mypy

fast: setup-dev
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow and not gpu and not bench"

format: setup-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: setup-dev  ## write harness/suite.schema.json again
	$(BIN)/python -c 'import json; from harness.suite.format.models import schema; print(json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False))' > harness/suite.schema.json

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

# torch first: unpinned, torchvision and torch-fidelity would bring in the newest torch instead.
.venv/.ready: .venv/bin/python pyproject.toml requirements.lock
	$(BIN)/python -m pip install -q -c requirements.lock torch
	$(BIN)/python -m pip install -q -c requirements.lock -e .
	touch $@

.venv/.ready-dev: .venv/.ready
	$(BIN)/python -m pip install -q -c requirements.lock -e .[dev]
	touch $@

notebook: setup  ## execute docs/notebook.ipynb again, under a minute
	$(BIN)/python docs/notebook.py

docs: setup  ## the documentation as a site, site/html/docs/index.html: offline, with search; every warning is an error
	$(BIN)/python -m pip install -q -c requirements.lock -e .[docs]
	$(BIN)/python docs/site/build.py
