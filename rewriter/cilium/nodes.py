"""The nodes below a rule as types, named as Cilium's and Kubernetes' API types are, each with its route.

The view is tolerant: a node of another type than the API has there is a `Malformed` in the place where it stands, and
nothing here raises. `written` is the node as the manifest has it, for whoever writes it anew; it is not to be changed.

Sources: Cilium pkg/policy/api (PortRule, PortProtocol, L7Rules, FQDNSelector, CIDRRule, Service), Kubernetes
networking/v1 (NetworkPolicyPeer, NetworkPolicyPort).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rewriter.cilium.selector import Selector, read_selector
from rewriter.records import dataclass

Node = TypeVar("Node")


@dataclass(frozen=True, slots=True)
class Malformed:
    """A node of another type than the API has in its place."""

    route: str
    written: Any


@dataclass(frozen=True, slots=True)
class Text:
    """A peer that is a text: a CIDR, or the name of an entity."""

    route: str
    written: str


@dataclass(frozen=True, slots=True)
class PortProtocol:
    """A port of `toPorts[].ports`, or of a NetworkPolicy's `ports`.

    `port` is the number or the name as a text, `protocol` in upper case; both are empty where they are not written.
    `end` is the last port of a range, 0 for a single one.
    """

    route: str
    written: Mapping[str, Any]
    port: str
    protocol: str
    end: int


@dataclass(frozen=True, slots=True)
class FqdnSelector:
    """An entry of `toFQDNs` or of `rules.dns`; a member that is absent, or no text, is empty."""

    route: str
    written: Mapping[str, Any]
    name: str
    pattern: str


@dataclass(frozen=True, slots=True)
class HttpRule:
    """An entry of `rules.http`. `members` are what it asks of a request; without any it allows every request."""

    route: str
    written: Mapping[str, Any]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class L7Rules:
    """The `rules` of an item of `toPorts`. `members` are the kinds of rule that are written, null ones left out."""

    route: str
    written: Mapping[str, Any]
    members: tuple[str, ...]
    http: tuple[HttpRule | Malformed, ...]
    dns: tuple[FqdnSelector | Malformed, ...]

    @property
    def restricts(self) -> bool:
        """Whether HTTP or DNS rules leave something out: no HTTP rule without members, no pattern for every name."""
        if self.http:
            return not any(isinstance(http, HttpRule) and not http.members for http in self.http)
        names = [dns for dns in self.dns if isinstance(dns, FqdnSelector)]
        return bool(self.dns) and not any(dns.pattern in ("*", "**") for dns in names)


@dataclass(frozen=True, slots=True)
class PortRule:
    """An item of `toPorts`; the `ports` of a NetworkPolicy's rule are one item, whose route is the rule's."""

    route: str
    index: int
    written: Mapping[str, Any]
    ports: tuple[PortProtocol | Malformed, ...]
    rules: L7Rules | Malformed | None


@dataclass(frozen=True, slots=True)
class CidrRule:
    """An entry of from/toCIDRSet, or an `ipBlock`. A member that is absent, or no text, is empty."""

    route: str
    written: Mapping[str, Any]
    cidr: str
    group: str


@dataclass(frozen=True, slots=True)
class ServiceReference:
    """An entry of toServices: the Service that it names, or neither name nor namespace where it selects by labels."""

    route: str
    written: Mapping[str, Any]
    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class NetworkPolicyPeer:
    """An entry of a NetworkPolicy's `from` or `to`. A part is None where it is absent, and Malformed as ever."""

    route: str
    written: Mapping[str, Any]
    pods: Selector | Malformed | None
    namespaces: Selector | Malformed | None
    block: CidrRule | Malformed | None


@dataclass(frozen=True, slots=True)
class CloudGroup:
    """An entry of from/toGroups: a cloud provider's own."""

    route: str
    written: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DefaultDeny:
    """`enableDefaultDeny` of a rule set. `members` are the directions that are written, whatever their value."""

    route: str
    members: tuple[str, ...]
    denied: tuple[str, ...]


Peer = Selector | Text | CidrRule | FqdnSelector | ServiceReference | CloudGroup | NetworkPolicyPeer | Malformed


def items_of(written: Any, route: str, read: Callable[[Mapping[str, Any], str], Node]) -> tuple[Node | Malformed, ...]:
    """The items of a list of objects: none where it is absent or null. A null item is an empty object, as for Go."""
    if written is None:
        return ()
    if not isinstance(written, list):
        return (Malformed(route, written),)
    return tuple(
        read(item or {}, f"{route}/{index}")
        if item is None or isinstance(item, dict)
        else Malformed(f"{route}/{index}", item)
        for index, item in enumerate(written)
    )


def read_port_rules(rule: Mapping[str, Any], route: str) -> tuple[PortRule | Malformed, ...]:
    """`toPorts` of a Cilium rule, or the `ports` of a NetworkPolicy's as one item; none where neither is written."""
    if "toPorts" in rule or "ports" not in rule:
        return items_of(rule.get("toPorts"), f"{route}/toPorts", _port_rule)
    ports = items_of(rule["ports"], f"{route}/ports", _port)
    return (PortRule(route, 0, rule, ports, None),) if ports else ()


def _port_rule(written: Mapping[str, Any], route: str) -> PortRule:
    rules = written.get("rules")
    return PortRule(
        route,
        int(route.rpartition("/")[2]),
        written,
        items_of(written.get("ports"), f"{route}/ports", _port),
        None if rules is None else _l7_rules(rules, f"{route}/rules"),
    )


def _port(written: Mapping[str, Any], route: str) -> PortProtocol:
    port, end = written.get("port"), written.get("endPort")
    return PortProtocol(
        route,
        written,
        "" if port is None else str(port),
        str(written.get("protocol") or "").upper(),
        end if isinstance(end, int) else 0,
    )


def _l7_rules(written: Any, route: str) -> L7Rules | Malformed:
    if not isinstance(written, dict):
        return Malformed(route, written)
    return L7Rules(
        route,
        written,
        tuple(name for name, value in written.items() if value is not None),
        items_of(written.get("http"), f"{route}/http", lambda item, at: HttpRule(at, item, tuple(item))),
        items_of(written.get("dns"), f"{route}/dns", read_fqdn),
    )


def read_fqdn(written: Mapping[str, Any], route: str) -> FqdnSelector:
    """An entry of `toFQDNs` or `rules.dns`."""
    return FqdnSelector(route, written, _text(written, "matchName"), _text(written, "matchPattern"))


def read_peer(field: str, written: Any, route: str) -> Peer:
    """An entry of a peer field of this name."""
    if field in ("from", "to"):
        return _network_policy_peer(written, route) if isinstance(written, dict) else Malformed(route, written)
    kind = field.removeprefix("from").removeprefix("to")
    if kind in ("CIDR", "Entities"):
        return Text(route, written) if isinstance(written, str) else Malformed(route, written)
    if kind in ("Endpoints", "Requires", "Nodes"):
        return _selector(written, route)
    if written is not None and not isinstance(written, dict):
        return Malformed(route, written)
    return _OBJECTS[kind](written or {}, route)


def _selector(written: Any, route: str) -> Selector | Malformed:
    found = read_selector(written, route)
    return Malformed(route, written) if found is None else found


def _cidr_rule(written: Mapping[str, Any], route: str) -> CidrRule:
    return CidrRule(route, written, _text(written, "cidr"), _text(written, "cidrGroupRef"))


def _service(written: Mapping[str, Any], route: str) -> ServiceReference:
    named = written.get("k8sService")
    named = named if isinstance(named, dict) else {}
    return ServiceReference(route, written, _text(named, "serviceName"), _text(named, "namespace"))


def _network_policy_peer(written: Mapping[str, Any], route: str) -> NetworkPolicyPeer:
    pods, namespaces, block = (written.get(name) for name in ("podSelector", "namespaceSelector", "ipBlock"))
    return NetworkPolicyPeer(
        route,
        written,
        None if pods is None else _selector(pods, f"{route}/podSelector"),
        None if namespaces is None else _selector(namespaces, f"{route}/namespaceSelector"),
        None if block is None else _block(block, f"{route}/ipBlock"),
    )


def _block(written: Any, route: str) -> CidrRule | Malformed:
    return _cidr_rule(written, route) if isinstance(written, dict) else Malformed(route, written)


_OBJECTS: Mapping[str, Callable[[Mapping[str, Any], str], Peer]] = {
    "CIDRSet": _cidr_rule,
    "FQDNs": read_fqdn,
    "Services": _service,
    "Groups": lambda written, route: CloudGroup(route, written),
}


def read_default_deny(written: Any, route: str) -> DefaultDeny | Malformed | None:
    """`enableDefaultDeny` of a rule set; None where it is absent or null."""
    if written is None:
        return None
    if not isinstance(written, dict):
        return Malformed(route, written)
    return DefaultDeny(route, tuple(map(str, written)), tuple(name for name, value in written.items() if value is True))


def _text(written: Mapping[str, Any], name: str) -> str:
    value = written.get(name)
    return value if isinstance(value, str) else ""
