# Cairn's front door. Needs make, a Python and a package index: no uv, no root.
#   make run     the whole site in the foreground (PORT, HOST, DATA_DIR; see README.md)
#   make test    the whole test suite             make check   everything else that must hold
#   make bench   the benchmark tables             make faults  fault injection against real processes
#   make hosts   the same against several hosts
#   make load    many people at once              make million what a million bookmarks cost (ARGS="--database postgresql")
# ARGS is passed on: make test ARGS="tests/project -x"

HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT
ARGS ?=

# uv reads neither pip's configuration nor its variables, so pip's index and certificates are handed on;
# like pip it trusts what the system trusts, where the system has certificates at all.
PIP_INDEX = .tools/bin/python -m pip config get global.index-url 2>/dev/null
UV = env UV_PYTHON_DOWNLOADS=never UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PIP_INDEX))}}" \
     UV_SYSTEM_CERTS=$(if $(wildcard /etc/ssl/certs/*.pem /etc/ssl/certs/*.crt /etc/ssl/cert.pem),1,0) \
     $${PIP_CERT:+"SSL_CERT_FILE=$$PIP_CERT"} .tools/bin/uv
PY = .venv/bin/python
# Most of the long tests wait. Those of one file run one after another, as they share a running site.
TEST = $(PY) -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder
LOCK = $(UV) pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header --no-annotate

.PHONY: always run install upgrade container test test-postgres check lint types layers templates upgrades django bench million faults hosts load screenshots coverage format messages lock clean
.DELETE_ON_ERROR:

# exec, so that make's own child is the supervisor: it gets the signal that make was sent.
run: .venv/run.stamp $(if $(S3_BUCKET),.venv/s3.stamp)
	@exec $(PY) manage.py serve --prepare --die-with-parent

# What the site needs, for a server that starts it by other means.
install: .venv/run.stamp $(if $(S3_BUCKET),.venv/s3.stamp)

# All but the start: docs/operations.md.
upgrade: .venv/run.stamp
	$(PY) manage.py backup "$${DATA_DIR:-var}/before-upgrade.zip"
	git pull --ff-only
	$(MAKE) install
	$(PY) manage.py prepare

test: .venv/dev.stamp
	$(TEST) $(ARGS)

# What touches the database, on a PostgreSQL server that the tests start themselves.
test-postgres: .venv/dev.stamp
	CAIRN_TEST_DATABASE=postgresql $(TEST) --ignore tests/imports/formats -m "not browser and not processes" $(ARGS)

coverage: .venv/dev.stamp
	$(TEST) --cov --cov-report=term $(ARGS)

check: lint types layers templates upgrades django

lint: .venv/dev.stamp
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: .venv/dev.stamp
	$(PY) -m mypy

layers: .venv/dev.stamp
	.venv/bin/lint-imports

templates: .venv/dev.stamp
	git ls-files -z 'templates/*.html' | xargs -0 -r .venv/bin/djade --target-version 6.1 --check
	git ls-files -z 'templates/*.html' | xargs -0 -r $(PY) -m djhtml --check

upgrades: .venv/dev.stamp
	git ls-files -z '*.py' | xargs -0 -r $(PY) -m django_upgrade --target-version 6.1 --check

# As on a server behind HTTPS; nothing is read from or written to the person's own data.
django: .venv/dev.stamp
	DATA_DIR=build/check DATABASE_URL= $(PY) manage.py makemigrations --check --dry-run
	DATA_DIR=build/check DATABASE_URL= HTTPS=yes DEBUG=no $(PY) manage.py check --deploy --fail-level WARNING

bench: .venv/dev.stamp
	$(PY) -m tests.benchmarks $(ARGS)

million: .venv/dev.stamp
	$(PY) -m tests.benchmarks.million $(ARGS)

faults: .venv/dev.stamp
	$(PY) -m tests.faults $(ARGS)

# Several hosts on one database and one S3 endpoint, killed, cut off and upgraded.
hosts: .venv/dev.stamp
	$(PY) -m tests.hosts $(ARGS)

# The Dockerfile's steps without a container engine, its packages installed anew.
container: .venv/dev.stamp
	CAIRN_IMAGE=whole $(PY) -m pytest tests/project/test_deploy.py $(ARGS)

# Many people at once, on both databases: python -m tests.load --help.
load: .venv/dev.stamp
	$(PY) -m tests.load $(ARGS)

# The pictures in docs/images, taken from a site that runs for as long as it takes.
screenshots: .venv/dev.stamp
	$(PY) -m tests.screenshots

format: .venv/dev.stamp
	git ls-files -z '*.py' | xargs -0 -r $(PY) -m django_upgrade --target-version 6.1 --exit-zero-even-if-changed
	$(PY) -m ruff check --fix
	$(PY) -m ruff format
	git ls-files -z 'templates/*.html' | xargs -0 -r $(PY) -m djhtml
	git ls-files -z 'templates/*.html' | xargs -0 -r .venv/bin/djade --target-version 6.1

# What is said is collected for the translators, and what they wrote is compiled. Needs GNU gettext; the site does not.
messages: .venv/dev.stamp
	$(PY) manage.py makemessages --all --ignore 'tests' --ignore 'build' --ignore 'var' --no-wrap --no-location --no-obsolete
	$(PY) manage.py compilemessages --verbosity 0 --ignore .venv --ignore .tools

lock: .tools/uv.stamp
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --extra s3 -c requirements.txt -o requirements-s3.txt
	$(LOCK) pyproject.toml --extra s3 --group dev -c requirements-s3.txt -o requirements-dev.txt

clean:
	rm -rf .venv .tools build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov

.tools/uv.stamp:
	@python=$$(bin/find-python) && echo "Cairn: getting uv with $$python" && rm -rf .tools && "$$python" -m venv .tools
	@.tools/bin/python -m pip install -qq --disable-pip-version-check --only-binary :all: uv
	@touch $@

# An environment of another Python, or one that no longer starts, is made anew.
.venv/python.stamp: .python-version .tools/uv.stamp $(if $(wildcard .venv/bin/python),,always)
	@python=$$(bin/find-python) && \
	    version='import sys; print(sys.version_info[:2])' && \
	    if [ "$$(.venv/bin/python -c "$$version" 2>/dev/null)" != "$$("$$python" -c "$$version")" ]; then \
	        $(UV) venv --quiet --clear --no-project --python "$$python" .venv; fi
	@touch $@

.venv/run.stamp: requirements.txt .venv/python.stamp
	@echo "Cairn: installing what it needs into .venv"
	@$(UV) pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements.txt
	@touch $@

# For uploads in S3-compatible storage.
.venv/s3.stamp: requirements-s3.txt .venv/run.stamp
	@echo "Cairn: installing what storage in S3 needs into .venv"
	@$(UV) pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements-s3.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	@echo "Cairn: installing what its tests need into .venv"
	@$(UV) pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements-dev.txt
	@touch $@
