"""What a policy asks for by name anywhere in it: deny rules, requirements, port names, CIDR groups, pod labels."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import EGRESS, Policy
from rewriter.cilium.stretches import Stretch, stretches_of

_ASKED = frozenset(
    {
        "toServices",
        "ingressDeny",
        "egressDeny",
        "fromRequires",
        "toRequires",
        "cidrGroupRef",
        "cidrGroupSelector",
    }
)
_FACTS = ("asks for facts",)
_LABELS = "matchLabels"
#: Stands for the ports that have no number.
_NAMED_PORT = "port that is a name"


def denies(policy: Policy) -> bool:
    """Whether a policy has deny rules."""
    return any(rules for name in ("ingressDeny", "egressDeny") for rules in values_of(policy, name))


def requires(policy: Policy) -> bool:
    """Whether a policy has fromRequires or toRequires."""
    return any(values_of(policy, "fromRequires")) or any(values_of(policy, "toRequires"))


def names_ports(policy: Policy) -> bool:
    """Whether a policy names a port."""
    return bool(values_of(policy, _NAMED_PORT))


def names_egress_ports(policy: Policy) -> bool:
    """Whether a policy that names a port has rules for egress."""
    return names_ports(policy) and any(rule.direction == EGRESS for rule in policy.rules())


def names_groups(policy: Policy) -> bool:
    """Whether a policy names CIDR groups."""
    return any(values_of(policy, name) for name in ("cidrGroupRef", "cidrGroupSelector"))


def asks_for_facts(policy: Policy) -> bool:
    """Whether it depends on more than a policy itself what its rules mean: on Services, CIDR groups or port names."""
    found: bool | None = policy.answers.get(_FACTS)
    if found is None:
        asks = values_of(policy, "toServices") or names_groups(policy) or names_egress_ports(policy)
        found = policy.answers[_FACTS] = bool(asks)
    return found


def asking_for_facts(policies: Iterable[Policy]) -> list[Policy]:
    """Those of which `asks_for_facts` holds; most are known not to, since each is asked about beside each other one."""
    return [policy for policy in policies if policy.answers.get(_FACTS) is not False and asks_for_facts(policy)]


def pod_selections(policy: Policy) -> frozenset[str]:
    """The plain labels of each selector as JSON, without what says namespace or cluster; those of none left out."""
    key = ("pod selections",)
    if key not in policy.answers:
        gathered = _gathered(policy)
        parts = (_selections_in(part) for part in gathered.parts)
        policy.answers[key] = frozenset(map(_selection, gathered.labels)).union(*parts) - {""}
    made: frozenset[str] = policy.answers[key]
    return made


def _selections_in(part: Stretch[Any]) -> frozenset[str]:
    """What labels in items of a list ask for."""
    key = ("selections",)
    if key not in part.answers:
        known = _SELECTIONS.to(())
        found = set()
        for labels in _gathered_in(part, _ITEMS.to(())).labels:
            of_labels = known.get(id(labels))
            if of_labels is None:
                of_labels = known[id(labels)] = labels, _selection(labels)
            found.add(of_labels[1])
        part.answers[key] = frozenset(found)
    selections: frozenset[str] = part.answers[key]
    return selections


#: What labels ask for, by the very mapping; policies do not change.
_SELECTIONS: ByIdentity[Any, str] = ByIdentity()


def _selection(labels: Any) -> str:
    if not isinstance(labels, dict):
        return ""
    plain = {
        key.removeprefix("k8s:").removeprefix("any:"): value
        for key, value in labels.items()
        if isinstance(key, str) and isinstance(value, str) and "io.kubernetes.pod" not in key
    }
    plain = {key: value for key, value in plain.items() if not key.startswith("io.cilium.") and ":" not in key}
    return json.dumps(plain, sort_keys=True) if plain else ""


def values_of(policy: Policy, name: str) -> list[Any]:
    """Every value that one of the `_ASKED` keys has, anywhere in the manifest."""
    key = ("values",)
    if key not in policy.answers:
        found = _gathered(policy)
        policy.answers[key] = found.values or _NOTHING
        if found.parts:
            policy.answers[_GATHERED] = found
    values: _Values = policy.answers[key]
    return values.get(name, [])


def _gathered(policy: Policy) -> _Gathered:
    known: _Gathered | None = policy.answers.get(_GATHERED)
    if known is not None:
        return known
    found = _Gathered({}, [], [])
    _gather(policy.raw, found, _ITEMS.to(()))
    return found


_Values = dict[str, list[Any]]
"""The values of the keys that are asked for, in order."""
_NOTHING: _Values = {}


class _Gathered(NamedTuple):
    values: _Values
    labels: list[Any]
    """Those under `matchLabels` outside of the parts. Every policy has some, and few are asked for them."""
    parts: list[Stretch[Any]]
    """The items of the outermost long lists, whose values are among the others; they hold labels of their own."""


_GATHERED = ("gathered",)
#: What items of lists hold, by the very item; policies do not change.
_ITEMS: ByIdentity[Any, _Gathered] = ByIdentity()


def _gather(node: Any, found: _Gathered, known: dict[int, tuple[Any, _Gathered]] | None = None) -> None:
    """Puts the values of asked keys in a value to those found; what items of its outermost lists hold is remembered."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == _LABELS:
                found.labels.append(value)
            elif key in _ASKED:
                found.values.setdefault(key, []).append(value)
            elif key == "port" and not is_number(str(value)):
                found.values.setdefault(_NAMED_PORT, []).append(value)
            if isinstance(value, dict | list):
                _gather(value, found, known)
    elif isinstance(node, list):
        if known is None:
            for item in node:
                _gather(item, found)
            return
        parts = stretches_of(node)
        for part in parts:
            of_part = _gathered_in(part, known)
            _add_values(found, of_part)
            if len(parts) == 1:
                found.labels.extend(of_part.labels)
        if len(parts) > 1:
            found.parts.extend(parts)


def _gathered_in(part: Stretch[Any], known: dict[int, tuple[Any, _Gathered]]) -> _Gathered:
    """What items of a list hold, in order."""
    key = ("gathered",)
    if key not in part.answers:
        found = _Gathered({}, [], [])
        for item in part:
            if not isinstance(item, dict):
                _gather(item, found)
                continue
            of_item = known.get(id(item))
            if of_item is None:
                of_item = known[id(item)] = item, _Gathered({}, [], [])
                _gather(item, of_item[1])
            found.labels.extend(of_item[1].labels)
            _add_values(found, of_item[1])
        part.answers[key] = found
    gathered: _Gathered = part.answers[key]
    return gathered


def _add_values(found: _Gathered, more: _Gathered) -> None:
    for name, values in more.values.items():
        found.values.setdefault(name, []).extend(values)
