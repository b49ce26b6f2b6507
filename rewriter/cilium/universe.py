"""A set of identities on which terms are matched, as bitsets: bit i stands for the i-th identity."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import ANY, Label
from rewriter.cilium.terms import CidrTerm, Condition, FqdnTerm, LabelTerm, Term


class LabelMask(NamedTuple):
    """A label, and the bits of the identities that have it."""

    label: Label
    mask: int


class Universe:
    """Identities indexed by label; the answer to a term is an integer whose bits are the identities it selects.

    `cells` are identities given by their labels' bitsets alone: `cell_count` of them take the lowest bits, the
    `identities` follow.
    """

    __slots__ = (
        "_any",
        "_by_key",
        "_inside",
        "_masks",
        "_met",
        "_names",
        "_outside",
        "all",
        "cell_count",
        "identities",
    )

    def __init__(
        self,
        identities: Sequence[Identity],
        *,
        cidr_match_nodes: bool = False,
        cidr_match_pods: bool = False,
        cells: Iterable[LabelMask] = (),
        cell_count: int = 0,
    ) -> None:
        self.identities = tuple(identities)
        self.cell_count = cell_count
        self.all = (1 << (cell_count + len(self.identities))) - 1
        self._by_key: dict[str, dict[str, list[tuple[str, int]]]] = {}
        self._masks: dict[Term | Condition, int] = {}
        self._met: dict[int, tuple[Term, int]] = {}
        self._any: dict[int, tuple[tuple[Term, ...], int]] = {}
        outside: list[tuple[int, Prefix]] = []
        self._inside: list[tuple[int, Prefix]] = []
        names: list[tuple[str, int]] = []
        for label, mask in cells:
            self._put(label, mask)
        self._index(outside, names, nodes=cidr_match_nodes, pods=cidr_match_pods)
        self._outside = _Prefixes(outside)
        self._names = _Names(names)

    def _index(
        self, outside: list[tuple[int, Prefix]], names: list[tuple[str, int]], *, nodes: bool, pods: bool
    ) -> None:
        bit = 1 << self.cell_count
        masks: dict[Label, int] = {}
        for identity in self.identities:
            for label in identity.labels:
                masks[label] = masks.get(label, 0) | bit
            if identity.prefix is not None:
                outside.append((bit, identity.prefix))
            if identity.dns_names:
                names += ((name, bit) for name in identity.dns_names)
            if identity.addresses and (pods if identity.is_pod else nodes):
                self._inside += ((bit, address) for address in identity.addresses)
            bit <<= 1
        for label, mask in masks.items():
            self._put(label, mask)

    def _put(self, label: Label, mask: int) -> None:
        source, key, value = label
        self._by_key.setdefault(key, {}).setdefault(value, []).append((source, mask))

    def select(self, term: Term) -> int:
        """The bitset of the identities that the term selects."""
        met = self._met.get(id(term))
        if met is not None:
            return met[1]
        if isinstance(term, LabelTerm):
            mask = self._labels(term)
        else:
            known = self._masks.get(term)
            if known is None:
                known = self._addresses(term) if isinstance(term, CidrTerm) else self._names.covered(term)
                self._masks[term] = known
            mask = known
        self._met[id(term)] = term, mask
        return mask

    @property
    def labels(self) -> frozenset[tuple[str, str]]:
        """The keys and values of all labels."""
        return frozenset((key, value) for key, values in self._by_key.items() for value in values)

    def _labels(self, term: LabelTerm) -> int:
        by_key = self._by_key
        for _, key, operator, values in term.conditions:
            # Most terms ask for a value that no identity has: seen at once, before the term is looked up.
            if operator == "In":
                known = by_key.get(key)
                if known is None or (values[0] not in known if len(values) == 1 else known.keys().isdisjoint(values)):
                    return 0
        mask = self._masks.get(term)
        if mask is None:
            mask = self.all
            for condition in term.conditions:
                mask &= self.meeting(condition)
            self._masks[term] = mask
        return mask

    def select_any(self, terms: Iterable[Term]) -> int:
        """The bitset of the identities that one of the terms selects."""
        met = self._any.get(id(terms))
        if met is not None:
            return met[1]
        mask = 0
        for term in terms:
            mask |= self.select(term)
        if isinstance(terms, tuple):
            self._any[id(terms)] = terms, mask
        return mask

    def members(self, mask: int) -> list[Identity]:
        """The identities of a bitset, in order; cells are left out."""
        return [self.identities[position] for position in positions(mask >> self.cell_count)]

    def meeting(self, condition: Condition) -> int:
        """The bitset of the identities that meet one condition."""
        mask = self._masks.get(condition)
        if mask is None:
            source, key, operator, values = condition
            known = self._by_key.get(key, {})
            mask = 0
            for value in values if operator in ("In", "NotIn") else known:
                for origin, bits in known.get(value, ()):
                    if source in (ANY, origin):
                        mask |= bits
            if operator in ("NotIn", "DoesNotExist"):
                mask = self.all & ~mask
            self._masks[condition] = mask
        return mask

    def _addresses(self, term: CidrTerm) -> int:
        mask = self._outside.inside(term.prefix)
        inside = 0
        # The widest range stands for the world alone (cilium/cilium#47827).
        for bit, address in self._inside if term.prefix.bits else ():
            if term.prefix.contains(address) and not any(e.contains(address) for e in term.exceptions):
                inside |= bit
        for exception in term.exceptions:
            mask &= ~self._outside.inside(exception)
        return mask | inside


class _Prefixes:
    """Bits by prefix, in address order, so that those inside another prefix lie side by side."""

    __slots__ = ("_keys", "_sums")

    def __init__(self, prefixes: list[tuple[int, Prefix]]) -> None:
        ordered = sorted((prefix, bit) for bit, prefix in prefixes)
        self._keys = [prefix for prefix, _ in ordered]
        self._sums = [0]
        for _, bit in ordered:
            self._sums.append(self._sums[-1] | bit)

    def inside(self, prefix: Prefix) -> int:
        """The bits of the prefixes that lie inside; a wider one that starts at the same address sorts before."""
        first = bisect_left(self._keys, prefix)
        end = bisect_right(self._keys, Prefix(prefix.width, prefix.last, prefix.width))
        return self._sums[end] ^ self._sums[first]


class _Names:
    """Bits by DNS name, read backwards, so that those with one ending lie side by side."""

    __slots__ = ("_keys", "_names")

    def __init__(self, names: list[tuple[str, int]]) -> None:
        ordered = sorted((name.lower().removesuffix(".")[::-1], name, bit) for name, bit in names)
        self._keys = [key for key, _, _ in ordered]
        self._names = [(name, bit) for _, name, bit in ordered]

    def covered(self, term: FqdnTerm) -> int:
        """The bits of the names that a term covers."""
        ending = term.ending[::-1]
        mask = 0
        for place in range(bisect_left(self._keys, ending), len(self._keys)):
            name, bit = self._names[place]
            if not self._keys[place].startswith(ending):
                break
            if term.covers(name):
                mask |= bit
        return mask


def positions(mask: int) -> Iterator[int]:
    """The positions of the set bits, lowest first."""
    digits = bin(mask)[:1:-1]
    found = digits.find("1")
    while found >= 0:
        yield found
        found = digits.find("1", found + 1)
