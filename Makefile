# `make demo` and `make test` set everything up themselves. The set-up is
# repeated only if one of the files it depends on has changed.
PY := .venv/bin/python
STAMP := .venv/.stamp
LINTED := mmboxcaseg configs docs tools tests setup.py
BENCHES := labeller proxy detector other_labellers evaluation startup review

# Large pages of memory: training on a CPU is about 1.15 times as fast, see
# docs/faq.md. An older glibc than 2.35 ignores the setting.
export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1

# Benchmarks that run at the same time would slow each other down.
.NOTPARALLEL:
.PHONY: help setup demo test docs lint bench clean

help:
	@echo 'make setup   virtual environment .venv with the pinned stack'
	@echo 'make demo    toy data, all three stages, table and figures in'
	@echo '             work_dirs/demo (15 to 25 minutes on two cores)'
	@echo 'make test    the tests (PYTEST_ARGS="-m slow" for the slow ones)'
	@echo 'make docs    the documentation, site/index.html'
	@echo 'make lint    flake8, isort and yapf'
	@echo 'make bench   all benchmarks, results in work_dirs/bench/*.json'
	@echo 'make clean   remove caches, toy data, results of demo and bench'

setup: $(STAMP)
	@echo ".venv is complete"

$(STAMP): requirements.txt tests/requirements.txt docs/requirements.txt \
    setup.py setup.cfg tools/setup_env.sh
	@tools/setup_env.sh
	@touch $@

demo: $(STAMP)
	$(PY) tools/dataset_converters/make_toy.py
	$(PY) tools/run_pipeline.py configs/toy/toy_pipeline.py \
	    --work-dir work_dirs/demo

test: $(STAMP)
	$(PY) -m pytest tests -n 2 --dist loadfile --no-loadscope-reorder \
	    $(PYTEST_ARGS)

docs: $(STAMP)
	$(PY) -m mkdocs build --strict

lint: $(STAMP)
	$(PY) -m flake8 $(LINTED)
	$(PY) -m isort --check --diff $(LINTED)
	$(PY) -m yapf --diff --recursive --exclude '*/.mim/*' $(LINTED)

bench: $(STAMP) $(BENCHES:%=bench-%)

bench-%: $(STAMP)
	@mkdir -p work_dirs/bench
	$(PY) tools/analysis_tools/benchmarks/$*.py --out work_dirs/bench/$*.json

clean:
	rm -rf build dist site *.egg-info .pytest_cache .hypothesis
	rm -rf data/toy work_dirs/demo work_dirs/bench
	find mmboxcaseg configs docs tools tests -name __pycache__ -prune \
	    -exec rm -rf {} +
