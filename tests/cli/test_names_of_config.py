"""Every name and glob of a configuration that nothing goes by is reported, and those that are right are not."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.support import cnpfix

POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: api}}
  ingress:
  - fromEntities: [cluster]
  - fromEndpoints: [{matchLabels: {app: agent}}]
"""
AGENT = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: monitoring}
spec: {template: {metadata: {labels: {app: agent}}, spec: {containers: []}}}
"""
CONFIG = """\
exclude = ["vendor/**"]
[[clusters]]
name = "cluster-a"
local = ["clusters/a/**"]
[[clusters]]
name = "cluster-b"
local = ["clusters/b/**"]
[passes.cluster-entity]
remote = ["cluster-b"]
[passes.implicit-cluster]
scope = ["cluster-a", "cluster-b"]
[passes.missing-namespace]
"app=agent" = "monitoring"
[[per-path]]
paths = ["clusters/b/**"]
ignore = ["internal-cidr"]
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"clusters/a/p.yaml": POLICY, "clusters/b/agent.yaml": AGENT, "vendor/x.txt": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "cnpfix.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_right_names_are_not_reported(tree: Path) -> None:
    ran = cnpfix()
    assert (ran.code, ran.err) == (0, "")
    assert cnpfix("clusters/a/p.yaml").err == "", "one file of the folder, as a hook gives it"


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ('remote = ["cluster-b"]', 'remote = ["cluster-c"]', ("passes.cluster-entity.remote", "'cluster-c'", "mean")),
        ('scope = ["cluster-a"', 'scope = ["clustera"', ("passes.implicit-cluster.scope", "mean 'cluster-a'")),
        ('scope = ["cluster-a", "cluster-b"]', 'scope = ["any"]', ("write the word without brackets",)),
        ("[[per-path]]", '[facts]\ncomplete = ["shp"]\n[[per-path]]', ("facts.complete", "mean 'shop'")),
        ('= "monitoring"', '= "monitorng"', ('"app=agent"', "'monitorng'", "mean 'monitoring'")),
    ],
)
def test_a_name_that_would_decide_a_fix_is_an_error(tree: Path, right: str, wrong: str, words: tuple[str, ...]) -> None:
    assert right in CONFIG
    (tree / "cnpfix.toml").write_text(CONFIG.replace(right, wrong))
    for line in ((), ("--write",), ("clusters/a/p.yaml",)):
        ran = cnpfix(*line)
        assert ran.code == 2
        assert all(word in ran.err for word in words), ran.err
        assert ran.err.count("\n") == 1
    assert (tree / "clusters/a/p.yaml").read_text() == POLICY


@pytest.mark.parametrize(
    ("right", "wrong", "near"),
    [
        ("vendor/**", "vendr/**", "vendor/**"),
        ("clusters/a/**", "cluster/a/**", "clusters/a/**"),
        ("clusters/a/**", "clusters/a/*.yml", ""),
        ("vendor/**", "qqqq/**", "; it holds clusters, cnpfix.toml, vendor"),
        ("clusters/a/**", "clusters/qqqq/**", "; clusters holds a"),
        ("clusters/a/**", "./clusters/a/**", "clusters/a/**"),
        ('paths = ["clusters/b/**"]', 'paths = ["clusters/c/**"]', ""),
        ("vendor/**", "*.gen.yaml", ""),
    ],
)
def test_a_glob_that_matches_no_file_is_a_warning(tree: Path, right: str, wrong: str, near: str) -> None:
    (tree / "cnpfix.toml").write_text(CONFIG.replace(right, wrong, 1))
    ran = cnpfix()
    glob = wrong.split('"')[1] if '"' in wrong else wrong
    assert ran.code == 0
    assert f"{glob!r} matches no file" in ran.err
    assert near in ran.err


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            '[facts]\ncomplete = ["observability"]\n',
            "facts.complete: nothing of namespace 'observability' is known; known are",
        ),
        ('[facts]\ninert_kinds = ["Wrker.example.org"]\n', "facts.inert_kinds: no file names kind 'Wrker'; they name "),
    ],
)
def test_what_another_repository_may_hold_is_a_warning(tree: Path, written: str, words: str) -> None:
    before = CONFIG.partition("[passes.missing-namespace]")[0]
    (tree / "cnpfix.toml").write_text(before + written)
    ran = cnpfix()
    assert ran.code == 0
    assert words in ran.err


def test_the_map_may_name_a_namespace_of_another_repository(tree: Path) -> None:
    (tree / "cnpfix.toml").write_text(
        CONFIG.partition("[passes")[0] + '[passes.missing-namespace]\n"app=agent" = "obs"\n'
    )
    assert (cnpfix().code, cnpfix().err) == (0, "")


ELSEWHERE = CONFIG.partition("exclude")[0] + '[passes.missing-namespace]\n"app=agent" = "obs"\n'
SNAPSHOT = """\
{"cnpfix_inventory": 1, "created": "%s", "clusters": [{"name": "a", "version": "1.18.2", "namespaces": %s}]}
"""


def snapshot(tree: Path, namespaces: str) -> None:
    (tree / "a.json").write_text(SNAPSHOT % (datetime.now(UTC).isoformat(), namespaces))


def test_a_namespace_that_complete_facts_do_not_hold_is_an_error(tree: Path) -> None:
    (tree / "cnpfix.toml").write_text(ELSEWHERE + '[facts]\ncomplete = ["shop"]\n')
    ran = cnpfix("--write")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "\"app=agent\": nothing names namespace 'obs'" in ran.err
    assert (tree / "clusters/a/p.yaml").read_text() == POLICY
    (tree / "cnpfix.toml").write_text(ELSEWHERE.replace("agent", "backup") + '[facts]\ncomplete = ["shop"]\n')
    ran = cnpfix()
    assert (ran.code, "nothing names namespace 'obs'" in ran.err) == (0, True), "no policy selects the label"
    (tree / "cnpfix.toml").write_text(ELSEWHERE + '[facts]\ncomplete = ["monitoring"]\n')
    ran = cnpfix()
    assert (ran.code, "nothing names namespace 'obs'" in ran.err) == (0, True), "no fix in shop rests on the map alone"
    (tree / "obs.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: obs}\n")
    assert "nothing names" not in cnpfix().err


def test_a_namespace_that_no_snapshot_lists_is_an_error(tree: Path) -> None:
    (tree / "cnpfix.toml").write_text(ELSEWHERE)
    listed = '[{"name": "shop"}, {"name": "monitoring"}'
    snapshot(tree, f"{listed}]")
    ran = cnpfix("--inventory", "a.json")
    assert (ran.code, "in the snapshots" in ran.err) == (2, True), ran.err
    snapshot(tree, listed + ', {"name": "obs"}]')
    assert "'obs'" not in cnpfix("--inventory", "a.json").err
    (tree / "a.json").write_text(SNAPSHOT % ("2020-01-01T00:00:00Z", f"{listed}]"))
    assert cnpfix("--inventory", "a.json").code == 0, "an old snapshot proves no absence"
    (tree / "a.json").write_text((SNAPSHOT % (datetime.now(UTC).isoformat(), "[]")).replace(', "namespaces": []', ""))
    assert cnpfix("--inventory", "a.json").code == 0, "it lists no namespaces"


def test_a_label_beside_one_that_policies_select_is_a_warning(tree: Path) -> None:
    (tree / "cnpfix.toml").write_text(CONFIG.replace('"app=agent"', '"app=agnt"'))
    assert "did you mean 'app=agent'?" in cnpfix().err


def test_a_label_that_no_policy_selects_is_a_warning(tree: Path) -> None:
    (tree / "cnpfix.toml").write_text(CONFIG.replace('"app=agent"', '"tier=backup"'))
    assert '"tier=backup": no policy selects this label\n' in cnpfix().err


def test_two_tables_of_one_pass_are_an_error(tree: Path) -> None:
    (tree / "cnpfix.toml").write_text(CONFIG + '[passes.CNP004]\nmode = "replace"\n')
    assert (cnpfix().code, "cluster-entity has another one" in cnpfix().err) == (2, True)


@pytest.mark.parametrize("kind", ["dangling", "loop", "folder", "pipe", "device"])
def test_settings_that_are_no_file_are_an_error(tree: Path, kind: str) -> None:
    path = tree / "cnpfix.toml"
    path.unlink()
    match kind:
        case "dangling":
            path.symlink_to("../shared/cnpfix.toml")
        case "loop":
            path.symlink_to("cnpfix.toml")
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to("/dev/zero")
    ran = cnpfix("clusters")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "cnpfix.toml: " in ran.err


def test_settings_in_a_broken_pyproject_are_an_error(tree: Path) -> None:
    (tree / "cnpfix.toml").unlink()
    (tree / "pyproject.toml").write_text('[project]\ndependencies = ["cnpfix"\n')
    assert cnpfix().code == 0, "it names cnpfix and has no settings for it"
    (tree / "pyproject.toml").write_text("[tool.cnpfix]\nselect = [\n")
    assert (cnpfix().code, "is not valid TOML" in cnpfix().err) == (2, True)


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# cnpfix: ignore[cluster-entiti]", "cluster-entiti silences nothing: no pass has this id; did you mean"),
        ("# cnpfix: ignore[cluster-entity, cnp99]", "the suppression of cnp99 silences nothing"),
        ("# cnpfix: ignore[cluster-entity, mixed-peers]", "the suppression of mixed-peers silences nothing"),
        ("# cnpfix: ingore[cluster-entity]", "did you mean `# cnpfix: ignore[id]`?"),
        ("# cnpfix ignore[cluster-entity]", "not a suppression as it is written"),
        ("# cnpfix: ignore-line[cluster-entity]", "not a suppression as it is written"),
        ("# cnpfix: ignore(cluster-entity)", "not a suppression as it is written"),
        ("# cnpfix: ignore[cluster-entity", "not a suppression as it is written"),
        ("# CNPFIX: IGNORE[cluster-entity]", "not a suppression as it is written"),
        ("# cnpfix: ignore cluster-entity", "write `ignore[cluster-entity]`"),
        ("# cnpfix: ignore[]", "the brackets name no pass"),
        ("# cnpfix: ignore-file[no-rule]", "did you mean no-rules?"),
    ],
)
def test_a_suppression_that_silences_nothing_is_reported(tree: Path, comment: str, message: str) -> None:
    (tree / "clusters/a/p.yaml").write_text(POLICY.replace("[cluster]", f"[cluster]   {comment}"))
    ran = cnpfix()
    assert "unused-suppression" in ran.out
    assert message in " ".join(ran.out.split())
    assert ("CNP004 cluster-entity" in ran.out) is ("[cluster-entity," not in comment)


@pytest.mark.parametrize(
    "comment",
    [
        "# cnpfix: ignore[cluster-entity]",
        "# cnpfix: ignore[CNP004]",
        "# cnpfix: ignore[cnp004] because the mesh is small",
        "# cnpfix: ignore [ cluster-entity ]",
        "# cnpfix: ignore (legacy)",
        "# cnpfix: ignore-file[cluster-entity]",
        "#cnpfix:ignore",
    ],
)
def test_a_suppression_that_silences_is_not_reported(tree: Path, comment: str) -> None:
    (tree / "clusters/a/p.yaml").write_text(POLICY.replace("[cluster]", f"[cluster]   {comment}"))
    out = cnpfix().out
    assert "unused-suppression" not in out
    assert "CNP004 cluster-entity" not in out


@pytest.mark.parametrize("comment", ["# see cnpfix: the docs", "# cnpfix rewrote this", "# cnpfix ignored this once"])
def test_a_comment_that_speaks_of_cnpfix_is_no_suppression(tree: Path, comment: str) -> None:
    (tree / "clusters/a/p.yaml").write_text(POLICY.replace("[cluster]", f"[cluster]   {comment}"))
    assert "unused-suppression" not in cnpfix().out


def test_a_bare_suppression_may_be_for_a_pass_that_is_not_selected(tree: Path) -> None:
    (tree / "clusters/a/p.yaml").write_text(POLICY.replace("[cluster]", "[cluster]   # cnpfix: ignore"))
    assert "unused-suppression" not in cnpfix("--select", "internal-cidr").out


@pytest.mark.parametrize("option", ["--config", "--inventory", "--values", "--hubble", "--agent-log"])
def test_a_file_of_an_option_that_is_not_there_has_its_nearest_name(tree: Path, option: str) -> None:
    (tree / "facts.json").write_text("{}")
    ran = cnpfix(option, "fact.json")
    assert ran.code == 2
    assert ran.err.endswith("fact.json: cannot be read: No such file or directory; did you mean facts.json?\n")


def test_the_page_says_what_was_not_checked(tree: Path) -> None:
    (tree / "cnpfix.toml").unlink()
    ran = cnpfix("report")
    assert "not checked: CNP004, CNP006 (no mesh known" in ran.out.splitlines()[-1]
    assert '"unchecked":["CNP004, CNP006 (no mesh known' in (tree / "report.html").read_text()
    assert "not checked: CNP004" in cnpfix("report", "-o", "-").err


@pytest.mark.parametrize("large", [False, True])
def test_a_file_that_a_library_reads_is_bounded_too(tree: Path, *, large: bool) -> None:
    with (tree / "large").open("wb") as file:
        file.truncate(17 << 20)
    ran = cnpfix("snapshot", "--context", "a", "--kubeconfig", "large" if large else "/dev/zero", "-o", "a.json")
    assert ran.code == 2
    assert ("it holds more than 16 MiB" if large else "it is a device, not a file") in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clusters/qqqq",), "clusters/qqqq: no such file or folder; clusters holds "),
        (("clustrs/a/p.yaml",), "did you mean clusters/a/p.yaml?"),
        (("qqqq",), "qqqq: no such file or folder, and no command; this folder holds "),
        (("--inventory", "qqqq.json"), "; this folder holds "),
    ],
)
def test_what_is_there_is_named_where_no_name_is_near(tree: Path, arguments: tuple[str, ...], words: str) -> None:
    for number in range(20):
        (tree / f"note{number}").write_text("")
    ran = cnpfix(*arguments)
    assert ran.code == 2
    assert words in ran.err
    assert len(ran.err) < 300


def test_few_of_many_clusters_are_named(tree: Path) -> None:
    more = "".join(f'[[clusters]]\nname = "site-{number}"\n' for number in range(40))
    (tree / "cnpfix.toml").write_text(CONFIG.replace('remote = ["cluster-b"]', 'remote = ["qqqq"]') + more)
    ran = cnpfix()
    assert ran.code == 2
    assert "no cluster is named 'qqqq'; known are cluster-a, cluster-b, " in ran.err
    assert " more" in ran.err and len(ran.err) < 300


_OPTIONS = {
    "settings": ("--config",),
    "snapshot": ("--inventory",),
    "values": ("--values",),
    "flows": ("--hubble",),
    "log": ("--agent-log",),
    "baseline": ("--baseline",),
    "kubeconfig": ("--context", "c"),
    "cases": ("verdict", "--cases"),
    "snapshots": ("snapshot", "diff"),
    "fleet": ("fleet",),
}


@pytest.mark.parametrize("name", _OPTIONS)
def test_a_named_pipe_without_a_writer_is_refused_at_once(
    tree: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tree / "pipe")
    monkeypatch.setenv("KUBECONFIG", str(tree / "pipe"))
    given = () if name == "kubeconfig" else ("pipe", "pipe") if name == "snapshots" else ("pipe",)
    signal.setitimer(signal.ITIMER_REAL, 20)  # One that waits ends the tests instead of hanging.
    try:
        ran = cnpfix(*_OPTIONS[name], *given)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert ran.code == 2
    assert "it is a named pipe; give a file, or `<(command)`" in ran.err or "is not a regular file" in ran.err


def test_a_pipe_of_the_shell_is_read(tree: Path) -> None:
    text = SNAPSHOT % (datetime.now(UTC).isoformat(), "[]")
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    try:
        ran = cnpfix("--inventory", f"/dev/fd/{read}", "clusters")
    finally:
        os.close(read)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("text", ["[tool]\ncnpfix = 3\n", f"[tool.cnpfix]\nto = {'9' * 5000}\n"])
def test_settings_of_a_strange_shape_are_an_error(tree: Path, text: str) -> None:
    (tree / "cnpfix.toml").unlink()
    (tree / "pyproject.toml").write_text(text)
    ran = cnpfix()
    assert ran.code == 2
    assert "pyproject.toml:" in ran.err and ran.err.count("\n") == 1
