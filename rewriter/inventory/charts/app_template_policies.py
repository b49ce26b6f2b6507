"""Network policies in values of app-template: `networkpolicies` of each type, and `ciliumNetworkPolicies`.

Read from the templates of version 4.5 of the common library and from those after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rewriter.cilium.policy import CCNP, CNP, KNP
from rewriter.inventory.charts.naming import NotKnownError
from rewriter.inventory.texts.manifests import items, mapping, texts

_KINDS = {"native": KNP, "cilium": CNP, "ciliumClusterwide": CCNP}
_CONTROLLER = "app.kubernetes.io/controller"
#: The labels of a controller's pods; with None those of all pods of the release.
Selector = Callable[[str | None], dict[str, str]]


def kind_of(policy: Mapping[str, Any], default: str) -> str:
    """The kind that an entry makes. Raises NotKnownError for a type that is not known."""
    named = str(policy.get("type") or default)
    if named not in _KINDS:
        raise NotKnownError(f"network policy type {named}")
    return _KINDS[named]


def spec_of(
    policy: Mapping[str, Any], kind: str, subject: str | None, selector: Selector, text: Callable[[Any], str]
) -> dict[str, Any]:
    """The spec that an entry makes; `subject` is the controller that it is for. Raises NotKnownError."""
    selected = _subject(policy, subject, selector, text)
    if kind == KNP:
        rules = mapping(policy.get("rules"))
        written = {
            "ingress": [_native(rule, "from", selector, text) for rule in items(rules.get("ingress"))],
            "egress": [_native(rule, "to", selector, text) for rule in items(rules.get("egress"))],
            "policyTypes": policy.get("policyTypes"),
        }
        spec: dict[str, Any] = {"podSelector": policy.get("podSelector", selected)}
    else:
        written = {
            "ingress": [_cilium(rule, "from", selector, text) for rule in items(policy.get("ingress"))],
            "ingressDeny": _rendered(policy.get("ingressDeny"), text),
            "egress": [_cilium(rule, "to", selector, text) for rule in items(policy.get("egress"))],
            "egressDeny": _rendered(policy.get("egressDeny"), text),
            "enableDefaultDeny": policy.get("enableDefaultDeny"),
        }
        nodes = "nodeSelector" in policy
        spec = (
            {"nodeSelector": _rendered(policy["nodeSelector"], text)}
            if nodes
            else {"endpointSelector": policy.get("endpointSelector", selected)}
        )
    return spec | {key: value for key, value in written.items() if value}


def _subject(
    policy: Mapping[str, Any], subject: str | None, selector: Selector, text: Callable[[Any], str]
) -> dict[str, Any]:
    extra = {key: text(value) for key, value in texts(policy.get("extraSelectorLabels")).items()}
    several = policy.get("controllers")
    if not isinstance(several, list) or not several:
        return {"matchLabels": selector(subject) | extra}
    return _of_controllers(several, selector, extra)


def _of_controllers(names: Sequence[Any], selector: Selector, extra: dict[str, str]) -> dict[str, Any]:
    """The selector of the pods of several controllers."""
    if not all(isinstance(name, str) and re.escape(name).replace("\\-", "-") == name for name in names):
        raise NotKnownError("controllers by an expression")
    if len(set(names)) == 1:
        return {"matchLabels": selector(names[0]) | extra}
    among = {"key": _CONTROLLER, "operator": "In", "values": sorted(set(names))}
    return {"matchLabels": selector(None) | extra, "matchExpressions": [among]}


def _native(rule: Any, field: str, selector: Selector, text: Callable[[Any], str]) -> dict[str, Any]:
    made = dict(mapping(_rendered(rule, text)))
    if isinstance(made.get(field), list):
        made[field] = [_native_peer(mapping(peer), selector) for peer in made[field]]
    return made


def _native_peer(peer: Mapping[str, Any], selector: Selector) -> dict[str, Any]:
    kept = {key: value for key, value in peer.items() if key not in ("controller", "controllers")}
    found = _named(peer.get("controller"), peer.get("controllers"), selector)
    return kept if found is None else {**kept, "podSelector": found}


def _cilium(rule: Any, field: str, selector: Selector, text: Callable[[Any], str]) -> dict[str, Any]:
    made = dict(mapping(_rendered(rule, text)))
    found = _named(made.pop(f"{field}Controller", None), made.pop(f"{field}Controllers", None), selector)
    if found is not None:
        made[f"{field}Endpoints"] = [*items(made.get(f"{field}Endpoints")), found]
    return made


def _named(one: Any, several: Any, selector: Selector) -> dict[str, Any] | None:
    """The selector of the controllers that a rule names by itself; None where it names none."""
    names = [*([one] if isinstance(one, str) else []), *(several if isinstance(several, list) else [])]
    return _of_controllers(names, selector, {}) if names else None


def _rendered(value: Any, text: Callable[[Any], str]) -> Any:
    """A value with the markup in its texts rendered. Raises NotKnownError where only helm can do that."""
    if isinstance(value, dict):
        return {key: _rendered(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [_rendered(item, text) for item in value]
    return text(value) if isinstance(value, str) and "{{" in value else value
