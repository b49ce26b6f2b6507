"""Manifests in archives that nothing applies: no finding rests on them, and a run says that it leaves them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import cnpfix

STAR = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: mirror, namespace: files}
spec:
  endpointSelector: {}
  egress:
    - toFQDNs:
        - matchPattern: "**.example.com"
"""
APPLIED = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./apps
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
"""
POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: db, namespace: {0}}}
spec:
  selector: {{matchLabels: {{app: db}}}}
  template: {{metadata: {{labels: {{app: db}}}}}}
"""
PEER = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: shop, namespace: shop}
spec:
  endpointSelector: {}
  egress:
    - toEndpoints:
        - matchLabels: {app: db}
"""
LEFT = "not checked: 1 file with policies in .archive (nothing applies it; name the folder to check it)"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that Flux applies, with a policy in an archive."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "clusters/home/apps.yaml", APPLIED)
    write(tmp_path, "apps/files/pods.yaml", POD.format("files"))
    write(tmp_path, ".archive/files/policy.yaml", STAR)
    return tmp_path


def write(tree: Path, name: str, text: str) -> None:
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text(text)


def test_a_policy_in_an_archive_is_left_out_and_the_run_says_so(tree: Path) -> None:
    ran = cnpfix("--write", "--select", "fqdn-double-star")
    assert "CNP008" not in ran.out
    assert LEFT in " ".join(ran.out.split())
    assert (tree / ".archive/files/policy.yaml").read_text() == STAR


@pytest.mark.parametrize("name", [".archive", ".archive/files", ".archive/files/policy.yaml"])
def test_an_archive_that_is_named_is_checked(tree: Path, name: str) -> None:
    out = cnpfix("--dry-run", "--select", "fqdn-double-star", name).out
    assert "CNP008" in out
    assert "nothing applies" not in out


def test_a_name_alone_makes_no_archive(tree: Path) -> None:
    """An application that is called so and that Flux applies; a repository that nothing applies; another folder."""
    write(tree, "apps/archive/policy.yaml", STAR)
    assert "apps/archive/policy.yaml" in cnpfix("--select", "fqdn-double-star").out
    (tree / "apps/archive/policy.yaml").unlink()
    write(tree, "archived-films/policy.yaml", STAR)
    assert "archived-films/policy.yaml" in cnpfix("--select", "fqdn-double-star").out
    (tree / "clusters/home/apps.yaml").unlink()
    assert ".archive/files/policy.yaml" in cnpfix("--select", "fqdn-double-star").out


def test_what_is_archived_is_no_fact_and_no_other_policy(tree: Path) -> None:
    write(tree, "apps/shop/policy.yaml", PEER)
    write(tree, "apps/data/pods.yaml", POD.format("data"))
    (tree / "apps/files/pods.yaml").unlink()
    write(tree, ".archive/shop/pods.yaml", POD.format("shop"))
    found = cnpfix("--select", "missing-namespace").out
    assert "pods that match live in data" in " ".join(found.split())
    write(tree, ".archive/shop/policy.yaml", PEER.replace("name: shop,", "name: other,"))
    assert cnpfix("--select", "shadowed-rule").out.count("CNP") == 0
    (tree / ".archive").rename(tree / "apps/more")
    assert "missing-namespace" not in cnpfix("--select", "missing-namespace").out
