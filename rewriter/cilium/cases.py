"""Recorded or hand-written cases: identities, policies and flows in one JSON object, answered as Cilium would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import Identity, NamedPort, outside_identity
from rewriter.cilium.labels import Label, parse_label
from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.settings import Settings
from rewriter.cilium.verdict import Engine
from rewriter.cilium.version import SUPPORTED, Version, parse_version


def answer_case(case: Mapping[str, Any], version: Version = SUPPORTED[-2]) -> dict[str, Any]:
    """The answers to one case: `id`, `policies` with `accepted` each, and `flows` as (egress, ingress) verdicts.

    A case has `localCluster`, `policyDefaultLocalCluster`, `namedPorts` (TCP, the same on every identity),
    `identities` (`name` with `labels` or `cidr`), `policies` (`manifest` each) and `flows` (source, destination,
    protocol, port); its cluster is dual-stack. A `version` in the case goes before the argument. Raises ValueError or
    KeyError for a case of another form.
    """
    written = case.get("version")
    settings = Settings(
        version=parse_version(written) if written else version,
        local_cluster=case["localCluster"],
        default_local_cluster=bool(case.get("policyDefaultLocalCluster")),
        cidr_match_nodes=case.get("policyCIDRMatchMode") == "nodes",
    )
    named_ports = tuple(NamedPort(name, port) for name, port in (case.get("namedPorts") or {}).items())
    identities = [_identity(item, named_ports) for item in case["identities"]]
    policies = compile_policies((item["manifest"] for item in case["policies"]), settings)
    engine = Engine(policies, identities)
    return {
        "id": case.get("id"),
        "policies": [{"accepted": why is None} for why in policies.rejections],
        "flows": [_answer(engine, flow) for flow in case["flows"]],
    }


def _answer(engine: Engine, flow: Sequence[Any]) -> list[str]:
    verdict = engine.verdict(flow[0], flow[1], flow[2], int(flow[3]))
    return ["allowed" if part.allowed else "denied" for part in (verdict.egress, verdict.ingress)]


def _identity(item: Mapping[str, Any], named_ports: tuple[NamedPort, ...]) -> Identity:
    name = item["name"]
    if "cidr" in item:
        outside = _outside(item["cidr"])
        return Identity(name, outside.labels, outside.prefix, named_ports)
    return Identity(name, _labels(tuple(item["labels"])), named_ports=named_ports)


@lru_cache(maxsize=4096)
def _labels(texts: tuple[str, ...]) -> frozenset[Label]:
    return frozenset(map(parse_label, texts))


@lru_cache(maxsize=1024)
def _outside(cidr: str) -> Identity:
    return outside_identity(parse_prefix(cidr), dual_stack=True)
