"""A policy that every release reads alike is compiled once: none of those may mean something else in one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.cilium.alike import reads_alike
from rewriter.cilium.compile import Entry, compile_policy, compiled_by
from rewriter.cilium.policy import CNP, KNP, Policy, is_policy, read_policy
from rewriter.cilium.rule_settings import rule_settings
from rewriter.cilium.settings import Settings
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import SUPPORTED

GOLDEN = Path(__file__).parents[2] / "golden"
#: Ways to set the agents that bear on what rules mean.
_WAYS = (
    Settings(SUPPORTED[0]),
    Settings(SUPPORTED[0], local_cluster="east", default_local_cluster=True, first_patch=True, patch=1),
    Settings(SUPPORTED[0], default_local_cluster=True, single_cluster=True, mutual_authentication=False),
)
_PODS = {"matchLabels": {"app": "api"}}
_TEAM = "k8s:io.cilium.k8s.namespace.labels.team"
_NAMESPACE = "k8s:io.kubernetes.pod.namespace"
_NOT_IN_SHOP = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}
_DNS = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system", "k8s-app": "kube-dns"}}


def _policies() -> Iterator[Policy]:
    """The policies of the golden cases, those of one content once."""
    seen = set()
    for path in sorted(GOLDEN.glob("*/*/**/*.yaml")):
        if path.name.startswith("expected"):
            continue
        try:
            documents = list(yaml.load_all(path.read_text(), yaml.CSafeLoader))
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        for document in filter(is_policy, documents):
            content = json.dumps([document["kind"], document.get("spec"), document.get("specs")], default=str)
            if content not in seen:
                seen.add(content)
                yield read_policy(document)


def _differs(policy: Policy, *ways: Settings) -> bool:
    """Whether two releases that accept a policy make other rules of it, with the agents set in one of these ways.

    In a mesh, one that adds the local cluster to selectors does: there those that do are compared with each other.
    """
    accepted = [version for version in SUPPORTED if rejection(policy.raw, version) is None]
    for way in ways:
        made: dict[bool, set[tuple[Entry, ...]]] = {}
        for settings in (replace(way, version=version) for version in accepted):
            adds = settings.adds_local_cluster and not settings.single_cluster
            made.setdefault(adds, set()).add(compiled_by(policy, settings))
        if any(len(entries) > 1 for entries in made.values()):
            return True
    return False


def test_policies_that_read_alike_mean_the_same_in_every_release() -> None:
    alike = [policy for policy in _policies() if reads_alike(policy)]
    assert len(alike) > 1000
    for policy in alike:
        assert not _differs(policy, *_WAYS), policy.raw


def _cnp(rule: dict[str, Any], direction: str = "egress", **spec: Any) -> Policy:
    spec = {"endpointSelector": _PODS, direction: [rule], **spec}
    return read_policy(
        {"apiVersion": "cilium.io/v2", "kind": CNP, "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}
    )


def _network_policy(rule: dict[str, Any], direction: str = "egress") -> Policy:
    spec = {"podSelector": _PODS, "policyTypes": [direction.capitalize()], direction: [rule]}
    metadata = {"name": "p", "namespace": "shop"}
    return read_policy({"apiVersion": "networking.k8s.io/v1", "kind": KNP, "metadata": metadata, "spec": spec})


def _to(*ports: dict[str, Any], **beside: Any) -> dict[str, Any]:
    return {"toEndpoints": [_DNS], "toPorts": [{"ports": list(ports), **beside}]}


@pytest.mark.parametrize(
    "policy",
    [
        _cnp({"toEndpoints": [{"matchLabels": {"io.cilium.k8s.namespace.labels.team": "a"}}]}),
        _cnp({"fromEndpoints": [{"matchExpressions": [{"key": _TEAM, "operator": "Exists"}]}]}, "ingress"),
        _cnp({"toEndpoints": [{"matchExpressions": [{"key": _NAMESPACE, "operator": "DoesNotExist"}]}]}),
        _cnp({"toEndpoints": [_DNS]}, endpointSelector={"matchLabels": {"reserved:init": ""}}),
        _cnp({"toEndpoints": [_DNS]}, enableDefaultDeny={"egress": False}),
        _cnp({"toEndpoints": [_DNS], "authentication": {"mode": "required"}}),
        _cnp({"toFQDNs": [{"matchPattern": "**.example.com"}]}),
        _cnp(_to({"port": "53"}, rules={"dns": [{"matchPattern": "**.example.com"}]})),
        _cnp(_to({"port": "80", "endPort": 90})),
        _cnp(_to({"port": "0", "endPort": 90, "protocol": "TCP"})),
        _cnp(_to({"port": "http", "endPort": 90, "protocol": "TCP"})),
        _cnp(_to({"port": "9092", "protocol": "TCP"}, rules={"kafka": [{"topic": "orders"}]})),
        _network_policy({"ports": [{"port": 80, "endPort": 90}]}),
        _network_policy({"to": [{"namespaceSelector": {"matchExpressions": [_NOT_IN_SHOP]}}]}),
        _network_policy({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}, "ingress"),
    ],
)  # fmt: skip
def test_what_a_release_changes_is_compiled_by_each(policy: Policy) -> None:
    assert _differs(policy, *_WAYS)
    assert not reads_alike(policy)


def test_the_name_of_a_port_belongs_to_other_pods_in_some_releases() -> None:
    assert not reads_alike(_cnp(_to({"port": "http"})))
    assert not reads_alike(_network_policy({"ports": [{"port": "http"}]}))


def test_a_policy_that_reads_alike_has_the_same_entries_under_every_release() -> None:
    policy = _cnp(_to({"port": "53", "protocol": "ANY"}, rules={"dns": [{"matchPattern": "*"}]}))
    old, new = (compile_policy(policy, Settings(version)) for version in (SUPPORTED[0], SUPPORTED[-1]))
    assert old is new and old


@pytest.mark.parametrize("other", [{"default_local_cluster": True}, {"local_cluster": "east"}])
def test_what_is_of_a_cluster_counts_for_policies_that_read_alike_too(other: dict[str, Any]) -> None:
    plain = Settings(SUPPORTED[-1])
    assert rule_settings(replace(plain, **other), alike=True) != rule_settings(plain, alike=True)
