"""The part of an agent's settings on which the meaning of rules depends: what is known of rules is found by it."""

from __future__ import annotations

from rewriter.cilium.settings import Settings
from rewriter.cilium.version import SUPPORTED

#: One object for the settings that read rules alike.
_READINGS: dict[tuple[Settings, bool], Settings] = {}
_SAME: dict[Settings, Settings] = {}


def rule_settings(settings: Settings, *, alike: bool = False) -> Settings:
    """The settings with the default for all that does not bear on what a rule of a policy means.

    Whether there is one cluster does where the agents add the local cluster to selectors, and nowhere else. The release
    does not for a policy that all of them read `alike`: it is read as by the newest; nor whether they add the local
    cluster to its selectors where there is no other.
    """
    found = _READINGS.get((settings, alike))
    if found is None:
        made = _of_any_release(settings) if alike else _of_one_release(settings)
        found = _READINGS[settings, alike] = _SAME.setdefault(made, made)
    return found


def _of_any_release(settings: Settings) -> Settings:
    return Settings(
        SUPPORTED[-1],
        local_cluster=settings.local_cluster,
        default_local_cluster=settings.adds_local_cluster and not settings.single_cluster,
        pod_labels=settings.pod_labels,
        node_labels=settings.node_labels,
    )


def _of_one_release(settings: Settings) -> Settings:
    adds = settings.adds_local_cluster
    return Settings(
        settings.version,
        local_cluster=settings.local_cluster,
        default_local_cluster=adds,
        mutual_authentication=settings.authenticates,
        single_cluster=settings.single_cluster and adds,
        pod_labels=settings.pod_labels,
        node_labels=settings.node_labels,
        first_patch=settings.first_patch,
        patch=settings.patch,
    )


def mean_alike(one: Settings, other: Settings) -> bool:
    """Whether a policy that all releases read alike (`reads_alike`), and both accept, lets the same flows through."""
    return (
        rule_settings(one, alike=True) is rule_settings(other, alike=True)
        and one.cidr_match_nodes == other.cidr_match_nodes
        and one.matches_pods_by_address == other.matches_pods_by_address
    )
