"""What is made of policies, by the namespace that it selects pods of; made when a question first needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Generic, TypeVar

from rewriter.evidence.policy_outline import Outline

Made = TypeVar("Made")
#: The place of a policy among all, and that of what is made of it.
_Place = tuple[int, int]


class ByNamespace(Generic[Made]):
    """What `make` makes of each policy, by its place. `namespace_of` says whose pods it selects (None: of several).

    The order is that of the namespaces as they first come up, then that of the policies.
    """

    def __init__(
        self,
        outlines: Sequence[Outline],
        make: Callable[[int], Sequence[Made]],
        namespace_of: Callable[[Made], str | None],
    ) -> None:
        self._outlines = outlines
        self._make = make
        self._namespace_of = namespace_of
        self._made: dict[int, Sequence[Made]] = {}
        self._of: dict[str | None, Sequence[Made]] = {}
        self._firsts: dict[str | None, _Place | None] = {}

    def of(self, namespace: str | None) -> Sequence[Made]:
        """What selects pods of one namespace alone (None: of several)."""
        if namespace not in self._of:
            found: dict[_Place, Made] = {**self._open.get(namespace, {})}
            for policy in self._homes.get(namespace, ()):
                found |= self._places(policy)
            self._of[namespace] = [found[place] for place in sorted(found)]
        return self._of[namespace]

    def namespaces(self) -> Sequence[str | None]:
        """The namespaces, in their order, that something selects pods of."""
        firsts = {namespace: self._first(namespace) for namespace in (*self._open, *self._homes)}
        return sorted(
            (namespace for namespace, first in firsts.items() if first),
            key=lambda namespace: firsts[namespace] or (0, 0),
        )

    def every(self) -> Iterator[Made]:
        """All that is made."""
        for namespace in self.namespaces():
            yield from self.of(namespace)

    def naming(self, namespace: str) -> Sequence[Made]:
        """What may have pods of a namespace as peers."""
        found = [(group, place, made) for group, of in self._open.items() for place, made in of.items()]
        chosen = {*self._homes.get(namespace, ()), *self._named.get(namespace, ()), *self._named.get(None, ())}
        for policy in chosen:
            home = self._outlines[policy].home
            found += ((home, place, made) for place, made in self._places(policy).items())
        found.sort(key=lambda entry: (self._first(entry[0]) or (0, 0), entry[1]))
        return [made for _, _, made in found]

    @cached_property
    def _homes(self) -> dict[str | None, list[int]]:
        """The policies whose namespace shows, by it."""
        found: dict[str | None, list[int]] = {}
        for policy, outline in enumerate(self._outlines):
            if outline.home is not None:
                found.setdefault(outline.home, []).append(policy)
        return found

    @cached_property
    def _named(self) -> dict[str | None, list[int]]:
        """The policies whose namespace shows, by those of their peers (None: any)."""
        found: dict[str | None, list[int]] = {}
        for policy, outline in enumerate(self._outlines):
            if outline.home is not None:
                for namespace in (None,) if outline.named is None else outline.named:
                    found.setdefault(namespace, []).append(policy)
        return found

    @cached_property
    def _open(self) -> dict[str | None, dict[_Place, Made]]:
        """What is made of the other policies, by the namespace that only shows now."""
        found: dict[str | None, dict[_Place, Made]] = {}
        for policy, outline in enumerate(self._outlines):
            if outline.home is None:
                for place, made in self._places(policy).items():
                    found.setdefault(self._namespace_of(made), {})[place] = made
        return found

    def _places(self, policy: int) -> dict[_Place, Made]:
        if policy not in self._made:
            self._made[policy] = tuple(self._make(policy))
        return {(policy, number): made for number, made in enumerate(self._made[policy])}

    def _first(self, namespace: str | None) -> _Place | None:
        """Where a namespace comes up; None where nothing that is made selects pods of it alone."""
        if namespace not in self._firsts:
            own = next((policy for policy in self._homes.get(namespace, ()) if self._places(policy)), None)
            places = [*self._open.get(namespace, ()), *([] if own is None else [(own, 0)])]
            self._firsts[namespace] = min(places, default=None)
        return self._firsts[namespace]
