"""Policies as a cluster's agents load them, from the views that the fixer already has of them."""

from __future__ import annotations

from collections.abc import Iterable

from rewriter.cilium.compile import Entry, compile_policy
from rewriter.cilium.policy import Policy, read_policy
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.settings import Facts, Settings
from rewriter.cilium.tiers import is_cluster_network_policy, tier_rules, tiers_rejection
from rewriter.cilium.validation import Rejection, rejection
from rewriter.passes.kit.enforcement import filled_in, rejected
from rewriter.reach.world import PolicyWorld


def world_of(policies: Iterable[Policy], settings: Settings, facts: Facts) -> PolicyWorld:
    """The world of these policies; something that fits stands for each placeholder in them.

    As `policy_world` of their manifests, but no manifest is read or judged twice.
    """
    entries: list[tuple[int, Entry]] = []
    rejections: list[Rejection | None] = []
    tiers: list[tuple[int, Entry]] = []
    for index, policy in enumerate(policies):
        if is_cluster_network_policy(policy.raw):
            tiers += ((index, rule) for rule in tier_rules(policy.raw, settings))
            rejections.append(tiers_rejection(policy.raw, settings))
            continue
        filled = filled_in(policy)
        if filled is policy.raw:
            why = rejected(policy, settings.version, settings.flags)
        else:
            why = rejection(filled, settings.version, flags=settings.flags)
            policy = read_policy(filled, namespace=policy.namespace)
        rejections.append(why)
        if why is None:
            entries += ((index, entry) for entry in compile_policy(policy, settings, facts))
    return PolicyWorld((PolicySet(settings, tuple(entries), tuple(rejections), facts.named_ports, tuple(tiers)),))
