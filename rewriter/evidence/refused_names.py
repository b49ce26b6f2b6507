"""Which names the DNS proxy lets pods ask for, under all policies that select them."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.digits import is_number
from rewriter.cilium.fqdn import fqdn_term, sample_names
from rewriter.cilium.nodes import FqdnSelector
from rewriter.cilium.policy import EGRESS
from rewriter.cilium.terms import FqdnTerm
from rewriter.cilium.verdict import DENY_RULE
from rewriter.evidence.context import Context
from rewriter.evidence.dns import PORT, DnsServer, dns_server, proxied
from rewriter.evidence.names_learned import may_hold_dns, means_addresses
from rewriter.evidence.policies import AppliedRule
from rewriter.evidence.reachable import Reach
from rewriter.inventory.texts.manifests import items, mapping
from rewriter.records import dataclass

#: Fewer dots than this in a name, and resolvers try the search domains first (Kubernetes' own default of ndots).
NDOTS = 5
CLUSTER_DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class AskedNames:
    """The names that pods may ask of a DNS server: those of these terms and no others.

    `rules` are the rules with `rules.dns` that the terms come from.
    """

    reach: Reach
    server: DnsServer
    terms: tuple[FqdnTerm, ...]
    rules: tuple[AppliedRule, ...]

    def allows(self, name: str) -> bool:
        """Whether a name may be asked, as it stands."""
        return any(term.covers(name) for term in self.terms)


def asked_names(context: Context, reach: Reach) -> AskedNames | None:
    """What `rules.dns` lets pods ask for; None where they may ask for every name, for none, or it is not known."""
    server = dns_server(context, reach.workload)
    if server is None or any(may_hold_dns(unread) for unread in reach.hidden) or not reach.denied_by_default(EGRESS):
        return None
    if any(rule.filled or proxied(rule) for rule in reach.possible):
        return None
    if reach.may_be_let_out(server.identities[0], "UDP", server.ports[0]):
        return None
    answer = reach.verdict(EGRESS, server.identities[0], "UDP", server.ports[0])
    rules = tuple(rule for rule in reach.selecting if proxied(rule))
    if not answer.allowed or not answer.depends_on or not rules or any(_holds_unknown(rule) for rule in rules):
        return None
    terms = tuple(
        fqdn_term(entry.written, context.to_version) for rule in rules for item in proxied(rule) for entry in item.names
    )
    return AskedNames(reach, server, terms, rules)


def _holds_unknown(rule: AppliedRule) -> bool:
    """Whether the names of a rule hold an unknown value, or an entry that may mean any name (`matchPatern`)."""
    entries = [entry for item in proxied(rule) for entry in item.names]
    return any("${" in str(entry.written) or not (entry.name or entry.pattern) for entry in entries)


def lacks_dns(context: Context, reach: Reach) -> DnsServer | None:
    """The DNS server of pods that no policy lets reach it or any other; None where one does, or may."""
    lets_dns_out = any(_is_about_dns(rule) for rule in (*reach.selecting, *reach.possible))
    return None if lets_dns_out else shut_from_dns(context, reach)


def shut_from_dns(context: Context, reach: Reach) -> DnsServer | None:
    """The DNS server of pods that no policy lets reach it; None where one does, or may."""
    server = dns_server(context, reach.workload)
    if server is None or reach.hidden or not reach.denied_by_default(EGRESS) or reach.workload in server.rests_on:
        return None
    for identity in (*server.identities, *server.instead_of):
        for protocol in ("UDP", "TCP"):
            for number in dict.fromkeys((*server.ports, PORT)):
                answer = reach.verdict(EGRESS, identity, protocol, number)
                if answer.allowed or not answer.certain or answer.reason == DENY_RULE:
                    return None  # A rule that lets them reach it changes nothing as long as another denies it.
    return server


def denied_dns(context: Context, reach: Reach) -> tuple[DnsServer, tuple[AppliedRule, ...]] | None:
    """The DNS server that deny rules keep pods from asking over UDP, for certain, and these rules; else None."""
    if reach.hidden or not any(rule.entry.deny for rule in reach.rules(EGRESS)):
        return None
    server = dns_server(context, reach.workload)
    if server is None or reach.workload in server.rests_on:
        return None
    answers = [
        reach.verdict(EGRESS, identity, "UDP", number) for identity in server.identities for number in server.ports
    ]
    if not answers or any(answer.reason != DENY_RULE or not answer.certain for answer in answers):
        return None
    return server, tuple(dict.fromkeys(rule for answer in answers for rule in answer.rules))


def _is_about_dns(rule: AppliedRule) -> bool:
    """Whether an allow rule has port 53, whomever it names: another resolver, perhaps."""
    if rule.rule is None or rule.entry.deny or rule.entry.direction != EGRESS:
        return False
    return any(grant.match.low == PORT and grant.match.high == PORT for grant in rule.entry.ports)


def refused(asked: AskedNames, entry: FqdnSelector) -> str:
    """The name or pattern of an entry of toFQDNs that pods may not ask for at all; empty where they may for some."""
    name, pattern = entry.name, entry.pattern
    if means_addresses(entry):
        return ""
    if name:
        return "" if asked.allows(name.rstrip(".")) or "${" in name else name
    if not pattern or "${" in pattern:
        return ""
    if any(asked.allows(sample) for sample in sample_names(pattern)):
        return ""
    wide = fqdn_term({"matchPattern": pattern}, asked.reach.settings.version)
    return "" if any(wide.covers(sample) for term in asked.terms for sample in sample_names(term.written)) else pattern


def search_forms(name: str, namespace: str) -> tuple[str, ...]:
    """What a resolver asks for before a name with few dots, under the search domains that Kubernetes gives pods."""
    domains = (f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN)
    return tuple(f"{name}.{domain}" for domain in domains)


def dots_needed(context: Context, reach: Reach) -> int | None:
    """How many dots a name needs to be asked as it stands at first; None where that is not known."""
    template = context.inventory.pod_template(reach.workload) if reach.workload is not None else None
    if template is None:
        return None
    settings = mapping(template.spec.get("dnsConfig"))
    for option in items(settings.get("options")):
        if option.get("name") == "ndots":
            value = str(option.get("value"))
            return int(value) if is_number(value) else None
    return NDOTS


def asked_exactly(asked: AskedNames) -> Iterator[str]:
    """The names that `rules.dns` has without a pattern; one with a final dot is asked as it stands."""
    for rule in asked.rules:
        for item in proxied(rule):
            for entry in item.names:
                if entry.name and not entry.name.endswith("."):
                    yield entry.name.lower()
