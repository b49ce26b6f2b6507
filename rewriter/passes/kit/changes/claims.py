"""What a pass declares of the flows that its fix opens and closes, from the rules that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rewriter.cilium.policy import Policy, Rule, Spec
from rewriter.cilium.terms import Term
from rewriter.evidence.context import Context
from rewriter.finding import FlowClaim
from rewriter.passes.kit.changes.coverage import sibling
from rewriter.text import flow_text


def rule_flows(
    context: Context,
    spec: Spec,
    rule: Rule,
    peers: str,
    *rules: Mapping[str, object],
    terms: Iterable[Term] | None = None,
) -> FlowClaim:
    """The flows of a rule with peers in these words, or those of `rules` in its place.

    `terms` are the peers that are meant where the rules name more.
    """
    return flow_claim(flow_text(context.policy, spec, rule, peers), spec, rule, *rules, terms=terms)


def flow_claim(
    words: str, spec: Spec, rule: Rule, *rules: Mapping[str, object], terms: Iterable[Term] | None = None
) -> FlowClaim:
    """As `rule_flows`, all in these words."""
    peers = None if terms is None else tuple(terms)
    meant = tuple(_without_demands(rule, raw) for raw in rules or apart(rule))
    return FlowClaim(words, rule.direction, spec.route, meant, peers)


def all_other(words: str, spec: Spec, direction: str) -> FlowClaim:
    """All flows of a rule set's subject in a direction that the policy does not allow once it is fixed."""
    return FlowClaim(words, direction, spec.route, rest=True)


def rules_flows(
    words: str, spec: Spec, direction: str, rules: Iterable[Rule], policy: Policy | None = None
) -> FlowClaim:
    """The flows of several rules of a rule set, in another policy where one is given."""
    meant = tuple(_without_demands(rule, raw) for rule in rules for raw in apart(rule))
    return FlowClaim(words, direction, spec.route, meant, policy=policy)


def apart(rule: Rule) -> tuple[Mapping[str, object], ...]:
    """The rules that a rule means: one for each kind of peer in it, since no release accepts several together."""
    fields = [field for field in rule.peers if field.entries and not field.name.endswith("Requires")]
    if len(fields) < 2:
        return (rule.raw,)
    return tuple(sibling(rule, {field.name: list(field.entries)}) for field in fields)


def _without_demands(rule: Rule, raw: Mapping[str, object]) -> Mapping[str, object]:
    """A rule as it is declared, which is read as an allow rule: of a deny rule only the ports count."""
    if not rule.deny:
        return raw
    items = raw.get("toPorts")
    ports = {"toPorts": [_ports_alone(item) for item in items]} if isinstance(items, list) else {}
    return {**{name: value for name, value in raw.items() if name != "authentication"}, **ports}


def _ports_alone(item: object) -> object:
    return {name: value for name, value in item.items() if name == "ports"} if isinstance(item, dict) else item
