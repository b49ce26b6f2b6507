"""A file's text as documents, templates too: masked where each piece of markup stands for a scalar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import pairwise
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.cilium.policy import CCNP, CNP, KNP
from rewriter.engine.documents.filled import is_filled
from rewriter.engine.documents.flow_variables import masked_in_flow
from rewriter.engine.documents.masks import Masked, MaskError, masked
from rewriter.engine.documents.read import policies_in
from rewriter.engine.results.result import Reported
from rewriter.inventory.texts.embedded import NO_HOLDERS, NOT_APPLIED, embedded
from rewriter.records import dataclass

#: Passes that hold rules of one policy against each other, which conditions in the template may keep apart.
BESIDE = frozenset({"shadowed-rule", "split-rule", "upgrade-change"})

_BREAK = re.compile(r"^---(?=[ \t\r\n]|$)", re.MULTILINE)
_KIND = re.compile(
    rf"""^[ \t-]*["']?kind["']?[ \t]*:[ \t]*["']?(?:{CNP}|{CCNP}|{KNP})["']?[ \t\r]*(?:#.*)?$""", re.MULTILINE
)
#: A manifest of a policy in flow style.
_IN_FLOW = re.compile(
    rf"""\s*[\[{{].*["']?apiVersion["']?[ \t]*:.*\bkind["']?[ \t]*:[ \t]*["']?(?:{CNP}|{CCNP}|{KNP})\b""", re.DOTALL
)
_API = re.compile(
    r"""^[ \t-]*["']?apiVersion["']?[ \t]*:.*(?:cilium\.io/|networking\.k8s\.io/|extensions/|\{\{)""", re.MULTILINE
)
_VARIABLE = re.compile(r"\$\{[^{}\n]*\}")
_RULES = re.compile(r"""^[ \t]*["']?specs?["']?[ \t]*:""", re.MULTILINE)
#: Members of a rule set whose lists hold scalars; a scalar that is filled in elsewhere may be more than one.
_SCALARS = frozenset(
    {"fromCIDR", "toCIDR", "fromEntities", "toEntities", "values", "except", "policyTypes", "serverNames", "headers"}
)
_STRUCTURES = re.compile(
    r"^(?:specs?|.*[sS]elector|(?:in|e)gress(?:Deny)?|from|to|(?:from|to)(?:[A-Z]\w*)|match(?:Labels|Expressions)"
    r"|ports|rules|dns|http|kafka|l7|icmps|fields|ipBlock|enableDefaultDeny|authentication|k8sService\w*|values|except)$"
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A policy in a template that cannot be read: where the markup stands that is in the way, and why, in words."""

    offset: int
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The documents of a file. `masks` has, by a document's index, how its markup is masked; `unread` the others.

    Every document's places are those of the file; `text` is what they were parsed from.
    """

    text: str
    documents: list[yamltext.Document]
    masks: Mapping[int, Masked] = field(default_factory=dict)
    unread: Sequence[Unread] = ()


def read_documents(text: str, parse: Callable[[str], list[yamltext.Document]] = yamltext.parse_kept) -> Reading:
    """The documents of a text. Raises YamlTextError for one that is neither YAML nor a template."""
    if yamltext.template_markup(text) is None:
        try:
            return Reading(text, parse(text))
        except yamltext.YamlTextError:
            reading = with_flow_variables(text)
            if reading is None:
                raise
            return reading
    pieces: list[str] = []
    masks: dict[int, Masked] = {}
    unread: list[Unread] = []
    for start, end in pairwise([0, *(match.start() for match in _BREAK.finditer(text)), len(text)]):
        own = text[start:end]
        head = 3 if own.startswith("---") else 0
        try:
            found = own if _reads_as_it_is(own) else _masked(own, head)
        except MaskError as error:
            if may_hold_policy(own):
                unread.append(Unread(start + error.offset, error.why))
            found = own[:head] + re.sub(r"[^\r\n]", " ", own[head:])
        if isinstance(found, Masked):
            masks[start] = found
            found = found.text
        pieces.append(found)
    made = "".join(pieces)
    try:
        documents = yamltext.parse(made)
    except yamltext.YamlTextError as error:
        offset = sum(len(line) for line in text.splitlines(keepends=True)[: max((error.line or 1) - 1, 0)])
        return Reading(text, [], {}, [Unread(offset, error.message)] if may_hold_policy(text) else [])
    return Reading(made, documents, _by_document(documents, masks), unread)


def with_flow_variables(text: str) -> Reading | None:
    """The documents of a text that is YAML but for `${VAR}` in flow style; None for any other."""
    if "${" not in text or not may_hold_policy(text):
        return None
    try:
        yamltext.parse(_VARIABLE.sub(lambda match: "x" * len(match[0]), text))
        mask = masked_in_flow(text)
        documents = [] if mask is None else yamltext.parse(mask.text)
    except yamltext.YamlTextError:
        return None
    except MaskError as error:
        return Reading(text, [], {}, [Unread(error.offset, error.why)])
    if mask is None:
        return None
    held = (
        document
        for document in documents
        if any(name in mask.text[document.span.start : document.span.end] for name in mask.names)
    )
    return Reading(mask.text, documents, {document.index: mask for document in held})


def unmasked(reading: Reading, text: str) -> list[yamltext.Document]:
    """The documents of a reading of a text, with that text, and what placeholders stand for in their values."""
    return [_unmasked(document, reading.masks.get(document.index), text) for document in reading.documents]


def _unmasked(document: yamltext.Document, mask: Masked | None, text: str) -> yamltext.Document:
    if mask is None:
        return document
    found = yamltext.Document(text, document.index, document.span, document.root, document.lines)
    found.value = _with_names(document.value, mask.names)
    return found


def _with_names(value: Any, names: Mapping[str, str]) -> Any:
    """A value with the text that each placeholder stands for."""
    if isinstance(value, dict):
        return {_with_names(key, names): _with_names(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_names(item, names) for item in value]
    return _VARIABLE.sub(lambda match: names.get(match[0], match[0]), value) if isinstance(value, str) else value


def may_hold_policy(text: str) -> bool:
    """Whether a text that is not parsed holds a manifest of a policy, not only a word about one."""
    return bool(_KIND.search(text) and _API.search(text) and _RULES.search(text))


def policy_texts(value: Any, route: str = "") -> Iterator[tuple[str, str]]:
    """The strings of a document that hold a policy's manifest as text, with their routes; patches left out."""
    if isinstance(value, str):
        if "NetworkPolicy" in value and (may_hold_policy(value) or _IN_FLOW.match(value)):
            yield route, value
    elif isinstance(value, dict):
        if route or str(value.get("kind")) not in NO_HOLDERS:
            for key, item in value.items():
                if key not in NOT_APPLIED:
                    yield from policy_texts(item, f"{route}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from policy_texts(item, f"{route}/{index}")


def filled_in(policy: Mapping[str, Any]) -> str:
    """The member of a masked policy's rules that markup fills in as a whole, so that its shape is unknown; or ""."""
    return next((name for field in ("spec", "specs") for name in _filled(policy.get(field), field)), "")


def restored(found: Reported, mask: Masked) -> Reported:
    """A finding with the markup in place of its placeholders, and without the fix, which is not made."""
    finding = found.finding

    def text(words: str) -> str:
        for name, markup in mask.names.items():
            words = words.replace(name, markup)
        return words

    unmasked = replace(
        finding,
        message=text(finding.message),
        why=text(finding.why),
        advice=text(finding.advice),
        evidence=tuple(map(text, finding.evidence)),
        fix=None,
        candidate=None,
    )
    location = replace(found.location, name=text(found.location.name), namespace=text(found.location.namespace))
    return replace(found, finding=unmasked, location=location)


def _reads_as_it_is(own: str) -> bool:
    """Whether a part of a file is YAML whose policies, if there are any, hold no markup."""
    if yamltext.template_markup(own) is None:
        return True
    try:
        documents = yamltext.parse(own)
    except yamltext.YamlTextError:
        return False
    return all(_is_plain(document.root) and not _marked(document) for document in documents)


def _marked(document: yamltext.Document) -> bool:
    """Whether every policy of a document that holds markup may be filled in; one inside another manifest by itself."""
    if policies_in(document.value, lambda _manifest: None):
        return True
    inside = [is_filled(inner.manifest) for inner in embedded(document.value)]
    return bool(inside) and all(inside)


def _is_plain(node: yamltext.Node | None) -> bool:
    """Whether every key is a scalar: `name: {{ .x }}` parses as a mapping whose key is one."""
    if isinstance(node, yamltext.Mapping):
        return all(isinstance(key, yamltext.Scalar) and _is_plain(item) for key, item in node.items)
    return not isinstance(node, yamltext.Sequence) or all(map(_is_plain, node.items))


def _masked(own: str, head: int) -> Masked:
    """A part of a file with its markup masked. Raises MaskError also where the result is no YAML."""
    if not may_hold_policy(own):
        raise MaskError(0, "")
    found = masked(own[head:])
    try:
        yamltext.parse(found.text)
    except yamltext.YamlTextError as error:
        lines = own[head:].splitlines(keepends=True)[: max((error.line or 1) - 1, 0)]
        why = f"the text around its markup {error.message}"
        raise MaskError(head + sum(map(len, lines)), why) from None
    return _shifted(found, own[:head] + found.text, head)


def _shifted(mask: Masked, text: str, shift: int) -> Masked:
    """A mask over more text, which begins `shift` characters earlier."""
    return Masked(text, mask.names, [offset + shift for offset in mask.steered], mask.rules)


def _by_document(documents: Sequence[yamltext.Document], masks: Mapping[int, Masked]) -> dict[int, Masked]:
    found = {}
    for document in documents:
        start = document.span.start
        for begin, mask in masks.items():
            if begin <= start < begin + len(mask.text):
                found[document.index] = mask
    return found


def _filled(value: Any, name: str) -> Iterator[str]:
    """The names of members that are one filled-in scalar where a mapping or a list belongs."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and "${" in item and _STRUCTURES.match(key) and name != "matchLabels":
                yield key
            yield from _filled(item, key)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str) and "${" in item and name not in _SCALARS:
                yield name
            yield from _filled(item, name)
    elif isinstance(value, str) and "${" in value and name in ("spec", "specs"):
        yield name
