"""## What it does

Finds the entity `cluster` in a policy of a cluster that is part of a mesh.

`cluster` stands for the nodes of the whole mesh and for the pods of the local cluster. In no release of Cilium does it
cover pods of other clusters.

## Why it matters

`fromEntities: [cluster]` reads like "from inside", and in one cluster it is. Once clusters are meshed, the pods of
the others are neither `cluster` nor `world`: their traffic drops. In a deny rule it is the other way round: they are
not denied.

## Example

```diff
   ingress:
   - fromEntities: [cluster]
     toPorts:
     - ports: [{port: "443", protocol: TCP}]
+  - fromEndpoints:
+    - matchExpressions:
+      - key: k8s:io.kubernetes.pod.namespace
+        operator: Exists
+      - key: io.cilium.k8s.policy.cluster
+        operator: In
+        values: [cluster-b]
+    toPorts:
+    - ports: [{port: "443", protocol: TCP}]
```

## Fix safety

The fix lets pods of other clusters in, so it needs your word that they should get in. With
`[passes.cluster-entity] remote` set it is evident, and so it is for the clusters whose pods an export of Hubble
(`--hubble`) shows dropped on the ports of the rule; without either it is unsafe. `remote = []` says that `cluster`
means the local cluster only, and silences the pass.

`mode` decides the form:

- `extend` (default) keeps the entity and adds the rule above.
- `replace` puts the selector in place of the entity. That loses host, remote-node, health, ingress, init, unmanaged
  and kube-apiserver, and is always unsafe.
- `cluster-mesh` writes the entity of that name, which exists from Cilium 1.20 on. A release before it rejects the
  policy, so apply it together with the upgrade.

Where only a stale snapshot names the other clusters, the finding is manual. So it is for an entity beside
`fromRequires` or `toRequires`, which narrow every selector of their direction and no entity.

Deny rules stay manual: widening one closes traffic that was perhaps meant to pass.

## References

- Cilium documentation, "Layer 3 Policies", section "Entities based"
- Cilium source, `pkg/policy/api/entity.go`
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.entities import CLUSTER_MEMBERS
from rewriter.cilium.labels import CLUSTER_LABEL
from rewriter.cilium.policy import INGRESS
from rewriter.cilium.terms import pods_with, reserved_term
from rewriter.cilium.version import CLUSTER_MESH_ENTITY
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import mesh_pods
from rewriter.finding import Applicability, Finding, Operation
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.coverage import add_after, sibling, uncovered_rules
from rewriter.passes.kit.clusters.entity_sites import (
    EntitySite,
    entity_finding,
    flows_opened,
    means_local_cluster,
    observed_remotes,
    remote_clusters,
    remote_doubts,
    remote_peers,
    remote_selectors,
    required_scopes,
    trust_in,
    without_entity,
)
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names


@antipattern(code="CNP004", id="cluster-entity", title="`cluster` where the mesh was meant")
def find(context: Context) -> Iterator[Finding]:
    remote = remote_clusters(context)
    if remote is None:
        return
    for spec in context.policy.specs:
        for rule in spec.rules:
            field = rule.peer("fromEntities" if rule.direction == INGRESS else "toEntities")
            if field and means_local_cluster(rule, field):
                meant = observed_remotes(context, rule, remote)
                finding = _finding(EntitySite(context, spec, rule, field, field.entries.index("cluster"), meant))
                if finding:
                    yield finding


def _finding(site: EntitySite) -> Finding | None:
    addition = uncovered_rules(site.context, site.rule, [sibling(site.rule, remote_peers(site))])
    if not addition:
        return None
    change = Change(add_after(site.rule, addition), opens=(flows_opened(site),))
    mode = site.context.config.cluster_entity.mode
    if site.rule.deny:
        return _not_denied(site, change)
    if mode == "cluster-mesh":
        return _widened(site)
    if required := required_scopes(site):
        advice = (
            f"{required} would narrow the new selector, and does not narrow the entity: write it into the selectors"
        )
        return entity_finding(site, Applicability.MANUAL, without_entity(site), advice=f"{advice} that it is meant for")
    return _replaced(site) if mode == "replace" else _extended(site, change)


def _not_denied(site: EntitySite, change: Change) -> Finding:
    return entity_finding(
        site,
        Applicability.MANUAL,
        f"pods of {site.remote.words} are not denied",
        change,
        advice=f"if they should be, add a rule to {site.rule.list_route.rsplit('/', 1)[1]} whose selector names "
        "them by io.cilium.k8s.policy.cluster; that closes traffic which passes today",
    )


def _extended(site: EntitySite, change: Change) -> Finding:
    doubts = remote_doubts(site)
    if doubts:
        advice = f"{join_names(doubts)}; name the clusters with `[passes.cluster-entity] remote = [...]`"
        return entity_finding(site, Applicability.MANUAL, without_entity(site), change, advice=advice)
    return entity_finding(site, trust_in(site), without_entity(site), change)


def _replaced(site: EntitySite) -> Finding:
    local = site.context.cluster
    if site.remote.names is not None and local is None:
        return entity_finding(
            site,
            Applicability.MANUAL,
            without_entity(site),
            advice='say which cluster the file is applied to (`local = ["path/**"]` of its [[clusters]] entry); a file '
            "that goes to several clusters, by a symlink say, needs a copy of its own in each",
        )
    names = None if site.remote.names is None or local is None else (local.name, *site.remote.names)
    peers = {remote_selectors(site): [mesh_pods(site.context, names)]}
    field = site.field
    operations: tuple[Operation, ...]
    if len(set(map(str, field.entries))) == 1:
        path = f"{site.rule.route}/{remote_selectors(site)}"
        operations = (
            {"op": "remove", "path": field.route},
            {"op": "add", "path": path, "value": peers[remote_selectors(site)]},
        )
    else:
        indexes = [index for index, entry in enumerate(field.entries) if entry == "cluster"]
        operations = (
            *({"op": "remove", "path": field.entry_route(index)} for index in reversed(indexes)),
            *add_after(site.rule, [sibling(site.rule, peers)]),
        )
    lost = join_names(CLUSTER_MEMBERS, most=len(CLUSTER_MEMBERS))
    # The host of a pod is let in whatever policies allow.
    closed = [name for name in CLUSTER_MEMBERS if name != "host" or site.rule.direction != INGRESS]
    return entity_finding(
        site,
        Applicability.UNSAFE,
        f"{without_entity(site)}; replacing the entity loses {lost}",
        Change(
            operations,
            opens=(flows_opened(site),),
            closes=(rule_flows(site.context, site.spec, site.rule, lost, terms=map(reserved_term, closed)),),
        ),
    )


def _widened(site: EntitySite) -> Finding:
    context = site.context
    if context.to_version < CLUSTER_MESH_ENTITY:
        return entity_finding(
            site,
            Applicability.MANUAL,
            without_entity(site),
            advice=f"the entity cluster-mesh exists from Cilium {CLUSTER_MESH_ENTITY} on and --to is "
            f'{context.to_version}; set mode = "extend" until then',
        )
    why = without_entity(site)
    if context.from_version < CLUSTER_MESH_ENTITY:
        why += f"; cluster-mesh is rejected before {CLUSTER_MESH_ENTITY}, so apply this with the upgrade, not before"
    names, others = site.remote.names, {cluster.name for cluster in context.remote_clusters}
    everyone = names is None or (bool(others) and others <= set(names))
    trust = trust_in(site) if everyone else Applicability.UNSAFE
    pods = [pods_with(CLUSTER_LABEL)]
    opened = rule_flows(context, site.spec, site.rule, "pods of every other meshed cluster", terms=pods)
    operation: Operation = {"op": "replace", "path": site.field.entry_route(site.index), "value": "cluster-mesh"}
    return entity_finding(site, trust, why, Change((operation,), opens=(opened,)))
