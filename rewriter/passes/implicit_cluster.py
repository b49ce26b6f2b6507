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
  snapshot), or in a deny rule, the pass does what `any` does.
- `any` writes `operator: Exists`, which keeps today's reach exactly: safe.
- `local` names the local cluster, as the upgrade would: evident.
- A list of clusters names these: evident.

In a NetworkPolicy the key stands in `podSelector`, without a source before it: Cilium reads no other form there.

A policy with `fromNodes` or `toNodes` is rewritten only where `enable-node-selector-labels` is known to be on: without
it Cilium rejects the policy, as `rejected` reports.

A requirement (`fromRequires`, `toRequires`) is manual where clusters are to be named: it narrows the rules of
other policies, too.

Where the target release reads the rule as more than the source release does (mutual authentication is off from 1.19 on,
port ranges are read from 1.16 on, for example), the upgrade opens that for local pods only. The fix would open it for
those of other clusters too, so that it is unsafe; in a deny rule it would close it, and is evident.

Where the policy is not enforced today and the upgrade switches it on, a deny rule would begin to deny other clusters,
and an allow rule would open what other policies deny by default: unsafe.

Where the other rules of the list allow (or deny) all of the same, on the target release too, nothing changes: a note.

`toServices` has no place for the key. The pass reports that the remote backends of a global Service are lost, and
fixes nothing there.

## References

- Cilium documentation, "Cluster Mesh: Network Policy", and the upgrade notes of 1.18 and 1.19
- Cilium source, `pkg/k8s/apis/cilium.io/utils`, `getEndpointSelector`; `pkg/k8s`, `ParseNetworkPolicy`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewriter.cilium.local_cluster import selectors_changed_by_local_cluster
from rewriter.cilium.policy import KNP, PeerField, Rule, Spec
from rewriter.cilium.version import (
    DEFAULT_LOCAL_CLUSTER,
    DEFAULT_LOCAL_CLUSTER_EXISTS,
    REQUIRES_REMOVED,
    Version,
)
from rewriter.evidence.context import Context
from rewriter.evidence.global_services import lost_backends
from rewriter.evidence.mesh import reaches_other_clusters
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.coverage import kept_by_others
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.clusters.cluster_scope import Scope, ScopedField, effect
from rewriter.passes.kit.clusters.scoped_entries import (
    closed_beside_deny,
    entries_text,
    is_well_formed,
    route_of_scope,
    scope_evidence,
    scope_of,
    scope_operations,
)
from rewriter.passes.kit.enforced.enforcement import rejected
from rewriter.passes.kit.registry import EVERY_KIND, antipattern

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
        yield finding if rule.deny or not denying else closed_beside_deny(context, finding, denying)


def _findings(context: Context, changed: frozenset[str]) -> Iterator[tuple[Rule, Finding]]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            for field in rule.peers:
                if field.name == "toServices":
                    found = lost_backends(context, spec, rule, field)
                else:
                    found = _selectors(context, spec, rule, field, changed)
                yield from ((rule, finding) for finding in found)


def _rejected(context: Context) -> bool:
    """Whether the target release rejects the policy: then its selectors reach no pod."""
    return rejected(context.policy, context.to_version, context.flags) is not None


def _selectors(
    context: Context, spec: Spec, rule: Rule, field: PeerField, changed: frozenset[str]
) -> Iterator[Finding]:
    requires = field.name in ("fromRequires", "toRequires")
    if requires and context.to_version >= REQUIRES_REMOVED:
        return
    indexes = [
        index
        for index, entry in enumerate(field.entries)
        if field.entry_route(index) in changed and (context.policy.kind != KNP or is_well_formed(entry))
    ]
    if not indexes:
        return
    configured = context.config.implicit_cluster.scope
    site = ScopedField(context, spec, rule, field, dict.fromkeys(indexes, Scope(None)))
    if requires and configured not in ("auto", "any"):
        yield _manual(
            site,
            "a requirement that names clusters narrows every rule of its direction, and those of other policies",
            f"write it into the selectors, with the clusters that they mean: it is gone in {REQUIRES_REMOVED}",
        )
        return
    if configured == "local" and context.cluster is None:
        yield _manual(
            site,
            "which cluster is local to this file is not known, so the local cluster cannot be named",
            'say so with `local = ["path/**"]` in the [[clusters]] entry of the cluster it is applied to',
        )
        return
    scopes = {index: scope_of(context, spec, rule, field, index) for index in indexes}
    affected = {index: scope for index, scope in scopes.items() if scope is not None}
    if affected:
        yield _narrowed(replace(site, scopes=affected))


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
    operations = (
        operation for index, scope in site.scopes.items() for operation in scope_operations(site, index, scope)
    )
    return report(
        context,
        route_of_scope(site),
        done.trust,
        f"`{site.field.name}` {entries_text(site)} pods of every cluster on {context.from_version}, "
        f"only {local} on {context.to_version}",
        why,
        change=Change(tuple(operations), done.opens, done.closes),
        severity=severity,
        evidence=scope_evidence(site),
        versions=VERSIONS,
    )


def _manual(site: ScopedField, why: str, advice: str) -> Finding:
    return report(
        site.context,
        route_of_scope(site),
        Applicability.MANUAL,
        f"`{site.field.name}` {entries_text(site)} pods of every cluster on {site.context.from_version}, "
        f"only local ones on {site.context.to_version}",
        why,
        advice=advice,
        versions=VERSIONS,
    )
