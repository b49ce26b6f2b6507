"""What rules change for one subject, against an oracle that asks each peer and port by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewriter.cilium.compile import PortGrant, TierPlace
from rewriter.cilium.ports import PortMatch
from rewriter.cilium.tiers import ACCEPT, ADMIN, BASELINE, DENY, PASS
from rewriter.reach.difference import CLOSED, OPENED
from rewriter.reach.limits import holds_more
from rewriter.reach.port_line import PortLine, PortSet
from rewriter.reach.side import OWN, UNDECLARED, UPGRADE, RuleBits, SubjectDefaults, changes

PEERS = 3
PORTS = (80, 100, 443, 8080)
RANGES = ((80, 80), (80, 443), (443, 443), (0, 65535))
LIMITS = ("auth", 'http [{"path":"/a"}]', 'http [{"path":"/a"},{"path":"/b"}]', 'dns [{"matchName":"a"}]')
LINE = PortLine(())

Rules = frozenset[RuleBits]
State = tuple[bool, frozenset[str]]
Row = tuple[str, str, str, int, int]


@st.composite
def rule_sets(draw: st.DrawFn) -> Rules:
    found = []
    for _ in range(draw(st.integers(0, 3))):
        low, high = draw(st.sampled_from(RANGES))
        deny = draw(st.booleans()) and draw(st.booleans())
        limits = () if deny else draw(st.sampled_from([(), *((limit,) for limit in LIMITS)]))
        grant = PortGrant(PortMatch("TCP", low, high), limits)
        found.append(RuleBits(deny, draw(st.booleans()), draw(st.integers(1, 2**PEERS - 1)), (grant,)))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        low, high = draw(st.sampled_from(RANGES))
        tier, action = draw(st.sampled_from([ADMIN, BASELINE])), draw(st.sampled_from([ACCEPT, DENY, PASS]))
        place = TierPlace(tier, draw(st.integers(0, 1)), action)
        grant = PortGrant(PortMatch("TCP", low, high))
        found.append(RuleBits(False, False, draw(st.integers(1, 2**PEERS - 1)), (grant,), place))
    return frozenset(found)


def defaults(*, always_denied: bool = False) -> SubjectDefaults:
    return SubjectDefaults(2**PEERS - 1, 1, always_denied, LINE, (), ports_complete=True)


def named(rules: Iterable[RuleBits], peer: int, port: int) -> Iterator[tuple[RuleBits, PortGrant]]:
    for rule in rules:
        for grant in rule.ports:
            if rule.peers >> peer & 1 and grant.match.low <= port <= grant.match.high:
                yield rule, grant


def decided(rules: Rules, tier: str, peer: int, port: int) -> str:
    """What the first rule of a tier that names a peer does with it; empty where none does."""
    places = [rule.tier for rule, _ in named(rules, peer, port) if rule.tier and rule.tier.tier == tier]
    order = [DENY, ACCEPT, PASS]
    first = min(places, key=lambda place: (place.place, order.index(place.action)), default=None)
    return first.action if first else ""


def state(rules: Rules, peer: int, port: int, *, always_denied: bool) -> State:
    """Whether a peer passes freely, and else under which limits."""
    admin, baseline = (decided(rules, tier, peer, port) for tier in (ADMIN, BASELINE))
    found = [(rule, grant) for rule, grant in named(rules, peer, port) if not rule.tier]
    enforced = always_denied or any(rule.default_deny for rule in rules)
    limits = frozenset(grant.limits[0] for _, grant in found if grant.limits)
    unnamed = not enforced or peer == 0 or (baseline == ACCEPT and not limits)
    free = any(not grant.limits for _, grant in found) or (unnamed and baseline != DENY)
    if admin == DENY or (any(rule.deny for rule, _ in found) and admin != ACCEPT):
        return False, frozenset()
    free = free or admin == ACCEPT
    return free, frozenset() if free else limits


def either(one: State, other: State) -> State:
    free = one[0] or other[0]
    return free, frozenset() if free else one[1] | other[1]


def both(one: State, other: State) -> State:
    limits = (one[1] & other[1]) | (one[1] if other[0] else frozenset()) | (other[1] if one[0] else frozenset())
    return one[0] and other[0], limits


def gained(first: State, second: State) -> Iterator[str]:
    """What the second state lets through and the first does not, in words about limits."""
    if second[0] and not first[0]:
        yield f"beyond {' or '.join(sorted(first[1]))}" if first[1] else ""
    for limit in second[1]:
        if not (first[0] or limit in first[1] or any(holds_more(known, limit) for known in first[1])):
            yield f"subject to {limit}"


def pairs(states: list[State]) -> list[tuple[str, str, State, State]]:
    if len(states) == 4:
        today, fixed, unfixed, early = states
        return [
            (OWN, OPENED, either(today, unfixed), fixed),
            (OWN, CLOSED, fixed, both(today, unfixed)),
            (OWN, OPENED, today, early),
            (OWN, CLOSED, early, today),
            (UPGRADE, OPENED, either(today, fixed), unfixed),
            (UPGRADE, CLOSED, unfixed, both(today, fixed)),
            (UPGRADE, OPENED, today, both(unfixed, early)),
            (UPGRADE, CLOSED, either(unfixed, early), today),
        ]
    old, new, beside = states[0], states[1], states[-1] if len(states) == 3 else states[0]
    return [(OWN, OPENED, either(old, beside), new), (OWN, CLOSED, new, both(old, beside))]


def expected(sets: list[Rules], declared: dict[str, Rules], *, always_denied: bool) -> set[Row]:
    rows: set[Row] = set()
    for peer in range(PEERS):
        for port in PORTS:
            states = [state(rules, peer, port, always_denied=always_denied) for rules in sets]
            for part, change, first, second in pairs(states):
                for limits in gained(first, second):
                    rows.add((part, change, limits, peer, port))
                    claims = [grant.limits for _, grant in named(declared.get(change, ()), peer, port)]
                    claimed = () in claims or any(f"subject to {claim[0]}" == limits for claim in claims if claim)
                    if part == OWN and change in declared and not claimed:
                        rows.add((UNDECLARED, change, limits, peer, port))
    return rows


def holds(ports: PortSet, port: int) -> bool:
    ((point, _),) = LINE.intervals(PortMatch("TCP", port, port), (), complete=True)
    return any(low <= point <= high for low, high in ports)


@pytest.mark.parametrize("always_denied", [False, True])
@given(
    sets=st.lists(rule_sets(), min_size=2, max_size=4),
    declared=st.dictionaries(st.sampled_from([OPENED, CLOSED]), rule_sets()),
)
def test_changes_are_those_of_each_peer_and_port(
    sets: list[Rules], declared: dict[str, Rules], always_denied: bool
) -> None:
    found = {
        (change.part, change.change, change.limits, peer, port)
        for change in changes(sets, defaults(always_denied=always_denied), declared)
        for peer in range(PEERS)
        for port in PORTS
        if change.peers >> peer & 1 and holds(change.ports, port)
    }
    assert found == expected(sets, declared, always_denied=always_denied)


def test_each_number_and_each_name_is_between_two_borders() -> None:
    line = PortLine(("http", "metrics"))
    borders = list(line.borders())
    assert borders == sorted(borders)
    assert all(before[1] < behind[0] for before, behind in pairwise(borders))
    names = [found for name in line.names for found in line.intervals(PortMatch("TCP", name=name), (), complete=False)]
    assert set(names) <= set(borders)
    assert all(low == high for low, high in names)
    for protocol in ("TCP", "UDP", "SCTP", "ICMP"):
        ((low, _),) = line.intervals(PortMatch(protocol, 1, 1), (), complete=False)
        assert (low - 1, low - 1 + 65535) in borders
