"""The GitLab template, run by gitlab-ci-local in checkouts as GitLab's runner makes them, against a GitLab on loopback.

`make gitlab` installs it from npm and runs this. It checks the template against GitLab's published schema of pipelines,
evaluates the rules, and runs the jobs' scripts in a shell; what the image is made of is not tested here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rewriter import __version__
from rewriter.bot.token import ALL_VARIABLES
from tests.bot.conftest import FILES, policy
from tests.bot.forges import PROJECT, GitLabApi
from tests.bot.server import TOKEN, Server, change, git, new_project, serving

NODE = Path(os.environ.get("CNPFIX_GITLAB_NODE", "")).absolute() / "node_modules"
ROOT = Path(__file__).parent.parent.parent
TEMPLATE = ROOT / "integrations" / "gitlab" / "cnpfix.yml"
INCLUDE = "include:\n  - local: cnpfix.yml\n"
REPORT = "gl-code-quality-report.json"
JOB_TOKEN = "j0b-token-that-may-not-push"
BRANCH = "cnpfix/1.19"
DEPTH = 20

pytestmark = pytest.mark.skipif(
    not (os.environ.get("CNPFIX_GITLAB_NODE") and NODE.is_dir() and shutil.which("rsync")),
    reason="NOT TESTED: the GitLab template; run `make gitlab` (needs npm and rsync)",
)


@dataclass(frozen=True)
class Pipeline:
    """Runs pipelines of a checkout. `programs` is the folder with pip and Python for the jobs."""

    checkout: Path
    programs: Path
    home: Path

    def run(self, source: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        variables = {"CI_PIPELINE_SOURCE": source, "CI_COMMIT_BRANCH": "main", "CI_JOB_TOKEN": JOB_TOKEN, **variables}
        given = [part for name, value in variables.items() for part in ("--variable", f"{name}={value}")]
        command = [
            str(NODE / ".bin" / "gitlab-ci-local"),
            "--force-shell-executor",
            "--shell-isolation",
            *options,
            *given,
        ]
        done = subprocess.run(
            command, cwd=self.checkout, env=self._environment(), capture_output=True, text=True, check=False
        )
        assert JOB_TOKEN not in done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done

    def report(self) -> list[dict[str, object]]:
        """What the check job leaves for GitLab's code quality."""
        (file,) = self.checkout.glob(f".gitlab-ci-local/builds/*/{REPORT}")
        text = file.read_text()
        assert JOB_TOKEN not in text
        found = json.loads(text)
        assert isinstance(found, list)
        return found

    def _environment(self) -> dict[str, str]:
        foreign = ("CI", "GIT_", "GITLAB_", "CNPFIX_", "PIP_USER")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        kept = {name: value for name, value in kept.items() if name not in ALL_VARIABLES}
        return kept | {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_COLOR": "1",
        }


def _exit_codes(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The exit code of each job that ran."""
    ended = re.findall(
        r"^(cnpfix:\S+)\s+finished in .*?(?:FAIL (\d+))?\s*$", done.stdout + "\n" + done.stderr, re.MULTILINE
    )
    return {name: int(code or 0) for name, code in ended}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, f"--wheel-dir={folder}", str(ROOT)], check=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has pip and nothing else, and an apt-get that must not be needed."""
    folder = tmp_path_factory.mktemp("python")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    _program(folder / "bin" / "apt-get", "echo apt-get was called >&2; exit 1")
    return folder / "bin"


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@dataclass(frozen=True)
class Lab:
    server: Server
    person: Path
    checkout: Path

    @property
    def api(self) -> GitLabApi:
        assert isinstance(self.server.api, GitLabApi)
        return self.server.api

    @property
    def bare(self) -> Path:
        return self.server.repository(PROJECT)

    def secret_url(self) -> str:
        return self.server.url.replace("://", f"://gitlab-ci-token:{JOB_TOKEN}@")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A project on a GitLab, and the runner's checkout of it: the newest commits of a detached head, no branch."""
    files = {**FILES, "cnpfix.yml": TEMPLATE.read_text(), ".gitlab-ci.yml": INCLUDE}
    person = new_project(tmp_path / "repositories", PROJECT, files, tmp_path / "person")
    for number in range(DEPTH):
        git(person, "commit", "--quiet", "--allow-empty", "-m", f"Commit {number}")
    git(person, "push", "--quiet", "origin", "main")
    with serving(tmp_path / "repositories", GitLabApi()) as server:
        checkout = tmp_path / "builds" / PROJECT
        checkout.mkdir(parents=True)
        made = Lab(server, person, checkout)
        git(checkout, "init", "--quiet", "--initial-branch=master", ".")
        git(checkout, "remote", "add", "origin", f"{made.secret_url()}/{PROJECT}.git")
        _update(made)
        yield made


def _update(lab: Lab) -> None:
    """What the runner fetches and checks out at the begin of a job."""
    refspec = "+refs/heads/main:refs/remotes/origin/main"
    git(lab.checkout, "fetch", "--quiet", f"--depth={DEPTH}", "--prune", f"file://{lab.bare}", refspec)
    git(lab.checkout, "checkout", "--quiet", "--force", "--detach", "origin/main")
    assert git(lab.checkout, "rev-list", "--count", "HEAD") == str(DEPTH)


@pytest.fixture
def pipeline(lab: Lab, programs: Path, tmp_path: Path) -> Pipeline:
    return Pipeline(lab.checkout, programs, tmp_path)


@pytest.mark.parametrize(
    ("source", "variables", "jobs"),
    [
        ("merge_request_event", {}, ["cnpfix:check"]),
        ("push", {"CI_COMMIT_BRANCH": "main"}, ["cnpfix:check"]),
        ("push", {"CI_COMMIT_BRANCH": "other"}, []),
        ("schedule", {"GITLAB_TOKEN": TOKEN}, ["cnpfix:merge-request"]),
        ("schedule", {}, []),
    ],
)
def test_when_each_job_runs(pipeline: Pipeline, source: str, variables: dict[str, str], jobs: list[str]) -> None:
    listed = pipeline.run(source, "--list-csv", **variables)
    assert listed.returncode == 0, listed.stderr
    assert [line.split(";")[0] for line in listed.stdout.splitlines() if line.startswith("cnpfix:")] == jobs


def test_it_fits_gitlabs_schema(lab: Lab, pipeline: Pipeline) -> None:
    assert "json schema validated" in pipeline.run("push", "--list").stderr
    file = lab.checkout / "cnpfix.yml"
    file.write_text(file.read_text().replace("when: always", "when: sometimes"))
    refused = pipeline.run("push", "--list")
    assert refused.returncode != 0
    assert "cnpfix:check" in refused.stdout + refused.stderr


def test_the_check_fails_for_findings_and_reports_them(pipeline: Pipeline, wheel: Path) -> None:
    done = pipeline.run("merge_request_event", CNPFIX_VERSION=str(wheel), CNPFIX_TO="1.19")
    assert _exit_codes(done) == {"cnpfix:check": 1}, done.stdout + done.stderr
    (issue,) = pipeline.report()
    assert issue["check_name"] == "CNP004 cluster-entity"
    assert issue["location"] == {"path": "shop/api.yaml", "lines": {"begin": 11, "end": 11}}
    assert {"description", "fingerprint", "severity"} <= issue.keys()


def test_the_check_passes_without_findings(lab: Lab, pipeline: Pipeline, wheel: Path) -> None:
    change(lab.person, {"shop/api.yaml": None}, "No policy")
    _update(lab)
    done = pipeline.run("merge_request_event", CNPFIX_VERSION=str(wheel))
    assert _exit_codes(done) == {"cnpfix:check": 0}, done.stdout + done.stderr
    assert pipeline.report() == []


def test_arguments_and_paths_are_words(lab: Lab, pipeline: Pipeline, wheel: Path) -> None:
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    _update(lab)
    arguments = {"CNPFIX_ARGS": "--from 1.17 --ignore implicit-cluster", "CNPFIX_PATHS": "prod cnpfix.toml"}
    done = pipeline.run("merge_request_event", CNPFIX_VERSION=str(wheel), **arguments)
    assert _exit_codes(done) == {"cnpfix:check": 1}, done.stdout + done.stderr
    assert [issue["location"] for issue in pipeline.report()] == [
        {"path": "prod/db.yaml", "lines": {"begin": 11, "end": 11}}
    ]


def test_an_image_with_cnpfix_in_it_installs_nothing(lab: Lab, pipeline: Pipeline, tmp_path: Path) -> None:
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "cnpfix").symlink_to(Path(sys.executable).with_name("cnpfix"))
    _program(folder / "pip", "echo pip was called >&2; exit 1")
    done = Pipeline(lab.checkout, folder, tmp_path).run("merge_request_event", CNPFIX_VERSION="")
    assert _exit_codes(done) == {"cnpfix:check": 1}, done.stdout + done.stderr
    assert len(pipeline.report()) == 1


def _clean_remote(lab: Lab) -> None:
    git(lab.checkout, "remote", "set-url", "origin", f"{lab.server.url}/{PROJECT}.git")


def _token_in_url(lab: Lab) -> dict[str, str]:
    """A runner's default for long, and what GitLab.com's runners do: `git remote set-url origin $CI_REPOSITORY_URL`."""
    return {}


def _token_in_included_settings(lab: Lab) -> dict[str, str]:
    """A newer runner's default: the URL is clean, and a file that the checkout's settings include rewrites it."""
    _clean_remote(lab)
    file = lab.checkout.parent / "policies.tmp.conf"
    git(lab.checkout, "config", "--file", str(file), *_rewriting(lab, f"/{PROJECT}.git"))
    git(lab.checkout, "config", "include.path", str(file))
    return {}


def _token_of_a_helper(lab: Lab) -> dict[str, str]:
    """With FF_GIT_URLS_WITHOUT_TOKENS: a credential helper in the global settings."""
    _clean_remote(lab)
    file = lab.checkout.parent / "gitconfig"
    helper = '!f() { echo username=gitlab-ci-token; echo "password=$CI_JOB_TOKEN"; }; f'
    git(lab.checkout, "config", "--file", str(file), f"credential.{lab.server.url}.helper", helper)
    return {"GIT_CONFIG_GLOBAL": str(file)}


def _token_in_global_settings(lab: Lab) -> dict[str, str]:
    """What pipelines set up for tools that fetch other repositories."""
    file = lab.checkout.parent / "gitconfig"
    git(lab.checkout, "config", "--file", str(file), *_rewriting(lab, "/"))
    return {"GIT_CONFIG_GLOBAL": str(file)}


def _rewriting(lab: Lab, path: str) -> tuple[str, str]:
    return f"url.{lab.secret_url()}{path}.insteadOf", f"{lab.server.url}{path}"


#: Lays the job's token out, and gives the variables that the job has because of it.
Credentials = Callable[[Lab], dict[str, str]]

CREDENTIALS: list[Credentials] = [
    _token_in_url,
    _token_in_included_settings,
    _token_of_a_helper,
    _token_in_global_settings,
]


@pytest.mark.parametrize("credentials", CREDENTIALS, ids=lambda function: function.__name__.strip("_"))
def test_a_schedule_opens_one_merge_request(
    lab: Lab, pipeline: Pipeline, wheel: Path, monkeypatch: pytest.MonkeyPatch, credentials: Credentials
) -> None:
    """By the bot's own token, wherever the runner left the job's, which the server lets nobody push with."""
    monkeypatch.setenv("PIP_FIND_LINKS", f"{wheel.parent} {os.environ.get('PIP_FIND_LINKS', '')}")
    given = {"CNPFIX_VERSION": f"cnpfix=={__version__}", "GITLAB_TOKEN": TOKEN, **credentials(lab)}
    done = pipeline.run("schedule", CNPFIX_TO="1.19", **given)
    assert _exit_codes(done) == {"cnpfix:merge-request": 0}, done.stdout + done.stderr
    request = lab.api.request(BRANCH)
    assert (request.base, request.number) == ("main", 1)
    assert set(lab.server.pushes_by) == {"oauth2"}
    assert git(lab.bare, "diff", "--name-only", "main", BRANCH) == "shop/api.yaml"
    pushed = git(lab.bare, "log", "-p", "--format=raw", f"main..{BRANCH}")
    assert JOB_TOKEN not in pushed + json.dumps([call.body for call in lab.server.calls])


def test_the_next_schedule_keeps_it_up_to_date(lab: Lab, pipeline: Pipeline, wheel: Path) -> None:
    given = {"CNPFIX_VERSION": str(wheel), "GITLAB_TOKEN": TOKEN}
    assert "opened" in pipeline.run("schedule", **given).stdout
    assert "unchanged" in pipeline.run("schedule", **given).stdout
    base = change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    _update(lab)
    assert "updated" in pipeline.run("schedule", **given).stdout
    assert git(lab.bare, "rev-parse", f"{BRANCH}^") == base
    assert len(lab.api.requests) == 1


def test_a_clone_from_another_name_of_the_server(lab: Lab, pipeline: Pipeline, wheel: Path) -> None:
    """A runner's `clone_url`, inside of a cluster for example: the API is still where the pipeline says."""
    other = lab.secret_url().replace("127.0.0.1", "localhost")
    git(lab.checkout, "remote", "set-url", "origin", f"{other}/{PROJECT}.git")
    place = {"CI_SERVER_URL": lab.server.url, "CI_API_V4_URL": f"{lab.server.url}/api/v4"}
    done = pipeline.run("schedule", CNPFIX_VERSION=str(wheel), GITLAB_TOKEN=TOKEN, **place)
    assert _exit_codes(done) == {"cnpfix:merge-request": 0}, done.stdout + done.stderr
    assert lab.api.request(BRANCH).number == 1


def test_a_token_that_is_refused_fails_the_job(lab: Lab, pipeline: Pipeline, wheel: Path) -> None:
    done = pipeline.run("schedule", CNPFIX_VERSION=str(wheel), GITLAB_TOKEN="wr0ng")
    assert _exit_codes(done) == {"cnpfix:merge-request": 2}
    assert "refused the credentials (GITLAB_TOKEN)" in done.stdout + done.stderr
    assert "wr0ng" not in done.stdout + done.stderr
