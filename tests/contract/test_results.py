"""Exit codes, streams, the JSON report, other commands' machine output, suppression, the example configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewriter.cli.commands import COMMANDS
from tests.cli import process
from tests.cli.support import cnpfix
from tests.contract.conftest import CLUSTER, manifest

FINDING = [
    *("code", "id", "severity", "applicability", "fixed"),
    *("file", "line", "column", "end_line", "end_column", "document"),
    *("kind", "namespace", "name", "route"),
    *("message", "why", "evidence", "patch", "flows", "versions"),
]


def report(*arguments: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(cnpfix("--format", "json", *arguments).out)
    return loaded


def test_the_json_report_has_the_keys_of_the_contract(mesh: Path) -> None:
    (mesh / "clusters/a/broken.yaml").write_text("kind: CiliumNetworkPolicy\nspec: [\n")
    content = report()
    assert list(content) == ["schema", "tool", "summary", "findings", "files", "errors"]
    assert content["schema"] == 1
    assert list(content["summary"])[:5] == ["files", "policies", "findings", "fixed", "errors"]
    assert content["summary"]["findings"] == len(content["findings"])
    assert content["summary"]["errors"] == len(content["errors"]) == 1
    for finding in content["findings"]:
        assert [key for key in finding if key in FINDING] == FINDING
        assert finding["severity"] in ("error", "warning", "note")
        assert finding["applicability"] in ("safe", "evident", "unsafe", "manual")
        assert finding["line"] >= 1
        assert (finding["end_line"], finding["end_column"]) > (finding["line"], finding["column"])
        assert finding["document"] == 0
        assert finding["route"].startswith("/spec/")
        assert {"opened", "closed"} <= set(finding["flows"])
        assert all(operation["op"] in ("add", "replace", "remove", "move") for operation in finding["patch"])
    for changed in content["files"]:
        assert list(changed) == ["path", "changed", "diff"]
        assert changed["diff"].startswith(f"--- a/{changed['path']}\n+++ b/{changed['path']}\n@@")


def test_a_process_reports_on_stdout_and_errs_on_stderr(mesh: Path) -> None:
    (mesh / "clusters/a/broken.yaml").write_text("kind: CiliumNetworkPolicy\nspec: [\n")
    ran = process.cnpfix(mesh, "--write", "--format", "json")
    assert ran.returncode == 2
    assert json.loads(ran.stdout)["summary"]["fixed"] >= 3, "a bad file never stops the others"
    assert ran.stderr.startswith("cnpfix: clusters/a/broken.yaml:")
    assert ran.stderr.count("\n") == 1
    assert "fromEndpoints" in (mesh / "clusters/a/entity.yaml").read_text()


BARE = "    - fromCIDR: [192.0.2.1]\n"
DEAD = "    - fromEntities: [nonsense]\n"
NOTHING = "    - {fromEntities: [world]}\n"


@pytest.mark.parametrize(
    ("rules", "arguments", "code"),
    [
        (NOTHING, (), 0),
        (CLUSTER, (), 1),  # a file would change
        (CLUSTER, ("--ignore", "cluster-entity"), 0),
        (CLUSTER, ("--to", "1.18"), 1),
        (DEAD, (), 1),  # an error that nothing fixes
        (BARE, (), 1),  # the schema of every release refuses it
        (BARE, ("--to", "1.20"), 1),
    ],
)
def test_check(mesh: Path, rules: str, arguments: tuple[str, ...], code: int) -> None:
    path = mesh / "clusters/a/entity.yaml"
    path.write_text(manifest("entity", rules))
    assert cnpfix("--check", *arguments, str(path)).code == code
    assert cnpfix("--dry-run", *arguments, str(path)).code == 0
    assert path.read_text() == manifest("entity", rules)


def test_check_lets_unfixed_warnings_pass(mesh: Path) -> None:
    """With nothing in the config that says who was meant, the finding is a question, not an error."""
    (mesh / "cnpfix.toml").write_text('[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n')
    content = report("clusters/a/entity.yaml")
    assert [(item["severity"], item["fixed"]) for item in content["findings"]] == [("warning", False)]
    assert cnpfix("--check", "clusters/a/entity.yaml").code == 0
    assert cnpfix("--check", "--unsafe-fixes", "clusters/a/entity.yaml").code == 1


def test_write_then_nothing_remains(mesh: Path) -> None:
    assert cnpfix("--write").code == 0
    again = cnpfix("--check")
    assert (again.code, report()["summary"]["fixed"]) == (0, 0)


@pytest.mark.parametrize("each", ["impact", "validate", "report", "verdict", "pr"])
def test_bad_use_of_a_command_is_2_and_one_line(mesh: Path, each: str) -> None:
    ran = cnpfix(each, "--no-such-option")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("cnpfix: ")
    assert ran.err.count("\n") == 1
    assert each in COMMANDS


def test_the_example_configuration(mesh: Path) -> None:
    by_file = {(item["file"], item["id"]): item for item in report()["findings"]}
    assert set(by_file) == {
        ("clusters/a/entity.yaml", "cluster-entity"),
        ("clusters/a/cidr.yaml", "internal-cidr"),
        ("clusters/a/agent.yaml", "missing-namespace"),
        ("clusters/a/agent.yaml", "implicit-cluster"),
    }, "neither vendor/ (exclude) nor internal-cidr in legacy/ (per-path)"
    assert all(item["fixed"] for item in by_file.values())
    assert cnpfix("--write").code == 0
    entity = (mesh / "clusters/a/entity.yaml").read_text()
    assert entity.startswith(manifest("entity"))
    assert "values: [cluster-b]" in entity
    cidr = (mesh / "clusters/a/cidr.yaml").read_text()
    assert "10.0.0.0/8" not in cidr, "internal_cidrs: the range holds nothing but this mesh"
    assert "values: [cluster-a]" in cidr, "the range covers pods of cluster-a, and not its nodes"
    assert "k8s:io.kubernetes.pod.namespace: monitoring" in (mesh / "clusters/a/agent.yaml").read_text()
    assert (mesh / "vendor/entity.yaml").read_text() == manifest("vendored")
    assert "10.0.0.0/8" in (mesh / "legacy/cidr.yaml").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nspec: {{ .Values.spec }}\n",
        "apiVersion: cilium.io/v2\n{% if on %}\nkind: CiliumNetworkPolicy\n{% endif %}\nspec: {{ spec }}\n",
        manifest("helm").replace("[cluster]", "{{ .Values.entities | toYaml }}"),
    ],
)
def test_templates_are_notes(mesh: Path, text: str) -> None:
    (mesh / "chart.yaml").write_text(text)
    ran = cnpfix("--check", "--format", "json", "chart.yaml")
    assert (ran.code, ran.err) == (0, "")
    [finding] = json.loads(ran.out)["findings"]
    assert (finding["severity"], finding["applicability"], finding["fixed"]) == ("note", "manual", False)
    assert cnpfix("--write", "chart.yaml").code == 0
    assert (mesh / "chart.yaml").read_text() == text


def test_a_template_without_a_policy_is_nothing(mesh: Path) -> None:
    (mesh / "chart.yaml").write_text("{{- if .Values.on }}\nkind: Deployment\n{{ end }}\n")
    assert cnpfix("chart.yaml").out.endswith("\n\nno policies found in 1 file under chart.yaml\n")


TWO = manifest("one") + "---\n" + manifest("two")


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        ("[cluster]\n", "[cluster]  # cnpfix: ignore[cluster-entity]\n", {"two"}),
        ("[cluster]\n", "[cluster]  # cnpfix: ignore[internal-cidr, CNP004]\n", {"two"}),
        ("    - from", "    # cnpfix: ignore[cluster-entity]\n    - from", {"two"}),
        ("apiVersion", "# cnpfix: ignore[cluster-entity]\napiVersion", {"two"}),
        ("apiVersion", "# cnpfix: ignore\napiVersion", {"two"}),
        ("[cluster]\n", "[cluster]  # cnpfix: ignore\n", {"two"}),
        ("---\n", "---\n# cnpfix: ignore[cluster-entity]\n", {"one"}),
        ("apiVersion", "# cnpfix: ignore-file\napiVersion", set()),
        ("---\n", "---\n# cnpfix: ignore-file\n", set()),
    ],
)
def test_suppression_in_every_place(mesh: Path, old: str, new: str, left: set[str]) -> None:
    path = mesh / "clusters/a/two.yaml"
    path.write_text(TWO.replace(old, new, 1))
    findings = report(str(path))["findings"]
    assert {item["name"] for item in findings if item["id"] == "cluster-entity"} == left
    assert cnpfix("--write", str(path)).code == 0
    assert path.read_text().count("fromEndpoints") == len(left)


@pytest.mark.parametrize("comment", ["# cnpfix: ignore", "# cnpfix: ignore[cluster-entity]", "# cnpfix: ignore-file"])
def test_a_suppression_that_silences_nothing_is_a_finding(mesh: Path, comment: str) -> None:
    path = mesh / "clusters/a/entity.yaml"
    path.write_text(comment + "\n" + manifest("entity", NOTHING))
    [finding] = report(str(path))["findings"]
    assert (finding["id"], finding["line"], finding["fixed"]) == ("unused-suppression", 1, False)


def test_validate_as_json(mesh: Path) -> None:
    path = mesh / "clusters/a/entity.yaml"
    path.write_text(manifest("entity", BARE))
    ran = cnpfix("validate", "--format", "json", "--versions", "1.18,1.19", "--versions", "1.20", str(path))
    assert ran.code == 0
    [row] = json.loads(ran.out)
    assert list(row) == [
        *("file", "document", "kind", "namespace", "name"),
        *("accepted", "errors", "schema", "schema_errors"),
    ]
    assert (row["document"], row["kind"], row["namespace"], row["name"]) == (
        0,
        "CiliumNetworkPolicy",
        "shop",
        "entity",
    )
    assert row["accepted"] == {"1.18": True, "1.19": True, "1.20": False}
    assert list(row["errors"]) == ["1.20"]
    assert row["schema"] == {"1.18": "strict", "1.19": "strict", "1.20": "strict"}, "it is not of `format: cidr`"
    assert [len(messages) for messages in row["schema_errors"].values()] == [1, 1, 1]
    assert cnpfix("validate", "--to", "1.20", str(path)).code == 1


def test_junit_fails_until_the_fix_is_written(mesh: Path) -> None:
    """What --check counts, a test report must not call passed."""
    assert 'failures="4"' in cnpfix("--check", "--format", "junit").out
    assert 'failures="0"' in cnpfix("--write", "--format", "junit").out


def test_text_gives_a_reason_and_an_advice_once(mesh: Path) -> None:
    """A hundred files with one mistake are a hundred findings, and one explanation."""
    (mesh / "cnpfix.toml").unlink()
    rule = "    - {fromEndpoints: [{}], authentication: {mode: required}}\n"
    for number in range(3):
        (mesh / f"web{number}.yaml").write_text(manifest(f"web{number}", rule))
    names = [f"web{number}.yaml" for number in range(3)]
    out = cnpfix("--select", "authentication", *names).out
    assert out.count("CNP012 authentication · note · left to you  × 3\n") == 1
    assert "the same in 2 more policies: shop/web1, shop/web2" in out
    unfolded = cnpfix("-v", "--select", "authentication", *names).out
    assert unfolded.count("authentication · note · left to you\n") == 3
    assert unfolded.count("  why ") == 1
    assert unfolded.count("`authentication.enabled`") == 1
    assert unfolded.count("to do   the same as above") == 2
