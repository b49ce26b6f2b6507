"""## What it does

Finds rules that another rule makes void: HTTP or DNS rules on a port that is open to the same peers anyway, policies
whose limits a clusterwide policy lifts, and, on request, rules that a wider one of the same policy covers.

## Why it matters

Allow rules add up, over all policies that select a pod: what one of them allows passes. Where one rule confines a peer
to `GET /metrics` and another allows the same port to the same peer without HTTP rules, every request passes. Where a
clusterwide policy lets the whole cluster in on every port, a narrow policy of the same pods narrows nothing.

## Example

```yaml
ingress:
  - fromEndpoints:
      - matchLabels: {app: scraper}
    toPorts:
      - ports: [{port: "9093", protocol: TCP}]
        rules:
          http: [{method: GET, path: /metrics}]    # restricts nothing:
  - toPorts:
      - ports: [{port: "9093", protocol: TCP}]     # lets every source use 9093
```

## Fix safety

There is no fix: no fact says which of the two is meant. There is a finding only where the other rule selects
all of the same pods for certain, and covers the peers and ports. HTTP and DNS rules that allow everything are there to
see the traffic, as are DNS rules beside `toFQDNs`: both are left alone.

A rule that a wider one of the same policy covers is reported with `--select shadowed-rule` only.

## References

- Cilium documentation, "Rule Basics" and "Layer 7 Policies"
- Cilium source, `pkg/envoy/xds_server.go`, "Short-circuit rules"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rewriter.cilium.compile import Entry, PortGrant
from rewriter.cilium.policy import CCNP, EGRESS, INGRESS, Rule, Spec
from rewriter.cilium.ports import EVERYTHING
from rewriter.cilium.terms import CidrTerm, FqdnTerm, reserved_term
from rewriter.evidence.context import Context
from rewriter.evidence.policies import AppliedRule, has_clusterwide_beside
from rewriter.evidence.reachable import reach_of
from rewriter.evidence.settings import settings_of
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.opening_rules import DNS_PROTOCOLS, Selecting, without_limits
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.text import join_names, policy_text, subject_text

_WHY = "rules are OR-ed over all policies of a pod: what one of them allows, no other takes away"


@antipattern(code="CNP029", id="shadowed-rule", title="a rule that another makes void", kinds=EVERY_KIND, guesses=True)
def find(context: Context) -> Iterator[Finding]:
    wanted = context.wants("shadowed-rule")
    for spec in context.policy.specs:
        needed = wanted or any(map(_limits, spec.rules)) or has_clusterwide_beside(context)
        if not needed or not (found := reach_of(context, spec)):
            continue
        reaches = Selecting(found)
        for rule in spec.rules:
            limits = _limits(rule) and not (_is_for_names(rule) and _has_names(spec))
            if not rule.deny and limits:
                yield from _not_limited(context, reaches, rule)
        yield from _moot(context, spec, reaches)
        yield from _covered_by_siblings(context, spec, reaches) if wanted else ()


def _limits(rule: Rule) -> bool:
    """Whether HTTP or DNS rules of a rule leave something out."""
    return any(rules.restricts for rules in rule.l7_rules)


def _is_for_names(rule: Rule) -> bool:
    """Whether the L7 rules are about DNS."""
    return any("dns" in rules.members for rules in rule.l7_rules)


def _has_names(spec: Spec) -> bool:
    """Whether toFQDNs of the rule set learns addresses from what DNS rules see: they are not there to restrict."""
    return any(rule.peer("toFQDNs") for rule in spec.rules)


def _everywhere(
    context: Context, reaches: Selecting, rule: Rule, limited: Sequence[str] = ()
) -> tuple[AppliedRule, ...]:
    """The rules that allow, for each of the pods, all that a rule allows; empty where some pods lack one.

    With `limited` the ports of the rule that have L7 rules count, as if they had none: DNS over these protocols.
    """
    found: dict[str, AppliedRule] = {}
    for rules in reaches[rule.direction]:
        own = rules.of(rule)
        if own is None:
            return ()
        wanted = without_limits(own.entry, limited) if limited else own.entry
        opening = rules.first_covering(wanted, own) or rules.first_covering(_outside(context, wanted), own)
        if opening is None:
            return ()
        found.setdefault(f"{opening} {opening.entry.route}", opening)
    return tuple(found.values())


def _outside(context: Context, entry: Entry) -> Entry:
    """The entry with the whole world in the place of the addresses and the names in it, which are a part of that."""
    settings = settings_of(context.cluster, context.to_version)
    narrow = (FqdnTerm,) if settings.cidr_match_nodes or settings.cidr_match_pods else (FqdnTerm, CidrTerm)
    peers = (reserved_term("world") if isinstance(peer, narrow) else peer for peer in entry.peers)
    return replace(entry, peers=tuple(dict.fromkeys(peers)))


def _not_limited(context: Context, reaches: Selecting, rule: Rule) -> Iterator[Finding]:
    opening = _everywhere(context, reaches, rule, DNS_PROTOCOLS)
    by_udp = () if opening or not _is_for_names(rule) else _everywhere(context, reaches, rule, ("UDP",))
    if not opening and not by_udp:
        return
    rules = next(rules for rules in rule.l7_rules if rules.restricts)
    kind = rules.members[0]
    nothing, port = ("nothing", "the port") if opening else ("no query over UDP", "53/UDP")
    yield report(
        context,
        rules,
        Applicability.MANUAL,
        f"the {kind} rules restrict {nothing}: {_rule_words(context, opening or by_udp)} opens {port} to the same "
        "peers without them",
        _WHY,
        evidence=_places(context, opening or by_udp),
        advice=f"give the other rule the {kind} rules too, or other peers, or drop these",
        at_key=True,
    )


def _moot(context: Context, spec: Spec, reaches: Selecting) -> Iterator[Finding]:
    """The directions in which a clusterwide policy lets through all that the rule set of another policy allows."""
    for direction in (INGRESS, EGRESS):
        own = [rule for rule in spec.rules if rule.direction == direction and not rule.deny]
        if not own or context.policy.kind == CCNP or any(rule.deny for rule in spec.rules):
            continue
        opening: dict[str, AppliedRule] = {}
        for rule in own:
            found = [applied for applied in _everywhere(context, reaches, rule) if _is_wide(applied)]
            if not found or len({policy_text(applied.policy) for applied in found}) != 1:
                opening.clear()
                break
            opening |= {str(applied): applied for applied in found}
        if opening:
            yield _lifted(context, spec, direction, list(opening.values()))


def _is_wide(rule: AppliedRule) -> bool:
    """Whether a rule of a clusterwide policy lets the cluster, the world or everything through on every port."""
    fields = [] if rule.rule is None else [rule.rule.peer("fromEntities"), rule.rule.peer("toEntities")]
    named = any(field is not None and field.has_any("cluster", "world", "all") for field in fields)
    return rule.policy.kind == CCNP and named and any(grant == PortGrant(EVERYTHING) for grant in rule.entry.ports)


def _lifted(context: Context, spec: Spec, direction: str, opening: Sequence[AppliedRule]) -> Finding:
    way = "in" if direction == INGRESS else "out"
    return report(
        context,
        f"{spec.route}/{direction}",
        Applicability.MANUAL,
        f"the {direction} rules limit nothing: {_rule_words(context, opening)} lets more {way} for "
        f"{subject_text(context.policy, spec)}, on every port",
        _WHY,
        severity=Severity.NOTE,
        evidence=_places(context, opening),
        advice="narrow the clusterwide policy if these limits are meant",
        at_key=True,
    )


def _covered_by_siblings(context: Context, spec: Spec, reaches: Selecting) -> Iterator[Finding]:
    for rule in spec.rules:
        beside = any(not r.deny and r is not rule and r.direction == rule.direction for r in spec.rules)
        if rule.deny or not beside or _limits(rule):
            continue
        opening = [other for other in _everywhere(context, reaches, rule) if other.rule in spec.rules]
        earlier = [other for other in opening if other.rule is not None and not other.rule.is_twin(rule)]
        twins = [other for other in opening if other.rule is not None and other.rule.index < rule.index]
        if earlier or twins:
            yield report(
                context,
                rule,
                Applicability.MANUAL,
                f"the rule adds nothing: {_rule_words(context, earlier or twins)} allows all of it",
                _WHY,
                severity=Severity.NOTE,
                advice="drop it, or narrow the other rule",
                on_request=True,
            )


def _rule_words(context: Context, rules: Iterable[AppliedRule]) -> str:
    return join_names(_words(context, rule) for rule in rules)


def _words(context: Context, rule: AppliedRule) -> str:
    name = rule.entry.route.removeprefix(rule.policy.route).removeprefix("/")
    same = (rule.policy.kind, rule.policy.namespace, rule.policy.name)
    own = same == (context.policy.kind, context.policy.namespace, context.policy.name)
    return f"`{name}`" if own else f"`{name}` of {policy_text(rule.policy)}"


def _places(context: Context, rules: Sequence[AppliedRule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{_words(context, rule)}, {rule.source}" for rule in rules))[:5]
