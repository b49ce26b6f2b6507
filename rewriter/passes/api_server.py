"""## What it does

Finds traffic with the API server that no rule lets through, though one seems to:

- an address for it in `toCIDR`, `toCIDRSet` or an `ipBlock`: the ClusterIP of `default/kubernetes`, a node of the
  control plane, a private range with the API server's port in which such a node lies, `0.0.0.0/0` with that port;
- such an address on port 6443 where no fact says whether the API server is a node, but a comment, a description or a
  name says that it is meant, or the pods have rights there and no other way to it;
- a selector for the pods of the API server, or for namespace `default`, where its Service is and none of its pods;
- a selector of every pod, on ports of the API server, that a comment, a description or a name says is for Kubernetes';
- the entity `kube-apiserver` with another port than the one on which the API server listens;
- `toServices` of `default/kubernetes`;
- pods that the API server calls (admission webhooks, extension APIs, conversion of custom resources) and that let
  neither it nor the nodes in.

## Why it matters

Policy sees the endpoint behind `default/kubernetes`, after load balancing: the entity `kube-apiserver`, on the port on
which the API server itself listens. A ClusterIP never gets as far as policy, and a node of the cluster is matched by
no CIDR. Controllers then hang, and webhooks time out.

## Example

```diff
   egress:
-  - toCIDR:
-    - 10.96.0.1/32
+  - toEntities:
+    - kube-apiserver
     toPorts:
     - ports:
-      - port: "443"
+      - port: "6443"
         protocol: TCP
```

## Fix safety

The evidence is in the repository: the Service range or the Service itself for a ClusterIP, Node objects for addresses
of nodes, and for the port the EndpointSlice of `default/kubernetes`, `k8sServicePort` or the configuration of Talos,
k3s, RKE2 or kubeadm. With both, the fix is evident: a rule for the entity with the API server's port. An address that
holds nothing else goes, a range stays. Without evidence for the port the fix is unsafe, and so it is in a deny rule,
which starts to deny. The port of a load balancer in front of the API servers is not evidence: whatever its port, those
of Talos, kubeadm and k3s listen on 6443 unless their configuration says otherwise. CIDRs match an API server outside
of the cluster (EKS and other hosted control planes): without a known node there is no finding, but for rules on 6443
that are evidently for it, and then the fix is unsafe. There is no finding either where the endpoints of
`default/kubernetes` or a public `k8sServiceHost` show an API server outside, and with `policyCIDRMatchMode: nodes`.

A rule that lets the API server call a webhook is unsafe too: it may be missing on purpose.

A NetworkPolicy has no entities. What it needs is a CiliumNetworkPolicy beside it, which the finding spells out.

## References

- Cilium documentation, "Layer 3 Policies", sections "Entities based" and "IP/CIDR based"
- Cilium source, `pkg/ipcache/metadata.go`, `resolveLabels`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.policy import EGRESS, PeerField
from rewriter.evidence.api_server import SERVICE_PORT, USUAL_PORT, ApiServer, api_server
from rewriter.evidence.backends import names_api_server
from rewriter.evidence.context import Context
from rewriter.evidence.permits import API_SERVER_NODE, passes
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.addresses.address_owner import (
    is_api_server,
    is_range_of_api_server,
)
from rewriter.passes.kit.addresses.api_server_pods import concerns_pods, pods_finding
from rewriter.passes.kit.addresses.api_server_rules import (
    CIDR_FIELDS,
    ENTITY,
    WHY,
    api_server_finding,
    field_text,
    may_concern,
    only_field,
    port_swapped,
    range_findings,
)
from rewriter.passes.kit.addresses.api_server_words import address_finding, world_finding
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry, read_entries
from rewriter.passes.kit.changes.change import Change, rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite, rule_sites
from rewriter.passes.kit.changes.swap import NewPeers
from rewriter.passes.kit.ports.port_numbers import is_on, items_of, names_any, on_others, ports_for
from rewriter.passes.kit.ports.webhooks import uncalled
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.text import join_names


@antipattern(
    code="CNP020",
    id="api-server",
    title="traffic with the API server that no rule matches",
    kinds=EVERY_KIND,
    drops=True,
)
def find(context: Context) -> Iterator[Finding]:
    sites = [site for site in rule_sites(context) if site.rule.direction == EGRESS and site.spec.subject is not None]
    server = api_server(context) if any(may_concern(site) or _concerns_pods(site) for site in sites) else None
    for site in sites if server is not None else ():
        field = only_field(site)
        if field is None or server is None:
            continue
        if field.name in CIDR_FIELDS:
            yield from _addresses(site, field, server)
        elif field.name == "toEntities":
            yield from _wrong_port(site, field, server)
        elif field.name == "toServices":
            yield from _service(site, field, server)
        if field.name in ("toEndpoints", "to") and concerns_pods(field):
            yield from pods_finding(site, field, server)
    yield from uncalled(context)


def _concerns_pods(site: RuleSite) -> bool:
    field = only_field(site)
    return field is not None and field.name in ("toEndpoints", "to") and concerns_pods(field)


def _addresses(site: RuleSite, field: PeerField, server: ApiServer) -> Iterator[Finding]:
    """The entries that are the API server's own address, those that hold it, and those that mean the world."""
    own: list[tuple[CidrEntry, str]] = []
    for entry in read_entries(field):
        if is_api_server(site.context, site.rule, entry, server):
            virtual = entry.addresses <= server.virtual
            own.append((entry, "the ClusterIP of default/kubernetes" if virtual else "a node with an API server"))
        elif entry.internet:
            yield from world_finding(site, field, entry.index, server)
        elif is_range_of_api_server(site.context, site.rule, entry, server):
            yield from range_findings(site, field, entry, server)
        else:
            yield from address_finding(site, field, entry, server)
    if own:
        yield from _own(site, field, own, server)


def _own(
    site: RuleSite, field: PeerField, own: Sequence[tuple[CidrEntry, str]], server: ApiServer
) -> Iterator[Finding]:
    entries = [entry for entry, _ in own]
    virtual = any(entry.addresses <= server.virtual for entry in entries)
    evidence = [server.virtual_evidence] if virtual else []
    if any(entry.addresses <= server.nodes for entry in entries):
        evidence.append(server.node_evidence)
    words = [text.replace("a node with", "nodes with") if len(own) > 1 else text for _, text in own]
    what = join_names(dict.fromkeys(words))
    several = len(entries) > 1
    route = field.route if several else field.entry_route(entries[0].index)
    named = join_names(entry.text for entry in entries)
    verb = ("deny" if site.deny else "reach") if several else ("denies" if site.deny else "reaches")
    pronoun = "they are" if several else "it is"
    end = f"{pronoun} {what}, which no CIDR matches"
    message = f"`{field_text(site, field)}` {named} never {verb} the API server: {end}"
    yield from api_server_finding(site, field, route, message, evidence, server, {entry.index for entry in entries})


def _wrong_port(site: RuleSite, field: PeerField, server: ApiServer) -> Iterator[Finding]:
    """The entity with the Service's port, or the usual one, where the API server listens on another."""
    port = server.port
    if "world" in field.entries and ENTITY not in field.entries:
        yield from world_finding(site, field, field.entries.index("world"), server)
        return
    if port is None or ENTITY not in field.entries or is_on(site.rule, port):
        return
    # What is known may be the port of a load balancer before API servers that listen on the usual one.
    others = (SERVICE_PORT, USUAL_PORT) if server.port_of_endpoint else (SERVICE_PORT,)
    wrong = next((other for other in others if names_any(site.rule, [other])), None)
    if wrong is None or (not site.deny and passes(site.context, site.spec, EGRESS, API_SERVER_NODE, port)):
        return
    ports = ports_for(site.rule, {wrong: port})
    alone = len(field.entries) == 1 and not on_others(site.rule, {wrong})
    new = NewPeers("toEntities", [ENTITY], "the API servers", ports)
    change: Change | None
    if alone:
        change = port_swapped(site, ports)
    else:
        change = rule_added(
            site.context, site.spec, site.rule, {new.field: list(new.entries)}, new.words, toPorts=ports
        )
    if change is None:
        return
    yield report(
        site.context,
        f"{site.route}/toPorts",
        Applicability.UNSAFE if site.deny else Applicability.EVIDENT,
        f"`kube-apiserver` on port {wrong}: the API server listens on {port}",
        f"{WHY}; {wrong} is the port of Service default/kubernetes" if wrong == SERVICE_PORT else WHY,
        change=change,
        rule=site.rule,
        severity=Severity.ERROR if site.deny else Severity.WARNING,
        rests_on=server.facts,
        evidence=[server.port_evidence],
        at_key=True,
    )


def _service(site: RuleSite, field: PeerField, server: ApiServer) -> Iterator[Finding]:
    """`default/kubernetes` without ports; with ports it is what CNP002 rewrites."""
    if items_of(site.rule) is not None or site.deny:
        return
    own = {index for index, entry in enumerate(field.entries) if names_api_server(site.context, entry)}
    if not own:
        return
    message = "`toServices` of default/kubernetes does not reach API servers that are nodes: it stands for addresses"
    evidence = [server.node_evidence] if server.is_node else []
    yield from api_server_finding(site, field, field.route, message, evidence, server, own, guess=not server.is_node)
