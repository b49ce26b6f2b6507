"""What a fix does to traffic, and the proofs that it is accepted and does no more than its finding declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from functools import partial

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.identity import Identity
from rewriter.cilium.policy import Policy
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.settings import NO_FACTS, Facts, Settings
from rewriter.cilium.validation import Rejection
from rewriter.engine.effects.asked import asks_for_facts, denies, names_ports, requires
from rewriter.engine.effects.beside import Among, Ends
from rewriter.engine.effects.claims import compile_claims
from rewriter.engine.effects.everybody import allow_everything, deny_everything
from rewriter.engine.effects.facts import facts_for
from rewriter.engine.effects.inside import addresses_inside
from rewriter.engine.effects.known_pods import KnownPods
from rewriter.engine.effects.other_ends import name_of, of_same_pods, policies_at_peers
from rewriter.engine.effects.selected_workloads import KnownSelections, selected_workloads
from rewriter.engine.effects.statements import flows_of, stated, texts_of
from rewriter.engine.effects.worlds import rejection_of, world_beside, world_of
from rewriter.engine.results.result import AmongOthers
from rewriter.evidence.policies import unread_policies
from rewriter.finding import Finding, Flows
from rewriter.inventory.questions.inventory import Inventory
from rewriter.passes.kit.enforced.enforcement import denied_by_others, without_default_deny
from rewriter.reach.compare import StepEffect, reach, step_effect
from rewriter.reach.difference import Difference
from rewriter.reach.forms import Comparison
from rewriter.reach.simple import reach_among
from rewriter.reach.space import same_content
from rewriter.reach.world import CompiledClaims, PolicyWorld
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """The flows that a step of a rewrite changes, those of them that no finding declares, and those beside others."""

    flows: Flows
    undeclared: Flows
    among_others: AmongOthers | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """Judges steps of one file's policies, from `source` (today) to `target`.

    `inside` are the addresses of the mesh's pods, nodes and Services as far as they are known, `clusters` its clusters
    where they count as all there are: not for steps, since a fix must hold in a mesh that grows. With `known` pods
    `upgrade_among_others` says of which flows none of these is an end.

    Each policy is judged alone, and beside others where these show more: what others add to a flow is nothing, an allow
    rule, a default deny, or a deny rule, beside which nothing changes. One that denies is judged also beside policies
    that allow everything, where its deny rules are what counts; one that does not deny by default, or that a step
    revives or keeps alive while one of the `others` denies its pods, also beside policies that deny everything, where
    its allow rules are; one with fromRequires or toRequires also beside those of the `others` that these narrow.

    It is judged against every identity that the selectors of either version, or of the declaration, distinguish: any
    that the inventory may hold is treated as one of them is. Workloads of the inventory are taken in where
    that is not so: where ports have names, or the labels have too many combinations to try.
    """

    source: Settings
    target: Settings
    inventory: Inventory
    inside: tuple[Prefix, ...] = ()
    clusters: tuple[str, ...] = ()
    others: Callable[[], Sequence[Policy]] = tuple
    known: KnownPods | None = None
    _worlds: dict[tuple[int, Settings], tuple[Policy, PolicyWorld]] = field(default_factory=dict, compare=False)
    _rests: dict[tuple[tuple[int, ...], Settings], tuple[Sequence[Policy], PolicyWorld]] = field(
        default_factory=dict, compare=False
    )
    _selected: KnownSelections = field(default_factory=KnownSelections, compare=False)

    def rejected(self, policy: Policy) -> Rejection | None:
        """Why the target version rejects a policy; None where it accepts it."""
        return rejection_of(policy, self.target)

    def rejected_today(self, policy: Policy) -> Rejection | None:
        """Why the source version rejects a policy."""
        return rejection_of(policy, self.source)

    def compile_claims(self, finding: Finding, policy: Policy) -> CompiledClaims | None:
        """What a finding of a policy declares; None where that is nothing."""
        return compile_claims(finding, policy, self.source, self.target, self.facts_of((policy,)))

    def judge_step(
        self, before: Policy, after: Policy, declared: CompiledClaims | None, *, narrow: bool = True, full: bool = True
    ) -> Step:
        """The flows that a step of a rewrite changes (see `step_effect`), one statement each.

        Where not every combination of labels can be tried (the flows are then not exact), witnesses are made of the
        rules that the step touches, or without `narrow` of all that the upgrade changes as well. Not `full` is
        what becomes of it beside others.
        """
        worlds = self._worlds_of_step(before, after)
        inside = self._inside(before, after)

        def effect(identities: Sequence[Identity], beside: Sequence[PolicySet] = ()) -> StepEffect:
            chosen = [PolicyWorld((*world.sets, *beside)) for world in worlds] if beside else worlds
            return step_effect(*chosen, identities=identities, inside=inside, declared=declared, narrow=narrow)

        identities, alone = self._with_workloads((before, after), effect)
        found = [alone]
        allowed = None
        if denies(before) or denies(after):
            found.append(allowed := effect(identities, [allow_everything(self.target)]))
        narrows = requires(before) or requires(after)
        others = self._of_same_pods(before, after) if full or narrows else []
        among = self._worlds_among(worlds, others, (before, after))
        together = self._effect_among(before, after, among, others, identities, declared, narrow) if others else None
        changed = full and any(effect.own for effect in found)
        ends = self._ends((before, after), worlds, (None, None), self.source) if changed else None
        if together is not None and narrows:
            found.append(together)
        if denied := self._denied_beside(before, after, worlds):
            found.append(effect(identities, [deny_everything(self.target, denied)]))
        own, upgrade, undeclared = (Flows(*flows_of_one) for flows_of_one in stated(found, allowed))
        exact = all(effect.exact for effect in found)
        if not full:
            return Step(replace(own, exact=exact), undeclared)
        flows = self._with_kept(replace(own, exact=exact), upgrade, worlds, identities, inside)
        if ends is not None:
            if not identities and any(map(names_ports, (*others, *ends.policies))):
                identities = self._workloads((before, after, *others, *ends.policies))
            both = self._effect_among(before, after, among, others, identities, declared, narrow, ends.worlds)
            together = both if both.exact else together
        if together is None or not together.exact:
            return Step(flows, undeclared)
        own, upgrade = Flows(*texts_of(together.own)), Flows(*texts_of(together.upgrade))
        beside = self._with_kept(own, upgrade, among, identities, inside)
        named_policies = (*others, *(ends.policies if ends else ()))
        return Step(flows, undeclared, AmongOthers(beside, frozenset(map(name_of, named_policies))))

    def _worlds_of_step(self, before: Policy, after: Policy) -> list[PolicyWorld]:
        """Of a step: today, fixed on the target version, not fixed there, and fixed before the upgrade."""
        facts, source, target = self.facts_of((before, after)), self.source, self.target
        pairs = (before, source), (after, target), (before, target), (after, source)
        return [self._world(policy, settings, facts) for policy, settings in pairs]

    def _with_workloads(
        self, policies: tuple[Policy, Policy], effect: Callable[[Sequence[Identity]], StepEffect]
    ) -> tuple[Sequence[Identity], StepEffect]:
        """What a step does, and the workloads of the inventory that it takes to say so."""
        if any(map(names_ports, policies)):
            identities = self._workloads(policies)
            return identities, effect(identities)
        found = effect(())
        if not found.exact and (identities := self._workloads(policies)):
            return identities, effect(identities)
        return (), found

    def _with_kept(
        self,
        own: Flows,
        upgrade: Flows,
        worlds: Sequence[PolicyWorld],
        identities: Sequence[Identity],
        inside: tuple[Prefix, ...],
    ) -> Flows:
        """The flows with those that the upgrade alone closes, and opens, and that a step leaves as they are today."""
        closed, opened = upgrade.closed, upgrade.opened
        if (closed and own.closed) or (opened and own.opened):
            today, fixed, unfixed, _ = worlds
            opened, closed = texts_of(reach(today, unfixed, identities, beside=fixed, inside=inside))
        return replace(own, upgrade=upgrade, kept=closed, kept_closed=opened)

    def upgrade(self, old: Policy, new: Policy) -> Flows:
        """Flows that differ between the old policy today and the new one on the target version."""
        return self._upgrade_alone(old, new, None, None)

    def _upgrade_alone(self, old: Policy, new: Policy, ends: Ends | None, known: KnownPods | None) -> Flows:
        facts = self.facts_of((old, new))
        own = self._world(old, self.source, facts), self._world(new, self.target, facts)

        def difference(identities: Sequence[Identity], beside: Sequence[PolicySet] = ()) -> Difference:
            before, after = (PolicyWorld((*world.sets, *beside)) if beside else world for world in own)
            inside, far = self._inside(old, new), ends and ends.worlds
            return reach(before, after, identities, inside=inside, clusters=self.clusters, ends=far)

        policies = (old, new, *(ends.policies if ends else ()))
        named = known is None and any(map(names_ports, policies))
        identities: Sequence[Identity] = self._workloads(policies) if named else ()
        if known is not None:
            identities = known.told_apart(own, (*own, *(ends.worlds if ends else ())))
        found = difference(identities)
        if known is None and not named and not found.exact and (identities := self._workloads(policies)):
            found = difference(identities)
        denied = denies(old) or denies(new)
        beside = difference(identities, [allow_everything(self.target)]) if denied else None
        return flows_of([found], beside, known=known is not None)

    def _inside(self, *policies: Policy) -> tuple[Prefix, ...]:
        """The addresses that are known not to lie outside the mesh."""
        return (*self.inside, *addresses_inside(self.inventory, self.source, policies))

    def upgrade_among_others(self, old: Policy, new: Policy, later: Sequence[Policy] | None = None) -> Flows:
        """As `upgrade`, without what the other policies of the same pods let through or deny anyway.

        The others change too: from how they are read today to the target version, where `later` are there instead of
        them. A flow that changes counts where it does not without this policy's change, or does with that alone, and
        where the policies of its other end let it through, as far as they are known.
        """
        if not (asks_for_facts(old) or asks_for_facts(new)):
            before, after = self._world(old, self.source, NO_FACTS), self._world(new, self.target, NO_FACTS)
            if same_content(before, after):
                return Flows()  # Then no flow differs beside any others, whatever becomes of these.
        among = self._among(old, new, later)
        found = self._upgrade_among(old, new, among)
        if not (found.opened or found.closed):
            return found
        facts = self.facts_of((old, new))
        own = [world_of([policy], settings, facts) for policy, settings in ((old, self.source), (new, self.target))]
        ends = self._ends((old, new), own, (None, later), self.target)
        if ends is None and self.known is None:
            return found
        return self._upgrade_among(old, new, among, ends, self.known)

    def _among(self, old: Policy, new: Policy, later: Sequence[Policy] | None) -> Among | None:
        """Two policies beside the others of the same pods, which are those `later` from then on; None without any."""
        before, after = self._of_same_pods(old, new), self._of_same_pods(old, new, among=later)
        if not (before or after):
            return None
        facts = self.facts_of((old, new, *before, *after))
        own = [world_of([policy], settings, facts) for policy, settings in ((old, self.source), (new, self.target))]
        rest = [self._rest(these, settings, facts) for these, settings in ((before, self.source), (after, self.target))]
        today, first, last, then = (PolicyWorld((*one.sets, *other.sets)) for other in rest for one in own)
        return Among((*before, *after), tuple(own), today, first, last, then)

    def _rest(self, policies: Sequence[Policy], settings: Settings, facts: Facts) -> PolicyWorld:
        """The world of other policies; remembered, since they are beside each step of a policy."""
        if facts is not NO_FACTS:
            return world_beside(policies, settings, facts)
        key = (tuple(map(id, policies)), settings)
        known = self._rests.get(key)
        if known is None:
            known = self._rests[key] = policies, world_beside(policies, settings, facts)
        return known[1]

    def _upgrade_among(
        self,
        old: Policy,
        new: Policy,
        among: Among | None,
        ends: Ends | None = None,
        known: KnownPods | None = None,
    ) -> Flows:
        if among is None:
            return self._upgrade_alone(old, new, ends, known)
        _, own, today, first, last, then = among
        others = (*among.others, *(ends.policies if ends else ()))
        named = any(map(names_ports, (old, new, *others)))
        inside = self._inside(old, new)
        far, back = (None, None) if ends is None else (ends.worlds, (ends.worlds[1], ends.worlds[0]))
        comparisons = Comparison(today, then, last, far), Comparison(then, today, first, back)

        def flows(identities: Sequence[Identity]) -> tuple[Difference, Difference]:
            needed, enough = reach_among(comparisons, identities, inside, self.clusters)
            return needed, replace(enough, opened=enough.closed, closed=enough.opened)

        if known is not None:
            worlds = (today, first, last, then, *(ends.worlds if ends else ()))
            return flows_of(flows(known.told_apart(own, worlds)), known=True)
        found = flows(self._workloads((old, new, *others)) if named else ())
        if not named and not all(difference.exact for difference in found):
            workloads = self._workloads((old, new, *others))
            found = flows(workloads) if workloads else found
        return flows_of(found)

    def _ends(
        self,
        own: tuple[Policy, Policy],
        worlds: Sequence[PolicyWorld],
        among: tuple[Sequence[Policy] | None, Sequence[Policy] | None],
        later: Settings,
    ) -> Ends | None:
        """The policies of the pods that a policy names as peers, today and `later`.

        None where there are none, or nothing is known of them: what cannot be read may allow what these refuse.
        """
        tiers = self.source.cluster_network_policies or later.cluster_network_policies
        unread = {unread.namespace for unread in unread_policies(self.inventory, tiers=tiers)}
        names = set(map(name_of, own))
        made: list[PolicyWorld] = []
        policies: list[Policy] = []
        shut = False  # Where every pod is in default deny, those refuse that no policy selects.
        for those, settings in zip(among, (self.source, later), strict=True):
            others, under = self.others() if those is None else those, partial(self._world_under, settings)
            found = policies_at_peers(worlds, others, settings, under, names, unread)
            shut = shut or (settings.denies_everybody and found is not None)
            if found is None:
                return None
            made.append(world_of(found, settings, self.facts_of((*own, *found))))
            policies += found
        return Ends(policies, (made[0], made[1])) if policies or shut else None

    def _world_under(self, settings: Settings, policy: Policy) -> PolicyWorld:
        return self._world(policy, settings, self.facts_of((policy,)))

    def allowed_by(self, before: Policy, after: Policy) -> Policy | None:
        """Another policy of the same pods that allows all that a step opens, on both releases; None for none.

        The clusters that are known count as all there are.
        """
        clusters = {self.target.local_cluster, *(cluster.name for cluster in self.inventory.clusters)}
        inside = self._inside(before, after)
        for other in self._of_same_pods(after):
            facts = self.facts_of((before, after, other))
            identities = self._workloads((before, after, other)) if any(map(names_ports, (before, after))) else ()
            found = [
                reach(
                    world_of((before, other), settings, facts),
                    world_of((after, other), settings, facts),
                    identities,
                    inside=inside,
                    clusters=sorted(clusters),
                )
                for settings in (self.source, self.target)
            ]
            if not any(difference.opened for difference in found):
                return other
        return None

    def _of_same_pods(self, *policies: Policy, among: Sequence[Policy] | None = None) -> list[Policy]:
        """The other policies of the cluster that may apply to pods to which one of these does."""
        own = {(policy.kind, policy.namespace, policy.name) for policy in policies}
        return [
            other
            for other in of_same_pods(policies, self.others() if among is None else among)
            if (other.kind, other.namespace, other.name) not in own
        ]

    def _worlds_among(
        self, worlds: Sequence[PolicyWorld], others: Sequence[Policy], policies: Sequence[Policy]
    ) -> list[PolicyWorld]:
        """The worlds of a step beside other policies, which are read as today: the upgrade of these is none of it."""
        beside = world_beside(others, self.source, self.facts_of((*policies, *others))).sets
        return [PolicyWorld((*world.sets, *beside)) for world in worlds]

    def _effect_among(
        self,
        before: Policy,
        after: Policy,
        worlds: Sequence[PolicyWorld],
        others: Sequence[Policy],
        identities: Sequence[Identity],
        declared: CompiledClaims | None,
        narrow: bool,
        ends: tuple[PolicyWorld, PolicyWorld] | None = None,
    ) -> StepEffect:
        """The effect of a step beside the other policies of the same pods, and those of its peers at the `ends`."""
        inside = self._inside(before, after)
        judge = partial(step_effect, *worlds, inside=inside, declared=declared, ends=ends, narrow=narrow)
        found = judge(identities=identities)
        if identities or found.exact:
            return found
        workloads = self._workloads((before, after, *others))
        return judge(identities=workloads) if workloads else found

    def _denied_beside(self, before: Policy, after: Policy, worlds: Sequence[PolicyWorld]) -> tuple[str, ...]:
        """The directions in which only the default deny of other policies shows what a step opens."""
        today, fixed, unfixed, early = (any(world.rejections) for world in worlds)
        denied: set[str] = set()
        if (today and not (fixed and early)) or (unfixed and not fixed):
            denied.update(denied_by_others(after, self.others(), self.source.version, self.target.version))
        if not today:
            denied.update(without_default_deny(before), without_default_deny(after))
        return tuple(sorted(denied))

    def _world(self, policy: Policy, settings: Settings, facts: Facts) -> PolicyWorld:
        """A policy alone; remembered, since what one step makes is what the next begins with."""
        key = (id(policy.raw), settings)
        known = self._worlds.get(key)
        if known is not None and facts is NO_FACTS:
            return known[1]
        made = world_of([policy], settings, facts)
        if facts is NO_FACTS:
            self._worlds[key] = policy, made
        return made

    def facts_of(self, policies: Iterable[Policy]) -> Facts:
        """The Services, CIDR groups and port names that policies point at."""
        return facts_for(policies, self.inventory, self.target.local_cluster)

    def _workloads(self, policies: Iterable[Policy]) -> list[Identity]:
        """The workloads that a selector of the policies may select by its labels, one for each set of labels."""
        return selected_workloads(policies, self.inventory, self.target.local_cluster, self._selected)
