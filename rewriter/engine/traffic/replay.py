"""The observed flows of one cluster beside its policies: what they say of each flow today, and after a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rewriter.cilium.cidr import parsed_prefixes
from rewriter.cilium.compile import Entry
from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.labels import NAMESPACE_LABEL, parse_label
from rewriter.cilium.policy import Policy
from rewriter.cilium.policy_set import PolicySet, compile_policies, match_entries
from rewriter.cilium.settings import Facts, Settings
from rewriter.cilium.terms import LabelTerm
from rewriter.cilium.verdict import DirectionVerdict, Engine, universe_for
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.hubble.flows import EGRESS, INGRESS, ObservedEndpoint, ObservedFlow
from rewriter.records import dataclass

Entries = Sequence[tuple[int, Entry]]
Manifest = tuple[Mapping[str, Any], str | None]
"""A policy, and the namespace that it lands in where it names none."""


class PoliciesByNamespace:
    """Policies by the namespace of their subjects, so that a flow meets only those that may concern it."""

    def __init__(self, policies: PolicySet) -> None:
        self._policies = policies
        self._entries, self._tiers = (_by_namespace(rules) for rules in (policies.entries, policies.tiers))

    def within(self, namespace: str | None, exchanged: int | None = None, entries: Entries = ()) -> PolicySet:
        """Those that may select pods of a namespace, or what has none; with other entries for one policy."""
        others = (item for item in _of(self._entries, namespace) if item[0] != exchanged)
        return replace(
            self._policies, entries=(*others, *entries), tiers=tuple(_of(self._tiers, namespace)), rejections=()
        )


def _by_namespace(entries: Entries) -> dict[str | None, list[tuple[int, Entry]]]:
    found: dict[str | None, list[tuple[int, Entry]]] = {}
    for item in entries:
        found.setdefault(_namespace_of(item[1].subject), []).append(item)
    return found


def _of(entries: Mapping[str | None, Entries], namespace: str | None) -> list[tuple[int, Entry]]:
    found = list(entries.get(None, ()))
    return found + list(entries.get(namespace, ())) if namespace else found


def _namespace_of(subject: LabelTerm) -> str | None:
    """The one namespace of a subject; None where it may be in several, or in none."""
    for condition in subject.conditions:
        if condition.key == NAMESPACE_LABEL and condition.operator == "In" and len(condition.values) == 1:
            return condition.values[0]
    return None


@dataclass(frozen=True, slots=True)
class PolicyPosition:
    """Where a policy stands: its file, the position of its document and its route there."""

    path: str
    document: int
    route: str


@dataclass(frozen=True, slots=True)
class ReplayedStep:
    """A step of a rewrite: how many flows its policy judges, and those it may change, with verdicts before and after.

    A verdict is None where it depends on unknown facts.
    """

    seen: int
    changes: tuple[tuple[int, bool | None, bool | None], ...]


class ClusterReplay:
    """One cluster: flows whose subject is in it, and the policies applied to it under today's and target settings.

    `running` are policies of the cluster that are in no file. `today` and `upgraded` hold a verdict for each flow.
    """

    def __init__(
        self,
        flows: Sequence[ObservedFlow],
        policies: Sequence[LocatedPolicy],
        settings: tuple[Settings, Settings],
        facts: Facts,
        workloads: Mapping[str, Sequence[Workload]],
        running: Sequence[Manifest] = (),
    ) -> None:
        self.flows = flows
        self._facts = facts
        self._source, self._target = settings
        ends = dict.fromkeys(end for flow in flows for end in (flow.source, flow.destination))
        self._identities = {
            end: _identity(str(number), end, workloads.get(end.namespace or "", ())) for number, end in enumerate(ends)
        }
        numbers = {end: number for number, end in enumerate(ends)}
        self._peers = [1 << numbers[flow.peer] for flow in flows]
        self._of_subject: dict[str, dict[int, list[int]]] = {INGRESS: {}, EGRESS: {}}
        for number, flow in enumerate(flows):
            self._of_subject[flow.direction].setdefault(numbers[flow.subject], []).append(number)
        self._universe = universe_for(list(self._identities.values()), self._target)
        self._positions = {
            PolicyPosition(located.path, located.document.index, located.policy.route): number
            for number, located in enumerate(policies)
            if located.built is None
        }
        self._running = running
        manifests = [*((located.policy.raw, located.policy.namespace) for located in policies), *running]
        self._now, self._then = (PoliciesByNamespace(self._compiled(manifests, setting)) for setting in settings)
        every = range(len(flows))
        self.today = self._verdicts(every, self._now.within)
        self.upgraded = self._verdicts(every, self._then.within)

    def knows(self, where: PolicyPosition) -> bool:
        """Whether a policy stands there and is applied to this cluster as it stands."""
        return where in self._positions

    def step(self, where: PolicyPosition, before: Policy, after: Policy) -> ReplayedStep:
        """What a step of a rewrite may change, on the target version.

        `before` and `after` are the policy there, which stands among the others as they are. Raises KeyError where
        no policy stands there.
        """
        position = self._positions[where]
        old, new = (
            self._compiled([(policy.raw, policy.namespace)], self._target).entries for policy in (before, after)
        )
        touched = sorted(self._touched(old, new))
        sides = []
        for entries in (old, new):
            mine = [(position, entry) for _, entry in entries]
            among = partial(self._then.within, exchanged=position, entries=mine)
            sides.append(map(decided, self._verdicts(touched, among)))
        selecting = match_entries(PolicySet(self._target, (*old, *new), ()), self._universe)
        seen = {n for loaded in selecting for n in self._flows_of(loaded.entry.direction, loaded.subjects)}
        return ReplayedStep(len(seen), tuple(zip(touched, *sides, strict=True)))

    def _flows_of(self, direction: str, subjects: int) -> Iterator[int]:
        """The flows judged in a direction for subjects given by their bits."""
        for subject, flows in self._of_subject[direction].items():
            if subjects >> subject & 1:
                yield from flows

    def afterwards(self, manifests: Sequence[Manifest]) -> list[DirectionVerdict]:
        """A verdict for each flow with these manifests in place of all policies of the files."""
        policies = PoliciesByNamespace(self._compiled([*manifests, *self._running], self._target))
        return self._verdicts(range(len(self.flows)), policies.within)

    def _compiled(self, manifests: Sequence[Manifest], settings: Settings) -> PolicySet:
        namespaces = [namespace for _, namespace in manifests]
        return compile_policies((raw for raw, _ in manifests), settings, self._facts, namespaces=namespaces)

    def _touched(self, old: Entries, new: Entries) -> set[int]:
        """The flows that meet an entry which only one side has; all of the subjects' where default deny may change."""
        first, second = ({replace(entry, route="") for _, entry in side} for side in (old, new))
        differing = first ^ second
        starts = {(e.direction, e.default_deny, e.subject) for e in first} ^ {
            (e.direction, e.default_deny, e.subject) for e in second
        }
        everyone = bool(starts) or any(entry.required for entry in differing)
        found: set[int] = set()
        for item in match_entries(
            PolicySet(self._target, tuple((0, entry) for entry in differing), ()), self._universe
        ):
            flows = self._flows_of(item.entry.direction, item.subjects)
            found |= {number for number in flows if everyone or item.peers & self._peers[number]}
        return found

    def _verdicts(self, numbers: Iterable[int], within: Callable[[str | None], PolicySet]) -> list[DirectionVerdict]:
        """A verdict for each of the flows, in order; `within` has the policies of a namespace."""
        by_namespace: dict[str | None, list[int]] = {}
        ordered = list(numbers)
        for number in ordered:
            by_namespace.setdefault(self.flows[number].subject.namespace, []).append(number)
        found: dict[int, DirectionVerdict] = {}
        for namespace, members in by_namespace.items():
            ends = dict.fromkeys(end for n in members for end in (self.flows[n].source, self.flows[n].destination))
            identities = [self._identities[end] for end in ends]
            engine = Engine(within(namespace), identities)
            for number in members:
                found[number] = self._verdict(engine, self.flows[number])
        return [found[number] for number in ordered]

    def _verdict(self, engine: Engine, flow: ObservedFlow) -> DirectionVerdict:
        source, destination = self._identities[flow.source].name, self._identities[flow.destination].name
        verdict = engine.verdict(source, destination, flow.protocol, flow.port)
        return verdict.ingress if flow.direction == INGRESS else verdict.egress


def decided(verdict: DirectionVerdict) -> bool | None:
    """Allowed or denied; None where DNS names, unknown groups or Services may turn a denial."""
    return None if not verdict.allowed and verdict.depends_on else verdict.allowed


def _identity(name: str, end: ObservedEndpoint, workloads: Sequence[Workload]) -> Identity:
    labels = {label.key: label.value for label in map(parse_label, end.labels)}
    ports = {
        NamedPort(port.name, port.number, port.protocol)
        for workload in workloads
        if workload.labels.items() <= labels.items() and workload.cluster in (None, end.cluster)
        for port in workload.ports
        if port.name
    }
    addresses = parsed_prefixes([end.address] if end.address else [])
    outside = any(label.startswith(("reserved:world", "cidr:")) for label in end.labels)
    return Identity(
        name,
        frozenset(map(parse_label, end.labels)),
        prefix=addresses[0] if outside and addresses else None,
        named_ports=tuple(sorted(ports)),
        addresses=() if outside else addresses,
        dns_names=end.names,
    )
