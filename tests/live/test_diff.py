"""`cnpfix snapshot diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.support import cnpfix

WEB = {"kind": "Deployment", "name": "web", "namespace": "shop", "labels": {"app": "web"}}
CNP = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "web", "namespace": "shop"}}


def written(path: Path, *clusters: dict[str, Any]) -> str:
    path.write_text(json.dumps({"cnpfix_inventory": 1, "created": "2026-01-31T12:00:00Z", "clusters": clusters}))
    return str(path)


def test_the_same(tmp_path: Path) -> None:
    one = written(tmp_path / "a.json", {"name": "c", "workloads": [WEB]})
    two = written(tmp_path / "b.json", {"name": "c", "workloads": [WEB], "identities": []})
    ran = cnpfix("snapshot", "diff", one, two)
    assert (ran.code, ran.out) == (0, "")


def test_what_came_went_and_changed(tmp_path: Path) -> None:
    old = written(
        tmp_path / "a.json",
        {"name": "a", "version": "1.18.1", "workloads": [WEB], "policies": [{**CNP, "spec": {"x": 1}}],
         "identities": [{"id": 1, "labels": ["k8s:app=web"], "endpoints": 1}]},
        {"name": "gone"},
    )  # fmt: skip
    new = written(
        tmp_path / "b.json",
        {"name": "a", "version": "1.19.0", "workloads": [{**WEB, "labels": {"app": "web", "tier": "1"}}],
         "policies": [], "services": [{"name": "db", "namespace": "prod"}],
         "identities": [{"id": 1, "labels": ["k8s:app=web"], "endpoints": 7}]},
    )  # fmt: skip
    ran = cnpfix("snapshot", "diff", old, new)
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "a",
        "  ~ cluster: settings",
        '      version: "1.18.1" → "1.19.0"',
        "  ~ workloads: Deployment shop/web",
        '      labels.tier: not set → "1"',
        "  + services: prod/db",
        "  - policies: CiliumNetworkPolicy shop/web",
        "gone",
        "  - cluster: gone",
    ]
    ran = cnpfix("snapshot", "diff", "--format", "json", old, new)
    assert ran.code == 1
    told = json.loads(ran.out)
    assert told["schema"] == 1 and told["old"]["created"] == "2026-01-31T12:00:00Z"
    assert told["differences"][1] == {
        "change": "changed",
        "cluster": "a",
        "list": "workloads",
        "name": "Deployment shop/web",
        "before": {"labels": {"app": "web"}},
        "after": {"labels": {"app": "web", "tier": "1"}},
    }


def test_a_policy_that_changed_is_shown_where_it_did(tmp_path: Path) -> None:
    def snapshot(name: str, *peers: str) -> str:
        rules = [{"fromEndpoints": [{"matchLabels": {"app": peer}} for peer in peers]}]
        return written(tmp_path / name, {"name": "a", "policies": [{**CNP, "spec": {"ingress": rules}}]})

    ran = cnpfix("snapshot", "diff", snapshot("a.json", "web", "api"), snapshot("b.json", "web", "db"))
    assert ran.out.splitlines()[2:] == ['      spec.ingress[0].fromEndpoints[1].matchLabels.app: "api" → "db"']
    ran = cnpfix("snapshot", "diff", snapshot("a.json", "web", "api"), snapshot("b.json", "job", "api", "web"))
    assert ran.out.splitlines()[2:] == [
        '      spec.ingress[0].fromEndpoints[0]: not set → {"matchLabels": {"app": "job"}}'
    ]


def test_a_list_that_one_could_not_read_is_no_difference_of_facts(tmp_path: Path) -> None:
    old = written(tmp_path / "a.json", {"name": "a", "workloads": [WEB]})
    new = written(tmp_path / "b.json", {"name": "a", "incomplete": {"workloads": "pods: not allowed (403)"}})
    ran = cnpfix("snapshot", "diff", old, new)
    assert (ran.code, ran.out) == (1, 'a\n  ~ cluster: settings\n      incomplete: not set → ["workloads"]\n')


def test_a_file_that_is_no_snapshot(tmp_path: Path) -> None:
    good = written(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{}")
    ran = cnpfix("snapshot", "diff", good, str(tmp_path / "b.json"))
    assert ran.code == 2 and "b.json: expected a snapshot" in ran.err
