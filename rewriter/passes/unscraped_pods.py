"""## What it does

Finds pods that a ServiceMonitor or PodMonitor names (VMServiceScrape and VMPodScrape too) and whose policies shut out
the Prometheus or VMAgent that scrapes by this monitor, on the port that it names. Where no Prometheus and no VMAgent is
known, it finds ports of monitors on which the policies let nothing in at all. On the other side it finds policies of a
Prometheus or VMAgent that do not let it out to the pods, or the nodes, that its monitors name.

## Why it matters

A monitor opens nothing. Pods in ingress default deny are scraped only where a rule names the pods of Prometheus, in
their namespace, and the port on which the metrics are. Without it every scrape times out: the target is down, its
alerts stay silent or fire for no reason, and the application itself works.

## Example

```diff
   ingress:
   - fromEndpoints:
     - matchLabels: {app: web}
     toPorts:
     - ports: [{port: "8080", protocol: TCP}]
+  - fromEndpoints:
+    - matchLabels:
+        k8s:io.kubernetes.pod.namespace: monitoring
+        app.kubernetes.io/name: prometheus
+    toPorts:
+    - ports:
+      - port: "9090"
+        protocol: TCP
```

## Fix safety

The evidence is the monitor, the Prometheus whose selectors take it up, and the pods with the port, all in the
repository. The rule for the pods of Prometheus and that port is evident where the policy selects these pods alone,
and unsafe where it selects others too, or may select some that were not read. Where the policy has no rule that
lets anything in it is manual, since a policy beside it may be what is wanted, and so it is where the scraper is not
known. A rule that lets a scraper out to the nodes is unsafe.

All policies of the pods count. Nothing is reported as long as

- a policy of them could not be read, or one that may select them lets the scraper in, or another scraper that takes
  the same monitor up,
- it is not certain that the scraper takes the monitor up: by its labels, or those of its namespace,
- targets are dropped or readdressed by relabelling, or reached through a proxy,
- the scraper runs on the host network, or an explicit deny rule stops it,
- the other side lets the pods in by name (`one-sided`).

## References

- Prometheus operator, API reference: ServiceMonitor, PodMonitor, Prometheus
- Cilium documentation, "Policy Enforcement Modes"
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rewriter.cilium.policy import INGRESS, KNP, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context
from rewriter.evidence.permits import lets_nobody_in
from rewriter.evidence.reachable import Reach, identity_of, reach_of, workloads_of_spec
from rewriter.evidence.scrapers import Monitored, Taker, has_monitors, monitored, names_scrapers, takers
from rewriter.evidence.unknown_labels import may_be_meant
from rewriter.evidence.workloads import matches, subject_term, workloads_evidence
from rewriter.finding import Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.sides.let_through import pods_let_through
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import gaps_of
from rewriter.passes.kit.sides.unreached_targets import unreached_targets
from rewriter.text import join_names

_TCP = "TCP"


class _Shut(NamedTuple):
    """Ports of monitors that one scraper (None: whoever it is) does not reach."""

    taker: Taker | None
    ports: list[Monitored]


@antipattern(
    code="CNP037",
    id="unscraped-pods",
    title="pods that a monitor names, and no policy lets Prometheus reach",
    kinds=EVERY_KIND,
    after=("missing-namespace", "service-port", "one-sided"),
)
def find(context: Context) -> Iterator[Finding]:
    if not (context.namespace_known or context.policy.clusterwide):
        return
    for spec in context.policy.specs:
        yield from unreached_targets(context, spec)
        if not _denies_ingress(context, spec) or not has_monitors(context) or not workloads_of_spec(context, spec):
            continue
        reaches = reach_of(context, spec)
        shut: dict[str, _Shut] = {}
        for reach in reaches:
            if reach.workload is not None and stands_here(context, spec, reach, INGRESS):
                for taker, port in _shut(context, spec, reach, reach.workload):
                    shut.setdefault(str(taker and taker.scraper), _Shut(taker, [])).ports.append(port)
        for found in shut.values():
            yield _finding(context, spec, found, alone=len(reaches) == 1)


def _denies_ingress(context: Context, spec: Spec) -> bool:
    """Whether a rule set may put its pods into default deny for ingress."""
    if spec.subject is None:
        return False
    return context.policy.kind == KNP or any(rule.direction == INGRESS and not rule.deny for rule in spec.rules)


def _shut(context: Context, spec: Spec, reach: Reach, workload: Workload) -> Iterator[tuple[Taker | None, Monitored]]:
    """The ports of monitors at which no scraper gets for certain, each with the scrapers that take the monitor up."""
    done: set[tuple[str, int]] = set()
    for port in monitored(context, workload):
        found = takers(context, port.monitor)
        stopped = [taker for taker in found if _is_stopped(context, reach, taker, port)]
        unknown: list[Taker | None] = []
        if not names_scrapers(context) and _last_rule(spec) and lets_nobody_in(reach, port.port):
            unknown.append(None)
        for taker in stopped if found and len(stopped) == len(found) else unknown:
            key = (str(taker and taker.scraper), port.port)
            if key not in done:
                done.add(key)
                yield taker, port


def _is_stopped(context: Context, reach: Reach, taker: Taker, port: Monitored) -> bool:
    """Whether default deny stops a scraper for certain."""
    answer = reach.verdict(INGRESS, identity_of(context, taker.pods), _TCP, port.port)
    if answer.allowed or not answer.certain or answer.reason != DEFAULT_DENY or answer.depends_on:
        return False
    if taker.pods == port.workload or may_be_meant(context, reach, INGRESS, taker.pods):
        return False
    # CNP027 reports what the other side lets out.
    return not any(taker.pods in gap.others for gap in gaps_of(context, port.workload, INGRESS))


def _finding(context: Context, spec: Spec, shut: _Shut, *, alone: bool) -> Finding:
    taker = shut.taker
    ports = list(dict.fromkeys(item.port for item in shut.ports))
    pods = list({id(item.workload): item.workload for item in shut.ports}.values())
    last = _last_rule(spec)
    change = pods_let_through(context, spec, last, taker.pods, taker.labels, ports) if taker and last else None
    term = subject_term(context.policy, spec)
    others = matches(context, term).reasons if change and term else ()
    named, numbers = join_names(map(str, pods), most=3), join_names(map(str, ports))
    monitors = join_names(dict.fromkeys(str(item.monitor) for item in shut.ports), most=3)
    if taker:
        message = f"{taker.scraper} scrapes {named} on {numbers} ({monitors}), and no policy lets it in"
        advice = f"add a rule for {named} that lets {taker.pods} in on {numbers}"
    else:
        message = f"{monitors} is for {named} on {numbers}, and no policy lets anything in on that port"
        advice = f"add a rule for {named} that lets the pods of Prometheus, or whatever scrapes here, in on {numbers}"
    return report(
        context,
        route_of(spec, INGRESS),
        decided((change is None, MANUAL), (not alone, UNSAFE), (OTHERWISE, EVIDENT)),
        message,
        "the pods are denied by default, so that every scrape times out and the target is down",
        change=change,
        rests_on=[*pods, taker.pods] if taker else pods,
        hidden=others,
        evidence=[
            *dict.fromkeys(item.evidence for item in shut.ports[:3]),
            *([taker.evidence] if taker else []),
            *workloads_evidence(pods),
        ],
        advice="" if change else advice,
        at_key=route_of(spec, INGRESS) != spec.route,
    )


def _last_rule(spec: Spec) -> Rule | None:
    """The last rule of a rule set that lets something in."""
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny and rule.members]
    return rules[-1] if rules else None
