"""Policies as clusters get them: where patches or variables change one, each way in which it is applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.cilium.policy import Policy, read_policy
from rewriter.cilium.tiers import cluster_network_policies
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.overlays.sources import reread
from rewriter.engine.overlays.texts import TextError, Texts
from rewriter.engine.overlays.traced import Node, NotTracedError, origin_of, plain, traced
from rewriter.inventory.delivery.patched_policies import PatchedPolicies, PatchedPolicy
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.texts.manifests import mapping

_RULES = ("spec", "specs")


class BuiltPolicy:
    """One way in which a policy is applied: the cluster that it goes to, and where its parts are written."""

    def __init__(self, patched: PatchedPolicies, policy: PatchedPolicy, trace: Node) -> None:
        self.cluster: Cluster | None = patched.cluster_of(policy)
        self._patched = patched
        self._policy = policy
        self._trace = trace

    @property
    def paths(self) -> frozenset[str]:
        """The files that it is made of."""
        return self._policy.paths

    def place(self, route: str) -> str | None:
        """`file:line` of the text that what stands at a route comes from; None where the text cannot be read."""
        origin = origin_of(self._trace, route)
        try:
            line, *_ = Texts(self._patched.bytes_of_path).place(origin.at, origin.route, at_key=False)
        except TextError:
            return None
        return f"{origin.at.path}:{line}"

    def with_texts(self, changed: Mapping[str, str], namespace: str | None) -> Policy | None:
        """The policy that other texts of files make; None where they do not make one any more."""
        try:
            policy = reread(self._policy, Texts(self._patched.bytes_of_path, changed))
            return _read(_applied(policy, traced(policy)), namespace)
        except (TextError, NotTracedError):
            return None


def as_applied(
    patched: PatchedPolicies, policies: Sequence[LocatedPolicy], *, everywhere: bool = False
) -> Iterator[LocatedPolicy]:
    """The policies of files, those that patches or variables change as each different way makes them.

    With `everywhere` also those that kustomizations only put into several namespaces.
    """
    ways = _by_place(patched.all)
    if everywhere:
        ways = _by_place(patched.moved) | ways
    for located in policies:
        found = ways.get((located.path, located.document.index, located.policy.route))
        yield from [located] if found is None or located.line is not None else _built(patched, located, found)


def _by_place(policies: Iterable[PatchedPolicy]) -> dict[tuple[str, int, str], list[PatchedPolicy]]:
    found: dict[tuple[str, int, str], list[PatchedPolicy]] = {}
    for policy in policies:
        found.setdefault((policy.base.path, policy.base.document, policy.item), []).append(policy)
    return found


def _built(patched: PatchedPolicies, located: LocatedPolicy, ways: Sequence[PatchedPolicy]) -> Iterator[LocatedPolicy]:
    seen: list[tuple[Mapping[str, Any], Cluster | None]] = []
    for way in ways:
        if way.is_deleted:
            continue
        try:
            trace = traced(way)
        except NotTracedError:
            yield located
            return
        built = BuiltPolicy(patched, way, trace)
        applied = _applied(way, trace)
        if (applied, built.cluster) not in seen:
            seen.append((applied, built.cluster))
            yield replace(located, policy=_read(applied, located.policy.namespace), built=built)


def _applied(policy: PatchedPolicy, trace: Node) -> Mapping[str, Any]:
    """The manifest with the rules that its texts make."""
    rules = mapping(plain(trace))
    outside = {key: item for key, item in policy.applied.items() if key not in _RULES}
    return {**outside, **{key: rules[key] for key in _RULES if key in rules}}


def _read(manifest: Mapping[str, Any], namespace: str | None) -> Policy:
    for policy in cluster_network_policies(manifest):
        return policy
    own = mapping(manifest.get("metadata")).get("namespace")
    return read_policy(dict(manifest), namespace=own if isinstance(own, str) and own else namespace)
