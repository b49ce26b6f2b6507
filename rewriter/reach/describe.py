"""Sets of identities in words: `any pod of namespace shop in cluster-b`, `host`, `203.0.113.0/24`."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.services import API_SERVERS
from rewriter.cilium.universe import Universe, positions
from rewriter.reach.boxes import Boxes
from rewriter.reach.cells import OTHER
from rewriter.reach.difference import join_phrases
from rewriter.reach.hosts import without_labelled_hosts
from rewriter.reach.outside import describe_ranges, is_nearly_everywhere
from rewriter.reach.selections import Selections
from rewriter.reach.space import Space, pod_bits

#: Above this many phrases, a set is described by what is missing, where that takes fewer.
_MANY, _FEW, _VERY_MANY = 4, 2, 8
_API_SERVERS = f"what is behind service {API_SERVERS}"
_EVERY_POD = "any pod"


class Describer:
    """Turns bitsets of a space into phrases; the same set always gives the same phrases."""

    __slots__ = ("_given_pods", "_known", "_named", "_pods", "_space", "_subjects", "_universe")

    def __init__(self, space: Space, universe: Universe, subjects: int) -> None:
        self._space = space
        self._universe = universe
        self._subjects = subjects
        self._given_pods = pod_bits(universe) & space.given
        pods = space.witness_pods | self._given_pods
        self._named = universe.all & ~(pods | space.range_bits)
        self._pods: Boxes | Selections = (
            Boxes(space.dims, universe, pods, space.local_cluster) if space.exact else Selections(space, universe, pods)
        )
        self._known: dict[tuple[int, bool], tuple[str, ...]] = {}

    def peers(self, mask: int) -> tuple[str, ...]:
        """What the set is made of; together the phrases name every identity of it."""
        key = (mask, False)
        found = self._known.get(key)
        if found is None:
            everything = self._universe.all
            found = tuple(self._phrases(mask, everything))
            if len(found) > _MANY:
                others = tuple(self._phrases(everything & ~mask, everything))
                shorter = len(others) < len(found) and (len(others) <= _FEW or len(found) > _VERY_MANY)
                # "Anything" does not describe what leaves out a whole family of addresses, or the world.
                if shorter and not any(map(is_nearly_everywhere, others)):
                    found = (f"anything except {'pods' if others == (_EVERY_POD,) else join_phrases(others)}",)
            self._known[key] = found
        return found

    def subjects(self, mask: int) -> tuple[str, ...]:
        """As `peers`, among those that the local cluster enforces policy on: their cluster goes without saying."""
        key = (mask, True)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = tuple(self._phrases(mask, self._subjects))
        return found

    def workloads(self, mask: int) -> tuple[str, ...]:
        """The identities of the inventory in the set, by name, in order."""
        return self._names(mask & self._space.given)

    def _phrases(self, mask: int, among: int) -> Iterator[str]:
        if mask == self._universe.all:
            yield "anything"
            return
        # Where witnesses show every combination of labels, words are for them; else for the inventory's pods too.
        domain = (self._space.witness_pods | (0 if self._space.exact else self._given_pods)) & among
        named = mask & (self._named | self._given_pods)
        for phrase, inside in self._pods.parts(mask & domain, domain):
            if phrase:
                exceptions = self._names(inside & self._given_pods & among & ~mask)
                yield phrase + (f" (not {', '.join(exceptions)})" if exceptions else "")
                named &= ~inside
        yield from self._names(named)
        ranges = self._space.ranges
        chosen = (mask & self._space.range_bits) >> self._space.first_range
        yield from describe_ranges((ranges[position] for position in positions(chosen)), ranges)

    def _names(self, mask: int) -> tuple[str, ...]:
        names = without_labelled_hosts({identity.name for identity in self._universe.members(mask)})
        here, *elsewhere = (" in other clusters" if place == OTHER else f" in {place}" for place in self._space.places)
        for name in [name for name in names if name.endswith(here)]:
            base = name.removesuffix(here)
            others = {base + suffix for suffix in elsewhere}
            if (others and others <= names) or base in names:  # In every cluster: the name of one adds nothing.
                names = (names - {name, *others}) | {base}
        if "kube-apiserver" in names:  # It holds those that Service default/kubernetes leads to.
            names = names - {_API_SERVERS}
        return tuple(sorted(names))
