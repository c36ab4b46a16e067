# Everything runs in .venv, made once from the lock file of its Python and again when that changes.
PYTHON ?= $(shell for name in python3.11 python3.12 python3; do \
  $$name -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$name && break; done)
LOCK := $(if $(PYTHON),requirements$(shell $(PYTHON) -c \
  'import sys; print("" if sys.version_info[:2] == (3, 11) else "-{}.{}".format(*sys.version_info))').lock)
VENV := .venv
RUN := $(VENV)/bin

ARM := .arm
ENGINES := .engines
MODELS := toolkit/weights
FACES := $(SDHRNET_DATA)
# Tests run in as many processes; each may take 3 GB.
WORKERS ?= 2
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

.PHONY: demo test quick check format notebooks docs lab release web wheels verify-arm verify-engines phones clean

demo: $(VENV)/.ready  ## the whole pipeline on synthetic faces, ending with a report to look at
	$(RUN)/sdhrnet quickstart

test: check  ## formatting, lint, types, import contracts, all tests
	OMP_NUM_THREADS=1 $(RUN)/python -m pytest -n $(WORKERS) --dist worksteal

quick: $(VENV)/.ready  ## the tests that are fast, while you think
	OMP_NUM_THREADS=1 $(RUN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m "not slow and not browser and not data"

check: $(VENV)/.ready
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports

format: $(VENV)/.ready
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

docs: $(VENV)/.ready  ## the site, into runs/site: tutorials, how-to, reference, results
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(RUN)/mkdocs build --strict --quiet
	@echo open runs/site/index.html

notebooks: $(VENV)/.ready  ## execute every chapter, keep its outputs, and mark it with the code and records that gave them
	OMP_NUM_THREADS=1 $(RUN)/python -m pytest --nbmake --overwrite --nbmake-timeout=600 --timeout=1200 --override-ini="filterwarnings=default" $(NOTEBOOKS)
	$(RUN)/python notebooks/stamp.py $(NOTEBOOKS)

lab: $(VENV)/.ready  ## JupyterLab on the first chapter of the course, whose drawings it trusts
	$(RUN)/jupyter trust $(NOTEBOOKS)
	$(RUN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" notebooks/01_find_a_nose.ipynb

release: $(VENV)/.ready  ## train the released models on FACES and put them into the package: two cores for most of a day
	$(RUN)/sdhrnet release --data $(FACES) --results results/release/results.jsonl

web: $(VENV)/.ready  ## the page for a phone's browser, into deploy/web/dist; needs Node 20 or newer
	$(RUN)/python deploy/web/assets.py deploy/web/build
	cd deploy/web && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent build

wheels: web  ## the toolkit and its page as wheels, into dist
	$(RUN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . deploy/web

verify-arm: $(VENV)/.ready $(ARM)/.ready  ## the TFLite files of MODELS on an emulated Arm processor (Debian, Ubuntu)
	$(RUN)/sdhrnet verify arm $(MODELS) --root $(ARM)

verify-engines: $(VENV)/.ready $(ENGINES)/.ready  ## MODELS on simulated engines of phones: Qualcomm's NPU, LiteRT's GPU
	$(RUN)/sdhrnet verify engine $(MODELS) --engine htp --root $(ENGINES)
	$(RUN)/sdhrnet verify engine $(MODELS) --engine gpu --root $(ENGINES)

phones: $(VENV)/.ready $(ENGINES)/.ready $(ARM)/.ready  ## results/phones: every released file on XNNPACK, a GPU engine and Qualcomm's NPU; int8whole too
	for card in toolkit/weights/sdhrnet-*/card.json; do \
	  model=$$(basename $$(dirname $$card)); out=results/phones/results.jsonl; \
	  $(RUN)/sdhrnet verify $$model --results $$out && \
	  $(RUN)/sdhrnet verify engine $$model --engine gpu --root $(ENGINES) --results $$out && \
	  $(RUN)/sdhrnet verify engine $$model --engine npu --root $(ENGINES) --results $$out || exit; \
	done
	bundle=toolkit/weights/sdhrnet-68pt-160; files=runs/phones/whole; out=results/phones/results.jsonl; \
	  $(RUN)/sdhrnet convert $$bundle --to tflite --precision int8whole $(FACES:%=--data %/300w) --out $$files && \
	  $(RUN)/sdhrnet verify $$files --bundle $$bundle --results $$out && \
	  $(RUN)/sdhrnet verify engine $$files --bundle $$bundle --engine gpu --root $(ENGINES) --results $$out && \
	  $(RUN)/sdhrnet verify engine $$files --bundle $$bundle --engine npu --root $(ENGINES) --results $$out && \
	  $(RUN)/sdhrnet verify arm $$files --root $(ARM) --instructions --results $$out && \
	  $(RUN)/sdhrnet benchmark $$files $$bundle-int8.tflite $(FACES:%=--data %/300w) --results $$out
	$(RUN)/sdhrnet report results/phones --markdown results/phones/README.md
	$(RUN)/sdhrnet report results/phones --markdown README.md

$(ENGINES)/.ready: deploy/engines/fetch.sh
	deploy/engines/fetch.sh $(ENGINES) $(RUN)/python
	touch $@

$(ARM)/.ready: deploy/arm/fetch.sh requirements.lock
	deploy/arm/fetch.sh $(ARM) $(RUN)/python

clean:  ## runs are kept; remove them by hand
	rm -rf $(VENV) $(ARM) $(ENGINES) dist deploy/web/build deploy/web/dist deploy/web/node_modules deploy/android/node_modules .pytest_cache .mypy_cache .ruff_cache

$(VENV)/.ready: $(LOCK) pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or 3.12 found: install one, or make PYTHON=path/to/python"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --requirement $(LOCK)
	$(RUN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(RUN)/python -m pip check
	touch $@
