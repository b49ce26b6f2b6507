"""## What it does

Finds the entity `cluster` in a policy of a cluster that is part of a mesh.

`cluster` stands for the nodes of the whole mesh and for the pods of the local cluster. It never covers pods of other
clusters, in no release of Cilium.

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

Where only a stale snapshot names the other clusters, the finding is manual.

So is an entity beside `fromRequires` or `toRequires`, which narrow every selector of their direction and no entity.

Deny rules stay manual: widening one closes traffic that was perhaps meant to pass.

## References

- Cilium documentation, "Layer 3 Policies", section "Entities based"
- Cilium source, `pkg/policy/api/entity.go`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rewriter.cilium.entities import CLUSTER_MEMBERS
from rewriter.cilium.labels import CLUSTER_LABEL
from rewriter.cilium.policy import INGRESS, PeerField, Rule, Spec
from rewriter.cilium.terms import pods_with, reserved_term
from rewriter.cilium.version import CLUSTER_MESH_ENTITY, REQUIRES_REMOVED
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import mesh_pods, pods_of
from rewriter.evidence.observed import dropped_from_remote_pods
from rewriter.finding import Applicability, Finding, Fix, FlowClaim, Operation, Severity
from rewriter.inventory.hubble.flows import ObservedFlow
from rewriter.passes.kit.claims import rule_flows
from rewriter.passes.kit.coverage import add_after, sibling, uncovered_rules
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names

#: Entities that already cover the pods of the whole mesh.
_WIDER = frozenset({"all", "cluster-mesh"})
_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Remote:
    """The other clusters that `cluster` should include: names, or None for all without knowing them.

    `said`: the config says so; `drops` are flows from or to their pods that Hubble saw dropped.
    """

    names: tuple[str, ...] | None
    said: bool
    drops: tuple[ObservedFlow, ...] = ()

    @property
    def words(self) -> str:
        return "the other clusters" if self.names is None else join_names(self.names)


@dataclass(frozen=True, slots=True)
class _EntitySite:
    """A rule with the entity in it."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    index: int
    remote: _Remote


@antipattern(code="CNP004", id="cluster-entity", title="`cluster` where the mesh was meant")
def find(context: Context) -> Iterator[Finding]:
    remote = _remote(context)
    if remote is None:
        return
    for spec in context.policy.specs:
        for rule in spec.rules:
            field = rule.peer("fromEntities" if rule.direction == INGRESS else "toEntities")
            if field and _means_local_cluster(rule, field):
                meant = _observed(context, rule, remote)
                finding = _finding(_EntitySite(context, spec, rule, field, field.entries.index("cluster"), meant))
                if finding:
                    yield finding


def _remote(context: Context) -> _Remote | None:
    """Which clusters are meant; None where there is no mesh, or the config says that none is."""
    said = context.config.cluster_entity.remote
    own = context.cluster
    if own is not None and not own.meshed:
        return None
    if not context.mesh and said is None:
        return None
    if said is None or isinstance(said, str):
        known = tuple(cluster.name for cluster in context.remote_clusters)
        return _Remote(known or None, said is not None)
    names = tuple(name for name in said if own is None or name != own.name)
    return _Remote(names, said=True) if names else None


def _observed(context: Context, rule: Rule, remote: _Remote) -> _Remote:
    """The clusters whose pods were seen dropped by the rule, where the config does not say which are meant."""
    drops = () if remote.said or rule.deny else dropped_from_remote_pods(context, rule)
    if not drops:
        return remote
    seen = {flow.peer.cluster for flow in drops}
    return _Remote(tuple(each.name for each in context.remote_clusters if each.name in seen), said=False, drops=drops)


def _means_local_cluster(rule: Rule, field: PeerField) -> bool:
    """Whether the entity is there and counts: a rule with other kinds of peer is rejected as a whole."""
    texts = [entry for entry in field.entries if isinstance(entry, str)]
    others = [other for other in rule.peers if other.entries and other is not field]
    return "cluster" in texts and not _WIDER.intersection(texts) and not others and not rule.selects_nobody


def _finding(site: _EntitySite) -> Finding | None:
    addition = uncovered_rules(site.context, site.rule, [sibling(site.rule, _remote_peers(site))])
    if not addition:
        return None
    fix, mode = Fix(add_after(site.rule, addition)), site.context.config.cluster_entity.mode
    if site.rule.deny:
        return _not_denied(site, fix)
    if mode == "cluster-mesh":
        return _widened(site)
    if required := _requirements(site):
        advice = f"{required} would narrow the new selector, as it does not the entity: write it into the selectors"
        return _make(site, Applicability.MANUAL, why=_dropped(site), advice=f"{advice} that it is meant for")
    return _replaced(site) if mode == "replace" else _extended(site, fix)


def _not_denied(site: _EntitySite, candidate: Fix) -> Finding:
    return _make(
        site,
        Applicability.MANUAL,
        why=f"pods of {site.remote.words} are not denied",
        advice=f"if they should be, add a rule to {site.rule.list_route.rsplit('/', 1)[1]} whose selector names "
        "them by io.cilium.k8s.policy.cluster; that closes traffic which passes today",
        candidate=candidate,
        closes=(_opened(site),),
    )


def _extended(site: _EntitySite, fix: Fix) -> Finding:
    opens = (_opened(site),)
    doubts = _doubts(site)
    if doubts:
        advice = f"{join_names(doubts)}; name the clusters with `[passes.cluster-entity] remote = [...]`"
        return _make(site, Applicability.MANUAL, why=_dropped(site), advice=advice, candidate=fix, opens=opens)
    return _make(site, _trust(site), why=_dropped(site), fix=fix, opens=opens)


def _requirements(site: _EntitySite) -> str:
    """The field of requirements that would narrow a selector beside the entity; empty where there is none."""
    rule, name = site.rule, "fromRequires" if site.rule.direction == INGRESS else "toRequires"
    fields = [each.peer(name) for each in site.context.policy.rules() if each.deny == rule.deny]
    narrowing = site.context.from_version < REQUIRES_REMOVED and any(field and field.entries for field in fields)
    return f"`{name}`" if narrowing else ""


def _doubts(site: _EntitySite) -> tuple[str, ...]:
    """Why the clusters of the mesh are not certain, where their names are taken from the facts."""
    said = site.context.config.cluster_entity.remote
    if site.remote.names is None or not (said is None or isinstance(said, str)):
        return ()
    known = site.context.remote_clusters
    return tuple(dict.fromkeys(age for each in known if (age := site.context.inventory.stale(each))))


def _replaced(site: _EntitySite) -> Finding:
    local = site.context.cluster
    if site.remote.names is not None and local is None:
        return _make(
            site,
            Applicability.MANUAL,
            why=_dropped(site),
            advice='say which cluster the file is applied to (`local = ["path/**"]` of its [[clusters]] entry)',
        )
    names = None if site.remote.names is None or local is None else (local.name, *site.remote.names)
    peers = {_endpoints(site): [mesh_pods(site.context, names)]}
    field = site.field
    operations: tuple[Operation, ...]
    if len(set(map(str, field.entries))) == 1:
        path = f"{site.rule.route}/{_endpoints(site)}"
        operations = (
            {"op": "remove", "path": field.route},
            {"op": "add", "path": path, "value": peers[_endpoints(site)]},
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
    return _make(
        site,
        Applicability.UNSAFE,
        why=f"{_dropped(site)}; replacing the entity loses {lost}",
        fix=Fix(operations),
        opens=(_opened(site),),
        closes=(rule_flows(site.context, site.spec, site.rule, lost, terms=map(reserved_term, closed)),),
    )


def _widened(site: _EntitySite) -> Finding:
    context = site.context
    if context.to_version < CLUSTER_MESH_ENTITY:
        return _make(
            site,
            Applicability.MANUAL,
            why=_dropped(site),
            advice=f"the entity cluster-mesh exists from Cilium {CLUSTER_MESH_ENTITY} on and --to is "
            f'{context.to_version}; set mode = "extend" until then',
        )
    why = _dropped(site)
    if context.from_version < CLUSTER_MESH_ENTITY:
        why += f"; cluster-mesh is rejected before {CLUSTER_MESH_ENTITY}, so apply this with the upgrade, not before"
    names, others = site.remote.names, {cluster.name for cluster in context.remote_clusters}
    everyone = names is None or (bool(others) and others <= set(names))
    trust = _trust(site) if everyone else Applicability.UNSAFE
    fix = Fix(({"op": "replace", "path": site.field.entry_route(site.index), "value": "cluster-mesh"},))
    pods = [pods_with(CLUSTER_LABEL)]
    opened = rule_flows(context, site.spec, site.rule, "pods of every other meshed cluster", terms=pods)
    return _make(site, trust, why=why, fix=fix, opens=(opened,))


def _trust(site: _EntitySite) -> Applicability:
    return Applicability.EVIDENT if site.remote.said or site.remote.drops else Applicability.UNSAFE


def _remote_peers(site: _EntitySite) -> dict[str, object]:
    return {_endpoints(site): [mesh_pods(site.context, site.remote.names)]}


def _endpoints(site: _EntitySite) -> str:
    return "fromEndpoints" if site.rule.direction == INGRESS else "toEndpoints"


def _dropped(site: _EntitySite) -> str:
    end = "from" if site.rule.direction == INGRESS else "to"
    return f"traffic {end} pods of {site.remote.words} is dropped unless another rule allows it"


def _opened(site: _EntitySite) -> FlowClaim:
    pods = [pods_of(site.remote.names)]
    return rule_flows(site.context, site.spec, site.rule, f"pods of {site.remote.words}", terms=pods)


def _evidence(site: _EntitySite) -> Iterator[str]:
    context = site.context
    if context.cluster is not None:
        yield f"the policy is applied to {context.cluster.name}, {context.cluster.source}"
    others: Sequence[str] = [f"{cluster.name} ({cluster.source})" for cluster in context.remote_clusters]
    if others:
        yield f"meshed with {join_names(others)}"
    yield from (f"Hubble saw dropped: {flow}" for flow in site.remote.drops[:_MOST_SHOWN])
    if len(site.remote.drops) > _MOST_SHOWN:
        yield f"and {len(site.remote.drops) - _MOST_SHOWN} kinds of flow more"
    if site.remote.said:
        said = context.config.cluster_entity.remote
        yield f"[passes.cluster-entity] remote = {said if isinstance(said, str) else ', '.join(said or ())}"


def _make(
    site: _EntitySite,
    applicability: Applicability,
    *,
    why: str,
    advice: str = "",
    fix: Fix | None = None,
    candidate: Fix | None = None,
    opens: tuple[FlowClaim, ...] = (),
    closes: tuple[FlowClaim, ...] = (),
) -> Finding:
    if applicability is Applicability.UNSAFE and not (site.remote.said or site.remote.drops):
        advice = "say which clusters were meant with `[passes.cluster-entity] remote`, or `remote = []` for none"
    verb = "denies" if site.rule.deny else "allows"
    return Finding(
        severity=Severity.WARNING,
        applicability=applicability,
        route=site.field.entry_route(site.index),
        message=f"`{site.field.name}: cluster` {verb} no pods of {site.remote.words}",
        why=why,
        evidence=tuple(_evidence(site)),
        advice=advice,
        fix=fix,
        candidate=candidate,
        opens=opens,
        closes=closes,
    )
