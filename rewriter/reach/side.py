"""What a set of rules lets through for one subject and direction, and what a second set changes in that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rewriter.cilium.compile import PortGrant, TierPlace
from rewriter.cilium.identity import NamedPort
from rewriter.cilium.tier_verdict import in_order
from rewriter.cilium.tiers import ACCEPT, ADMIN, BASELINE, PASS
from rewriter.cilium.universe import positions
from rewriter.reach.difference import CLOSED, OPENED
from rewriter.reach.limits import holds_more
from rewriter.reach.port_line import Atoms, Interval, PortLine, PortSet, cut, normalised
from rewriter.records import dataclass

#: What makes a change: the step (or all that differs, where there is none), or the upgrade without it. What the step
#: changes beyond what is declared is reported once more.
OWN, UPGRADE, UNDECLARED = "own", "upgrade", "undeclared"

_SUBJECT_TO = "subject to "

Masks = dict[int, int]
"""For each atom of the port line the bits of the peers; absent where none."""


class RuleBits(NamedTuple):
    """A rule as it bears on its subjects: the bits of its peers, and its ports. `tier` as of `Entry`."""

    deny: bool
    default_deny: bool
    peers: int
    ports: tuple[PortGrant, ...]
    tier: TierPlace | None = None


class Change(NamedTuple):
    """Peers for whom the same ports opened or closed; `part` says by what."""

    part: str
    change: str
    peers: int
    ports: PortSet
    limits: str


@dataclass(frozen=True, slots=True)
class SubjectDefaults:
    """What holds for a subject before its rules: everyone, who is always let in, and how port names are read.

    `always_denied` is a subject that is denied by default though no rule says so.
    """

    everyone: int
    always_allowed: int
    always_denied: bool
    line: PortLine
    named_ports: tuple[NamedPort, ...]
    ports_complete: bool


class _Side(NamedTuple):
    """Peers let through freely, and those let through under a limit, by limit."""

    free: Masks
    limited: Mapping[str, Masks]


def denies_by_default(rules: Iterable[RuleBits]) -> bool:
    return any(rule.default_deny for rule in rules)


def changes(
    rules: Sequence[frozenset[RuleBits]],
    defaults: SubjectDefaults,
    declared: Mapping[str, frozenset[RuleBits]] | None = None,
) -> Iterator[Change]:
    """What the second rules open and close in place of the first, and of a third if there are three.

    The four rules of a step are those of `step_effect`: then its own effect and that of the upgrade stay apart.
    With rules `declared` for OPENED and CLOSED, what is not among their flows is also reported as undeclared: a rule
    with limits declares what is subject to them, and nothing beyond.
    """
    claimed = declared or {}
    spans = {
        grant: _intervals(grant, defaults)
        for rule in frozenset().union(*rules, *claimed.values())
        for grant in rule.ports
    }
    atoms = cut(interval for intervals in spans.values() for interval in intervals)
    covered = _covered(spans, atoms)
    old, new, *rest = (_side(part, covered, len(atoms.starts), defaults) for part in rules)
    if len(rest) == 2:
        differences = _of_step(old, new, rest[0], rest[1])
    else:
        most, least = (_either(old, rest[0]), _both(old, rest[0])) if rest else (old, old)
        differences = [(OWN, OPENED, most, new), (OWN, CLOSED, new, least)]
    named = {change: _named(part, covered) for change, part in claimed.items()}
    found: dict[tuple[str, str, str], Masks] = {}
    for part, change, first, second in differences:
        for limits, atom, mask in _gained(first, second, len(atoms.starts)):
            masks = found.setdefault((part, change, limits), {})
            masks[atom] = masks.get(atom, 0) | mask
            if part == OWN and change in named and (more := mask & ~_among(named[change], limits, atom)):
                masks = found.setdefault((UNDECLARED, change, limits), {})
                masks[atom] = masks.get(atom, 0) | more
    for (part, change, limits), masks in found.items():
        for peers, where in by_peers(masks):
            yield Change(part, change, peers, normalised(atoms.intervals(where)), limits)


def _of_step(today: _Side, fixed: _Side, unfixed: _Side, early: _Side) -> list[tuple[str, str, _Side, _Side]]:
    """Pairs of sides: what the second lets through and the first does not is such a change."""
    return [
        (OWN, OPENED, _either(today, unfixed), fixed),
        (OWN, CLOSED, fixed, _both(today, unfixed)),
        (OWN, OPENED, today, early),
        (OWN, CLOSED, early, today),
        (UPGRADE, OPENED, _either(today, fixed), unfixed),
        (UPGRADE, CLOSED, unfixed, _both(today, fixed)),
        (UPGRADE, OPENED, today, _both(unfixed, early)),
        (UPGRADE, CLOSED, _either(unfixed, early), today),
    ]


def let_through(
    rules: Sequence[frozenset[RuleBits]], defaults: SubjectDefaults, cuts: Iterable[Interval] = ()
) -> tuple[Atoms, list[Masks]]:
    """For each set of rules the peers that it lets through, freely or under a limit, over the same atoms of ports.

    The atoms end where one of `cuts` does, too.
    """
    spans = {grant: _intervals(grant, defaults) for rule in frozenset().union(*rules) for grant in rule.ports}
    atoms = cut([*cuts, *(interval for intervals in spans.values() for interval in intervals)])
    covered = _covered(spans, atoms)
    found = []
    for part in rules:
        side = _side(part, covered, len(atoms.starts), defaults)
        masks = dict(side.free)
        for limited in side.limited.values():
            for atom, mask in limited.items():
                masks[atom] |= mask
        found.append(masks)
    return atoms, found


def denied_by(rules: Iterable[RuleBits], defaults: SubjectDefaults, atoms: Atoms) -> Masks:
    """The peers that deny rules name, over atoms that end where these rules' ports do."""
    denying = [rule for rule in rules if rule.deny]
    spans = {grant: _intervals(grant, defaults) for rule in denying for grant in rule.ports}
    return _named(denying, _covered(spans, atoms)).free


def _intervals(grant: PortGrant, defaults: SubjectDefaults) -> list[Interval]:
    return defaults.line.intervals(grant.match, defaults.named_ports, complete=defaults.ports_complete)


def _covered(spans: Mapping[PortGrant, list[Interval]], atoms: Atoms) -> dict[PortGrant, list[int]]:
    """The atoms that each grant covers."""
    return {grant: list(positions(atoms.covered(intervals))) for grant, intervals in spans.items()}


def _side(
    rules: frozenset[RuleBits], covered: Mapping[PortGrant, list[int]], atoms: int, defaults: SubjectDefaults
) -> _Side:
    tiers = sorted((rule for rule in rules if rule.tier), key=_tier_order)
    if tiers:
        return _tiered_side(tiers, frozenset(rule for rule in rules if not rule.tier), covered, atoms, defaults)
    (free, limited), (denied, _) = (
        _named((rule for rule in rules if rule.deny is deny), covered) for deny in (False, True)
    )
    enforced = defaults.always_denied or denies_by_default(rules)
    base = defaults.always_allowed if enforced else defaults.everyone
    free = {atom: (free.get(atom, 0) | base) & ~denied.get(atom, 0) for atom in range(atoms)}
    return _Side(free, _limited(limited, free, denied))


def _limited(limited: Mapping[str, Masks], free: Masks, denied: Masks) -> dict[str, Masks]:
    """The peers let through under a limit: those that are neither free nor denied."""
    return {
        limit: {atom: mask & ~denied.get(atom, 0) & ~free[atom] for atom, mask in masks.items()}
        for limit, masks in limited.items()
    }


def _tiered_side(
    tiers: Sequence[RuleBits],
    rules: frozenset[RuleBits],
    covered: Mapping[PortGrant, list[int]],
    atoms: int,
    defaults: SubjectDefaults,
) -> _Side:
    """As `_side`, with the rules of ClusterNetworkPolicies before (Admin) and after (Baseline) what the others say.

    Baseline counts where no rule allows or denies: instead of the default.
    """
    (named, limited), (denied, _) = (
        _named((rule for rule in rules if rule.deny is deny), covered) for deny in (False, True)
    )
    enforced = defaults.always_denied or denies_by_default(rules)
    base = defaults.always_allowed if enforced else defaults.everyone
    (accepted, refused), (later, never) = (_decided(tiers, tier, covered) for tier in (ADMIN, BASELINE))
    free: Masks = {}
    for atom in range(atoms):
        under_limit = 0
        for masks in limited.values():
            under_limit |= masks.get(atom, 0)
        otherwise = (base | later.get(atom, 0) & ~under_limit) & ~never.get(atom, 0)
        between = (named.get(atom, 0) | otherwise) & ~denied.get(atom, 0)
        free[atom] = (between | accepted.get(atom, 0)) & ~refused.get(atom, 0)
        denied[atom] = denied.get(atom, 0) | refused.get(atom, 0)
    return _Side(free, _limited(limited, free, denied))


def _decided(tiers: Iterable[RuleBits], tier: str, covered: Mapping[PortGrant, list[int]]) -> tuple[Masks, Masks]:
    """The peers that a tier accepts, and those that it denies; the first rule that names a peer counts."""
    seen: Masks = {}
    accepted: Masks = {}
    denied: Masks = {}
    for rule in tiers:
        if rule.tier is None or rule.tier.tier != tier:
            continue
        for atom in {atom for grant in rule.ports for atom in covered[grant]}:
            mask = rule.peers & ~seen.get(atom, 0)
            seen[atom] = seen.get(atom, 0) | mask
            if rule.tier.action != PASS:
                masks = accepted if rule.tier.action == ACCEPT else denied
                masks[atom] = masks.get(atom, 0) | mask
    return accepted, denied


def _tier_order(rule: RuleBits) -> tuple[int, int]:
    return in_order(rule.tier) if rule.tier else (0, 0)


def _named(rules: Iterable[RuleBits], covered: Mapping[PortGrant, list[int]]) -> _Side:
    """The peers that rules name, whether these allow or deny."""
    free: Masks = {}
    limited: dict[str, Masks] = {}
    for rule in rules:
        for grant in rule.ports:
            masks = limited.setdefault(" and ".join(grant.limits), {}) if grant.limits else free
            for atom in covered[grant]:
                masks[atom] = masks.get(atom, 0) | rule.peers
    return _Side(free, limited)


def _among(named: _Side, limits: str, atom: int) -> int:
    """The peers that rules name for flows with these limits (in the words of `_gained`)."""
    limited = named.limited.get(limits.removeprefix(_SUBJECT_TO), {}) if limits.startswith(_SUBJECT_TO) else {}
    return named.free.get(atom, 0) | limited.get(atom, 0)


def _either(one: _Side, other: _Side) -> _Side:
    """What at least one side lets through."""
    free = {atom: mask | other.free[atom] for atom, mask in one.free.items()}
    limited = {
        limit: {
            atom: (one.limited.get(limit, {}).get(atom, 0) | other.limited.get(limit, {}).get(atom, 0)) & ~free[atom]
            for atom in free
        }
        for limit in (*one.limited, *other.limited)
    }
    return _Side(free, limited)


def _both(one: _Side, other: _Side) -> _Side:
    """What both sides let through; what one lets through freely and the other under a limit has that limit."""
    free = {atom: mask & other.free[atom] for atom, mask in one.free.items()}
    limited: dict[str, Masks] = {}
    for limit in (*one.limited, *other.limited):
        first, second = one.limited.get(limit, {}), other.limited.get(limit, {})
        limited[limit] = {
            atom: (first.get(atom, 0) & (other.free[atom] | second.get(atom, 0)))
            | (second.get(atom, 0) & one.free[atom])
            for atom in free
        }
    return _Side(free, limited)


def _gained(first: _Side, second: _Side, atoms: int) -> Iterator[tuple[str, int, int]]:
    """What the second side lets through and the first does not: limits in words, atom and peers."""
    if not first.limited and not second.limited:
        if first.free != second.free:
            before_all = first.free
            for atom, mask in second.free.items():
                gained = mask & ~before_all[atom]
                if gained:
                    yield "", atom, gained
        return
    for atom in range(atoms):
        free = second.free[atom] & ~first.free[atom]
        limited = {limit: masks[atom] for limit, masks in first.limited.items() if masks.get(atom)}
        for limits, mask in _split(free, limited):
            yield (f"beyond {' or '.join(limits)}" if limits else ""), atom, mask
        for limit, masks in second.limited.items():
            before = first.free[atom] | limited.get(limit, 0)
            for other, known in limited.items():
                before |= known if holds_more(other, limit) else 0
            mask = masks.get(atom, 0) & ~before
            if mask:
                yield f"{_SUBJECT_TO}{limit}", atom, mask


def _split(mask: int, limited: Mapping[str, int]) -> Iterator[tuple[tuple[str, ...], int]]:
    """The mask cut into parts to which the same limits apply."""
    parts: dict[tuple[str, ...], int] = {(): mask} if mask else {}
    for limit in sorted(limited):
        cut_up: dict[tuple[str, ...], int] = {}
        for limits, part in parts.items():
            inside, rest = part & limited[limit], part & ~limited[limit]
            if inside:
                cut_up[(*limits, limit)] = inside
            if rest:
                cut_up[limits] = rest
        parts = cut_up
    yield from parts.items()


def by_peers(masks: Masks) -> Iterator[tuple[int, list[int]]]:
    """Atoms and peers the other way round: disjoint sets of peers, each with its atoms."""
    parts: list[tuple[int, list[int]]] = []
    by_mask: dict[int, list[int]] = {}
    for atom, mask in masks.items():
        by_mask.setdefault(mask, []).append(atom)
    for mask, atoms in by_mask.items():
        left = mask
        refined: list[tuple[int, list[int]]] = []
        for peers, where in parts:
            shared = peers & left
            if shared:
                refined.append((shared, where + atoms))
                left &= ~shared
            if peers & ~shared:
                refined.append((peers & ~shared, where))
        if left:
            refined.append((left, atoms))
        parts = refined
    yield from parts
