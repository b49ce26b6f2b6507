"""Whether a flow passes: the verdict of all policies together (Cilium pkg/policy, resolved per endpoint).

A direction is allowed when no deny rule matches and either an allow rule matches, or no policy that denies by default
selects the subject, or the traffic comes from the local host. A pod without an identity yet (`init`) is always denied
by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rewriter.cilium.compile import Entry, PortGrant
from rewriter.cilium.entities import entity_terms
from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.cilium.policy_set import LoadedEntry, PolicySet, load_entries
from rewriter.cilium.terms import SERVICE, LabelTerm, Term, opaque_name, reserved_term
from rewriter.cilium.universe import Universe

#: Why a direction is allowed or denied.
NOT_SELECTED = "no policy selects it"
NO_DEFAULT_DENY = "the policies that select it do not deny by default"
LOCAL_HOST = "the local host is always allowed"
ALLOW_RULE = "allow rule"
DEFAULT_DENY = "default deny"
NO_IDENTITY_YET = "a pod without an identity is denied by default"
DENY_RULE = "deny rule"


class RuleReference(NamedTuple):
    """A rule: the position of its policy in the set, and its route in that policy's manifest."""

    policy: int
    route: str


@dataclass(frozen=True, slots=True)
class DirectionVerdict:
    """The verdict for one direction. `rules` are those that decide it.

    `depends_on` names what manifests cannot tell: L7 rules that an allowed flow must meet too, and DNS names, groups or
    services that may stand behind the peer and would turn the verdict.
    """

    allowed: bool
    reason: str
    rules: tuple[RuleReference, ...] = ()
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both directions of a flow; it passes when both allow it."""

    egress: DirectionVerdict
    ingress: DirectionVerdict

    @property
    def allowed(self) -> bool:
        return self.egress.allowed and self.ingress.allowed


class _Flow(NamedTuple):
    protocol: str
    port: int
    named_ports: tuple[NamedPort, ...]
    from_host: bool = False


class Engine:
    """Answers for flows between the identities of one universe under one policy set."""

    __slots__ = ("_egress", "_egress_ports", "_host", "_ingress", "_init", "_outside", "_position", "universe")

    def __init__(self, policies: PolicySet, identities: Sequence[Identity]) -> None:
        self.universe = Universe(identities, cidr_match_nodes=policies.settings.cidr_match_nodes)
        self._position = {identity.name: index for index, identity in enumerate(self.universe.identities)}
        self._host = self.universe.select(reserved_term("host"))
        self._init = self.universe.select(reserved_term("init"))
        self._outside = self.universe.select_any(entity_terms("world", ""))
        self._egress_ports = mesh_named_ports(self.universe.identities)
        loaded = load_entries(policies, self.universe)
        self._ingress = [item for item in loaded if item.entry.direction == INGRESS]
        self._egress = [item for item in loaded if item.entry.direction == EGRESS]

    def verdict(self, source: str, destination: str, protocol: str, port: int) -> Verdict:
        """The verdict for a flow between two identities by name; `port` is the destination port or the ICMP type.

        `protocol` is TCP, UDP, SCTP, ICMP, ICMPv6 or another that policies name. Raises KeyError for an unknown name.
        """
        at = self._position[destination]
        sender, receiver = 1 << self._position[source], 1 << at
        name = "ICMPv6" if protocol.lower() == "icmpv6" else protocol.upper()
        own_ports = self.universe.identities[at].named_ports
        outgoing = _Flow(name, port, self._egress_ports)
        incoming = _Flow(name, port, own_ports, from_host=bool(sender & self._host))
        return Verdict(
            self._direction(self._egress, sender, receiver, outgoing),
            self._direction(self._ingress, receiver, sender, incoming),
        )

    def _direction(self, entries: list[LoadedEntry], subject: int, peer: int, flow: _Flow) -> DirectionVerdict:
        selecting = [item for item in entries if item.subjects & subject]
        without_identity = bool(subject & self._init)
        if not selecting and not without_identity:
            return DirectionVerdict(True, NOT_SELECTED)
        allowing: list[tuple[RuleReference, tuple[str, ...]]] = []
        may_allow: list[str] = []
        may_deny: list[str] = []
        for policy, entry, _, peers in selecting:
            limits = _limits(entry.ports, flow)
            if limits is None:
                continue
            if not peers & peer:
                (may_deny if entry.deny else may_allow).extend(self._possible_names(entry, peer))
            elif entry.deny:
                return DirectionVerdict(False, DENY_RULE, (RuleReference(policy, entry.route),))
            else:
                allowing.append((RuleReference(policy, entry.route), limits))
        if allowing:
            free = tuple(reference for reference, limits in allowing if not limits)
            limiting = () if free else tuple(limit for _, limits in allowing for limit in limits)
            rules = free or tuple(reference for reference, _ in allowing)
            return DirectionVerdict(True, ALLOW_RULE, rules, _unique(limiting, may_deny))
        denying = tuple(RuleReference(item.policy, item.entry.route) for item in selecting if item.entry.default_deny)
        if not denying and not without_identity:
            return DirectionVerdict(True, NO_DEFAULT_DENY, (), _unique(may_deny))
        if flow.from_host:
            return DirectionVerdict(True, LOCAL_HOST, (), _unique(may_deny))
        return DirectionVerdict(False, DEFAULT_DENY if denying else NO_IDENTITY_YET, denying, _unique(may_allow))

    def _possible_names(self, entry: Entry, peer: int) -> Iterator[str]:
        """The opaque peers of an entry behind which this one may be: a pod behind a service, else the world."""
        for term in entry.peers:
            name = opaque_name(term)
            if name and (peer & self._outside or _is_service(term)):
                yield name


def mesh_named_ports(identities: Iterable[Identity]) -> tuple[NamedPort, ...]:
    """What port names stand for on egress: every pod's, but for names that stand for several numbers.

    Source: Cilium pkg/types NamedPortMultiMap.GetNamedPort.
    """
    numbers: dict[tuple[str, str], set[int]] = {}
    for ports in {identity.named_ports for identity in identities}:
        for name, port, protocol in ports:
            numbers.setdefault((name, protocol), set()).add(port)
    return tuple(
        NamedPort(name, next(iter(found)), protocol)
        for (name, protocol), found in sorted(numbers.items())
        if len(found) == 1
    )


def _limits(grants: tuple[PortGrant, ...], flow: _Flow) -> tuple[str, ...] | None:
    """What the first grant without limits demands, else what all that cover the port demand; None for none."""
    found: tuple[str, ...] | None = None
    for match, limits in grants:
        if match.covers(flow.protocol, flow.port, flow.named_ports):
            if not limits:
                return ()
            found = (*(found or ()), *limits)
    return found


def _is_service(term: Term) -> bool:
    return isinstance(term, LabelTerm) and any(condition.source == SERVICE for condition in term.conditions)


def _unique(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for group in groups for text in group))
