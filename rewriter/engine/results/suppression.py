"""Which lines the suppression comments of a file silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rewriter import yamltext
from rewriter.engine.results.result import Location
from rewriter.finding import Finding
from rewriter.suppress import Suppression, read_directive


def suppressions(text: str, documents: list[yamltext.Document], pass_ids: Mapping[str, str]) -> tuple[Suppression, ...]:
    """Every suppression comment of a file with the lines it covers.

    A comment after content covers its line; one on its own line covers the list item or member that begins on the
    next line of content, and the whole document when that is the document's first.
    """
    if "cnpfix" not in text.lower():
        return ()
    lines = text.split("\n")
    return tuple(_read(text, lines, documents, pass_ids))


def covers(suppression: Suppression, finding: Finding, place: Location) -> bool:
    """Whether a comment silences a finding: it covers its first line, or stands on a line of its node."""
    if suppression.covers(finding.id, place.line):
        return True
    trailing = suppression.first == suppression.last == suppression.line
    return (
        trailing
        and place.line <= suppression.line <= place.end_line
        and suppression.covers(finding.id, suppression.line)
    )


def silenced(
    suppressions: Iterable[Suppression], used: set[tuple[Suppression, str]], finding: Finding, place: Location
) -> bool:
    """Whether one of some comments silences a finding; those that do are added to the `used`, with its pass."""
    covering = [suppression for suppression in suppressions if covers(suppression, finding, place)]
    used.update((suppression, finding.id) for suppression in covering)
    return bool(covering)


def _read(
    text: str, lines: list[str], documents: list[yamltext.Document], pass_ids: Mapping[str, str]
) -> Iterator[Suppression]:
    for comment in yamltext.comments(text):
        directive = read_directive(comment.text, pass_ids)
        if directive is None:
            continue
        line = text.count("\n", 0, comment.span.start) + 1
        line_start = text.rfind("\n", 0, comment.span.start) + 1
        if text[line_start : comment.span.start].strip(" \t\ufeff"):
            first = last = line
        else:
            first, last = _below(lines, line, documents)
        yield Suppression(line, first, last, directive.names, directive.whole_file, directive.mistake)


def _below(lines: list[str], line: int, documents: list[yamltext.Document]) -> tuple[int, int]:
    """The lines of what begins on the first line of content after an own-line comment."""
    content = line
    while content < len(lines) and _is_filler(lines[content]):
        content += 1
    content += 1
    for document in documents:
        if document.root is not None:
            extent = _extent(document, content)
            if extent is not None:
                return extent
    return content, content


def _is_filler(line: str) -> bool:
    stripped = line.strip()
    return not stripped or stripped.startswith(("#", "---", "%"))


def _extent(document: yamltext.Document, line: int) -> tuple[int, int] | None:
    """First and last line of the outermost node that begins on a line of a document."""
    route = ""
    is_item = True  # A mapping that is a member's value begins with its first member, which is what is meant.
    while True:
        location = yamltext.locate(document, route)
        if location.line == line and is_item:
            return line, location.end_line
        if not location.line <= line <= location.end_line:
            return None
        value = _value_at(document, route)
        step = None
        keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for key in keys:
            child = f"{route}/{_escaped(str(key))}"
            key_place = yamltext.locate_key(document, child)
            value_place = yamltext.locate(document, child)
            if key_place.line == line and isinstance(value, dict):
                return line, max(line, value_place.end_line)
            if key_place.line <= line <= value_place.end_line:
                step = child
                break
        if step is None:
            return None
        route, is_item = step, isinstance(value, list)


def _escaped(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def _value_at(document: yamltext.Document, route: str) -> object:
    value: object = document.value
    for token in route.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        value = value[int(token)] if isinstance(value, list) else value[token] if isinstance(value, dict) else None
    return value
