"""Port names of egress rules as the releases resolve them, before rules are compared.

Up to 1.19 a name stands for one number wherever the peer is: that of every pod which has it, and for nothing where
they differ. From 1.20 it stands for what each destination calls so, and for nothing where that is no pod (Cilium
pkg/types NamedPortMultiMap, pkg/policy GetEgressNamedPorts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rewriter.cilium.compile import PortGrant
from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.policy import EGRESS
from rewriter.cilium.policy_set import LoadedEntry
from rewriter.cilium.ports import ANY_PROTOCOL, PORT_PROTOCOLS, PortMatch
from rewriter.cilium.version import NAMED_PORTS_PER_DESTINATION, Version

Numbers = dict[tuple[str, str], set[int]]
"""The numbers of each port name and protocol."""


def with_numbers(
    loaded: Iterable[LoadedEntry],
    version: Version,
    known_ports: Iterable[NamedPort],
    given: Sequence[tuple[int, Identity]],
    witnesses: int,
) -> Iterator[LoadedEntry]:
    """The entries of one set, with numbers for the port names of egress rules.

    `known_ports` are those of all pods, `given` the identities whose ports are known, with their bits, and `witnesses`
    the bits of pods that may exist: these call a port as the others do. A name that no pod is known to have is left as
    it is.
    """
    entries = list(loaded)
    if not any(_named(item.entry.ports) and item.entry.direction == EGRESS for item in entries):
        yield from entries
        return
    numbers = _numbers((*known_ports, *(port for _, identity in given for port in identity.named_ports)))
    groups: dict[tuple[NamedPort, ...], int] = {}
    for bit, identity in given:
        groups[identity.named_ports] = groups.get(identity.named_ports, 0) | bit
    per_destination = version >= NAMED_PORTS_PER_DESTINATION
    for item in entries:
        named = _named(item.entry.ports)
        if item.entry.direction != EGRESS or not named:
            yield item
            continue
        plain = tuple(grant for grant in item.entry.ports if not grant.match.name)
        if not per_destination:
            yield _with(item, item.peers, (*plain, *(part for grant in named for part in _one_number(grant, numbers))))
            continue
        strangers = [grant for grant in named if not any(name == grant.match.name for name, _ in numbers)]
        named = [grant for grant in named if grant not in strangers]
        yield _with(item, item.peers, (*plain, *strangers))
        known = 0
        for ports, bits in groups.items():
            known |= bits
            own = _numbers(ports)
            if item.peers & bits:
                yield _with(item, item.peers & bits, [part for grant in named for part in _each_number(grant, own)])
        parts = [part for grant in named for part in _one_number(grant, numbers, several=True)]
        yield _with(item, item.peers & witnesses & ~known, parts)


def as_others_call(
    ports: Iterable[PortGrant], known_ports: Iterable[NamedPort], *, every: bool
) -> tuple[PortGrant, ...]:
    """The grants with what pods call so for each port name: with `every` all of its numbers, else its only one.

    A name that no pod is known to have is left as it is.
    """
    numbers = _numbers(known_ports)
    found: list[PortGrant] = []
    for grant in ports:
        if not grant.match.name or all(name != grant.match.name for name, _ in numbers):
            found.append(grant)
        else:
            found += _each_number(grant, numbers) if every else _one_number(grant, numbers)
    return tuple(found)


def _named(ports: Iterable[PortGrant]) -> list[PortGrant]:
    return [grant for grant in ports if grant.match.name]


def _numbers(ports: Iterable[NamedPort]) -> Numbers:
    found: Numbers = {}
    for name, number, protocol in ports:
        found.setdefault((name, protocol), set()).add(number)
    return found


def _one_number(grant: PortGrant, numbers: Numbers, *, several: bool = False) -> Iterator[PortGrant]:
    """The grant with the number of its name, protocol by protocol; with `several`, the name stays where it has more."""
    if not any((grant.match.name, protocol) in numbers for protocol in _protocols(grant.match)):
        if not any(name == grant.match.name for name, _ in numbers):
            yield grant
        return
    for protocol in _protocols(grant.match):
        found = numbers.get((grant.match.name, protocol), set())
        if len(found) == 1:
            yield _at(grant, protocol, min(found))
        elif found and several:
            yield grant._replace(match=grant.match._replace(protocol=protocol))


def _each_number(grant: PortGrant, numbers: Numbers) -> Iterator[PortGrant]:
    for protocol in _protocols(grant.match):
        for number in sorted(numbers.get((grant.match.name, protocol), ())):
            yield _at(grant, protocol, number)


def _protocols(match: PortMatch) -> Sequence[str]:
    return PORT_PROTOCOLS if match.protocol == ANY_PROTOCOL else (match.protocol,)


def _at(grant: PortGrant, protocol: str, number: int) -> PortGrant:
    return grant._replace(match=PortMatch(protocol, number, max(number, grant.match.end)))


def _with(item: LoadedEntry, peers: int, ports: Iterable[PortGrant]) -> LoadedEntry:
    return item._replace(entry=replace(item.entry, ports=tuple(ports)), peers=peers)
