"""The ports of a rule, each with the pods that would have to listen on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter.cilium.digits import is_number
from rewriter.cilium.go_syntax import is_service_name
from rewriter.cilium.nodes import Malformed, PortProtocol, PortRule
from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Rule, Spec
from rewriter.cilium.ports import ANY_PROTOCOL
from rewriter.cilium.terms import LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.once import once
from rewriter.evidence.workloads import Matches, matches, on_host_network, subject_term
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import Change, flows_of, patch
from rewriter.passes.kit.changes.forms import Form, changed, copied
from rewriter.passes.kit.ports.peer_terms import pod_peers
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class PortSite:
    """One port of a rule. `pods` are those that the traffic of the rule goes to.

    `on_nodes` are pods on the host network that the peers of an egress rule mean. `port` is its number or its name,
    `route` the place of its entry in `ports`, `others` the ports beside it in its item.
    """

    context: Context
    spec: Spec
    rule: Rule
    item: PortRule
    entry: PortProtocol
    port: int | str
    pods: Matches
    on_nodes: tuple[Workload, ...] = ()

    @property
    def route(self) -> str:
        return self.entry.route

    @property
    def protocol(self) -> str:
        """TCP, UDP, SCTP or ANY; a NetworkPolicy that names none means TCP."""
        default = "TCP" if self.context.policy.kind == KNP else ANY_PROTOCOL
        return self.entry.protocol or default

    @property
    def others(self) -> Sequence[PortProtocol]:
        return [port for port in self.item.ports if isinstance(port, PortProtocol) and port is not self.entry]

    def value(self, port: int | str) -> int | str:
        """A port as this kind of policy writes it: a NetworkPolicy has numbers, a Cilium policy texts."""
        return port if self.context.policy.kind == KNP else str(port)

    def becomes(self, port: int | str, peers: str) -> Change:
        """The port becomes another: opens the rule on the new one, closes it on the old one. `peers` in words."""
        new = self.entry_on(port)
        operations = tuple(patch(self.route, self.entry.written, new))
        after, before = self.rule_on(new), self.rule_on(self.entry.written)
        opens = flows_of(self.context, self.spec, self._as_rule(after), peers, after)
        closes = flows_of(self.context, self.spec, self._as_rule(before), peers, before, rest=True)
        return Change(operations, (opens,), (closes,))

    def entry_on(self, port: int | str) -> Form:
        """The entry with another port."""
        return copied(self.entry.written, port=self.value(port))

    def rule_on(self, port: Mapping[str, object]) -> Form:
        """The rule with one port only."""
        if self.context.policy.kind == KNP:
            return changed(self.rule, ports=[port])
        return changed(self.rule, toPorts=[{**self.item.written, "ports": [port]}])

    def _as_rule(self, raw: Form) -> Rule:
        return Rule(self.rule.route, self.rule.direction, self.rule.deny, raw, self.rule.peers)


@once
def port_sites(context: Context) -> Iterator[PortSite]:
    """The single ports of allow rules whose pods are known: those of the subject on ingress, of the peers on egress.

    Ranges, every port (0) and rules with peers that are no pods are left out.
    """
    peers: dict[str, list[LabelTerm]] = {}
    for site, _, term in pod_peers(context, namespaces=True):
        if site.rule.direction == EGRESS:
            peers.setdefault(site.rule.route, []).append(term)
    for spec in context.policy.specs:
        subject = subject_term(context.policy, spec)
        for rule in spec.rules:
            if rule.deny or rule.selects_nobody:
                continue
            if rule.direction == INGRESS:
                terms = [subject] if subject is not None else []
            else:
                terms = peers.get(rule.route, [])
                if len(terms) != sum(len(field.entries) for field in rule.peers):
                    continue
            ports = list(_ports(rule)) if terms else []
            if ports:  # Only then is it worth a look which pods these are.
                pods = _together([matches(context, term) for term in terms])
                nodes = [workload for term in terms for workload in on_host_network(context, term)]
                on_nodes = () if rule.direction == INGRESS else tuple(nodes)
                for item, entry, port in ports:
                    yield PortSite(context, spec, rule, item, entry, port, pods, on_nodes)


def _together(found: Sequence[Matches]) -> Matches:
    return Matches(
        tuple({id(workload): workload for one in found for workload in one.workloads}.values()),
        tuple(workload for one in found for workload in one.undecided),
        lambda: tuple(dict.fromkeys(gap for one in found for gap in one.hidden)),
    )


def _ports(rule: Rule) -> Iterator[tuple[PortRule, PortProtocol, int | str]]:
    """The single ports of a rule: their item, as written, and the number or name."""
    for item in rule.port_rules:
        if isinstance(item, PortRule):
            for entry in item.ports:
                port = _single(entry)
                if port is not None and isinstance(entry, PortProtocol):
                    yield item, entry, port


def _single(written: PortProtocol | Malformed) -> int | str | None:
    """The number or the name of one port; None for a range, for every port and for what is malformed."""
    if isinstance(written, Malformed) or written.end:
        return None
    if is_number(written.port):
        return int(written.port) if 0 < int(written.port) < 65536 else None
    return written.port if is_service_name(written.port) else None
