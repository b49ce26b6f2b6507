"""## What it does

Finds `toServices` together with `toPorts` in one rule, and writes the Service's own selector and backend ports instead.

## Why it matters

Up to Cilium 1.16 the combination is rejected, and with it the whole policy: its pods are open. From 1.17 on it is
accepted, so an upgrade switches such a policy on.

Ports in a policy are the backends' ports, since load balancing comes first: the port of a Service that forwards 80 to
8080 has to be written as 8080.

## Example

```diff
   egress:
-  - toServices:
-    - k8sService:
-        serviceName: db-service
-        namespace: prod
+  - toEndpoints:
+    - matchLabels:
+        app: db
+        k8s:io.kubernetes.pod.namespace: prod
     toPorts:
     - ports:
       - port: "3306"
         protocol: TCP
```

## Fix safety

Selector and ports come from the Service as it is known. A Service port becomes the targetPort (a named one by name),
a port that is a targetPort already stays, and any other is manual. Several Services become one rule where
their ports come out equal, else one rule each. A global Service of a mesh selects the backends of every cluster that
shares it. A Service without selector becomes the addresses of its EndpointSlice, an ExternalName its DNS name, and
`default/kubernetes` (by name or by its labels) the entity `kube-apiserver`.

- Where the policy is not enforced today (`--from` up to 1.16), the fix switches enforcement on: evident.
- Where it is enforced, the fix is safe if the flows stay the same, and evident if they do not.
- Cilium resolves no Service in a deny rule: that shuts its ports to every destination, and the fix is unsafe.
- An ExternalName has no backends, so such a rule opens its ports to every destination: the fix closes them, and is
  evident.
- A targetPort by a name that no container has makes the fix unsafe: the Service leads nowhere.
- A Service that is not known, that can be read in two ways, or whose facts are in doubt (stated twice, from a
  snapshot that is stale or not whole, in a file that nothing applies) is manual.

## References

- Cilium documentation, "Layer 3 Policies", section "Services based"
- Cilium source, `pkg/policy/k8s`, `resolveToServices`, and `pkg/policy/api`, `EgressRule.Sanitize`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace

from rewriter.cilium.version import SERVICES_WITH_PORTS
from rewriter.evidence.backends import Backends, UndecidedError, backends_of
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import hidden_advice
from rewriter.evidence.gateways import own_service_of
from rewriter.evidence.references import missing_service
from rewriter.finding import Applicability, Finding, Operation, Severity
from rewriter.inventory.facts.completeness import Hidden
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, SAFE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.coverage import add_after, uncovered_rules
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.enforcement import switched_on
from rewriter.passes.kit.ports.backend_ports import plan_operations, translated_ports
from rewriter.passes.kit.ports.service_rules import (
    Outcome,
    ServiceRule,
    check_alone,
    flow_changes,
    flows_allowed,
    outcomes_of,
    rules_with_services,
    sibling_of,
    why_enforced,
    why_rejected,
    without_container,
    without_rejected,
)
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names


@antipattern(
    code="CNP002",
    id="service-with-ports",
    title="toServices together with toPorts",
    repairs=without_rejected,
)
def find(context: Context) -> Iterator[Finding]:
    for site in rules_with_services(context):
        entries = site.field.entries
        if site.rule.deny or all(missing_service(context, entry) for entry in entries):
            continue
        # The Service of a Gateway of Cilium's own has no backends: it is the business of CNP021.
        if site.rejected or not any(own_service_of(context, entry) for entry in entries):
            yield _finding(site)


def deny_rules(context: Context) -> Iterator[Finding]:
    """The same for deny rules, in which Cilium resolves no Service: what `unresolved-reference` reports."""
    for site in rules_with_services(context):
        if site.rule.deny:
            message = (
                "Cilium never resolves `toServices` in a deny rule: the rule denies its ports to every destination"
            )
            yield replace(_finding(site), severity=Severity.ERROR, message=message)


def _finding(site: ServiceRule) -> Finding:
    try:
        check_alone(site)
        members = [
            replace(member, reference=entry)
            for entry in site.field.entries
            for member in backends_of(site.context, entry)
        ]
        outcomes = outcomes_of(site, members)
    except UndecidedError as error:
        return _undecided(site, error)
    return _fixed(site, members, outcomes)


def _fixed(site: ServiceRule, members: Sequence[Backends], outcomes: Sequence[Outcome]) -> Finding:
    first = outcomes[0]
    hidden = _hidden(members)
    added = uncovered_rules(site.context, site.rule, [sibling_of(site, outcome) for outcome in outcomes[1:]])
    operations: tuple[Operation, ...] = (
        {"op": "remove", "path": site.field.route},
        {"op": "add", "path": f"{site.rule.route}/{first.field}", "value": deepcopy(first.entries)},
        *plan_operations(f"{site.rule.route}/toPorts", site.to_ports, first.plan),
        *add_after(site.rule, added),
    )
    nameless = without_container(outcomes)
    if site.rejected:
        changes = switched_on(site.context)
        allowed = (flows_allowed(site, outcome) for outcome in outcomes if changes.opens)
        change = Change(operations, (*allowed, *changes.opens), changes.closes)
        trust = decided((hidden or nameless, UNSAFE), (OTHERWISE, EVIDENT))
        return _report(site, members, trust, why_rejected(site), change, nameless=nameless)
    opens, closes = flow_changes(site, outcomes)
    same = not opens and not closes
    applicability = decided(
        (same and all(member.complete for member in members), SAFE),
        (hidden or nameless or (site.rule.deny and not same), UNSAFE),
        (OTHERWISE, EVIDENT),
    )
    wrong = [
        f"{join_names(old)} of {join_names(m.name for m in outcome.members)}, which means {join_names(new)}"
        for outcome in outcomes
        for old, new in [translated_ports(site.to_ports, outcome.plan)]
        if new
    ]
    why = why_enforced(site, outcomes, wrong=bool(wrong))
    change = Change(operations, opens, closes)
    return _report(site, members, applicability, why, change, wrong_ports=wrong, nameless=nameless)


def _hidden(members: Sequence[Backends]) -> tuple[Hidden, ...]:
    """What may make other Services that the rule means."""
    return tuple(dict.fromkeys(gap for member in members for gap in member.hidden))


def _undecided(site: ServiceRule, error: UndecidedError) -> Finding:
    why = why_rejected(site) if site.rejected else "the rule is not rewritten, since what it stands for is not known"
    return _report(site, (), MANUAL, why, problem=error)


def _report(
    site: ServiceRule,
    members: Sequence[Backends],
    applicability: Applicability,
    why: str,
    change: Change | None = None,
    *,
    problem: UndecidedError | None = None,
    wrong_ports: Sequence[str] = (),
    nameless: str = "",
) -> Finding:
    both = "`toServices` together with `toPorts`"
    if site.rejected:
        message = f"Cilium {site.context.from_version} rejects {both}"
    elif wrong_ports:
        message = f"`toPorts` names port {join_names(wrong_ports)}"
    else:
        message = both if problem else f"Cilium accepts {both} only from {SERVICES_WITH_PORTS} on"
    advice = problem.advice if problem else ""
    if any(member.field == "toFQDNs" for member in members):
        advice = (
            "Cilium learns the addresses of a name from DNS answers: check that a rule with `rules.dns` lets them pass"
        )
    if nameless:
        advice = f"{nameless}: the Service leads nowhere there"
    if hidden := _hidden(members):
        advice = hidden_advice(hidden, "Services that the rule means too")
    void = not site.rejected and (site.rule.deny or (members and all(m.field == "toFQDNs" for m in members)))
    error = site.rejected or void or bool(wrong_ports) or (problem is not None and problem.wrong)
    found = report(
        site.context,
        site.field,
        applicability,
        f"{message}: {problem.reason}" if problem else message,
        why,
        change=change,
        severity=Severity.ERROR if error else Severity.NOTE,
        evidence=problem.evidence if problem else dict.fromkeys(text for m in members for text in m.evidence),
        advice=advice,
        at_key=True,
    )
    # Ports that lead nowhere drop nothing where another policy lets the backends' through.
    return replace(found, drops=bool(wrong_ports) and not site.rejected and not site.rule.deny)
