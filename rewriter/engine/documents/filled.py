"""Policies inside manifests that are YAML as they stand, where markup in quotes fills in a part of some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.engine.documents.masks import Masked, MaskError, masked

_MARKUP = re.compile(r"\{\{|\{%")


def is_filled(manifest: Mapping[str, Any]) -> bool:
    """Whether markup stands in the rules of a policy. One that fills in its name or its namespace changes no rule."""
    return any(_MARKUP.search(str(manifest.get(name))) for name in ("spec", "specs"))


def masked_document(text: str, document: yamltext.Document) -> tuple[yamltext.Document, Masked]:
    """A document of a file with its markup masked, every place in it as in the file.

    Raises MaskError where its markup hides more than scalars.
    """
    start, end = document.span.start, document.span.end
    found = masked(text[start:end])
    made = re.sub(r"[^\r\n]", " ", text[:start]) + found.text
    try:
        [alone] = yamltext.parse(made)
    except yamltext.YamlTextError as error:
        raise MaskError(0, f"the text around its markup {error.message}") from None
    except ValueError:
        raise MaskError(0, "the text around its markup is not one document") from None
    mask = Masked(made, found.names, [offset + start for offset in found.steered], found.rules)
    return yamltext.Document(made, document.index, alone.span, alone.root, alone.lines), mask
