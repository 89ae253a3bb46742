# `make run` and `make test` install what they need into .venv, and only when it has changed.

SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check
REQUIREMENTS := pyproject.toml constraints.txt
# pip would compile modules one at a time, including the libraries' own tests.
INSTALL := $(PIP) install -q --no-compile -c constraints.txt
COMPILE := $(PYTHON) -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib || true

.PHONY: run ui film notebooks test fuzz mutants docs docs-outputs format skill counts cold-start prior constraints

run: $(VENV)/.installed
	$(PYTHON) -m escalation.cli train
	$(PYTHON) -m escalation.cli score
	@echo "To compare the runs in MLflow: make ui (or $(VENV)/bin/escalation ui)"

ui: $(VENV)/.installed
	$(PYTHON) -m escalation.cli ui

# The figure of the README: forecasts and outcomes on each day of the crisis. Takes a minute.
film: $(VENV)/.installed
	$(PYTHON) -m escalation.cli replay experiments/iraq_crisis.toml --from 2019-12-01 --to 2020-03-31 \
		--figure experiments/results/iraq_crisis_replay.png \
		--name 'IQ-2019-12-27-01=27 Dec: rockets\non K-1, 1 killed' \
		--name 'IQ-2019-12-29-01=29 Dec: US strikes,\n25 killed' \
		--name 'IQ-2019-12-31-02=31 Dec: embassy\nstormed' \
		--name 'IQ-2020-01-03-01=3 Jan: Soleimani\nkilled' \
		--name 'IQ-2020-01-08-01=8 Jan: missiles on\nAin al-Asad' \
		--name 'IQ-2020-03-11-01=11 March: Taji,\n3 killed' \
		--name 'IQ-2020-03-13-01=13 March:\nUS strikes' \
		--name 'IQ-2020-03-14-01=14 March:\nTaji again'

# Execute the notebooks and store their outputs; review them before you commit. Takes two minutes.
notebooks: $(VENV)/.installed-dev
	$(PYTHON) tests/notebook_runs.py

test: $(VENV)/.installed-dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest -n 2 --dist loadfile

# Malformed files, experiments, command lines, models and ledgers, for SECONDS (default: an hour).
SECONDS := 3600
fuzz: $(VENV)/.installed-dev
	$(PYTHON) tests/fuzz/doors.py --seconds $(SECONDS)

# Change the source in one place at a time, and check that the tests notice. Takes an hour.
mutants: $(VENV)/.installed-dev
	$(PYTHON) tests/mutants.py

# The documentation, in docs/_site; any warning, broken link or failing example is an error.
docs: $(VENV)/.installed-docs
	$(PYTHON) -m sphinx -W -n --keep-going -q -b html docs docs/_site
	@echo "Open docs/_site/index.html"

# Run every command again and store its output, and the results of the bundled experiment.
docs-outputs: $(VENV)/.installed-docs
	PYTHONPATH=. $(PYTHON) docs/tools/run_commands.py
	$(PYTHON) docs/tools/claims.py --write

format: $(VENV)/.installed-dev
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# Compare every model on the event files in ../shared/data. Takes about ten minutes on two cores.
skill: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(PYTHON) experiments/skill.py $(KEPT)

# Score the expected counts on the same files. Takes some minutes. To reweight them to the blend's
# forecasts: make skill FORECASTS=FOLDER, then make counts FORECASTS=FOLDER
FORECASTS :=
KEPT = $(if $(FORECASTS),--forecasts $(FORECASTS))
counts: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(PYTHON) experiments/counts.py $(KEPT)

# Young archives of conflicts that `prior` has not seen, from ../shared/data. Takes some minutes.
cold-start: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(PYTHON) experiments/cold_start.py

# Learn the numbers of the model `prior` from ../shared/data, and write its card. Takes a few minutes.
prior: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(PYTHON) experiments/prior.py

# Pin the newest versions that pyproject.toml allows, in a new environment: make constraints VENV=NEW
constraints: $(VENV)/.made
	$(PIP) install -q '.[dev,bench,docs]'
	$(PIP) freeze -q --exclude escalation > $(VENV)/constraints.txt
	mv $(VENV)/constraints.txt constraints.txt

# Python 3.11 and 3.12 can't start in a C locale if the path of an editable install contains an
# umlaut. A path relative to site-packages avoids it.
RELATIVE_PATH := case $(VENV) in */*) ;; *) for file in $(VENV)/lib/*/site-packages/*escalation.pth; \
	do echo ../../../.. > "$$file"; done ;; esac

$(VENV)/.installed: $(VENV)/.made $(REQUIREMENTS)
	$(INSTALL) -e .
	@$(COMPILE)
	@$(RELATIVE_PATH)
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.made $(REQUIREMENTS)
	$(INSTALL) -e '.[dev]'
	@$(COMPILE)
	@$(RELATIVE_PATH)
	@touch $(VENV)/.installed $@

$(VENV)/.installed-docs: $(VENV)/.made $(REQUIREMENTS)
	$(INSTALL) -e '.[docs]'
	@$(COMPILE)
	@$(RELATIVE_PATH)
	@touch $(VENV)/.installed $@

# Keep an environment that already works.
$(VENV)/.made:
	@if $(PIP) --version >/dev/null 2>&1; then touch $@; exit 0; fi; \
	for python in python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
			2>/dev/null && $$python -m venv $(VENV); then touch $@; exit 0; fi; \
	done; \
	echo "error: needs Python 3.11, 3.12 or 3.13 with its venv module;" \
		"fix: install one (on Debian: apt install python3 python3-venv)" >&2; \
	exit 2
