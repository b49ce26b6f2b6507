"""The proofs that a rewritten document must pass before anything is written (DESIGN section 4)."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rewriter import yamltext
from rewriter.cilium.digits import is_number
from rewriter.finding import Operation


class ProofError(Exception):
    """A proof that did not hold: its name and what differs, in one line."""

    def __init__(self, proof: str, detail: str) -> None:
        super().__init__(f"proof failed ({proof}): {detail}")
        self.proof = proof


def patched(value: Any, operations: Sequence[Operation]) -> Any:
    """What RFC 6902 makes of a value, which stays as it is; what no operation touches is shared with it.

    Raises ProofError where an operation does not fit it.
    """
    import jsonpatch

    try:
        for operation in operations:
            # Only the containers on the way to the operation's places change, and only these are copied.
            places = [operation[name] for name in ("path", "from") if name in operation]
            for place in places if operation["op"] != "test" else ():
                value = _copied(value, place)
            # A value of its own, which later operations may change.
            value = jsonpatch.apply_patch(value, [copy.deepcopy(dict(operation))], in_place=True)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        raise ProofError("same structure", f"the fix does not fit its document: {error}") from None
    return value


def _copied(value: Any, pointer: str) -> Any:
    """The value with copies of the containers on the way to a place, as far as there are any."""
    root = [value]
    holder: Any = root
    key: Any = 0
    for token in pointer.split("/")[1:]:
        node = holder[key]
        if not isinstance(node, dict | list):
            break
        holder[key] = node = node.copy()
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and is_number(name) and int(name) < len(node):
            holder, key = node, int(name)
        elif isinstance(node, dict) and name in node:
            holder, key = node, name
        else:
            break
    return root[0]


def prove_structure(expected: Any, found: Any) -> None:
    """Proof 1: the new text parses to exactly the patched value, members in any order."""
    if _same(expected, found):
        return
    from deepdiff import DeepDiff

    difference = DeepDiff(expected, found, verbose_level=1).pretty().replace("\n", " ")
    raise ProofError("same structure", f"the new text does not hold what the fix makes: {difference:.300}")


def _same(left: Any, right: Any) -> bool:
    """Equality that keeps true apart from 1, and 1 from 1.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right) or (left != left and right != right)


def prove_comments(before: Iterable[yamltext.Document], after: Iterable[yamltext.Document], *, may_move: bool) -> None:
    """Proof 2: every comment is still there, in order; out of order only where a fix deletes nodes."""
    old, new = (
        [comment.text for document in documents for comment in yamltext.comments_of(document)]
        for documents in (before, after)
    )
    if old == new:
        return
    lost = Counter(old) - Counter(new)
    if lost:
        raise ProofError("nothing lost", f"a comment would be lost: {next(iter(lost))!r:.120}")
    if not may_move or Counter(new) - Counter(old):
        raise ProofError("nothing lost", "comments would change their order")


def deletes(operations: Sequence[Operation]) -> bool:
    """Whether operations delete nodes, so that comments inside may move."""
    return any(operation["op"] in ("remove", "replace", "move") for operation in operations)
