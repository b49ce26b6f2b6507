"""The findings of all kustomizations as one list: one at each place of a text, with what builds it as evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rewriter.engine.overlays.judged import Judged
from rewriter.engine.results.result import AmongOthers, Reported
from rewriter.finding import Applicability, FlowClaim, Flows
from rewriter.inventory.delivery.patches import TextAt
from rewriter.text import join_names

_MOST_NAMED = 4
#: What says that text means nothing: what means something in another namespace is there for that one.
_MEANS_NOTHING = frozenset(
    {"missing-namespace", "unselected-subject", "unresolved-reference", "split-rule", "unlistened-port"}
)
_TRUST = (Applicability.MANUAL, Applicability.UNSAFE, Applicability.EVIDENT, Applicability.SAFE)


def merged(seen: Sequence[tuple[Judged, Reported]]) -> list[Reported]:
    """One finding for all kustomizations that show it."""
    groups: dict[tuple[object, ...], list[tuple[Judged, Reported]]] = {}
    counts: Counter[tuple[object, ...]] = Counter()
    for judged, reported in seen:
        key = (reported.finding.code, reported.finding.id, reported.location.line, reported.location.column)
        counts[id(judged), key] += 1
        groups.setdefault((*key, counts[id(judged), key]), []).append((judged, reported))
    return [_one(group) for group in groups.values()]


def in_every_namespace(
    seen: Sequence[tuple[Judged, Reported]], judged: Sequence[tuple[TextAt, str]]
) -> list[tuple[Judged, Reported]]:
    """The findings of policies that are only put into namespaces, but for entries that mean something in one of them.

    `judged` are the texts of the policies, each once for each way in which it is applied.
    """
    ways = Counter(judged)
    places = {
        (id(item), item.policy.base, item.policy.item, reported.finding.id, reported.finding.route)
        for item, reported in seen
    }
    shown = Counter(place[1:] for place in places)
    return [
        (item, reported)
        for item, reported in seen
        if reported.finding.id not in _MEANS_NOTHING
        or shown[item.policy.base, item.policy.item, reported.finding.id, reported.finding.route]
        == ways[item.policy.base, item.policy.item]
    ]


def _one(group: Sequence[tuple[Judged, Reported]]) -> Reported:
    first = group[0][1]
    findings = [reported.finding for _, reported in group]
    words = list(dict.fromkeys(judged.words for judged, _ in group))
    built = f"the policy is judged as {join_names(words, most=_MOST_NAMED)} build{'' if len(words) > 1 else 's'} it"
    return replace(
        first,
        finding=replace(
            first.finding,
            evidence=(*first.finding.evidence, built),
            applicability=min((finding.applicability for finding in findings), key=_TRUST.index),
            opens=_claims(finding.opens for finding in findings),
            closes=_claims(finding.closes for finding in findings),
        ),
        flows=_all_flows([reported.flows for _, reported in group]),
        among_others=_among_others([reported for _, reported in group]),
        fixed=all(reported.fixed for _, reported in group),
        not_fixed=next((reported.not_fixed for _, reported in group if reported.not_fixed), ""),
    )


def _among_others(reports: Sequence[Reported]) -> AmongOthers | None:
    found = [reported.among_others for reported in reports if reported.among_others is not None]
    if not found:
        return None
    beside = (reported.flows if reported.among_others is None else reported.among_others.flows for reported in reports)
    return AmongOthers(_all_flows(list(beside)), frozenset().union(*(among.others for among in found)))


def _all_flows(flows: Sequence[Flows]) -> Flows:
    """What a fix does wherever the policy is applied."""
    upgrades = [flow.upgrade for flow in flows if flow.upgrade is not None]
    return Flows(
        _each(flow.opened for flow in flows),
        _each(flow.closed for flow in flows),
        _all_flows(upgrades) if upgrades else None,
        _each(flow.kept for flow in flows),
        _each(flow.kept_closed for flow in flows),
        all(flow.exact for flow in flows),
        frozenset().union(*(flow.possible for flow in flows)),
    )


def _claims(parts: Iterable[Sequence[FlowClaim]]) -> tuple[FlowClaim, ...]:
    found: list[FlowClaim] = []
    for claim in (claim for part in parts for claim in part):
        if claim not in found:
            found.append(claim)
    return tuple(found)


def _each(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for part in parts for text in part))
