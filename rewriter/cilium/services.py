"""What toServices selects (Cilium pkg/policy/k8s, resolveToServices)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rewriter.cilium.cidr import parsed_prefixes
from rewriter.cilium.labels import CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.selector import read_selector, selects_object
from rewriter.cilium.settings import Facts, ServiceView, Settings
from rewriter.cilium.terms import NOTHING, SERVICE, CidrTerm, Condition, Term, filtered, label_term, opaque_term
from rewriter.cilium.version import (
    DOTTED_SELECTORS,
    DOTTED_SERVICES,
    SERVICES_WITH_PORTS,
    PatchFault,
    Version,
    fault_of,
)

#: The Service of the API servers, with the labels that these keep. Every cluster has it, known or not.
KUBERNETES = ServiceView("default", "kubernetes", labels={"component": "apiserver", "provider": "kubernetes"})
API_SERVERS = f"{KUBERNETES.namespace}/{KUBERNETES.name}"


def service_terms(entry: Mapping[str, Any], settings: Settings, facts: Facts) -> Iterator[Term]:
    """The terms of one entry of toServices; opaque where no known Service fits and some that is not known may."""
    matches = _matcher(entry)
    services = [service for service in facts.services if matches(service)]
    adds = settings.adds_local_cluster and not settings.single_cluster
    local = [Condition(K8S, CLUSTER_LABEL, "In", (settings.local_cluster,))] if adds else []
    if not services and means_kubernetes(entry):
        yield opaque_term(SERVICE, API_SERVERS)
    elif not services and not _known_not_to_exist(entry, facts):
        yield label_term([*opaque_term(SERVICE, service_text(entry)).conditions, *local])
    for service in services:
        if service.external:
            continue
        if not service.selector and not service.addresses and _is_kubernetes(service):
            # The API servers write its endpoints themselves, so that it has some even where none is known.
            yield opaque_term(SERVICE, API_SERVERS)
        elif not service.selector:
            yield from map(CidrTerm, parsed_prefixes(service.addresses))
        elif service_fault(entry, service.selector, settings.version, settings.patch) is not None:
            yield NOTHING
        elif settings.version >= SERVICES_WITH_PORTS:
            conditions = [Condition(K8S, key, "In", (value,)) for key, value in service.selector.items()]
            conditions.append(Condition(K8S, NAMESPACE_LABEL, "In", (service.namespace,)))
            kept = filtered(conditions, settings.pod_labels)
            if kept is not None:
                yield label_term(kept if CLUSTER_LABEL in service.selector else [*kept, *local])
            else:
                yield NOTHING


def service_fault(
    entry: Mapping[str, Any], selector: Mapping[str, str], version: Version, patch: int | None
) -> PatchFault | None:
    """The fault of a patch release for which an entry finds no pods of a Service with this selector."""
    selected = entry.get("k8sServiceSelector")
    asked = read_selector(selected.get("selector"), "") if isinstance(selected, dict) else None
    by_labels = asked is not None and any("." in requirement.key for requirement in asked.requirements)
    return (fault_of(DOTTED_SELECTORS, version, patch) if by_labels else None) or (
        fault_of(DOTTED_SERVICES, version, patch) if any("." in key for key in selector) else None
    )


def means_kubernetes(entry: Mapping[str, Any]) -> bool:
    """Whether an entry means `default/kubernetes` where no other Service fits: by its name, or by one of its labels."""
    if not service_matches(entry, KUBERNETES):
        return False
    selected = entry.get("k8sServiceSelector")
    selector = read_selector(selected.get("selector"), "") if isinstance(selected, dict) else None
    return selector is None or any(
        r.operator == "In" and len(r.values) == 1 and r.written_key in KUBERNETES.labels for r in selector.requirements
    )


def _is_kubernetes(service: ServiceView) -> bool:
    return (service.namespace, service.name) == (KUBERNETES.namespace, KUBERNETES.name)


def _known_not_to_exist(entry: Mapping[str, Any], facts: Facts) -> bool:
    """Whether every Service is known that an entry may mean."""
    named, selected = entry.get("k8sService"), entry.get("k8sServiceSelector")
    namespaces = {part.get("namespace") or None for part in (named, selected) if isinstance(part, dict)}
    name = named.get("serviceName") if isinstance(named, dict) else None
    return not _made_by_an_operator(name, namespaces) and all(map(facts.closed, namespaces))


def _made_by_an_operator(name: Any, namespaces: set[Any]) -> bool:
    """Whether a Service of this name may come to be without a manifest of its own."""
    if name in (None, "kubernetes") and namespaces & {"default", None}:
        return True
    return isinstance(name, str) and name.startswith(("cilium-gateway-", "cilium-ingress"))


def service_matches(entry: Any, service: ServiceView) -> bool:
    """Whether one entry of toServices means the Service; a namespace left out means every namespace, and no mapping
    no Service.
    """
    return _matcher(entry)(service)


def _matcher(entry: Any) -> Callable[[ServiceView], bool]:
    if not isinstance(entry, Mapping):
        return lambda _service: False
    named, selected = entry.get("k8sService"), entry.get("k8sServiceSelector")
    namespaces = [part.get("namespace") if isinstance(part, dict) else None for part in (named, selected)]
    selector = read_selector(selected.get("selector"), "") if isinstance(selected, dict) else None

    def matches(service: ServiceView) -> bool:
        if any(namespace and namespace != service.namespace for namespace in namespaces):
            return False
        if isinstance(named, dict) and named.get("serviceName") != service.name:
            return False
        if isinstance(selected, dict):
            return selector is not None and selects_object(selector, service.labels)
        return isinstance(named, dict)

    return matches


def service_text(entry: Mapping[str, Any]) -> str:
    """A Service reference in words: `prod/db`, `db of any namespace`, `with app=db of namespace prod`."""
    named, selected = entry.get("k8sService"), entry.get("k8sServiceSelector")
    part = named if isinstance(named, dict) else selected if isinstance(selected, dict) else {}
    namespace = part.get("namespace")
    where = f"of namespace {namespace}" if namespace else "of any namespace"
    if part is named:
        name = part.get("serviceName") or "without a name"
        return f"{namespace}/{name}" if namespace else f"{name} {where}"
    selector = read_selector(part.get("selector"), "")
    conditions = [
        Condition("any", r.written_key, r.operator, r.values) for r in (selector.requirements if selector else ())
    ]
    return f"with {', '.join(sorted(map(str, conditions)))} {where}"
