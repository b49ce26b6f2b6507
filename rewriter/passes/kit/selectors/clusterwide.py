"""The clusterwide form of a CiliumNetworkPolicy: one that applies in every namespace and means the same peers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewriter.cilium.peers import names_init
from rewriter.cilium.policy import CCNP, EGRESS, INGRESS, Policy, read_policy
from rewriter.cilium.terms import conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import member_clusters, namespace_key
from rewriter.evidence.workloads import workloads_evidence, workloads_of
from rewriter.finding import Applicability, Finding, FlowClaim, Operation, Severity
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import all_other, rules_flows
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.selectors.scope_keys import with_label
from rewriter.text import join_names, selector_text, subject_text

#: Fields whose selectors mean the policy's own namespace where they name none.
_FIELDS = frozenset({"fromEndpoints", "toEndpoints", "fromRequires", "toRequires"})


def clusterwide_form(context: Context, *, pending: bool) -> Finding | None:
    """The offer of the clusterwide form; None where the subject is known to live in the policy's namespace only.

    `pending` says that peers of the policy get a namespace first: until then there is no form to show.
    """
    policy = context.policy
    subjects = [spec.subject for spec in policy.specs]
    if not subjects or None in subjects or any(map(names_init, subjects)):
        return None
    here, elsewhere = _subjects(context)
    if here and not elsewhere:
        return None
    conditions = join_names(dict.fromkeys(selector_text(subject) or "every pod" for subject in subjects))
    settled = context.namespace_known and not pending
    if pending:
        advice = "name the namespaces of its peers first, or they would be pods of any namespace"
    elif settled:
        advice = (
            "set `applicability` of [passes.missing-namespace] to have it written; it is another object, so delete the "
            "old"
        )
    else:
        advice = "say in which namespace the policy is applied: its peers live there"
    return report(
        context,
        f"{policy.route}/kind",
        Applicability.MANUAL,
        f"the policy selects {conditions} in {policy.namespace} only; a {CCNP} would select them in every namespace",
        "a policy of a namespace is in force there and nowhere else, whatever its subject is",
        evidence=workloads_evidence(elsewhere),
        change=_change(policy) if settled else None,
        severity=Severity.NOTE,
        advice=advice,
    )


def _change(policy: Policy) -> Change:
    """The clusterwide form, and what it opens and closes for the pods of other namespaces."""
    import jsonpatch  # Only here: most runs have no use for it.

    operations = tuple(_operations(policy))
    relative = [{**operation, "path": operation["path"].removeprefix(policy.route)} for operation in operations]
    form = read_policy(jsonpatch.apply_patch(policy.raw, relative))
    opens: list[FlowClaim] = []
    closes: list[FlowClaim] = []
    for spec in form.specs:
        subject = f"{subject_text(form, spec)} but {policy.namespace}"
        for direction in (INGRESS, EGRESS):
            allowing, denying = (
                [rule for rule in spec.rules if rule.direction == direction and rule.deny is deny]
                for deny in (False, True)
            )
            words = f"{direction} of {subject}"
            if allowing:
                opens.append(rules_flows(f"{words} that the rules allow", spec, direction, allowing, form))
            if denying:
                closes.append(rules_flows(f"{words} that the deny rules name", spec, direction, denying, form))
            if allowing or denying:
                closes.append(replace(all_other(f"all other {words}", spec, direction), policy=form))
    return Change(operations, tuple(opens), tuple(closes))


def _subjects(context: Context) -> tuple[list[Workload], list[Workload]]:
    """The known workloads that the policy's subjects select by labels: in its namespace, and in others."""
    members = {cluster.name for cluster in member_clusters(context)[:1]} if context.cluster else set()
    found: dict[int, Workload] = {}
    for spec in context.policy.specs:
        term = label_term(conditions_of(spec.subject.requirements if spec.subject else ()))
        for workload in workloads_of(context, term) or ():
            if not members or workload.cluster in (None, *members):
                found[id(workload)] = workload
    own = context.policy.namespace
    return [w for w in found.values() if w.namespace == own], [w for w in found.values() if w.namespace != own]


def _operations(policy: Policy) -> Iterator[Operation]:
    """Another kind, no namespace, and each peer selector with the namespace that it means today."""
    yield {"op": "replace", "path": f"{policy.route}/kind", "value": CCNP}
    metadata = policy.raw.get("metadata")
    if isinstance(metadata, dict) and "namespace" in metadata:
        yield {"op": "remove", "path": f"{policy.route}/metadata/namespace"}
    key, namespace = namespace_key(policy), policy.namespace or ""
    for rule in policy.rules():
        for field in rule.peers:
            if field.name in _FIELDS:
                for index, selector in enumerate(field.selectors):
                    if selector is not None and not (selector.names_namespace or selector.names_reserved):
                        yield with_label(field.entries[index], field.entry_route(index), key, namespace)
