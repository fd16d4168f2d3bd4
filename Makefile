# A newcomer needs two of these: `make demo` and `make test`.
# Paths are relative, so that the folder may have a space in its name.

PYTHON ?= python3

# More than there are cores, because many tests wait.
WORKERS = $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) * 3 )))

.PHONY: demo models fleet test coverage bench address dist lock clean

demo: .venv/.ready .meltano/.ready  ## The main job: U8+ into PostgreSQL, through Meltano
	.venv/bin/python -m demo

models: .venv/.ready .meltano/.ready  ## The same, and models of the tables through dbt
	.venv/bin/python -m demo.models

fleet: .venv/.ready .meltano/.ready .venv-dagster/.ready  ## Many account sets, through Dagster; ten minutes
	.venv/bin/python -m demo.fleet

test: .venv/.ready .meltano/.ready  ## All checks: lint, types, tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -n $(WORKERS)

coverage: .venv/.ready .meltano/.ready  ## Which lines no test runs; takes longer than `test`
	.venv/bin/python -m pytest -n $(WORKERS) --cov --cov-report=term

# The benchmark's peers, each in an environment of its own.
PEERS = plain-tap tap-rest-api-msdk dlt airbyte-cdk

# BENCH=--quick for a smoke test. A peer that cannot be installed is shown as "did not run".
bench: .venv/.ready .meltano/.ready  ## Compare with the peers; writes docs/benchmark.*
	-$(MAKE) --keep-going $(PEERS:%=.venv-bench/%/.ready)
	.venv/bin/python -m bench $(BENCH)

address: .venv/.ready  ## Set the repository's address everywhere: make address URL=https://…
	@expr '$(URL:.git=)' : 'https://[^/]*/.*[^/]/[^/][^/]*$$' > /dev/null || { echo 'Say URL=https://host/owner/repository'; exit 1; }
	sed 's|^Repository = .*|Repository = "$(URL:.git=)"|' pyproject.toml > pyproject.new && mv pyproject.new pyproject.toml
	rm -rf hub/_data
	.venv/bin/python -m tools.documents

dist: .venv-release/.ready  ## Wheel and sdist, checked, with what is in them and checksums
	rm -rf dist
	.venv-release/bin/python -m hatchling build
	.venv-release/bin/python -m twine check --strict dist/*.whl dist/*.tar.gz
	.venv-release/bin/cyclonedx-py requirements --output-reproducible -o dist/sbom.json requirements/tap-yonyou.txt
	cd dist && sha256sum *.whl *.tar.gz sbom.json > SHA256SUMS

lock: .venv/.ready  ## Pin the requirements anew
	sh requirements/lock.sh

clean:  ## Remove all that make has made
	rm -rf .venv .venv-meltano .venv-dagster .venv-release .venv-bench .venv-try dist dbt/logs dbt/target .meltano .mypy_cache .pytest_cache .ruff_cache .coverage*

.venv/.ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv-meltano/.ready: requirements/meltano.txt
	$(PYTHON) -m venv --clear .venv-meltano
	.venv-meltano/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/meltano.txt
	touch $@

# pip, unlike Meltano's default installer, knows the mirrors and certificates set up for pip.
.meltano/.ready: .venv-meltano/.ready meltano.yml $(wildcard requirements/ta*.txt) requirements/dbt.txt pyproject.toml
	MELTANO_VENV_BACKEND=virtualenv .venv-meltano/bin/meltano install
	touch $@

.venv-dagster/.ready: examples/dagster/requirements.txt
	$(PYTHON) -m venv --clear .venv-dagster
	.venv-dagster/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r examples/dagster/requirements.txt
	touch $@

.venv-release/.ready: requirements/release.txt
	$(PYTHON) -m venv --clear .venv-release
	.venv-release/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/release.txt
	touch $@

.venv-bench/%/.ready: bench/requirements/%.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@
