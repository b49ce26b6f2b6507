"""Whether a flow passes: the verdict of all policies together (Cilium pkg/policy, resolved per endpoint).

A direction is allowed when no deny rule matches and either an allow rule matches, or no policy that denies by default
selects the subject, or the traffic comes from the local host. A pod without an identity yet (`init`) is always denied
by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rewriter.cilium.compile import Entry, PortGrant
from rewriter.cilium.entities import entity_terms
from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.labels import NAMESPACE_LABEL
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.cilium.policy_set import LoadedEntry, PolicySet, load_entries, match_entries, unenforced
from rewriter.cilium.settings import EnforcementMode, Settings
from rewriter.cilium.terms import SERVICE, LabelTerm, Term, opaque_name, pods_with, reserved_term
from rewriter.cilium.tier_verdict import TierDecision, TierFlow, decide, load_tier_rules
from rewriter.cilium.tiers import ADMIN, BASELINE
from rewriter.cilium.universe import Universe
from rewriter.cilium.version import INIT_SHUTS_THE_HOST_OUT, NAMED_PORTS_PER_DESTINATION

#: Why a direction is allowed or denied.
NOT_SELECTED = "no policy selects it"
NO_DEFAULT_DENY = "the policies that select it do not deny by default"
LOCAL_HOST = "the local host is always allowed"
ALLOW_RULE = "allow rule"
DEFAULT_DENY = "default deny"
NO_IDENTITY_YET = "a pod without an identity is denied by default"
DENY_RULE = "deny rule"
NEVER_ENFORCED = "policyEnforcementMode never: no policy is enforced"
AUDITED = "audit mode: policies log what they would deny and let it pass"
ALWAYS_DENIED = "policyEnforcementMode always: every pod is in default deny"


class RuleReference(NamedTuple):
    """A rule: the position of its policy in the set, and its route in that policy's manifest."""

    policy: int
    route: str


class DirectionVerdict(NamedTuple):
    """The verdict for one direction. `rules` are those that decide it.

    `depends_on` names what manifests do not show: L7 rules that an allowed flow must meet too, and DNS names, groups or
    services that may stand behind the peer and would turn the verdict.
    """

    allowed: bool
    reason: str
    rules: tuple[RuleReference, ...] = ()
    depends_on: tuple[str, ...] = ()


_NOT_SELECTED = DirectionVerdict(True, NOT_SELECTED)


def _unenforced_reason(settings: Settings) -> DirectionVerdict:
    if settings.enforcement is EnforcementMode.NEVER:
        return DirectionVerdict(True, NEVER_ENFORCED)
    return DirectionVerdict(True, AUDITED) if settings.audit else _NOT_SELECTED


class Verdict(NamedTuple):
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


class _LoadedRule(NamedTuple):
    """A loaded entry with what verdicts ask of it; `names` are its opaque peers, and whether each is a service."""

    reference: RuleReference
    entry: Entry
    subjects: int
    peers: int
    names: tuple[tuple[str, bool], ...]


class _End(NamedTuple):
    """An identity as an end of flows: its bit, and the rules that select it."""

    bit: int
    named_ports: tuple[NamedPort, ...]
    ingress: list[_LoadedRule]
    egress: list[_LoadedRule]


class Bearing(NamedTuple):
    """How a rule that selects an end bears on whether a flow passes there."""

    deny: bool
    default_deny: bool
    matches: bool


class Engine:
    """Answers for flows between the identities of one universe under one policy set."""

    __slots__ = (
        "_always",
        "_egress",
        "_egress_ports",
        "_ends",
        "_host",
        "_host_reaches_init",
        "_ingress",
        "_init",
        "_otherwise",
        "_outside",
        "_per_destination",
        "_position",
        "_settings",
        "_tiers",
        "universe",
    )

    def __init__(self, policies: PolicySet, identities: Sequence[Identity]) -> None:
        self._settings = policies.settings
        self.universe = universe_for(identities, policies.settings)
        self._position = {identity.name: index for index, identity in enumerate(self.universe.identities)}
        self._host = self.universe.select(reserved_term("host"))
        self._init = self.universe.select(reserved_term("init")) if policies.settings.enforces else 0
        self._always = 0
        if policies.settings.denies_everybody:
            self._always = self.universe.select(pods_with(NAMESPACE_LABEL)) & ~unenforced(
                policies.settings, self.universe
            )
        self._otherwise = _unenforced_reason(policies.settings)
        self._outside = self.universe.select_any(entity_terms("world", ""))
        self._per_destination = policies.settings.version >= NAMED_PORTS_PER_DESTINATION
        self._host_reaches_init = policies.settings.version < INIT_SHUTS_THE_HOST_OUT
        self._egress_ports = mesh_named_ports(self.universe.identities, policies.named_ports)
        self._tiers = load_tier_rules(policies, self.universe)
        rules = [_rule(item) for item in load_entries(policies, self.universe)]
        self._ingress = [rule for rule in rules if rule.entry.direction == INGRESS]
        self._egress = [rule for rule in rules if rule.entry.direction == EGRESS]
        self._ends: dict[str, _End] = {}

    def verdict(self, source: str, destination: str, protocol: str, port: int) -> Verdict:
        """The verdict for a flow between two identities by name; `port` is the destination port or the ICMP type.

        `protocol` is TCP, UDP, SCTP, ICMP, ICMPv6 or another that policies name. Raises KeyError for an unknown name.
        """
        sender, receiver = self._end(source), self._end(destination)
        egress = ingress = self._otherwise
        denied = self._init | self._always
        if sender.egress or sender.bit & denied:
            named = receiver.named_ports if self._per_destination else self._egress_ports
            outgoing = _Flow(protocol_name(protocol), port, named)
            egress = self._direction(sender.egress, sender.bit, receiver.bit, outgoing)
        if receiver.ingress or receiver.bit & denied:
            incoming = _Flow(protocol_name(protocol), port, receiver.named_ports, bool(sender.bit & self._host))
            ingress = self._direction(receiver.ingress, receiver.bit, sender.bit, incoming)
        if self._tiers:
            asked = (protocol_name(protocol), port, receiver.named_ports)
            egress = self._in_tiers(TierFlow(EGRESS, sender.bit, receiver.bit, *asked), egress)
            ingress = self._in_tiers(TierFlow(INGRESS, receiver.bit, sender.bit, *asked), ingress)
        return Verdict(egress, ingress)

    def bearing(self, entry: Entry, subject: str, peer: str, protocol: str, port: int) -> Bearing | None:
        """How another rule would bear on the flows of its direction between these two; None where it selects none.

        What fromRequires and toRequires of other rules make of it is left out. Raises KeyError for an unknown name.
        """
        ours, theirs = self._end(subject), self._end(peer)
        loaded = match_entries(PolicySet(self._settings, ((0, entry),), ()), self.universe)
        if not loaded or not loaded[0].subjects & ours.bit:
            return None
        matches = bool(loaded[0].peers & theirs.bit)
        if matches:
            receiver = ours if entry.direction == INGRESS else theirs
            named = receiver.named_ports
            if entry.direction == EGRESS and not self._per_destination:
                named = self._egress_ports
            matches = _limits(entry.ports, _Flow(protocol_name(protocol), port, named)) is not None
        return Bearing(entry.deny, entry.default_deny, matches)

    def _in_tiers(self, flow: TierFlow, between: DirectionVerdict) -> DirectionVerdict:
        """The verdict with the tiers of ClusterNetworkPolicies before and after what the other policies say."""
        admin = decide(self._tiers, ADMIN, flow, self._outside)
        if admin.allowed is not None:
            return _of_tier(ADMIN, admin, admin.possible)
        possible = _unique(admin.possible, between.depends_on)
        if between.reason not in (ALLOW_RULE, DENY_RULE):
            baseline = decide(self._tiers, BASELINE, flow, self._outside)
            if baseline.allowed is not None:
                return _of_tier(BASELINE, baseline, _unique(possible, baseline.possible))
            possible = _unique(possible, baseline.possible)
        return between._replace(depends_on=possible)

    def _end(self, name: str) -> _End:
        """An end of flows, found once: an identity is usually asked about again and again."""
        end = self._ends.get(name)
        if end is None:
            position = self._position[name]
            bit = 1 << position
            ingress, egress = ([r for r in rules if r.subjects & bit] for rules in (self._ingress, self._egress))
            end = self._ends[name] = _End(bit, self.universe.identities[position].named_ports, ingress, egress)
        return end

    def _direction(self, selecting: list[_LoadedRule], subject: int, peer: int, flow: _Flow) -> DirectionVerdict:
        without_identity, always = bool(subject & self._init), bool(subject & self._always)
        allowing: list[tuple[RuleReference, tuple[str, ...]]] = []
        may_allow: list[str] = []
        may_deny: list[str] = []
        for reference, entry, _, peers, names in selecting:
            if not (peers & peer or names):
                continue
            limits = _limits(entry.ports, flow)
            if limits is None:
                continue
            if not peers & peer:
                (may_deny if entry.deny else may_allow).extend(self._possible(names, peer))
            elif entry.deny:
                return DirectionVerdict(False, DENY_RULE, (reference,))
            else:
                allowing.append((reference, limits))
        if allowing:
            free = tuple(reference for reference, limits in allowing if not limits)
            limiting = () if free else tuple(limit for _, limits in allowing for limit in limits)
            rules = free or tuple(reference for reference, _ in allowing)
            return DirectionVerdict(True, ALLOW_RULE, rules, _unique(limiting, may_deny))
        denying = tuple(rule.reference for rule in selecting if rule.entry.default_deny)
        if not denying and not without_identity and not always:
            return DirectionVerdict(True, NO_DEFAULT_DENY, (), _unique(may_deny))
        if flow.from_host and (selecting or always or self._host_reaches_init):
            return DirectionVerdict(True, LOCAL_HOST, (), _unique(may_deny))
        reason = DEFAULT_DENY if denying else ALWAYS_DENIED if always else NO_IDENTITY_YET
        return DirectionVerdict(False, reason, denying, _unique(may_allow))

    def _possible(self, names: Iterable[tuple[str, bool]], peer: int) -> Iterator[str]:
        """Those behind which this peer may be: a pod may be behind a service, the world behind each."""
        return (name for name, is_service in names if is_service or peer & self._outside)


def universe_for(identities: Sequence[Identity], settings: Settings) -> Universe:
    """The identities as the settings say that CIDRs match them."""
    return Universe(
        identities,
        cidr_match_nodes=settings.cidr_match_nodes,
        cidr_match_pods=settings.matches_pods_by_address,
    )


def _rule(item: LoadedEntry) -> _LoadedRule:
    policy, entry, subjects, peers = item
    names = [(name, _is_service(term)) for term in entry.peers if (name := opaque_name(term))]
    return _LoadedRule(RuleReference(policy, entry.route), entry, subjects, peers, tuple(names))


@lru_cache(maxsize=64)
def protocol_name(written: str) -> str:
    """A protocol as ports have it, however it is written."""
    return "ICMPv6" if written.lower() == "icmpv6" else written.upper()


def mesh_named_ports(identities: Iterable[Identity], more: Iterable[NamedPort] = ()) -> tuple[NamedPort, ...]:
    """What port names stand for on egress up to 1.19: every pod's, but for names that stand for several numbers.

    Source: Cilium pkg/types NamedPortMultiMap.GetNamedPort.
    """
    numbers: dict[tuple[str, str], set[int]] = {}
    for ports in {tuple(more), *(identity.named_ports for identity in identities)}:
        for name, port, protocol in ports:
            numbers.setdefault((name, protocol), set()).add(port)
    return tuple(
        NamedPort(name, next(iter(found)), protocol)
        for (name, protocol), found in sorted(numbers.items())
        if len(found) == 1
    )


def _of_tier(tier: str, decision: TierDecision, possible: tuple[str, ...]) -> DirectionVerdict:
    rules = tuple(RuleReference(rule.policy, rule.rule.route) for rule in decision.rules)
    verb = "accepts" if decision.allowed else "denies"
    return DirectionVerdict(bool(decision.allowed), f"a ClusterNetworkPolicy of tier {tier} {verb}", rules, possible)


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
    """Each text once, in an order that does not depend on that of policies and rules."""
    return tuple(dict.fromkeys(text for group in groups for text in sorted(group)))
