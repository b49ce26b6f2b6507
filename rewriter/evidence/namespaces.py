"""In which namespaces the pods live that a peer selector without a namespace matches, and how far that is known."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.cilium.labels import split_key
from rewriter.cilium.local_cluster import names_cluster
from rewriter.cilium.selector import Selector
from rewriter.cilium.terms import conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import member_clusters
from rewriter.evidence.workloads import hidden_from, workloads_of
from rewriter.inventory.facts.completeness import LIFT
from rewriter.inventory.facts.model import Workload
from rewriter.records import dataclass
from rewriter.text import join_names

#: Labels of pods that live in one namespace wherever Kubernetes runs (kubeadm and every managed service).
WELL_KNOWN = {("k8s-app", "kube-dns"): "kube-system", ("k8s-app", "coredns"): "kube-system"}


@dataclass(frozen=True, slots=True)
class Matches:
    """The known workloads that match: of the policy's own namespace, and of others.

    `beyond` are those of others in clusters that the selector reaches neither today nor after the upgrade.
    """

    here: tuple[Workload, ...]
    elsewhere: tuple[Workload, ...]
    beyond: tuple[Workload, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """What would have to be known to say which pods match, in one line, and what makes it known."""

    words: str
    lift: str


def configured_namespaces(context: Context, selector: Selector) -> dict[str, str]:
    """The namespaces in which pods with the selector's labels live, each with who says so."""
    found: dict[str, str] = {}
    configured = {
        _label(text): (namespace, f'[passes.missing-namespace] "{text}" = "{namespace}"')
        for text, namespace in context.config.missing_namespace.namespaces.items()
    }
    for requirement in selector.requirements:
        if requirement.operator != "In" or len(requirement.values) != 1:
            continue
        label = (requirement.key, requirement.values[0])
        if label in configured:
            found.setdefault(*configured[label])
        elif label in WELL_KNOWN:
            found.setdefault(WELL_KNOWN[label], f"pods with {'='.join(label)} live in {WELL_KNOWN[label]}")
    return found


def _label(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return split_key(key.strip())[1], value.strip()


def matches_of(context: Context, selector: Selector) -> Matches | None:
    """The workloads that match whatever their namespace; None where a fact that decides it is unknown."""
    found = workloads_of(context, label_term(conditions_of(selector.requirements)))
    if found is None:
        return None
    members = {cluster.name for cluster in member_clusters(context)}
    found = tuple(workload for workload in found if not members or workload.cluster in (None, *members))
    if not context.namespace_known:
        return Matches((), found, ())
    reached = {context.cluster.name} if context.cluster is not None and _local_only(context, selector) else members
    others = [workload for workload in found if workload.namespace != context.policy.namespace]
    return Matches(
        tuple(workload for workload in found if workload.namespace == context.policy.namespace),
        tuple(workload for workload in others if not members or workload.cluster in (None, *reached)),
        tuple(workload for workload in others if members and workload.cluster not in (None, *reached)),
    )


def _local_only(context: Context, selector: Selector) -> bool:
    """Whether the selector reaches the policy's own cluster only, today and after the upgrade."""
    versions = (context.from_version, context.to_version)
    return not names_cluster(selector) and all(context.default_local_cluster(version) for version in versions)


def knowledge_gap(context: Context, selector: Selector, besides: Sequence[str] = ()) -> Gap | None:
    """Why other pods may match than those known; None where all are known.

    They may be in the policy's own namespace, or in any other; what can only make pods in `besides` does not count.
    """
    own = context.cluster.name if context.cluster else None
    namespace = context.policy.namespace or ""
    known = any(own is None or workload.cluster in (None, own) for workload in _own(context))
    if not known and not context.inventory.completeness(namespace, own).complete:
        return Gap(f"no workload of {namespace} is known", LIFT)
    members = [cluster.name for cluster in member_clusters(context)]
    reached = [own] if own and _local_only(context, selector) else members
    gaps = context.inventory.gaps("workloads")
    if gaps:
        return Gap(f"{join_names(gaps)}, so that not every pod of {namespace} is known", LIFT)
    term = label_term(conditions_of(selector.requirements))
    hidden = hidden_from(context.inventory, term, reached, also=(namespace,), leaving_out=besides)
    if not hidden:
        return None
    near = sorted(hidden, key=lambda gap: gap.namespaces is None or namespace not in gap.namespaces)
    return Gap(f"{join_names(near, most=3)} may make pods that match", near[0].lift)


def namespaces_of(workloads: Sequence[Workload]) -> list[str]:
    return sorted({workload.namespace for workload in workloads})


def own_evidence(context: Context) -> tuple[str, ...]:
    """The known workloads of the policy's own namespace, where none matches, in one line."""
    own = _own(context)
    if not own:
        return ()
    shown = join_names((f"{workload} ({workload.source})" for workload in own), most=3)
    return (f"known in {context.policy.namespace}, where none matches: {shown}",)


def _own(context: Context) -> list[Workload]:
    if not context.namespace_known:
        return []
    members = {cluster.name for cluster in member_clusters(context)}
    return [
        workload
        for workload in context.inventory.workloads_with({})
        if workload.namespace == context.policy.namespace and (not members or workload.cluster in (None, *members))
    ]
