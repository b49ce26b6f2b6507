"""Suppression comments: `# cnpfix: ignore[id, …]`, `# cnpfix: ignore`, `# cnpfix: ignore-file`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from difflib import get_close_matches

from rewriter import patterns as re
from rewriter.records import dataclass

_DIRECTIVE = re.compile(r"#\s*cnpfix:\s*ignore(?P<file>-file)?(?:\s*\[(?P<names>[^\]]*)\])?(?![\w(-]|\s*\[)")
#: What follows a bare `ignore`: a reason, unless its first word is a pass.
_FIRST_WORD = re.compile(r"\s*[:=]?\s*(?P<word>[\w-]+)")
#: A comment that speaks to cnpfix, whatever it says.
_ADDRESSED = re.compile(r"#\s*cnpfix\b\s*(?P<colon>:)?\s*(?P<word>[\w-]+)\s*(?P<names>[\[(])?", re.IGNORECASE)
_WORDS = ("ignore", "ignore-file")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment. `line` is its own 1-based line; it silences findings that begin on `first` to `last`.

    `names` are pass ids (unknown words stay as written); empty silences every pass. `mistake` says what is wrong with
    a comment that is meant as a suppression and is none: it silences nothing.
    """

    line: int
    first: int
    last: int
    names: tuple[str, ...]
    whole_file: bool = False
    mistake: str = ""

    def covers(self, pass_id: str, line: int) -> bool:
        """Whether a finding of a pass that begins on a line is silenced."""
        if self.mistake or not (self.whole_file or self.first <= line <= self.last):
            return False
        return not self.names or pass_id in self.names


@dataclass(frozen=True, slots=True)
class Directive:
    """A suppression as written, before it is known what it stands above."""

    names: tuple[str, ...]
    whole_file: bool
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Unused:
    """What a suppression comment does not silence: the `names` (none: the whole comment), and why."""

    suppression: Suppression
    names: tuple[str, ...]
    why: str = ""


def read_directive(comment: str, pass_ids: Mapping[str, str]) -> Directive | None:
    """The directive in a comment's text; None when there is none. `pass_ids` maps ids and codes to ids."""
    if "cnpfix" not in comment.lower():
        return None
    match = _DIRECTIVE.search(comment)
    if match is None:
        mistake = _mistake(comment)
        return Directive((), whole_file=False, mistake=mistake) if mistake else None
    if match["names"] is None:
        following = _FIRST_WORD.match(comment, match.end())
        if following and following["word"] in pass_ids:
            wanted = f"ignore{match['file'] or ''}[{following['word']}]"
            return Directive((), whole_file=False, mistake=f"names of passes stand in brackets; write `{wanted}`")
        return Directive((), match["file"] is not None)
    written = [name for part in match["names"].split(",") if (name := part.strip().strip("'\"`"))]
    if not written:
        return Directive(
            (), whole_file=False, mistake="the brackets name no pass; write `ignore[id]`, or `ignore` for all"
        )
    names = tuple(pass_ids.get(name) or pass_ids.get(name.upper(), name) for name in written)
    return Directive(names, match["file"] is not None)


def _mistake(comment: str) -> str:
    """What is wrong with a comment that is nearly a suppression; empty for any other comment."""
    match = _ADDRESSED.search(comment)
    if match is None:
        return ""
    near = get_close_matches(match["word"].lower(), _WORDS, n=1, cutoff=0.6)
    begins = match["word"].lower().startswith(("ignore", "disable", "noqa", "suppress"))
    if not near and not begins:
        return ""
    if not match["colon"] and not match["names"] and match["word"].lower() not in _WORDS:
        return ""  # Prose that begins with the name of the tool.
    word = near[0] if near else "ignore"
    return f"the comment is not a suppression as it is written; did you mean `# cnpfix: {word}[id]`?"


def unused(
    suppressions: Iterable[Suppression],
    used: Set[tuple[Suppression, str]],
    ran: frozenset[str],
    known: frozenset[str],
    *,
    every: bool,
) -> list[Unused]:
    """What silences nothing: names that no pass has, passes that ran and found nothing there, comments that are none.

    `used` holds each suppression with the pass ids that it silenced, `ran` the ids of the passes that ran, and `every`
    says whether that is all of them: only then does a comment that names no pass silence nothing.
    """
    found: list[Unused] = []
    for suppression in suppressions:
        if suppression.mistake:
            found.append(Unused(suppression, (), suppression.mistake))
        elif not suppression.names:
            if every and not any(item is suppression or item == suppression for item, _ in used):
                found.append(Unused(suppression, ()))
        else:
            unknown = tuple(name for name in suppression.names if name not in known)
            idle = tuple(name for name in suppression.names if name in ran and (suppression, name) not in used)
            if unknown:
                found.append(Unused(suppression, unknown, _unknown(unknown, known)))
            if idle:
                found.append(Unused(suppression, idle))
    return found


def _unknown(names: tuple[str, ...], known: frozenset[str]) -> str:
    near = [match for name in names for match in get_close_matches(name, sorted(known), n=1, cutoff=0.5)]
    words = "no pass has this id" if len(names) == 1 else "no passes have these ids"
    return (
        f"{words}; did you mean {' and '.join(dict.fromkeys(near))}?"
        if near
        else f"{words}; `cnpfix passes` lists them"
    )
