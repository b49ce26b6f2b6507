"""Every option of the fixer, in every spelling."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rewriter.cli.commands import COMMANDS
from tests.cli import process
from tests.cli.support import cnpfix
from tests.contract.conftest import manifest


def report(*arguments: str, stdin: bytes = b"") -> dict[str, Any]:
    """The JSON report of a run."""
    loaded: dict[str, Any] = json.loads(cnpfix("--format", "json", *arguments, stdin=stdin).out)
    return loaded


def found(*arguments: str) -> set[str]:
    """The ids of the findings of a run."""
    return {item["id"] for item in report(*arguments)["findings"]}


def files(*arguments: str) -> list[str]:
    """The files of the findings of a run, in order."""
    return list(dict.fromkeys(item["file"] for item in report(*arguments)["findings"]))


ALL = {"cluster-entity", "internal-cidr", "missing-namespace", "implicit-cluster"}


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ((), ALL),
        (("--select", "cluster-entity,internal-cidr", "--select", "missing-namespace"), ALL - {"implicit-cluster"}),
        (("--select", "CNP004, cnp003", "--select=CNP005"), ALL - {"implicit-cluster"}),
        (("--ignore", "cluster-entity,CNP003", "--ignore", "implicit-cluster"), {"missing-namespace"}),
        (("--select", "CNP004,CNP003", "--ignore=internal-cidr"), {"cluster-entity"}),
    ],
)
def test_select_and_ignore_in_every_spelling(mesh: Path, arguments: tuple[str, ...], left: set[str]) -> None:
    assert found(*arguments) == left


@pytest.mark.parametrize(
    ("arguments", "versions"),
    [
        ((), ("1.18", "1.19")),
        (("--to", "1.20"), ("1.19", "1.20")),
        (("--to=1.17",), ("1.16", "1.17")),
        (("--from", "1.16"), ("1.16", "1.17")),
        (("--from", "1.15", "--to", "1.16"), ("1.15", "1.16")),
    ],
)
def test_default_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], versions: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tool = report(*arguments)["tool"]
    assert (tool["from"], tool["to"]) == versions


def test_several_paths_and_each_file_once(mesh: Path) -> None:
    asked = ("clusters/a/entity.yaml", "legacy", "clusters/a/cidr.yaml", "./clusters/a/entity.yaml")
    assert report(*asked)["summary"]["files"] == 3
    assert sorted(files(*asked)) == ["clusters/a/cidr.yaml", "clusters/a/entity.yaml"]


@pytest.mark.parametrize("name", ["verdict", "passes", "fix", "init"])
def test_a_path_with_the_name_of_a_command(mesh: Path, name: str) -> None:
    (mesh / name).mkdir()
    (mesh / name / "entity.yaml").write_text(manifest("named"))
    assert files(f"./{name}") == [f"{name}/entity.yaml"]
    assert files("--dry-run", name) == [f"{name}/entity.yaml"], "after an option it is a path"


def test_only_listed_commands_are_commands(mesh: Path) -> None:
    """`fix` is no command: it must not be taken for one that fixes everything."""
    ran = cnpfix("fix", "--write")
    assert (ran.code, ran.out) == (2, "")
    assert "fix: no such file or folder" in ran.err
    assert manifest("entity") == (mesh / "clusters/a/entity.yaml").read_text()


def test_an_empty_path_is_not_the_working_folder(mesh: Path) -> None:
    """A variable of a script that is not set."""
    ran = cnpfix("--write", "")
    assert (ran.code, ran.out) == (2, "")
    assert "no such file or folder" in ran.err
    assert manifest("entity") == (mesh / "clusters/a/entity.yaml").read_text()


def test_the_nearest_config_counts_from_the_path_not_from_here(mesh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = mesh / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert "cluster-entity" in found("../clusters/a")
    nearer = mesh / "clusters" / "cnpfix.toml"
    nearer.write_text('ignore = ["cluster-entity"]\n')
    assert "cluster-entity" not in found("../clusters/a/entity.yaml")
    assert "cluster-entity" in found("--config", "../cnpfix.toml", "../clusters/a/entity.yaml")


def test_pyproject_toml(mesh: Path) -> None:
    (mesh / "cnpfix.toml").rename(mesh / "config")
    (mesh / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.cnpfix]\nto = "1.20"\nignore = ["CNP004"]\n')
    assert report("clusters")["tool"]["to"] == "1.20"
    assert "cluster-entity" not in found("clusters")


def test_stdin(mesh: Path) -> None:
    """`-` alone and with --write writes the result, else the report; the name decides on rules of paths."""
    text = manifest("legacy", "    - fromCIDR: [10.0.0.0/8]\n").encode()
    for mode in ((), ("--write",)):
        ran = cnpfix(*mode, "--stdin-filename", "clusters/a/in.yaml", "-", stdin=text)
        assert ran.code == 0
        assert "values: [cluster-a]" in ran.out
        assert "clusters/a/in.yaml" in ran.err
    assert cnpfix("--stdin-filename", "legacy/in.yaml", "-", stdin=text).out == text.decode()
    assert not (mesh / "clusters/a/in.yaml").exists()
    for report_mode, code in (("--dry-run", 0), ("--check", 1)):
        ran = cnpfix(report_mode, "--format", "json", "--stdin-filename", "clusters/a/in.yaml", "-", stdin=text)
        assert (ran.code, json.loads(ran.out)["findings"][0]["file"]) == (code, "clusters/a/in.yaml")
    json_run = cnpfix("--format", "json", "--stdin-filename", "clusters/a/in.yaml", "-", stdin=text)
    assert json.loads(json_run.err)["findings"][0]["file"] == "clusters/a/in.yaml"


def test_processes_and_caches_change_nothing(mesh: Path) -> None:
    plain = cnpfix()
    for arguments in (("-j", "1"), ("-j2",), ("--jobs=2",), ("--no-cache",)):
        assert cnpfix(*arguments) == plain


def test_quiet_shows_no_notes_and_no_summary(mesh: Path) -> None:
    (mesh / "chart.yaml").write_text("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nspec: {{ .Values.spec }}\n")
    loud, quiet = cnpfix(".").out, cnpfix("-q", ".").out
    assert "template" in loud
    assert "--write applies" in loud
    assert "template" not in quiet
    assert "--write applies" not in quiet
    assert cnpfix("--quiet", ".").out == quiet
    assert "+++ b/clusters/a/entity.yaml" in quiet
    assert cnpfix("-q", "chart.yaml").out == ""


def test_verbose_speaks_on_stderr_only(mesh: Path) -> None:
    plain = cnpfix()
    for spelling in ("-v", "-vv", "--verbose"):
        ran = cnpfix(spelling)
        assert ran.out == plain.out
        assert "cnpfix: cluster cluster-a, cnpfix.toml\n" in ran.err
    assert plain.err == ""


def test_colour(mesh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cnpfix("--color", "never").out
    assert cnpfix("--color=auto").out == plain, "no terminal, no colour"
    coloured = cnpfix("--color", "always").out
    assert "\x1b[" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert cnpfix("--color", "auto").out == plain
    assert cnpfix("--color", "always").out == coloured


PARSED: dict[str, Callable[[str], Any]] = {
    "json": lambda text: json.loads(text)["findings"],
    "sarif": lambda text: json.loads(text)["runs"][0]["results"],
    "gitlab": json.loads,
    "junit": lambda text: ElementTree.fromstring(text).findall(".//failure"),
    "github": str.splitlines,
    "markdown": lambda text: [line for line in text.splitlines() if "CNP" in line],
    "text": lambda text: [line for line in text.splitlines() if " warning " in line or " error " in line],
}


@pytest.mark.parametrize("name", PARSED)
def test_every_format_on_stdout_or_in_a_file(mesh: Path, name: str) -> None:
    direct = cnpfix("--format", name)
    last = "cnpfix: 4 policies in 4 files, 4 findings\n" if name == "gitlab" else ""
    assert (direct.code, direct.err) == (0, last), "a report that has no place for it leaves the last line to stderr"
    assert len(PARSED[name](direct.out)) >= 3
    filed = cnpfix("--format", name, "--output", "out")
    assert filed.out == cnpfix().out, "the terminal still gets the text"
    if name != "text":
        assert (mesh / "out").read_text() == direct.out


def test_diff_base_with_paths(mesh: Path) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *arguments], check=True)
    assert files("--diff-base", "HEAD") == []
    with (mesh / "clusters/a/entity.yaml").open("a") as file:
        file.write("# more\n")
    (mesh / "clusters/a/new.yaml").write_text(manifest("new"))
    assert files("--diff-base", "HEAD") == ["clusters/a/entity.yaml", "clusters/a/new.yaml"]
    assert files("--diff-base=main", "clusters/a/new.yaml", "legacy") == ["clusters/a/new.yaml"]


def test_version_and_help_as_a_process(tmp_path: Path) -> None:
    ran = process.cnpfix(tmp_path, "--version")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("cnpfix ")
    commands = {"explain", "passes", "impact", "verdict", "validate", "fleet", "snapshot", "pr", "init", "report"}
    commands |= {"comment", "config", "server"}
    assert set(COMMANDS) == commands
    for command in commands:
        for spelling in ("--help", "-h"):
            helped = cnpfix(command, spelling)
            assert helped.code == 0
            assert f"Usage: cnpfix {command}" in helped.out
    top = cnpfix("-h").out
    assert "Usage: cnpfix [OPTIONS] [PATH]..." in top
    for line in (
        "verdict: whether a flow passes",
        "snapshot: the facts of live clusters",
        "explain: a pass",
    ):
        assert line in top
