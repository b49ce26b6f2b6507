"""## What it does

Finds policies that protect no pod: their `endpointSelector` or `podSelector` selects none.

## Why it matters

A policy applies to the endpoints that its selector matches. Where it matches none, the pods that it was written for
stay open, and nothing reports that. Common reasons:

- a label that is written otherwise on the pods,
- a label that is not part of identities (`statefulset.kubernetes.io/pod-name`, `pod-template-hash`, `kubernetes.io/…`,
  from 1.20 `topology.kubernetes.io/…`, and what the agent's `labels` option leaves out),
- a key with a colon: `app:kubernetes.io/name` is a label of source `app`, and pods have labels of source `k8s`,
- pods on the host network, which are their node to Cilium: no policy but one with a `nodeSelector` applies to them,
- pods with a label whose key is `host`, for which nothing is enforced while the host firewall is off.

## Example

```diff
   endpointSelector:
     matchLabels:
-      app:kubernetes.io/name: wiki
+      app.kubernetes.io/name: wiki
```

## Fix safety

A colon in the place of a dot, and a source that Cilium gives no label, are set right where known pods have that label,
in the policy's own namespace where that is known. It is unsafe: the policy begins to be enforced. Where its deny rules
would put these pods into default deny, and nothing lets them through, the fix sets `enableDefaultDeny` to false as
well, so that only what the rules name is denied. It is manual where more than one condition is wrong. Everything else
is manual as well, with the nearest label that known pods have. That nothing matches is reported only where all pods of
the policy's namespace are known and its Namespace is among the facts, or a label that is near. Where more pods may be
hidden it is a note, and only for a slip of the pen, or for the name of known pods under another key: charts label their
pods with their own name, and with that of the release as `app.kubernetes.io/instance`.

## References

- Cilium documentation, "Endpoint Selector", "Limiting Identity-Relevant Labels" and "Host Policies"
- Cilium source, `pkg/labelsfilter/filter.go`, `pkg/labels/labels.go`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX
from rewriter.cilium.policy import KNP, Spec
from rewriter.cilium.selector import Requirement, Selector
from rewriter.evidence.context import Context
from rewriter.evidence.identity_labels import filtered, of_no_source
from rewriter.evidence.namespaces import own_evidence
from rewriter.evidence.near_labels import same_name_of, slips_of
from rewriter.evidence.placeholders import has_placeholder
from rewriter.evidence.strangers import near_namespace
from rewriter.evidence.workloads import matches, on_host_network, subject_term, workloads_evidence
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.completeness import Hidden
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.enforcement import rejected
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.selectors.label_sources import right_key
from rewriter.passes.kit.selectors.rekeyed_subject import rekeyed
from rewriter.passes.kit.selectors.subject_findings import (
    filtered_subject,
    in_no_known_namespace,
    in_no_namespace,
    is_described,
    labelled_host,
    misspelt_scope,
    nearest_label,
    selects_no_node,
    severity_of,
)
from rewriter.text import join_names, selector_text

_CHANGES_NOTHING = "the policy changes nothing for the pods that it was written for"


@antipattern(
    code="CNP024",
    id="unselected-subject",
    title="a policy that protects no pod",
    kinds=EVERY_KIND,
    exposes=True,
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    own = context.policy.namespace
    near = near_namespace(context, own) if own and context.namespace_known and not has_placeholder(own) else ""
    if near:
        yield from in_no_namespace(context, near)
        return
    refused = rejected(context.policy, context.to_version, context.flags)
    for spec in context.policy.specs:
        subject = spec.subject
        if subject is None and spec.node_subject is not None:
            yield from selects_no_node(context, spec, spec.node_subject)
        if subject is None or subject.names_reserved or has_placeholder(spec.written_subject):
            continue
        if refused and refused.route.startswith(f"{subject.route}/"):
            continue  # What is wrong in the selector is the pass rejected's to say.
        left_out = tuple(filtered(context, subject, context.to_version))
        no_source = tuple(of_no_source(subject)) if context.policy.kind != KNP else ()
        scope = tuple(misspelt_scope(context, spec, subject))
        if scope:
            yield from scope
        elif left_out:
            yield filtered_subject(context, spec, subject, left_out)
        elif no_source:
            yield _no_source(context, spec, no_source)
        elif context.policy.clusterwide and (elsewhere := tuple(in_no_known_namespace(context, subject))):
            yield from elsewhere
        elif _names_pods(subject) and (context.namespace_known or context.policy.clusterwide):
            yield from _unmatched(context, spec, subject)


def _names_pods(subject: Selector) -> bool:
    """Whether a selector demands a label that pods have of their own."""
    return any(
        requirement.operator in ("In", "Exists")
        and requirement.key not in (NAMESPACE_LABEL, CLUSTER_LABEL)
        and not requirement.key.startswith(NAMESPACE_LABELS_PREFIX)
        for requirement in subject.requirements
    )


def _no_source(context: Context, spec: Spec, wrong: tuple[Requirement, ...]) -> Finding:
    first = wrong[0]
    namespace = context.policy.namespace if context.namespace_known else None
    right = right_key(context, first, namespace) if len(wrong) == 1 else None
    new = rekeyed(context, spec, first, right) if right else None
    return report(
        context,
        first,
        Applicability.UNSAFE if new else Applicability.MANUAL,
        f"the policy selects no pod: `{first.written_key}` is a label `{first.key}` of source `{first.source}`"
        + (new.shut if new else ""),
        "what stands before a colon in a key is the source of the label, and labels of pods have source `k8s`",
        change=new.change if new else None,
        severity=severity_of(context, spec),
        evidence=right.evidence if right else (),
        advice="" if new else "write the key as the pods have it",
    )


def _perhaps_misspelt(context: Context, subject: Selector, hidden: Sequence[Hidden]) -> Iterator[Finding]:
    """A note where known pods have nearly the label, and others that have it may be hidden."""
    own = context.policy.namespace
    near = (slips_of(context, subject, own) or same_name_of(context, subject, own, hidden)) if own else {}
    if near:
        yield report(
            context,
            subject,
            Applicability.MANUAL,
            f"the policy selects no known pod: none has `{selector_text(subject)}`; the nearest is "
            f"{join_names(f'`{text}`' for text in near)}",
            "not every pod of the namespace is known, so that it may select others",
            severity=Severity.NOTE,
            evidence=[f"{workload}, {workload.source}: {text}" for text, workload in near.items()],
            advice="check the spelling",
        )


def _unmatched(context: Context, spec: Spec, subject: Selector) -> Iterator[Finding]:
    term = subject_term(context.policy, spec)
    if term is None:
        return
    found = matches(context, term)
    if found.workloads or found.undecided:
        if not found.undecided and found.certain:
            yield from labelled_host(context, spec, subject, found.workloads)
        return
    nodes = on_host_network(context, term)
    near = {} if nodes else nearest_label(context, term, subject)
    # Whether these are all workloads is the dearest question, so it comes last.
    if not (nodes or near or is_described(context)):
        return
    if not found.certain and not nodes:
        yield from _perhaps_misspelt(context, subject, found.hidden)
        return
    if nodes:
        there = join_names((str(node) for node in nodes), most=3)
        yield report(
            context,
            subject,
            Applicability.MANUAL,
            f"the policy protects no {'' if found.certain else 'known '}pod: {there}, which it selects, "
            f"{'runs' if len(nodes) == 1 else 'run'} on the host network",
            "to Cilium a pod on the host network is its node, and policies for pods do not apply to it",
            severity=severity_of(context, spec) if found.certain else Severity.NOTE,
            hidden=found.reasons,
            evidence=workloads_evidence(nodes),
            advice="protect the nodes with a CiliumClusterwideNetworkPolicy that has a `nodeSelector` (host firewall)",
        )
        return
    yield report(
        context,
        subject,
        Applicability.MANUAL,
        f"the policy selects no pod: none has `{selector_text(subject)}`"
        + (f"; the nearest is {join_names(near)}" if near else ""),
        _CHANGES_NOTHING,
        severity=severity_of(context, spec),
        evidence=(*near.values(), *own_evidence(context)),
        advice="write the label as the pods have it, or remove the policy if its pods are gone",
    )
