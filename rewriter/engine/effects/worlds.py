"""Policies as a cluster's agents load them, from the views that the fixer already has of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import cache
from itertools import repeat

from rewriter.cilium.compile import Entry, compile_policy
from rewriter.cilium.policy import Policy, read_policy
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.settings import NO_FACTS, Facts, Settings
from rewriter.cilium.stretches import stretches_of
from rewriter.cilium.tiers import is_cluster_network_policy, tier_rules, tiers_rejection
from rewriter.cilium.validation import Rejection, rejection
from rewriter.passes.kit.enforced.enforcement import filled_in, rejected
from rewriter.reach.world import PolicyWorld

_Part = tuple[Rejection | None, tuple[Entry, ...]]
#: Fewer policies than this are not looked through for those that do the same.
_FEW = 4
#: One object for equal settings, by which answers are found at once.
_SAME: dict[Settings, Settings] = {}


def world_of(policies: Iterable[Policy], settings: Settings, facts: Facts) -> PolicyWorld:
    """The world of these policies; something that fits stands for each placeholder in them.

    As `policy_world` of their manifests, but no manifest is read or judged twice.
    """
    settings = _SAME.setdefault(settings, settings)
    key = _key(settings)
    entries: list[tuple[int, Entry]] = []
    rejections: list[Rejection | None] = []
    tiers: list[tuple[int, Entry]] = []
    for index, policy in enumerate(policies):
        part: _Part | None = policy.answers.get(key) if facts is NO_FACTS else None
        if part is None:
            if is_cluster_network_policy(policy.raw):
                tiers += ((index, rule) for rule in tier_rules(policy.raw, settings))
                rejections.append(tiers_rejection(policy.raw, settings))
                continue
            part = _part(policy, settings, facts)
            if facts is NO_FACTS:
                policy.answers[key] = part
        why, own = part
        rejections.append(why)
        for stretch in stretches_of(own):
            if index not in stretch.answers:
                stretch.answers[index] = list(zip(repeat(index), stretch))
            entries += stretch.answers[index]
    return PolicyWorld((PolicySet(settings, tuple(entries), tuple(rejections), facts.named_ports, tuple(tiers)),))


def world_beside(policies: Sequence[Policy], settings: Settings, facts: Facts) -> PolicyWorld:
    """As `world_of`, of policies that count for what they do: of those that do the same only the first is in it.

    A namespace may have hundreds of policies for the same pods, most of them alike.
    """
    if facts is not NO_FACTS or len(policies) < _FEW:
        return world_of(policies, settings, facts)
    settings = _SAME.setdefault(settings, settings)
    key = _key_of_form(settings)
    distinct: dict[Hashable, Policy] = {}
    for policy in policies:
        distinct.setdefault(policy.answers.get(key) or _form(policy, settings), policy)
    return world_of(distinct.values(), settings, facts)


def _form(policy: Policy, settings: Settings) -> Hashable:
    """What a policy does: the same for all that do the same, wherever they stand in their manifests."""
    if is_cluster_network_policy(policy.raw):
        return id(policy)  # Its place among the others counts too.
    key = _key(settings)
    part: _Part | None = policy.answers.get(key)
    if part is None:
        part = policy.answers[key] = _part(policy, settings, NO_FACTS)
    why, entries = part
    form = policy.answers[_key_of_form(settings)] = (why is None, *(entry.content for entry in entries))
    return form


@cache
def _key(settings: Settings) -> tuple[object, ...]:
    """The question by which a policy's part is remembered: one object for all policies.

    It is looked up for each policy beside each other one, so that the settings must not be hashed each time.
    """
    return ("part", _Question(settings))


@cache
def _key_of_form(settings: Settings) -> tuple[object, ...]:
    return ("form", _Question(settings))


class _Question:
    """What is remembered under settings, compared by identity."""

    __slots__ = ("settings",)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings


def rejection_of(policy: Policy, settings: Settings) -> Rejection | None:
    """Why a release rejects a policy; None where it accepts it."""
    if is_cluster_network_policy(policy.raw):
        return tiers_rejection(policy.raw, settings)
    return rejected(policy, settings.version, settings.flags)


def _part(policy: Policy, settings: Settings, facts: Facts) -> _Part:
    """Why a policy is rejected, and its entries where it is not."""
    filled = filled_in(policy)
    if filled is policy.raw:
        why = rejected(policy, settings.version, settings.flags)
    else:
        why = rejection(filled, settings.version, flags=settings.flags)
        policy = read_policy(filled, namespace=policy.namespace)
    return why, () if why is not None else compile_policy(policy, settings, facts)
