"""Recorded or hand-written cases: identities, policies and flows in one JSON object, answered as Cilium would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import Identity, NamedPort, outside_identity
from rewriter.cilium.labels import Label, parse_label
from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.settings import Settings
from rewriter.cilium.verdict import Engine
from rewriter.cilium.version import SUPPORTED, Version, parse_version

_DENIED_ALLOWED = ("denied", "allowed")


class CaseError(ValueError):
    """Something that is not a case; the message says what was expected."""


def answer_case(case: Any, version: Version = SUPPORTED[-2]) -> dict[str, Any]:
    """The answers to one case: `id`, `policies` with `accepted` each, and `flows` as (egress, ingress) verdicts.

    A case has `localCluster`, `policyDefaultLocalCluster`, `namedPorts` (TCP, the same on every identity),
    `identities` (`name` with `labels` or `cidr`), `policies` (`manifest` each) and `flows` (source, destination,
    protocol, port); its cluster is dual-stack. A `version` in the case goes before the argument. Where a verdict
    depends on what manifests cannot tell, the answer has `dependsOn` too: entries of `flow` (its index), `direction`
    and `on` (in words). Raises CaseError for a case of another form.
    """
    if not isinstance(case, dict):
        raise CaseError("expected a JSON object")
    settings = _settings(case, version)
    named_ports = tuple(_named_ports(case.get("namedPorts") or {}))
    identities = [_identity(item, named_ports) for item in _list(case, "identities")]
    manifests = [_member(item, "manifest", "policies") for item in _list(case, "policies")]
    policies = compile_policies(manifests, settings)
    engine = Engine(policies, identities)
    flows, depends = _flows(engine, _list(case, "flows"))
    answer: dict[str, Any] = {
        "id": case.get("id"),
        "policies": [{"accepted": why is None} for why in policies.rejections],
        "flows": flows,
    }
    return {**answer, "dependsOn": depends} if depends else answer


def _flows(engine: Engine, flows: Sequence[Any]) -> tuple[list[list[str]], list[dict[str, Any]]]:
    """The verdicts of the flows in words, and what they depend on."""
    answers: list[list[str]] = []
    depends: list[dict[str, Any]] = []
    for flow in flows:
        index = len(answers)
        try:
            egress, ingress = engine.verdict(flow[0], flow[1], flow[2], int(flow[3]))
        except KeyError as error:
            raise CaseError(f"flow {index} names {error}, which is no identity of the case") from None
        except (TypeError, ValueError, AttributeError, IndexError):
            raise CaseError(f"flow {index}: expected [source, destination, protocol, port, ...]") from None
        answers.append([_DENIED_ALLOWED[egress.allowed], _DENIED_ALLOWED[ingress.allowed]])
        if egress.depends_on or ingress.depends_on:
            depends += (
                {"flow": index, "direction": direction, "on": list(part.depends_on)}
                for direction, part in (("egress", egress), ("ingress", ingress))
                if part.depends_on
            )
    return answers, depends


def _settings(case: Mapping[str, Any], version: Version) -> Settings:
    written, cluster = case.get("version"), case.get("localCluster")
    if not isinstance(cluster, str):
        raise CaseError("expected the name of a cluster as `localCluster`")
    try:
        chosen = parse_version(str(written)) if written else version
    except ValueError as error:
        raise CaseError(str(error)) from None
    return Settings(
        version=chosen,
        local_cluster=cluster,
        default_local_cluster=bool(case.get("policyDefaultLocalCluster")),
        cidr_match_nodes=case.get("policyCIDRMatchMode") == "nodes",
    )


def _named_ports(ports: Any) -> Iterator[NamedPort]:
    if not isinstance(ports, dict) or not all(isinstance(port, int) for port in ports.values()):
        raise CaseError('expected `namedPorts` such as {"http": 80}')
    yield from (NamedPort(name, port) for name, port in ports.items())


def _list(case: Mapping[str, Any], field: str) -> Sequence[Any]:
    value = case.get(field)
    if not isinstance(value, list):
        raise CaseError(f"expected a list as `{field}`")
    return value


def _member(item: Any, field: str, where: str) -> Any:
    if not isinstance(item, dict) or field not in item:
        raise CaseError(f"expected `{field}` in every entry of `{where}`")
    return item[field]


def _identity(item: Any, named_ports: tuple[NamedPort, ...]) -> Identity:
    name = _member(item, "name", "identities")
    if "cidr" in item:
        try:
            return _outside(name, item["cidr"], named_ports)
        except (TypeError, ValueError, AttributeError) as error:
            raise CaseError(f"identity {name!r}: {error}") from None
    try:
        labels = item["labels"]
        if len(labels) == 1:
            return _reserved(name, labels[0], named_ports)
        return Identity(name, _labels(tuple(labels)), named_ports=named_ports)
    except (KeyError, TypeError, AttributeError):
        raise CaseError(f"identity {name!r}: expected `labels`, a list of texts, or `cidr`") from None


@lru_cache(maxsize=4096)
def _labels(texts: tuple[str, ...]) -> frozenset[Label]:
    return frozenset(map(parse_label, texts))


@lru_cache(maxsize=1024)
def _reserved(name: str, label: str, named_ports: tuple[NamedPort, ...]) -> Identity:
    return Identity(name, frozenset({parse_label(label)}), named_ports=named_ports)


@lru_cache(maxsize=1024)
def _outside(name: str, cidr: str, named_ports: tuple[NamedPort, ...]) -> Identity:
    outside = outside_identity(parse_prefix(cidr), dual_stack=True)
    return Identity(name, outside.labels, outside.prefix, named_ports)
