"""Subjects that select nothing: the nearest labels, and what the finding says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from rewriter.cilium.labels import ANY, K8S, NAMESPACE_LABEL
from rewriter.cilium.policy import KNP, Spec
from rewriter.cilium.selector import Requirement, Selector
from rewriter.cilium.terms import Condition, LabelTerm, conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.host_policies import nodes_of
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.near_labels import near_label
from rewriter.evidence.placeholders import has_placeholder
from rewriter.evidence.strangers import near_namespace
from rewriter.evidence.workloads import matches, workloads_evidence
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.selectors.label_sources import RightKey, filter_evidence, filter_words
from rewriter.passes.kit.selectors.namespace_labels import on_pods, right_key
from rewriter.passes.kit.selectors.rekeyed_subject import rekeyed
from rewriter.passes.kit.selectors.scope_keys import misspelt, renamed
from rewriter.text import join_names, selector_text


def severity_of(context: Context, spec: Spec) -> Severity:
    """How bad it is that nothing is protected: deny rules and a default deny are there to shut something.

    `{}` allows nothing, and in a NetworkPolicy everything.
    """
    denies = any(rule.deny for rule in spec.rules)
    knp = context.policy.kind == KNP
    allows = any(not rule.deny and (knp or rule.members) for rule in spec.rules)
    return Severity.ERROR if denies or not allows else Severity.WARNING


def labelled_host(context: Context, spec: Spec, subject: Selector, pods: Sequence[Workload]) -> Iterator[Finding]:
    """Pods with a label `host`, which Cilium takes for its own label of nodes while the host firewall is off."""
    datapath = context.cluster.datapath if context.cluster else None
    if pods and datapath is not None and not datapath.host_firewall and all("host" in pod.labels for pod in pods):
        yield report(
            context,
            subject,
            Applicability.MANUAL,
            f"the policy protects no pod: {join_names((str(pod) for pod in pods), most=3)} has the label `host`",
            "while the host firewall is off, Cilium enforces no policy for pods with a label of that key",
            severity=severity_of(context, spec),
            rests_on=pods,
            evidence=workloads_evidence(pods),
            advice="give the label of the pods another key",
        )


def filtered_subject(context: Context, spec: Spec, subject: Selector, left_out: tuple[Requirement, ...]) -> Finding:
    keys = join_names(f"`{requirement.written_key}`" for requirement in left_out)
    return report(
        context,
        left_out[0],
        Applicability.MANUAL,
        f"the policy selects no pod{filter_words(context, subject, left_out)}: {keys} is not part of identities",
        "Cilium compares a selector with the labels of identities, and its filter leaves this one out",
        severity=severity_of(context, spec),
        evidence=filter_evidence(context, left_out),
        advice="select the pods by another label that they carry",
    )


def misspelt_scope(context: Context, spec: Spec, subject: Selector) -> Iterator[Finding]:
    """The finding of a subject with a key that was meant for the namespace of its pods, or for a label of it.

    A key that identities may have (`namespace`) counts only where the filter of their labels leaves it out.
    """
    demands = [r for r in subject.requirements if r.operator in ("In", "Exists")]
    unseen = {requirement.key for requirement in filtered(context, subject, context.from_version)}
    names = {r: right_key(r.written_key) for r in demands if right_key(r.written_key)}
    names |= {
        r: r.written_key.removesuffix(r.key) + NAMESPACE_LABEL
        for r in misspelt(subject)
        if r in demands and (r.key in unseen or r.key.startswith("io.k"))
    }
    if context.policy.kind == KNP or not names or on_pods(context, list(names)):
        return
    written, meant = (
        join_names(f"`{key}`" for key in keys) for keys in ([r.written_key for r in names], names.values())
    )
    first, key = next(iter(names.items()))
    alone = len(names) == 1
    new = rekeyed(context, spec, first, RightKey(key, tuple(renamed(first, key)), ())) if alone else None
    shut = new.shut.removesuffix(", which the fix turns off") if new else ""
    what = "the namespace" if key.endswith(NAMESPACE_LABEL) else "labels of their namespace"
    yield report(
        context,
        first,
        Applicability.MANUAL,
        f"the policy selects no pod: no pod has the label {written}{shut}",
        f"Cilium gives pods {what} under {meant}",
        change=new.change if new else None,
        severity=severity_of(context, spec),
        advice=f"write {meant}",
        at_key="/matchLabels/" in first.route,
    )


def in_no_namespace(context: Context, near: str) -> Iterator[Finding]:
    """The finding of a policy whose namespace the facts hold nothing of, while they hold one of nearly its name.

    Where the selector means pods by labels, it is reported only if pods of the other namespace have them.
    """
    policy = context.policy
    pods: list[Workload] = []
    for spec in policy.specs:
        subject = spec.subject
        if subject is None or has_placeholder(spec.written_subject):
            return
        moved = [c for c in conditions_of(subject.requirements) if c.key != NAMESPACE_LABEL]
        found = matches(context, label_term([*moved, Condition(K8S, NAMESPACE_LABEL, "In", (near,))])).workloads
        if not found:
            return
        pods += found
    if pods:
        yield report(
            context,
            f"{policy.route}/metadata/namespace"
            if (policy.raw.get("metadata") or {}).get("namespace")
            else policy.route,
            Applicability.MANUAL,
            f"the policy is for namespace {policy.namespace}, of which nothing is known; the nearest is {near}, where "
            "pods match",
            "a policy selects pods of its own namespace only",
            severity=Severity.WARNING,
            evidence=workloads_evidence(pods),
            advice=f"write {near} if that is meant, or show where {policy.namespace} is made",
        )


def in_no_known_namespace(context: Context, subject: Selector) -> Iterator[Finding]:
    """The same of a clusterwide policy's selector, which names the namespace itself."""
    for requirement in subject.requirements:
        named = requirement.key == NAMESPACE_LABEL and requirement.source in (ANY, K8S)
        if not named or requirement.operator != "In" or len(requirement.values) != 1:
            continue
        (namespace,) = requirement.values
        near = near_namespace(context, namespace)
        others = [condition for condition in conditions_of(subject.requirements) if condition.key != NAMESPACE_LABEL]
        meant = label_term([*others, Condition(K8S, NAMESPACE_LABEL, "In", (near,))])
        found = matches(context, meant).workloads if near else ()
        if found:
            yield report(
                context,
                requirement,
                Applicability.MANUAL,
                f"the policy is for pods of namespace {namespace}, of which nothing is known; the nearest is {near}, "
                "where pods match",
                "no pod is in a namespace that does not exist",
                severity=Severity.WARNING,
                evidence=workloads_evidence(found),
                advice=f"write {near} if that is meant, or show where {namespace} is made",
            )


def selects_no_node(context: Context, spec: Spec, subject: Selector) -> Iterator[Finding]:
    """The finding of a nodeSelector that no known node has, and that one nearly has.

    Nodes join without a manifest, so that only a label that is nearly there shows a mistake.
    """
    selected, known = nodes_of(context, spec)
    if selected or not known or has_placeholder(spec.raw.get("nodeSelector")):
        return
    labels = {f"{key}={value}" if value else key: node for node in known for key, value in node.labels.items()}
    near: dict[str, str] = {}
    for requirement in subject.requirements:
        wanted = [f"{requirement.key}={value}" if value else requirement.key for value in requirement.values or ("",)]
        there = [text for text in wanted if text in labels or text in {label.partition("=")[0] for label in labels}]
        if requirement.operator in ("In", "Exists") and not there:
            for text in get_close_matches(wanted[0], labels, n=1, cutoff=0.85):
                near[f"`{text}`"] = f"node {labels[text].name} has {text}, {labels[text].source}"
    if near:
        yield report(
            context,
            subject,
            Applicability.MANUAL,
            f"the policy selects no node: none has `{selector_text(subject)}`; the nearest is {join_names(near)}",
            "the policy changes nothing for the nodes that it was written for",
            severity=severity_of(context, spec),
            evidence=tuple(near.values()),
            advice="write the label as the nodes have it",
        )


def is_described(context: Context) -> bool:
    """Whether the facts describe the policy's namespace as a whole: its Namespace is among them.

    kube-system holds what the cluster's installer runs, and a clusterwide policy is for namespaces of other trees too.
    """
    own = context.policy.namespace
    return own not in (None, "default", "kube-system") and bool(context.inventory.namespaces(own))


def nearest_label(context: Context, term: LabelTerm, subject: Selector) -> dict[str, str]:
    """The labels of known workloads of the policy's namespaces that are nearest to a wrong one, with their places."""
    namespaces = {c.values for c in term.conditions if c.key == NAMESPACE_LABEL and c.operator == "In"}
    named = set().union(*namespaces) if namespaces else None
    found: dict[str, str] = {}
    for requirement in subject.requirements:
        if requirement.operator != "In" or requirement.source not in (ANY, K8S):
            continue
        for value in requirement.values:
            for text, workload in near_label(context, requirement.key, value, named).items():
                found[f"`{text}`"] = f"{workload} has {text}, {workload.source}"
    return found
