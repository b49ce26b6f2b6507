"""Proof 2 by the second parser: every comment stands at the node that it stood at, or at what replaces it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rewriter import yamltext
from rewriter.cilium.digits import is_number
from rewriter.engine.documents.read import slice_of
from rewriter.engine.proofs.manifest import ProofError
from rewriter.finding import Operation
from rewriter.yamltext import LocatedComment, Moves, Path

_PROOF = "nothing misplaced"
#: So deep lists of lists are written on one line, `- - - a`.
_DEEPEST = 4


def prove_places(old: yamltext.Document, new: yamltext.Document, operations: Sequence[Operation]) -> None:
    """Proof 2 for a document and what the operations, in order, made of it; raises ProofError.

    A comment of a node that is gone stands at one that the operations add, or at a collection around either. Values
    must be the same for both parsers.
    """
    try:
        before, after = yamltext.read_twice(slice_of(old), slice_of(new))
    except yamltext.SecondParserError as error:
        raise ProofError(_PROOF, f"a second parser cannot read the document: {error}") from None
    for reading, document in ((before, old), (after, new)):
        if not yamltext.agrees(reading.root, document.root):
            raise ProofError("same structure", "a second parser reads different values")
    if not before.comments and not after.comments:
        return
    moves = yamltext.moves_of(old.value, operations)
    missing = _unplaced(before.comments, after.comments, moves)
    if missing is not None:
        raise ProofError(_PROOF, f"the comment {missing.text!r:.80} would stand at another place")


def _unplaced(before: Sequence[LocatedComment], after: Sequence[LocatedComment], moves: Moves) -> LocatedComment | None:
    """The first comment of the old text for which the new one has none at a place that is right."""
    left: dict[str, list[LocatedComment]] = {}
    for comment in reversed(after):
        left.setdefault(comment.text, []).append(comment)
    expected = Counter(comment.text for comment in before)
    if any(len(left.get(text, ())) != count for text, count in expected.items()):
        return next(comment for comment in before if len(left.get(comment.text, ())) != expected[comment.text])
    alive = {id(comment): _alive(comment, moves) for comment in before}
    for comment in sorted(before, key=lambda comment: not alive[id(comment)]):
        candidates = left[comment.text]
        for index in range(len(candidates) - 1, -1, -1):
            if _fits(comment, candidates[index], alive[id(comment)], moves):
                del candidates[index]
                break
        else:
            return comment
    return None


def _alive(comment: LocatedComment, moves: Moves) -> frozenset[Path]:
    """Where the nodes that a comment stands at are now, as far as they are still there.

    What begins where the document does speaks of the first node rather than of the whole.
    """
    paths = _begun(comment.paths) if comment.behind is None else (*_begun(comment.paths), comment.behind)
    return frozenset(moves.kept[path] for path in paths if path in moves.kept and (path or len(comment.paths) == 1))


def _begun(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The nodes of a comment, and the first items that begin where they do: of lists that are items of lists."""
    firsts = (("0",) * depth for depth in range(1, _DEEPEST + 1))
    inner = [(*path, *first) for first in firsts for path in paths if path and is_number(path[-1])]
    return (*paths, *inner)


def _fits(old: LocatedComment, new: LocatedComment, alive: frozenset[Path], moves: Moves) -> bool:
    if alive:
        # What stood behind the end of a node stands there still, though others inside it now begin on that line.
        if old.closed is not None and old.paths == (old.closed,) and moves.kept.get(old.closed) == new.closed:
            return True
        # Of a list whose item is gone, a comment at the foot may be what stood at that item, or at the new first one.
        shortened = {*moves.shortened, *(moves.kept[path] for path in moves.shortened)}
        same_end = old.at_foot == new.at_foot or not shortened.isdisjoint((*old.paths, *new.paths))
        if same_end and not alive.isdisjoint(_begun(new.paths)):
            return True
        # What was inside a node that got another value may stand anywhere at it.
        rewritten = {moves.kept[path] for path in old.paths if path in moves.rewritten}
        if any(_within(path, top) for path in new.paths for top in rewritten):
            return True
        # What stood at the foot of a collection may stand at the foot of what is new at its end, and what stood between
        # a key and an empty value above the first of what fills it.
        if ((old.at_foot and new.at_foot) or (old.before_value and not new.at_foot)) and _in_new(alive, new, moves):
            return True
        if all(path in moves.kept for path in old.paths) and (old.behind is None or old.behind in moves.kept):
            return False
    stood = old.paths if old.behind is None else (*old.paths, old.behind)
    holders = {moves.kept[above] for path in stood for above in _above(path) if above in moves.kept}
    return any(
        path in holders or any(_within(path, top) or _within(top, path) for top in moves.added) for path in new.paths
    )


def _in_new(alive: frozenset[Path], new: LocatedComment, moves: Moves) -> bool:
    """Whether a comment stands at something new, or with a new value, inside of the nodes given."""
    tops = [*moves.added, *(moves.kept[path] for path in moves.rewritten)]
    inner = [top for top in tops if any(_within(top, path) for path in alive)]
    return any(_within(path, top) for path in new.paths for top in inner)


def _within(path: Path, top: Path) -> bool:
    return path[: len(top)] == top


def _above(path: Path) -> list[Path]:
    return [path[:length] for length in range(len(path))]
