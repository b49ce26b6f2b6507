"""What a run prints: blocks, one line a finding, the last lines, and never a green that nothing stands behind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli import process
from tests.cli.support import cnpfix

STAR = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: mirror
  namespace: {namespace}
spec:
  endpointSelector: {{}}
  egress:
    - toFQDNs:
        - matchPattern: "**.example.com"   # all mirrors
"""
PEER = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: cart}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: web}}]
"""
CLOSED = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_block_shows_the_lines_the_caret_and_the_fix(tree: Path) -> None:
    (tree / "p.yaml").write_text(STAR.format(namespace="files"))
    out = cnpfix("--select", "fqdn-double-star").out
    block = out[out.index("CNP008") : out.index("--- a/")]
    assert block.startswith("CNP008 fqdn-double-star · error · would fix (safe)\n")
    assert "  CiliumNetworkPolicy files/mirror\n  p.yaml:10:25\n" in block
    rows = block[block.index("     |\n   8") :].splitlines()
    assert rows[1:6] == [
        "   8 |   egress:",
        "   9 |     - toFQDNs:",
        '  10 -         - matchPattern: "**.example.com"   # all mirrors',
        "     |                         ^^^^^^^^^^^^^^^^",
        '     +         - matchPattern: "*.example.com"   # all mirrors',
    ]
    assert out.count("+++ b/p.yaml") == 1


def test_git_apply_takes_the_report(tree: Path) -> None:
    for number in range(60):
        (tree / f"p{number}.yaml").write_text(STAR.format(namespace=f"files-{number}"))
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    for line in (("--dry-run",), ("--dry-run", "p1.yaml", "p2.yaml")):
        done = process.cnpfix(tree, *line)
        subprocess.run(["git", "apply", "--check", "-"], cwd=tree, input=done.stdout, text=True, check=True)


def test_equal_findings_fold_and_many_are_few_lines(tree: Path) -> None:
    for number in range(300):
        (tree / f"p{number}.yaml").write_text(STAR.format(namespace=f"files-{number}"))
    run = cnpfix("--select", "fqdn-double-star")
    assert "CNP008 fqdn-double-star · error · would fix (safe)  × 300\n" in run.out
    assert "the same in 299 more namespaces: files-1, files-10, files-100 and 296 more (-v lists them)" in flat(run.out)
    assert len(run.out.splitlines()) <= 1200
    assert cnpfix("-v", "--select", "fqdn-double-star").out.count("CNP008 fqdn-double-star ·") == 300
    concise = cnpfix("--format", "concise", "--select", "fqdn-double-star")
    assert len(concise.out.splitlines()) == 300


def test_errors_come_first(tree: Path) -> None:
    (tree / "a.yaml").write_text(PEER.replace("{app: web}}]", "{app: web}}]   # cnpfix: ignore[rejected]"))
    (tree / "b.yaml").write_text(PEER.replace("app: web", "app: -web"))
    out = cnpfix("--select", "rejected").out
    assert 0 < out.index("CNP014 rejected · error") < out.index("CNP000 unused-suppression · note")


def test_check_prints_one_line_a_finding_and_the_run_on_stderr(tree: Path) -> None:
    (tree / "p.yaml").write_text(STAR.format(namespace="files"))
    ran = cnpfix("--check", "--select", "fqdn-double-star")
    assert ran.code == 1
    assert ran.out.startswith("p.yaml:10:25: CNP008 fqdn-double-star error [safe] ")
    assert ran.out.count("\n") == 1
    assert "cnpfix: 1 finding: 1 would be fixed (1 safe)\n" in ran.err
    assert "--- a/p.yaml" in cnpfix("--check", "--format", "text").out


def test_several_reports_of_one_run(tree: Path) -> None:
    (tree / "p.yaml").write_text(STAR.format(namespace="files"))
    ran = cnpfix("--format", "json", "--output", "a.json", "--format", "sarif", "--output", "b.sarif", "--statistics")
    assert ran.code == 0
    assert json.loads((tree / "a.json").read_text())["summary"]["policies"] == 1
    assert json.loads((tree / "b.sarif").read_text())["version"] == "2.1.0"
    assert "CNP008 fqdn-double-star" in ran.out
    assert "found   to fix" in ran.out
    both = cnpfix("--format", "json", "--output", "a.json", "--format", "github")
    assert "::error file=p.yaml" in both.out
    for line in (("--format", "json", "--format", "sarif"), ("--output", "a", "--output", "b", "--format", "json")):
        assert (cnpfix(*line).code, cnpfix(*line).out) == (2, "")


def test_applied_or_not(tree: Path) -> None:
    (tree / "p.yaml").write_text(STAR.format(namespace="files"))
    line = ("--select", "fqdn-double-star")
    dry = cnpfix(*line).out
    assert "would fix (safe)" in dry
    assert dry.endswith("--write applies 1 fix in 1 file\n1 policy in 1 file, 1 finding\n")
    written = cnpfix("--write", *line).out
    assert "fixed (safe)" in written
    assert "would fix" not in written
    assert "would be fixed" not in written
    assert written.endswith("1 fix applied in 1 file\n1 policy in 1 file, 1 finding\n")
    assert "--- a/" not in written


def test_no_mesh_is_known(tree: Path) -> None:
    (tree / "p.yaml").write_text(PEER)
    line = "1 policy, 0 findings; not checked: CNP006 (no mesh known; cnpfix init)"
    assert cnpfix().out.splitlines()[-1] == line
    assert cnpfix("--check").err == f"cnpfix: {line}\n"
    assert cnpfix("--format", "json").err == f"cnpfix: {line}\n"
    assert "no mesh known" not in cnpfix("--from", "1.17", "--to", "1.18").out
    assert "no mesh known" not in cnpfix("--ignore", "implicit-cluster").out
    (tree / "p.yaml").write_text(PEER.replace("fromEndpoints: [{matchLabels: {app: web}}]", "fromEntities: [cluster]"))
    assert "not checked: CNP004 (no mesh known; cnpfix init)" in cnpfix().out.splitlines()[-1]
    (tree / "cnpfix.toml").write_text('[[clusters]]\nname = "a"\nlocal = ["**"]\nmeshed = false\n')
    assert "no mesh known" not in cnpfix().out


@pytest.mark.parametrize("name", ["json", "sarif", "junit", "github"])
def test_a_report_for_programs_ends_with_the_run_in_one_line(tree: Path, name: str) -> None:
    (tree / "p.yaml").write_text(PEER)
    line = "1 policy in 1 file, nothing to report; not checked: CNP006 (no mesh known; cnpfix init)"
    text = cnpfix("--format", name).out
    if name == "json":
        found = json.loads(text)["summary"]["run"]
    elif name == "sarif":
        found = json.loads(text)["runs"][0]["properties"]["run"]
    elif name == "junit":
        found = ElementTree.fromstring(text).findtext("testsuite/system-out")
    else:
        found = text.splitlines()[-1]
    assert found == line


@pytest.mark.parametrize("text", [CLOSED, PEER.replace("app: web", "app: web, io.cilium.k8s.policy.cluster: a")])
def test_no_mesh_is_needed(tree: Path, text: str) -> None:
    (tree / "p.yaml").write_text(text)
    ran = cnpfix()
    assert "no mesh known" not in ran.out + ran.err
    assert "no policies" not in ran.out


def test_a_run_without_policies_says_so(tree: Path) -> None:
    (tree / "app").mkdir()
    (tree / "app/config.yaml").write_text("kind: ConfigMap\n")
    assert cnpfix().out.endswith("no policies found in 1 file under .\n")
    assert "no policies found in 1 file under app" in cnpfix("--format", "json", "app").err
    for line, code in (
        (("--check", "app"), 2),
        (("--check", "--allow-empty", "app"), 0),
        (("--check", "app/config.yaml"), 0),
        (("--check", "."), 0),
        (("app",), 0),
    ):
        assert cnpfix(*line).code == code, line
    (tree / "app/config.yaml").unlink()
    assert cnpfix("--check").code == 2, "nothing was read"
    (tree / "app/p.yaml").write_text(CLOSED)
    assert cnpfix("--check", "app").code == 0
    (tree / "cnpfix.toml").write_text('exclude = ["app/**"]\n')
    ran = cnpfix("--check", "app")
    assert (ran.code, "`exclude` of the configuration" in ran.err) == (2, True)


@pytest.mark.parametrize("mode", ["--dry-run", "--check"])
def test_a_report_on_stdin_never_has_the_text(tree: Path, mode: str) -> None:
    text = STAR.format(namespace="files")
    ran = cnpfix(mode, "--format", "text", "-", stdin=text.encode())
    assert ran.code == (mode == "--check")
    assert '+        - matchPattern: "*.example.com"' in ran.out
    assert "apiVersion" not in ran.out
    for line in ((), ("--write",)):
        assert cnpfix(*line, "-", stdin=text.encode()).out == text.replace("**", "*")


def test_what_a_killed_run_left_is_removed_by_the_next(tree: Path) -> None:
    (tree / "a").mkdir()
    left, other = tree / "a/.cnpfix-0123456789abcdef.tmp", tree / "a/.cnpfix-mine.tmp"
    for path in (left, other):
        path.write_text("half")
    (tree / "a/p.yaml").write_text(CLOSED)
    cnpfix("--dry-run", ".")
    assert left.exists(), "a dry run changes nothing"
    cnpfix("--write", "a/p.yaml")
    assert (left.exists(), other.exists()) == (False, True)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
@pytest.mark.parametrize("line", ["--check .", "--format json", "passes", "--no-such-option", "--write -"])
def test_closed_streams_end_in_no_traceback(tree: Path, closed: str, line: str) -> None:
    (tree / "p.yaml").write_text(CLOSED)
    command = f"exec {' '.join(process.PROGRAM)} {line} {closed}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tree, env=process.ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if "no-such" in line else 0)


def test_an_unknown_command_has_a_nearest_one(tree: Path) -> None:
    for word, meant in (("explian", "cnpfix explain"), ("check", "cnpfix --check"), ("version", "cnpfix --version")):
        ran = cnpfix(word)
        assert (ran.code, ran.out) == (2, "")
        assert f"{word}: no such file or folder, and no command; did you mean `{meant}`?" in ran.err
    (tree / "explian").mkdir()
    assert cnpfix("explian").code == 0


@pytest.mark.parametrize("name", ["policy.yaml", "./policy.yaml", "link.json", "kyaml.yaml"])
def test_no_report_replaces_a_manifest(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(PEER)
    Path("link.json").symlink_to("policy.yaml")
    Path("kyaml.yaml").write_text('---\n{\n  apiVersion: "v1",\n  kind: "ConfigMap",\n}\n')
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    for options in (("--output", name), ("--baseline", name, "--write-baseline")):
        done = cnpfix("--format", "json", *options, "policy.yaml")
        assert done.code == 2
        assert "is a manifest, which a report would replace" in done.err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == texts


@pytest.mark.parametrize("name", ["text", "concise", "json", "sarif", "github", "gitlab", "markdown", "junit"])
def test_a_report_replaces_an_older_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(STAR.format(namespace="shop"))
    for _ in range(2):
        assert cnpfix("--format", name, "--output", "out", "policy.yaml").code == 0
