"""Whatever the style and whatever the operations: the text says what jsonpatch says, and no comment is lost."""

from __future__ import annotations

import copy
import os
import re
from collections import Counter
from random import Random

import jsonpatch
import jsonpointer
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewriter import yamltext
from rewriter.engine.proofs.comments import prove_places
from rewriter.engine.proofs.manifest import ProofError
from tests.yamltext.generate import random_document, random_operations

EXAMPLES = 20_000 if os.environ.get("CNPFIX_FUZZ") else 400


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**40), st.integers(1, 4))
def test_operations_give_what_jsonpatch_gives(seed: int, count: int) -> None:
    check(seed, count)


def test_an_end_of_line_outlives_the_lines_that_showed_it() -> None:
    text = "a: []\r\nb: 1\r\nc: 2"
    operations: list[dict[str, object]] = [
        {"op": "remove", "path": "/b"},
        {"op": "remove", "path": "/c"},
        {"op": "add", "path": "/d", "value": 3},
    ]
    assert yamltext.edit(text, 0, operations) == "a: []\r\nd: 3"


@pytest.mark.parametrize(
    ("seed", "count"), [(10_805_483_950, 1), (126_780, 1), (419_168, 4), (786_508, 1), (17_692, 1)]
)
def test_what_the_long_runs_found(seed: int, count: int) -> None:
    """Lists of lists whose first item goes or moves; two comments for the end of one line; a bracket behind a key."""
    check(seed, count)


def test_few_operations_are_refused() -> None:
    """A refusal is a way out for what is rare: empty lines of explicit keys, not for mixed styles."""
    refused = 0
    for seed in range(400):
        random = Random(seed)
        text = random_document(random, "\n")
        operations = random_operations(random, yamltext.parse(text)[0].value, 1)
        try:
            yamltext.edit(text, 0, operations)
        except yamltext.EditError:
            refused += 1
    assert refused <= 12


def lines(text: str) -> list[str]:
    """The lines of a text with their ends, LF or CRLF; no other character ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


def around(document: yamltext.Document, path: str) -> tuple[int, int]:
    """The lines that an operation may touch: those of its node, and of the neighbours whose commas may change."""
    above, _, token = path.rpartition("/")
    parent = yamltext.node_at(document, above)
    assert isinstance(parent, yamltext.Mapping | yamltext.Sequence)
    spans = [
        (item[0].start, max(item[0].end, item[1].end)) if isinstance(item, tuple) else (item.start, item.end)
        for item in parent.items
    ]
    index = len(spans)
    if isinstance(parent, yamltext.Sequence):
        index = index if token == "-" else int(token)
    else:
        names = list(document.value if not above else _value(document, above))
        key = token.replace("~1", "/").replace("~0", "~")
        index = names.index(key) if key in names else index
    if index > 0:
        start = spans[index - 1][1]
    else:
        start = around(document, above)[0] if above else document.span.start
    end = spans[index + 1][0] if index + 1 < len(spans) else max([parent.end, start, *(span[1] for span in spans)])
    if index < len(spans):
        end = max(end, spans[index][1])
    text = document.text
    stop = text.find("\n", end)
    return text.rfind("\n", 0, start) + 1, len(text) if stop < 0 else stop + 1


def _value(document: yamltext.Document, path: str) -> dict[str, object]:
    value = jsonpointer.resolve_pointer(document.value, path)
    assert isinstance(value, dict)
    return value


def in_order(wanted: list[str], lines: list[str]) -> bool:
    """Whether all lines that are wanted, with their line ends, are there in their order."""
    rest = iter(lines)
    return all(line in rest for line in wanted)


def prove(old: yamltext.Document, new: yamltext.Document, operations: list[dict[str, object]]) -> None:
    """The comments stand where they stood, as the second parser sees it."""
    try:
        prove_places(old, new, operations)
    except ProofError as error:
        raise AssertionError(str(error)) from None


def check(seed: int, count: int) -> None:
    random = Random(seed)
    newline = random.choice(("\n", "\n", "\r\n"))
    documents = [random_document(random, newline) for _ in range(random.choice((1, 1, 3)))]
    text = f"{newline}---{newline}".join(document.rstrip("\r\n") for document in documents) + random.choice(
        ("", newline)
    )
    mixed = random.random() < 0.25
    if mixed:  # Each line has an end of its own.
        text = "".join(re.sub(r"\r?\n\Z", lambda _end: random.choice(("\n", "\r\n")), line) for line in lines(text))
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
    if len(operations) == 1 and operations[0]["op"] != "move":
        start, end = around(parsed[index], operations[0]["path"])
        kept = [*lines(text[:start]), *lines(text[end:])]
        assert in_order(kept, lines(edited)), "the lines that no operation touches are as they were"
    if len(operations) == 1:  # Of several, some take away again what others add, and the proof may refuse the result.
        prove(parsed[index], again[index], operations)
    before = Counter(comment.text for comment in yamltext.comments(text))
    after = Counter(comment.text for comment in yamltext.comments(edited))
    assert before == after, "no comment is lost or made"
    assert edited.endswith("\n") == text.endswith("\n")
    if newline == "\r\n" and not mixed:
        assert edited.replace("\r\n", "").count("\n") == text.replace("\r\n", "").count("\n")
