"""The findings of all value sets as one list: one at each line of the template, with what renders it as evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rewriter.engine.charts.places import Places
from rewriter.engine.charts.value_sets import ValueSet
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.results.result import Location, Reported
from rewriter.finding import Applicability, Flows
from rewriter.records import dataclass
from rewriter.yamltext.go_template import TemplateLine

_MOST_NAMED = 3
_TRUST = (Applicability.MANUAL, Applicability.UNSAFE, Applicability.EVIDENT, Applicability.SAFE)


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding of a rendered document, its location in the template, and the policies of the document."""

    values: ValueSet
    location: Location
    places: Places
    reported: Reported
    policies: Sequence[FoundPolicy]


def merged(seen: Sequence[Seen], template: Sequence[TemplateLine]) -> list[Reported]:
    """One finding for all value sets that render it. In a `range`, one for all its rounds."""
    groups: dict[tuple[object, ...], list[Seen]] = {}
    counts: Counter[tuple[object, ...]] = Counter()
    for other in seen:
        key = (other.reported.finding.code, other.reported.finding.id, other.location.line, other.location.column)
        document = (id(other.places), key)
        if not template[other.location.line - 1].within("range"):
            counts[document] += 1
        groups.setdefault((*key, counts[document]), []).append(other)
    return [_one(group) for group in groups.values()]


def _one(group: Sequence[Seen]) -> Reported:
    first = group[0]
    words = list(dict.fromkeys(seen.values.words for seen in group))
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    rendered = f"rendered with {', '.join(words[:_MOST_NAMED])}{more}"
    trust = min((seen.reported.finding.applicability for seen in group), key=_TRUST.index)
    why_not = next((seen.reported.not_fixed for seen in group if seen.reported.not_fixed), "")
    route = _route(first)
    reported = first.reported if first.values.release else _any_release(first.reported, first.values)
    finding = reported.finding
    return replace(
        reported,
        finding=replace(finding, evidence=(*finding.evidence, rendered), applicability=trust),
        location=first.places.named(replace(first.location, namespace=reported.location.namespace), route),
        fixed=all(seen.reported.fixed for seen in group),
        not_fixed=why_not,
        change=(),
    )


def _any_release(reported: Reported, values: ValueSet) -> Reported:
    """A finding whose words name the release and its namespace as templates do."""

    def text(words: str) -> str:
        for name, markup in values.stand_ins:
            words = words.replace(f"${name}", markup)
        return words.replace(values.namespace, "{{ .Release.Namespace }}").replace(values.name, "{{ .Release.Name }}")

    def flows(found: Flows) -> Flows:
        upgrade = None if found.upgrade is None else flows(found.upgrade)
        return replace(
            found, opened=tuple(map(text, found.opened)), closed=tuple(map(text, found.closed)), upgrade=upgrade
        )

    finding, place = reported.finding, reported.location
    place = replace(place, namespace=text(place.namespace), name=text(place.name))
    extended = replace(
        finding,
        message=text(finding.message),
        why=text(finding.why),
        advice=text(finding.advice),
        evidence=tuple(map(text, finding.evidence)),
    )
    return replace(reported, finding=extended, location=place, flows=flows(reported.flows))


def _route(seen: Seen) -> str:
    """The route of the policy that a finding is about."""
    location = seen.reported.location
    for policy in seen.policies:
        if (policy.policy.kind, policy.policy.name) == (location.kind, location.name):
            return policy.policy.route
    return ""
