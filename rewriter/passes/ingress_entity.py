"""## What it does

Finds policies that shut out Cilium's own Gateway or Ingress:

- pods behind a route of a Gateway whose class is Cilium's, or behind an Ingress of class `cilium`, that let in `world`,
  CIDRs, nodes or the Gateway's namespace, and not the entity `ingress`;
- a clusterwide policy that selects the Gateway's own endpoint (`endpointSelector: {}` does) and shuts it to the world,
  or to the pods that it leads to;
- `toServices` of the Service that Cilium makes for a Gateway or an Ingress.

## Why it matters

Cilium serves Gateways and Ingresses with an Envoy on every node. It has an identity of its own, the entity `ingress`:
it is neither a pod of any namespace nor an address. The pods behind it see `ingress` as the client, whatever the real
client is, and whoever connects to the Gateway connects to `ingress`. A rule for `world` or for the office's CIDR lets
none of these requests in.

## Example

```diff
   ingress:
   - fromEntities:
     - world
     toPorts:
     - ports: [{port: "8080", protocol: TCP}]
+  - fromEntities:
+    - ingress
+    toPorts:
+    - ports:
+      - port: "8080"
+        protocol: TCP
```

## Fix safety

The evidence is the Gateway, its route, the Service behind it and the pods, all in the repository. A rule for `ingress`
with the port of the pods is evident beside a rule for the world or for the Gateway's namespace. Beside a narrower CIDR
it is unsafe, since every client of the Gateway gets in, and so it is beside one for nodes, which may be for probes, and
where pods of that namespace may be meant. Nothing is reported where any policy of the pods lets `ingress` in. A
NetworkPolicy cannot name the entity: what it needs is a CiliumNetworkPolicy beside it. A clusterwide policy that
selects the Gateway needs one beside it too, which lets the world reach `reserved:ingress`.

## References

- Cilium documentation, "Ingress and Network Policy"
- Cilium source, `operator/pkg/model/translation`
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import CCNP, EGRESS, INGRESS, KNP, PeerField, Rule
from rewriter.evidence.context import Context
from rewriter.evidence.gateways import ENVOY, Fronted, fronted, own_service_of
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.finding import Applicability, Finding
from rewriter.passes.kit.addresses.cidr_entries import read_entries
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change, rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite, rule_sites
from rewriter.passes.kit.changes.swap import NewPeers, swapped
from rewriter.passes.kit.ports.port_numbers import is_on, ports_for
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.sides.gateway_peers import means_gateway_namespace
from rewriter.passes.kit.sides.gateway_shut import gateways_shut

_ENTITY = "ingress"
_WORLD = frozenset({"world", "world-ipv4", "world-ipv6"})
_TCP = "TCP"
#: Peers that may mean others than the clients of the Gateway.
_GUESSED = frozenset({"cidr", "shared", "host"})
#: Nodes, on which Cilium's Envoy runs: requests through it come from the entity ingress all the same.
_NODES = frozenset({"host", "remote-node"})


@antipattern(
    code="CNP021",
    id="ingress-entity",
    title="traffic through Cilium's own Gateway or Ingress that no rule matches",
    kinds=EVERY_KIND,
    drops=True,
)
def find(context: Context) -> Iterator[Finding]:
    for site in rule_sites(context):
        fields = [field for field in site.rule.peers if field.entries]
        if site.spec.subject is None or len(fields) != 1 or site.deny:
            continue
        if site.rule.direction == EGRESS and fields[0].name == "toServices":
            yield from _to_gateway(site, fields[0])
    yield from _behind(context)
    if context.policy.kind == CCNP:
        yield from gateways_shut(context)


def _to_gateway(site: RuleSite, field: PeerField) -> Iterator[Finding]:
    """References to the Service that Cilium makes for a Gateway or an Ingress."""
    fronts = {
        index: front for index, entry in enumerate(field.entries) if (front := own_service_of(site.context, entry))
    }
    if not fronts:
        return
    first = next(iter(fronts.values()))
    new = NewPeers("toEntities", [_ENTITY], f"the entity ingress, which serves {first}")
    change = swapped(site.context, site.spec, site.rule, field, set(fronts), [new], closes=f"the Service of {first}")
    yield report(
        site.context,
        field,
        Applicability.EVIDENT,
        f"`toServices` of the Service of {first} never reaches it: Cilium serves it as the entity `ingress`",
        "the Service has no selector and no real backend, and a connection to it ends at Cilium's Envoy",
        change=change,
        evidence=[f"{front}, {front.source}: class {front.class_name or 'cilium'}" for front in fronts.values()],
        at_key=True,
    )


def _behind(context: Context) -> Iterator[Finding]:
    """Pods that a route leads to and that do not let Envoy in, at the rule that was meant to let its clients in."""
    done: set[tuple[str, int]] = set()
    for spec in context.policy.specs:
        rules = [r for r in spec.rules if r.direction == INGRESS and not r.deny and _peer_of_clients(context, r, None)]
        if spec.subject is None or not rules:
            continue
        for reach in reach_of(context, spec):
            if reach.workload is None or not reach.denied_by_default(INGRESS):
                continue
            for way in fronted(context, reach.workload):
                answer = reach.verdict(INGRESS, ENVOY, _TCP, way.port)
                if answer.allowed or not answer.certain:
                    continue
                on_port = [r for r in rules if is_on(r, way.port, _TCP, way.workload.ports)]
                meant = [(kind, r) for r in on_port if (kind := _peer_of_clients(context, r, way))]
                if meant and (spec.route, way.port) not in done:
                    done.add((spec.route, way.port))
                    kind, rule = min(meant, key=lambda pair: pair[0] in _GUESSED)
                    yield _shut_out(RuleSite(context, spec, rule), way, kind, reach)


def _peer_of_clients(context: Context, rule: Rule, way: Fronted | None) -> str:
    """Whom a rule means by the clients of a Gateway: `world`, its `namespace`, perhaps `shared`, a `cidr`; or empty."""
    fields = [field for field in rule.peers if field.entries]
    if len(fields) != 1:
        return ""
    field = fields[0]
    if field.name == "fromEntities":
        named = frozenset(map(str, field.entries))
        return "world" if _WORLD & named else "host" if _NODES & named else ""
    if field.name in ("fromCIDR", "fromCIDRSet", "from"):
        entries = list(read_entries(field))
        if any(entry.internet for entry in entries):
            return "world"
        if entries:
            return "cidr"
    if field.name in ("fromEndpoints", "from"):
        return means_gateway_namespace(context, field, way)
    return ""


def _shut_out(site: RuleSite, way: Fronted, kind: str, reach: Reach) -> Finding:
    context, port = site.context, way.port
    change: Change | None = None
    advice = ""
    ports = ports_for(site.rule, {port: port}, way.workload.ports)
    if context.policy.kind == KNP:
        advice = (
            "a NetworkPolicy cannot name the entity `ingress`: put a CiliumNetworkPolicy for these pods beside it, "
            f'with `ingress: [{{fromEntities: [ingress], toPorts: [{{ports: [{{port: "{port}", protocol: TCP}}]}}]}}]`'
        )
    else:
        change = rule_added(
            context,
            site.spec,
            site.rule,
            {"fromEntities": [_ENTITY]},
            f"the entity ingress ({way.front})",
            toPorts=ports,
        )
    return report(
        context,
        site,
        decided((change is None, MANUAL), (kind in _GUESSED, UNSAFE), (OTHERWISE, EVIDENT)),
        f"requests through {way.front} reach {reach.workload} from the entity `ingress`, which no rule lets in "
        f"on {port}",
        "Cilium's Envoy is the client that the pods see: it is neither an address nor a pod of the Gateway's namespace",
        change=change,
        rests_on=[way.service, way.workload],
        evidence=way.evidence,
        advice=advice,
    )
