"""Documents that several parts of a run share: the same values, and equal nodes however many texts were read since."""

from __future__ import annotations

from rewriter import yamltext

#: Far more text than nodes are kept of.
_MANY, _LINES = 12, 8000


def _text(number: int) -> str:
    rows = "".join(f"  key{line}: value{line} # comment\n" for line in range(_LINES))
    return f"# file {number}\nfirst: {number}\n---\nsecond:\n{rows}"


def _shape(node: yamltext.Node | None) -> object:
    if isinstance(node, yamltext.Mapping):
        return [(_shape(key), _shape(value)) for key, value in node.items], node.start, node.end
    assert isinstance(node, yamltext.Scalar)
    return node.text, node.style, node.start, node.end


def test_an_equal_text_gives_the_same_values() -> None:
    one, other = yamltext.parse_kept(_text(1)), yamltext.parse_kept(_text(1))
    assert [each.value for each in one] == [each.value for each in yamltext.parse(_text(1))]
    assert all(first.value is second.value for first, second in zip(one, other, strict=True))


def test_documents_of_a_text_that_was_read_long_ago_are_as_they_were() -> None:
    early = yamltext.parse_kept(_text(0))
    values = [each.value for each in early]
    for number in range(1, _MANY):
        yamltext.parse_kept(_text(number))
    late, fresh = yamltext.parse_kept(_text(0)), yamltext.parse(_text(0))
    for document, again, new, value in zip(early, late, fresh, values, strict=True):
        assert document.value is again.value is value
        assert document.line_of("") == yamltext.locate(new, "").line
        assert _shape(document.root) == _shape(again.root) == _shape(new.root)
        assert document.span == new.span
        assert [each.text for each in yamltext.comments_of(document)] == [
            each.text for each in yamltext.comments_of(new)
        ]
        assert yamltext.locate(document, "/second/key7") == yamltext.locate(new, "/second/key7")


def test_a_text_of_two_documents_has_the_lines_of_both() -> None:
    first, second = yamltext.parse_kept("a: 1\n---\n\nb:\n  c: 2\n")
    assert (first.line_of(""), second.line_of(""), second.line_of("/b/c")) == (1, 4, 5)


def test_who_looks_at_a_made_text_in_turn_shares_its_documents() -> None:
    one, other = yamltext.parse_made(_text(1)), yamltext.parse_made(_text(1))
    assert all(first is second for first, second in zip(one, other, strict=True))
    assert [each.value for each in one] == [each.value for each in yamltext.parse(_text(1))]
    yamltext.parse_made(_text(2))
    later = yamltext.parse_made(_text(1))
    assert later[0] is not one[0]
    assert later[0].value == one[0].value


def test_documents_without_their_nodes_are_as_they_were() -> None:
    documents, fresh = yamltext.parse_kept(_text(3)), yamltext.parse(_text(3))
    values = [each.value for each in documents]
    yamltext.let_go_of_nodes()
    late = yamltext.parse_kept(_text(3))
    for document, again, new, value in zip(documents, late, fresh, values, strict=True):
        assert document.value is again.value is value
        assert document.line_of("") == yamltext.locate(new, "").line
        assert _shape(document.root) == _shape(again.root) == _shape(new.root)
