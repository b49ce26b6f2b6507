"""What a rule with toServices and toPorts becomes: rules that mean the same, and the flows that they open and close."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rewriter.cilium.policy import EGRESS, PeerField, Rule, Spec
from rewriter.cilium.terms import Term
from rewriter.cilium.version import REQUIRES_REMOVED, SERVICES_WITH_PORTS, Version
from rewriter.evidence.backends import Backends, UndecidedError
from rewriter.evidence.context import Context
from rewriter.evidence.target_ports import no_container_has
from rewriter.finding import FlowClaim
from rewriter.passes.kit.changes.claims import flow_claim, rule_flows
from rewriter.passes.kit.changes.coverage import sibling
from rewriter.passes.kit.changes.forms import Form, as_written, list_of, members_of, with_rules, without
from rewriter.passes.kit.ports.backend_ports import (
    Plan,
    apply_plan,
    plan_ports,
    port_at,
    ports_known,
    translate,
)
from rewriter.records import dataclass
from rewriter.text import join_names, port_text, subject_text


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """A rule with toServices and toPorts."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField

    @property
    def to_ports(self) -> list[object]:
        """The items of `toPorts` as written."""
        return [item.written for item in self.rule.port_rules]

    @property
    def rejected(self) -> bool:
        """Whether the source release rejects the rule for it, and so enforces nothing of the policy."""
        return self.context.from_version < SERVICES_WITH_PORTS and not self.rule.deny


@dataclass(frozen=True, slots=True)
class Outcome:
    """One of the rules that a rule becomes: entries of one peer field, on the ports of the plan."""

    field: str
    entries: list[object]
    plan: Plan
    members: list[Backends]


def rules_with_services(context: Context) -> Iterator[ServiceRule]:
    """The rules of a policy that have both."""
    for spec in context.policy.specs:
        for rule in spec.rules:
            field = _services(rule)
            if field is not None:
                yield ServiceRule(context, spec, rule, field)


def without_rejected(spec: Spec, version: Version) -> Form:
    """A rule set without the Services of rules that a release rejects because they have ports too."""
    if version >= SERVICES_WITH_PORTS:
        return as_written(spec)
    return with_rules(spec, lambda rule: without(rule, *(["toServices"] if _services(rule) else [])))


def _services(rule: Rule) -> PeerField | None:
    field = rule.peer("toServices")
    return field if rule.direction == EGRESS and field and field.entries and rule.port_rules else None


def check_alone(site: ServiceRule) -> None:
    """Raises UndecidedError where other peers of the rule, or requirements of its direction, would have a say."""
    others = [f"`{field.name}`" for field in site.rule.peers if field.entries and field is not site.field]
    if others:
        raise UndecidedError(
            f"it stands together with {join_names(others)}, which every release rejects", "give each a rule of its own"
        )
    if site.rule.selects_nobody:
        raise UndecidedError("an empty list of peers beside it selects no peer", "remove the empty list")
    required = [r for r in site.spec.rules if (field := r.peer("toRequires")) and field.entries]
    if required and site.context.from_version < REQUIRES_REMOVED:
        raise UndecidedError("toRequires would narrow the new selectors", "write the requirements into the selectors")


def outcomes_of(site: ServiceRule, members: Sequence[Backends]) -> list[Outcome]:
    """The rules that mean the same: a field each, and a Service each where ports differ."""
    plans = [translate(site.to_ports, member) for member in members]
    _check_ports(site, members, plans)
    outcomes: list[Outcome] = []
    for field in dict.fromkeys(member.field for member in members):
        own = [(member, plan) for member, plan in zip(members, plans, strict=True) if member.field == field]
        alike = all(plan == own[0][1] for _, plan in own)
        for group in [own] if alike else [[one] for one in own]:
            entries = [entry for member, _ in group for entry in member.entries]
            outcomes.append(Outcome(field, _unique(entries), group[0][1], [member for member, _ in group]))
    if site.rule.deny and any(outcome.field == "toFQDNs" for outcome in outcomes):
        raise UndecidedError("egressDeny has no toFQDNs for an ExternalName", "deny its addresses")
    return outcomes


def _check_ports(site: ServiceRule, members: Sequence[Backends], plans: Sequence[Plan]) -> None:
    """Raises UndecidedError where a port belongs to no Service, or a Service has none of the ports."""
    known = f"; {join_names(ports_known(member) for member in members)}"
    for item, index in ((i, j) for i, ports in enumerate(plans[0]) for j in ports):
        if not any(plan[item][index] for plan in plans):
            port = port_at(site.to_ports[item], index)["port"]
            raise UndecidedError(
                f"port {port} is neither a port of {join_names(m.name for m in members)} nor a backend port{known}",
                "write the port on which the backends listen",
                wrong=True,
            )
    for member, plan in zip(members, plans, strict=True):
        if any(plan) and not any(ports for item in plan for ports in item.values()):
            raise UndecidedError(
                f"toPorts has no port of {member.name}{known}", "write the ports that are meant", wrong=True
            )


def _unique(entries: Sequence[object]) -> list[object]:
    return [entry for index, entry in enumerate(entries) if entry not in entries[:index]]


def sibling_of(site: ServiceRule, outcome: Outcome) -> Form:
    new = sibling(site.rule, {outcome.field: outcome.entries})
    return {**new, "toPorts": apply_plan(site.to_ports, outcome.plan)}


def without_container(outcomes: Sequence[Outcome]) -> str:
    """That ports become a name that no container behind their Service has, in words; empty where none does."""
    found = (
        no_container_has((str(port["port"]) for news in ports.values() for port in news), member.pods)
        for outcome in outcomes
        for member in outcome.members
        for ports in outcome.plan
    )
    return "; ".join(dict.fromkeys(filter(None, found)))


def flow_changes(site: ServiceRule, outcomes: Sequence[Outcome]) -> tuple[tuple[FlowClaim, ...], tuple[FlowClaim, ...]]:
    """The flows that the rules open and close: those of other peers than the Services', and those on other ports."""
    if site.rule.deny:
        return _changes_of_deny(site, outcomes)
    names_only = [outcome for outcome in outcomes if outcome.field == "toFQDNs"]
    if names_only and len(names_only) == len(outcomes):
        # A Service of type ExternalName has no backends: the rule names no peer, and its ports are open to every
        # destination.
        return (), (flows_to_anybody(site),)
    opens: list[FlowClaim] = [_flows(site, "their names", sibling_of(site, outcome), None) for outcome in names_only]
    closes: list[FlowClaim] = []
    for outcome in outcomes:
        new = sibling_of(site, outcome)
        for member in outcome.members:
            if member.opens:
                opens.append(_flows(site, member.opens.words, new, member.opens.terms))
            if member.closes:
                closes.append(_flows(site, member.closes.words, site.rule.raw, member.closes.terms))
        before, after = plan_ports(site.to_ports), plan_ports(list_of(new["toPorts"]))
        gone, come = [p for p in before if p not in after], [p for p in after if p not in before]
        names = join_names(member.name for member in outcome.members)
        if come:
            opens.append(_on_ports(site, names, new, come))
        if gone:
            referred = {"toServices": _unique([member.reference for member in outcome.members])}
            closes.append(_on_ports(site, names, sibling(site.rule, referred), gone))
    return tuple(opens), tuple(closes)


def _changes_of_deny(
    site: ServiceRule, outcomes: Sequence[Outcome]
) -> tuple[tuple[FlowClaim, ...], tuple[FlowClaim, ...]]:
    """As `flow_changes`: Cilium resolves no Service in egressDeny, so the rule shuts its ports to everybody."""
    closes = []
    for outcome in outcomes:
        new = sibling_of(site, outcome)
        before = plan_ports(site.to_ports)
        come = [port for port in plan_ports(list_of(new["toPorts"])) if port not in before]
        if come:
            closes.append(_on_ports(site, join_names(member.name for member in outcome.members), new, come))
    return (flows_to_anybody(site),), tuple(closes)


def flows_to_anybody(site: ServiceRule) -> FlowClaim:
    """The flows of the rule as it is where no Service stands behind it, but for what it means once it is fixed."""
    ports = join_names(plan_ports(site.to_ports))
    words = f"from {subject_text(site.context.policy, site.spec)} to anything else on {ports}"
    rule = without(site.rule, site.field.name)
    return replace(flow_claim(words, site.spec, site.rule, rule), rest=True)


def _flows(site: ServiceRule, peers: str, rule: Mapping[str, object], terms: Sequence[Term] | None) -> FlowClaim:
    return rule_flows(site.context, site.spec, site.rule, peers, rule, terms=terms)


def _on_ports(site: ServiceRule, names: str, rule: Mapping[str, object], ports: Sequence[str]) -> FlowClaim:
    """The flows to backends on these of the rule's ports only."""
    words = f"from {subject_text(site.context.policy, site.spec)} to backends of {names} on {join_names(ports)}"
    items = [members_of(item) for item in list_of(rule["toPorts"])]
    own = [members_of(port) for item in items for port in list_of(item["ports"])]
    written = [port for port in own if port_text(port) in ports]
    return flow_claim(words, site.spec, site.rule, {**rule, "toPorts": [{"ports": written}]})


def flows_allowed(site: ServiceRule, outcome: Outcome) -> FlowClaim:
    """What a new rule lets through where another policy denies it by default; alone it opens nothing."""
    backends = f"backends of {join_names(member.name for member in outcome.members)}"
    return _flows(site, backends, sibling_of(site, outcome), None)


def why_enforced(site: ServiceRule, outcomes: Sequence[Outcome], *, wrong: bool) -> str:
    if site.rule.deny:
        return "Cilium resolves no Service in `egressDeny`: the rule shuts its ports to every destination"
    if all(outcome.field == "toFQDNs" for outcome in outcomes):
        return "an ExternalName has no backends: the rule names no peer, and opens its ports to every destination"
    return WRONG_PORT if wrong else "the rule follows the Service only where Cilium resolves it"


WRONG_PORT = "Cilium checks policy on the backends' ports, so connections to the Service do not match the rule"


def why_rejected(site: ServiceRule) -> str:
    subject = subject_text(site.context.policy, site.spec)
    why = f"Cilium {site.context.from_version} enforces nothing of the policy"
    if site.context.to_version >= SERVICES_WITH_PORTS:
        return (
            f"{why}, and {SERVICES_WITH_PORTS} does: with this fix, or with the upgrade, {subject} enter default deny"
        )
    return f"{why}; with this fix enforcement starts and {subject} enter default deny"
