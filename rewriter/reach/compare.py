"""Which flows differ between two worlds, and how to say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.policy import INGRESS
from rewriter.cilium.policy_set import LoadedEntry, Subjects, match_entries, match_tiers, narrow_required
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import reserved_term
from rewriter.cilium.universe import Universe, positions
from rewriter.reach.classes import DENIES_BY_DEFAULT, BySubjects, RuleBitsByWorld, classes_of, with_shared
from rewriter.reach.describe import Describer
from rewriter.reach.difference import (
    CLOSED,
    DIRECTIONS,
    NO_DIFFERENCE,
    OPENED,
    Difference,
    Enforcement,
    FlowStatement,
    join_phrases,
)
from rewriter.reach.other_end import OtherEnd
from rewriter.reach.port_line import PortSet
from rewriter.reach.port_names import with_numbers
from rewriter.reach.shared import PAIRS, Common, Shared, runs_in, shared_rules, without
from rewriter.reach.side import (
    OWN,
    UNDECLARED,
    UPGRADE,
    Change,
    RuleBits,
    SubjectDefaults,
    changes,
    denies_by_default,
)
from rewriter.reach.space import Space, build_space, pod_bits, same_content, subject_bits
from rewriter.reach.world import CompiledClaims, PolicyWorld
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class StepEffect:
    """What a step of a rewrite does, what of that is not declared, and what the upgrade does without the step."""

    own: Difference = NO_DIFFERENCE
    upgrade: Difference = NO_DIFFERENCE
    undeclared: Difference = NO_DIFFERENCE

    @property
    def exact(self) -> bool:
        """Whether every combination of labels was tried."""
        return self.own.exact and self.upgrade.exact


def reach(
    before: PolicyWorld,
    after: PolicyWorld,
    identities: Sequence[Identity] = (),
    beside: PolicyWorld | None = None,
    inside: Sequence[Prefix] = (),
    clusters: Sequence[str] = (),
    ends: tuple[PolicyWorld, PolicyWorld] | None = None,
) -> Difference:
    """The flows that `after` opens and closes, over the identities and witnesses of every selection in any world.

    With a world `beside`, only the flows count on which `before` and `beside` agree and `after` differs.
    `inside` are addresses of pods, nodes and Services, which are never outside the mesh whatever a CIDR says.
    `clusters` are all that there are, beside those that policies name; with none, there may be others.

    Directions are compared one by one: a flow that ingress opens may still be closed on egress. With `ends`, policies
    of the peers before and after, what these, or the worlds themselves, refuse in the other direction is left out:
    flows open where both ends let them through, and close where both did. The answer is complete over the identities
    given, deterministic, and does not depend on the order of policies or rules.
    """
    if same_content(before, after) or (beside is not None and same_content(beside, after)):
        return NO_DIFFERENCE
    worlds = (before, after) if beside is None else (before, after, beside)
    return _Comparison(worlds, identities, inside, clusters, ends=ends).result().own


def step_effect(
    today: PolicyWorld,
    fixed: PolicyWorld,
    unfixed: PolicyWorld,
    early: PolicyWorld,
    *,
    identities: Sequence[Identity] = (),
    inside: Sequence[Prefix] = (),
    declared: CompiledClaims | None = None,
    ends: tuple[PolicyWorld, PolicyWorld] | None = None,
    narrow: bool = False,
) -> StepEffect:
    """The flows that a step changes: at once where it is written early, and after the upgrade beside what that does.

    `today` and `early` are without and with the step under the source settings, `unfixed` and `fixed` under the target
    settings. A step to a policy that the source version rejects can only be taken together with the upgrade: it has no
    early effect. A flow that the upgrade alone changes is none of the step's, nor one that it brings back to what it is
    today, nor one that its peers refuse (`ends`, as `reach` has it). `upgrade` lists only flows that the step restores
    or changes in the same way. Where nothing is `declared`, no flow of the step is. With `narrow`, witnesses are of the
    rules that the step touches where not every combination of labels can be tried.
    """
    if any(early.rejections):
        early = today
    if same_content(fixed, unfixed) and same_content(early, today):
        return StepEffect()
    worlds = (today, fixed, unfixed, early)
    return _Comparison(worlds, identities, inside, declared=declared, ends=ends, narrow=narrow).result()


class _Flow(NamedTuple):
    part: str
    change: str
    direction: str
    peers: int
    ports: PortSet
    limits: str


class _PortNames(NamedTuple):
    """How names of ports are read; subjects that read them alike are taken together."""

    known: tuple[NamedPort, ...]
    complete: bool


class _Comparison:
    """Two worlds, three with one beside, or the four of a step with what it declares, loaded over one space."""

    def __init__(
        self,
        worlds: tuple[PolicyWorld, ...],
        identities: Sequence[Identity],
        inside: Sequence[Prefix],
        clusters: Sequence[str] = (),
        declared: CompiledClaims | None = None,
        ends: tuple[PolicyWorld, PolicyWorld] | None = None,
        *,
        narrow: bool = False,
    ) -> None:
        claimed = (
            ()
            if declared is None
            else tuple(PolicyWorld((policies,)) for policies in (declared.opens, declared.closes))
        )
        named = (*claimed, *(ends or ()))
        if ends is not None and not clusters and _is_alone_and_shut(worlds[1]):
            clusters = (worlds[1].local_cluster,)  # Pods of other clusters, which nothing refuses, are not there.
        self.space: Space = build_space(worlds, identities, inside, clusters, named, narrow=narrow)
        self.universe = self.space.universe()
        self._by_address: dict[tuple[bool, bool], Universe] = {(False, False): self.universe}
        self._pods = pod_bits(self.universe)
        self._named_ports = frozenset(
            p for w in (*worlds, *claimed, *(ends or ())) for policies in w.sets for p in policies.named_ports
        )
        always = any(policies.settings.denies_everybody for policies in worlds[1].sets)
        self._compared = len(worlds)
        # What both worlds of a pair share is matched once, and looked at only where something else differs. The other
        # end of a flow is judged by all rules.
        shared = shared_rules(worlds) if ends is None else []
        left_out = {position: other.common for other in shared for position in other.worlds}
        self._worlds = (
            *(self._load(world, left_out.get(position)) for position, world in enumerate(worlds)),
            *(self._load(world) for world in claimed),
        )
        self._subjects = subject_bits(self.space, self.universe)
        self._shared = [(other.worlds, self._by_subjects(other)) for other in shared]
        self._host = self.universe.select(reserved_term("host"))
        self._denied = self.universe.select(reserved_term("init")) | (self._pods if always else 0)
        self._known: dict[tuple[RuleBitsByWorld, SubjectDefaults], tuple[Change, ...]] = {}
        self._end = None if ends is None else self._other_end(*ends)

    def result(self) -> StepEffect:
        """What differs; without a step, all of it is `own`."""
        flows: dict[_Flow, int] = {}
        enforcement: dict[tuple[str, bool], int] = {}
        for direction in DIRECTIONS:
            for subjects, rules, defaults in self._classes(direction):
                for change in self._changes(rules, defaults):
                    flow = _Flow(change.part, change.change, direction, change.peers, change.ports, change.limits)
                    flows[flow] = flows.get(flow, 0) | subjects
                first, now, *rest = map(denies_by_default, rules[: self._compared])
                if self._compared < 4 and first != now and rest != [now] and not defaults.always_denied:
                    place = (direction, now)
                    enforcement[place] = enforcement.get(place, 0) | subjects
        if self._end is not None:
            flows = self._let_through_by_peers(flows, self._end)
        if not flows and not enforcement:
            nothing = Difference(exact=self.space.exact)
            return StepEffect(nothing, nothing, nothing)
        describer = Describer(self.space, self.universe, self._subjects)
        own, upgrade, undeclared = (
            _by_change(
                sorted(self._statement(flow, mask, describer) for flow, mask in flows.items() if flow.part == part)
            )
            for part in (OWN, UPGRADE, UNDECLARED)
        )
        if len(self._worlds) == self._compared:
            undeclared = own
        begun, ended = (
            tuple(
                Enforcement(direction, join_phrases(describer.subjects(mask)), describer.workloads(mask))
                for (direction, begins), mask in sorted(enforcement.items())
                if begins is wanted
            )
            for wanted in (True, False)
        )
        return StepEffect(
            Difference(*own, begun, ended, self.space.exact),
            Difference(*upgrade, exact=self.space.exact),
            Difference(*undeclared, exact=self.space.exact),
        )

    def _classes(self, direction: str) -> Iterator[tuple[int, RuleBitsByWorld, SubjectDefaults]]:
        """The subjects that rules of the direction select and to whom not the same rules apply in every world."""
        groups: dict[int, tuple[set[RuleBits], ...]] = {}
        names_used = False
        touched = 0
        for position, loaded in enumerate(self._worlds):
            for item in loaded:
                entry, subjects = item.entry, item.subjects & self._subjects
                if entry.direction == direction and subjects:
                    rule = RuleBits(entry.deny, entry.default_deny, item.peers, entry.ports, entry.tier)
                    groups.setdefault(subjects, tuple(set() for _ in self._worlds))[position].add(rule)
                    names_used = names_used or entry.named
                    touched |= item.peers if position < self._compared else 0
        differing = 0
        for subjects, (first, *others) in groups.items():
            if any(side != first for side in others[: self._compared - 1]):
                differing |= subjects
        if not differing:
            return
        shared = [(worlds, by_direction.get(direction, {})) for worlds, by_direction in self._shared]
        classes = classes_of(with_shared(groups, shared, differing, touched), differing, self._compared)
        if any(self._begins_or_ends(rules) for _, rules in classes):
            # Where a default deny begins or ends, all peers count.
            every = with_shared(groups, shared, differing, self.universe.all)
            classes = classes_of(every, differing, self._compared)
        for subjects, rules in classes:
            for part, names in self._by_port_names(subjects, direction, names_used=names_used).items():
                for some, always in ((part & self._denied, True), (part & ~self._denied, False)):
                    if some:
                        yield some, rules, self._defaults(direction, names, always)

    def _by_subjects(self, shared: Shared) -> dict[str, BySubjects]:
        """Shared rules by direction and subjects; of those without peers here only that they deny by default.

        None of them narrows others. Of a policy with hundreds of rules nearly all have no peers here, in every
        comparison: these are seen by a look at their labels.
        """
        found: dict[str, BySubjects] = {}
        if not shared.settings.enforces:
            return found
        universe = self._universe_for(shared.settings)
        subjects_of, select_any, labels = Subjects(shared.settings, universe).of, universe.select_any, universe.labels
        for run in (run for stretch in shared.rules for run in runs_in(stretch, shared.common)):
            first = run.entries[0]
            subjects = subjects_of(first) & self._subjects
            if not subjects:
                continue
            rules = found.setdefault(first.direction, {}).setdefault(subjects, [])
            unknown = run.asked is not None and run.asked.isdisjoint(labels)
            denies = unknown and run.default_deny
            for entry in () if unknown else run.entries:
                asked = entry.asked
                peers = 0 if asked is not None and asked.isdisjoint(labels) else select_any(entry.peers)
                if peers:
                    rules.append(RuleBits(entry.deny, entry.default_deny, peers, entry.ports))
                denies = denies or (not peers and entry.default_deny)
            if denies and (not rules or rules[0] is not DENIES_BY_DEFAULT):
                rules.insert(0, DENIES_BY_DEFAULT)
        return found

    def _begins_or_ends(self, rules: RuleBitsByWorld) -> bool:
        """Whether a pair of worlds differs in that the subjects are denied by default."""
        return any(len({denies_by_default(rules[which]) for which in pair}) > 1 for pair in PAIRS[self._compared])

    def _by_port_names(self, subjects: int, direction: str, *, names_used: bool) -> dict[int, _PortNames]:
        """The subjects by how names of ports are read for them."""
        if not names_used:
            return {subjects: _PortNames((), False)}
        found: dict[_PortNames, int] = {}
        for position in positions(subjects):
            names = self._port_names(position, direction)
            found[names] = found.get(names, 0) | 1 << position
        return {part: names for names, part in found.items()}

    def _let_through_by_peers(self, flows: Mapping[_Flow, int], end: OtherEnd) -> dict[_Flow, int]:
        """What of the flows the policies of their peers let through in the other direction."""
        kept: dict[_Flow, int] = {}
        for flow, subjects in flows.items():
            for some, peers, ports in end.passing(flow.change, flow.direction, subjects, flow.peers, flow.ports):
                left = flow._replace(peers=peers, ports=ports)
                kept[left] = kept.get(left, 0) | some
        return kept

    def _other_end(self, before: PolicyWorld, after: PolicyWorld) -> OtherEnd:
        known = {port for _, identity in self.space.given_identities for port in identity.named_ports}
        return OtherEnd(
            before=[*self._worlds[0], *self._load(before)],
            after=[*self._worlds[1], *self._load(after)],
            local=self._subjects,
            everyone=self.universe.all,
            host=self._host,
            denied=self._denied,
            line=self.space.line,
            given=self.space.given_identities,
            known_ports=known | self._named_ports,
        )

    def _changes(self, rules: RuleBitsByWorld, defaults: SubjectDefaults) -> tuple[Change, ...]:
        found = self._known.get((rules, defaults))
        if found is None:
            compared, claimed = rules[: self._compared], rules[self._compared :]
            declared: dict[str, frozenset[RuleBits]] | None = None
            if claimed:
                declared = dict(zip((OPENED, CLOSED), claimed, strict=True))
            found = self._known[rules, defaults] = tuple(changes(compared, defaults, declared))
        return found

    def _load(self, world: PolicyWorld, left_out: Common | None = None) -> list[LoadedEntry]:
        loaded: list[LoadedEntry] = []
        for policies in world.sets:
            policies = policies if left_out is None else without(policies, left_out)
            if not policies.entries and not policies.tiers:
                continue
            universe = self._universe_for(policies.settings)
            found = [*match_entries(policies, universe), *match_tiers(policies, universe)]
            loaded += with_numbers(
                found, policies.settings.version, self._named_ports, self.space.given_identities, self._pods
            )
        return narrow_required(loaded, self.universe)

    def _universe_for(self, settings: Settings) -> Universe:
        nodes, pods = settings.cidr_match_nodes, settings.matches_pods_by_address
        if (nodes, pods) not in self._by_address:
            self._by_address[nodes, pods] = self.space.universe(cidr_match_nodes=nodes, cidr_match_pods=pods)
        return self._by_address[nodes, pods]

    def _port_names(self, position: int, direction: str) -> _PortNames:
        if direction == INGRESS and self.space.given >> position & 1:
            return _PortNames(self.space.identities[position - self.space.cell_count].named_ports, True)
        return _PortNames((), False)

    def _defaults(self, direction: str, names: _PortNames, always: bool) -> SubjectDefaults:
        return SubjectDefaults(
            everyone=self.universe.all,
            always_allowed=self._host if direction == INGRESS else 0,
            always_denied=always,
            line=self.space.line,
            named_ports=names.known,
            ports_complete=names.complete,
        )

    def _statement(self, flow: _Flow, subjects: int, describer: Describer) -> FlowStatement:
        return FlowStatement(
            change=flow.change,
            direction=flow.direction,
            subject=join_phrases(describer.subjects(subjects)),
            peers=describer.peers(flow.peers),
            ports=self.space.line.text(flow.ports),
            limits=flow.limits,
            subject_workloads=describer.workloads(subjects),
            peer_workloads=describer.workloads(flow.peers),
            port_ranges=self.space.line.ranges(flow.ports),
            subject_is_there=bool(subjects & self.space.always_there),
            peers_are_there=bool(flow.peers & self.space.always_there),
        )


def _is_alone_and_shut(world: PolicyWorld) -> bool:
    """Whether there is one cluster, of which every pod is in default deny."""
    settings = [policies.settings for policies in world.sets]
    return bool(settings) and all(setting.denies_everybody and setting.single_cluster for setting in settings)


def _by_change(statements: Sequence[FlowStatement]) -> tuple[tuple[FlowStatement, ...], tuple[FlowStatement, ...]]:
    opened, closed = (tuple(s for s in statements if s.change == change) for change in (OPENED, CLOSED))
    return opened, closed
