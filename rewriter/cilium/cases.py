"""Recorded or hand-written cases: identities, policies and flows in one JSON object, answered as Cilium would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from rewriter.cilium.cidr import parse_prefix, parsed_prefixes
from rewriter.cilium.identity import Identity, NamedPort, outside_identity
from rewriter.cilium.labels import Label, parse_label
from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.settings import CidrGroupView, EnforcementMode, Facts, ServiceView, Settings
from rewriter.cilium.terms import CIDR_GROUP
from rewriter.cilium.verdict import Engine
from rewriter.cilium.version import SUPPORTED, Version, parse_version

_DENIED_ALLOWED = ("denied", "allowed")


class CaseError(ValueError):
    """Something that is not a case; the message says what was expected."""


def answer_case(case: Any, version: Version = SUPPORTED[-2]) -> dict[str, Any]:
    """The answers to one case: `id`, `policies` with `accepted` each, and `flows` as (egress, ingress) verdicts.

    A case has `localCluster`, `policyDefaultLocalCluster`, `identities` (`name` with `labels` or `cidr`), `policies`
    (`manifest` each) and `flows` (source, destination, protocol, port); its cluster is dual-stack. It may have
    `namedPorts` (TCP, of every identity that has none of its own), `services` (manifests, or `namespace`, `name`,
    `selector`, `labels` and `addresses`), `cidrGroups` (`name`, `labels`, and `cidrs` or `externalCIDRs`),
    `policyCIDRMatchMode` and `policyEnforcementMode`; an identity may have `namedPorts` (`name`, `port`, `protocol`),
    `dnsNames`, `cidrGroups` (the groups that it is in) and, a node or pod, `addresses`. A `version` in the case goes
    before the argument. Where a verdict depends on what manifests do not show, the answer has `dependsOn` too: entries
    of `flow` (its index), `direction` and `on` (in words). Raises CaseError for a case of another form.
    """
    if not isinstance(case, dict):
        raise CaseError("expected a JSON object")
    settings = _settings(case, version)
    named_ports = tuple(_named_ports(case.get("namedPorts") or {}))
    identities = [identity_of(item, named_ports) for item in _list(case, "identities")]
    manifests = [_member(item, "manifest", "policies") for item in _list(case, "policies")]
    facts = Facts(tuple(_services(case)), tuple(_groups(case)), closed=lambda _namespace: True)
    policies = compile_policies(manifests, settings, facts)
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
            raise CaseError(f"flow {index} names {error}, which is not an identity of the case") from None
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
        enforcement = EnforcementMode(case.get("policyEnforcementMode") or EnforcementMode.DEFAULT)
    except ValueError as error:
        raise CaseError(str(error)) from None
    modes = case.get("policyCIDRMatchMode") or ()
    modes = (modes,) if isinstance(modes, str) else modes
    return Settings(
        version=chosen,
        local_cluster=cluster,
        default_local_cluster=bool(case.get("policyDefaultLocalCluster")),
        cidr_match_nodes="nodes" in modes,
        cidr_match_pods="pods" in modes,
        enforcement=enforcement,
        first_patch=chosen.patch == 0,
        patch=chosen.patch,
    )


def _named_ports(ports: Any) -> Iterator[NamedPort]:
    if isinstance(ports, list):
        try:
            yield from (
                NamedPort(_text(port["name"]), int(port["port"]), _text(port.get("protocol") or "TCP"))
                for port in ports
            )
        except (TypeError, KeyError, ValueError, AttributeError):
            raise CaseError('expected `namedPorts` such as [{"name": "http", "port": 80}]') from None
        return
    if not isinstance(ports, dict) or not all(isinstance(port, int) for port in ports.values()):
        raise CaseError('expected `namedPorts` such as {"http": 80}')
    yield from (NamedPort(name, port) for name, port in ports.items())


def _services(case: Mapping[str, Any]) -> Iterator[ServiceView]:
    for item in _optional(case, "services"):
        try:
            service = item.get("service") or item.get("manifest") or item
            metadata, spec = service.get("metadata") or service, service.get("spec") or service
            addresses = "addresses" if item.get("addresses") else "endpoints"
            yield ServiceView(
                _text(metadata.get("namespace") or "default"),
                _text(metadata["name"]),
                _mapping(spec, "selector"),
                _mapping(metadata, "labels"),
                _texts(item, addresses),
                external=spec.get("type") == "ExternalName",
            )
        except (TypeError, KeyError, AttributeError):
            raise CaseError("expected `services` such as {namespace, name, selector, labels, addresses}") from None


def _groups(case: Mapping[str, Any]) -> Iterator[CidrGroupView]:
    for item in _optional(case, "cidrGroups"):
        try:
            cidrs = parsed_prefixes(_texts(item, "cidrs" if item.get("cidrs") else "externalCIDRs"))
            yield CidrGroupView(_text(item["name"]), cidrs, _mapping(item, "labels"), by_label=True)
        except (TypeError, KeyError, AttributeError):
            raise CaseError("expected `cidrGroups` such as {name, labels, cidrs}") from None


def _list(case: Mapping[str, Any], field: str) -> Sequence[Any]:
    value = case.get(field)
    if not isinstance(value, list):
        raise CaseError(f"expected a list as `{field}`")
    return value


def _optional(case: Mapping[str, Any], field: str) -> Sequence[Any]:
    return _list(case, field) if case.get(field) else ()


def _text(value: Any) -> str:
    """A text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {value!r}")
    return value


def _texts(item: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """A list of texts, empty where the field is absent. Raises TypeError."""
    value = item.get(field)
    if value and not isinstance(value, list):
        raise TypeError(f"expected a list as `{field}`, found {value!r}")
    return tuple(map(_text, value or ()))


def _mapping(item: Mapping[str, Any], field: str) -> Mapping[str, str]:
    """A mapping of texts, empty where the field is absent. Raises TypeError."""
    value = item.get(field) or {}
    if not isinstance(value, dict):
        raise TypeError(f"expected a mapping as `{field}`, found {value!r}")
    return {_text(key): _text(text) for key, text in value.items()}


def _member(item: Any, field: str, where: str) -> Any:
    if not isinstance(item, dict) or field not in item:
        raise CaseError(f"expected `{field}` in every entry of `{where}`")
    return item[field]


def identity_of(item: Any, named_ports: tuple[NamedPort, ...]) -> Identity:
    name = _member(item, "name", "identities")
    if not isinstance(name, str):
        raise CaseError(f"expected a text as `name` of every entry of `identities`, found {name!r}")
    if "namedPorts" in item:
        named_ports = tuple(_named_ports(item["namedPorts"] or {}))
    if "cidr" in item:
        try:
            outside = _outside(name, item["cidr"], named_ports)
            if "dnsNames" not in item and "cidrGroups" not in item:
                return outside
            groups = {Label(CIDR_GROUP, group) for group in _texts(item, "cidrGroups")}
            return outside._replace(labels=outside.labels | groups, dns_names=_texts(item, "dnsNames"))
        except (TypeError, ValueError, AttributeError) as error:
            raise CaseError(f"identity {name!r}: {error}") from None
    try:
        labels, addresses = _texts(item, "labels"), parsed_prefixes(_texts(item, "addresses"))
        if "labels" not in item:
            raise KeyError("labels")
        if len(labels) == 1 and not addresses:
            return _reserved(name, labels[0], named_ports)
        return Identity(name, _labels(labels), named_ports=named_ports, addresses=addresses)
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
