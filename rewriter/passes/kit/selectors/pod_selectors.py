"""Peers that are pods of the policy's own namespace because they name no other, and the same peers with one named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter.cilium.labels import NAMESPACE_NAME_LABEL
from rewriter.cilium.policy import KNP
from rewriter.cilium.selector import Requirement, Selector, read_selector
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import namespace_key
from rewriter.finding import Operation
from rewriter.passes.kit.changes.change import patch
from rewriter.passes.kit.changes.forms import Form, list_of, members_of
from rewriter.passes.kit.changes.site import Site, entries, selectors
from rewriter.passes.kit.selectors.scope_keys import renamed


def own_pods(context: Context) -> Iterator[tuple[Site, Selector]]:
    """The entries of peer fields that select pods by labels, each with its selector.

    Of a NetworkPolicy those with a podSelector alone; of a Cilium policy the entries of from/toEndpoints, but for those
    that name namespaces in a field that only a NetworkPolicy has.
    """
    if context.policy.kind != KNP:
        for site in selectors(context, "fromEndpoints", "toEndpoints"):
            if site.selector is not None and "namespaceSelector" not in site.members:
                yield site, site.selector
        return
    for site in entries(context, "from", "to"):
        if isinstance(site.entry, dict) and site.entry.keys() == {"podSelector"}:
            selector = read_selector(site.entry["podSelector"], f"{site.route}/podSelector")
            if selector is not None:
                yield site, selector


def namespace_scope(site: Site, namespace: str) -> Form:
    """The entry with one namespace named by a label."""
    if site.context.policy.kind == KNP:
        return {**site.members, "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: namespace}}}
    labels = members_of(site.members.get("matchLabels"))
    named = {namespace_key(site.context.policy): namespace}
    return {**site.members, "matchLabels": {**labels, **named}}


def in_namespaces(site: Site, names: Sequence[str], *requirements: Mapping[str, object]) -> Form:
    """The entry with several namespaces named by an expression, and further expressions about the pods."""
    if site.context.policy.kind == KNP:
        chosen = {"key": NAMESPACE_NAME_LABEL, "operator": "In", "values": list(names)}
        pods = members_of(site.members["podSelector"])
        pods = _with(pods, requirements) if requirements else pods
        return {**site.members, "podSelector": pods, "namespaceSelector": {"matchExpressions": [chosen]}}
    chosen = {"key": namespace_key(site.context.policy), "operator": "In", "values": list(names)}
    return _with(site.members, (chosen, *requirements))


def _with(selector: Mapping[str, object], requirements: Sequence[Mapping[str, object]]) -> Form:
    return {**selector, "matchExpressions": [*list_of(selector.get("matchExpressions")), *requirements]}


def renamed_key(site: Site, wrong: Requirement) -> tuple[Operation, ...]:
    """Operations that turn a misspelt key into one that names the namespace; none where that is not clear.

    In a NetworkPolicy the label of the pods becomes a namespaceSelector.
    """
    if site.context.policy.kind != KNP:
        return tuple(renamed(wrong, namespace_key(site.context.policy)))
    pods = members_of(site.members["podSelector"])
    if "/matchLabels/" not in wrong.route:
        return ()
    labels = {key: value for key, value in members_of(pods["matchLabels"]).items() if key != wrong.written_key}
    rest = {**pods, "matchLabels": labels} if labels else {k: v for k, v in pods.items() if k != "matchLabels"}
    new = {"podSelector": rest, "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: wrong.values[0]}}}
    return tuple(patch(site.route, site.entry, new))
