"""Peers that name the namespace of a Gateway of Cilium, in which no pod serves it."""

from __future__ import annotations

from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, NAMESPACE_NAME_KEY, NAMESPACE_NAME_LABEL
from rewriter.cilium.policy import PeerField
from rewriter.cilium.selector import Selector, read_selector, selects_object
from rewriter.evidence.context import Context
from rewriter.evidence.gateways import Fronted, cilium_gateways

_BARE = ("any:", "k8s:")


def means_gateway_namespace(context: Context, field: PeerField, way: Fronted | None) -> str:
    """Whether a peer is the namespace of the Gateway of `way` (None: of any): `namespace`, or empty.

    Where known pods are in it too, it is `shared`, and the peer has to be the namespace alone: labels mean these pods.
    """
    names = {way.front.namespace} if way is not None else {gateway.namespace for gateway in cilium_gateways(context)}
    names.discard(context.policy.namespace or "")
    for name in sorted(names):
        if _named(context, field, name):
            if not _has_pods(context, name):
                return "namespace"
            if _is_alone(field):
                return "shared"
    return ""


def _is_alone(field: PeerField) -> bool:
    """Whether each entry of a peer is one namespace, without labels of pods."""
    if field.name == "fromEndpoints":
        return all(selector is not None and len(selector.requirements) == 1 for selector in field.selectors)
    return all(isinstance(peer, dict) and set(peer) == {"namespaceSelector"} for peer in field.entries)


def _named(context: Context, field: PeerField, name: str) -> bool:
    if field.name == "fromEndpoints":
        return any(selector is not None and _names_it(context, selector, name) for selector in field.selectors)
    return any(
        isinstance(peer, dict) and _selects_namespace(context, peer.get("namespaceSelector"), name)
        for peer in field.entries
    )


def _names_it(context: Context, selector: Selector, name: str) -> bool:
    """Whether a selector demands the namespace by its name, or by a label that the namespace has."""
    for requirement in selector.requirements:
        key = requirement.written_key
        for prefix in _BARE:
            key = key.removeprefix(prefix)
        if requirement.operator != "In":
            continue
        if key in (NAMESPACE_LABEL, NAMESPACE_NAME_KEY) and name in requirement.values:
            return True
        if key.startswith(NAMESPACE_LABELS_PREFIX):
            label = key.removeprefix(NAMESPACE_LABELS_PREFIX)
            if any(
                namespace.labels.get(label) in requirement.values for namespace in context.inventory.namespaces(name)
            ):
                return True
    return False


def _selects_namespace(context: Context, raw: object, name: str) -> bool:
    if not isinstance(raw, dict) or not raw:
        return False
    selector = read_selector(raw, "")
    labels = [{**namespace.labels, NAMESPACE_NAME_LABEL: name} for namespace in context.inventory.namespaces(name)]
    return selector is not None and any(
        selects_object(selector, label) for label in labels or [{NAMESPACE_NAME_LABEL: name}]
    )


def _has_pods(context: Context, name: str) -> bool:
    return bool(context.inventory.workloads_in((name,)))
