"""Results and errors of what a file could not be treated for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rewriter import yamltext
from rewriter.discovery import FoundFile, InputError
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.pipeline.hooks import Outcome
from rewriter.engine.pipeline.isolation import Failure, as_error
from rewriter.engine.results.result import FileResult, Reported


def failures(found: FoundFile, outcomes: Mapping[int, Outcome], findings: Iterable[Reported]) -> tuple[InputError, ...]:
    lines = {item.location.document: item.location.line for item in findings if item.not_fixed}
    return tuple(
        InputError(found.display, outcome.failure, lines.get(index), "the document is left as it was")
        for index, outcome in outcomes.items()
        if outcome.failure
    )


def broken(path: str, document: yamltext.Document, policies: Sequence[FoundPolicy], failure: Failure) -> InputError:
    """The error of a part that failed on a policy, at the policy's line."""
    policy = policies[failure.policy].policy
    name = "/".join(filter(None, (policy.namespace, policy.name)))
    return as_error(failure, path, yamltext.locate(document, policy.route).line, f"{policy.kind} {name}".strip())


def refused(result: FileResult, reason: str) -> FileResult:
    findings = tuple(replace(item, fixed=False, not_fixed=reason) if item.fixed else item for item in result.findings)
    error = InputError(result.path, reason, hint="the file is left as it was")
    return replace(result, findings=findings, errors=(*result.errors, error))


def unreadable(path: str, text: str, error: yamltext.YamlTextError) -> FileResult:
    return FileResult(path, text, errors=(InputError(path, error.message, error.line, error.hint),))
