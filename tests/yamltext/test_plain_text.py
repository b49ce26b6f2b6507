"""Texts that are written plainly are read as ruamel.yaml reads them; all others are left to it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rewriter.yamltext.plain_text import read_plain

POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector:
    matchLabels:
      app: web

  ingress:
  - fromEndpoints: [{matchLabels: {k8s:app: "db", 'tier': back}}, {}]
    toPorts:
    - ports:
      - port: "8080"
        protocol: TCP
  -
    fromEntities:
      - cluster
  - fromCIDR: [10.0.0.0/8]
  egress:
"""


def _shape(node: Any) -> Any:
    kind = type(node).__name__
    if kind == "ScalarNode":
        return node.value
    if kind == "SequenceNode":
        return [_shape(item) for item in node.value]
    return [(_shape(key), _shape(value)) for key, value in node.value]


def _by_ruamel(text: str) -> Any:
    return _shape(YAML(typ="rt").compose(text))


def test_a_policy_is_read() -> None:
    found = read_plain(POLICY)
    assert found is not None
    assert _shape(found) == _by_ruamel(POLICY)


@pytest.mark.parametrize(
    "text",
    [
        "a: b # c\n",
        "a: &x b\n",
        "a: |\n  b\n",
        "a: b\n  c\n",
        "a: [b,\n  c]\n",
        "a: b: c\n",
        "a: b\n b: c\n",
        "a: b\n- c\n",
        "- a\nb: c\n",
        "a: {b, c}\n",
        "a: [b: c]\n",
        "a: b\na: c\n",
        "a: {b: c, b: d}\n",
        "a: b\n---\nc: d\n",
        "a:\tb\n",
        "a: é\n",
        'a: "b\\n"\n',
        "a: 'it''s'\n",
        "? a\n: b\n",
        "<<: {a: b}\n",
        "a: [b,, c]\n",
        "a: [b c]d\n",
        "plain text\n",
        "",
    ],
)
def test_what_is_written_otherwise_is_left(text: str) -> None:
    assert read_plain(text) is None


_TEXTS = st.text(alphabet="ab1.:-/ ,[]{}\"'*=", max_size=6)
_LINES = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["", "- ", "- - ", "-"]), st.sampled_from(["", "k: ", "k:", "j: "]), _TEXTS
    ).map(lambda part: "  " * part[0] + part[1] + part[2] + part[3]),
    max_size=6,
).map(lambda lines: "\n".join(lines) + "\n")


@given(_LINES)
def test_odd_lines_are_read_as_ruamel_reads_them_or_left(text: str) -> None:
    found = read_plain(text)
    if found is None:
        return
    try:
        expected = _by_ruamel(text)
    except YAMLError:
        pytest.fail(f"ruamel.yaml does not read {text!r}")
    assert _shape(found) == expected


_SCALARS = st.sampled_from(["web", "8080", "10.0.0.0/8", "k8s:app", "some words", "true", "*.example.com", ""])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["app", "k8s:tier", "a.b/c"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["spec", "metadata", "ports"]), _VALUES, min_size=1), st.booleans())
def test_generated_values_are_read_as_ruamel_reads_them(value: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=None if flow else False, width=900)
    found = read_plain(text)
    assert found is None or _shape(found) == _by_ruamel(text)
