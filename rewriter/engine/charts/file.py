"""A file that is a template of a chart, rendered and treated; and how that fits with what else is read of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.engine.charts.find import Charts
from rewriter.engine.charts.treat import ChartOutcome, Judge, Source, treat_chart_template
from rewriter.engine.charts.value_sets import ValueSet, unread_release, value_sets
from rewriter.engine.documents.holders import held_policies
from rewriter.engine.documents.read import FoundPolicy, policies_in
from rewriter.engine.documents.templates import Unread
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.engine.results.result import Change
from rewriter.inventory.questions.inventory import Inventory
from rewriter.inventory.releases.model import Release
from rewriter.inventory.render.helm import HelmError
from rewriter.inventory.render.kept import TooLargeError
from rewriter.inventory.texts.manifests import mapping
from rewriter.suppress import Suppression
from rewriter.yamltext.go_template import TemplateError, template_lines

_BREAK = re.compile(r"^---(?=[ \t\r\n]|$)", re.MULTILINE)


def treat_chart_file(
    charts: Charts,
    path: str,
    text: str,
    hooks: Callable[[str], FileHooks],
    alone: Callable[[Inventory], FileHooks],
) -> ChartOutcome | None:
    """What becomes of a file that is a template of a chart; None for any other, or one that holds no policy.

    `hooks` are those of a file at a path: of the manifest that installs the chart, else of the template. `alone` are
    those of the template where nothing but an inventory is known.
    """
    template = charts.template_at(path) if "NetworkPolicy" in text else None
    if template is None:
        return None
    own = hooks(path)

    def hooks_of(values: ValueSet) -> FileHooks:
        return _hooks_of(hooks(values.release.source.path), own) if values.release else own

    judge = Judge(hooks_of, _policies, alone)
    try:
        lines = template_lines(text)
        with charts.copy(template) as chart:
            source = Source(path, template.path, text, lines, chart)
            sets = value_sets(template.folder, template.releases, charts.more)
            return treat_chart_template(source, sets, judge, unread_release(template.releases))
    except (HelmError, TemplateError, TooLargeError) as error:
        return ChartOutcome(problems=(f"its chart is not rendered: {error}",))
    except OSError as error:
        return ChartOutcome(problems=(f"its chart cannot be read: {error.strerror or error}",))


def _hooks_of(installing: FileHooks, own: FileHooks) -> FileHooks:
    """The hooks of what a release renders: what changes the template, or what is made of it, counts too."""
    return replace(installing, skip_reason=lambda found: installing.skip_reason(found) or own.skip_reason(found))


def not_covered(text: str, unread: Iterable[Unread], outcome: ChartOutcome) -> list[Unread]:
    """What cannot be read of a file and is not rendered either, with why it is not."""
    left = [other for other in unread if not is_covered(text, other.offset, outcome)]
    why = outcome.why_not
    return [replace(unread, why=f"{unread.why}; {why}") for unread in left] if why else left


def not_rendered(text: str, silences: Iterable[Suppression], outcome: ChartOutcome) -> tuple[Suppression, ...]:
    """The suppressions of a file in documents that are not treated by what they render to."""
    if not outcome.covered:
        return tuple(silences)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return tuple(silence for silence in silences if not is_covered(text, starts[silence.line - 1], outcome))


def is_covered(text: str, offset: int, outcome: ChartOutcome) -> bool:
    """Whether the document at an offset of a template is treated by what it renders to."""
    if not outcome.covered:
        return False
    starts = [0, *(match.start() for match in _BREAK.finditer(text)), len(text)]
    start, end = next(((a, b) for a, b in pairwise(starts) if a <= offset < b), (0, len(text)))
    first, last = text.count("\n", 0, start), text.count("\n", 0, end)
    return any(first <= line < max(last, first + 1) for line in outcome.covered)


def changes_of(before: str, after: str | None) -> list[Change]:
    """The lines of a text that give way to others."""
    if after is None:
        return []
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    places = [0]
    for line in old:
        places.append(places[-1] + len(line))
    return [
        Change(places[start], places[end], "".join(new[new_start:new_end]))
        for tag, start, end, new_start, new_end in yamltext.opcodes(old, new)
        if tag != "equal"
    ]


def _policies(values: ValueSet, value: object) -> Sequence[FoundPolicy]:
    def namespace_of(manifest: dict[str, Any]) -> str | None:
        own = mapping(manifest.get("metadata")).get("namespace")
        if values.release is None:
            made_up = isinstance(own, str) and any(name in own for name in values.unknown)
            return own if isinstance(own, str) and not made_up else None
        release = values.release
        if release.transformed and release.placement is not None:
            own = mapping(release.placement.apply(manifest).get("metadata")).get("namespace")
        return own if isinstance(own, str) and own else values.namespace

    found = policies_in(value, namespace_of) or held_policies(value, namespace_of)
    return [
        replace(found_policy, left=found_policy.left or values.left or _changed(values.release, found_policy))
        for found_policy in found
    ]


def _changed(release: Release | None, found: FoundPolicy) -> str:
    """Why what a release renders is not what the cluster gets; empty where it is."""
    if release is None or not release.transformed or release.placement is None:
        return ""
    raw = found.policy.raw
    after = release.placement.apply(raw)
    if any(after.get(name) != raw.get(name) for name in ("spec", "specs")):
        return f"a patch changes what {release} renders"
    for step in release.placement.chain:
        for unfollowed in step.unfollowed:
            if unfollowed.may_touch(raw, raw):
                return f"{unfollowed.words} may change what {release} renders"
    return ""
