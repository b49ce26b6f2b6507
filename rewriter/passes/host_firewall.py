"""## What it does

Finds host policies (clusterwide, with `nodeSelector`) that lock nodes out:

- one whose ingress denies by default and does not let other nodes in on what a node needs: 4240/TCP (Cilium's health
  checks), 10250/TCP (kubelet), on nodes of the control plane 6443/TCP (API server) and 2379-2380/TCP (etcd), and the
  port of the tunnel or of WireGuard where Cilium uses them;
- addresses of nodes, or on egress `0.0.0.0/0` or `world` on one of these ports, where other nodes are meant.

## Why it matters

Other nodes are the entity `remote-node` to Cilium. They are not part of `world`, and no CIDR matches them, so that
`0.0.0.0/0` on every port still shuts them out. Health checks fail, `kubectl logs` and `exec` time out, etcd members
lose each other, and with the tunnel's port shut so is every pod of another node.

## Example

```diff
   ingress:
   - fromCIDRSet:
     - cidr: 0.0.0.0/0
     toPorts:
     - ports: [{port: "22", protocol: TCP}]
+  - fromEntities:
+    - remote-node
+    toPorts:
+    - ports:
+      - port: "4240"
+        protocol: TCP
+      - port: "10250"
+        protocol: TCP
```

## Fix safety

A rule that lets `remote-node` in on what is shut is unsafe: what a cluster needs differs, and a port may be shut on
purpose. All host policies of the same nodes count together, and where one of them could not be read nothing is
reported. The ports of the tunnel and of the API server come from Cilium's values and from the configuration of the
cluster, where they are known. Nothing is reported where Cilium's values leave the host firewall off.

Addresses of nodes become the entity `remote-node`, which is unsafe too: it means every node.

## References

- Cilium documentation, "Host Firewall" and "Firewall Rules" (System Requirements)
- Cilium source, `pkg/ipcache/metadata.go`, `resolveLabels`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.identity import reserved_identity
from rewriter.cilium.policy import CCNP, EGRESS, INGRESS, PeerField, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.host_policies import HostReach, host_reaches
from rewriter.evidence.permits import API_SERVER_NODE
from rewriter.evidence.policies import is_first_of
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.addresses.address_owner import matches_nodes, nodes_at
from rewriter.passes.kit.addresses.cidr_entries import read_entries
from rewriter.passes.kit.changes.change import rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite, rule_sites
from rewriter.passes.kit.changes.swap import NewPeers, swapped
from rewriter.passes.kit.ports.node_needs import KUBELET, ON_NODES, Need, first_allow_rule, needs_of, places_of
from rewriter.passes.kit.ports.port_numbers import names_any
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names

_NODE = reserved_identity("remote-node")
_CIDRS = frozenset({"fromCIDR", "fromCIDRSet", "toCIDR", "toCIDRSet"})


@antipattern(
    code="CNP031",
    id="host-firewall",
    title="a host policy that locks nodes out",
    kinds=frozenset({CCNP}),
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    datapath = context.cluster.datapath if context.cluster else None
    if (datapath is not None and not datapath.host_firewall) or matches_nodes(context):
        return
    for spec in context.policy.specs:
        if spec.node_subject is not None and spec.subject is None:
            yield from _locked_out(context, spec)
    for site in rule_sites(context):
        fields = [field for field in site.rule.peers if field.entries]
        of_nodes = site.spec.node_subject is not None and site.spec.subject is None
        if of_nodes and len(fields) == 1 and fields[0].name in _CIDRS:
            yield from _node_addresses(site, fields[0])
        elif of_nodes and len(fields) == 1 and fields[0].name == "toEntities" and "world" in fields[0].entries:
            yield from _world(site, fields[0].entry_route(fields[0].entries.index("world")), "world")


def _locked_out(context: Context, spec: Spec) -> Iterator[Finding]:
    if any(map(_refuses_nodes, spec.rules)):
        return  # Whoever denies the other nodes by name means it.
    shut: dict[Need, None] = {}
    let_in = False
    for reach in host_reaches(context, spec):
        if not reach.reach.denied_by_default(INGRESS) or not _is_first(context, reach):
            continue
        for need in needs_of(context, control_plane=reach.control_plane):
            port, protocol, _ = need
            peer = API_SERVER_NODE if port == KUBELET else _NODE
            answer = reach.reach.verdict(INGRESS, peer, protocol, port)
            let_in = let_in or answer.allowed
            if not answer.allowed and answer.certain:
                shut[need] = None
    if shut:
        yield _shut(context, spec, list(shut), let_in=let_in)


def _refuses_nodes(rule: Rule) -> bool:
    """Whether a deny rule names the other nodes, or everything, on every port."""
    field = rule.peer("fromEntities") if rule.deny else None
    named = field is not None and field.has_any("remote-node", "cluster", "all")
    return named and not rule.port_rules


def _is_first(context: Context, reach: HostReach) -> bool:
    """Whether this policy is the first, by its file and its name, of those that put the nodes into default deny."""
    return is_first_of(context.policy, (rule for rule in reach.reach.rules(INGRESS) if rule.entry.default_deny))


def _shut(context: Context, spec: Spec, shut: Sequence[Need], *, let_in: bool) -> Finding:
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny]
    ports = [{"port": str(port), "protocol": protocol} for port, protocol, _ in shut]
    peers, to_ports = {"fromEntities": ["remote-node"]}, [{"ports": ports}]
    if rules:
        change = rule_added(context, spec, rules[-1], peers, "other nodes", toPorts=to_ports, icmps=None)
    else:
        change = first_allow_rule(context, spec, {**peers, "toPorts": to_ports}, "other nodes")
    return report(
        context,
        rules[-1] if rules else spec.route,
        Applicability.UNSAFE if change is not None else Applicability.MANUAL,
        f"no host policy lets `remote-node` in on "
        f"{join_names((f'{p}/{proto} ({what})' for p, proto, what in shut), most=None)}",
        "other nodes are the entity `remote-node`, which is not part of the world and which no CIDR matches",
        change=change,
        severity=Severity.WARNING if let_in else Severity.ERROR,
        evidence=places_of(context, spec, shut),
        advice="" if change is not None else "add a rule with `fromEntities: [remote-node]` for what the nodes need",
    )


def _node_addresses(site: RuleSite, field: PeerField) -> Iterator[Finding]:
    context = site.context
    prefix = "from" if site.rule.direction == INGRESS else "to"
    entries = list(read_entries(field))
    own = [(entry, nodes) for entry in entries if (nodes := nodes_at(context, entry))]
    if own:
        new = NewPeers(f"{prefix}Entities", ["remote-node"], "other nodes")
        change = swapped(context, site.spec, site.rule, field, {entry.index for entry, _ in own}, [new])
        yield report(
            context,
            field,
            Applicability.UNSAFE,
            f"`{field.name}` {join_names(entry.text for entry, _ in own)} "
            f"{'matches' if len(own) == 1 else 'match'} no node: "
            "other nodes are `remote-node`",
            "a CIDR matches addresses outside the cluster only, and nodes are entities",
            change=change,
            rule=site.rule,
            severity=Severity.ERROR if site.deny else Severity.WARNING,
            evidence=[text for _, nodes in own for text in nodes],
            at_key=True,
        )
        return
    wide = [entry for entry in entries if entry.internet]
    if wide and prefix == "to":
        yield from _world(site, field.entry_route(wide[0].index), wide[0].text)


def _world(site: RuleSite, route: str, named: str) -> Iterator[Finding]:
    """An egress rule that lets the world out on ports of nodes, where nothing lets other nodes out on them."""
    context = site.context
    # Hosted API servers are outside of the cluster, so that their port alone means nodes only where nodes are known.
    needs = [need for need in needs_of(context, control_plane=True) if context.inventory.nodes() or need[0] in ON_NODES]
    named_ports = [need for need in needs if names_any(site.rule, {need[0]})]
    if site.deny or not named_ports:
        return
    reaches = [reach.reach for reach in host_reaches(context, site.spec)]
    answers = [r.verdict(EGRESS, _NODE, protocol, port) for r in reaches for port, protocol, _ in named_ports]
    if all(answer.allowed or not answer.certain for answer in answers):
        return
    added = rule_added(context, site.spec, site.rule, {"toEntities": ["remote-node"]}, "other nodes")
    if added is not None:
        yield report(
            context,
            route,
            Applicability.UNSAFE,
            f"`{named}` does not hold other nodes, which are `remote-node`",
            "nodes of the cluster are not part of the world, and no CIDR matches them",
            change=added,
            rule=site.rule,
        )
