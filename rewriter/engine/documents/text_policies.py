"""Policies that are text in a literal block of another manifest, as documents whose lines are those of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter import yamltext
from rewriter.engine.documents.holders import held_policies, left_by
from rewriter.engine.documents.read import FoundPolicy, NamespaceOf, is_encrypted, policies_in
from rewriter.engine.documents.templates import policy_texts
from rewriter.inventory.texts.embedded import home_of
from rewriter.inventory.texts.manifests import mapping

#: Groups of manifests that apply what their texts hold.
_APPLIERS = frozenset({"helm.toolkit.fluxcd.io", "helm.cattle.io", "argoproj.io"})


def found_in_text(
    value: object, holder: Mapping[str, Any], route: str, namespace_of: NamespaceOf, home: str | None = None
) -> Sequence[FoundPolicy]:
    """The policies of a document that stands in the text at a route of a manifest, which says where they land.

    `home` is where they land if that manifest is itself a text of another.
    """
    home = home or home_of(holder, namespace_of)

    def landing(manifest: dict[str, Any]) -> str | None:
        own = mapping(manifest.get("metadata")).get("namespace")
        return own if isinstance(own, str) and not set(own) & set("{<$") else home

    found = policies_in(value, landing) or held_policies(value, landing, home)
    left = left_by(holder)
    return [
        replace(found_policy, holder=holder, text_route=route, left=found_policy.left or left) for found_policy in found
    ]


def policies_in_texts(
    document: yamltext.Document, namespace_of: NamespaceOf, home: str | None = None
) -> Iterator[tuple[yamltext.Document, FoundPolicy]]:
    """The policies in the literal blocks of a document, each with the document of the text that it stands in.

    Lines of that are lines of the file, its index is that of the document around it. Texts with markup are left out.
    `home` is the namespace that a document which is itself a text of another is for.
    """
    holder = document.value
    home = home or home_of(mapping(holder), namespace_of)
    if not isinstance(holder, dict) or is_encrypted(holder):
        return
    for route, _ in policy_texts(holder):
        inner = yamltext.inner_text(document.text, yamltext.node_at(document, route))
        if inner is None or yamltext.template_markup(inner.text) is not None:
            continue
        above = document.text.count("\n", 0, inner.start)
        try:
            within = yamltext.parse("\n" * above + inner.text)
        except yamltext.YamlTextError:
            continue
        for other in within:
            shown = yamltext.Document(other.text, document.index, other.span, other.root, other.lines)
            here = found_in_text(other.value, holder, route, namespace_of, home)
            yield from ((shown, found) for found in here if not found.left)
            if not here:
                yield from policies_in_texts(shown, namespace_of, home)


def policies_in_quotes(
    document: yamltext.Document, namespace_of: NamespaceOf
) -> Iterator[tuple[yamltext.Document, FoundPolicy, int]]:
    """The policies in quoted or folded texts of a document, each with its own document and the line of the text.

    Texts with markup are left out.
    """
    holder = document.value
    if not isinstance(holder, dict) or is_encrypted(holder):
        return
    home = home_of(holder, namespace_of)
    for route, text in policy_texts(holder):
        node = yamltext.node_at(document, route)
        if yamltext.inner_text(document.text, node) is not None or yamltext.template_markup(text) is not None:
            continue
        line = yamltext.locate(document, route).line
        try:
            within = yamltext.parse("\n" * (line - 1) + text)
        except yamltext.YamlTextError:
            continue
        for other in within:
            shown = yamltext.Document(other.text, document.index, other.span, other.root, other.lines)
            for found in found_in_text(other.value, holder, route, namespace_of, home):
                if not found.left:
                    yield shown, found, line


def is_applied(holder: object) -> bool:
    """Whether a manifest is one of those that apply what their texts hold."""
    return str(mapping(holder).get("apiVersion")).partition("/")[0] in _APPLIERS
