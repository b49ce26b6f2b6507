"""A peer that is only a namespace beside one that is only labels, where the labels live in that namespace alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rewriter.cilium.labels import K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, NAMESPACE_NAME_LABEL
from rewriter.cilium.peers import network_policy_conditions
from rewriter.cilium.policy import CNP, KNP
from rewriter.cilium.selector import Requirement, Selector, read_selector
from rewriter.cilium.terms import Condition, LabelTerm, conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import member_clusters
from rewriter.evidence.namespaces import WELL_KNOWN, matches_of, own_evidence
from rewriter.evidence.workloads import hidden_from, workloads_evidence, workloads_of
from rewriter.passes.kit.changes.forms import list_of, members_of
from rewriter.passes.kit.changes.site import Site, entries
from rewriter.records import dataclass
from rewriter.text import selector_text

_FIELDS = ("fromEndpoints", "toEndpoints", "from", "to")


@dataclass(frozen=True, slots=True)
class SplitPeer:
    """Two entries of a list that mean one: `labels` (read as `selector`) and the `namespace` beside it.

    `merged` is the entry that was meant, `place` the namespace in words ("in databases"), `evidence` the workloads that
    the merged entry selects and those of the policy's own namespace, which have not the labels. Without `own_known`
    others of these may have them, for all that is known.
    """

    labels: Site
    namespace: Site
    selector: Selector
    merged: Mapping[str, object]
    place: str
    evidence: tuple[str, ...]
    own_known: bool = True


def split_peers(context: Context) -> Iterator[SplitPeer]:
    """The entries of rules of a CNP or a NetworkPolicy that read as one entry on two list items.

    Only where pods of the policy's own namespace are completely known and none has the labels, and known pods of the
    other namespace have; or where the labels are those of the cluster's DNS, and the other namespace is its home.
    """
    if context.policy.kind not in (CNP, KNP) or not context.namespace_known:
        return
    sites = list(entries(context, *_FIELDS))
    namespaces: dict[int, list[Site]] = {}
    for site in sites:
        if _namespace_only(site):
            namespaces.setdefault(id(site.field), []).append(site)
    for site in sites:
        others = namespaces.get(id(site.field), ())
        selector = _labels_only(site) if len(others) == 1 else None
        if selector is None:
            continue
        besides = [other for other in others if abs(other.index - site.index) == 1]
        if besides and not context.comments_at(max(site, besides[0], key=lambda peer: peer.index).route):
            found = _split(context, site, besides[0], selector)
            if found is not None:
                yield found


def halves(context: Context) -> frozenset[str]:
    """The routes of peers that are half of one that `split_peers` finds."""
    return frozenset(site.route for split in split_peers(context) for site in (split.labels, split.namespace))


def _split(context: Context, site: Site, other: Site, selector: Selector) -> SplitPeer | None:
    own = matches_of(context, selector)
    usual = _usual_home(selector) in _names(other) and context.policy.namespace != _usual_home(selector)
    own_known = own is not None and _own_pods_known(context, selector)
    if (own is not None and own.here) or not (usual or own_known):
        return None
    merged = {**other.members, **site.members}
    if context.policy.kind == CNP:
        for field in ("matchLabels", "matchExpressions"):
            parts = [half.members[field] for half in (site, other) if field in half.members]
            merged |= {field: parts[0]} if len(parts) == 1 else {}
            if len(parts) == 2 and field == "matchLabels":
                merged[field] = {**members_of(parts[0]), **members_of(parts[1])}
            elif len(parts) == 2:
                merged[field] = [*list_of(parts[0]), *list_of(parts[1])]
    there = workloads_of(context, _term(context, merged)) or ()
    if not usual and all(workload.namespace == context.policy.namespace for workload in there):
        return None
    evidence = (*workloads_evidence(there), *own_evidence(context))
    if usual and not there:
        evidence = (f"clusters have {selector_text(selector)} in {_usual_home(selector)}",)
    return SplitPeer(site, other, selector, merged, _place(other), evidence, own_known)


def _usual_home(selector: Selector) -> str | None:
    """The namespace in which every cluster has the pods of a label; None for other labels."""
    conditions = [
        (requirement.written_key.rpartition(":")[2], requirement.values) for requirement in selector.requirements
    ]
    homes = {WELL_KNOWN.get((key, values[0])) for key, values in conditions if len(values) == 1}
    return homes.pop() if len(homes) == 1 and len(conditions) == 1 else None


def _names(site: Site) -> tuple[str | None, ...]:
    """The namespaces that an entry names by the only label that it asks for."""
    selector = site.selector if site.field.selectors else read_selector(site.members["namespaceSelector"], "")
    requirements = selector.requirements if selector else ()
    return requirements[0].values if len(requirements) == 1 and requirements[0].operator == "In" else ()


def _own_pods_known(context: Context, selector: Selector) -> bool:
    """Whether all pods of the policy's own namespace that may have the labels are known.

    Where else such pods may be does not matter: the namespace that is meant stands beside the labels.
    """
    if context.inventory.gaps("workloads") or not own_evidence(context):
        return False
    here = Condition(K8S, NAMESPACE_LABEL, "In", (context.policy.namespace or "",))
    term = label_term([*conditions_of(selector.requirements), here])
    return not hidden_from(context.inventory, term, [cluster.name for cluster in member_clusters(context)])


def _term(context: Context, merged: Mapping[str, object]) -> LabelTerm:
    if context.policy.kind == CNP:
        selector = read_selector(merged, "")
        return label_term(conditions_of(selector.requirements if selector else ()))
    conditions = network_policy_conditions(merged.get("podSelector"))
    chosen = network_policy_conditions(merged.get("namespaceSelector"), NAMESPACE_LABELS_PREFIX)
    return label_term([*conditions, *(chosen or [Condition(K8S, NAMESPACE_LABEL, "Exists")])])


def _labels_only(site: Site) -> Selector | None:
    """The selector of an entry that says labels and no namespace; None for others."""
    if site.field.selectors:
        selector = site.selector
    elif isinstance(site.entry, dict) and site.entry.keys() == {"podSelector"}:
        selector = read_selector(site.entry["podSelector"], f"{site.route}/podSelector")
    else:
        return None
    positive = selector is not None and any(
        requirement.operator in ("In", "Exists") for requirement in selector.requirements
    )
    return selector if positive and selector is not None and not any(map(_is_scope, selector.requirements)) else None


def _namespace_only(site: Site) -> bool:
    """Whether an entry names namespaces, by name or by their labels, and nothing else."""
    if site.field.selectors:
        requirements = site.selector.requirements if site.selector else ()
        return bool(requirements) and all(map(_is_scope, requirements)) and all(r.values for r in requirements)
    if not isinstance(site.entry, dict) or site.entry.keys() != {"namespaceSelector"}:
        return False
    selector = read_selector(site.members["namespaceSelector"], "")
    return selector is not None and bool(selector.requirements)


def _is_scope(requirement: Requirement) -> bool:
    return requirement.key == NAMESPACE_LABEL or requirement.key.startswith(NAMESPACE_LABELS_PREFIX)


def _place(site: Site) -> str:
    """The namespaces of an entry in words: `in databases`, `in namespaces project=shop`."""
    selector = site.selector if site.field.selectors else read_selector(site.members["namespaceSelector"], "")
    requirements = selector.requirements if selector else ()
    names = [r for r in requirements if r.key in (NAMESPACE_LABEL, NAMESPACE_NAME_LABEL)]
    if len(requirements) == 1 and names and names[0].operator == "In":
        return f"in {' or '.join(names[0].values)}"
    bare = [r._replace(written_key=r.key.removeprefix(NAMESPACE_LABELS_PREFIX)) for r in requirements]
    return f"in namespaces {selector_text(Selector('', tuple(bare)))}"
