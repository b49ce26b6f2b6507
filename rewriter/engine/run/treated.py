"""One document of a file, treated as what it is.

It holds policies, a template of them, other kinds that passes ask for, or texts in which policies stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace

from rewriter import yamltext
from rewriter.cilium.tiers import KIND as CLUSTER_NETWORK_POLICY
from rewriter.cilium.tiers import cluster_network_policies
from rewriter.discovery import InputError, holds_old_object, holds_policy
from rewriter.engine.charts.file import is_covered
from rewriter.engine.charts.treat import ChartOutcome
from rewriter.engine.documents.filled import is_filled, masked_document
from rewriter.engine.documents.holders import generator, held_policies
from rewriter.engine.documents.masks import MaskError
from rewriter.engine.documents.read import FoundPolicy, is_encrypted
from rewriter.engine.documents.templates import Reading, Unread
from rewriter.engine.pipeline import refusals
from rewriter.engine.pipeline.document import find_upgrade_changes, fix_document
from rewriter.engine.pipeline.hooks import FileHooks, Outcome
from rewriter.engine.pipeline.inner_texts import fix_inner_texts
from rewriter.engine.pipeline.isolation import as_error
from rewriter.engine.pipeline.notes import note_on_embedded, note_on_encrypted
from rewriter.engine.pipeline.objects import fix_objects, objects_in, with_objects
from rewriter.engine.pipeline.template_findings import find_in_template
from rewriter.engine.results.result import Reported
from rewriter.records import dataclass
from rewriter.suppress import Suppression

_NOT_SYNCHRONIZED = (
    "Kyverno generates it without `synchronize: true`: policies that it has made already stay as they are"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A file whose documents are treated: its text as written, as it is read, and what it is as a chart's template."""

    path: str
    text: str
    reading: Reading
    chart: ChartOutcome
    namespace_of: Callable[[dict[str, object]], str | None]


@dataclass(slots=True)
class Treated:
    """What the documents of a file came to. `read` are the policies that stand in its own text, by document."""

    findings: list[Reported]
    errors: list[InputError]
    policies: int
    unread: list[Unread]
    silences: tuple[Suppression, ...]
    used: set[tuple[Suppression, str]]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    read: list[Sequence[FoundPolicy]] = field(default_factory=list)


def treat_document(parts: Parts, document: yamltext.Document, hooks: FileHooks, into: Treated) -> None:
    """Finds and fixes in one document, and adds what came of it."""
    reading, chart = parts.reading, parts.chart
    mask = reading.masks.get(document.index)
    own = reading.text[document.span.start : document.span.end]
    if is_covered(parts.text, document.span.start, chart):
        # Text that no value set renders is read as it stands.
        beside = find_in_template(document, hooks, mask, chart.why_not)[0] if mask is not None else []
        into.findings += [reported for reported in beside if reported.location.line - 1 not in chart.covered]
    elif "NetworkPolicy" not in own and not holds_policy(own.encode("utf-8", "replace")):
        _treat_objects(document, own, hooks, into)
    elif mask is not None:
        reported, why = find_in_template(document, hooks, mask, chart.why_not)
        into.findings += reported
        into.policies += len(hooks.policies(document.value)) - len(why)
        into.unread += why
    else:
        _treat_policies(parts, document, own, hooks, into)


def _treat_objects(document: yamltext.Document, own: str, hooks: FileHooks, into: Treated) -> None:
    """A document without policies: the kinds that passes ask for beside them."""
    there = holds_old_object(own.encode("utf-8", "replace")) and not yamltext.template_markup(own)
    objects = objects_in(document.value) if there else []
    if objects:
        into.outcomes[document.index] = fix_objects(document, hooks, objects)
        into.findings += into.outcomes[document.index].findings


def _treat_policies(parts: Parts, document: yamltext.Document, own: str, hooks: FileHooks, into: Treated) -> None:
    """A document that may hold policies: by itself, as items, inside another manifest, or in texts of it."""
    here = hooks.policies(document.value)
    into.policies += len(here)
    if CLUSTER_NETWORK_POLICY in own:
        tiers = [FoundPolicy(policy, True) for policy in cluster_network_policies(document.value)]
        into.findings += find_upgrade_changes(document, hooks, tiers)
        if not here:
            into.findings += fix_objects(document, hooks, objects_in(document.value)).findings
    if is_encrypted(document.value):
        into.findings.append(note_on_encrypted(parts.path, document))
        return
    into.read.append(here)
    _treat_filled(parts, document, hooks, into)
    outcome = with_objects(fix_document(document, hooks, here), document, hooks) if here else Outcome()
    if not here or here[0].holder is not None:
        inner = fix_inner_texts(document, outcome.text, hooks, parts.namespace_of)
        into.findings += [*inner.findings, *note_on_embedded(parts.path, document, inner.left)]
        into.errors += [as_error(failure, parts.path, line) for failure, line in inner.failures]
        outcome.text = inner.text or outcome.text
        into.policies += inner.policies
        into.unread += inner.unread
        into.silences += tuple(inner.silences)
        into.used |= inner.used
    into.errors += [refusals.broken(parts.path, document, here, failure) for failure in outcome.failures]
    outcome.findings = [_with_generator(item, here) for item in outcome.findings]
    into.outcomes[document.index] = outcome
    into.findings += outcome.findings


def _treat_filled(parts: Parts, document: yamltext.Document, hooks: FileHooks, into: Treated) -> None:
    """The policies inside a document of another kind in whose rules markup stands: findings, as in a template."""
    held = held_policies(document.value, parts.namespace_of)
    routes = {found_policy.policy.route for found_policy in held if is_filled(found_policy.policy.raw)}
    if not routes:
        return

    def filled(value: object) -> list[FoundPolicy]:
        return [
            found_policy
            for found_policy in held_policies(value, parts.namespace_of)
            if found_policy.policy.route in routes
        ]

    try:
        masked, mask = masked_document(parts.reading.text, document)
    except MaskError as error:
        into.unread.append(Unread(document.span.start + error.offset, error.why))
        return
    reported, why = find_in_template(masked, replace(hooks, policies=filled), mask)
    into.findings += reported
    into.policies += len(routes) - len(why)
    into.unread += why


def _with_generator(item: Reported, policies: Sequence[FoundPolicy]) -> Reported:
    """A finding in what Kyverno generates, with what a fix leaves as it is where copies do not follow the rule."""
    own = (
        found_policy
        for found_policy in policies
        if f"{item.finding.route}/".startswith(f"{found_policy.policy.route}/")
    )
    rule = next(map(generator, own), None)
    if rule is None or rule.get("synchronize") is True or not (item.finding.fix or item.finding.candidate):
        return item
    evidence = (*item.finding.evidence, _NOT_SYNCHRONIZED)
    return replace(item, finding=replace(item.finding, evidence=evidence))
