"""What of a flow the policies of its other end let through.

What number an unknown port name stands for, nothing here knows: a flow on such a name passes where its other end lets
any number of the protocol through, and a flow on a number where the other end lets an unknown name through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field

from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.cilium.policy_set import LoadedEntry
from rewriter.cilium.universe import positions
from rewriter.reach.difference import OPENED
from rewriter.reach.port_line import PortLine, PortSet, normalised, stretch_of
from rewriter.reach.port_names import as_others_call
from rewriter.reach.side import RuleBits, SubjectDefaults, denied_by, let_through
from rewriter.records import dataclass

_Peers = tuple[int, frozenset[RuleBits], SubjectDefaults]


@dataclass(frozen=True, slots=True)
class OtherEnd:
    """The rules of all policies before and after, and the identities that count as other ends (`everybody` local).

    `given` are the identities whose ports are known; `known_ports` is what others call them; `host` is always let in.
    `denied` are those in default deny whether a policy selects them or not.
    """

    before: Sequence[LoadedEntry]
    after: Sequence[LoadedEntry]
    local: int
    everyone: int
    host: int
    denied: int
    line: PortLine
    given: Sequence[tuple[int, Identity]]
    known_ports: Iterable[NamedPort]
    _known: dict[tuple[str, str], Sequence[_Peers]] = field(default_factory=dict)

    def passing(
        self, change: str, direction: str, subjects: int, peers: int, ports: PortSet
    ) -> Iterator[tuple[int, int, PortSet]]:
        """The parts of a flow that may pass at its peers: subjects, peers and ports.

        Of a flow that opens in a direction, what the peers let through afterwards in the other; of one that closes,
        what they did before.
        """
        opposite = EGRESS if direction == INGRESS else INGRESS
        found: dict[tuple[int, PortSet], int] = {}
        left = peers
        for those, rules, defaults in self._peers(change, opposite):
            some = those & peers
            if some:
                left &= ~some
                for part in self._through(rules, defaults, subjects, ports):
                    found[part] = found.get(part, 0) | some
        shut = left & self.local & self.denied
        let_in = subjects & self.host if opposite == INGRESS else 0
        for whom, those in ((subjects, left & ~shut), (let_in, shut)):
            if whom and those:
                found[whom, ports] = found.get((whom, ports), 0) | those
        for (whom, which), those in found.items():
            yield whom, those, which

    def _through(
        self, rules: frozenset[RuleBits], defaults: SubjectDefaults, subjects: int, ports: PortSet
    ) -> Iterator[tuple[int, PortSet]]:
        """The subjects that one kind of peer may let through, with the ports for each part of them."""
        named = bool(self.line.names)
        atoms, (masks,) = let_through([rules], defaults, cuts=(*ports, *(self.line.borders() if named else ())))
        denied = denied_by(rules, defaults, atoms) if named else {}
        kinds = [stretch_of(start) for start in atoms.starts] if named else []
        passing: dict[int, list[int]] = {}
        for atom in positions(atoms.covered(ports)):
            mask = masks.get(atom, 0)
            if named and not kinds[atom].numbers_in(ports):
                others = kinds[atom].opposite
                for other in (index for index, kind in enumerate(kinds) if kind == others):
                    mask |= masks.get(other, 0) & ~denied.get(atom, 0)
            if mask & subjects:
                passing.setdefault(mask & subjects, []).append(atom)
        for some, where in passing.items():
            yield some, normalised(atoms.intervals(where))

    def _peers(self, change: str, direction: str) -> Sequence[_Peers]:
        """The local identities that rules of a direction select, together where the same rules do."""
        key = (change, direction)
        if key not in self._known:
            self._known[key] = list(self._by_rules(self.after if change == OPENED else self.before, direction))
        return self._known[key]

    def _by_rules(self, loaded: Iterable[LoadedEntry], direction: str) -> Iterator[_Peers]:
        groups: dict[int, set[RuleBits]] = {}
        for item in loaded:
            entry, subjects = item.entry, item.subjects & self.local
            if entry.direction == direction and subjects:
                rule = RuleBits(entry.deny, entry.default_deny, item.peers, entry.ports, entry.tier)
                groups.setdefault(subjects, set()).add(rule)
        members: dict[int, list[int]] = {}
        for index, subjects in enumerate(groups):
            for position in positions(subjects):
                members.setdefault(position, []).append(index)
        classes: dict[tuple[int, ...], int] = {}
        for position, found in members.items():
            classes[tuple(found)] = classes.get(tuple(found), 0) | 1 << position
        sides = list(groups.values())
        for indexes, peers in classes.items():
            rules = frozenset[RuleBits]().union(*(sides[index] for index in indexes))
            named = direction == INGRESS and any(grant.match.name for rule in rules for grant in rule.ports)
            for some, ports in self._by_port_names(peers, named=named):
                chosen = rules if ports is not None else frozenset(map(self._as_others_call_it, rules))
                for part, denied in ((some & self.denied, True), (some & ~self.denied, False)):
                    if part:
                        yield part, chosen, self._defaults(direction, ports, denied=denied)

    def _by_port_names(self, peers: int, *, named: bool) -> Iterator[tuple[int, tuple[NamedPort, ...] | None]]:
        """The peers by what they call their ports; None for those of whom that is not known."""
        left = peers
        if named:
            found: dict[tuple[NamedPort, ...], int] = {}
            for bit, identity in self.given:
                if bit & peers:
                    found[identity.named_ports] = found.get(identity.named_ports, 0) | bit
                    left &= ~bit
            for ports, some in found.items():
                yield some, ports
        if left:
            yield left, None

    def _as_others_call_it(self, rule: RuleBits) -> RuleBits:
        """A rule of pods that may exist: an allow rule has each number that a name stands for, a deny rule the one."""
        return rule._replace(ports=as_others_call(rule.ports, self.known_ports, every=not rule.deny))

    def _defaults(self, direction: str, ports: tuple[NamedPort, ...] | None, *, denied: bool) -> SubjectDefaults:
        return SubjectDefaults(
            everyone=self.everyone,
            always_allowed=self.host if direction == INGRESS else 0,
            always_denied=denied,
            line=self.line,
            named_ports=ports or (),
            ports_complete=ports is not None,
        )
