"""The proof of a fix in a template: each value set renders exactly the fixed policies, and nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rewriter import yamltext
from rewriter.engine.charts.renderings import Rendering, render, same_lines
from rewriter.engine.pipeline.document import fix_document
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.engine.proofs.manifest import ProofError, prove_structure
from rewriter.inventory.render.chart_copy import ChartCopy
from rewriter.records import dataclass


class NotProvedError(Exception):
    """A fix that is not made in a template: why, in words."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a rendered document must become, and the hooks by which a second run must leave it alone.

    `refused` are passes of which some fix is not made, so that a second run would find it again.
    """

    text: str
    hooks: FileHooks
    refused: frozenset[str] = frozenset()


def prove(
    chart: ChartCopy, template: str, before: str, after: str, old: Rendering, expected: Mapping[int, Expected]
) -> None:
    """Renders the template with its new text, for the value set of an old rendering. Raises NotProvedError.

    `expected` has the documents of the template that must change, by their position.
    """
    new = render(chart, template, after, old.values)
    words = old.values.words
    if new.problem:
        raise NotProvedError(f"with the fix, {new.problem}")
    if len(new.own) != len(old.own):
        raise NotProvedError(f"with the fix, {words} renders a different number of manifests")
    for index, (was, now) in enumerate(zip(old.own, new.own, strict=True)):
        wanted = expected.get(index)
        if wanted is None:
            if was.text != now.text and not same_lines(was.text, now.text):
                raise NotProvedError(f"the fix would change another manifest that {words} renders")
            continue
        _prove_document(now.text, wanted, words)
    if new.others != old.others:
        _prove_others(chart, template, before, old, new)


def _prove_document(text: str, wanted: Expected, words: str) -> None:
    try:
        found, meant = yamltext.parse(text), yamltext.parse(wanted.text)
        if len(found) != len(meant):
            raise ProofError("same structure", "the number of documents would change")
        for one, other in zip(found, meant, strict=True):
            prove_structure(other.value, one.value)
    except (ProofError, yamltext.YamlTextError):
        raise NotProvedError(f"with the fix in the template, {words} renders something else than the fix") from None
    if not same_lines(text, wanted.text):
        raise NotProvedError(f"with the fix in the template, {words} renders comments in other places")
    for document in found:
        hooks = replace(wanted.hooks, previews=False)
        again = fix_document(document, hooks, hooks.policies(document.value))
        if any(item.fixed and item.finding.id not in wanted.refused for item in again.findings):
            raise NotProvedError("a second run would change the template again")


def _prove_others(chart: ChartCopy, template: str, before: str, old: Rendering, new: Rendering) -> None:
    """Raises unless every difference is one that two renderings of the old text have too: of random values, of time."""
    again = render(chart, template, before, old.values, anew=True)
    if not len(old.others) == len(new.others) == len(again.others):
        raise NotProvedError(f"with the fix, {old.values.words} renders a different number of manifests")
    for was, now, once_more in zip(old.others, new.others, again.others, strict=True):
        rows = [text.split("\n") for _, text in (was, now, once_more)]
        sames = len({len(row) for row in rows}) == 1 and all(
            one == other or one != third for one, other, third in zip(*rows, strict=True)
        )
        if not sames:
            raise NotProvedError(f"the fix would change what {was[0]} renders for {old.values.words}")
