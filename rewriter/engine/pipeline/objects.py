"""Manifests that are no policies with rules of Cilium and that a pass asks for all the same.

Their fixes change no flow, so that only the text is proved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import read_policy
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.pipeline.hooks import FileHooks, Outcome
from rewriter.engine.proofs.manifest import ProofError, patched, prove_comments, prove_structure
from rewriter.engine.results.result import Location, Reported
from rewriter.passes import PASSES
from rewriter.passes.kit.registry import EVERY_KIND

#: The kinds that passes ask for beside policies.
KINDS = frozenset(kind for pass_ in PASSES for kind in pass_.kinds) - EVERY_KIND
_GROUPS = ("cilium.io/", "policy.networking.k8s.io/")


def objects_in(value: Any) -> list[FoundPolicy]:
    """The manifests of these kinds in a document: the document itself, or the items of a List."""
    return [FoundPolicy(read_policy(manifest, base=route), False) for manifest, route in _manifests(value, "", 0)]


def _manifests(value: Any, route: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
    if not isinstance(value, dict):
        return
    kind, version, items = value.get("kind"), value.get("apiVersion"), value.get("items")
    if isinstance(kind, str) and kind in KINDS and isinstance(version, str) and version.startswith(_GROUPS):
        yield value, route
    elif depth < 4 and isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _manifests(item, f"{route}/items/{index}", depth + 1)


def fix_objects(document: yamltext.Document, hooks: FileHooks, objects: list[FoundPolicy]) -> Outcome:
    """The findings of the passes on these manifests of a document, with their fixes applied and the text proved."""
    outcome = Outcome()
    comments = partial(yamltext.comment_texts, document)
    fixes: list[tuple[int, Any]] = []
    for found in objects:
        for pass_ in hooks.passes:
            if found.policy.kind not in pass_.kinds:
                continue
            for finding in pass_.find(hooks.context(found, comments, partial(yamltext.comments_at, document))):
                finding = hooks.configured(finding)
                where = yamltext.locate(document, finding.route)
                location = Location(
                    hooks.path,
                    where.line,
                    where.column,
                    where.end_line,
                    where.end_column,
                    document.index,
                    found.policy.kind,
                    "",
                    found.policy.name,
                )
                if hooks.silenced(finding, location) or any(hooks.known([(finding, location)])):
                    continue
                held = hooks.skip_reason(found)
                reported = Reported(finding, location, not_fixed=f"not rewritten: {held}" if held else "")
                if finding.fix is not None and hooks.allowed(finding) and not held:
                    fixes.append((len(outcome.findings), finding.fix))
                outcome.findings.append(reported)
    if fixes:
        _apply(document, fixes, outcome)
    return outcome


def with_objects(outcome: Outcome, document: yamltext.Document, hooks: FileHooks) -> Outcome:
    """What became of the policies of a List, with the findings and fixes of what stands beside them in it."""
    beside = fix_objects(document, hooks, objects_in(document.value))
    text = beside.text
    if text is not None and outcome.text is not None:
        changed = yamltext.parse(outcome.text)[0]
        again = fix_objects(changed, hooks, objects_in(changed.value))
        text, beside.failure = again.text, again.failure
        if text is None:
            beside.findings = [_left(reported, again.failure) for reported in beside.findings]
    if text is not None:
        outcome = replace(outcome, text=text, value=yamltext.parse(text)[0].value, seen=None)
    failure = outcome.failure or beside.failure
    return replace(outcome, findings=[*outcome.findings, *beside.findings], failure=failure)


def _left(reported: Reported, why: str) -> Reported:
    """A finding whose fix did not fit the text that the fixes of policies left."""
    why = why or "not rewritten: the fix does not fit the document as the other fixes leave it"
    return replace(reported, fixed=False, not_fixed=why) if reported.fixed else reported


def _apply(document: yamltext.Document, fixes: list[tuple[int, Any]], outcome: Outcome) -> None:
    operations = [operation for _, fix in fixes for operation in fix.operations]
    try:
        text = yamltext.edit_document(document, operations)
        documents = yamltext.parse(text)
        if len(documents) != 1:
            raise ProofError("same structure", "the number of documents would change")
        prove_structure(patched(document.value, operations), documents[0].value)
        prove_comments([document], documents, may_move=False)
    except yamltext.EditError as error:
        for index, _ in fixes:
            outcome.findings[index] = replace(outcome.findings[index], not_fixed=f"not rewritten: {error.message}")
    except (ProofError, yamltext.YamlTextError) as error:
        outcome.failure = str(error)
    else:
        outcome.text = text
        for index, _ in fixes:
            outcome.findings[index] = replace(outcome.findings[index], fixed=True)
