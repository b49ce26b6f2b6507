"""`cnpfix impact`: the article's cases with their real effect, and the forms of the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix

MESH = """\
[[clusters]]
name = "a"
local = ["a/**"]
pod_cidrs = ["10.0.0.0/16"]
[[clusters]]
name = "b"
local = ["b/**"]
pod_cidrs = ["10.1.0.0/16"]
"""
POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: policy, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: cart}}
"""


def workload(name: str, namespace: str = "shop") -> str:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{template: {{metadata: {{labels: {{app: {name}}}}}}}}}\n"
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "cnpfix.toml").write_text(MESH)
    (tmp_path / "a" / "cart.yaml").write_text(workload("cart") + "---\n" + workload("web"))
    (tmp_path / "b" / "web.yaml").write_text(workload("web"))
    return tmp_path


def policy(repository: Path, rules: str, name: str = "policy.yaml") -> None:
    (repository / "a" / name).write_text(POLICY + rules)


def impact(*arguments: str) -> dict[str, Any]:
    done = cnpfix("impact", "--format", "json", *arguments)
    assert done.code == 0, done.err
    return dict(json.loads(done.out))


IMPLICIT = (
    "  ingress: [{fromEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]\n"
)
CLOSED = "ingress to pods with app=cart of namespace shop from pods with app=web of namespace shop in b on 80/TCP"


def test_what_the_upgrade_closes_and_the_fixes_mend(repository: Path) -> None:
    policy(repository, IMPLICIT)
    found = impact()
    (item,) = found["policies"]
    assert item["undone"]["closed"] == [CLOSED]
    assert (item["fixed"]["closed"], item["fixes"]) == ([], ["implicit-cluster"])
    assert found["undone"]["pairs"] == [
        {
            "change": "closed",
            "sources": ["b/shop/web"],
            "destinations": ["a/shop/cart"],
            "ports": "80/TCP",
            "portRanges": [{"protocol": "TCP", "low": 80, "high": 80, "name": ""}],
        }
    ]
    assert found["fixed"]["pairs"] == []
    assert found["summary"]["undone"]["pairs_closed"] == 1
    assert (repository / "a" / "policy.yaml").read_text() == POLICY + IMPLICIT


def test_egress_of_the_other_cluster_counts(repository: Path) -> None:
    """What the source's cluster does not let out is not lost by the destination's upgrade."""
    policy(repository, IMPLICIT)
    shut = POLICY.replace("app: cart", "app: web") + "  egress: [{}]\n"
    (repository / "b" / "policy.yaml").write_text(shut)
    assert impact()["undone"]["pairs"] == []


def test_the_upgrade_to_a_release_that_rejects_the_policy(repository: Path) -> None:
    policy(repository, "  ingress: [{fromCIDR: [198.51.100.7]}]\n")
    found = impact("--from", "1.19", "--to", "1.20")
    (item,) = found["policies"]
    assert item["undone"]["state"] == "stops being enforced"
    assert item["undone"]["reason"]
    assert item["undone"]["opened"][0].startswith("ingress to pods with app=cart of namespace shop from anything")
    assert found["undone"]["released"] == ["a/shop/cart"]


def test_the_upgrade_that_wakes_a_policy_up(repository: Path) -> None:
    """The article's toServices with toPorts: rejected up to 1.16, enforced from 1.17 on."""
    policy(
        repository,
        "  egress: [{toServices: [{k8sService: {serviceName: db, namespace: prod}}],"
        " toPorts: [{ports: [{port: '3306', protocol: TCP}]}]}]\n",
    )
    (item,) = impact("--from", "1.16", "--to", "1.17")["policies"]
    assert item["undone"]["state"] == "starts being enforced"
    behind = "what is behind service prod/db"
    assert item["undone"]["closed"] == [
        f"egress from pods with app=cart of namespace shop to {peers} on {ports}"
        for peers, ports in (
            (f"anything except {behind}", "every port"),
            (behind, "every port except 3306/TCP"),
        )
    ]


def test_the_article_replacing_cluster_loses_more_than_it_wins(repository: Path) -> None:
    """What a fromEndpoints in place of `cluster` loses, said by the fix that does so."""
    (repository / "cnpfix.toml").write_text(MESH + '[passes.cluster-entity]\nremote = "all"\nmode = "replace"\n')
    policy(repository, "  ingress: [{fromEntities: [cluster]}]\n")
    report = json.loads(cnpfix("--format", "json", "--unsafe-fixes").out)
    (finding,) = report["findings"]
    ends = "ingress to pods with app=cart of namespace shop from"
    assert finding["flows"]["opened"] == [f"{ends} any pod in b on every port"]
    assert finding["flows"]["closed"] == [
        f"{ends} health, ingress, init, kube-apiserver, remote-node and unmanaged on every port"
    ]
    left = impact("--unsafe-fixes")["policies"][0]["fixed"]
    assert (left["opened"], left["closed"]) == (finding["flows"]["opened"], finding["flows"]["closed"])


def test_the_article_internal_range_never_let_pods_in(repository: Path) -> None:
    (repository / "cnpfix.toml").write_text('internal_cidrs = ["10.0.0.0/8"]\n' + MESH)
    policy(repository, "  ingress: [{fromCIDR: [10.0.0.0/8]}]\n")
    report = json.loads(cnpfix("--format", "json", "--unsafe-fixes", "--select", "internal-cidr").out)
    (finding,) = report["findings"]
    opened = " ".join(finding["flows"]["opened"])
    assert "any pod" in opened


def test_nothing_to_say(repository: Path) -> None:
    policy(repository, "  ingress: [{fromEntities: [world]}]\n")
    assert impact()["policies"] == []
    done = cnpfix("impact")
    assert "The upgrade to 1.19 changes no flow of 1 policy." in done.out


def test_a_tree_without_policies(repository: Path) -> None:
    done = cnpfix("impact")
    assert (done.code, done.out.splitlines()[-1]) == (0, "No policy is here.")


def test_text_says_what_is_mended_and_what_is_left(repository: Path) -> None:
    policy(repository, IMPLICIT)
    policy(repository, "  ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: '9'}]}]}]\n", "other.yaml")
    out = cnpfix("impact", "--color", "never").out
    assert "a/policy.yaml:1  mended by implicit-cluster" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "\x1b" not in out
    assert "\x1b" in cnpfix("impact", "--color", "always").out


def test_markdown_escapes_names(repository: Path) -> None:
    policy(repository, IMPLICIT.replace("app: web", "app: web, 'x/y_z': '1'"))
    (repository / "out.md").write_text("old")
    done = cnpfix("impact", "--format", "markdown", "--output", "out.md")
    assert (done.code, done.out) == (0, "")
    text = (repository / "out.md").read_text()
    assert text.startswith("## Cilium 1.18 to 1.19 of a: what changes for traffic")
    assert "x/y\\_z=1" in text


def test_a_bad_file_never_stops_the_others(repository: Path) -> None:
    policy(repository, IMPLICIT)
    (repository / "a" / "broken.yaml").write_text("kind: CiliumNetworkPolicy\napiVersion: cilium.io/v2\nspec: [\n")
    done = cnpfix("impact", "--format", "json")
    assert done.code == 2
    assert "a/broken.yaml" in done.err
    assert len(json.loads(done.out)["policies"]) == 1
