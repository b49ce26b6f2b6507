"""Rules for DNS that never reach the cluster's DNS, of pods that no other rule lets reach it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter import patterns as re
from rewriter.cilium.policy import CNP, KNP, PeerField, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.dns import PORT, DnsServer, is_dns_rule
from rewriter.evidence.listening import declared_ports
from rewriter.evidence.reachable import reach_of, workloads_of_spec
from rewriter.evidence.refused_names import shut_from_dns
from rewriter.finding import Finding, Severity
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.addresses.cidr_entries import read_entries
from rewriter.passes.kit.changes.applicability import EVIDENT, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.names.dns_missing import dns_rule
from rewriter.passes.kit.ports.port_numbers import is_on, items_of
from rewriter.text import subject_text

_WORLD = frozenset({"world", "world-ipv4", "world-ipv6"})
_CIDRS = frozenset({"toCIDR", "toCIDRSet", "to"})
#: Programs that ask resolvers outside themselves, and words for those resolvers.
_RESOLVERS = re.compile(
    r"(?<![a-z])(?:coredns|core-dns|kube-dns|unbound|pi-?hole|adguard\w*|blocky|bind9?|named|powerdns|pdns|technitium|"
    r"dnsmasq|dnsdist|dnscrypt\w*|stubby|smartdns|ctrld|knot|k8s-gateway|node-?local-?dns|resolvers?|upstreams?|"
    r"external|public|recursive|recursors?|internet|outside|cloudflare|google|quad9|opendns|acme|dns-?01|rfc2136)(?![a-z])"
)


def dns_astray(context: Context, spec: Spec, egress: Sequence[Rule]) -> Iterator[Finding]:
    """The finding of the first rule on port 53 whose peers are no DNS pods, where nothing lets the pods reach these."""
    named = [(rule, field) for rule in egress if _names_dns(rule) and (field := _only_field(rule)) is not None]
    rules = [(rule, field) for rule, field in named if _may_be_astray(field)]
    if not rules:
        return
    servers = [shut_from_dns(context, reach) for reach in reach_of(context, spec)]
    server = servers[0] if servers else None
    if server is None or None in servers:
        return
    for rule, field in rules:
        own = _is_own_namespace(context, field, server)
        if own or _is_world(context, spec, rule, field):
            yield _finding(context, spec, rule, field, server, own=own)
            return


def _finding(context: Context, spec: Spec, rule: Rule, field: PeerField, server: DnsServer, *, own: bool) -> Finding:
    where = f"pods of {context.policy.namespace}" if own else "addresses outside of the cluster"
    return report(
        context,
        field.route,
        decided((not server.known or not own, UNSAFE), (OTHERWISE, EVIDENT)),
        f"the rule for DNS reaches only {where}, and these pods ask {server.words}",
        f"no policy lets {subject_text(context.policy, spec)} reach them, so that every name stays unknown",
        change=dns_rule(context, spec, rule, server),
        severity=Severity.WARNING if is_dns_rule(rule) else Severity.NOTE,
        rests_on=server.rests_on,
        evidence=server.evidence,
        at_key=True,
    )


def _names_dns(rule: Rule) -> bool:
    return items_of(rule) is not None and (is_on(rule, PORT, "UDP") or is_on(rule, PORT, "TCP"))


def _only_field(rule: Rule) -> PeerField | None:
    fields = [field for field in rule.peers if field.entries]
    return fields[0] if len(fields) == 1 else None


def _may_be_astray(field: PeerField) -> bool:
    """Whether peers may be a whole namespace or the world; most rules name the DNS pods, as one sees at once."""
    return field.name == "toEntities" or field.name in _CIDRS or all(map(_is_every_pod, field.entries))


def _is_own_namespace(context: Context, field: PeerField, server: DnsServer) -> bool:
    """Whether the peers are every pod of the policy's own namespace, in which nothing answers DNS."""
    own = context.policy.namespace
    if not own or not context.namespace_known or not all(map(_is_every_pod, field.entries)):
        return False
    if field.name not in ("toEndpoints", "to") or context.policy.kind not in (CNP, KNP) or own in server.words:
        return False
    return not any(map(_answers_dns, context.inventory.workloads_in((own,))))


def _is_every_pod(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    selector = entry.get("podSelector") if set(entry) == {"podSelector"} else entry
    return isinstance(selector, dict) and not any(selector.values())


def _is_world(context: Context, spec: Spec, rule: Rule, field: PeerField) -> bool:
    """Whether the peers are the whole internet, and the pods are no resolver that asks there."""
    if field.name == "toEntities":
        world = set(map(str, field.entries)) <= _WORLD
    else:
        found = list(read_entries(field)) if field.name in _CIDRS else []
        world = len(found) == len(field.entries) and all(entry.internet for entry in found)
    if not world or any(map(_answers_dns, workloads_of_spec(context, spec))):
        return False
    comments = " ".join(text for route in (field.route, rule.route) for text in context.comments_at(route))
    texts = (comments, context.policy.name, context.policy.namespace or "", subject_text(context.policy, spec))
    described = (spec.raw.get("description"), context.policy.annotated_description)
    return not any(_RESOLVERS.search(str(text).lower()) for text in (*texts, *described))


def _answers_dns(workload: Workload) -> bool:
    return any(port.number == PORT for name in ("UDP", "TCP") for port in declared_ports(workload, name))
