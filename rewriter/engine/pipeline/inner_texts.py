"""Policies that are text inside a manifest of another kind: read, and fixed where each character has its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from rewriter import yamltext
from rewriter.engine.documents.read import FoundPolicy, NamespaceOf, is_encrypted
from rewriter.engine.documents.templates import Reading, Unread, policy_texts, read_documents
from rewriter.engine.documents.text_policies import found_in_text
from rewriter.engine.pipeline.document import fix_document
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.engine.pipeline.isolation import Failure
from rewriter.engine.pipeline.template_findings import find_in_template
from rewriter.engine.proofs.manifest import ProofError, patched, prove_structure
from rewriter.engine.results.result import Location, Reported
from rewriter.engine.results.suppression import covers, suppressions
from rewriter.finding import Finding
from rewriter.inventory.texts.embedded import home_of
from rewriter.inventory.texts.manifests import mapping
from rewriter.passes import PASS_IDS
from rewriter.records import dataclass
from rewriter.suppress import Suppression

_QUOTED = "it is not known where each character of the text around the policy stands in the file"
_NO_ROOM = "the quoted or folded text around the policy cannot hold what the fix writes"
_CHANGED = "the text that the fix is for cannot be found again"
Inner = yamltext.InnerText | yamltext.QuotedText


@dataclass(slots=True)
class InnerOutcome:
    """What became of the texts of a document.

    `text` is the document's new text (None: unchanged), `policies` counts those that were read, `left` are the routes
    of texts that were not; `unread` are templates in texts that were. `used` says which suppressions were met.
    """

    findings: list[Reported] = field(default_factory=list)
    text: str | None = None
    policies: int = 0
    left: list[str] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    silences: list[Suppression] = field(default_factory=list)
    used: set[tuple[Suppression, str]] = field(default_factory=set)
    failures: list[tuple[Failure, int]] = field(default_factory=list)


def fix_inner_texts(
    document: yamltext.Document,
    changed: str | None,
    hooks: FileHooks,
    namespace_of: NamespaceOf,
    home: str | None = None,
) -> InnerOutcome:
    """Findings and fixes of the policies in a document's texts. `changed` is its text after other fixes, if any.

    `home` is the namespace that a document which is itself a text of another is for.
    """
    outcome = InnerOutcome()
    if is_encrypted(document.value):
        return outcome
    news: dict[str, str] = {}
    for route, _ in policy_texts(document.value):
        node = yamltext.node_at(document, route)
        inner = _inner(document.text, node) or _other_text(node)
        if inner is None or not _read(outcome, _Text(document, route, inner, hooks, namespace_of, home), news):
            outcome.left.append(route)
    if news:
        _replace(outcome, document, changed, news)
    return outcome


def _read(
    outcome: InnerOutcome,
    text: _Text,
    news: dict[str, str],
) -> bool:
    """Whether a text could be read; its findings go to the outcome, its new text to `news`."""
    inner = text.inner
    try:
        reading = read_documents(inner.text)
    except yamltext.YamlTextError:
        return False
    outcome.unread += [Unread(text.offset(unread.offset), unread.why) for unread in reading.unread]
    own = text.hooks(reading, outcome)
    pieces: list[tuple[int, int, str]] = []
    for document in reading.documents:
        policies = own.policies(document.value)
        if not policies:
            nested = fix_inner_texts(document, None, own, text.namespace_of, text.home)
            if not text.placed:
                _refuse(nested, _QUOTED)
            outcome.findings += [text.reported(item) for item in nested.findings]
            outcome.policies += nested.policies
            outcome.unread += [Unread(text.offset(item.offset), item.why) for item in nested.unread]
            outcome.failures += [(failure, text.line(line)) for failure, line in nested.failures]
            if nested.left:
                outcome.left.append(text.route)
            if nested.text is not None and text.placed:
                pieces.append((document.span.start, document.span.end, nested.text))
            continue
        mask = reading.masks.get(document.index)
        if mask is not None:
            found, why = find_in_template(document, own, mask)
            outcome.unread += [Unread(text.offset(item.offset), item.why) for item in why]
            outcome.policies += len(policies) - len(why)
        else:
            result = fix_document(document, own, policies)
            found = result.findings
            outcome.policies += len(policies)
            outcome.failures += [(failure, text.line(1)) for failure in result.failures]
            if result.text is not None:
                pieces.append((document.span.start, document.span.end, result.text))
        outcome.findings += [text.reported(item) for item in found]
    new = inner.text
    for start, end, made in reversed(pieces):
        new = new[:start] + made + new[end:]
    if new != inner.text:
        if len(new) - len(new.rstrip("\n")) != len(inner.text) - len(inner.text.rstrip("\n")) or not _stable(new, text):
            _refuse(outcome, "the fix does not fit the block of text that it stands in")
        else:
            news[text.route] = new
    return True


def _inner(text: str, node: yamltext.Node | None) -> Inner | None:
    """The text of a scalar of a file, of which each character has its place there; None where that is not known."""
    return yamltext.inner_text(text, node) or yamltext.quoted_text(text, node)


def _other_text(node: yamltext.Node | None) -> yamltext.InnerText | None:
    """Any other scalar as a text whose lines are not those of the file: its indent is -1."""
    if not isinstance(node, yamltext.Scalar) or node.style == "|":
        return None
    return yamltext.InnerText(node.text, node.start, node.end, -1)


def _stable(new: str, text: _Text) -> bool:
    """Whether a second run would leave the new text alone."""
    reading = read_documents(new)
    own = replace(text.hooks(reading, InnerOutcome()), previews=False)
    plain = [document for document in reading.documents if document.index not in reading.masks]
    again = [
        fix_document(document, own, own.policies(document.value)) for document in plain if own.policies(document.value)
    ]
    return not any(item.fixed for result in again for item in result.findings)


def _replace(outcome: InnerOutcome, document: yamltext.Document, changed: str | None, news: Mapping[str, str]) -> None:
    """Puts new texts into the document, each with proof that nothing else of it changes."""
    text = before = document.text[document.span.start : document.span.end] if changed is None else changed
    for route, new in news.items():
        here = yamltext.parse(text)[0]
        inner = _inner(text, yamltext.node_at(here, route))
        if inner is None:
            _refuse(outcome, _CHANGED, route)
            continue
        made = inner.with_text(text, new)
        try:
            operations = [{"op": "replace", "path": route, "value": new}]
            prove_structure(patched(here.value, operations), yamltext.parse(made)[0].value)
        except (ProofError, yamltext.YamlTextError) as error:
            _refuse(outcome, _NO_ROOM if isinstance(inner, yamltext.QuotedText) else str(error), route)
        else:
            text = made
    outcome.text = text if text != before else None


def _refuse(outcome: InnerOutcome, why: str, route: str | None = None) -> None:
    """Takes back the fixes of all findings, or of those in the text at a route."""
    outcome.findings = [
        replace(item, fixed=False, not_fixed=f"not rewritten: {why}")
        if item.fixed and route in (None, item.finding.route)
        else item
        for item in outcome.findings
    ]


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of a document: from its lines to those of the file."""

    document: yamltext.Document
    route: str
    inner: Inner
    base: FileHooks
    namespace_of: NamespaceOf
    own_home: str | None = None

    @property
    def literal(self) -> bool:
        """Whether its lines are lines of the file."""
        return isinstance(self.inner, yamltext.InnerText) and self.placed

    @property
    def placed(self) -> bool:
        """Whether each of its characters has a place in the file."""
        return self.inner.indent >= 0

    @property
    def home(self) -> str | None:
        """The namespace that its policies land in; None where it is unknown."""
        return self.own_home or home_of(mapping(self.document.value), self.namespace_of)

    def line(self, line: int) -> int:
        """The line of the file (1-based) of a line of the text; of a text without places, its first."""
        if self.literal:
            return self.document.text.count("\n", 0, self.inner.start) + line
        return self.document.text.count("\n", 0, self.offset(self._begin(line))) + 1

    def _begin(self, line: int) -> int:
        """Where a line (1-based) of the text begins in it; its end for lines that it does not have."""
        position = 0
        for _ in range(line - 1):
            position = self.inner.text.find("\n", position) + 1 or len(self.inner.text)
        return position

    def offset(self, offset: int) -> int:
        """The offset in the file of an offset in the text; in a literal block, of its line."""
        if isinstance(self.inner, yamltext.QuotedText):
            return self.inner.offset(offset)
        if not self.placed:
            return self.inner.start
        position = self.inner.start
        for _ in range(self.inner.text.count("\n", 0, offset)):
            position = self.document.text.find("\n", position) + 1
        return position

    def location(self, location: Location) -> Location:
        if not self.literal:
            start, end = self.inner.start, self.inner.end
            if isinstance(self.inner, yamltext.QuotedText):
                start = self.inner.offset(self._begin(location.line) + location.column - 1)
                end = self.inner.offset(self._begin(location.end_line) + location.end_column - 1)
            line, column = self.document.lines.place(start)
            end_line, end_column = self.document.lines.place(end)
            own = replace(location, line=line, column=column, document=self.document.index)
            return replace(own, end_line=end_line, end_column=end_column)
        shift = self.inner.indent
        return replace(
            location,
            line=self.line(location.line),
            end_line=self.line(location.end_line),
            column=location.column + shift,
            end_column=location.end_column + shift,
            document=self.document.index,
        )

    def reported(self, item: Reported) -> Reported:
        indent = " " * self.inner.indent if self.literal else ""
        change = tuple(
            replace(
                line_change,
                removed=tuple(indent + line for line in line_change.removed),
                added=tuple(indent + line for line in line_change.added),
            )
            for line_change in item.change
        )
        finding = replace(item.finding, route=self.route)
        return replace(item, location=self.location(item.location), finding=finding, change=change)

    def hooks(self, reading: Reading, outcome: InnerOutcome) -> FileHooks:
        base = self.base
        own = [
            (suppression, self._shifted(suppression))
            for suppression in suppressions(reading.text, reading.documents, PASS_IDS)
        ]
        outcome.silences += [there for _, there in own if not there.whole_file]

        def silenced(finding: Finding, location: Location) -> bool:
            covering = [there for here, there in own if not here.whole_file and covers(here, finding, location)]
            outcome.used.update((suppression, finding.id) for suppression in covering)
            return bool(covering) or base.silenced(finding, self.location(location))

        def known(batch: Sequence[tuple[Finding, Location]]) -> Sequence[bool]:
            return base.known([(finding, self.location(location)) for finding, location in batch])

        return replace(base, policies=self._policies, silenced=silenced, known=known, observe=None)

    def _shifted(self, suppression: Suppression) -> Suppression:
        return replace(
            suppression,
            line=self.line(suppression.line),
            first=self.line(suppression.first),
            last=self.line(suppression.last),
        )

    def _policies(self, value: object) -> Sequence[FoundPolicy]:
        found = found_in_text(value, mapping(self.document.value), self.route, self.namespace_of, self.own_home)
        return (
            found
            if self.placed
            else [replace(found_policy, left=found_policy.left or _QUOTED) for found_policy in found]
        )
