"""Which of the rules that select pods allows all that another one does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

from rewriter.cilium.compile import Content, Entry, PortGrant
from rewriter.cilium.policy import Rule
from rewriter.cilium.ports import ANY_PROTOCOL
from rewriter.cilium.terms import Term
from rewriter.evidence.policies import AppliedRule
from rewriter.evidence.reachable import Reach
from rewriter.passes.kit.changes.covering import Covering, grant_covers, term_covers

#: What DNS is asked over.
DNS_PROTOCOLS = ("UDP", "TCP")


class OpeningRules:
    """The rules of one direction that select the same pods; those that do the same are looked at once."""

    __slots__ = ("_alike", "_covering", "_own")

    def __init__(self, reach: Reach, direction: str) -> None:
        self._own: dict[int, AppliedRule] = {}
        by_content: dict[Content, list[tuple[int, AppliedRule]]] = {}
        for place, applied in enumerate(reach.rules(direction)):
            if applied.rule is not None:
                self._own.setdefault(id(applied.rule), applied)
            if _allows(applied.entry):
                by_content.setdefault(applied.entry.content, []).append((place, applied))
        self._alike = list(by_content.values())
        self._covering = Covering()
        for owner, alike in enumerate(self._alike):
            self._covering.add(owner, [alike[0][1].entry])

    def of(self, rule: Rule) -> AppliedRule | None:
        """A rule as it selects the pods; None where it does not."""
        return self._own.get(id(rule))

    def first_covering(self, wanted: Entry, but: AppliedRule) -> AppliedRule | None:
        """The first of the others that says all that is wanted; None for none, and where nothing is wanted."""
        pairs = list(product(wanted.peers, wanted.ports))
        found: list[tuple[int, AppliedRule]] = []
        for owner in self._covering.owners(*pairs[0]) if pairs else ():
            other = next((entry for entry in self._alike[owner] if entry[1] is not but), None)
            if other is not None and all(_says(other[1].entry, peer, grant) for peer, grant in pairs):
                found.append(other)
        return min(found, key=lambda entry: entry[0])[1] if found else None


def without_limits(entry: Entry, protocols: Sequence[str] = DNS_PROTOCOLS) -> Entry:
    """The entry with its limited ports only, and without their limits; with fewer protocols those of DNS over them."""
    ports: list[PortGrant] = []
    for grant in entry.ports:
        if any(limit.startswith("dns ") for limit in grant.limits):
            over = [protocol for protocol in protocols if grant.match.protocol in (protocol, ANY_PROTOCOL)]
            ports += [PortGrant(grant.match._replace(protocol=protocol)) for protocol in over]
        elif grant.limits and protocols == DNS_PROTOCOLS:
            ports.append(PortGrant(grant.match))
    return replace(entry, ports=tuple(ports))


def _allows(entry: Entry) -> bool:
    return not entry.deny and not entry.required and bool(entry.peers) and bool(entry.ports)


def _says(entry: Entry, peer: Term, grant: PortGrant) -> bool:
    """Whether a rule has a peer with its ports; ports first, in which most rules differ."""
    return any(grant_covers(other, grant) for other in entry.ports) and any(
        term_covers(wide, peer) for wide in entry.peers
    )


class Selecting:
    """The rules that select each of some pods, by direction, each set of rules once; made where they are asked for."""

    __slots__ = ("_known", "_reaches")

    def __init__(self, reaches: Iterable[Reach]) -> None:
        self._reaches = list(reaches)
        self._known: dict[str, list[OpeningRules]] = {}

    def __getitem__(self, direction: str) -> list[OpeningRules]:
        if direction not in self._known:
            different = {id(reach.selecting): reach for reach in self._reaches}
            self._known[direction] = [OpeningRules(reach, direction) for reach in different.values()]
        return self._known[direction]
