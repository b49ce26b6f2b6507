"""`import cnpfix`: the three functions, and what they share with the command line."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import cnpfix
from cnpfix import Applicability, CnpfixError, Severity
from tests.cli.support import cnpfix as command_line

ROOT = Path(__file__).parents[2]


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "examples" / "mesh", tmp_path / "mesh")
    monkeypatch.chdir(tmp_path / "mesh")
    return tmp_path / "mesh"


def test_check_finds_what_the_command_line_finds(mesh: Path) -> None:
    report = json.loads(command_line("--format", "json").out)
    result = cnpfix.check()
    assert [(each.id, each.file, each.line) for each in result.findings] == [
        (each["id"], each["file"], each["line"]) for each in report["findings"]
    ]
    assert (result.policies, result.from_version, result.to_version) == (report["summary"]["policies"], "1.18", "1.19")
    assert not result.ok and result.errors == ()


def test_a_finding_has_its_place_its_trust_and_its_flows(mesh: Path) -> None:
    (finding,) = cnpfix.check(mesh / "clusters", select=["CNP005"]).findings
    assert (finding.id, finding.kind, finding.namespace, finding.name) == (
        "missing-namespace",
        "CiliumNetworkPolicy",
        "shop",
        "allow-metrics",
    )
    assert (finding.severity, finding.applicability, finding.fixed) == (Severity.WARNING, Applicability.EVIDENT, True)
    assert any("monitoring" in flow for flow in finding.opens)


def test_check_previews_and_fix_writes(mesh: Path) -> None:
    (change,) = cnpfix.check("clusters", select=["missing-namespace"]).changes
    file = Path(change.path)
    assert file.read_text() == change.before != change.after
    assert "+            k8s:io.kubernetes.pod.namespace: monitoring\n" in change.diff
    subprocess.run(["git", "apply", "--check", "-"], input=change.diff, text=True, check=True)
    assert cnpfix.fix("clusters", select=["missing-namespace"]).changes == (change,)
    assert file.read_text() == change.after
    assert cnpfix.check("clusters", select=["missing-namespace"]).ok


def test_fix_says_which_file_cannot_be_written(mesh: Path) -> None:
    (change,) = cnpfix.check("clusters", select=["missing-namespace"]).changes
    Path(change.path).chmod(0o444)
    result = cnpfix.fix("clusters", select=["missing-namespace"])
    assert result.changes == () and not result.findings[0].fixed
    assert [error.path for error in result.errors] == [change.path]
    assert not result.ok


def test_one_broken_file_leaves_the_others(mesh: Path) -> None:
    before = cnpfix.check("clusters").findings
    Path("clusters/broken.yaml").write_text("kind: CiliumNetworkPolicy\nspec: [\n")
    result = cnpfix.check("clusters")
    assert result.findings == before
    assert [error.path for error in result.errors] == ["clusters/broken.yaml"]


def test_impact_names_what_the_upgrade_changes_and_what_is_left(mesh: Path) -> None:
    found = cnpfix.impact(from_version="1.18", to_version="1.19")
    report = json.loads(command_line("impact", "--format", "json", "--from", "1.18", "--to", "1.19").out)
    assert {(each.file, each.name) for each in found.policies} == {
        (each["file"], each["name"]) for each in report["policies"]
    }
    assert any(each.upgrade.closes and not each.after_fixes.closes for each in found.policies)


def test_impact_of_a_rewrite_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples" / "four-mistakes")
    (policy,) = cnpfix.impact("other-namespace/after.yaml", before="other-namespace/before.yaml").policies
    assert any("namespace monitoring" in flow for flow in policy.after_fixes.opens)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"to_version": "9.9"}, "9.9"),
        ({"select": ["no-such-pass"]}, "no-such-pass"),
        ({"select": "CNP005"}, "expected a list"),
        ({"ignore": ["CNP999"]}, "CNP999"),
        ({"config": "missing.toml"}, "missing.toml"),
        ({"inventories": ["missing.json"]}, "missing.json"),
    ],
)
def test_a_call_that_cannot_begin(mesh: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(CnpfixError, match=message) as caught:
        cnpfix.check(**arguments)
    assert "\n" not in str(caught.value)


def test_a_path_that_is_not_there(mesh: Path) -> None:
    result_or_error: object
    try:
        result_or_error = cnpfix.check("nowhere").errors
    except CnpfixError as error:
        result_or_error = error
    assert "nowhere" in str(result_or_error)


def test_what_is_not_checked_and_what_the_configuration_warns_of(mesh: Path) -> None:
    assert cnpfix.check().not_checked == cnpfix.check().warnings == ()
    Path("cnpfix.toml").write_text('exclude = ["nowhere/**"]\n')
    result = cnpfix.check()
    assert result.not_checked == ("CNP004, CNP006 (no mesh known; cnpfix init)",)
    (warning,) = result.warnings
    assert "nowhere/**" in warning


def test_python_m_cnpfix_is_the_command() -> None:
    ran = subprocess.run([sys.executable, "-m", "cnpfix", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"cnpfix {cnpfix.__version__}\n"


def test_what_the_library_returns_is_its_own_or_an_enum() -> None:
    """The library's types may not lead into the insides, which change."""
    assert set(cnpfix.__all__) >= {"check", "fix", "impact"}
    tree = ast.parse((ROOT / "cnpfix" / "types.py").read_text())
    imported = {
        f"{node.module}.{alias.name}" for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert {name for name in imported if name.startswith("rewriter")} == {
        "rewriter.finding.Applicability",
        "rewriter.finding.Severity",
    }


def test_the_command_line_is_not_needed() -> None:
    """A program that imports the library pays for no command line."""
    code = "import sys, cnpfix; cnpfix.check('examples/mesh'); sys.exit('typer' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_dependencies_are_those_that_are_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    declared = {re.split(r"[<>=!~;\[ ]", each)[0].lower() for each in wanted}
    distributions = {"yaml": "pyyaml", "ruamel": "ruamel.yaml"}
    imported = set()
    for path in [*(ROOT / "rewriter").rglob("*.py"), *(ROOT / "cnpfix").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            imported |= {name.split(".")[0] for name in names}
    foreign = imported - sys.stdlib_module_names - {"rewriter", "cnpfix"}
    assert {distributions.get(name, name) for name in foreign} == declared
