"""The ports of a rule by number: which it is on, and what they are for peers that listen on others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy

from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import Rule
from rewriter.inventory.facts.model import NamedPort
from rewriter.passes.kit.changes.forms import Form, members_of


def items_of(rule: Rule) -> list[object] | None:
    """The items of `toPorts`, or the ports of a NetworkPolicy as one; None where the rule is on every port."""
    if "ports" in rule.raw:
        ports = rule.raw["ports"]
        return [{"ports": ports}] if isinstance(ports, list) and ports else None
    written = rule.raw.get("toPorts")
    return written if isinstance(written, list) and written else None


def is_on(rule: Rule, number: int, protocol: str = "TCP", named: Sequence[NamedPort] = ()) -> bool:
    """Whether a rule is on a port; one on every port is. `named` are the ports that names in the rule stand for."""
    items = items_of(rule)
    if items is None:
        return not rule.raw.get("icmps")
    names = [port.name for port in named if (port.number, port.protocol) == (number, protocol)]
    return any(
        _holds(port, number, protocol) or any(_is_name(port, name, protocol) for name in names)
        for item in items
        for port in ports_in(item)
    )


def names_any(rule: Rule, numbers: Collection[int]) -> bool:
    """Whether a rule names one of these TCP ports; one on every port names none."""
    return items_of(rule) is not None and any(is_on(rule, number) for number in numbers)


def on_others(rule: Rule, numbers: Collection[int]) -> bool:
    """Whether a rule is on other ports than these TCP ports."""
    items = items_of(rule)
    if items is None:
        return True
    return any(_number(port) not in numbers or port.get("endPort") for item in items for port in ports_in(item))


def ports_for(rule: Rule, targets: Mapping[int, int], named: Sequence[NamedPort] = ()) -> list[object]:
    """The items of `toPorts` with the TCP ports of `targets` alone, each as its target; empty where none is there.

    One on every port gets all targets. A range that holds one of the ports becomes its target. A name stays as it is
    where it is one of a port in `named`.
    """
    wanted = list(dict.fromkeys(targets.values()))
    items = items_of(rule)
    if items is None:
        return [{"ports": [{"port": str(number), "protocol": "TCP"} for number in wanted]}]
    found: list[object] = []
    seen: set[int] = set()
    for item in items:
        ports = []
        for port in ports_in(item):
            for number, target in targets.items():
                if target in seen:
                    continue
                if _holds(port, number, "TCP"):
                    seen.add(target)
                    ports.append(_with_number(port, target))
                elif any(_is_name(port, n.name, "TCP") for n in named if (n.number, n.protocol) == (target, "TCP")):
                    seen.add(target)
                    ports.append(dict(port))
        if ports:
            found.append({**deepcopy(members_of(item)), "ports": ports})
    return found


def _with_number(port: Mapping[str, object], number: int) -> Form:
    new = {name: value for name, value in port.items() if name != "endPort"}
    return {**new, "port": number if isinstance(port.get("port"), int) else str(number)}


def _is_name(port: Mapping[str, object], name: str, protocol: str) -> bool:
    return bool(name) and port.get("port") == name and str(port.get("protocol") or "").upper() in (protocol, "ANY", "")


def _holds(port: Mapping[str, object], number: int, protocol: str) -> bool:
    if str(port.get("protocol") or "").upper() not in (protocol, "ANY", ""):
        return False
    first, last = _number(port), port.get("endPort")
    if first == 0 or port.get("port") is None:
        return True
    if first is None:
        return False
    return first <= number <= last if isinstance(last, int) and last > first else first == number


def _number(port: Mapping[str, object]) -> int | None:
    text = str(port.get("port"))
    return int(text) if is_number(text) else None


def ports_in(item: object) -> Sequence[Mapping[str, object]]:
    ports = item.get("ports") if isinstance(item, Mapping) else None
    return [port for port in ports if isinstance(port, Mapping)] if isinstance(ports, list) else []
