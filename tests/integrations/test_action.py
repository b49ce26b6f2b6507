"""The GitHub action's script, run as a process outside GitHub with its variables set."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rewriter.cache import default_folder
from tests.samples import MESH, POLICY

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "integrations" / "github" / "run.sh"
CNPFIX = Path(sys.executable).with_name("cnpfix")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "a policy.yaml").write_text(POLICY)
    (tmp_path / "cnpfix.toml").write_text(MESH)
    return tmp_path


def _run(repository: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("INPUT_", "GITHUB_"))}
    environment |= {"CNPFIX": str(CNPFIX), "INPUT_PYTHON": sys.executable}
    environment |= {
        "GITHUB_OUTPUT": str(repository / "output.txt"),
        "GITHUB_STEP_SUMMARY": str(repository / "summary.md"),
    }
    environment |= {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
    return subprocess.run(
        ["bash", str(SCRIPT)], cwd=repository, env=environment, capture_output=True, text=True, check=False
    )


def test_check_annotates_and_fails(repository: Path) -> None:
    done = _run(repository, sarif_file="found.sarif")
    assert done.returncode == 1
    assert done.stdout.startswith("::warning file=a policy.yaml,line=10,")
    assert "CNP004 cluster-entity" in done.stdout
    output = dict(line.split("=", 1) for line in (repository / "output.txt").read_text().splitlines())
    assert output == {"findings": "1", "fixable": "1", "sarif-file": "found.sarif"}
    assert json.loads((repository / "found.sarif").read_text())["runs"][0]["results"][0]["ruleId"] == "CNP004"
    assert "cluster-entity" in (repository / "summary.md").read_text()
    assert (repository / "a policy.yaml").read_text() == POLICY


def test_the_token_is_for_requests_alone_and_actions_are_pinned() -> None:
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    with_token = [step for step in steps if "token" in str(step.get("env", {})).lower()]
    assert [step["if"] for step in with_token] == ["${{ inputs.mode == 'pr' }}"]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each) for each in used)
    assert not any("token" in str(step.get("with", {})).lower() for step in steps)


def test_what_the_action_installs_is_told_by_its_digest() -> None:
    script = SCRIPT.read_text()
    installs = [line.strip() for line in script.splitlines() if line.strip().startswith('"${pip[@]}"')]
    assert installs
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)
    assert script.count("-m pip install") == 1, "by no other line"
    listed = (ROOT / "integrations/github/requirements.txt").read_text().replace("\\\n", "").splitlines()
    packages = [line for line in listed if line and not line.startswith((" ", "#"))]
    assert packages and all(re.search(r"==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", each) for each in packages)


def test_the_cache_of_the_user_is_kept_and_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = (step for step in action["runs"]["steps"] if step.get("uses", "").startswith("actions/cache@"))
    assert Path(step["with"]["path"]).expanduser() == default_folder()
    assert "inputs.cache == 'true'" in step["if"] and action["inputs"]["cache"]["default"] == "true"
    # No run finds its own key; each takes the newest of its branch.
    assert step["with"]["key"].startswith(step["with"]["restore-keys"].split()[0])


def test_annotations_stay_within_what_github_shows(repository: Path) -> None:
    for number in range(25):
        (repository / f"p{number}.yaml").write_text(POLICY)
    done = _run(repository)
    lines = done.stdout.splitlines()
    assert len([line for line in lines if line.startswith("::warning ")]) == 10
    assert lines[-2:] == [
        "16 more have no annotation; the job's summary and the SARIF file have them all",
        "26 policies in 26 files, 26 findings",
    ]


def test_report_does_not_fail_for_findings(repository: Path) -> None:
    assert _run(repository, mode="report").returncode == 0


def test_what_cannot_be_read_fails_a_report_too(repository: Path) -> None:
    (repository / "broken.yaml").write_text("kind: CiliumNetworkPolicy\n a: [\napiVersion: cilium.io/v2\n")
    done = _run(repository, mode="report")
    assert done.returncode == 2
    assert "::error file=broken.yaml" in done.stdout


def test_paths_are_names_whatever_they_hold(repository: Path) -> None:
    done = _run(repository, paths="$(touch pwned)\na policy.yaml\n`touch pwned`; touch pwned")
    assert done.returncode == 2
    assert "$(touch pwned)" in done.stderr
    assert not (repository / "pwned").exists()


def test_the_schedule_example_runs_the_action_as_far_as_it_goes_without_github(repository: Path) -> None:
    """The step of requests, with the inputs of the example and the defaults of the action, on a checkout of git."""
    job = yaml.safe_load((ROOT / "examples" / "schedule" / "github.yml").read_text())["jobs"]["cnpfix"]
    given = next(step["with"] for step in job["steps"] if step["uses"].startswith("cnpfix/"))
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    known = {name: str(given.get(name, field.get("default", ""))) for name, field in action["inputs"].items()}
    known["args"] += "--dry-run\n"
    (step,) = (each for each in action["runs"]["steps"] if each.get("if") == "${{ inputs.mode == 'pr' }}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("INPUT_", "GITHUB_"))}
    environment |= {"CNPFIX": str(CNPFIX)}
    for name, value in step["env"].items():
        written = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value)
        environment[name] = known[written[1]] if written else str(ROOT)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    environment |= {"GITHUB_TOKEN": "", "INPUT_PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", "-c", step["run"]], cwd=repository, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "would open" in done.stdout and "1 request: 1 would open." in done.stdout
    assert "cnpfix/1.19" in done.stdout and "shop" in done.stdout
    assert (repository / "a policy.yaml").read_text() == POLICY


def test_versions_and_further_arguments_are_passed_on(repository: Path) -> None:
    done = _run(repository, args="--ignore\ncluster-entity", to="1.18")
    assert (done.returncode, done.stdout) == (0, "1 policy in 1 file, nothing to report\n")


def test_unknown_mode_is_one_clear_line(repository: Path) -> None:
    done = _run(repository, mode="fix")
    assert done.returncode == 2
    assert done.stderr == "cnpfix: mode: expected check, report or pr, not 'fix'\n"


def test_every_input_reaches_the_script() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    steps = [step for step in action["runs"]["steps"] if "run" in step]
    used = set(re.findall(r"inputs\.([a-z-]+)", json.dumps(action["runs"])))
    assert used == set(action["inputs"])
    assert all("${{" not in step["run"] for step in steps)
    read = set(re.findall(r"\b(INPUT_[A-Z_]+)", SCRIPT.read_text()))
    assert {name for step in steps for name in step["env"] if name.startswith("INPUT_")} == read
    # Every step but the installing one hands over all of it; the SARIF file is no matter of requests.
    assert {name for name in steps[1]["env"] if name.startswith("INPUT_")} == read
    assert read - set(steps[2]["env"]) == {"INPUT_SARIF_FILE"}


def test_hooks_run_what_they_say() -> None:
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert hooks["cnpfix-check"]["entry"] == "cnpfix --check"
    assert hooks["cnpfix"]["entry"] == "cnpfix --write"


@pytest.mark.parametrize("path", ["integrations/gitlab/cnpfix.yml", "examples/schedule/github.yml"])
def test_templates_are_yaml(path: str) -> None:
    assert isinstance(yaml.safe_load((ROOT / path).read_text()), dict)
