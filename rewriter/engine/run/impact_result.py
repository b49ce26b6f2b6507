"""What an upgrade, or a rewrite, does to the policies of a tree and to the flows between its workloads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace

from rewriter.discovery import InputError
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.finding import Flows
from rewriter.reach.pairs import MeshDifference
from rewriter.records import dataclass
from rewriter.yamltext.differences import ValueDifference

DEAD, WOKEN, DEAD_ON_BOTH, ENFORCED = "stops being enforced", "starts being enforced", "is not enforced", ""
NEW, GONE = "is new", "is gone"


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one policy, judged alone: its flows, and how its state changes (`""`: it is in force throughout).

    `reason` is why a release rejects it, in Cilium's words.
    """

    flows: Flows
    state: str = ENFORCED
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.flows.opened or self.flows.closed or self.state in (DEAD, WOKEN, NEW, GONE))

    @property
    def real(self) -> bool:
        """Whether flows change other than those of pods that only could exist."""
        return any(flow not in self.flows.possible for flow in (*self.flows.opened, *self.flows.closed))

    @property
    def closes(self) -> bool:
        """Whether flows close other than those of pods that only could exist."""
        return any(flow not in self.flows.possible for flow in self.flows.closed)


@dataclass(frozen=True, slots=True)
class PolicyImpact:
    """One policy that the upgrade changes, or that is rewritten: with nothing done, and after the rewrite.

    `fixes` are the passes that rewrote it, none where it was rewritten by hand; `line` is where it begins in its file.
    `unseen` says that pods which it names, and which are not known, may be there all the same: not all facts are read.
    """

    policy: LocatedPolicy
    line: int
    cluster: str
    undone: Change
    fixed: Change
    unseen: bool = False
    fixes: tuple[str, ...] = ()
    rewritten: bool = False

    @property
    def left(self) -> Change:
        """What the upgrade alone does, and does all the same with the rewrite."""
        return self._fixed(_both, self.fixed.state if self._same_state else ENFORCED)

    @property
    def on_purpose(self) -> Change:
        """What happens with the rewrite only: the rewrite does it, and says so."""
        return self._fixed(_only, ENFORCED if self._same_state else self.fixed.state)

    @property
    def _same_state(self) -> bool:
        return self.fixed.state == self.undone.state

    def _fixed(self, chosen: Callable[[Sequence[str], Sequence[str]], tuple[str, ...]], state: str) -> Change:
        """What happens with the rewrite, of flows those that are chosen beside what happens without it."""
        flows, undone = self.fixed.flows, self.undone.flows
        opened, closed = chosen(flows.opened, undone.opened), chosen(flows.closed, undone.closed)
        return Change(replace(flows, opened=opened, closed=closed), state, self.fixed.reason)


def _both(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    return tuple(item for item in one if item in other)


def _only(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    return tuple(item for item in one if item not in other)


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One difference between a policy and what it was; `rule` is the rule in words where a whole one comes or goes."""

    difference: ValueDifference
    rule: str = ""


@dataclass(frozen=True, slots=True)
class RewrittenPolicy:
    """A policy that was rewritten by hand. `state` says that it is new, or gone; then it has no `changes`.

    One that stands in its file in other words only, or with its items in another order, has no changes either.
    """

    policy: LocatedPolicy
    line: int
    state: str
    changes: tuple[PolicyChange, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """The impact of an upgrade on a tree, and of rewriting it. Pairs and released workloads are those known.

    `by_hand` says that it was rewritten by hand. `left_out` are the places (`file:line`) of templates that hold a
    policy: what an upgrade does to those is not known. `alone` are all clusters, each with where it stands that it is
    meshed with no other; none where that is not known. `not_enforced` are clusters where no policy is, each with why.
    `unread_settings` say which settings of Cilium are not read: those count as the defaults.
    `rewritten` are the policies that were rewritten by hand, whether or not their flows change.
    """

    clusters: tuple[str, ...]
    total: int
    policies: tuple[PolicyImpact, ...]
    undone: MeshDifference
    fixed: MeshDifference
    workloads: int = 0
    mesh: bool = False
    by_hand: bool = False
    errors: tuple[InputError, ...] = field(default=())
    left_out: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    not_enforced: tuple[str, ...] = ()
    unread_settings: tuple[str, ...] = ()
    rewritten: tuple[RewrittenPolicy, ...] = ()

    @property
    def left(self) -> MeshDifference:
        """What the upgrade alone changes between known workloads, and changes all the same with the rewrite."""
        pairs, released = set(self.undone.pairs), set(self.undone.released)
        return MeshDifference(
            tuple(pair for pair in self.fixed.pairs if pair in pairs),
            tuple(name for name in self.fixed.released if name in released),
        )

    @property
    def on_purpose(self) -> MeshDifference:
        """What changes between known workloads with the rewrite only."""
        pairs, released = set(self.undone.pairs), set(self.undone.released)
        return MeshDifference(
            tuple(pair for pair in self.fixed.pairs if pair not in pairs),
            tuple(name for name in self.fixed.released if name not in released),
        )

    @property
    def breaks(self) -> bool:
        """Whether the upgrade closes flows, or takes a policy out of force, that the rewrite does not mend.

        Flows of pods that are not known count where these may be there all the same.
        """
        policies = any(
            item.left.closes or (item.unseen and item.left.flows.closed) or item.left.state == DEAD
            for item in self.policies
        )
        return policies or any(pair.change == "closed" for pair in self.left.pairs)
