# `make run` and `make test` are all a newcomer needs; the rest is for people who work on the program.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SITE   ?= var/demo
PORT   ?= 8765

# The tests start the program hundreds of times: compiling its modules anew each time would cost minutes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test lint unit bench docs lock wheelhouse pictures browser clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

# The lock files name every package with its hash, so two machines install the same bytes.
$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 以上が必要です (found %s)" % sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv がありません: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.run  ## install, build the demo ward and open the console on 127.0.0.1
	@$(BIN)/secops demo $(SITE) --run --port $(PORT)

test: lint unit  ## lint and every test

lint: $(VENV)/.dev  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: $(VENV)/.dev  ## the tests alone
	$(BIN)/python -m pytest

bench: $(VENV)/.dev  ## the benchmark table
	$(BIN)/python -m tests.bench

pictures: $(VENV)/.dev  ## take the pictures of the guides anew from a running console (docs/ja/images)
	$(BIN)/python docs/pictures.py

docs: $(VENV)/.dev  ## write docs/ja/commands.md anew from the program
	$(BIN)/python docs/commands.py

# For machines without internet: run where there is one, on the same kind of system and Python, and carry the folder.
wheelhouse: $(VENV)/.run  ## a folder of wheels with their hashes and the program's own, to install without internet
	rm -rf wheelhouse && mkdir wheelhouse
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: -d wheelhouse -r requirements.lock
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps -w wheelhouse .
	cp requirements.lock wheelhouse/
	cd wheelhouse && sha256sum *.whl requirements.lock > SHA256SUMS
	@du -sh wheelhouse

browser:  ## Debian packages that the browser and syslog tests use (root only, else skipped with a reason)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk rsyslog >/dev/null; \
	else echo "browser: not root or no apt-get, the browser tests will be skipped"; fi

lock: ## renew both lock files (needs uv)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group dev pyproject.toml -o requirements-dev.lock

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) var wheelhouse .mypy_cache .ruff_cache .pytest_cache
