"""Policies that are compiled when a question needs them answer as if all had been compiled first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.cilium.labels import LabelSet, pod_labels
from rewriter.cilium.policy import EGRESS, INGRESS, is_policy, read_policy
from rewriter.cilium.version import parse_version
from rewriter.evidence import policies
from rewriter.evidence.by_namespace import ByNamespace
from rewriter.evidence.context import Context
from rewriter.evidence.policies import Pods, policies_of
from rewriter.evidence.policy_outline import Outline, outline_of
from rewriter.inventory.facts.model import AppliedPolicy, Service, Source, Workload
from rewriter.passes.kit.sides.rule_pairs import naming
from tests.passes.support import CONFIG, Facts

GOLDEN = Path(__file__).parents[2] / "golden"
HOME = "io.kubernetes.pod.namespace"


def policy(peer: dict[str, Any], kind: str = "CiliumNetworkPolicy", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": kind,
        "metadata": {"name": "p", "namespace": "shop"} | metadata,
        "spec": {"endpointSelector": {"matchLabels": {"app": "web"}}, "egress": [peer]},
    }


def to(*terms: Any, **labels: str) -> dict[str, Any]:
    return {"toEndpoints": [{"matchLabels": labels} if labels else {"matchExpressions": list(terms)}]}


@pytest.mark.parametrize(
    ("peer", "named"),
    [
        (to(app="db"), []),
        (to(**{f"k8s:{HOME}": "db"}), ["db"]),
        (to({"key": HOME, "operator": "In", "values": ["a", "b"]}), ["a", "b"]),
        (to({"key": HOME, "operator": "Exists"}), None),
        (to({"key": HOME, "operator": "NotIn", "values": ["a"]}), None),
        (to(**{"k8s:io.cilium.k8s.namespace.labels.team": "data"}), None),
        (to(**{"io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name": "db"}), ["db"]),
        ({"toServices": [{"k8sService": {"serviceName": "db", "namespace": "data"}}]}, ["data"]),
        ({"toEntities": ["world"], "toPorts": [{"ports": [{"port": "443"}]}]}, []),
        ({"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "db"}}}]}, ["db"]),
        ({"to": [{"namespaceSelector": {}, "podSelector": {}}]}, None),
    ],
)
def test_the_namespaces_that_peers_may_be_in(peer: dict[str, Any], named: list[str] | None) -> None:
    outline = outline_of(policy(peer))
    assert (outline.home, outline.named) == ("shop", None if named is None else frozenset(named))


@pytest.mark.parametrize(
    "manifest",
    [
        policy(to(app="db"), "CiliumClusterwideNetworkPolicy"),
        policy(to(app="db"), namespace=""),
        policy(to(app="db"), namespace="${NAMESPACE}"),
        policy(to(app="${APP}")),
        policy(to(app="db")) | {"spec": {"nodeSelector": {}}},
        policy(to(app="db")) | {"spec": {"endpointSelector": {"matchLabels": {HOME: "other"}}}},
        policy(to(app="db")) | {"specs": [{"endpointSelector": {"matchLabels": {"reserved:init": ""}}}]},
    ],
)
def test_a_policy_whose_subjects_show_only_when_it_is_compiled(manifest: dict[str, Any]) -> None:
    assert outline_of(manifest).home is None


@pytest.mark.parametrize(
    ("peer", "points"),
    [
        (to(app="db"), False),
        ({"toServices": [{"k8sService": {"serviceName": "db", "namespace": "data"}}]}, True),
        ({"toCIDRSet": [{"cidr": "10.0.0.0/8"}]}, False),
        ({"toCIDRSet": [{"cidr": "10.0.0.0/8"}, {"cidrGroupRef": "pods"}]}, True),
        ({"toCIDRSet": "10.0.0.0/8"}, True),
    ],
)
def test_services_and_groups_of_addresses_are_looked_for_where_rules_point_at_them(
    peer: dict[str, Any], points: bool
) -> None:
    assert outline_of(policy(peer)).points is points


def test_the_order_is_that_of_namespaces_then_that_of_policies() -> None:
    homes = ["x", "y", None, "x", "z", "y"]
    outlines = [Outline(home, frozenset({"w"})) for home in homes]
    made: list[int] = []

    def make(place: int) -> list[str]:
        made.append(place)
        return [] if place == 1 else [f"{place}a", f"{place}b"]

    table = ByNamespace(outlines, make, lambda text: "z" if text == "2a" else None)
    assert table.of("x") == ["0a", "0b", "3a", "3b"] and sorted(made) == [0, 2, 3]
    # `y` comes up with its second policy: of its first nothing is made.
    assert table.namespaces() == ["x", "z", None, "y"]
    every = ["0a", "0b", "3a", "3b", "2a", "4a", "4b", "2b", "5a", "5b"]
    assert table.naming("w") == [*table.every()] == every
    assert table.naming("other") == ["2a", "2b"]
    assert len(made) == len(set(made))


def test_what_is_asked_is_answered_as_if_all_had_been_compiled_first(monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = [*_golden()]
    namespaces = sorted({str(each["metadata"].get("namespace")) for each in manifests} | {"kube-system", "db"})
    assert len(manifests) > 300 and len(namespaces) > 20
    later = _answers(manifests, namespaces)
    monkeypatch.setattr(policies, "outline_of", lambda _manifest: Outline(None))
    assert later == _answers(manifests, namespaces)
    assert sum(map(len, later)) > 1000


def _golden() -> Iterator[dict[str, Any]]:
    for number, path in enumerate(sorted(GOLDEN.glob("[a-o]*/*/input.yaml"))):
        try:
            documents = list(yaml.safe_load_all(path.read_text("utf-8")))
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        for each in documents:
            if is_policy(each) and isinstance(each.get("metadata"), dict):
                each["metadata"]["name"] = f"p-{number}"
                yield each


def _answers(manifests: list[dict[str, Any]], namespaces: list[str]) -> list[list[tuple[object, ...]]]:
    """Whom each rule selects and names, in the order of the answers."""
    workloads = [
        Workload("Deployment", app, namespace, None, {"app": app}, Source(f"{namespace}/{app}.yaml", 1))
        for namespace in namespaces
        for app in ("web", "db", "api", "prometheus", "frontend")
    ]
    services = [Service(w.name, w.namespace, None, {}, w.labels, (), w.source) for w in workloads]
    applied = [AppliedPolicy(each, None, Source(f"{number}.yaml", 1)) for number, each in enumerate(manifests)]
    facts = Facts(workloads=workloads, services_=services, policies=applied)
    first = read_policy(manifests[0])
    context = Context(first, "0.yaml", None, facts, CONFIG, parse_version("1.18"), parse_version("1.19"))
    found: list[list[tuple[object, ...]]] = []
    for workload in workloads:
        for namespace in (workload.namespace, None) if workload is workloads[0] else (workload.namespace,):
            labels = LabelSet(pod_labels(cluster="default", namespace=workload.namespace, labels=workload.labels))
            pods = Pods(labels, namespace, complete=True, namespace_labels=False)
            selecting = policies_of(context).selecting(pods)
            found.append([(rule.source.path, rule.entry.route, sure) for rule, sure in selecting])
        for way in (INGRESS, EGRESS):
            found.append([(each.rule.source.path, each.rule.entry.route) for each in naming(context, way, workload)])
    return found
