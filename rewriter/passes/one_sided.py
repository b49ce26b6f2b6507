"""## What it does

Finds traffic between two workloads that one side lets through by a rule of its own, and the other side does not.

## Why it matters

A flow between two pods must pass twice: the egress policies of the pods that send it, and the ingress policies of those
that receive it. A rule that lets `prometheus` in on 8080 does nothing as long as `prometheus` is in egress default deny
and none of its policies lets it out there: the connection times out, though the policy that people look at first is
right.

## Example

```diff
   egress:
     - toEndpoints:
         - matchLabels:
             k8s:io.kubernetes.pod.namespace: shop
             app: web
       toPorts:
         - ports:
             - port: "8080"
               protocol: TCP
+    - toEndpoints:
+        - matchLabels:
+            k8s:io.kubernetes.pod.namespace: shop
+            app: api
+      toPorts:
+        - ports:
+            - port: "8080"
+              protocol: TCP
```

## Fix safety

The finding stands at the policy that lacks the rule. The rule is added there, with the pods and the ports of the other
side, which is unsafe: whoever wrote that policy may not want the traffic. Where the policy selects other workloads too,
or has no allow rule of that direction, it is manual.

All policies of both workloads count, of every kind. Nothing is reported as long as

- a policy of one of them could not be read, or one that is not known may select it,
- the rule names a whole namespace, or belongs to a policy for a whole namespace, and not every pod there is known,
- the rule names no pods: entities, addresses, DNS names, `{}`,
- a rule of the policy means the other side and misses it by a label or a namespace (`missing-namespace`),
- the rule is for several pods, and one of them gets through, on any of its ports,
- the rule names a whole namespace, and pods of it run on the host network,
- the other side is named in turn, on other ports, and no pod is known to listen on the port of the rule,
- the rule is for several peers, and one of its ports passes: the others are for the other peers,
- the same port passes on another protocol,
- an explicit deny rule stops the traffic, or no pod listens on the port (`unlistened-port`, `service-port`),
- it is DNS (`dns-refused`).

## References

- Cilium documentation, "Policy Enforcement Modes" and "Layer 3 Policies"
- Kubernetes documentation, "Network Policies", section "The two sorts of pod isolation"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.labels import NAMESPACE_LABEL
from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import reach_of, workloads_of_spec
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import Change, rule_added
from rewriter.passes.kit.changes.forms import port_as_number, port_as_text
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.ports.peer_terms import pod_peers
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.selectors.stranger_peers import meant_strangers
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import Gap, gaps_of
from rewriter.passes.kit.sides.other_side import peer_of_subject
from rewriter.text import join_names, port_text


@antipattern(
    code="CNP027",
    id="one-sided",
    title="let in here, not let out there",
    kinds=EVERY_KIND,
    after=("missing-namespace", "service-port", "unlistened-port", "split-rule"),
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    if not (context.namespace_known or context.policy.clusterwide):
        return
    for spec in context.policy.specs:
        reaches = reach_of(context, spec) if workloads_of_spec(context, spec) else ()
        for direction in (EGRESS, INGRESS):
            found: dict[object, tuple[Gap, list[Workload]]] = {}
            for reach in reaches:
                if reach.workload is None or not stands_here(context, spec, reach, direction):
                    continue
                for gap in gaps_of(context, reach.workload, direction):
                    found.setdefault(_key(gap), (gap, []))[1].append(reach.workload)
            for gap, workloads in found.values():
                # Where pods are not known, a policy for all of a namespace is not the one that is meant for these.
                guessed = any(named_peer.unknown for named_peer in gap.rules) and not _names_pods(spec)
                if not guessed and not _is_meant_elsewhere(context, direction, gap):
                    yield _finding(context, spec, workloads, direction, gap, alone=len(reaches) == 1)


def _names_pods(spec: Spec) -> bool:
    """Whether a rule set picks its pods by a label."""
    return spec.subject is not None and any(
        requirement.operator == "In" and requirement.key != NAMESPACE_LABEL for requirement in spec.subject.requirements
    )


def _is_meant_elsewhere(context: Context, direction: str, gap: Gap) -> bool:
    """Whether an entry of the policy means the other side, and has another namespace or label: CNP005 says that."""
    for site, selector, term in pod_peers(context):
        if site.rule.direction != direction or site.rule.deny:
            continue
        namespaces = [v for c in term.conditions if c.key == NAMESPACE_LABEL and c.operator == "In" for v in c.values]
        own = [r for r in selector.requirements if r.operator == "In" and r.key != NAMESPACE_LABEL]
        if not namespaces or not own:
            continue
        for other in gap.others:
            alike = all(other.labels.get(requirement.key) in requirement.values for requirement in own)
            if alike and other.namespace not in namespaces:
                return True
    return any(pods in gap.others for pods in meant_strangers(context, direction))


def _key(gap: Gap) -> object:
    """What makes a gap the same for several workloads: one rule may mean any of them."""
    return (tuple(map(id, gap.rules)), tuple(map(id, gap.others)), tuple(str(port.written) for port in gap.ports))


def _finding(
    context: Context, spec: Spec, workloads: Sequence[Workload], direction: str, gap: Gap, *, alone: bool
) -> Finding:
    here = join_names((str(workload) for workload in workloads), most=3)
    others = join_names((str(other) for other in gap.others), most=3)
    ports = f" on {join_names(port_text(port) for port in gap.ports)}" if gap.ports else ""
    own, them = (here, "it") if len(workloads) == 1 else ("theirs", "them")
    if direction == EGRESS:
        message = f"a rule lets {here} in to {others}{ports}, and no policy of {own} lets {them} out there"
    else:
        message = f"a rule lets {others} out to {here}{ports}, and no policy of {own} lets that in"
    # A rule beside those of other pods would be for them as well.
    change = _change(context, spec, direction, gap) if alone else None
    return report(
        context,
        route_of(spec, direction),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        message,
        "traffic between two pods must pass the egress policies of one and the ingress policies of the other",
        change=change,
        rests_on=(*workloads, *gap.others),
        hidden=tuple(dict.fromkeys(reason for named_peer in gap.rules for reason in named_peer.unknown)),
        evidence=(
            *dict.fromkeys(
                f"the rule of the other side: {named_peer.rule.entry.route} of {named_peer.rule}"
                for named_peer in gap.rules
            ),
            *workloads_evidence((*workloads, *gap.others)),
        ),
        advice="" if change else _advice(here, direction),
        at_key=route_of(spec, direction) != spec.route,
    )


def _advice(workload: str, direction: str) -> str:
    way = "lets it out" if direction == EGRESS else "lets that in"
    return f"add a policy for {workload} that {way}, or remove the rule of the other side"


def _change(context: Context, spec: Spec, direction: str, gap: Gap) -> Change | None:
    """The rule that is missing, behind the last allow rule of the direction; None where there is none."""
    rules = [rule for rule in spec.rules if rule.direction == direction and not rule.deny and rule.members]
    peer = peer_of_subject(context.policy, gap.named, gap.others)
    if not rules or peer is None:
        return None
    entry, words = peer
    is_knp = context.policy.kind == KNP
    implied = "TCP" if gap.named.rule.policy.kind == KNP else ""
    ports = [port_as_number(port) if is_knp else port_as_text(port, implied) for port in gap.ports]
    way = "to" if direction == EGRESS else "from"
    return rule_added(
        context,
        spec,
        rules[-1],
        {way if is_knp else f"{way}Endpoints": [entry]},
        words,
        toPorts=[{"ports": ports}] if ports and not is_knp else None,
        ports=ports if ports and is_knp else None,
        icmps=None,
        authentication=None,
    )
