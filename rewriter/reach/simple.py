"""Comparisons in which few rules count and names are all that differs: each is made once, for any names.

Most policies of a cluster are a handful of forms, in many namespaces and for many applications. Where the rules that
differ name pods by their labels, the others count only as far as they may name these pods. What is left is compared
with stand-ins for the values of labels, and the answer is put into the names of each policy that has this form.

The answer is that of `reach` to the letter, or there is none:

- Outside of the rules that `after` and the world beside it do not share, no flow counts, as long as these rules leave
  alone who is denied by default. A rule whose subjects or peers cannot be those of such a rule lets nothing more
  through there, and refuses nothing.
- A flow that is all combinations of some subjects, some peers and some ports, each set one phrase that asks for single
  values of labels, is worded so whatever else is compared with it, in whatever order, as long as every combination of
  labels is tried. Any other answer is left to `reach`.
- A pod that is known counts as one of its labels that these rules ask for: of several that they do not tell apart one
  stands for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.compile import Content, Entry
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, RESERVED
from rewriter.cilium.one_of_each import OneOfEach
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.terms import CidrTerm, FqdnTerm, LabelTerm, Term, demands_of, may_have
from rewriter.reach.cells import Asked, asked_by, cells_of
from rewriter.reach.compare import reach
from rewriter.reach.difference import NO_DIFFERENCE, Difference
from rewriter.reach.forms import Comparison, KeptRule, Part, Place, answers, rules_of
from rewriter.reach.shared import contents_of
from rewriter.reach.space import MAX_CELLS
from rewriter.reach.world import PolicyWorld


def reach_among(
    comparisons: Sequence[Comparison],
    identities: Sequence[Identity] = (),
    inside: Sequence[Prefix] = (),
    clusters: Sequence[str] = (),
) -> list[Difference]:
    """The flows that `reach` finds for each, from a comparison like it where its result is known.

    Where default deny begins or ends is no part of the answer. Of several identities that the rules which count do not
    tell apart, one may stand for all among the workloads of a statement. Comparisons of the same rules cost little more
    than one of them.
    """
    return [
        reach(one.before, one.after, identities, one.beside, inside, clusters, one.ends) if simple is None else simple
        for one, simple in zip(comparisons, reach_simple(comparisons, clusters, identities), strict=True)
    ]


def reach_simple(
    comparisons: Sequence[Comparison], clusters: Sequence[str] = (), identities: Sequence[Identity] = ()
) -> Sequence[Difference | None]:
    """What `reach_among` has, or None where `reach` has to look."""
    found = _simple(comparisons, clusters, identities)
    if found is None and len(comparisons) > 1:  # One of them may be simple all the same.
        return [reach_simple([one], clusters, identities)[0] for one in comparisons]
    return [None] * len(comparisons) if found is None else found


def _simple(
    comparisons: Sequence[Comparison], clusters: Sequence[str], identities: Sequence[Identity]
) -> Sequence[Difference | None] | None:
    """The answers where all comparisons together have a simple one; None where they do not."""
    if not all(map(_is_plain_pod, identities)) or len({one.ends is None for one in comparisons}) > 1:
        return None
    worlds = {place: world for one in comparisons for place, world in one.worlds.items()}
    sets = {id(policies): policies for world in worlds.values() for policies in world.sets}
    if not all(map(_is_plain, sets.values())):
        return None
    changed = _changed(comparisons[0])
    if any(_changed(one).keys() != changed.keys() for one in comparisons[1:]):
        return None
    if not changed:
        return [NO_DIFFERENCE] * len(comparisons)
    entries = {content: entry for policies in sets.values() for content, entry in policies.by_content.items()}
    labels = [_labels_of(entry) for entry in entries.values()]
    if not all(entry_labels.simple for entry_labels in labels):
        return None
    parts = _parts(entries, list(changed.values()), worlds)
    if parts is None:
        return None
    named = frozenset[str]().union(*(entry_labels.clusters for entry_labels in labels))
    for one in comparisons:
        if not _fits(labels, one.after.local_cluster, clusters):
            return None
        whole = (rule.entry for place in one.places for rule in rules_of(parts[place]) if not rule.bare)
        if not named <= {one.after.local_cluster, *clusters}.union(*(_labels_of(entry).clusters for entry in whole)):
            return None  # A cluster that only rules name which do not count may be in the words.
    return answers(comparisons, parts, clusters, identities)


def _is_plain_pod(identity: Identity) -> bool:
    """Whether all that counts of an identity are labels that Kubernetes knows."""
    return (
        identity.prefix is None
        and not identity.dns_names
        and identity.is_pod
        and all(label.source == K8S and label.key != "host" for label in identity.labels)
    )


def _is_plain(policies: PolicySet) -> bool:
    settings = policies.settings
    return (
        policies.plain
        and settings.enforces
        and not settings.denies_everybody
        and not (settings.cidr_match_nodes or settings.matches_pods_by_address)
    )


class _Labels(NamedTuple):
    """What a rule asks of the labels of pods, term by term, and the clusters that it names.

    `simple` are rules that select pods by labels, or addresses, DNS names or reserved identities, which no pod has.
    """

    simple: bool
    asked: tuple[frozenset[Asked], ...]
    clusters: frozenset[str]


_CLUSTERS: OneOfEach[frozenset[str]] = OneOfEach()


def _labels_of(entry: Entry) -> _Labels:
    known = entry.content.noted
    if isinstance(known, _Labels):
        return known
    terms = (entry.subject, *entry.peers)
    simple = (
        entry.tier is None and not entry.required and not entry.subject_is_node and all(map(_is_simple_term, terms))
    )
    of_pods = [term for term in terms if isinstance(term, LabelTerm)]
    clusters = frozenset(
        value
        for term in of_pods
        for condition in term.conditions
        if condition.key == CLUSTER_LABEL
        for value in condition.values
    )
    made = entry.content.noted = _Labels(simple, tuple(map(asked_by, of_pods)), _CLUSTERS.of(clusters))
    return made


def _fits(labels: Iterable[_Labels], local: str, clusters: Sequence[str]) -> bool:
    """Whether every combination of the labels is tried in a comparison of these rules."""
    asked = {asked for entry_labels in labels for asked in entry_labels.asked}
    return cells_of(frozenset[Asked]().union(*asked), local, clusters) <= MAX_CELLS


def _is_simple_term(term: Term) -> bool:
    if isinstance(term, CidrTerm | FqdnTerm):
        return True
    if len(term.conditions) == 1 and term.conditions[0].source == RESERVED:
        return True
    # On pods with a label `host` no policy may be enforced.
    return all(condition.source in (ANY, K8S) and condition.key != "host" for condition in term.conditions)


def _changed(comparison: Comparison) -> dict[Content, Entry]:
    """The rules that only one of `after` and the world beside it has."""
    one, other = contents_of(comparison.after), contents_of(comparison.beside)
    return {
        content: entry
        for here, there in ((one, other), (other, one))
        for content, entry in here.items()
        if content not in there
    }


def _parts(
    entries: Mapping[Content, Entry], changed: Sequence[Entry], worlds: Mapping[Place, PolicyWorld]
) -> dict[Place, list[Part]] | None:
    """What counts of each world; None where the changed rules do not name pods alone.

    `entries` are the rules of all of them, each once.
    """
    direction = changed[0].direction
    for entry in changed:
        named = entry.default_deny and entry.direction == direction and entry.peers
        if not (named and all(map(_asks_for_values, (entry.subject, *entry.peers)))):
            return None
    subjects = list(dict.fromkeys(entry.subject for entry in changed))
    peers = list(dict.fromkeys(term for entry in changed for term in entry.peers if isinstance(term, LabelTerm)))
    own = {entry.content for entry in changed}
    of_subjects, of_peers = list(map(demands_of, subjects)), list(map(demands_of, peers))
    with_ends = any(is_end for _, is_end in worlds)

    @cache
    def counts(content: Content) -> KeptRule | None:
        entry = entries[content]
        if content in own:
            return KeptRule(entry, False)
        if entry.direction == direction:
            meets = _meets_any(entry.subject, of_subjects) and any(_meets_any(peer, of_peers) for peer in entry.peers)
            return KeptRule(entry, False) if meets else None
        return at_end(content)

    @cache
    def at_end(content: Content) -> KeptRule | None:
        """A rule of the peers, as far as it bears on the subjects."""
        entry = entries[content]
        if not with_ends or entry.direction == direction or not _meets_any(entry.subject, of_peers):
            return None
        if any(_meets_any(peer, of_subjects) for peer in entry.peers):
            return KeptRule(entry, False)
        return KeptRule(entry, True) if entry.default_deny else None

    kept: dict[tuple[int, bool], Part] = {}

    def part(policies: PolicySet, count: Callable[[Content], KeptRule | None], *, is_end: bool) -> Part:
        key = (id(policies), is_end)
        if key not in kept:
            kept[key] = Part(policies.settings, list(filter(None, map(count, policies.by_content))))
        return kept[key]

    found: dict[Place, list[Part]] = {}
    for (identity, is_end), world in worlds.items():
        parts = [part(policies, at_end if is_end else counts, is_end=is_end) for policies in world.sets]
        found[identity, is_end] = parts
        denied = {e.subject for e, _ in rules_of(parts) if e.direction == direction and e.default_deny}
        if not (is_end or denied.issuperset(subjects)):
            return None  # Another rule may be what denies by default.
    limited = any(grant.limits for part in kept.values() for rule in part.rules for grant in rule.entry.ports)
    return None if limited else found


def _asks_for_values(term: Term) -> bool:
    """Whether a term asks for a value of a label that only pods have."""
    return isinstance(term, LabelTerm) and any(
        condition.operator == "In" and condition.source in (ANY, K8S) and all(condition.values)
        for condition in term.conditions
    )


def _meets_any(term: Term, others: Iterable[Sequence[tuple[str, tuple[str, ...]]]]) -> bool:
    """Whether an identity may be selected by a term and have what one of the others, which select pods, demands."""
    if isinstance(term, LabelTerm):
        for demands in others:
            if may_have(term, demands):
                return True
    return False
