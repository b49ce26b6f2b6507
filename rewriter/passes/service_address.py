"""## What it does

Finds addresses behind which Services of the cluster stand, in rules that mean the Service:

- a ClusterIP, an external address or a load balancer address (in the Service's spec, status or annotations, or of a
  CiliumLoadBalancerIPPool that one Service has to itself) in `toCIDR`, `toCIDRSet` or an `ipBlock`;
- the port of the nodes (`nodePort`) of a Service, in a rule to `host`, `remote-node` or a node's address;
- the CIDR of clients, for pods behind a NodePort or LoadBalancer Service with `externalTrafficPolicy: Cluster`.

## Why it matters

Load balancing comes before policy. A connection to a Service's address is a connection to one of its pods, on the
port on which the pod listens, by the time policy sees it, and no CIDR matches a pod. ClusterIPs never match; external
and load balancer addresses do not where Cilium replaces kube-proxy, and from 1.19 on nowhere; node ports do not where
Cilium balances at the socket, and from 1.20 on wherever it replaces kube-proxy.

In the other direction, `externalTrafficPolicy: Cluster` sends a client that enters by another node on from that node:
policy then sees the node, and not the client's address. A rule for the client's CIDR does not match it, and where
another rule lets nodes in (`cluster`), the CIDR keeps no client out.

## Example

```diff
   egress:
-  - toCIDR:
-    - 192.0.2.20/32
+  - toEndpoints:
+    - matchLabels:
+        app: mirror
+        k8s:io.kubernetes.pod.namespace: cache
     toPorts:
     - ports:
-      - port: "80"
+      - port: "5000"
         protocol: TCP
```

## Fix safety

The address becomes the Service's backends, with the ports on which they listen, on the evidence of the Service: the
fix is evident. In a NetworkPolicy the peer is written as `podSelector` and `namespaceSelector`. The address of one of
Cilium's own Gateways becomes the entity `ingress`. A rule for node ports stays, and a rule for the backends is added.
In a deny rule the fix is unsafe, since it starts to deny, and where the Service forwards to a port by a name that no
container has: then it leads nowhere.

A range of Services, an address that several Services share on the same port, and a port that no Service has are
manual. The CIDR of clients is a note without a fix: `externalTrafficPolicy: Local` or `loadBalancer.mode: dsr`
keep the client's address.

## References

- Cilium documentation, "Kubernetes Without kube-proxy", and "Layer 3 Policies", section "Services based"
- Cilium 1.20 upgrade notes, "Changes to Features"
- Kubernetes documentation, "Using Source IP"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.policy import EGRESS, KNP, PeerField
from rewriter.evidence.api_server import api_server
from rewriter.evidence.backends import UndecidedError
from rewriter.evidence.clusters import parsed
from rewriter.evidence.context import Context
from rewriter.evidence.service_addresses import Holder, service_range
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Service
from rewriter.passes.kit.addresses.address_owner import is_api_server, service_holders
from rewriter.passes.kit.addresses.address_peers import nameless_targets, peers_instead
from rewriter.passes.kit.addresses.api_server_rules import field_text
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry, read_entries
from rewriter.passes.kit.addresses.client_addresses import client_addresses
from rewriter.passes.kit.addresses.node_ports import node_ports
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite, rule_sites
from rewriter.passes.kit.changes.swap import NewPeers, swapped
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.text import join_names

_FIELDS = frozenset({"toCIDR", "toCIDRSet", "to", "fromCIDR", "fromCIDRSet", "from"})


@antipattern(
    code="CNP028", id="service-address", title="an address behind which Services stand", kinds=EVERY_KIND, drops=True
)
def find(context: Context) -> Iterator[Finding]:
    for site in rule_sites(context):
        if site.spec.subject is None or (context.policy.kind != KNP and site.rule.selects_nobody):
            continue
        fields = [field for field in site.rule.peers if field.entries]
        if len(fields) == 1 and fields[0].name in _FIELDS:
            yield from _addresses(site, fields[0])
        if len(fields) == 1 and site.rule.direction == EGRESS:
            yield from node_ports(site, fields[0])
    yield from client_addresses(context)


def _addresses(site: RuleSite, field: PeerField) -> Iterator[Finding]:
    known: list[tuple[CidrEntry, tuple[Holder, ...]]] = []
    server = None
    for entry in read_entries(field):
        if entry.internet:
            continue
        found = service_holders(site.context, entry) if site.rule.direction == EGRESS else ()
        inside = "" if found else service_range(site.context, entry.addresses)
        if not found and not inside:
            continue
        server = server or api_server(site.context)
        if site.rule.direction == EGRESS and is_api_server(site.context, site.rule, entry, server):
            continue
        if found:
            known.append((entry, found))
        else:
            yield _in_range(site, field, entry, inside)
    yield from _backends(site, field, known)


def _backends(
    site: RuleSite, field: PeerField, known: Sequence[tuple[CidrEntry, tuple[Holder, ...]]]
) -> Iterator[Finding]:
    """One finding with the fix for all addresses that can be decided, and one for each that cannot."""
    decided: list[tuple[CidrEntry, tuple[Holder, ...]]] = []
    news: list[NewPeers] = []
    evidence: list[str] = []
    for entry, found in known:
        try:
            peers, facts = peers_instead(site, found)
        except UndecidedError as error:
            yield _undecided(site, field, entry, found, error)
            continue
        decided.append((entry, found))
        news += peers
        evidence += facts
    if not decided:
        return
    change = swapped(site.context, site.spec, site.rule, field, {entry.index for entry, _ in decided}, news)
    named = join_names(entry.text for entry, _ in decided)
    holders = [holder for _, found in decided for holder in found]
    nameless = nameless_targets(site, holders, news)
    yield report(
        site.context,
        field.entry_route(decided[0][0].index) if len(decided) == 1 else field.route,
        Applicability.UNSAFE if site.deny or nameless else Applicability.EVIDENT,
        f"`{field_text(site, field)}` {named} never {_verb(site, many=len(decided) > 1)} "
        f"{join_names(str(holder.who) for holder in holders)}: {_WHAT if len(decided) == 1 else _WHAT_OF_ALL}",
        "load balancing comes first, so that policy is checked against the Service's pods, and no CIDR matches a pod",
        change=change,
        rule=site.rule,
        # Without new peers other rules let the traffic through already.
        severity=Severity.ERROR if site.deny else Severity.WARNING if change.opens else Severity.NOTE,
        rests_on=[holder.who for holder in holders if isinstance(holder.who, Service)],
        hidden=dict.fromkeys(words for holder in holders for words in holder.hidden),
        evidence=tuple(dict.fromkeys(evidence)),
        advice="; ".join(nameless),
    )


def _verb(site: RuleSite, *, many: bool) -> str:
    if many:
        return "deny" if site.deny else "reach"
    return "denies" if site.deny else "reaches"


_WHAT = "Cilium replaces the address with a backend's before it checks policy"
_WHAT_OF_ALL = "Cilium replaces the addresses with those of backends before it checks policy"


def _undecided(
    site: RuleSite, field: PeerField, entry: CidrEntry, found: Sequence[Holder], error: UndecidedError
) -> Finding:
    who = join_names(str(holder.who) for holder in found)
    return report(
        site.context,
        field.entry_route(entry.index),
        Applicability.MANUAL,
        f"`{field_text(site, field)}` {entry.text} never {_verb(site, many=False)} {who}: {_WHAT}",
        f"{error.reason}",
        severity=Severity.ERROR if site.deny else Severity.WARNING,
        evidence=[holder.words for holder in found],
        advice=error.advice,
    )


def _in_range(site: RuleSite, field: PeerField, entry: CidrEntry, where: str) -> Finding:
    return report(
        site.context,
        field.entry_route(entry.index),
        Applicability.MANUAL,
        f"`{field_text(site, field)}` {entry.text} {'denies' if site.deny else 'allows'} nothing: "
        "it holds ClusterIPs only",
        "load balancing comes first, so that policy is checked against the Services' pods, and no CIDR matches a pod",
        severity=Severity.ERROR if site.deny else Severity.WARNING,
        evidence=[where, *_inside(site, entry)],
        advice="select the backends of the Services that are meant, on the ports on which they listen",
    )


def _inside(site: RuleSite, entry: CidrEntry) -> list[str]:
    """The known Services whose ClusterIP lies in an entry, at most three of them."""
    found = [
        f"{service}, {service.source}: ClusterIP {', '.join(service.cluster_ips)}"
        for service in site.context.inventory.all_services()
        if service.cluster_ips and parsed(service.cluster_ips) & entry.addresses
    ]
    return found[:3]
