"""Findings of the engine itself: policies that are left alone, and suppressions that silence nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter import yamltext
from rewriter.engine.documents.templates import Unread
from rewriter.engine.results.result import Location, Reported
from rewriter.engine.results.suppression import covers
from rewriter.finding import Applicability, Finding, Severity
from rewriter.suppress import Suppression, Unused

CODE = "CNP000"
TEMPLATE = "template"
EMBEDDED_POLICY = "embedded-policy"
UNUSED_SUPPRESSION = "unused-suppression"
ENCRYPTED = "encrypted"
#: The ids of these findings: suppressions may name them, and no pass has them.
NOTE_IDS = frozenset({TEMPLATE, EMBEDDED_POLICY, UNUSED_SUPPRESSION, ENCRYPTED})


def _note(identifier: str, route: str, message: str, advice: str) -> Finding:
    return Finding(Severity.NOTE, Applicability.MANUAL, route, message, advice=advice, code=CODE, id=identifier)


def _at_line(path: str, line: int, finding: Finding, column: int = 1) -> Reported:
    return Reported(finding, Location(path, line, column, line, column))


def note_on_template(path: str, text: str, unread: Sequence[Unread], unjudged: Sequence[int]) -> list[Reported]:
    """A file with policies in templates that cannot be read: at the first markup that is in the way, and why it is.

    Else, where there are lines of rules (0-based) that nothing renders, those. One note a file, or none.
    """
    if not unread:
        return [_note_on_unjudged(path, unjudged)] if unjudged else []
    first = min(unread, key=lambda comment: comment.offset)
    line = text.count("\n", 0, first.offset) + 1
    column = first.offset - text.rfind("\n", 0, first.offset)
    more = f", and {len(unread) - 1} more in the file" if len(unread) > 1 else ""
    message = f"holds a policy in a template that cannot be read: {first.why}{more}"
    return [_at_line(path, line, _note(TEMPLATE, "", message, "render it and run cnpfix on the result"), column)]


def _note_on_unjudged(path: str, lines: Sequence[int]) -> Reported:
    """Rules of a template under an `else` that nothing renders, by their lines (0-based)."""
    line = lines[0] + 1
    left = len(lines) - 1
    more = f" and {left} more line{'' if left == 1 else 's'}" if left else ""
    message = f"holds rules that are not judged: no values in the repository render the `else` of line {line}{more}"
    return _at_line(
        path, line, _note(TEMPLATE, "", message, "add values that render it (ci/*-values.yaml, or --values)")
    )


def note_on_embedded(path: str, document: yamltext.Document, routes: Sequence[str]) -> list[Reported]:
    """The first policy that is text within a string of another manifest, where that is not read; by its route."""
    kind = document.value.get("kind") if isinstance(document.value, dict) else None
    holder = kind if isinstance(kind, str) else "another document"
    for route in routes:
        where = yamltext.locate(document, route)
        finding = _note(
            EMBEDDED_POLICY,
            route,
            f"holds a policy as text inside {holder}, which is left alone: it is not a literal block (`|`) of YAML",
            "write it as a literal block, or move the policy to a manifest of its own",
        )
        location = Location(path, where.line, where.column, where.end_line, where.end_column, document.index)
        return [Reported(finding, location)]
    return []


def note_on_encrypted(path: str, document: yamltext.Document) -> Reported:
    """A document that SOPS encrypts: what it says is not what the cluster gets."""
    where = yamltext.locate(document, "/sops")
    finding = _note(
        ENCRYPTED,
        "/sops",
        "the document holds a policy that SOPS encrypts, and cnpfix leaves it alone",
        "encrypt only what is secret (`encrypted_regex`), or check the decrypted text",
    )
    return Reported(finding, Location(path, where.line, where.column, where.line, where.end_column, document.index))


def note_on_unused(path: str, unused: Unused) -> Reported:
    """A suppression comment, or a name in one, that silences no finding."""
    names = ", ".join(unused.names)
    silent = f"the suppression{f' of {names}' if names else ''} silences nothing"
    finding = _note(
        UNUSED_SUPPRESSION,
        "",
        f"{silent}: {unused.why}" if unused.why else silent,
        "correct the comment, or remove it" if unused.why else f"remove {names or 'the comment'}",
    )
    return _at_line(path, unused.suppression.line, finding)


def is_silenced_note(item: Reported, silences: Sequence[Suppression], used: set[tuple[Suppression, str]]) -> bool:
    """Whether a comment silences a finding of the engine itself; takes down that it did."""
    if item.finding.code != CODE:
        return False
    covering = [silence for silence in silences if covers(silence, item.finding, item.location)]
    used.update((suppression, item.finding.id) for suppression in covering)
    return bool(covering)
