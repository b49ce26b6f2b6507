"""Whatever the style and whatever the operations: the text says what jsonpatch says, and no comment is lost."""

from __future__ import annotations

import copy
import os
from collections import Counter
from random import Random

import jsonpatch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewriter import yamltext
from tests.yamltext.generate import random_document, random_operations

EXAMPLES = 20_000 if os.environ.get("CNPFIX_FUZZ") else 400


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**40), st.integers(1, 4))
def test_operations_give_what_jsonpatch_gives(seed: int, count: int) -> None:
    check(seed, count)


def check(seed: int, count: int) -> None:
    random = Random(seed)
    newline = random.choice(("\n", "\n", "\r\n"))
    documents = [random_document(random, newline) for _ in range(random.choice((1, 1, 3)))]
    text = f"{newline}---{newline}".join(document.rstrip("\r\n") for document in documents) + random.choice(
        ("", newline)
    )
    index = random.randrange(len(documents))
    parsed = yamltext.parse(text)
    operations = random_operations(random, parsed[index].value, count)
    expected = jsonpatch.apply_patch(copy.deepcopy(parsed[index].value), operations)
    try:
        edited = yamltext.edit(text, index, operations)
    except yamltext.EditError as error:
        assert error.message
        return
    again = yamltext.parse(edited)
    assert len(again) == len(parsed)
    assert again[index].value == expected
    span, new_span = parsed[index].span, again[index].span
    assert edited[: span.start] == text[: span.start], "what stands before the document is as it was"
    assert edited[new_span.end :] == text[span.end :], "what stands behind the document is as it was"
    before = Counter(comment.text for comment in yamltext.comments(text))
    after = Counter(comment.text for comment in yamltext.comments(edited))
    assert before == after, "no comment is lost or made"
    assert edited.endswith("\n") == text.endswith("\n")
    if "\r\n" in text:
        assert edited.replace("\r\n", "").count("\n") == text.replace("\r\n", "").count("\n")
