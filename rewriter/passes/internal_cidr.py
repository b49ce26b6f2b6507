"""## What it does

Finds CIDRs that hold pods, nodes or ClusterIPs of the clusters that are known, and writes the peers that were meant.

## Why it matters

A CIDR matches addresses outside the mesh only. It never matches a pod, whatever its address, and nodes only with
`policy-cidr-match-mode: nodes`; from 1.20 the mode `pods` makes it match pods too, and then this page is about nodes
alone. In an allow rule a range of pods allows nothing, **in a deny rule it denies nothing**.
ClusterIPs never match either: load balancing comes before policy.

## Example

"Only from inside the cluster, and from 203.0.113.0/24":

```diff
   ingress:
   - fromCIDR:
-    - 10.0.0.0/8
     - 203.0.113.0/24
+  - fromEntities:
+    - cluster
+  - fromEndpoints:
+    - matchExpressions:
+      - key: k8s:io.kubernetes.pod.namespace
+        operator: Exists
+      - key: io.cilium.k8s.policy.cluster
+        operator: In
+        values: [cluster-b]
```

## Fix safety

What a range covers whole is rewritten, on the evidence of the ranges in the config or the inventory:

- The pods and the nodes of the local cluster become the entity `cluster`, which includes health checks, the ingress
  proxies and the nodes of the whole mesh. Its pods alone become a selector over all namespaces.
  `[passes.internal-cidr] local = "cluster"` or `"pods"` decides instead of the ranges.
- The pods of other meshed clusters become a selector that names these clusters.
- The nodes alone become `host` and `remote-node`.
- A single ClusterIP becomes the backends of its Service, on their own ports.

The range itself goes where it lies inside pod ranges or inside `internal_cidrs`; else it stays, for it may hold
virtual machines. A part of a pod range, or the pods of a single node, is manual, since an address is not an identity,
and so is everything where the policy's own cluster is not known. A fix is unsafe in a deny rule, which starts to deny,
and where an entity lets in nodes of other clusters that no range covers. A prefix shorter than /8 (IPv6: /7) means the
internet.

Where pods are comes from the config or a snapshot, else from the tree: Cilium's pools; with `ipam.mode: kubernetes`
the ranges of Talos, k3s, kubeadm and the like. A native-routing CIDR, or the chart's default pool where no pool is
written, holds every pod and maybe other machines: what lies outside of it is not reported, and an entry that covers it
stays. Unknown private ranges get one note a run; a policy that takes such a range out of the internet, with `except`,
is named as evidence that something of the cluster is there. Single addresses, and what a comment, name or description
calls a network of machines (`# NAS`, `allow-lan`), are taken at their word. Where known pods are in the range, only a
word such as `LAN` counts.

A reference to a CiliumCIDRGroup is read as its CIDRs. It stays, since others may join them; the peers come beside it.

A NetworkPolicy has no entities: there the peer `namespaceSelector: {}` joins or replaces the `ipBlock`. In a mesh it
names its clusters in the `podSelector`, unless `policy-default-local-cluster` is on already.

## References

- Cilium documentation, "Layer 3 Policies", section "CIDR based"
- Cilium source, `pkg/policy/api/cidr.go`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewriter.cilium.policy import KNP, PeerField, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.addresses.cidr_entries import Held, coverage, matches_pods, read_entries
from rewriter.passes.kit.addresses.cidr_peers import Rewrite, rewrite
from rewriter.passes.kit.addresses.cidr_sites import (
    CidrSite,
    are_several,
    backends_there,
    cidr_doubts,
    cidr_evidence,
    held_ranges,
    internet_exceptions,
    manual_finding,
    may_hold,
    mesh_evidence,
    named_entries,
    route_of,
    why_no_match,
)
from rewriter.passes.kit.addresses.elsewhere import is_elsewhere
from rewriter.passes.kit.addresses.group_entries import group_entries
from rewriter.passes.kit.addresses.unknown_ranges import may_hold_pods, names_a_network, names_machines
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.coverage import sibling
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.text import join_names

_FIELDS = frozenset({"fromCIDR", "toCIDR", "fromCIDRSet", "toCIDRSet", "from", "to"})


@antipattern(
    code="CNP003",
    id="internal-cidr",
    title="a CIDR that holds pods or nodes",
    kinds=EVERY_KIND,
    after=("api-server", "service-address"),
    drops=True,
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            for field in rule.peers:
                if field.name in _FIELDS and (context.policy.kind == KNP or not rule.selects_nobody):
                    yield from _field(context, spec, rule, field)


def _field(context: Context, spec: Spec, rule: Rule, field: PeerField) -> Iterator[Finding]:
    entries = [*read_entries(field), *group_entries(context, field)]
    narrow = [e for e in entries if not (e.internet or is_elsewhere(context, spec, rule, field, e))]
    whole = mesh_evidence(coverage(context, narrow))
    narrow = [e for e in narrow if e.addresses <= whole or not names_a_network(context, rule, field, e)]
    site = CidrSite(context, spec, rule, field, coverage(context, narrow))
    yield from internet_exceptions(site, [entry for entry in entries if entry.internet])
    others = [f"`{other.name}`" for other in rule.peers if other.entries and other is not field]
    touching = [held for held in site.covered.held if held.pods or held.part or held.nodes or held.services]
    named: list[Held] = touching
    if site.covered.own is None and touching:
        advice = 'say where the file is applied, with `local = ["path/**"]` of a [[clusters]] entry'
        yield manual_finding(site, touching, "and it is unknown to which cluster the policy is applied", advice)
    elif touching and (doubts := cidr_doubts(site, touching)):
        advice = "say which cluster has the addresses, with `pod_cidrs` and `node_cidrs` of the [[clusters]] entries"
        yield manual_finding(site, touching, f"and which pods it holds is in doubt: {join_names(doubts)}", advice)
    elif others and touching:
        advice = "give each kind of peer a rule of its own first: every release rejects them in one"
        verb = "stands" if len(others) == 1 else "stand"
        yield manual_finding(site, touching, f"and {join_names(others)} {verb} beside it", advice)
    elif site.covered.own is not None:
        named = [held for held in touching if held.pods or held.part or held.nodes]
        yield from _decided(site)
    unknown = [
        held
        for held in (() if matches_pods(context) else site.covered.held)
        if held not in named
        and not held.entry.single
        and may_hold_pods(site.covered, held.entry)
        and not names_machines(context, rule, field, held.entry)
    ]
    if unknown:
        yield may_hold(site, unknown)


def _decided(site: CidrSite) -> Iterator[Finding]:
    """The finding with the fix, and one for each entry that is manual."""
    done = rewrite(site.context, site.rule, site.field, site.covered)
    if done.operations:
        yield _fixed(site, done)
    for held in site.covered.held:
        of_entry = [one for one in site.covered.held if one.part and one.entry.index == held.entry.index]
        if held.part and held is of_entry[0]:
            yield _part(site, of_entry)
        elif not held.part and held not in done.handled and held.nodes:
            yield from _nodes(site, held)


def _fixed(site: CidrSite, done: Rewrite) -> Finding:
    context, removed = site.context, done.removed
    opens = tuple(rule_flows(context, site.spec, site.rule, new.words, new.rule, terms=new.terms) for new in done.opens)
    outside = [entry for entry in removed if not entry.addresses <= mesh_evidence(site.covered)]
    gone = [entry.text for entry in outside]
    words = f"addresses of {join_names(gone)} outside the mesh (internal_cidrs says that there are none)"
    only = sibling(site.rule, {site.field.name: [site.field.entries[entry.index] for entry in outside]})
    # Cilium 1.19 reads a NetworkPolicy's rule of addresses alone wider than it is written, hence the rest.
    closes = (replace(rule_flows(context, site.spec, site.rule, words, only), rest=True),) if gone else ()
    unsafe = site.rule.deny or bool(done.widens)
    entries = [
        held for held in done.handled if held.entry in removed or not site.covered.held or held.pods or held.nodes
    ]
    why = why_no_match(site)
    if done.widens:
        why += f"; the fix also lets in {done.widens}, which no CIDR of the rule covers"
    return report(
        context,
        route_of(site, entries),
        Applicability.UNSAFE if unsafe else Applicability.EVIDENT,
        f"{named_entries(site, entries)} {site.verb(entries)} no {held_ranges(site, entries)}: no CIDR matches them",
        why,
        change=Change(done.operations, opens, closes),
        rule=site.rule,
        severity=Severity.ERROR if site.rule.deny else Severity.WARNING,
        evidence=cidr_evidence(site, entries, gone),
        at_key=route_of(site, entries) == site.field.route,
    )


def _part(site: CidrSite, entries: list[Held]) -> Finding:
    """The finding for an entry, or for what a CIDR group that it refers to has inside pod ranges."""
    there = [f"{service}, {service.source}" for held in entries for service in backends_there(site, held)]
    names = dict.fromkeys(name for held in entries for name in held.part)
    advice = "an address is not an identity: select the workloads that are meant by their labels"
    return manual_finding(
        site,
        entries,
        f"and {'hold' if are_several(entries) else 'holds'} a part of the pods of {join_names(names)}",
        f"{advice}; backends of {join_names(there)} are there" if there else advice,
    )


def _nodes(site: CidrSite, held: Held) -> Iterator[Finding]:
    own = site.context.cluster
    if own is not None and own.cidr_match_nodes:
        return
    advice = "name nodes as the entities host, remote-node or kube-apiserver, or set policy-cidr-match-mode to nodes"
    if site.context.policy.kind == KNP:
        advice = f"{advice.partition(',')[0]} and remote-node in a CiliumNetworkPolicy: a NetworkPolicy cannot"
    yield manual_finding(site, [held], f"and holds nodes of {join_names(held.nodes)}", advice, what="node")
