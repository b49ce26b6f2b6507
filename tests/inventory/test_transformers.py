"""Which transformers are followed."""

from __future__ import annotations

import pytest

from rewriter.inventory.transformers import Transformers, read_transformers

PLACE = "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: a, namespace: shop}\n"


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
        (PLACE.replace("Namespace", "Label", 1), Transformers(followed=False)),
        (PLACE + "---\n" + PLACE.replace("shop", "web"), Transformers("web")),
        ("apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: a}\n", Transformers()),
        ("a: [\n", Transformers(followed=False)),
    ],
)
def test_what_transformers_do(text: str, expected: Transformers) -> None:
    assert read_transformers(["t.yaml"], lambda _entry: [text]) == expected
    assert read_transformers([text], lambda _entry: None) == expected


def test_a_transformer_that_is_not_there_is_not_followed() -> None:
    assert read_transformers(["gone.yaml"], lambda _entry: None) == Transformers(followed=False)
    assert read_transformers([], lambda _entry: None) == Transformers()
