"""Rules as they would be written: with other members, ports or L7 rules than they have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy

from rewriter.cilium.digits import is_number
from rewriter.cilium.nodes import FqdnSelector, L7Rules, Malformed, PortProtocol, PortRule
from rewriter.cilium.policy import Policy, Rule, Spec, read_policy

#: A node as YAML would have it.
Form = dict[str, object]


def members_of(value: object) -> Form:
    """The members of a value that is a mapping; none of any other."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[object]:
    """The items of a value that is a list; none of any other."""
    return value if isinstance(value, list) else []


def without(rule: Rule | Form, *members: str) -> Form:
    """A rule without these members."""
    raw = rule.raw if isinstance(rule, Rule) else rule
    return {name: value for name, value in raw.items() if name not in members}


def changed(rule: Rule, **members: object) -> Form:
    """A rule with these members in the place of its own, or beside them."""
    return {**rule.raw, **members}


def as_written(spec: Spec) -> Form:
    """A rule set as it is."""
    return dict(spec.raw)


def merged(*rules: Rule) -> Form:
    """One rule with the members of several."""
    return {name: value for rule in rules for name, value in rule.raw.items()}


def with_rules(spec: Spec, form: Callable[[Rule], Form]) -> Form:
    """A rule set with each rule in another form."""
    lists: dict[str, list[object]] = {}
    for rule in spec.rules:
        name = rule.list_route.rpartition("/")[2]
        lists.setdefault(name, list(spec.raw[name]))[rule.index] = form(rule)
    return {**spec.raw, **lists}


def with_list(spec: Spec, name: str, rules: Sequence[Form]) -> Form:
    """A rule set with these rules in the list of that name."""
    return {**spec.raw, name: list(rules)}


def with_specs(policy: Policy, form: Callable[[Spec], Form]) -> Policy:
    """A policy with each rule set in another form."""
    raw = dict(policy.raw)
    for spec in policy.specs:
        name, _, index = spec.route.removeprefix(f"{policy.route}/").partition("/")
        if index:
            raw[name] = [form(spec) if number == int(index) else other for number, other in enumerate(raw[name])]
        else:
            raw[name] = form(spec)
    return read_policy(raw, namespace=policy.namespace, base=policy.route)


def with_entries(rule: Rule, entries: Mapping[str, object]) -> Form:
    """The peer fields of a rule that get other entries, given by their routes."""
    return {
        field.name: [entries.get(field.entry_route(index), entry) for index, entry in enumerate(field.entries)]
        for field in rule.peers
        if any(field.entry_route(index) in entries for index in range(len(field.entries)))
    }


def name_alone(entry: FqdnSelector) -> Form:
    """An entry of toFQDNs or rules.dns with its name and pattern only."""
    return {key: value for key, value in entry.written.items() if key in ("matchName", "matchPattern")}


def l7_without(item: PortRule | Malformed, kinds: Callable[[L7Rules], Collection[str]]) -> Form:
    """An item of toPorts without some kinds of its L7 rules; one that has none stays as it is."""
    if not isinstance(item, PortRule) or not isinstance(item.rules, L7Rules):
        form: Form = dict(item.written) if isinstance(item, PortRule) else item.written
        return form
    gone = kinds(item.rules)
    return {**item.written, "rules": {name: value for name, value in item.rules.written.items() if name not in gone}}


def port_as_text(port: PortProtocol, protocol: str = "") -> Form:
    """A port as Cilium's policies write it: its number is a text. `protocol` is for a port that has none."""
    new = {**port.written, "port": port.port}
    named = port.written.get("protocol") or protocol
    return {**new, "protocol": named} if named else new


def port_as_number(port: PortProtocol) -> Form:
    """A port as NetworkPolicies write it: a number where it is one, and no protocol for every protocol."""
    number = int(port.port) if is_number(port.port) else port.port
    protocol = {} if port.protocol in ("", "ANY") else {"protocol": port.written["protocol"]}
    return {**protocol, "port": number, **{name: value for name, value in port.written.items() if name == "endPort"}}


def copied(node: Mapping[str, object], **members: object) -> Form:
    """A copy of a node with these members."""
    return {**deepcopy(dict(node)), **members}
