"""References of policies that lead to nothing: Services that do not exist, CIDR groups that no manifest defines."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, NamedTuple

from rewriter.cilium.nodes import CidrRule
from rewriter.cilium.selector import read_selector, selects_object
from rewriter.evidence.backends import UndecidedError, known_services, names_api_server
from rewriter.evidence.context import Context
from rewriter.evidence.gateways import is_made_by_cilium, own_service_of
from rewriter.inventory.facts.completeness import SERVICES
from rewriter.inventory.facts.model import CIDRGroup, Service


class Missing(NamedTuple):
    """A Service that does not exist: `near` is one that may have been meant, `there` what its namespace has."""

    text: str
    near: Service | None
    there: tuple[Service, ...]


def missing_service(context: Context, entry: Any) -> Missing | None:
    """The Service of an entry of toServices where it is known not to exist; None where it exists, or may.

    What Cilium makes for Gateways and Ingresses, and `default/kubernetes`, exist without a manifest. In a namespace of
    which not everything is known a Service may exist; an unknown one counts as misspelt where a
    namespace with nearly that name has the Service.
    """
    named = entry.get("k8sService") if isinstance(entry, dict) else None
    selected = entry.get("k8sServiceSelector") if isinstance(entry, dict) else None
    part = named if isinstance(named, dict) else selected
    if not isinstance(part, dict) or names_api_server(context, entry) or own_service_of(context, entry) is not None:
        return None
    name, namespace = str(part.get("serviceName") or ""), part.get("namespace") or None
    if is_made_by_cilium(name) or (named is not None and not name):
        return None
    try:
        if known_services(context, entry, named if isinstance(named, dict) else None):
            return None
    except UndecidedError:
        return None
    own = context.cluster.name if context.cluster else None
    services = [s for s in context.inventory.all_services() if own is None or s.cluster in (None, own)]
    there = tuple(s for s in services if namespace is None or s.namespace == namespace)
    text = f"{namespace}/{name}" if name and namespace else name or "with these labels"
    known = bool(there or (namespace and context.inventory.namespaces(namespace)))
    if known and context.inventory.completeness(namespace, own, SERVICES).complete:
        close = get_close_matches(name, sorted({s.name for s in there}), 1) if name else []
        return Missing(text, next((s for s in there if s.name in close), None), there)
    if isinstance(namespace, str) and not known:
        holders = [s for s in services if s.name == name]
        close = get_close_matches(namespace, sorted({s.namespace for s in holders}), 1, 0.8)
        near = next((s for s in holders if s.namespace in close), None)
        return Missing(text, near, ()) if near is not None else None
    return None


def groups_of(context: Context, entry: CidrRule) -> tuple[CIDRGroup, ...] | None:
    """The CIDR groups that an entry of from/toCIDRSet refers to; None where it refers to none at all."""
    own = context.cluster.name if context.cluster else None
    groups = [g for g in context.inventory.cidr_groups() if own is None or g.cluster in (None, own)]
    selector = entry.written.get("cidrGroupSelector")
    if entry.group:
        return tuple(group for group in groups if group.name == entry.group)
    if isinstance(selector, dict):
        read = read_selector(selector, "")
        return None if read is None else tuple(group for group in groups if selects_object(read, group.labels))
    return None


def near_group(context: Context, name: str) -> CIDRGroup | None:
    """The known CIDR group whose name is nearest to one that no group has."""
    groups = {group.name: group for group in context.inventory.cidr_groups()}
    close = get_close_matches(name, sorted(groups), 1, 0.75)
    return groups[close[0]] if close else None
