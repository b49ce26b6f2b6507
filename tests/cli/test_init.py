"""`cnpfix init`: what it writes reads back, says where it comes from, and overwrites nothing unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewriter.config import load_config
from rewriter.passes import PASS_IDS
from tests.cli.support import cnpfix
from tests.inventory.test_clusters import MESH


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in MESH.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_writes_what_the_tree_tells(mesh: Path) -> None:
    ran = cnpfix("init")
    assert (ran.code, ran.out) == (0, "")
    text = (mesh / "cnpfix.toml").read_text()
    config = load_config(mesh / "cnpfix.toml", PASS_IDS)
    assert [(c.name, c.local_paths) for c in config.clusters] == [
        ("alpha", ("apps/a/**", "clusters/a/**")),
        ("beta", ("apps/b/**", "clusters/b/**")),
    ]
    assert 'from = "1.18"    # alpha runs 1.18.2, clusters/a/cilium.yaml:1' in text
    assert 'name = "beta"    # clusters/b/cilium.yaml:1' in text


def test_shows_who_balances_services(mesh: Path) -> None:
    values = mesh / "clusters" / "a" / "cilium.yaml"
    values.write_text(values.read_text().replace("values:", "values:\n    kubeProxyReplacement: true", 1))
    assert "# kubeProxyReplacement is true: Cilium balances Services itself" in cnpfix("init", "-o", "-").out
    assert "cluster alpha: kubeProxyReplacement is true" in cnpfix("-v").err


def test_never_overwrites_without_force(mesh: Path) -> None:
    (mesh / "cnpfix.toml").write_text("broken [")
    ran = cnpfix("init")
    assert ran.code == 2
    assert "cnpfix.toml: is there already; give --force to overwrite it, or -o - to print" in ran.err
    assert (mesh / "cnpfix.toml").read_text() == "broken ["
    assert cnpfix("init", "--force").code == 0
    assert load_config(mesh / "cnpfix.toml", PASS_IDS).clusters


def test_prints(mesh: Path) -> None:
    ran = cnpfix("init", "-o", "-")
    assert ran.code == 0
    assert '[[clusters]]\nname = "alpha"' in ran.out
    assert not (mesh / "cnpfix.toml").exists()


def test_an_empty_folder_gives_an_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cnpfix("init", ".").code == 0
    assert load_config(tmp_path / "cnpfix.toml", PASS_IDS).clusters == ()


def test_a_missing_folder(tmp_path: Path) -> None:
    ran = cnpfix("init", str(tmp_path / "gone"))
    assert ran.code == 2
    assert "is not a folder" in ran.err


def test_names_from_the_tree_cannot_break_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = 'evil"\n[passes]\u001b[31m\u007f'
    (tmp_path / "cilium.yaml").write_text(MESH["clusters/a/cilium.yaml"].replace("name: alpha", f"name: {name!r}", 1))
    ran = cnpfix("init", "-o", "-")
    assert ran.code == 0
    (tmp_path / "cnpfix.toml").write_text(ran.out)
    assert [cluster.name for cluster in load_config(tmp_path / "cnpfix.toml", PASS_IDS).clusters] == ["alpha", "beta"]
    assert "\u001b" not in ran.out
    assert "# Its name is no name of a cluster as it stands there:\n# [[clusters]]\n# name = " in ran.out


def test_in_a_subfolder_a_broken_config_above_does_not_matter(mesh: Path) -> None:
    (mesh / "cnpfix.toml").write_text("broken [")
    ran = cnpfix("init", "clusters/a", "-o", "-")
    assert (ran.code, ran.err) == (0, "")
    assert 'name = "alpha"' in ran.out
    assert cnpfix("init", "clusters/a").code == 0
    assert load_config(mesh / "clusters" / "a" / "cnpfix.toml", PASS_IDS).clusters


def test_a_folder_is_described_by_what_is_in_it(mesh: Path) -> None:
    """Another cluster of the same repository is none of its business."""
    out = cnpfix("init", "clusters/a", "-o", "-").out
    assert 'name = "alpha"    # clusters/a/cilium.yaml:1' in out
    assert "clusters/b" not in out and "apps/b" not in out


def test_folders_that_look_like_clusters_are_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("clusters/east/a.yaml", "clusters/west/b/c.yaml", "clusters/empty/README.md", "apps/x.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a: 1\n")
    monkeypatch.chdir(tmp_path)
    out = cnpfix("init", "-o", "-").out
    assert '# name = "east"\n# local = ["clusters/east/**"]' in out
    assert '# name = "west"' in out and "empty" not in out and "apps" not in out
    uncommented = out[out.index("# [[clusters]]") :].replace("# ", "").replace("#\n", "\n")
    (tmp_path / "cnpfix.toml").write_text(uncommented)
    assert [c.name for c in load_config(tmp_path / "cnpfix.toml", PASS_IDS).clusters] == ["east", "west"]


INSTALLED = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: cilium, namespace: kube-system}}\n"
    "spec: {{chart: {{spec: {{chart: cilium, version: 1.18.2}}}}, values: {{cluster: {{name: {}, id: 1}}}}}}\n"
)


def test_the_folder_of_each_installation_is_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the tree says what is applied to which cluster; two that lie in one folder have none of their own."""
    monkeypatch.chdir(tmp_path)
    for place, name in (("sites/a/net", "alpha"), ("sites/b/net", "beta"), ("lab", "gamma"), ("lab", "delta")):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / f"{name}.yaml").write_text(INSTALLED.format(name))
    text = cnpfix("init", "-o", "-").out
    proposed = [line.partition("    ")[0] for line in text.splitlines() if line.startswith("# local = ")]
    none = '# local = ["clusters/a/**"]'
    assert sorted(proposed) == sorted(['# local = ["sites/a/**"]', '# local = ["sites/b/**"]', none, none])


def test_ranges_stand_with_the_file_that_tells_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cilium.yaml").write_text(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cilium, namespace: kube-system}\n"
        "spec:\n  chart: {spec: {chart: cilium, version: 1.18.3}}\n  values:\n    ipam: {mode: kubernetes}\n"
        "    ipv4NativeRoutingCIDR: 10.40.0.0/13\n"
    )
    (tmp_path / "talos.yaml").write_text(
        "cluster:\n  network:\n    podSubnets: [10.42.0.0/16]\n    serviceSubnets: [10.43.0.0/16]\n"
    )
    (tmp_path / "talconfig.yaml").write_text(
        "clusterName: default\ntalosVersion: v1.9.0\nnodes:\n  - {hostname: a, ipAddress: 192.168.1.11}\n"
    )
    (tmp_path / "network.tf").write_text('locals {\n  node_cidr = "192.168.1.0/24"\n}\n')
    monkeypatch.chdir(tmp_path)
    out = cnpfix("init", "-o", "-").out
    assert 'pod_cidrs = ["10.42.0.0/16"]    # talos.yaml:3' in out
    assert "#   known one by one: a (192.168.1.11), talconfig.yaml:4" in out
    assert "#   nodes are within 192.168.1.0/24, network.tf:2; it may be wider than the nodes' own range" in out
    assert "#   pods are within 10.40.0.0/13, cilium.yaml:8; it may be wider than the pods' own range" in out
    assert 'service_cidrs = ["10.43.0.0/16"]    # talos.yaml:4' in out
    assert '# node_cidrs = ["172.16.0.0/24"]' in out
    (tmp_path / "cnpfix.toml").write_text(out)
    assert load_config(tmp_path / "cnpfix.toml", PASS_IDS).clusters[0].service_cidrs == ("10.43.0.0/16",)


def test_a_config_of_a_subfolder_says_which_one_it_replaces(mesh: Path) -> None:
    (mesh / "cnpfix.toml").write_text("")
    ran = cnpfix("init", "clusters/a")
    assert "it takes the place of" in ran.err and str(mesh / "cnpfix.toml") in ran.err
    (mesh / "cnpfix.toml").unlink()
    assert "takes the place" not in cnpfix("init", "clusters/b").err
