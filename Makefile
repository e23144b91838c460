# Needs make and Python 3.11 (or newer, with its venv); everything else is installed below .venv.
SHELL = /bin/sh
.DEFAULT_GOAL = help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-latest lint docs doctest linkcheck notebooks check-notebooks bench clean FORCE

PYTHON ?= $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Two workers of one thread each; `make test PYTEST_ARGS="-k rdm"` for something else.
PYTEST_ARGS ?= -n 2
SPHINX = OMP_NUM_THREADS=1 .venv/bin/python -m sphinx -q -E -d build/docs/doctrees
PYTEST = OMP_NUM_THREADS=1 $(1)/bin/python -m pytest $(PYTEST_ARGS)

# The environment is made of what is named here, not of what the user's shell has.
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1

help:  ## print these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/.installed  ## install, run the main job on what the repository holds, write demo/
	.venv/bin/ventralrnn demo --out demo

test: .venv/.installed  ## install, run the whole test suite
	$(call PYTEST,.venv)

test-latest: .venv-latest/.installed  ## the same suite without brainscore, on the newest numpy, xarray, zarr, ...
	@.venv-latest/bin/python -m pip freeze | grep -E '^(numpy|pandas|scikit-learn|scipy|torch|xarray|zarr)=='
	$(call PYTEST,.venv-latest)

lint: .venv/.installed  ## ruff and mypy
	.venv/bin/ruff check .; status=$$?; .venv/bin/mypy && exit $$status

docs: .venv/.installed  ## build the manual, its examples run, into build/docs/html; a warning or a dead link is an error
	rm -rf docs/reference/generated docs/auto_gallery
	$(SPHINX) -b html -W --keep-going docs build/docs/html
	.venv/bin/python docs/check_site.py build/docs/html

doctest: .venv/.installed  ## run the examples in the docstrings
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -q tests/test_docstrings.py

linkcheck: .venv/.installed  ## follow the links of the manual to other sites; needs the network
	$(SPHINX) -b linkcheck -D plot_gallery=0 docs build/docs/links

notebooks: .venv/.installed  ## execute the notebooks, and keep their outputs
	.venv/bin/python notebooks/execute.py

check-notebooks: .venv/.installed  ## execute them, and leave the files as they are
	.venv/bin/python notebooks/execute.py --check

bench: .venv/.installed .venv-latest/.installed  ## measure speed against peers
	.venv/bin/python -m benchmarks.speed

clean:  ## remove the environments, demo/, caches and build leftovers
	rm -rf .venv .venv-latest demo build dist ./*.egg-info docs/auto_gallery docs/auto_runs docs/reference/generated .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# An environment knows its own path and its interpreter's: one that was moved, copied, broken off while it was made, or
# whose Python has gone is made anew. The stamp is written last, so an interrupted install is taken up again.
SOUND = test "$$(sed -n 's/^command = .* -m venv //p' $(1)/pyvenv.cfg 2>/dev/null)" = '$(CURDIR)/$(1)' \
	&& $(1)/bin/python -c 'import pip' 2>/dev/null $(if $(NAMED),&& $(call SAME,$(1)))
# A Python that somebody names (make PYTHON=...) is the one that is used.
NAMED = $(filter command environment,$(firstword $(origin PYTHON)))
BASE = -c 'import sys; print(sys.version, sys.base_prefix)'
SAME = test "$$($(1)/bin/python $(BASE))" = "$$($(PYTHON) $(BASE))"
UNSOUND = $(shell { $(SOUND); } || echo FORCE)
define VENV
@rm -f $@
@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or newer with venv found; install one, or name it: make PYTHON=...' >&2; exit 1; }
@{ $(call SOUND,$(@D)); } || { rm -rf $(@D); echo '$(PYTHON) -m venv $(@D)'; $(PYTHON) -m venv '$(CURDIR)/$(@D)'; }
endef

# The clone goes on the path itself: a finder, the other way to be editable, comes after the folder from which Python is
# started, and there a clone named ventralrnn would pass for the package.
EDITABLE = --config-settings editable_mode=compat

.venv/.installed: setup.cfg pyproject.toml constraints.txt $(call UNSOUND,.venv)
	$(VENV)
	.venv/bin/python -m pip install $(EDITABLE) -c constraints.txt -e '.[brainscore,dev,docs]'
	@touch $@

.venv-latest/.installed: setup.cfg pyproject.toml constraints.txt $(call UNSOUND,.venv-latest)
	$(VENV)
	.venv-latest/bin/python -m pip install $(EDITABLE) $$(grep -E '^torch(vision)?==' constraints.txt) -e '.[dev,peers]'
	@touch $@
