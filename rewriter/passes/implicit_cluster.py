"""## What it does

Finds peer selectors that reach pods of every meshed cluster today and only those of the local one after the upgrade,
because `policy-default-local-cluster` is on by default from Cilium 1.19. It finds exactly the policies that
`cilium clustermesh inspect-policy-default-local-cluster` calls affected, and writes down what they mean.

## Why it matters

With the option on, Cilium adds `io.cilium.k8s.policy.cluster=<local cluster>` to each entry of from/toEndpoints and
from/toNodes that does not name a cluster, and to the peers of a NetworkPolicy. Traffic between clusters that such an
entry allows is dropped after the upgrade; traffic that it denies passes.

## Example

```diff
   ingress:
   - fromEndpoints:
     - matchLabels:
         app: web
+      matchExpressions:
+      - key: io.cilium.k8s.policy.cluster
+        operator: In
+        values: [cluster-a, cluster-b]
```

## Fix safety

`[passes.implicit-cluster] scope` says what is written:

- `auto` (default) looks at the workloads of every meshed cluster. Where only local ones match, there is nothing to do.
  Where remote ones match, their clusters are named: evident. Where the workloads of a cluster are not known, where a
  Helm release or an operator may make pods there that are not known, where they are in doubt (stated twice, a stale
  snapshot), or in a deny rule, it does as `any`.
- `any` writes `operator: Exists`, which keeps today's reach exactly: safe.
- `local` names the local cluster, as the upgrade would: evident.
- A list of clusters names these: evident.

In a NetworkPolicy the key stands in `podSelector`, bare: nothing else counts there.

A policy with `fromNodes` or `toNodes` is rewritten only where `enable-node-selector-labels` is known to be on: without
it Cilium rejects the policy, as `rejected` tells.

A requirement (`fromRequires`, `toRequires`) is manual where clusters are to be named: it narrows the rules of
other policies, too.

Where the target release reads the rule as more than the source release does (mutual authentication is off from 1.19 on,
port ranges are read from 1.16 on, for example), the upgrade opens that for local pods only. The fix would open it for
those of other clusters too, so that it is unsafe; in a deny rule it would close it, and is evident.

Where the policy is not enforced today and the upgrade switches it on, a deny rule would begin to deny other clusters,
and an allow rule would open what other policies deny by default: unsafe.

Where the other rules of the list allow (or deny) all of the same, on the target release too, nothing changes: a note.

`toServices` has no place for the key: that the remote backends of a global Service are lost is reported, not fixed.

## References

- Cilium documentation, "Cluster Mesh: Network Policy", and the upgrade notes of 1.18 and 1.19
- Cilium source, `pkg/k8s/apis/cilium.io/utils`, `getEndpointSelector`; `pkg/k8s`, `ParseNetworkPolicy`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rewriter.cilium.labels import NAMESPACE_LABEL
from rewriter.cilium.local_cluster import selectors_changed_by_local_cluster
from rewriter.cilium.policy import KNP, PeerField, Rule, Spec
from rewriter.cilium.selector import read_selector
from rewriter.cilium.terms import LabelTerm
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import (
    DEFAULT_LOCAL_CLUSTER,
    DEFAULT_LOCAL_CLUSTER_EXISTS,
    REQUIRES_REMOVED,
    Version,
)
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import doubts_about
from rewriter.evidence.global_services import lost_backends
from rewriter.evidence.mesh import cluster_requirement, reaches_other_clusters
from rewriter.evidence.namespaces import WELL_KNOWN
from rewriter.evidence.workloads import matches, workloads_evidence
from rewriter.finding import Applicability, Finding, Fix, Operation, Severity
from rewriter.passes.kit.claims import flow_claim
from rewriter.passes.kit.cluster_scope import Scope, ScopedField, effect, entry_words, term_today
from rewriter.passes.kit.coverage import kept_by_others, spec_of
from rewriter.passes.kit.enforcement import rejected_today
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.text import join_names

VERSIONS = str(DEFAULT_LOCAL_CLUSTER)


def _spans(before: Version, after: Version) -> bool:
    return before < after and before < DEFAULT_LOCAL_CLUSTER and after >= DEFAULT_LOCAL_CLUSTER_EXISTS


@antipattern(
    code="CNP006",
    id="implicit-cluster",
    title="a selector that reaches every cluster, and stops doing so at 1.19",
    kinds=EVERY_KIND,
    change=DEFAULT_LOCAL_CLUSTER,
    crossing=True,
    spans=_spans,
    after=("fqdn-double-star",),  # With `**.` a rule means more names from 1.19 on: keep that alive too.
)
def find(context: Context) -> Iterator[Finding]:
    before = context.default_local_cluster(context.from_version)
    after = context.default_local_cluster(context.to_version)
    if before or not after or not reaches_other_clusters(context) or _rejected(context):
        return
    changed = frozenset(selectors_changed_by_local_cluster(context.policy))
    found = list(_findings(context, changed))
    left = [rule for rule, finding in found if rule.deny and finding.applicability is Applicability.UNSAFE]
    for rule, finding in found:
        denying = [other for other in left if other.direction == rule.direction]
        yield finding if rule.deny or not denying else _beside_deny(context, finding, denying)


def _findings(context: Context, changed: frozenset[str]) -> Iterator[tuple[Rule, Finding]]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            for field in rule.peers:
                if field.name == "toServices":
                    found = lost_backends(context, spec, rule, field)
                else:
                    found = _selectors(context, spec, rule, field, changed)
                yield from ((rule, finding) for finding in found)


def _beside_deny(context: Context, finding: Finding, denying: Sequence[Rule]) -> Finding:
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


def _rejected(context: Context) -> bool:
    """Whether the target release rejects the policy: then its selectors reach no pod."""
    return rejection(context.policy.raw, context.to_version, flags=context.flags) is not None


def _selectors(
    context: Context, spec: Spec, rule: Rule, field: PeerField, changed: frozenset[str]
) -> Iterator[Finding]:
    requires = field.name in ("fromRequires", "toRequires")
    if requires and context.to_version >= REQUIRES_REMOVED:
        return
    indexes = [
        index
        for index, entry in enumerate(field.entries)
        if field.entry_route(index) in changed and (context.policy.kind != KNP or _well_formed(entry))
    ]
    if not indexes:
        return
    configured = context.config.implicit_cluster.scope
    site = ScopedField(context, spec, rule, field, dict.fromkeys(indexes, Scope(None)))
    if requires and configured not in ("auto", "any"):
        yield _left_to_a_person(
            site,
            "a requirement that names clusters narrows every rule of its direction, and those of other policies",
            f"write it into the selectors, with the clusters that they mean: it is gone in {REQUIRES_REMOVED}",
        )
        return
    if configured == "local" and context.cluster is None:
        yield _left_to_a_person(
            site,
            "which cluster is local to this file is not known, so the local cluster cannot be named",
            'say so with `local = ["path/**"]` in the [[clusters]] entry of the cluster it is applied to',
        )
        return
    scopes = {index: _scope(context, spec, rule, field, index) for index in indexes}
    affected = {index: scope for index, scope in scopes.items() if scope is not None}
    if affected:
        yield _narrowed(replace(site, scopes=affected))


def _well_formed(peer: dict[str, Any]) -> bool:
    return all(read_selector(peer.get(name), "") is not None for name in ("podSelector", "namespaceSelector"))


def _scope(context: Context, spec: Spec, rule: Rule, field: PeerField, index: int) -> Scope | None:
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


def _narrowed(site: ScopedField) -> Finding:
    context, rule = site.context, site.rule
    scopes = tuple(site.scopes.values())
    by_workloads = any(scope.workloads for scope in scopes)
    done = effect(site)
    why = done.why
    local = f"those of {context.cluster.name}" if context.cluster else "local ones"
    severity = Severity.ERROR if by_workloads or rule.deny else Severity.WARNING
    if kept_by_others(context, rule):
        severity = Severity.NOTE
        why = f"nothing of it changes: other rules of the policy {'deny' if rule.deny else 'allow'} all of this anyway"
    return Finding(
        severity=severity,
        applicability=done.trust,
        route=_route(site),
        message=f"`{site.field.name}` {_entries(site)} pods of every cluster on {context.from_version}, "
        f"only {local} on {context.to_version}",
        why=why,
        evidence=tuple(_evidence(site)),
        fix=Fix(tuple(operation for index, scope in site.scopes.items() for operation in _edit(site, index, scope))),
        versions=VERSIONS,
        opens=done.opens,
        closes=done.closes,
    )


def _left_to_a_person(site: ScopedField, why: str, advice: str) -> Finding:
    return Finding(
        severity=Severity.WARNING,
        applicability=Applicability.MANUAL,
        route=_route(site),
        message=f"`{site.field.name}` {_entries(site)} pods of every cluster on {site.context.from_version}, "
        f"only local ones on {site.context.to_version}",
        why=why,
        advice=advice,
        versions=VERSIONS,
    )


def _evidence(site: ScopedField) -> Iterator[str]:
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
        said = configured if isinstance(configured, str) else join_names(configured)
        yield f"[passes.implicit-cluster] scope = {said}"
    cluster = context.cluster
    if cluster is not None and cluster.default_local_cluster:
        yield f"policyDefaultLocalCluster of {cluster.name} is on, {cluster.source}"


def _edit(site: ScopedField, index: int, scope: Scope) -> Iterator[Operation]:
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


def _member(mapping: dict[str, Any], route: str, name: str, value: Any) -> Operation:
    """Sets a member that is absent or null."""
    return {"op": "replace" if name in mapping else "add", "path": f"{route}/{name}", "value": value}


def _route(site: ScopedField) -> str:
    indexes = list(site.scopes)
    return site.field.entry_route(indexes[0]) if len(indexes) == 1 else site.field.route


def _entries(site: ScopedField) -> str:
    """The entries with their verb, for a message."""
    many = len(site.scopes) > 1
    verb = ("deny" if many else "denies") if site.rule.deny else "mean" if many else "means"
    return f"{join_names([f'`{entry_words(site, index)}`' for index in site.scopes])} {verb}"
