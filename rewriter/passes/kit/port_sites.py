"""The ports of a rule, each with the pods that would have to listen on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewriter.cilium.go_syntax import is_service_name
from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Rule, Spec
from rewriter.cilium.ports import ANY_PROTOCOL
from rewriter.cilium.terms import LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.workloads import Matches, matches, subject_term
from rewriter.passes.kit.change import Change, flows_of, patch
from rewriter.passes.kit.peer_terms import pod_peers


@dataclass(frozen=True, slots=True)
class PortSite:
    """One port of a rule. `pods` are those that the traffic of the rule goes to.

    `port` is its number or its name, `route` the place of its entry in `ports`, `others` the ports beside it in its
    item.
    """

    context: Context
    spec: Spec
    rule: Rule
    item: int
    index: int
    written: Mapping[str, Any]
    port: int | str
    pods: Matches

    @property
    def route(self) -> str:
        if self.context.policy.kind == KNP:
            return f"{self.rule.route}/ports/{self.index}"
        return f"{self.rule.route}/toPorts/{self.item}/ports/{self.index}"

    @property
    def protocol(self) -> str:
        """TCP, UDP, SCTP or ANY; a NetworkPolicy that names none means TCP."""
        default = "TCP" if self.context.policy.kind == KNP else ANY_PROTOCOL
        return str(self.written.get("protocol") or default).upper()

    @property
    def others(self) -> Sequence[Any]:
        ports = _items(self.rule)[self.item]
        return [port for index, port in enumerate(ports) if index != self.index]

    def value(self, port: int | str) -> int | str:
        """A port as this kind of policy writes it: a NetworkPolicy has numbers, a Cilium policy texts."""
        return port if self.context.policy.kind == KNP else str(port)

    def becomes(self, port: int | str, peers: str) -> Change:
        """The port becomes another: opens the rule on the new one, closes it on the old one. `peers` in words."""
        new = {**self.written, "port": self.value(port)}
        operations = tuple(patch(self.route, self.written, new))
        opens = flows_of(self.context, self.spec, self._alone(new), peers, self._alone(new).raw)
        old = self._alone(self.written)
        closes = flows_of(self.context, self.spec, old, peers, old.raw, rest=True)
        return Change(operations, (opens,), (closes,))

    def _alone(self, port: Mapping[str, Any]) -> Rule:
        """The rule with one port only."""
        raw = dict(self.rule.raw)
        if self.context.policy.kind == KNP:
            raw["ports"] = [port]
        else:
            raw["toPorts"] = [{**self.rule.raw["toPorts"][self.item], "ports": [port]}]
        return Rule(self.rule.route, self.rule.direction, self.rule.deny, raw, self.rule.peers)


def port_sites(context: Context) -> Iterator[PortSite]:
    """The single ports of allow rules whose pods are known: those of the subject on ingress, of the peers on egress.

    Ranges, every port (0) and rules with peers that are no pods are left out.
    """
    peers: dict[str, list[LabelTerm]] = {}
    for site, _, term in pod_peers(context):
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
                for item, index, written, port in ports:
                    yield PortSite(context, spec, rule, item, index, written, port, pods)


def _together(found: Sequence[Matches]) -> Matches:
    return Matches(
        tuple({id(each): each for one in found for each in one.workloads}.values()),
        tuple(each for one in found for each in one.undecided),
        lambda: tuple(dict.fromkeys(each for one in found for each in one.hidden)),
    )


def _ports(rule: Rule) -> Iterator[tuple[int, int, Mapping[str, Any], int | str]]:
    """The single ports of a rule: their item and their place in it, as written, and the number or name."""
    for item, ports in enumerate(_items(rule)):
        for index, written in enumerate(ports):
            port = _single(written)
            if port is not None:
                yield item, index, written, port


def _items(rule: Rule) -> list[list[Any]]:
    """The lists of ports of a rule, one for each item of `toPorts`; a NetworkPolicy has one."""
    if "toPorts" not in rule.raw:
        ports = rule.raw.get("ports")
        return [ports] if isinstance(ports, list) else []
    items = rule.raw["toPorts"]
    lists = [item.get("ports") if isinstance(item, dict) else None for item in items] if isinstance(items, list) else []
    return [ports if isinstance(ports, list) else [] for ports in lists]


def _single(written: Any) -> int | str | None:
    """The number or the name of one port; None for a range, for every port and for what is malformed."""
    if not isinstance(written, dict) or written.get("endPort"):
        return None
    port = written.get("port")
    if isinstance(port, bool) or not isinstance(port, int | str):
        return None
    if isinstance(port, int) or port.isdigit():
        return int(port) if 0 < int(port) < 65536 else None
    return port if is_service_name(port) else None
