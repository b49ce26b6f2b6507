"""## What it does

Finds two items of a list where one was meant: a rule with peers and no ports beside one with ports and no peers, or a
peer that is only a namespace beside one that is only labels.

## Why it matters

Each item of a list counts by itself. One dash too many makes two rules of one: every port to the peers, and the port
to every destination, the world included. In a list of peers it makes every pod of the namespace a peer, and pods with
the labels in the policy's own namespace.

## Example

```diff
   egress:
     - toEntities:
         - kube-apiserver
-    - toPorts:
+      toPorts:
         - ports:
             - port: "6443"
```

## Fix safety

The merged item closes flows and opens none. It is unsafe all the same, since the author may mean both items. Nothing
is reported where both evidently stand alone:

- a comment above the second item says what it is for,
- the rule without ports is for `world`, `0.0.0.0/0` or `all`, or for every pod of the policy's own namespace,
- the rule without peers is for port 53 alone, or for ports of these pods that the API server calls or monitors name,
- rules without ports and rules without peers do not pair up,
- known pods of the policy's own namespace have the labels, or the namespace is not completely known.

In deny rules it is manual: the merged item denies less. A list of what is denied has items that stand alone, so rules
are reported there only for egress to known pods that listen on the ports, or to the API server on a port of its own.

## References

- Cilium documentation, "Layer 3 Policies" and "Rule Basics"
- Kubernetes documentation, "Network Policies", section "Behavior of to and from selectors"
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

from rewriter.cilium.digits import is_number
from rewriter.cilium.nodes import NetworkPolicyPeer, Peer, PortProtocol, PortRule
from rewriter.cilium.policy import EGRESS, Rule, Spec
from rewriter.cilium.selector import Selector
from rewriter.evidence.api_server import SERVICE_PORT, USUAL_PORT
from rewriter.evidence.context import Context
from rewriter.evidence.listening import listens
from rewriter.evidence.workloads import matches
from rewriter.finding import Applicability, Finding
from rewriter.passes.kit.addresses.cidr_entries import read_entries
from rewriter.passes.kit.changes.change import Change, flows_of, in_place
from rewriter.passes.kit.changes.forms import merged
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.ports.callers import is_for_callers
from rewriter.passes.kit.ports.peer_terms import pod_peers
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.selectors.split_peers import SplitPeer, split_peers
from rewriter.text import peers_text, ports_text, selector_text

_WHY = "items of a list are OR-ed: each of them allows by itself"
_WHY_DENY = "items of a list are OR-ed: each of them denies by itself, and one item denies less"


@antipattern(
    code="CNP022",
    id="split-rule",
    title="two items of a list where one was meant",
    kinds=EVERY_KIND,
    exposes=True,
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        for _, rules in groupby(spec.rules, key=lambda rule: rule.list_route):
            yield from (_rules(context, spec, peers, ports) for peers, ports in _split_rules(context, spec, [*rules]))
    yield from map(_peers, split_peers(context))


def _split_rules(context: Context, spec: Spec, rules: list[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Neighbours in a list: one has peers and no ports, the other ports and no peers."""
    alone = [rule for rule in rules if _peers_only(rule)]
    open_to_all = [rule for rule in rules if _ports_only(rule)]
    if len(alone) != len(open_to_all):
        return
    taken: set[str] = set()
    for first, second in pairwise(rules):
        peers, ports = (first, second) if _peers_only(first) else (second, first)
        pair = _peers_only(peers) and _ports_only(ports) and taken.isdisjoint((first.route, second.route))
        in_order = peers is first or len(rules) == 2
        if not pair or not in_order or context.comments_at(second.route) or _on_purpose(peers, ports):
            continue
        if first.deny and not _listen_there(context, peers, ports):
            continue  # What is denied stands alone as a rule, one thing after another.
        if is_for_callers(context, spec, ports):
            continue
        taken |= {first.route, second.route}
        yield peers, ports


def _peers_only(rule: Rule) -> bool:
    peers = [field for field in rule.peers if field.entries]
    return len(peers) == 1 and set(rule.members) - {"authentication"} == {peers[0].name}


def _ports_only(rule: Rule) -> bool:
    return bool(rule.port_rules) and rule.members in (("toPorts",), ("ports",))


def _on_purpose(peers: Rule, ports: Rule) -> bool:
    field = next(field for field in peers.peers if field.entries)
    everybody = field.name.endswith("Entities") and field.has_any("world", "world-ipv4", "world-ipv6", "all")
    internet = any(entry.internet for entry in read_entries(field))
    return everybody or internet or any(map(_is_every_pod, field.decoded())) or _dns_alone(ports)


def _is_every_pod(peer: Peer) -> bool:
    """Whether an entry means every pod of a namespace, or of all of them."""
    parts = (peer.pods, peer.namespaces, peer.block) if isinstance(peer, NetworkPolicyPeer) else (peer,)
    written = [part for part in parts if part is not None]
    return len(written) == 1 and isinstance(written[0], Selector) and not written[0].requirements


def _dns_alone(rule: Rule) -> bool:
    ports = [port for item in rule.port_rules if isinstance(item, PortRule) for port in item.ports]
    return bool(ports) and all(isinstance(port, PortProtocol) and port.port in ("53", "dns") for port in ports)


def _listen_there(context: Context, peers: Rule, ports: Rule) -> bool:
    """Whether the peers of an egress rule are known pods that listen on all ports of the other, or the API server."""
    items = [port for item in ports.port_rules if isinstance(item, PortRule) for port in item.ports]
    wanted = [(port.protocol or "ANY", port.port) for port in items if isinstance(port, PortProtocol) and not port.end]
    if peers.direction != EGRESS or not wanted or len(wanted) < len(items):
        return False
    field = next(field for field in peers.peers if field.entries)
    if list(field.entries) == ["kube-apiserver"]:
        return all(number in map(str, (SERVICE_PORT, USUAL_PORT)) for _, number in wanted)
    terms = [term for site, _, term in pod_peers(context) if site.rule.route == peers.route]
    found = [matches(context, term) for term in terms]
    pods = [workload for answer in found for workload in answer.workloads]
    numbers = [(protocol, int(number) if is_number(number) else number) for protocol, number in wanted]
    return bool(pods) and all(listens(context, pod, *number) for pod in pods for number in numbers)


def _rules(context: Context, spec: Spec, peers: Rule, ports: Rule) -> Finding:
    first, second = sorted((peers, ports), key=lambda rule: rule.index)
    field = next(field for field in peers.peers if field.entries)
    anyone = "any source" if peers.direction == "ingress" else "any destination"
    to = "from" if peers.direction == "ingress" else "to"
    whom = peers_text(field)
    change = Change(
        (*in_place(first, merged(first, second)), {"op": "remove", "path": second.route}),
        closes=(
            flows_of(context, spec, peers, f"{whom} (other ports)", merged(peers), rest=True),
            flows_of(context, spec, ports, f"{anyone} but {whom}", merged(ports), rest=True),
        ),
    )
    verb = "deny" if first.deny else "allow"
    reading = f"{ports_text(ports).removeprefix(' on ')} {to} {anyone}, and every port {to} {whom}"
    return report(
        context,
        first,
        Applicability.MANUAL if first.deny else Applicability.UNSAFE,
        f"two rules {verb} {reading}: was one rule meant, with these peers and these ports?",
        _WHY_DENY if first.deny else _WHY,
        change=change,
        rule=first,
        advice="merge them; or put a comment above the second that says what it is for, if both are meant",
    )


def _peers(split: SplitPeer) -> Finding:
    site, other = split.labels, split.namespace
    verb = "deny" if site.deny else "allow"
    context = site.context
    here = context.policy.namespace or ""
    labels = selector_text(split.selector)
    pods = f"pods {labels} in {here} (none is known)"
    keep, gone = sorted((site, other), key=lambda peer: peer.index)
    change = Change(
        (
            *keep.becomes(split.merged, "").operations,
            {"op": "remove", "path": gone.route},
        ),
        closes=(
            site.flows(pods, site.entry, rest=True),
            other.flows(f"other pods {split.place}", other.entry, rest=True),
        ),
    )
    return report(
        context,
        keep,
        Applicability.MANUAL if site.deny else Applicability.UNSAFE,
        f"two items of `{site.field.name}` {verb} every pod {split.place}, and pods {labels} of {here}, where none "
        f"{'has' if split.own_known else 'is known to have'} these labels: was one item meant, pods {labels} "
        f"{split.place}?",
        _WHY_DENY if site.deny else _WHY,
        change=change,
        rule=site.rule,
        evidence=split.evidence,
        advice="write the labels and the namespace in one item",
    )
