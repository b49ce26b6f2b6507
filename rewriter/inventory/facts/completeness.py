"""What absence proves (closed world): whether all pods and Services of a place are known, or what may hide some.

A fix may rest on "nothing else matches" only where the answer here is `complete`. The inventory answers for a
namespace and a cluster (`Inventory.completeness`); passes get the answer together with the workloads that match
(`rewriter.evidence.matches`), so that none can forget to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter.records import dataclass

#: What to do so that nothing hides in a namespace any more.
LIFT = "give a snapshot with --inventory, or name the namespace in `complete` under [facts] if nothing else runs there"
WORKLOADS, SERVICES, CIDR_GROUPS = "workloads", "services", "cidr_groups"
#: The labels of namespaces that are known.
NAMESPACE_LABELS = "namespace_labels"


@dataclass(frozen=True, slots=True)
class Hidden:
    """One thing that may make pods or Services which are not among the facts.

    `words` name it in one line with its file and line, `lift` says in one line what makes it known. `namespaces` and
    `clusters` are where it may make them (None: anywhere). `groups` are the facts it may hold more of.

    `keys` (None: it makes pods of its own, with any labels) are the labels that it may add to pods that *are* known:
    what a controller or an admission policy adds. `labels` are those that its pods are known to carry, where it is
    only unknown where they are, or that it is known to give to namespaces. `lacks` are labels that none of its pods
    carries; one without a key stands for every value that holds its text.
    """

    words: str
    lift: str = LIFT
    namespaces: frozenset[str] | None = None
    clusters: frozenset[str] | None = None
    groups: frozenset[str] = frozenset({WORKLOADS, SERVICES})
    keys: frozenset[str] | None = None
    labels: frozenset[tuple[str, str]] | None = None
    lacks: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        return self.words

    def concerns(self, namespace: str | None, cluster: str | None, group: str) -> bool:
        """Whether it may hold facts of a group in a namespace and a cluster (None: in any)."""
        return (
            group in self.groups
            and (namespace is None or self.namespaces is None or namespace in self.namespaces)
            and (cluster is None or self.clusters is None or cluster in self.clusters)
        )


@dataclass(frozen=True, slots=True)
class Completeness:
    """The answer for a place: `complete`, or what hides there, each with the reason in one line and what lifts it."""

    hidden: tuple[Hidden, ...] = ()

    @property
    def complete(self) -> bool:
        return not self.hidden

    @property
    def reasons(self) -> tuple[str, ...]:
        """Who may hold more, one line each, without repetition."""
        return tuple(dict.fromkeys(gap.words for gap in self.hidden))

    @property
    def lifts(self) -> tuple[str, ...]:
        """What to do about it, one line each, without repetition."""
        return tuple(dict.fromkeys(gap.lift for gap in self.hidden if gap.lift))


def union(answers: Iterable[Completeness]) -> Completeness:
    """The answer for several places together."""
    return Completeness(tuple(dict.fromkeys(gap for answer in answers for gap in answer.hidden)))


def answer(
    hidden: Iterable[Hidden], complete: Sequence[str], namespace: str | None, cluster: str | None, group: str
) -> Completeness:
    """What of `hidden` concerns a place. `complete` are the namespaces that the config calls complete."""
    known = frozenset(complete)
    if namespace is not None and namespace in known:
        return Completeness()
    there = (gap for gap in dict.fromkeys(hidden) if gap.concerns(namespace, cluster, group))
    return Completeness(tuple(gap for gap in there if gap.namespaces is None or not gap.namespaces <= known))
