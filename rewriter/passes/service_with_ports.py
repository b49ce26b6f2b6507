"""## What it does

Finds `toServices` together with `toPorts` in one rule, and writes the Service's own selector and backend ports instead.

## Why it matters

Up to Cilium 1.16 the combination is rejected, and with it the whole policy: its pods are open. From 1.17 on it is
accepted, so an upgrade wakes such a policy up.

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

- Where the policy is dead today (`--from` up to 1.16), the fix switches enforcement on: evident.
- Where it is enforced, the fix is safe if the flows stay the same, and evident if they do not.
- Cilium resolves no Service in a deny rule: that shuts its ports to every destination, and the fix is unsafe.
- An ExternalName has no backends, so such a rule opens its ports to every destination: the fix closes them, and is
  evident.
- A Service that is not known, that can be read in two ways, or whose facts are in doubt (stated twice, from a
  snapshot that is stale or not whole, in a file that nothing applies) is manual.

## References

- Cilium documentation, "Layer 3 Policies", section "Services based"
- Cilium source, `pkg/policy/k8s`, `resolveToServices`, and `pkg/policy/api`, `EgressRule.Sanitize`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from rewriter.cilium.policy import EGRESS, PeerField, Rule, Spec
from rewriter.cilium.terms import Term
from rewriter.cilium.version import REQUIRES_REMOVED, SERVICES_WITH_PORTS
from rewriter.evidence.backends import Backends, UndecidedError, backends_of
from rewriter.evidence.context import Context
from rewriter.evidence.references import missing_service
from rewriter.finding import Applicability, Finding, Fix, FlowClaim, Severity
from rewriter.passes.kit.backend_ports import (
    Plan,
    apply_plan,
    plan_operations,
    plan_ports,
    ports_known,
    translate,
    translated_ports,
)
from rewriter.passes.kit.claims import flow_claim, rule_flows
from rewriter.passes.kit.coverage import add_after, sibling, uncovered_rules
from rewriter.passes.kit.enforcement import switched_on
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names, port_text, subject_text


@dataclass(frozen=True, slots=True)
class _ServiceRule:
    """A rule with toServices and toPorts."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    to_ports: list[Any]

    @property
    def rejected(self) -> bool:
        """Whether the source release rejects the rule for it, and so enforces nothing of the policy."""
        return self.context.from_version < SERVICES_WITH_PORTS and not self.rule.deny


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One of the rules that a rule becomes: entries of one peer field, on the ports of the plan."""

    field: str
    entries: list[Any]
    plan: Plan
    members: list[Backends]


@antipattern(code="CNP002", id="service-with-ports", title="toServices together with toPorts")
def find(context: Context) -> Iterator[Finding]:
    for site in _sites(context):
        if not site.rule.deny and not all(missing_service(context, entry) for entry in site.field.entries):
            yield _finding(site)


def deny_rules(context: Context) -> Iterator[Finding]:
    """The same for deny rules, in which Cilium resolves no Service: what `unresolved-reference` reports."""
    for site in _sites(context):
        if site.rule.deny:
            message = "`toServices` in a deny rule is never resolved: the rule denies its ports to everybody"
            yield replace(_finding(site), severity=Severity.ERROR, message=message)


def _sites(context: Context) -> Iterator[_ServiceRule]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            field, to_ports = rule.peer("toServices"), rule.raw.get("toPorts")
            if rule.direction == EGRESS and field and field.entries and to_ports and isinstance(to_ports, list):
                yield _ServiceRule(context, spec, rule, field, to_ports)


def _finding(site: _ServiceRule) -> Finding:
    try:
        _check_alone(site)
        members = [
            replace(member, reference=entry)
            for entry in site.field.entries
            for member in backends_of(site.context, entry)
        ]
        outcomes = _outcomes(site, members)
    except UndecidedError as error:
        return _undecided(site, error)
    return _fixed(site, members, outcomes)


def _check_alone(site: _ServiceRule) -> None:
    """Raises UndecidedError where other peers of the rule, or requirements of its direction, would have a say."""
    others = [field.name for field in site.rule.peers if field.entries and field is not site.field]
    if others:
        raise UndecidedError(
            f"it stands together with {join_names(others)}, which every release rejects", "Give each a rule of its own."
        )
    if site.rule.selects_nobody:
        raise UndecidedError("an empty list of peers beside it selects no peer", "Remove the empty list.")
    required = [r for r in site.spec.rules if (field := r.peer("toRequires")) and field.entries]
    if required and site.context.from_version < REQUIRES_REMOVED:
        raise UndecidedError("toRequires would narrow the new selectors", "Write the requirements into the selectors.")


def _outcomes(site: _ServiceRule, members: Sequence[Backends]) -> list[_Outcome]:
    """The rules that mean the same: a field each, and a Service each where ports differ."""
    plans = [translate(site.to_ports, member) for member in members]
    _check_ports(site, members, plans)
    outcomes: list[_Outcome] = []
    for field in dict.fromkeys(member.field for member in members):
        own = [(member, plan) for member, plan in zip(members, plans, strict=True) if member.field == field]
        alike = all(plan == own[0][1] for _, plan in own)
        for group in [own] if alike else [[one] for one in own]:
            entries = [entry for member, _ in group for entry in member.entries]
            outcomes.append(_Outcome(field, _unique(entries), group[0][1], [member for member, _ in group]))
    if site.rule.deny and any(outcome.field == "toFQDNs" for outcome in outcomes):
        raise UndecidedError("egressDeny has no toFQDNs for an ExternalName", "Deny its addresses.")
    return outcomes


def _check_ports(site: _ServiceRule, members: Sequence[Backends], plans: Sequence[Plan]) -> None:
    """Raises UndecidedError where a port belongs to no Service, or a Service has none of the ports."""
    known = f"; {join_names(ports_known(member) for member in members)}"
    for item, index in ((i, j) for i, ports in enumerate(plans[0]) for j in ports):
        if not any(plan[item][index] for plan in plans):
            port = site.to_ports[item]["ports"][index]["port"]
            raise UndecidedError(
                f"port {port} is neither a port of {join_names(m.name for m in members)} nor a backend port{known}",
                "Write the port on which the backends listen.",
                wrong=True,
            )
    for member, plan in zip(members, plans, strict=True):
        if any(plan) and not any(ports for item in plan for ports in item.values()):
            raise UndecidedError(
                f"toPorts has no port of {member.name}{known}", "Write the ports that are meant.", wrong=True
            )


def _unique(entries: Sequence[Any]) -> list[Any]:
    return [entry for index, entry in enumerate(entries) if entry not in entries[:index]]


def _fixed(site: _ServiceRule, members: Sequence[Backends], outcomes: Sequence[_Outcome]) -> Finding:
    first = outcomes[0]
    added = uncovered_rules(site.context, site.rule, [_sibling(site, outcome) for outcome in outcomes[1:]])
    fix = Fix(
        (
            {"op": "remove", "path": site.field.route},
            {"op": "add", "path": f"{site.rule.route}/{first.field}", "value": deepcopy(first.entries)},
            *plan_operations(f"{site.rule.route}/toPorts", site.to_ports, first.plan),
            *add_after(site.rule, added),
        )
    )
    if site.rejected:
        changes = switched_on(site.context)
        return _make(
            site,
            members,
            Applicability.EVIDENT,
            fix,
            why=_why_rejected(site),
            opens=(*(_allowed(site, outcome) for outcome in outcomes if changes.opens), *changes.opens),
            closes=changes.closes,
        )
    opens, closes = _changes(site, outcomes)
    same = not opens and not closes
    applicability = Applicability.EVIDENT
    if same and all(member.complete for member in members):
        applicability = Applicability.SAFE
    elif site.rule.deny and not same:
        applicability = Applicability.UNSAFE
    wrong = [
        f"{join_names(old)} of {join_names(m.name for m in outcome.members)}, which means {join_names(new)}"
        for outcome in outcomes
        for old, new in [translated_ports(site.to_ports, outcome.plan)]
        if new
    ]
    return _make(
        site,
        members,
        applicability,
        fix,
        wrong_ports=wrong,
        why=_why_enforced(site, outcomes, wrong=bool(wrong)),
        opens=opens,
        closes=closes,
    )


def _sibling(site: _ServiceRule, outcome: _Outcome) -> dict[str, Any]:
    new = sibling(site.rule, {outcome.field: outcome.entries})
    return {**new, "toPorts": apply_plan(site.to_ports, outcome.plan)}


def _changes(site: _ServiceRule, outcomes: Sequence[_Outcome]) -> tuple[tuple[FlowClaim, ...], tuple[FlowClaim, ...]]:
    """The flows that the rules open and close: those of other peers than the Services', and those on other ports."""
    if site.rule.deny:
        return _changes_of_deny(site, outcomes)
    names_only = [outcome for outcome in outcomes if outcome.field == "toFQDNs"]
    if names_only and len(names_only) == len(outcomes):
        # A Service of type ExternalName has no backends: the rule names no peer, and its ports are open to every
        # destination.
        return (), (_to_anybody(site),)
    opens: list[FlowClaim] = [_flows(site, "their names", _sibling(site, outcome), None) for outcome in names_only]
    closes: list[FlowClaim] = []
    for outcome in outcomes:
        new = _sibling(site, outcome)
        for member in outcome.members:
            if member.opens:
                opens.append(_flows(site, member.opens.words, new, member.opens.terms))
            if member.closes:
                closes.append(_flows(site, member.closes.words, site.rule.raw, member.closes.terms))
        before, after = plan_ports(site.to_ports), plan_ports(new["toPorts"])
        gone, come = [p for p in before if p not in after], [p for p in after if p not in before]
        names = join_names(member.name for member in outcome.members)
        if come:
            opens.append(_on_ports(site, names, new, come))
        if gone:
            referred = {"toServices": _unique([member.reference for member in outcome.members])}
            closes.append(_on_ports(site, names, sibling(site.rule, referred), gone))
    return tuple(opens), tuple(closes)


def _changes_of_deny(
    site: _ServiceRule, outcomes: Sequence[_Outcome]
) -> tuple[tuple[FlowClaim, ...], tuple[FlowClaim, ...]]:
    """As `_changes`: Cilium resolves no Service in egressDeny, so the rule shuts its ports to everybody."""
    closes = []
    for outcome in outcomes:
        new = _sibling(site, outcome)
        before = plan_ports(site.to_ports)
        come = [port for port in plan_ports(new["toPorts"]) if port not in before]
        if come:
            closes.append(_on_ports(site, join_names(member.name for member in outcome.members), new, come))
    return (_to_anybody(site),), tuple(closes)


def _to_anybody(site: _ServiceRule) -> FlowClaim:
    """The flows of the rule as it is where no Service stands behind it, but for what it means once it is fixed."""
    ports = join_names(plan_ports(site.to_ports))
    words = f"from {subject_text(site.context.policy, site.spec)} to anything else on {ports}"
    rule = {key: value for key, value in site.rule.raw.items() if key != site.field.name}
    return replace(flow_claim(words, site.spec, site.rule, rule), rest=True)


def _flows(site: _ServiceRule, peers: str, rule: Mapping[str, Any], terms: Sequence[Term] | None) -> FlowClaim:
    return rule_flows(site.context, site.spec, site.rule, peers, rule, terms=terms)


def _on_ports(site: _ServiceRule, names: str, rule: Mapping[str, Any], ports: Sequence[str]) -> FlowClaim:
    """The flows to backends on these of the rule's ports only."""
    words = f"from {subject_text(site.context.policy, site.spec)} to backends of {names} on {join_names(ports)}"
    written = [port for item in rule["toPorts"] for port in item["ports"] if port_text(port) in ports]
    return flow_claim(words, site.spec, site.rule, {**rule, "toPorts": [{"ports": written}]})


def _why_enforced(site: _ServiceRule, outcomes: Sequence[_Outcome], *, wrong: bool) -> str:
    if site.rule.deny:
        return "Cilium resolves no Service in `egressDeny`: the rule shuts its ports to every destination"
    if all(outcome.field == "toFQDNs" for outcome in outcomes):
        return "an ExternalName has no backends: the rule names no peer, and opens its ports to every destination"
    return _WRONG_PORT if wrong else "the rule follows the Service only where Cilium resolves it"


_WRONG_PORT = "policies are checked on the backends' ports, so connections to the Service do not match the rule"


def _why_rejected(site: _ServiceRule) -> str:
    subject = subject_text(site.context.policy, site.spec)
    why = f"Cilium {site.context.from_version} enforces nothing of the policy"
    if site.context.to_version >= SERVICES_WITH_PORTS:
        return (
            f"{why}, and {SERVICES_WITH_PORTS} does: with this fix, or with the upgrade, {subject} enter default deny"
        )
    return f"{why}; with this fix enforcement starts and {subject} enter default deny"


def _allowed(site: _ServiceRule, outcome: _Outcome) -> FlowClaim:
    """What a new rule lets through where another policy denies it by default; alone it opens nothing."""
    backends = f"backends of {join_names(member.name for member in outcome.members)}"
    return _flows(site, backends, _sibling(site, outcome), None)


def _undecided(site: _ServiceRule, error: UndecidedError) -> Finding:
    why = _why_rejected(site) if site.rejected else "the rule is not rewritten, since what it stands for is not known"
    return _make(site, (), Applicability.MANUAL, None, why=why, problem=error)


def _make(
    site: _ServiceRule,
    members: Sequence[Backends],
    applicability: Applicability,
    fix: Fix | None,
    *,
    why: str,
    problem: UndecidedError | None = None,
    wrong_ports: Sequence[str] = (),
    opens: tuple[FlowClaim, ...] = (),
    closes: tuple[FlowClaim, ...] = (),
) -> Finding:
    both = "toServices together with toPorts"
    if site.rejected:
        message = f"{both} is rejected by Cilium {site.context.from_version}"
    elif wrong_ports:
        message = f"toPorts names port {join_names(wrong_ports)}"
    else:
        message = both if problem else f"{both} is accepted only from Cilium {SERVICES_WITH_PORTS} on"
    advice = problem.advice if problem else ""
    if any(member.field == "toFQDNs" for member in members):
        advice = (
            "Cilium learns the addresses of a name from DNS answers: see that a rule with `rules.dns` lets them pass."
        )
    nobody = not site.rejected and (site.rule.deny or (members and all(m.field == "toFQDNs" for m in members)))
    error = site.rejected or nobody or bool(wrong_ports) or (problem is not None and problem.wrong)
    return Finding(
        severity=Severity.ERROR if error else Severity.NOTE,
        applicability=applicability,
        route=site.field.route,
        message=f"{message}: {problem.reason}" if problem else message,
        why=why,
        evidence=tuple(dict.fromkeys(text for member in members for text in member.evidence)),
        advice=advice,
        fix=fix,
        opens=opens,
        closes=closes,
        at_key=True,
    )
