# Each target does its own set-up: a virtual environment, then pip.
# Whether a Python is one that pyproject.toml takes; of others pip takes minutes to say so.
PYTHONS := Python 3.11, 3.12 and 3.13
FITS := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python $(FITS) && break; done; echo $$python)
BIN := .venv/bin
PACKAGES := pairlake benchmarks training docs/screenshots.py

.PHONY: demo page screenshots test test-slow lint types sql unit bench bench-crawl bench-fetch bench-enrich bench-recipes \
	bench-duplicates bench-takedown bench-dataset bench-export bench-search bench-filtering bench-diffusion \
	bench-cluster fitting clean

demo: .venv/demo-installed
	$(BIN)/pairlake demo

page: .venv/demo-installed
	eval "$$($(BIN)/pairlake demo --env)" && $(BIN)/pairlake serve

# The page's pictures in docs/pictures, of the lake that `make demo` built; wants chromium.
screenshots: .venv/dev-installed
	eval "$$($(BIN)/pairlake demo --env)" && $(BIN)/python docs/screenshots.py

# The checks of the text go beside the first tests.
test: .venv/dev-installed
	$(MAKE) -j 2 lint types sql unit

lint: .venv/dev-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: .venv/dev-installed
	$(BIN)/mypy $(PACKAGES)

sql: .venv/dev-installed
	$(BIN)/sqlfluff lint models tests/data macros

# One thread each, where there is a process for each processor; DuckDB's threads that have nothing to do
# take half of the time of queries as small as these. As xdist would have them, the files of
# few tests come last, and those are the longest. What dbt reads of the models serves all tests.
# After a crash no file is begun any more: where its process is replaced, xdist 3.8 may wait for ever (its
# issue 1378). A test that takes an hour hangs, and says where each thread was: a busy machine is slow.
unit: .venv/dev-installed
	$(BIN)/dbt --quiet parse
	OMP_NUM_THREADS=1 PAIRLAKE_THREADS=1 $(BIN)/python -m pytest -rs -n auto --maxprocesses 4 --dist loadfile \
		--no-loadscope-reorder --max-worker-restart 0 \
		-o faulthandler_timeout=3600 -o faulthandler_exit_on_timeout=true

# What takes long: commands, machines, Postgres and S3 die, or are lost by the network (as
# root); the whole path in S3; a takedown decoded out of every file; the demo of all its drawings;
# empty and frozen lakes built whole; some benchmarks. With all of DuckDB's threads.
test-slow: .venv/dev-installed
	$(BIN)/dbt --quiet parse
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs -m slow

# All benchmarks, one after the other: most of a day.
bench: .venv/dev-installed
	$(MAKE) -j 1 bench-crawl bench-fetch bench-enrich bench-recipes bench-duplicates bench-takedown \
		bench-dataset bench-export bench-search bench-filtering bench-diffusion bench-cluster

# Beside cc2dataset, in an environment of its own; needs Java. Some twenty minutes on two cores.
bench-crawl: .venv/dev-installed
	$(BIN)/python -m benchmarks.crawl

# Beside img2dataset, in an environment of its own; needs openssl. Some forty minutes.
bench-fetch: .venv/dev-installed
	$(BIN)/python -m benchmarks.fetching

# Beside the bare models; on a GPU too where there is one.
bench-enrich: .venv/dev-installed
	$(BIN)/python -m benchmarks.enriching

# The demo's funnel beside its truth, under three recipes. Some eight minutes.
bench-recipes: .venv/dev-installed
	$(BIN)/python -m benchmarks.recipes

# Copies and look-alikes of the demo's drawings; --pictures FOLDER takes others as well.
bench-duplicates: .venv/dev-installed
	$(BIN)/python -m benchmarks.duplicates

# A minute.
bench-takedown: .venv/dev-installed
	$(BIN)/python -m benchmarks.takedowns

# Up to fifty million pairs: an hour and a half, and 65 GB of disk. `--only 1` is the smallest.
bench-dataset: .venv/dev-installed
	$(BIN)/python -m benchmarks.dataset

# A quarter of a million and a million pairs, and clip-retrieval's index in an environment of its own; some
# minutes.
bench-export: .venv/dev-installed
	$(BIN)/python -m benchmarks.exports

# Beside clip-retrieval, in an environment of its own, and faiss. Some forty minutes, and 15 GB of disk;
# `--only 10` is ten million pairs: hours.
bench-search: .venv/dev-installed
	$(BIN)/python -m benchmarks.searching

# The same CLIP trained on what each filter leaves, with three seeds; needs npm. Some fifty minutes on two
# cores; larger on a GPU.
bench-filtering: .venv/dev-installed
	$(BIN)/python -m training.filtering

# A text-to-image model trained on an exported subset; some fifteen minutes.
bench-diffusion: .venv/dev-installed
	$(BIN)/python -m training.diffusion

# Ray beside one machine's own processes: the demo's pipeline, two processes beside one, and a build's buckets.
bench-cluster: .venv/dev-installed
	$(BIN)/python -m benchmarks.cluster

.venv/bin/python:
	@$(PYTHON) $(FITS) || { echo "pairlake runs on $(PYTHONS), and $(PYTHON) is none of these: install" \
		"one, or say where it is: make PYTHON=/usr/bin/python3.12 demo" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# It may have been made before, by another Python.
fitting: .venv/bin/python
	@$(BIN)/python $(FITS) || { echo "pairlake runs on $(PYTHONS), and .venv was made by another: remove" \
		"that folder, then run make again." >&2; exit 1; }

# Without a GPU, PIP_EXTRA_INDEX_URL may name PyTorch's CPU index, and 2 GB of CUDA stay away.
.venv/demo-installed: pyproject.toml | fitting
	@echo "Installing some 2.8 GB into .venv, of which 860 MB come by the network: three minutes or" \
		"more. CUDA, which Linux has unless PIP_EXTRA_INDEX_URL names PyTorch's CPU index, is some 2 GB besides."
	$(BIN)/python -m pip install -e '.[demo]'
	touch $@

.venv/dev-installed: pyproject.toml | fitting
	$(BIN)/python -m pip install -q -e '.[dev]'
	# Peers whose readers and clients the tests run; what else they need would not go with ours.
	$(BIN)/python -m pip install -q --no-deps clip-retrieval==2.45.0 embedding-reader==1.8.1 img2dataset==1.47.0
	touch $@ .venv/demo-installed

clean:
	rm -rf data target logs .mypy_cache .pytest_cache .ruff_cache
