"""A verdict never depends on the order of policies, rules, peers, ports or labels."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.settings import Settings
from rewriter.cilium.verdict import DirectionVerdict, Engine
from rewriter.cilium.version import SUPPORTED, Version
from tests.cilium.test_verdict import IDENTITIES

NAMESPACE = "io.kubernetes.pod.namespace"
CLUSTER = "io.cilium.k8s.policy.cluster"


def _lists(of: st.SearchStrategy[Any], most: int = 2, least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=least, max_size=most)


def _maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_PREFIXES = st.sampled_from(("", "k8s:", "any:"))
_KEYS = st.one_of(
    st.builds("{}{}".format, _PREFIXES, st.sampled_from(("app", "tier", NAMESPACE, CLUSTER))),
    st.sampled_from(("reserved:host", "reserved:world", "k8s:io.cilium.k8s.namespace.labels.team")),
)
_VALUES = st.sampled_from(("web", "db", "shop", "prod", "a", "b", "p", ""))
_EXPRESSIONS = st.one_of(
    st.fixed_dictionaries({"key": _KEYS, "operator": st.sampled_from(("Exists", "DoesNotExist"))}),
    st.fixed_dictionaries(
        {"key": _KEYS, "operator": st.sampled_from(("In", "NotIn")), "values": _lists(_VALUES, least=1)}
    ),
)
SELECTORS = _maybe(matchLabels=st.dictionaries(_KEYS, _VALUES, max_size=2), matchExpressions=_lists(_EXPRESSIONS))
_ENTITIES = st.sampled_from(("all", "world", "cluster", "host", "remote-node", "health", "none", "kube-apiserver"))
_CIDRS = st.sampled_from(("10.0.0.0/8", "0.0.0.0/0", "203.0.113.0/24", "2001:db8::/32"))
_CIDR_RULES = st.one_of(
    st.fixed_dictionaries(
        {"cidr": st.just("0.0.0.0/0")}, optional={"except": st.just(["10.1.0.0/16", "203.0.113.7/32"])}
    ),
    st.just({"cidrGroupRef": "partners"}),
)
_NAMES = st.sampled_from(({"matchName": "api.example.com"}, {"matchPattern": "*.example.com"}))
_PORTS = st.fixed_dictionaries(
    {"port": st.sampled_from(("80", "443", "0", "sql", "1"))},
    optional={"protocol": st.sampled_from(("TCP", "UDP", "ANY")), "endPort": st.just(90)},
)
_TO_PORTS = st.fixed_dictionaries({"ports": _lists(_PORTS)}, optional={"rules": st.just({"http": [{"method": "GET"}]})})
_ICMPS = st.just({"fields": [{"type": 8, "family": "IPv4"}]})


@st.composite
def _rules(draw: st.DrawFn, prefix: str, *, deny: bool) -> dict[str, Any]:
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "Endpoints": _lists(SELECTORS),
        "Entities": _lists(_ENTITIES),
        "CIDR": _lists(_CIDRS),
        "CIDRSet": _lists(_CIDR_RULES),
    }
    if prefix == "to" and not deny:
        kinds["FQDNs"] = _lists(_NAMES)
    rule: dict[str, Any] = {}
    kind = draw(st.sampled_from((*kinds, None)))
    if kind:
        rule[prefix + kind] = draw(kinds[kind])
    traffic = draw(st.sampled_from(("toPorts", "icmps", None)))
    if traffic:
        rule[traffic] = draw(_lists(_TO_PORTS if traffic == "toPorts" else _ICMPS))
    return rule


_SPECS = st.fixed_dictionaries(
    {"endpointSelector": SELECTORS},
    optional={
        "ingress": _lists(_rules("from", deny=False), 3),
        "egress": _lists(_rules("to", deny=False), 3),
        "ingressDeny": _lists(_rules("from", deny=True)),
        "egressDeny": _lists(_rules("to", deny=True)),
        "enableDefaultDeny": _maybe(ingress=st.booleans(), egress=st.booleans()),
    },
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")))
    metadata = {"name": "p", "namespace": draw(st.sampled_from(("shop", "prod")))}
    rest = {"spec": draw(_SPECS)} if draw(st.booleans()) else {"specs": draw(_lists(_SPECS))}
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata, **rest}


FLOWS = [
    (source, destination, protocol, port)
    for source, destination in (
        ("shop/web", "shop/db"),
        ("prod/db", "shop/web"),
        ("b/shop/web", "shop/db"),
        ("host", "shop/web"),
        ("shop/web", "partner"),
        ("api.example.com", "shop/web"),
        ("shop/db", "api.example.com"),
        ("init", "kube-apiserver"),
    )
    for protocol, port in (("TCP", 80), ("UDP", 443), ("TCP", 3306), ("ICMP", 8))
]


def verdicts(manifests: list[Any], chosen: Settings, identities: list[Any]) -> list[Any]:
    """What is decided, and on what it depends; the rules are left out, as their places move with the order."""
    engine = Engine(compile_policies(manifests, chosen), identities)
    return [
        tuple(_without_places(part) for part in engine.verdict(*flow))
        for flow in FLOWS
    ]  # fmt: skip


def _without_places(verdict: DirectionVerdict) -> tuple[Any, ...]:
    return verdict.allowed, verdict.reason, len(verdict.rules), verdict.depends_on


def shuffled(node: Any, random: Random) -> Any:
    if isinstance(node, dict):
        items = [(key, shuffled(value, random)) for key, value in node.items()]
        random.shuffle(items)
        return dict(items)
    if isinstance(node, list):
        items = [shuffled(item, random) for item in node]
        random.shuffle(items)
        return items
    return node


@pytest.mark.parametrize("version", [SUPPORTED[0], Version(1, 19), SUPPORTED[-1]], ids=str)
@limits(max_examples=60, deadline=None)
@given(manifests=st.lists(policies(), min_size=1, max_size=3), local=st.booleans(), seed=st.integers(0, 1 << 30))
def test_order_never_matters(version: Version, manifests: list[Any], local: bool, seed: int) -> None:
    random = Random(seed)
    chosen = Settings(version, local_cluster="a", default_local_cluster=local)
    identities = list(IDENTITIES)
    random.shuffle(identities)
    assert verdicts(shuffled(manifests, random), chosen, identities) == verdicts(manifests, chosen, list(IDENTITIES))


@limits(max_examples=60, deadline=None)
@given(manifests=st.lists(policies(), min_size=1, max_size=3), again=st.integers(0, 2))
def test_saying_it_twice_changes_no_answer(manifests: list[Any], again: int) -> None:
    chosen = Settings(Version(1, 19), local_cluster="a")
    repeated = [*manifests, manifests[again % len(manifests)]]
    once, twice = (verdicts(each, chosen, list(IDENTITIES)) for each in (manifests, repeated))
    assert [[(part[0], part[1], part[3]) for part in flow] for flow in once] == [
        [(part[0], part[1], part[3]) for part in flow] for flow in twice
    ]
