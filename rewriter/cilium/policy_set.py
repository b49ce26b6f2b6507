"""Policies as one cluster's agents load them, and their entries matched against identities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from rewriter.cilium.compile import Content, Entry, compile_policy
from rewriter.cilium.identity import NamedPort
from rewriter.cilium.policy import read_policy
from rewriter.cilium.settings import NO_FACTS, Facts, Settings
from rewriter.cilium.stretches import Stretch, stretches_of
from rewriter.cilium.terms import pods_with, reserved_term
from rewriter.cilium.tiers import is_cluster_network_policy, tier_rules, tiers_rejection
from rewriter.cilium.universe import Universe
from rewriter.cilium.validation import Rejection, rejection
from rewriter.records import dataclass

_HOST_LABEL = pods_with("host")


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Policies as one cluster's agents load them. `rejections` has None for each accepted manifest.

    `named_ports` are those of all pods, as far as the facts know them; `tiers` are rules of ClusterNetworkPolicies.
    `by_content` has one of the entries that do the same, `plain` says that none names ports or narrows others.
    `stretches` are the entries again, to be asked about a stretch at a time.
    """

    settings: Settings
    entries: tuple[tuple[int, Entry], ...]
    rejections: tuple[Rejection | None, ...]
    named_ports: tuple[NamedPort, ...] = ()
    tiers: tuple[tuple[int, Entry], ...] = ()
    by_content: Mapping[Content, Entry] = field(init=False, repr=False, compare=False)
    plain: bool = field(init=False, repr=False, compare=False)
    stretches: tuple[Rules, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        stretches = stretches_of(self.entries)
        by_content: dict[Content, Entry] = {}
        for stretch in stretches:
            by_content.update(contents_in(stretch))
        by_content.update({entry.content: entry for _, entry in self.tiers})
        object.__setattr__(self, "stretches", stretches)
        object.__setattr__(self, "by_content", by_content)
        object.__setattr__(self, "plain", not self.tiers and all(map(_are_plain, stretches)))

    def all_entries(self) -> Iterator[Entry]:
        """Those of every kind of policy."""
        for _, entry in (*self.entries, *self.tiers):
            yield entry


Rules = Stretch[tuple[int, Entry]]
"""Entries of a set that stand beside each other, each with the position of its manifest."""


def contents_in(rules: Rules) -> Mapping[Content, Entry]:
    """Entries by what they do."""
    known: dict[Content, Entry] | None = rules.answers.get("contents")
    if known is None:
        known = rules.answers["contents"] = {entry.content: entry for _, entry in rules}
    return known


def _are_plain(rules: Rules) -> bool:
    """Whether no entry names ports or narrows others."""
    if "plain" not in rules.answers:
        rules.answers["plain"] = not any(entry.named or entry.required for _, entry in rules)
    return bool(rules.answers["plain"])


def compile_policies(
    manifests: Iterable[Mapping[str, Any]],
    settings: Settings,
    facts: Facts = NO_FACTS,
    *,
    namespaces: Sequence[str | None] = (),
) -> PolicySet:
    """The set that the manifests make; rejected ones have no part in it.

    `namespaces` says where manifests without a namespace land, one for each manifest.
    """
    entries: list[tuple[int, Entry]] = []
    rejections: list[Rejection | None] = []
    tiers: list[tuple[int, Entry]] = []
    for index, manifest in enumerate(manifests):
        if is_cluster_network_policy(manifest):
            tiers += ((index, rule) for rule in tier_rules(manifest, settings))
            rejections.append(tiers_rejection(manifest, settings))
            continue
        why = rejection(manifest, settings.version, flags=settings.flags)
        rejections.append(why)
        if why is None:
            namespace = namespaces[index] if index < len(namespaces) else None
            policy = read_policy(manifest, namespace=namespace)
            entries += ((index, entry) for entry in compile_policy(policy, settings, facts))
    return PolicySet(settings, tuple(entries), tuple(rejections), facts.named_ports, tuple(tiers))


class LoadedEntry(NamedTuple):
    """An entry of the `policy`-th manifest with the bitsets of its subjects and peers."""

    policy: int
    entry: Entry
    subjects: int
    peers: int


def load_entries(policies: PolicySet, universe: Universe) -> list[LoadedEntry]:
    """The entries of a set that have a subject in the universe, in the order of the set."""
    return narrow_required(match_entries(policies, universe), universe)


def match_entries(policies: PolicySet, universe: Universe) -> list[LoadedEntry]:
    """As `load_entries`, before fromRequires and toRequires are applied.

    Node rules select the local host and nothing else, other rules everything else. There is no entry where the agents
    enforce nothing.
    """
    if not policies.settings.enforces:
        return []
    subjects_of = Subjects(policies.settings, universe).of
    loaded = []
    for index, entry in policies.entries:
        subjects = subjects_of(entry)
        if subjects:
            loaded.append(LoadedEntry(index, entry, subjects, universe.select_any(entry.peers)))
    return loaded


class Subjects:
    """The subjects of rules in a universe, each selection looked at once."""

    __slots__ = ("_exempt", "_host", "_known", "_universe")

    def __init__(self, settings: Settings, universe: Universe) -> None:
        self._universe = universe
        self._host = universe.select(reserved_term("host"))
        self._exempt = unenforced(settings, universe)
        self._known: dict[tuple[int, bool], int] = {}

    def of(self, entry: Entry) -> int:
        """The bits of the subjects of an entry, which lives as long as this does."""
        key = (id(entry.subject), entry.subject_is_node)
        found = self._known.get(key)
        if found is None:
            found = self._universe.select(entry.subject) & ~self._exempt
            found = self._known[key] = found & self._host if entry.subject_is_node else found & ~self._host
        return found


def match_tiers(policies: PolicySet, universe: Universe) -> list[LoadedEntry]:
    """The rules of ClusterNetworkPolicies that have a subject in the universe; none selects the local host."""
    if not policies.tiers or not policies.settings.enforces:
        return []
    exempt = unenforced(policies.settings, universe) | universe.select(reserved_term("host"))
    loaded = []
    for index, entry in policies.tiers:
        subjects = universe.select(entry.subject) & ~exempt
        if subjects:
            loaded.append(LoadedEntry(index, entry, subjects, universe.select_any(entry.peers)))
    return loaded


def unenforced(settings: Settings, universe: Universe) -> int:
    """The identities on which no policy is enforced: those with a label `host` while the host firewall is off.

    Source: Cilium pkg/policy/repository.go computePolicyEnforcementAndRules, which looks at the key alone.
    """
    if settings.host_firewall:
        return 0
    named = universe.select(_HOST_LABEL)
    return named if settings.host_firewall is None else named | universe.select(reserved_term("host"))


def narrow_required(loaded: list[LoadedEntry], universe: Universe) -> list[LoadedEntry]:
    """Puts the conditions of fromRequires and toRequires on the endpoint peers of every rule that they reach.

    Those are the rules of the same direction and verdict, for the subjects that both have.
    """
    for requiring in [item for item in loaded if item.entry.required]:
        loaded = [part for item in loaded for part in _narrowed(item, requiring, universe)]
    return loaded


def _narrowed(item: LoadedEntry, requiring: LoadedEntry, universe: Universe) -> Iterable[LoadedEntry]:
    entry, other = item.entry, requiring.entry
    shared = item.subjects & requiring.subjects
    if (entry.direction, entry.deny) != (other.direction, other.deny) or not (shared and entry.endpoint_peers):
        return [item]
    peers = item.peers
    for term in other.required:
        peers &= universe.select(term)
    parts = [item._replace(subjects=shared, peers=peers)]
    rest = item.subjects & ~shared
    return [*parts, item._replace(subjects=rest)] if rest else parts
