"""## What it does

Finds peer selectors whose pods run on the host network, and egress rules for the kubelets' port (10250) that name the
world, which holds no node, or `host`, which is the own node alone.

## Why it matters

To Cilium a pod with `hostNetwork: true` is its node: the identity `host` on its own node, `remote-node` on the others.
Its identity has none of its labels, so that no pod selector matches it. A rule for such pods alone never matches, and
the traffic that was meant is dropped; in a deny rule it passes.

## Example

```diff
   egress:
     - toEndpoints:
         - matchLabels:
             app: node-exporter
       toPorts:
         - ports:
             - port: "9100"
+    - toEntities:
+        - host
+        - remote-node
+      toPorts:
+        - ports:
+            - port: "9100"
```

## Fix safety

The rule that the fix adds is unsafe: on these ports it is for every process of every node, not only for these pods.
Where pods of the pod network match too, it is a note without a fix. Nothing is reported for a selector of all pods of
every namespace, nor for one of whole namespaces whose pods are not all known, such as kube-system. A NetworkPolicy has
no entities, so there the finding has no fix either. Only known workloads count. Where a rule of the same policy names
the nodes on these ports (for a rule without ports: on those that the pods declare), nothing is lost, and nothing is
reported; where a wider one (`cluster`) holds them, it is a note.

The rule for kubelets is unsafe too. A DaemonSet may want the kubelet of its own node, so that `host` is right for it;
and nothing is reported where any policy of the pods lets them reach the other nodes there, or where there is one node.

## References

- Cilium documentation, "Special Identities" and "Host Policies"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX
from rewriter.cilium.policy import INGRESS, KNP
from rewriter.cilium.selector import Selector
from rewriter.cilium.terms import Condition, LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.workloads import matches, on_host_network, workloads_evidence
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.addresses.kubelet_rules import kubelet_findings
from rewriter.passes.kit.changes.change import Change, rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import Site
from rewriter.passes.kit.ports.peer_terms import pod_peers
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.selectors.scope_keys import names_pods
from rewriter.text import join_names, selector_text

_NODES = ("host", "remote-node")
_OTHERS = _NODES[1:]
_NAME_THEM = "name the nodes, which lets any process of a node through"
_LET_THROUGH = "a wider rule beside it lets the nodes through: if that one is removed, add `host` and `remote-node`"
_WHY = "Cilium gives pods on the host network the identity of their node, without any label of theirs"


@antipattern(
    code="CNP025",
    id="host-network-peer",
    title="a peer selector whose pods run on the host network",
    kinds=EVERY_KIND,
    drops=True,
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    for site, selector, term in pod_peers(context, namespaces=True):
        nodes = on_host_network(context, term) if any(map(names_pods, selector.requirements)) else ()
        if nodes and (finding := _finding(site, selector, term, nodes)) is not None:
            yield finding
    yield from kubelet_findings(context)


def _finding(site: Site, selector: Selector, term: LabelTerm, nodes: Sequence[Workload]) -> Finding | None:
    context, name = site.context, f"`{site.field.name}` `{selector_text(selector)}`"
    found = matches(context, term)
    whole = not any(map(_is_own, term.conditions))
    if whole and not found.certain:
        return None  # A namespace may hold other pods, as kube-system those of the cluster's installer.
    there = join_names((str(node) for node in nodes), most=3)
    evidence = tuple(f"on the host network: {line}" for line in workloads_evidence(nodes))
    if found.workloads or found.undecided:
        if whole:
            return None
        return report(
            context,
            site,
            Applicability.MANUAL,
            f"{name} does not match {there}: these pods run on the host network",
            _WHY,
            severity=Severity.NOTE,
            evidence=(*evidence, *workloads_evidence(found.workloads)),
            advice="add the entities `host` and `remote-node` if these pods are meant too",
        )
    verb = "denies nothing" if site.deny else "never matches"
    ways = "from" if site.rule.direction == INGRESS else "to"
    change, let_through = None, False
    if context.policy.kind != KNP:
        change = _with_nodes(site, ways)
        # The own node is always let in, so that the others alone need a rule.
        let_through = change is None or (ways == "from" and not site.deny and _with_nodes(site, ways, _OTHERS) is None)
        change = None if let_through else change
    if (let_through or _through_where_they_listen(site, ways, nodes)) and _nodes_are_named(site, ways):
        return None
    manual = (
        "a NetworkPolicy cannot name nodes: write a CiliumNetworkPolicy with "
        f"`{ways}Entities: [host, remote-node]` and the same ports"
    )
    return report(
        context,
        site,
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"{name} {verb}: {there}, which it means, runs on the host network",
        _WHY,
        change=change,
        rule=site.rule,
        severity=Severity.NOTE if let_through else Severity.ERROR if found.certain else Severity.WARNING,
        hidden=found.reasons,
        evidence=evidence,
        advice=manual if context.policy.kind == KNP else _LET_THROUGH if let_through else _NAME_THEM,
    )


def _is_own(condition: Condition) -> bool:
    """Whether a condition is on a label that pods have of their own, not on their namespace or cluster."""
    key = condition.key
    return key not in (NAMESPACE_LABEL, CLUSTER_LABEL) and not key.startswith(NAMESPACE_LABELS_PREFIX)


def _nodes_are_named(site: Site, ways: str) -> bool:
    """Whether a rule beside it names the other nodes: then these pods were thought of."""
    fields = [rule.peer(f"{ways}Entities") for rule in site.spec.rules if rule.deny == site.deny]
    return any(field is not None and field.has_any(*_OTHERS) for field in fields)


def _through_where_they_listen(site: Site, ways: str, nodes: Iterable[Workload]) -> bool:
    """Whether an egress rule means every port, and rules beside it hold the nodes on all that these pods declare."""
    rule, ports = site.rule, [node.ports for node in nodes]
    if ways == "from" or site.deny or rule.port_rules or rule.has_icmps or not all(ports):
        return False
    declared = [{"port": str(port.number), "protocol": port.protocol} for port in chain.from_iterable(ports)]
    return _with_nodes(site, ways, toPorts=[{"ports": declared}]) is None


def _with_nodes(site: Site, ways: str, nodes: Sequence[str] = _NODES, **members: object) -> Change | None:
    peers = {f"{ways}Entities": list(nodes)}
    return rule_added(site.context, site.spec, site.rule, peers, "host and remote-node", **members)
