"""The contract of `cnpfix [PATH]...`: modes, exit codes, stdin, selection, suppression, bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import samples
from tests.cli.support import cnpfix
from tests.samples import ADDED, MESH

POLICY = "# Who may call the API.\n" + samples.POLICY
FIXED = POLICY + ADDED


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config of a mesh and one policy that needs a fix, as the working folder."""
    (tmp_path / "cnpfix.toml").write_text(MESH)
    (tmp_path / "api.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_dry_run_is_the_default_and_changes_nothing(repository: Path) -> None:
    ran = cnpfix()
    assert ran.code == 0
    assert "CNP004 cluster-entity" in ran.out
    assert "+    - fromEndpoints:" in ran.out
    assert "\x1b" not in ran.out, "no colour where no terminal is"
    assert max(map(len, ran.out.splitlines())) <= 80
    assert (repository / "api.yaml").read_text() == POLICY
    assert cnpfix("--dry-run", ".").out == ran.out


def test_a_file_without_a_suffix_is_read_where_it_is_named(repository: Path) -> None:
    (repository / "api.yaml").rename("policy")
    assert "CNP004" not in cnpfix(".").out
    assert "CNP004 cluster-entity" in cnpfix("policy").out


def test_write_applies_and_a_second_run_has_nothing_to_report(repository: Path) -> None:
    ran = cnpfix("--write")
    assert (ran.code, ran.err) == (0, "")
    assert (repository / "api.yaml").read_text() == FIXED
    again = cnpfix("--write")
    assert (again.code, again.err) == (0, "")
    assert again.out.endswith("\n\n1 policy in 1 file, nothing to report\n")


def test_check_fails_until_it_is_fixed(repository: Path) -> None:
    assert cnpfix("--check").code == 1
    assert (repository / "api.yaml").read_text() == POLICY
    assert cnpfix("--write").code == 0
    assert cnpfix("--check").code == 0


def test_json_report(repository: Path) -> None:
    report = json.loads(cnpfix("--format", "json").out)
    assert list(report) == ["schema", "tool", "summary", "findings", "files", "errors"]
    assert report["schema"] == 1
    words = {"run": "1 policy in 1 file, 1 finding"}
    assert report["summary"] == {"files": 1, "policies": 1, "findings": 1, "fixed": 1, "errors": 0, **words}
    [finding] = report["findings"]
    assert {key: finding[key] for key in ("code", "id", "file", "line", "document", "kind", "namespace", "name")} == {
        "code": "CNP004",
        "id": "cluster-entity",
        "file": "api.yaml",
        "line": 11,
        "document": 0,
        "kind": "CiliumNetworkPolicy",
        "namespace": "shop",
        "name": "api",
    }
    assert finding["patch"][0]["op"] == "add"
    assert set(finding["flows"]) == {"opened", "closed", "upgrade"}
    [changed] = report["files"]
    assert (changed["path"], changed["changed"]) == ("api.yaml", True)
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "apply", "-"], input=changed["diff"].encode(), check=True)
    assert (repository / "api.yaml").read_text() == FIXED, "the diff in the report applies"


def test_a_report_goes_to_a_pipe_that_is_read_and_waits_for_nobody(repository: Path) -> None:
    pipe = repository / "report"
    os.mkfifo(pipe)
    ran = cnpfix("--format", "json", "--output", "report")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith("cnpfix: report: is a named pipe that nothing reads; start its reader first")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert cnpfix("--format", "concise", "--output", "report").code == 0
        assert b"CNP004" in os.read(reader, 1 << 16)
    finally:
        os.close(reader)


def test_output_file_keeps_text_on_the_terminal(repository: Path) -> None:
    ran = cnpfix("--format", "json", "--output", "report.json")
    assert "CNP004 cluster-entity" in ran.out
    assert json.loads((repository / "report.json").read_text())["schema"] == 1


def test_stdin_to_stdout(repository: Path) -> None:
    ran = cnpfix("--stdin-filename", "api.yaml", "-", stdin=POLICY.encode())
    assert ran.out == FIXED
    assert "CNP004" in ran.err
    assert (repository / "api.yaml").read_text() == POLICY


def test_stdin_that_cannot_be_parsed_comes_back(repository: Path) -> None:
    broken = b"kind: CiliumNetworkPolicy\nspec: [\n"
    ran = cnpfix("-", stdin=broken)
    assert (ran.code, ran.out) == (2, broken.decode())
    assert "stdin.yaml:2: is not valid YAML" in ran.err


def test_json_with_surrogate_pairs_is_fixed_around_them(repository: Path) -> None:
    """As JSON writers that keep to ASCII write an annotation."""
    policy = json.dumps(
        {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {"name": "api", "namespace": "shop", "annotations": {"team": "🐝 core"}},
            "spec": {"endpointSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]},
        },
        indent=2,
    )
    (repository / "api.yaml").unlink()
    (repository / "api.json").write_text(policy)
    ran = cnpfix("--write")
    assert (ran.code, ran.err) == (0, "")
    fixed = (repository / "api.json").read_text()
    assert fixed.startswith(policy[: policy.index('"spec"')])
    assert r'"\ud83d\udc1d core"' in fixed
    assert "cluster-b" in fixed


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_stdin_without_findings_is_untouched(repository: Path, line_end: str) -> None:
    text = FIXED.replace("\n", line_end)
    ran = cnpfix("-", stdin=text.encode())
    assert ran.out == text


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--select", "cluster-entity"], True),
        (["--select", "CNP004"], True),
        (["--select", "cnp004,CNP006"], True),
        (["--select", "implicit-cluster"], False),
        (["--ignore", "CNP004"], False),
        (["--select", "CNP004", "--ignore", "cluster-entity"], False),
    ],
)
def test_select_and_ignore(repository: Path, arguments: list[str], found: bool) -> None:
    assert ("CNP004" in cnpfix(*arguments).out) is found


@pytest.mark.parametrize(
    ("change", "silent"),
    [
        (("- cluster   # all of us", "- cluster   # cnpfix: ignore"), True),
        (("- cluster   # all of us", "- cluster   # cnpfix: ignore[cluster-entity]"), True),
        (("- cluster   # all of us", "- cluster   # cnpfix: ignore[CNP004]"), True),
        (("- cluster   # all of us", "- cluster   # cnpfix: ignore[internal-cidr]"), False),
        (("    - fromEntities", "    # cnpfix: ignore[cluster-entity]\n    - fromEntities"), True),
        (("  ingress:", "  # cnpfix: ignore[cluster-entity]\n  ingress:"), True),
        (("  endpointSelector", "  # cnpfix: ignore[cluster-entity]\n  endpointSelector"), False),
        (("# Who may call the API.", "# cnpfix: ignore"), True),
        (("        - cluster ", "        # cnpfix: ignore-file\n        - cluster "), True),
    ],
)
def test_suppression_comments(repository: Path, change: tuple[str, str], silent: bool) -> None:
    (repository / "api.yaml").write_text(POLICY.replace(*change))
    ran = cnpfix()
    assert ("CNP004" not in ran.out) is silent
    assert ("unused-suppression" in ran.out) is not silent or "internal-cidr" in change[1]


def test_a_suppression_counts_where_an_alias_shows_the_rule(repository: Path) -> None:
    text = (
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: api, namespace: shop}\nspec:\n"
        "  endpointSelector: {}\n  ingress:\n  - fromEntities: &all\n    - cluster\n"
        "  - fromEntities: *all # cnpfix: ignore[cluster-entity]\n    icmps: [{fields: [{type: 8}]}]\n"
    )
    (repository / "api.yaml").write_text(text)
    report = json.loads(cnpfix("--select", "cluster-entity", "--format", "json").out)
    assert [(finding["id"], finding["line"]) for finding in report["findings"]] == [("cluster-entity", 8)]


def test_an_unused_suppression_is_told(repository: Path) -> None:
    (repository / "api.yaml").write_text(FIXED.replace("# all of us", "# cnpfix: ignore[implicit-cluster]"))
    ran = cnpfix("--select", "implicit-cluster")
    assert "unused-suppression" in ran.out
    assert "unused-suppression" not in cnpfix("--select", "internal-cidr").out, "its pass did not run"


BAD_FILES = {
    "truncated.yaml": (b"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nspec: {endpoint", "truncated.yaml:3: "),
    "binary.yaml": (b"kind: CiliumNetworkPolicy\x00\x01", "binary.yaml:1: holds NUL characters"),
    "latin.yaml": (b"kind: CiliumNetworkPolicy\n# caf\xe9\n", "latin.yaml:2: is not UTF-8 text"),
    "utf16.yaml": ("kind: CiliumNetworkPolicy".encode("utf-16"), "utf16.yaml:1: is UTF-16 text"),
    "deep.yaml": (b"kind: CiliumNetworkPolicy\nspec: " + b"[" * 30_000, "deep.yaml:2: is nested more than 200 deep"),
    "twice.yaml": (b"kind: CiliumNetworkPolicy\nspec: 1\nspec: 2\n", "on lines 2 and 3"),
    "bomb.yaml": (
        b"kind: CiliumNetworkPolicy\na: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 10)) for n in range(9)),
        "grows too large when its aliases are expanded",
    ),
    "loop.yaml": (b"kind: CiliumNetworkPolicy\na: &a [*a]\n", "loop.yaml:2: contains itself through anchor 'a'"),
    "tab.yaml": (b"kind: CiliumNetworkPolicy\nspec:\n\tx: 1\n", "tab.yaml:3: "),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_one_line_and_the_others_are_done(repository: Path, name: str) -> None:
    content, says = BAD_FILES[name]
    (repository / name).write_bytes(content)
    ran = cnpfix("--write")
    assert ran.code == 2
    assert ran.err.startswith("cnpfix: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert (repository / "api.yaml").read_text() == FIXED, "the other file is done"
    assert (repository / name).read_bytes() == content, "the bad one is as it was"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--wirte"], "no such option: --wirte"),
        (["nowhere/"], "nowhere: no such file or folder"),
        (["--write", "--check"], "exclude each other"),
        (["--select", "cluster-entitty"], "--select cluster-entitty: no such pass; did you mean 'cluster-entity'?"),
        (["--select", ""], "--select: expected the id or code of a pass, not ''; `cnpfix passes` lists them"),
        (["--select", "CNP004", "--select", " , "], "--select: expected the id or code of a pass, not ' , '"),
        (["--ignore", ""], "--ignore: expected the id or code of a pass, not ''"),
        (["report", "--select", ""], "--select: expected the id or code of a pass"),
        (["--to", "1.99"], "Cilium version '1.99' is not known; use one of 1.15,"),
        (["--from", "1.20", "--to", "1.19"], "--from 1.20 is newer than --to 1.19"),
        (["--config", "nowhere.toml"], "nowhere.toml: cannot be read: No such file"),
        (["--inventory", "nowhere.json"], "nowhere.json: cannot be read: No such file"),
        (["--diff-base", "main"], "--diff-base main: git knows no such revision here"),
        (["-", "api.yaml"], "`-` stands alone"),
        (["--format", "xml"], "'xml' is not one of"),
        (["explain", "nothing"], "explain nothing: no such pass"),
    ],
)
def test_wrong_use_is_one_line(repository: Path, arguments: list[str], says: str) -> None:
    ran = cnpfix(*arguments)
    assert ran.code == 2
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("cnpfix: ")


def test_a_bad_config_key_names_file_and_key(repository: Path) -> None:
    (repository / "cnpfix.toml").write_text("clusterz = []\n")
    ran = cnpfix()
    assert ran.code == 2
    assert "cnpfix.toml:1: clusterz: unknown key; did you mean 'clusters'?" in ran.err


def test_templates_are_notes_not_errors(repository: Path) -> None:
    text = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nspec: {{ .Values.spec }}\n"
    (repository / "chart.yaml").write_text(text)
    ran = cnpfix("chart.yaml")
    assert (ran.code, ran.err) == (0, "")
    assert "holds a policy in a template" in ran.out


def test_policies_in_quoted_texts_of_other_kinds_are_fixed_in_place(repository: Path) -> None:
    before = "kind: ConfigMap\napiVersion: v1\ndata:\n  policy.yaml: "
    source = repository / "map.yaml"
    source.write_text(before + json.dumps(POLICY) + "\n")
    ran = cnpfix("--write", "map.yaml")
    assert ran.code == 0
    assert "cluster-entity" in ran.out
    (repository / "api.yaml").write_text(POLICY)
    assert cnpfix("--write", "api.yaml").code == 0
    fixed = (repository / "api.yaml").read_text()
    assert fixed != POLICY
    assert source.read_text() == before + json.dumps(fixed) + "\n"


def test_terminal_escapes_in_names_are_not_obeyed(repository: Path) -> None:
    text = POLICY.replace("name: api", 'name: "a\\x1b[31mred\\u202e"')
    (repository / "api.yaml").write_text(text)
    ran = cnpfix("--color", "never")
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    assert "\\x1b[31mred" in ran.out


def test_colour_on_request(repository: Path) -> None:
    assert "\x1b[32m" in cnpfix("--color", "always").out


def test_per_path_rules(repository: Path) -> None:
    (repository / "cnpfix.toml").write_text(MESH + '[[per-path]]\npaths = ["legacy/**"]\nignore = ["CNP004"]\n')
    (repository / "legacy").mkdir()
    (repository / "legacy" / "old.yaml").write_text(POLICY)
    ran = cnpfix("--write")
    assert (repository / "legacy" / "old.yaml").read_text() == POLICY
    assert (repository / "api.yaml").read_text() == FIXED
    assert ran.code == 0


def test_config_demotes_a_pass(repository: Path) -> None:
    (repository / "cnpfix.toml").write_text(MESH + 'applicability = "manual"\n')
    assert cnpfix("--write").code == 0
    assert (repository / "api.yaml").read_text() == POLICY


def test_a_kustomization_without_a_suffix_is_read(repository: Path) -> None:
    (repository / "api.yaml").write_text(POLICY.replace("  namespace: shop\n", ""))
    (repository / "Kustomization").write_text("namespace: kitchen\nresources: [api.yaml]\n")
    [finding] = json.loads(cnpfix("--format", "json").out)["findings"]
    assert finding["namespace"] == "kitchen"


def test_diff_base_reads_only_changed_files(repository: Path) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    (repository / "other.yaml").write_text(POLICY)
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *arguments], check=True)
    (repository / "other.yaml").write_text(POLICY + "# changed\n")
    report = json.loads(cnpfix("--diff-base", "main", "--format", "json").out)
    assert [item["file"] for item in report["findings"]] == ["other.yaml"]


def test_help_names_everything() -> None:
    ran = cnpfix("--help")
    assert ran.code == 0
    for word in ("--dry-run", "--unsafe-fixes", "--stdin-filename", "explain", "validate", "verdict"):
        assert word in ran.out


def test_version_and_a_closed_pipe_as_processes(repository: Path) -> None:
    program = [sys.executable, "-m", "rewriter"]
    assert subprocess.run([*program, "--version"], capture_output=True, text=True).stdout.startswith("cnpfix 0.")
    for number in range(300):
        (repository / f"p{number}.yaml").write_text(POLICY)
    piped = subprocess.run(
        f"{sys.executable} -m rewriter | head -n 1", shell=True, capture_output=True, text=True, cwd=repository
    )
    assert piped.stderr == ""
