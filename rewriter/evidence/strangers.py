"""Peer selectors that name a namespace and match none of its known pods, and the pods that are nearest to them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from rewriter import patterns as re
from rewriter.cilium.labels import ANY, K8S, NAMESPACE_LABEL, SERVICE_ACCOUNT_LABEL
from rewriter.cilium.selector import Requirement
from rewriter.cilium.terms import conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.dns import DNS_NAMES, dns_service
from rewriter.evidence.namespaces import WELL_KNOWN, namespaces_of
from rewriter.evidence.near_labels import NAME_KEYS, may_be_near, near_label, slips_of_labels
from rewriter.evidence.workloads import Matches, matches, on_host_network
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.index.label_shapes import shape_of
from rewriter.records import dataclass

#: From which similarity on a name may be meant (difflib's ratio).
_NEAR = 0.8
#: How many letters a word of a name has at least that may be misspelt.
_LONG = 4
#: A number in a name, of which the first of a row often has none.
_NUMBER = re.compile(r"-?\d+")
#: Words in which namespaces of the same application differ.
_ENVIRONMENTS = frozenset(
    (
        "dev",
        "development",
        "int",
        "prd",
        "prod",
        "production",
        "qa",
        "stage",
        "staging",
        "stg",
        "test",
        "testing",
        "uat",
    )
)
#: The keys under which people write what an application is called.
_NAMES = frozenset((*NAME_KEYS, "cnpg.io/cluster"))


@dataclass(frozen=True, slots=True)
class Stranger:
    """What was meant, as far as the facts show: another label (`key`, `value`) or another namespace (`namespace`).

    `pods` are workloads that have it. `certain` says that every pod of the namespace is known, `only` that nothing else
    can be meant, whatever pods there are.
    """

    pods: tuple[Workload, ...]
    wrong: Requirement | None = None
    key: str = ""
    value: str = ""
    namespace: str = ""
    certain: bool = True
    only: bool = False


def stranger(
    context: Context, labels: Sequence[Requirement], namespace: str, *, elsewhere: bool = True
) -> Stranger | None:
    """What a selector for pods with these labels in one namespace may mean; None where some match, or none is near.

    Other namespaces are looked at with `elsewhere` only.
    """
    single = [
        label for label in labels if label.operator == "In" and len(label.values) == 1 and label.source in (ANY, K8S)
    ]
    if not single or any((requirement.key, requirement.values[0]) in WELL_KNOWN for requirement in single):
        return None
    term = label_term([*conditions_of(labels), *conditions_of([_in_namespace(namespace)])])
    found = matches(context, term)
    if found.workloads or found.undecided or on_host_network(context, term):
        return None
    if any(
        requirement.key == SERVICE_ACCOUNT_LABEL or may_be_near(context, requirement.key, requirement.values[0])
        for requirement in single
    ):
        there = _pods_of(context, namespace)
        near = _near(context, labels, single, namespace, there)
        if near is not None and near.wrong is not None and _is_selected(context, near.wrong, namespace):
            return None  # A Service finds its pods by it: something sets it while they run.
        if near is not None:
            return _certain(near) if found.certain else near if _is_slip(context, near, namespace) else None
    return _elsewhere(context, labels, namespace, found) if elsewhere else None


def dns_stranger(context: Context, labels: Sequence[Requirement], namespace: str) -> Stranger | None:
    """What a selector of a rule for DNS alone may mean that matches no pod of its namespace: the cluster's DNS pods.

    Nothing need be alike: only one thing of a cluster answers DNS. None where its Service or its pods are not known,
    or only by what their chart does when values that are not read set nothing.
    """
    service = dns_service(context.inventory, context.cluster.name if context.cluster else None)
    single = [
        requirement
        for requirement in labels
        if requirement.operator == "In" and len(requirement.values) == 1 and requirement.source in (ANY, K8S)
    ]
    if service is None or not service.selector or len(single) != len(labels):
        return None
    pods = tuple(
        workload
        for workload in context.inventory.workloads_with(service.selector)
        if workload.namespace == service.namespace and not workload.host_network
    )
    term = label_term([*conditions_of(labels), *conditions_of([_in_namespace(namespace)])])
    found = matches(context, term)
    if any(
        value not in DNS_NAMES for requirement in single if requirement.key in _NAMES for value in requirement.values
    ):
        return None  # Another server, as a cache on each node, which need not be in this repository.
    if not pods or found.workloads or found.undecided or on_host_network(context, term):
        return None
    if service.source.unchecked or any(pod.source.unchecked for pod in pods):
        return None
    wrong = [requirement for requirement in single if not all(_has(workload, requirement) for workload in pods)]
    if namespace != service.namespace:
        return None if wrong else Stranger(pods, namespace=service.namespace, certain=found.certain, only=True)
    for key, value in service.selector.items():
        if len(wrong) == 1 and (key == wrong[0].key or {key, wrong[0].key} <= _NAMES):
            return Stranger(pods, wrong[0], key, value, certain=found.certain, only=True)
    return None


def _pods_of(context: Context, namespace: str) -> Sequence[Workload]:
    return context.inventory.workloads_in((namespace,))


def _near(
    context: Context,
    labels: Sequence[Requirement],
    single: Sequence[Requirement],
    namespace: str,
    there: Sequence[Workload],
) -> Stranger | None:
    """The one label that no pod of the namespace has, with the nearest that would match in its place."""
    wrong = [requirement for requirement in single if not any(_has(workload, requirement) for workload in there)]
    if len(wrong) != 1:
        return None
    first = wrong[0]
    if first.key == SERVICE_ACCOUNT_LABEL:
        accounts = sorted({workload.service_account for workload in there})
        close = get_close_matches(first.values[0], accounts, n=1, cutoff=0.6)
        texts = [f"{SERVICE_ACCOUNT_LABEL}={name}" for name in close]
    else:
        texts = list(near_label(context, first.key, first.values[0], (namespace,)))
    for text in texts:
        key, _, value = text.partition("=")
        rest = [label for label in labels if label is not first]
        if any(requirement.key == key for requirement in rest) or not _are_alike(first.key, key):
            continue
        right = first._replace(source=K8S, key=key, values=(value,))
        pods = tuple(
            workload
            for workload in there
            if not workload.host_network and all(_has(workload, r) for r in (*rest, right))
        )
        if pods and value:
            return Stranger(pods, first, key, value, certain=False)
    return None


def _is_selected(context: Context, wrong: Requirement, namespace: str) -> bool:
    """Whether a Service of the namespace selects by a label that no known pod has."""
    return any(
        (service.selector or {}).get(wrong.key) in wrong.values
        for service in context.inventory.services_in((namespace,))
    )


def _are_alike(key: str, other: str) -> bool:
    """Whether two keys say the same of a pod: any key may have a value that another key has too."""
    return key == other or {key, other} <= _NAMES or bool(get_close_matches(key, [other], n=1, cutoff=_NEAR))


def _is_slip(context: Context, near: Stranger, namespace: str) -> bool:
    """Whether it is no label of pods that are hidden: a slip of the pen, or the same name under another key."""
    wrong = near.wrong
    if wrong is None or wrong.key == SERVICE_ACCOUNT_LABEL:
        return False
    if wrong.key in _NAMES and near.key in _NAMES and near.value == wrong.values[0]:
        return True
    return f"{near.key}={near.value}" in slips_of_labels(context, [wrong], namespace)


def _certain(near: Stranger) -> Stranger:
    return Stranger(near.pods, near.wrong, near.key, near.value)


def _elsewhere(context: Context, labels: Sequence[Requirement], namespace: str, found: Matches) -> Stranger | None:
    """The one other namespace whose pods match. Of a namespace without pods only a near name is sure to be meant.

    Where `found`, the pods of the namespace itself, is certain, all of these are known: the dear question comes last.
    """
    term = label_term(conditions_of(labels))
    pods = matches(context, term).workloads
    names = namespaces_of(pods)
    if len(names) != 1:
        return None
    known, certain = bool(_pods_of(context, namespace)), found.certain
    if known and not certain:
        return None
    close = _is_near(names[0], namespace)
    declared = bool(context.inventory.namespaces(namespace))
    if not known and not close and (declared or not context.inventory.namespaces(names[0])):
        return None  # The namespace may be of another repository: this one does not declare those of its pods.
    if not known and _are_siblings(names[0], namespace):
        return None  # It may be of another repository, as one of another environment often is.
    return Stranger(pods, namespace=names[0], certain=certain and (known or (close and not declared)))


def near_namespace(context: Context, namespace: str) -> str:
    """The one namespace of the facts that may be meant by the name of another, of which they hold nothing.

    Empty where something is known of the namespace, or no Namespace object of a near name is.
    """
    key = ("near namespace", namespace, context.cluster.name if context.cluster else None)
    if key not in context.answers:
        context.answers[key] = _near_namespace(context, namespace)
    found: str = context.answers[key]
    return found


def _near_namespace(context: Context, namespace: str) -> str:
    inventory = context.inventory
    if inventory.namespaces(namespace) or namespace.startswith(("kube-", "default")):
        return ""
    near = {other.name for other in inventory.namespaces() if _is_slip_of_a_word(other.name, namespace)}
    if len(near) != 1:
        return ""
    held = {workload.namespace for workload in inventory.all_workloads()}
    held |= {service.namespace for service in inventory.all_services()}
    unknown = near <= held and namespace not in held and namespace not in inventory.named_namespaces
    return near.pop() if unknown else ""


def _is_slip_of_a_word(name: str, other: str) -> bool:
    """Whether two names differ in one long word, and there by a slip: `team-a` is no slip of `team-b`."""
    differing = (_words(name) - _words(other), _words(other) - _words(name))
    if any(len(words) != 1 for words in differing) or not _is_near(name, other):
        return False
    one, two = (next(iter(words)) for words in differing)
    return min(len(one), len(two)) >= _LONG and bool(get_close_matches(one, [two], n=1, cutoff=_NEAR))


def _is_near(name: str, other: str) -> bool:
    """Whether one namespace may be meant by the other's name."""
    return not _are_siblings(name, other) and bool(get_close_matches(name, [other], n=1, cutoff=_NEAR))


def _are_siblings(name: str, other: str) -> bool:
    """Whether two namespaces differ in a number or an environment."""
    same = shape_of(name) == shape_of(other) or _NUMBER.sub("", name) == _NUMBER.sub("", other)
    return same or bool((_words(name) ^ _words(other)) & _ENVIRONMENTS)


def _words(name: str) -> frozenset[str]:
    return frozenset(name.split("-"))


def _has(workload: Workload, requirement: Requirement) -> bool:
    if requirement.key == SERVICE_ACCOUNT_LABEL:
        found: tuple[str, ...] = (workload.service_account,)
    else:
        found = (workload.labels[requirement.key],) if requirement.key in workload.labels else ()
    return conditions_of([requirement])[0].meets(found)


def _in_namespace(namespace: str) -> Requirement:
    return Requirement("", NAMESPACE_LABEL, K8S, NAMESPACE_LABEL, "In", (namespace,))
