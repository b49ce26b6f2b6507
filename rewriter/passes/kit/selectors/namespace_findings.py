"""Findings about selectors without a namespace, by what is known of the pods that they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.policy import CNP, KNP
from rewriter.cilium.selector import Requirement, Selector
from rewriter.cilium.terms import conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.mesh import cluster_requirement, namespace_key
from rewriter.evidence.namespaces import Gap, namespaces_of, own_evidence
from rewriter.evidence.workloads import on_host_network, workloads_evidence
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.applicability import MANUAL, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import Site
from rewriter.passes.kit.selectors.namespace_labels import right_key
from rewriter.passes.kit.selectors.pod_selectors import in_namespaces, renamed_key
from rewriter.text import join_names, selector_text


def matches_nowhere(site: Site, selector: Selector) -> Finding:
    return say(
        site,
        selector,
        MANUAL,
        "no workload that is known matches, in any namespace",
        severity=Severity.NOTE,
        evidence=own_evidence(site.context),
        advice="check the labels, or give the facts of the cluster with --inventory",
    )


def in_other_clusters(site: Site, selector: Selector, there: Sequence[Workload]) -> Finding:
    """Pods that match live in other clusters only, which the selector does not reach."""
    context = site.context
    clusters = tuple(cluster.name for cluster in context.mesh if any(w.cluster == cluster.name for w in there))
    names = namespaces_of(there)
    where = f"in {join_names(names)} of {join_names(clusters)}"
    new = in_namespaces(site, names, cluster_requirement(context, clusters))
    return say(
        site,
        selector,
        MANUAL,
        f"pods that match live {where}",
        change=moves(site, selector, where, new),
        evidence=(*workloads_evidence(there), *own_evidence(context)),
        advice="name the namespace and the cluster if these pods are meant",
    )


def misspelt_value(site: Site, selector: Selector, near: Mapping[str, Workload], gap: Gap) -> Finding:
    """Labels that no known pod has, while known pods have nearly the same; pods that are hidden may have them."""
    return say(
        site,
        selector,
        MANUAL,
        f"none that is known matches; the nearest is {join_names(f'`{text}`' for text in near)}",
        severity=Severity.NOTE,
        evidence=[f"{workload}, {workload.source}: {text}" for text, workload in near.items()],
        advice=f"check the spelling; {gap.words}: {gap.lift}",
    )


def misspelt_label(site: Site, selector: Selector, wrong: Sequence[Requirement]) -> Finding:
    key = "namespaceSelector" if site.context.policy.kind == KNP else namespace_key(site.context.policy)
    rest = [r for r in selector.requirements if r not in wrong]
    pods = f"pods {text}" if (text := selector_text(Selector("", tuple(rest)))) else "every pod"
    meant = join_names(value for r in wrong for value in r.values) or "any namespace"
    change = None
    operations = renamed_key(site, wrong[0]) if len(wrong) == 1 else ()
    if operations:
        right = label_term(conditions_of([*rest, wrong[0]._replace(source=K8S, key=NAMESPACE_LABEL)]))
        opens = site.flows(f"{pods} in {meant}", site.entry, [right])
        own = f"pods {selector_text(selector)} in {site.context.policy.namespace or ''}"
        # What identities never have as a label closes nothing, and what the right key means as well stays.
        unseen = any(filtered(site.context, selector, site.context.from_version))
        change = Change(operations, (opens,), () if unseen else (site.flows(own, site.entry, rest=True),))
    return say(
        site,
        selector,
        decided((change, UNSAFE), (OTHERWISE, MANUAL)),
        f"{join_names(f'`{r.written_key}`' for r in wrong)} is a label of pods there, not their namespace",
        route=wrong[0].route,
        advice=f"the key is `{key}`" if site.context.policy.kind == CNP else f"name the namespace in a `{key}`",
        change=change,
    )


def moves(site: Site, selector: Selector, where: str, new: Mapping[str, object], none: str | None = "") -> Change:
    """From the pods of the policy's own namespace to those `where`; with `none` None it keeps the former too."""
    pods = f"pods {selector_text(selector)}"
    own = "" if none is None else f"{pods} in {site.context.policy.namespace or ''}{none}"
    return site.becomes(new, f"{pods} {where}", instead_of=own)


def option(selector: Selector, namespace: str) -> str:
    single = (r for r in selector.requirements if r.operator == "In" and len(r.values) == 1)
    label = next((f"{r.key}={r.values[0]}" for r in single), "key=value")
    return f'`"{label}" = "{namespace}"` in [passes.missing-namespace]'


def say(
    site: Site,
    selector: Selector,
    applicability: Applicability,
    what: str,
    *,
    severity: Severity | None = None,
    route: str = "",
    change: Change | None = None,
    evidence: Iterable[str] = (),
    advice: str = "",
) -> Finding:
    context, deny = site.context, site.deny
    own = (
        f"pods of {context.policy.namespace or ''}" if context.namespace_known else "pods of the policy's own namespace"
    )
    verb = "denies" if deny else "means"
    why = "a selector that names no namespace means the policy's own, so the traffic that was meant "
    return report(
        context,
        route or site,
        applicability,
        f"`{site.field.name}` `{selector_text(selector)}` {verb} {own}: {what}",
        why + ("passes" if deny else "is dropped"),
        rule=site.rule,
        severity=severity or (Severity.ERROR if deny else Severity.WARNING),
        change=change,
        evidence=evidence,
        advice=advice,
    )


def means_nodes(context: Context, selector: Selector) -> bool:
    """Whether pods on the host network have the labels, so that no namespace would help (host-network-peer)."""
    return bool(on_host_network(context, label_term(conditions_of(selector.requirements))))


def means_its_subject(site: Site, selector: Selector) -> bool:
    """Whether a peer is the pods that the policy itself selects, as members of a cluster are to each other."""
    subject = site.spec.subject
    own = {requirement[2:] for requirement in subject.requirements} if subject is not None else set()
    return all(requirement[2:] in own for requirement in selector.requirements)


def picks_pods(selector: Selector) -> bool:
    """Whether a selector picks pods by their labels, and nothing in it says of which namespace.

    `{}` and conditions that only rule out mean the whole of the policy's namespace, and are taken at their word.
    """
    if any(right_key(r.written_key) for r in selector.requirements):
        return False
    if selector.names_namespace or any(r.source not in (ANY, K8S) for r in selector.requirements):
        return False
    return any(r.operator in ("In", "Exists") and r.key != CLUSTER_LABEL for r in selector.requirements)
