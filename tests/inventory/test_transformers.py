"""Which transformers are followed."""

from __future__ import annotations

import pytest

from rewriter.inventory.delivery.patches import TextAt
from rewriter.inventory.delivery.transformers import Reading, Transformers, read_transformers
from rewriter.inventory.facts.model import Source

PLACE = "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: a, namespace: shop}\n"


def told(entries: list[str], text: str | None) -> tuple[str | None, str | None, bool]:
    parts = None if text is None else [(text, TextAt("t.yaml", 0))]
    reading = Reading(lambda _entry: parts, lambda _entry: None, lambda _entry: None)
    made = read_transformers(entries, reading, Source("kustomization.yaml"), TextAt("kustomization.yaml", 0))
    return made.namespace, made.default_namespace, made.followed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLACE, Transformers("shop")),
        (PLACE + "unsetOnly: true\n", Transformers(None, "shop")),
        (PLACE + "fieldSpecs: [{path: metadata/namespace, create: true}]\n", Transformers("shop")),
        (PLACE + "fieldSpecs: [{path: spec/namespace, create: true}]\n", Transformers(followed=False)),
        (PLACE + "fieldSpecs: [{path: metadata/namespace, kind: Service}]\n", Transformers(followed=False)),
        (PLACE.replace("shop", "${NS}"), Transformers(followed=False)),
        (PLACE.replace("builtin", "example.com/v1"), Transformers(followed=False)),
        (PLACE.replace("Namespace", "Hash", 1), Transformers(followed=False)),
        ("apiVersion: builtin\nkind: LabelTransformer\nlabels: {a: b}\n", Transformers()),
        (
            "apiVersion: builtin\nkind: PrefixTransformer\nprefix: a-\nfieldSpecs: [{path: spec/x}]\n",
            Transformers(followed=False),
        ),
        ("apiVersion: builtin\nkind: ValueAddTransformer\nvalue: a\n", Transformers(followed=False)),
        (PLACE + "---\n" + PLACE.replace("shop", "web"), Transformers("web")),
        ("apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: a}\n", Transformers()),
        ("a: [\n", Transformers(followed=False)),
    ],
)
def test_what_transformers_do(text: str, expected: Transformers) -> None:
    answer = (expected.namespace, expected.default_namespace, expected.followed)
    assert told(["t.yaml"], text) == answer
    assert told([text], None) == answer


def test_a_transformer_that_is_not_there_is_not_followed() -> None:
    assert told(["gone.yaml"], None) == (None, None, False)
    assert told([], None) == (None, None, True)
