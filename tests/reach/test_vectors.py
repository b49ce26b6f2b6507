"""Statements against flow-by-flow verdicts, over the recorded cases of Cilium's own engine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import Identity, NamedPort, outside_identity
from rewriter.cilium.labels import CLUSTER_LABEL, parse_label
from rewriter.cilium.settings import Settings
from rewriter.cilium.verdict import Engine
from rewriter.cilium.version import Version
from rewriter.reach.compare import reach
from rewriter.reach.difference import FlowStatement
from rewriter.reach.world import PolicyWorld, policy_world
from tests.cilium.vectors import verdict_cases
from tests.reach.test_reach import said

CASES = 60
_SUBJECTS = ("host", "health", "ingress", "init")


def identity(item: dict[str, Any], ports: tuple[NamedPort, ...]) -> Identity:
    if "cidr" in item:
        outside = outside_identity(parse_prefix(item["cidr"]), dual_stack=True)
        return Identity(item["name"], outside.labels, outside.prefix, ports)
    return Identity(item["name"], frozenset(map(parse_label, item["labels"])), named_ports=ports)


def world(case: dict[str, Any], manifests: Sequence[dict[str, Any]]) -> PolicyWorld:
    settings = Settings(
        Version(1, 19),
        local_cluster=case["localCluster"],
        default_local_cluster=case["policyDefaultLocalCluster"],
        dual_stack=True,
    )
    return policy_world(manifests, settings)


def whole(statements: Sequence[FlowStatement]) -> tuple[FlowStatement, ...]:
    """Those of flows that changed altogether, not only beyond what an L7 rule lets through."""
    return tuple(statement for statement in statements if not statement.limits.startswith("beyond"))


@pytest.mark.parametrize("part", range(4))
def test_statements_agree_with_verdicts(part: int) -> None:
    chooser = random.Random(part)
    for case in chooser.sample(verdict_cases(), CASES // 4):
        ports = tuple(NamedPort(name, port) for name, port in case["namedPorts"].items())
        identities = [identity(item, ports) for item in case["identities"]]
        local = f"k8s:{CLUSTER_LABEL}={case['localCluster']}"
        subjects = {i.name for i in identities if i.name in _SUBJECTS or local in map(str, i.labels)}
        manifests = [entry["manifest"] for entry in case["policies"]]
        fewer = chooser.sample(manifests, len(manifests) // 2)
        worlds = world(case, fewer), world(case, manifests)
        found = reach(*worlds, identities)
        opened, closed = whole(found.opened), whole(found.closed)
        engine = Engine(worlds[0].sets[0], identities)
        for source, destination, protocol, port, *recorded in case["flows"]:
            before = engine.verdict(source, destination, protocol, port)
            for direction, answer in zip(("egress", "ingress"), recorded, strict=True):
                subject, peer = (source, destination) if direction == "egress" else (destination, source)
                if subject in subjects:
                    old, new = getattr(before, direction).allowed, answer == "allowed"
                    flow = (direction, subject, peer, protocol.upper(), port)
                    assert said(opened, *flow) == (new and not old), (case["id"], flow)
                    assert said(closed, *flow) == (old and not new), (case["id"], flow)
