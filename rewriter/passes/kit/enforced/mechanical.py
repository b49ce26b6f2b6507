"""Repairs of what a parser rejects that need no thought: one value written in the form in which Cilium takes it.

Each takes the reason of a rejection and gives the operations that mend it, or nothing. What a repair would have to
guess (two names that are equally near, a port that no protocol carries) is manual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from rewriter.cilium.cidr import AddressError, parse_address
from rewriter.cilium.crd.check import fits, shapes_along
from rewriter.cilium.crd.near import distance
from rewriter.cilium.crd.shapes import Fields, Items, Number, NumberOrText, Shape, Text
from rewriter.cilium.digits import is_number
from rewriter.cilium.entities import entity_names
from rewriter.cilium.policy import KNP, Policy, read_policy
from rewriter.cilium.selector import OPERATORS, escape_pointer
from rewriter.cilium.validation import Rejection
from rewriter.cilium.version import PORT_RANGES, SUPPORTED, Version
from rewriter.finding import Operation
from rewriter.passes.kit.changes.coverage import SHARED_MEMBERS, add_after, sibling
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.enforced.enforcement import value_at
from rewriter.passes.kit.enforced.name_forms import name_repaired
from rewriter.passes.kit.enforced.repair import applied, rule_at
from rewriter.passes.kit.enforced.schema_fix import name_item

#: As many faults of one policy are mended together.
_MOST = 60
#: Entities that stand for no peer, or for every peer: no misspelling leads to them.
_NEVER_MEANT = frozenset({"none", "all", "init"})


def mended(policy: Policy, reason_of: Callable[[Policy], Rejection | None], version: Version) -> list[Operation]:
    """Operations after which `reason_of` has no reason any more; none where some fault is not mechanical."""
    operations: list[Operation] = []
    for _ in range(_MOST):
        reason = reason_of(policy)
        if reason is None:
            return operations
        step = list(_repair(policy, reason, version))
        if not step:
            return []
        operations += step
        raw = applied(policy.raw, step, policy.route)
        policy = read_policy(raw, namespace=policy.namespace, base=policy.route)
    return []


def _repair(policy: Policy, reason: Rejection, version: Version) -> Iterator[Operation]:
    route, value = value_at(policy, reason.route)
    name = route.rpartition("/")[2]
    if "cannot unmarshal" in reason.message:
        yield from _retyped(policy, route, value, version)
    elif "unsupported entity: " in reason.message and isinstance(value, str):
        yield from _entities(route, [_entity(part.strip(), version) for part in value.split(",")])
    elif "ICMPs block may only be present" in reason.message:
        yield from _icmps_apart(policy, route)
    elif "L7 rules can only apply to TCP (not ANY)" in reason.message and isinstance(value, dict):
        known = value.get("protocol") is not None
        yield {"op": "replace" if known else "add", "path": f"{route}/protocol", "value": "TCP"}
    elif "not a valid selector operator" in reason.message and isinstance(value, str):
        meant = [operator for operator in OPERATORS if operator.lower() == re.sub("[^a-z]", "", value.lower())]
        if meant:
            yield {"op": "replace", "path": route, "value": meant[0]}
    elif ": Unsupported value: " in reason.message and isinstance(value, str):
        # The names of a NetworkPolicy's own: `egress` for `Egress`, `tcp` for `TCP`.
        names = re.findall(r'"(\w+)"', reason.message.rpartition("supported values: ")[2])
        meant = [name for name in names if name.lower() == value.strip().lower()]
        if meant:
            yield {"op": "replace", "path": route, "value": meant[0]}
    elif "Invalid characters in MatchName" in reason.message:
        yield from tuple(_addresses(policy, route)) or name_repaired(route, value)
    elif "must be a valid CIDR value" in reason.message or "parse CIDRRule" in reason.message:
        # One that ends in zeros may mean a network whose length is missing.
        prefix = "" if re.search(r"(\.0|:)$", str(value)) else _host_prefix(value)
        if prefix:
            yield {"op": "replace", "path": route, "value": prefix}
    elif "nable to parse port" in reason.message and isinstance(value, str):
        yield from _port_range(route, value, version)
    elif "must be a valid IANA service name" in reason.message and isinstance(value, str) and is_number(value):
        yield {"op": "replace", "path": route, "value": int(value)}
    elif "invalid label selector" in reason.message or "nvalid value: " in reason.message:
        yield from _unescaped(route, name, value)


def _retyped(policy: Policy, route: str, value: object, version: Version) -> Iterator[Operation]:
    """A number or a truth value as the text that the field takes, a number as one, a single item as a list of one."""
    found = shapes_along(policy.kind, version, route.removeprefix(policy.route))
    if not found or found[-1][0] != route.removeprefix(policy.route):
        return
    new = _as_shape(value, found[-1][1], network_policy=policy.kind == KNP)
    if new is not None:
        yield {"op": "replace", "path": route, "value": new}


def _as_shape(value: object, shape: Shape, *, network_policy: bool) -> object:
    if isinstance(shape, Text):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, int) else None
    if isinstance(shape, Number | NumberOrText):
        return int(value) if isinstance(value, str) and is_number(value) else None
    if isinstance(shape, Items) and not isinstance(value, list) and value not in ({}, None, ""):
        # An empty mapping may mean a list of nothing or a list of one empty item, which is the opposite.
        return [value] if fits([value], shape) and not (network_policy and not isinstance(value, dict)) else None
    if isinstance(shape, Fields) and isinstance(value, int | str) and not isinstance(value, bool):
        new = _as_entry(str(value), shape)
        return new if new is not None and fits(new, shape) else None
    return None


def _as_entry(text: str, shape: Fields) -> Form | None:
    """A text as the mapping that stands in its place: a name of toFQDNs, a prefix of a CIDR set, a port."""
    if "matchName" in shape.fields and re.fullmatch(r"[-\w*.]*[a-zA-Z][-\w*.]*", text):
        return name_item(text)
    if "cidr" in shape.fields and "/" in text:
        return {"cidr": text}
    return {"port": text} if "endPort" in shape.fields and is_number(text) else None


def _entities(route: str, meant: list[str]) -> Iterator[Operation]:
    """An entry as the entities that it was meant to be: one, or those that commas separate in it."""
    if not all(meant):
        return
    yield {"op": "replace", "path": route, "value": meant[0]}
    parent, _, index = route.rpartition("/")
    for number, entity in enumerate(meant[1:], int(index) + 1):
        yield {"op": "add", "path": f"{parent}/{number}", "value": entity}


def _entity(written: str, version: Version) -> str:
    """The entity that a name was meant to be; empty where none is near, two are, or a later release has the name."""
    plain = written.removeprefix("reserved:").removeprefix("k8s:")
    names = entity_names(version)
    if plain in names:
        return plain
    if any(written in entity_names(later) for later in SUPPORTED):
        return ""
    near = {name: found for name in names - _NEVER_MEANT if (found := distance(plain, name)) is not None}
    least = min(near.values(), default=0.0)
    best = [name for name, found in near.items() if found == least]
    return best[0] if len(best) == 1 else ""


def _icmps_apart(policy: Policy, route: str) -> Iterator[Operation]:
    """The ports stay where they are; the ICMP types go to a sibling rule with the same peers."""
    found = rule_at(policy, route)
    if found is None:
        return
    rule = found[1]
    peers = {field.name: list(field.entries) for field in rule.peers}
    shared = {name: value for name, value in rule.raw.items() if name in SHARED_MEMBERS and name != "toPorts"}
    apart = sibling(
        replace(rule, raw={**{name: value for name, value in rule.raw.items() if name in peers}, **shared}), peers
    )
    yield from add_after(rule, [apart])
    yield {"op": "move", "from": f"{rule.route}/icmps", "path": f"{rule.list_route}/{rule.index + 1}/icmps"}


def _addresses(policy: Policy, route: str) -> Iterator[Operation]:
    """IPv6 addresses in toFQDNs as CIDRs: the whole field where all are addresses, else those in a sibling rule."""
    found = rule_at(policy, route)
    field = found[1].peer("toFQDNs") if found else None
    if found is None or field is None or not all(isinstance(entry, dict) for entry in field.entries):
        return
    prefixes = {n: _host_prefix(entry.get("matchName")) for n, entry in enumerate(field.entries) if len(entry) == 1}
    addresses = {number: prefix for number, prefix in prefixes.items() if prefix}
    cidrs = [{"cidr": prefix} for prefix in addresses.values()]
    if len(addresses) == len(field.entries):
        yield {"op": "remove", "path": field.route}
        yield {"op": "add", "path": f"{field.route.rpartition('/')[0]}/toCIDRSet", "value": cidrs}
    elif addresses:
        yield from ({"op": "remove", "path": field.entry_route(number)} for number in reversed(addresses))
        yield from add_after(found[1], [sibling(found[1], {"toCIDRSet": cidrs})])


def _host_prefix(text: object) -> str:
    if not isinstance(text, str):
        return ""
    try:
        address = parse_address(text)
    except AddressError:
        return ""
    return f"{text}/{128 if ':' in text else 32}" if address is not None else ""


def _port_range(route: str, value: str, version: Version) -> Iterator[Operation]:
    """`8000-8100` as port and endPort, and a number without the blanks around it."""
    entry = route.rpartition("/")[0]
    if value != value.strip() and is_number(value.strip()):
        yield {"op": "replace", "path": route, "value": value.strip()}
    match = re.fullmatch(r"(\d{1,5})\s*-\s*(\d{1,5})", value)
    if version >= PORT_RANGES and match and int(match[1]) < int(match[2]) < 65536:
        yield {"op": "replace", "path": route, "value": match[1]}
        yield {"op": "add", "path": f"{entry}/endPort", "value": int(match[2])}


def _unescaped(route: str, name: str, value: object) -> Iterator[Operation]:
    """A label key without the backslashes of a Helm --set path."""
    if name == "key" and isinstance(value, str) and "\\" in value:
        yield {"op": "replace", "path": route, "value": value.replace("\\", "")}
    elif "\\" in name and isinstance(value, str):
        key = name.replace("~1", "/").replace("~0", "~").replace("\\", "")
        yield {"op": "remove", "path": route}
        yield {"op": "add", "path": f"{route.rpartition('/')[0]}/{escape_pointer(key)}", "value": value}
