"""Policies that are text inside a manifest of another kind: read, and fixed where the text is a literal block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from rewriter.suppress import Suppression

_QUOTED = "the policy stands in quoted or folded text, whose lines have no positions of their own"


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
        inner = yamltext.inner_text(document.text, node) or _other_text(node)
        if inner is None or not _read(
            outcome, _Text(document, route, inner, hooks, namespace_of, home, inner.indent >= 0), news
        ):
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
    outcome.unread += [Unread(text.offset(each.offset), each.why) for each in reading.unread]
    own = text.hooks(reading, outcome)
    pieces: list[tuple[int, int, str]] = []
    for document in reading.documents:
        policies = own.policies(document.value)
        if not policies:
            nested = fix_inner_texts(document, None, own, text.namespace_of, text.home)
            if not text.literal:
                _refuse(nested, _QUOTED)
            outcome.findings += [text.reported(item) for item in nested.findings]
            outcome.policies += nested.policies
            outcome.unread += [Unread(text.offset(item.offset), item.why) for item in nested.unread]
            outcome.failures += [(failure, text.line(line)) for failure, line in nested.failures]
            if nested.left:
                outcome.left.append(text.route)
            if nested.text is not None and text.literal:
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


def _other_text(node: yamltext.Node | None) -> yamltext.InnerText | None:
    """A quoted, folded or plain scalar as a text whose lines are not those of the file: its indent is -1."""
    if not isinstance(node, yamltext.Scalar) or node.style == "|":
        return None
    return yamltext.InnerText(node.text, node.start, node.end, -1)


def _stable(new: str, text: _Text) -> bool:
    """Whether a second run would leave the new text alone."""
    reading = read_documents(new)
    own = replace(text.hooks(reading, InnerOutcome()), previews=False)
    plain = [document for document in reading.documents if document.index not in reading.masks]
    again = [fix_document(each, own, own.policies(each.value)) for each in plain if own.policies(each.value)]
    return not any(item.fixed for result in again for item in result.findings)


def _replace(outcome: InnerOutcome, document: yamltext.Document, changed: str | None, news: Mapping[str, str]) -> None:
    """Puts new texts into the document, with proof that nothing else of it changes."""
    text = document.text[document.span.start : document.span.end] if changed is None else changed
    before = yamltext.parse(text)[0].value
    try:
        for route, new in news.items():
            here = yamltext.parse(text)[0]
            inner = yamltext.inner_text(text, yamltext.node_at(here, route))
            if inner is None:
                raise ProofError("same structure", "the text that the fix is for cannot be found again")
            text = inner.with_text(text, new)
        operations = [{"op": "replace", "path": route, "value": new} for route, new in news.items()]
        prove_structure(patched(before, operations), yamltext.parse(text)[0].value)
    except (ProofError, yamltext.YamlTextError) as error:
        _refuse(outcome, str(error))
        return
    outcome.text = text


def _refuse(outcome: InnerOutcome, why: str) -> None:
    outcome.findings = [
        replace(item, fixed=False, not_fixed=f"not rewritten: {why}") if item.fixed else item
        for item in outcome.findings
    ]


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of a document: from its lines to those of the file."""

    document: yamltext.Document
    route: str
    inner: yamltext.InnerText
    base: FileHooks
    namespace_of: NamespaceOf
    own_home: str | None = None
    literal: bool = True

    @property
    def home(self) -> str | None:
        """The namespace that its policies land in; None where nothing tells."""
        return self.own_home or home_of(mapping(self.document.value), self.namespace_of)

    def line(self, line: int) -> int:
        """The line of the file (1-based) of a line of the text; of any other text than a literal block, its first."""
        if not self.literal:
            return self.document.text.count("\n", 0, self.inner.start) + 1
        return self.document.text.count("\n", 0, self.inner.start) + line

    def offset(self, offset: int) -> int:
        """The offset in the file of the line of an offset in the text."""
        if not self.literal:
            return self.inner.start
        position = self.inner.start
        for _ in range(self.inner.text.count("\n", 0, offset)):
            position = self.document.text.find("\n", position) + 1
        return position

    def location(self, location: Location) -> Location:
        if not self.literal:
            line, column = self.document.lines.place(self.inner.start)
            end_line, end_column = self.document.lines.place(self.inner.end)
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
        indent = " " * max(self.inner.indent, 0)
        change = tuple(
            replace(
                each,
                removed=tuple(indent + line for line in each.removed),
                added=tuple(indent + line for line in each.added),
            )
            for each in item.change
        )
        finding = replace(item.finding, route=self.route)
        return replace(item, location=self.location(item.location), finding=finding, change=change)

    def hooks(self, reading: Reading, outcome: InnerOutcome) -> FileHooks:
        base = self.base
        own = [(each, self._shifted(each)) for each in suppressions(reading.text, reading.documents, PASS_IDS)]
        outcome.silences += [there for _, there in own if not there.whole_file]

        def silenced(finding: Finding, location: Location) -> bool:
            covering = [there for here, there in own if not here.whole_file and covers(here, finding, location)]
            outcome.used.update((each, finding.id) for each in covering)
            return bool(covering) or base.silenced(finding, self.location(location))

        def known(batch: Sequence[tuple[Finding, Location]]) -> Sequence[bool]:
            return base.known([(finding, self.location(location)) for finding, location in batch])

        return replace(base, policies=self._policies, silenced=silenced, known=known, observe=None)

    def _shifted(self, each: Suppression) -> Suppression:
        return replace(each, line=self.line(each.line), first=self.line(each.first), last=self.line(each.last))

    def _policies(self, value: object) -> Sequence[FoundPolicy]:
        found = found_in_text(value, mapping(self.document.value), self.route, self.namespace_of, self.own_home)
        return found if self.literal else [replace(each, left=each.left or _QUOTED) for each in found]
