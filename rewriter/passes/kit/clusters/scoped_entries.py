"""Entries of a peer field that get a cluster: their routes, operations and evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rewriter.cilium.labels import NAMESPACE_LABEL
from rewriter.cilium.policy import KNP, PeerField, Rule, Spec
from rewriter.cilium.selector import read_selector
from rewriter.cilium.terms import LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import doubts_about
from rewriter.evidence.mesh import cluster_requirement
from rewriter.evidence.namespaces import WELL_KNOWN
from rewriter.evidence.workloads import matches, workloads_evidence
from rewriter.finding import Applicability, Finding, Operation
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.coverage import spec_of
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.clusters.cluster_scope import Scope, ScopedField, entry_words, term_today
from rewriter.passes.kit.enforced.enforcement import rejected_today
from rewriter.text import join_names


def is_well_formed(peer: Form) -> bool:
    return all(read_selector(peer.get(name), "") is not None for name in ("podSelector", "namespaceSelector"))


def scope_of(context: Context, spec: Spec, rule: Rule, field: PeerField, index: int) -> Scope | None:
    """The clusters that one entry is to name; None where the upgrade changes no flow of it."""
    configured = context.config.implicit_cluster.scope
    if not isinstance(configured, str):
        return Scope(configured)
    if configured == "local" and context.cluster is not None:
        return Scope((context.cluster.name,))
    anything = Scope(None)
    if configured == "any" or rule.deny or context.cluster is None:
        return anything
    term = term_today(context, spec, field, index)
    mesh = tuple(cluster.name for cluster in context.mesh)
    gaps = tuple(context.inventory.gaps("workloads"))
    if gaps:
        return Scope(None, doubts=gaps)
    if term is None:
        return anything
    found = matches(context, term, mesh)
    workloads = found.workloads
    if not workloads and _is_dns(term):
        return None
    if not found.certain or any(workload.cluster is None for workload in workloads):
        return anything
    holding = {workload.cluster for workload in workloads}
    names = tuple(name for name in mesh if name in holding)
    doubts = doubts_about(context.inventory, workloads)
    if doubts:
        return Scope(None, doubts=doubts)
    if not set(names) - {context.cluster.name}:
        return None
    return Scope(names, workloads)


def _is_dns(term: LabelTerm) -> bool:
    """Whether a term means the DNS of the cluster: its pods ask that of their own, through a Service of the cluster."""
    pods = {(c.key, value) for c in term.conditions if c.operator == "In" for value in c.values}
    return any((NAMESPACE_LABEL, WELL_KNOWN[label]) in pods for label in WELL_KNOWN.keys() & pods)


def scope_evidence(site: ScopedField) -> Iterator[str]:
    context = site.context
    configured = context.config.implicit_cluster.scope
    for index, scope in site.scopes.items():
        prefix = f"{entry_words(site, index)}: " if len(site.scopes) > 1 else ""
        for line in workloads_evidence(scope.workloads):
            yield prefix + line
        for line in scope.doubts:
            yield f"{prefix}every cluster is named, since {line}"
    if not any(scope.workloads for scope in site.scopes.values()) and context.mesh:
        yield f"meshed: {join_names(f'{cluster.name} ({cluster.source})' for cluster in context.mesh)}"
    if configured != "auto":
        shown = configured if isinstance(configured, str) else join_names(configured)
        yield f"[passes.implicit-cluster] scope = {shown}"
    cluster = context.cluster
    if cluster is not None and cluster.default_local_cluster:
        yield f"policyDefaultLocalCluster of {cluster.name} is on, {cluster.source}"


def scope_operations(site: ScopedField, index: int, scope: Scope) -> Iterator[Operation]:
    requirement = cluster_requirement(site.context, scope.names)
    route, entry = site.field.entry_route(index), site.field.entries[index]
    if site.context.policy.kind == KNP:
        if not isinstance(entry.get("podSelector"), dict):
            yield _member(entry, route, "podSelector", {"matchExpressions": [requirement]})
            return
        route, entry = f"{route}/podSelector", entry["podSelector"]
    if entry is None:
        yield {"op": "replace", "path": route, "value": {"matchExpressions": [requirement]}}
    elif isinstance(entry.get("matchExpressions"), list):
        yield {"op": "add", "path": f"{route}/matchExpressions/{len(entry['matchExpressions'])}", "value": requirement}
    else:
        yield _member(entry, route, "matchExpressions", [requirement])


def _member(mapping: Form, route: str, name: str, value: object) -> Operation:
    """Sets a member that is absent or null."""
    return {"op": "replace" if name in mapping else "add", "path": f"{route}/{name}", "value": value}


def route_of_scope(site: ScopedField) -> str:
    indexes = list(site.scopes)
    return site.field.entry_route(indexes[0]) if len(indexes) == 1 else site.field.route


def entries_text(site: ScopedField) -> str:
    """The entries with their verb, for a message."""
    many = len(site.scopes) > 1
    verb = ("deny" if many else "denies") if site.rule.deny else "mean" if many else "means"
    return f"{join_names([f'`{entry_words(site, index)}`' for index in site.scopes])} {verb}"


def closed_beside_deny(context: Context, finding: Finding, denying: Sequence[Rule]) -> Finding:
    """A finding in a direction with deny rules that the upgrade narrows and that no safe fix keeps as they are.

    What the fix keeps allowed may be denied today, and after the upgrade no longer.
    """
    if finding.fix is None or context.config.implicit_cluster.scope == "local" or rejected_today(context):
        return finding
    subject = context.policy.namespace or "any namespace"
    words = f"pods of {subject}: what a deny rule of the policy denies of other clusters today"
    opened = [flow_claim(words, spec_of(context.policy, rule), rule) for rule in denying]
    why = f"{finding.why}; a deny rule beside it is narrowed too, and only an unsafe fix keeps it as it is"
    return replace(finding, applicability=Applicability.UNSAFE, opens=(*finding.opens, *opened), why=why)
