"""Whether the DNS proxy sees the answers to what pods ask: what toFQDNs of the same pods rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.cidr import AddressError, parse_address, parse_prefix
from rewriter.cilium.identity import outside_identity
from rewriter.cilium.nodes import FqdnSelector, PortRule
from rewriter.cilium.policy import EGRESS, KNP, Rule, Spec
from rewriter.cilium.ports import PORT_PROTOCOLS, port_matches
from rewriter.evidence.context import Context
from rewriter.evidence.dns import PROTOCOLS, DnsServer, dns_server, names_peer, on_ports, proxied
from rewriter.evidence.policies import AppliedRule
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.evidence.resting import NAMES, ask, trait
from rewriter.inventory.facts.model import UnreadPolicy
from rewriter.records import dataclass

_RANGE = re.compile(r"(?=(?:[^.]+\.){3}[^.]+$)(?:\d{1,3}\.){1,3}\*(?:\.\*)*")

#: An address that no one has, for "anywhere outside": only rules that let pods out to every destination name it.
ANYWHERE = outside_identity(parse_prefix("203.0.113.77/32"))


@dataclass(frozen=True, slots=True)
class Unlearned:
    """Pods whose DNS answers no policy sends through the proxy.

    `server` answers their queries (None: name servers of their own), `open_at` are the rules that let the queries out
    without `rules.dns`, `misses` those with it that name what no query goes to. `hidden` are the policies that may
    have such a rule and could not be read.
    """

    reach: Reach
    server: DnsServer | None
    open_at: tuple[AppliedRule, ...]
    misses: tuple[AppliedRule, ...]
    hidden: tuple[UnreadPolicy, ...]


def unlearned(context: Context, spec: Spec) -> Iterator[Unlearned]:
    """The pods of a rule set that is enforced, whose toFQDNs learns no address, one for each known workload.

    Left out are pods that may reach every address anyway, and those that may.
    """
    rules = [rule for rule in spec.rules if learns_names(rule)]
    if not rules:
        return
    for reach in reach_of(context, spec):
        own = {applied.entry.route for applied in reach.rules(EGRESS)}
        if own.isdisjoint(rule.route for rule in rules) or not reach.denied_by_default(EGRESS):
            continue
        if all(is_open_anyway(context, reach, rule) for rule in rules):
            continue
        found = _unlearned(context, reach)
        if found is not None:
            yield found


def has_names(rule: Rule) -> bool:
    """Whether a rule allows traffic by DNS name."""
    field = rule.peer("toFQDNs")
    return not rule.deny and rule.direction == EGRESS and field is not None and bool(field.entries)


def learns_names(rule: Rule) -> bool:
    """Whether a rule allows traffic by DNS name, and not by addresses that stand in the place of names alone."""
    field = rule.peer("toFQDNs") if has_names(rule) else None
    return field is not None and not all(
        isinstance(entry, FqdnSelector) and means_addresses(entry) for entry in field.decoded()
    )


def means_addresses(entry: FqdnSelector) -> bool:
    """Whether an entry of toFQDNs is an address, or a pattern like a range of them, and so no name."""
    return is_address(entry.name or entry.pattern) or is_range(entry.pattern)


def is_range(pattern: str) -> bool:
    """Whether a pattern of toFQDNs looks like a range of IPv4 addresses: `203.0.113.*`."""
    return _RANGE.fullmatch(pattern) is not None


def is_address(name: str) -> bool:
    """Whether a name or a pattern of toFQDNs is an IPv4 address, which no DNS answer has as its name."""
    try:
        return parse_address(name.strip().rstrip(".")).width == 32
    except AddressError:
        return False


def _unlearned(context: Context, reach: Reach) -> Unlearned | None:
    server = dns_server(context, reach.workload)
    if server is not None and reach.workload in server.rests_on:
        return None
    every = [rule for rule in (*reach.selecting, *reach.possible) if proxied(rule)]
    misses: tuple[AppliedRule, ...] = ()
    if every:
        if server is None or not server.known:
            return None
        if not all(_misses(context, rule, server) for rule in every):
            return None
        misses = tuple(every)
    allowing: list[AppliedRule] = []
    if server is not None:
        for identity in server.identities:
            for number in server.ports:
                for protocol in PROTOCOLS:
                    allowing += reach.verdict(EGRESS, identity, protocol, number).rules_if_allowed
    else:
        allowing = [rule for rule in reach.rules(EGRESS) if not rule.entry.deny]
    open_at = tuple(dict.fromkeys(rule for rule in allowing if not proxied(rule)))
    if server is not None and not open_at and not misses and _may_be_open(reach, server):
        return None
    return Unlearned(reach, server, open_at, misses, tuple(unread for unread in reach.hidden if may_hold_dns(unread)))


def _may_be_open(reach: Reach, server: DnsServer) -> bool:
    """Whether a rule with unknown values may let the pods ask a DNS server, and it alone would take `rules.dns`."""
    return any(
        reach.may_be_let_out(identity, protocol, number)
        for identity in server.identities
        for number in server.ports
        for protocol in PROTOCOLS
    )


def _misses(context: Context, rule: AppliedRule, server: DnsServer) -> bool:
    """Whether a rule with `rules.dns` names the DNS pods, and yet nothing that the pods' queries go to.

    It names those whose traffic another takes over, or another port than the one that they listen on; or names alone,
    of which no address is known before a query was answered.
    """
    if rule.rule is not None and rule.rule.peer("toFQDNs") is not None and len(rule.rule.peers) == 1:
        return not rule.filled
    if rule.filled or not names_peer(rule, (*server.identities, *server.instead_of)):
        return False
    if not names_peer(rule, server.identities):
        return True
    return not any(on_ports(item.item, server, context.to_version) for item in proxied(rule))


def is_open_anyway(context: Context, reach: Reach, rule: Rule) -> bool:
    """Whether pods reach every address outside on all ports of a rule with names, so that these have no say."""
    items = [item for item in rule.port_rules if isinstance(item, PortRule)]
    matches = [match for item in items for match in port_matches(item.written, context.to_version)]
    ports = [(m.protocol, m.low) for m in matches if not m.name] or [("TCP", 443)]
    return all(
        reach.verdict(EGRESS, ANYWHERE, transport, number).allowed
        for protocol, number in ports
        for transport in (PORT_PROTOCOLS[:2] if protocol == "ANY" else (protocol,))
    )


def may_hold_dns(policy: UnreadPolicy) -> bool:
    """Whether a policy that could not be read may have a rule with `rules.dns`."""
    text = policy.text.lower()
    return policy.kind != KNP and (
        not text or "dns" in text or any(word in text for word in ("toyaml", "include ", "tpl ", ".values"))
    )


def names_anywhere(context: Context) -> bool:
    """Whether any policy may have rules with names; most repositories have none, and no other policy needs a look."""
    ask(trait(NAMES))
    key = ("names anywhere",)
    if key not in context.answers:
        context.answers[key] = any(_may_name(policy.manifest) for policy in context.inventory.policies)
    return bool(context.answers[key])


def _may_name(manifest: Mapping[str, Any]) -> bool:
    specs = manifest.get("specs")
    return any(
        "toFQDNs" in rule
        for spec in (manifest.get("spec"), *(specs if isinstance(specs, list) else ()))
        for rule in _egress(spec)
        if isinstance(rule, Mapping)
    )


def _egress(spec: Any) -> Sequence[Any]:
    rules = spec.get("egress") if isinstance(spec, Mapping) else None
    return rules if isinstance(rules, list) else ()
