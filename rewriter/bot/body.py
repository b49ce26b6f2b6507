"""The words of a pull request: title, commit message, and a body in named parts with a hidden marker.

The marker frames what the bot writes. What a person writes above or below stays; inside, the bot's own digest says
whether there is anything new to write.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rewriter.bot.groups import Group
from rewriter.engine.result import FileResult, Reported
from rewriter.finding import Applicability
from rewriter.output.diff import unified_diff
from rewriter.output.markdown import details, escaped, left_for_a_person, table
from rewriter.output.style import one_line

#: Characters of a body. GitHub refuses more than 65,536; what people add around needs room too.
MAX_BODY = 60_000
_MAX_TABLE = 20_000
_MAX_LEFT = 10_000

_BEGIN = re.compile(r"<!-- cnpfix:1 scope=([0-9a-f]{16}) change=([0-9a-f]{16}) body=([0-9a-f]{16})(?: (done))? -->")
_END = "<!-- /cnpfix -->"


@dataclass(frozen=True, slots=True)
class Marker:
    """What the bot remembers in a body: which run it is of, which change it proposes, what it wrote.

    `done` says that the bot itself closed the request.
    """

    scope: str
    change: str
    body: str
    done: bool = False

    def __str__(self) -> str:
        tail = " done" if self.done else ""
        return f"<!-- cnpfix:1 scope={self.scope} change={self.change} body={self.body}{tail} -->"


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that a pull request says: title, commit message, and body with its marker."""

    title: str
    message: str
    body: str
    marker: Marker


def digest(*parts: str) -> str:
    """Sixteen hex digits over texts, for markers."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def words_for(group: Group, from_version: str, to_version: str, scope: str) -> Words:
    """The words for a group. `scope` is the digest of what the run is over: see `Marker`."""
    title = _valid(_title(group, to_version))
    text = _valid(_body(group, from_version, to_version))
    change = digest(*(line for result in group.files for line in _changed_lines(result)))
    marker = Marker(scope, change, _text_digest(text))
    return Words(title, f"{title}\n\n{_valid(_message(group))}", f"{marker}\n{text}\n{_END}\n", marker)


def marker_in(body: str) -> Marker | None:
    """The marker of a body; None for a body that the bot did not write."""
    found = _BEGIN.search(body)
    return Marker(found[1], found[2], found[3], found[4] is not None) if found else None


def is_edited(body: str) -> bool:
    """Whether the bot's part of a body is not the text that its marker has the digest of.

    Forges change line ends and blanks at them, which is no edit. False for a body that the bot did not write.
    """
    begin = _BEGIN.search(body)
    if begin is None:
        return False
    end = body.find(_END, begin.end())
    return end < 0 or _text_digest(body[begin.end() : end]) != begin[3]


def _text_digest(text: str) -> str:
    """The digest of a text, whatever its line ends and the blanks before them."""
    return digest("\n".join(line.rstrip() for line in text.splitlines()).strip())


def replaced(body: str, new: str) -> str:
    """A body with the bot's part replaced, and what people wrote around it kept."""
    begin = _BEGIN.search(body)
    if begin is None:
        return new
    end = body.rfind(_END)
    after = body[end + len(_END) :].lstrip("\r\n") if end > begin.start() else ""
    return (body[: begin.start()] + new + (f"\n{after}" if after else ""))[: MAX_BODY + 5_000]


def marked_done(body: str) -> str:
    """A body whose marker says that the bot closed the request."""
    found = marker_in(body)
    return _BEGIN.sub(str(Marker(found.scope, found.change, found.body, done=True)), body, count=1) if found else body


def _valid(text: str) -> str:
    """Text that UTF-8 can hold: bytes of a file's name that are none are question marks."""
    return text.encode("utf-8", "replace").decode()


def _changed_lines(result: FileResult) -> Iterator[str]:
    """A file's name and the lines that its diff takes and gives: the change, wherever in the file it stands."""
    yield result.path
    yield from (line for line in unified_diff(result).split("\n")[2:] if line.startswith(("+", "-")))


def _title(group: Group, to_version: str) -> str:
    """The first line of commit and request; 72 columns or a little more."""
    title = f"Prepare Cilium network policies for {to_version}"
    if group.unsafe:
        title = f"Guess at Cilium network policies for {to_version}"
    return one_line(f"{title}: {group.label}" if group.label else title)[:200]


def _message(group: Group) -> str:
    """What the commit says below its first line: files, and in each which finding is fixed and what opens or closes."""
    lines: list[str] = []
    for result in group.files:
        lines.append(one_line(result.path))
        for item in result.findings:
            if item.fixed:
                lines.append(f"  {item.finding.code} {item.finding.id}: {policy_name(item)}")
                lines += [f"    opens {one_line(flow)}" for flow in item.flows.opened]
                lines += [f"    closes {one_line(flow)}" for flow in item.flows.closed]
    return "\n".join(lines[:400]) + ("\n…" if len(lines) > 400 else "")


def policy_name(item: Reported) -> str:
    """`namespace/name` of a finding's policy, clean and on one line."""
    location = item.location
    return one_line("/".join(filter(None, (location.namespace, location.name))) or location.kind)


def _body(group: Group, from_version: str, to_version: str) -> str:
    head = "\n".join(_summary(group, from_version, to_version))
    rows = list(table(group.fixed))
    changes = _bounded(rows, _MAX_TABLE, "| … | {left} more, in the files of this request | | |")
    left = "\n".join(_left(group.left))
    room = MAX_BODY - len(head) - len(changes) - len(left) - 1_000
    parts = [head, f"### What changes\n\n{changes}", _diffs(group.files, room), left, "\n".join(_controls())]
    return "\n\n".join(part for part in parts if part)


def _summary(group: Group, from_version: str, to_version: str) -> Iterator[str]:
    fixed = group.fixed
    files = len(group.files)
    opens = sum(bool(item.flows.opened) for item in fixed)
    closes = sum(bool(item.flows.closed) for item in fixed)
    passes = ", ".join(f"{count} × {name}" for name, count in sorted(Counter(i.finding.id for i in fixed).items()))
    yield f"## Cilium network policies: {from_version} to {to_version}"
    yield ""
    if group.label:
        yield f"Group: **{escaped(group.label)}**"
        yield ""
    yield f"**{len(fixed)}** fixed in **{files}** {'file' if files == 1 else 'files'} ({passes})."
    counted = [f"{count} {verb} flows" for count, verb in ((opens, "open"), (closes, "close")) if count]
    if counted:
        yield f"Of these, {' and '.join(counted)}; the table says which."
    elif all(item.finding.applicability is Applicability.SAFE for item in fixed):
        yield "No flow changes against what runs today."
    if group.unsafe:
        yield ""
        yield "> **Every fix in this request is a guess at what was meant.** Merge it only if you know it is right."


def _diffs(files: Sequence[FileResult], room: int) -> str:
    """The collapsed diffs that fit in a room of characters, and a line on those that do not."""
    shown: list[str] = []
    missing = 0
    for result in files:
        text = "\n".join(details(result))
        if len(text) <= room:
            room -= len(text) + 1
            shown.append(text)
        else:
            missing += 1
    if missing:
        verb = "diff is" if missing == 1 else "diffs are"
        shown.append(f"\n{missing} more {verb} too long for this page: see the changed files.")
    return "\n".join(shown)


def _left(items: Sequence[Reported]) -> Iterator[str]:
    lines = list(left_for_a_person(items))
    if lines:
        yield "### Left for a person"
        yield ""
        yield _bounded(lines, _MAX_LEFT, "- … and {left} more lines; `cnpfix` shows them all")


def _bounded(lines: Sequence[str], limit: int, rest: str) -> str:
    """Lines up to a limit of characters; then one that says how many are left out."""
    length = 0
    for number, line in enumerate(lines):
        length += len(line) + 1
        if length > limit:
            return "\n".join([*lines[:number], rest.format(left=len(lines) - number)])
    return "\n".join(lines)


def _controls() -> Iterator[str]:
    yield "---"
    yield ""
    yield (
        "cnpfix keeps this request up to date while its branch holds only cnpfix's commit. Push a commit of your own "
        "and the branch is yours. Close the request and it stays closed until the change is another one. "
        "Text above and below this one is kept."
    )
