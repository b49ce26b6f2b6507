"""How releases read one rule of a policy by itself, with what they reject in it and fixes mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from rewriter.cilium.compile import Entry, compile_policy
from rewriter.cilium.policy import Policy, Spec, read_policy
from rewriter.cilium.settings import Facts, Settings
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import REQUIRES_REMOVED, SUPPORTED, Version
from rewriter.evidence.placeholders import has_placeholder, substituted
from rewriter.passes.bare_address import find as bare_address
from rewriter.passes.kit.changes.coverage import single_rule_manifest
from rewriter.passes.requires import find as requires

_REQUIREMENTS = frozenset({"fromRequires", "toRequires"})


def readings(
    policy: Policy, spec: Spec, direction: str, rule: Mapping[str, Any], settings: Sequence[Settings], facts: Facts
) -> list[Sequence[Entry]]:
    """One rule by itself, as each of the settings reads it; where all reject it, as some release does.

    A rule of a policy that is not enforced may be one that no release between the two accepts.
    """
    manifest = single_rule_manifest(policy, spec, direction, [rule])
    if has_placeholder(manifest):
        manifest = substituted(manifest)
    readings = [_read(manifest, setting, facts) for setting in settings]
    if not any(readings):
        others = (replace(settings[-1], version=version) for version in reversed(SUPPORTED))
        readings[-1] = next((found for other in others if (found := _read(manifest, other, facts))), ())
    return readings


def _read(manifest: Mapping[str, Any], settings: Settings, facts: Facts) -> Sequence[Entry]:
    """The entries of a manifest; none where it is rejected for more than what fixes mend.

    Requirements, gone since 1.19, narrow what they narrowed before: that is what a fix makes of them.
    """
    if _accepts(manifest, settings):
        return compile_policy(read_policy(manifest), settings, facts)
    mended = _mended(read_policy(manifest), settings.version)
    if not _accepts(mended.raw, settings):
        return ()
    # Of every cluster: the fix writes the requirement into selectors, which say themselves which clusters they mean.
    before = replace(settings, version=REQUIRES_REMOVED.previous, default_local_cluster=False)
    required = compile_policy(read_policy(_with_rules(manifest, _requirements)), before)
    entries = compile_policy(mended, settings, facts)
    return [replace(entry, required=narrowed.required) for entry, narrowed in zip(entries, required, strict=True)]


def _mended(policy: Policy, version: Version) -> Policy:
    """The policy without what a release rejects and a fix takes away: requirements, and bare addresses."""
    for pass_ in (requires, bare_address):
        if pass_.concerns(version, version):
            policy = pass_.set_right(policy, version)
    return policy


def _requirements(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in rule.items() if name in _REQUIREMENTS}


def _with_rules(manifest: Mapping[str, Any], change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """A copy of a manifest with something else for each rule."""
    spec = {
        name: [change(rule) for rule in value] if isinstance(value, list) else value
        for name, value in deepcopy(manifest["spec"]).items()
    }
    return {**manifest, "spec": spec}


def _accepts(manifest: Mapping[str, Any], settings: Settings) -> bool:
    return rejection(manifest, settings.version, flags=settings.flags._replace(node_selector_labels=True)) is None
