"""The words of a pull request: title, commit message, and a body that a reviewer can decide on.

What opens traffic comes first and is never cut without a line at the top that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rewriter.bot.groups import Group
from rewriter.bot.marker import MAX_BODY, Marker, digest, framed
from rewriter.engine.results.result import FileResult, NotChecked, Reported
from rewriter.output.diff import unified_diff
from rewriter.output.effects import OPENS, by_effect, effect_of, totals
from rewriter.output.folding import folded, policy_name
from rewriter.output.lines import count
from rewriter.output.links import NO_LINKS, Links, documentation
from rewriter.output.markdown import card, escaped, left_to_people, not_checked, rows, table
from rewriter.output.mermaid import flowchart
from rewriter.output.style import one_line
from rewriter.records import dataclass

#: Bytes of each part; the cards get what the others leave. Rows that open traffic have room of their own.
_MAX_OPENING, _MAX_ROWS, _MAX_LEFT, _MAX_UNCHECKED = 30_000, 8_000, 8_000, 2_000
_RESERVE = 2_000
#: Bytes of a commit message: all that opens and closes is in it.
_MAX_MESSAGE = 400_000


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that a pull request says: title, commit message, and body with its marker."""

    title: str
    message: str
    body: str
    marker: Marker


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a body says beside its own fixes: where lines can be read, and what the run did not check.

    `title` is a template of `[pr]`, with `{from}`, `{to}` and `{group}`; "" for the usual one.
    """

    links: Links = NO_LINKS
    not_checked: tuple[NotChecked, ...] = ()
    title: str = ""


_NOTHING = Surroundings()


def words_for(group: Group, from_version: str, to_version: str, scope: str, around: Surroundings = _NOTHING) -> Words:
    """The words for a group. `scope` is the digest of what the run is over: see `Marker`."""
    title = _valid(_title(group, from_version, to_version, around.title))
    text = _valid(_body(group, from_version, to_version, around))
    change = digest(*(line for result in group.files for line in _changed_lines(result)))
    body, marker = framed(scope, change, text)
    return Words(title, f"{title}\n\n{_valid(_message(group))}", body, marker)


def _valid(text: str) -> str:
    """Text that UTF-8 can hold: bytes of a file's name that are none are question marks."""
    return text.encode("utf-8", "replace").decode()


def _changed_lines(result: FileResult) -> Iterator[str]:
    """A file's name and the lines that its diff takes and gives: the change, wherever in the file it stands."""
    yield result.path
    yield from (line for line in unified_diff(result).split("\n")[2:] if line.startswith(("+", "-")))


def _title(group: Group, from_version: str, to_version: str, template: str) -> str:
    """The first line of commit and request; 72 columns or a little more."""
    if template:
        named = template.replace("{from}", from_version).replace("{to}", to_version)
        title = named.replace("{group}", group.label) if "{group}" in named else _labelled(named, group)
        return one_line(f"Guess: {title}" if group.unsafe else title)[:200]
    title = f"Prepare Cilium network policies for {to_version}"
    if group.unsafe:
        title = f"Guess at Cilium network policies for {to_version}"
    return one_line(_labelled(title, group))[:200]


def _labelled(title: str, group: Group) -> str:
    return f"{title}: {group.label}" if group.label else title


def _message(group: Group) -> str:
    """What the commit says below its first line: files, and in each which finding is fixed and what opens or closes."""
    lines: list[str] = []
    for result in group.files:
        lines.append(one_line(result.path))
        for item in result.findings:
            if item.fixed:
                lines.append(f"  {item.finding.code} {item.finding.id}: {one_line(policy_name(item))}")
                lines += [f"    opens {one_line(flow)}" for flow in item.flows.opened]
                lines += [f"    closes {one_line(flow)}" for flow in item.flows.closed]
    shown, left = _fitting(lines, _MAX_MESSAGE)
    return "\n".join([*shown, f"… and {left} more lines"] if left else shown)


def _body(group: Group, from_version: str, to_version: str, around: Surroundings) -> str:
    fixed = by_effect(group.fixed)
    opening = [item for item in fixed if effect_of(item) == OPENS]
    shown, unshown = _fitting(list(rows(opening, around.links)), _MAX_OPENING)
    others, unnamed = _fitting(list(rows(fixed[len(opening) :], around.links)), _MAX_ROWS)
    head = "\n".join(_head(group, from_version, to_version, unshown, len(opening)))
    lines = [*table(()), *shown, *others]
    if unshown or unnamed:
        lines.append(f"| | … {unshown + unnamed} more: the commit message names each | | |")
    parts = [head, "\n".join(lines), "\n".join(_picture(group, from_version, to_version))]
    left = _part("Left to people", list(left_to_people(group.left, around.links)), len(group.left), _MAX_LEFT)
    unchecked = _part("Not checked", list(not_checked(around.not_checked)), 0, _MAX_UNCHECKED)
    room = MAX_BODY - sum(_weight(part) for part in (*parts, left, unchecked)) - _RESERVE
    texts = {result.path: result.before for result in group.files}
    parts += [_cards(fixed, texts, around.links, room), left, unchecked, "\n".join(_controls())]
    return "\n\n".join(part for part in parts if part)


def _picture(group: Group, from_version: str, to_version: str) -> list[str]:
    """The picture with what it compares: what the upgrade changes and no fix keeps is in it, too."""
    lines = flowchart(group.pictures)
    if lines and from_version != to_version:
        lines.insert(0, f"What these policies allow on {from_version} today, and with the fixes on {to_version}:\n")
    return lines


def _head(group: Group, from_version: str, to_version: str, unshown: int, opening: int) -> Iterator[str]:
    fixed = group.fixed
    if unshown:
        yield (
            f"> **{unshown} of the {opening} fixes that open traffic are not in this text, which is as long as a forge "
            "takes.** The commit message names each with its flows; read it before you merge."
        )
        yield ""
    policies = len({(item.location.file, item.location.namespace, item.location.name) for item in fixed})
    yield (
        f"### Cilium {from_version} → {to_version}: {count(len(fixed), 'fix', 'fixes')} in "
        f"{count(policies, 'policy', 'policies')}"
    )
    yield ""
    if group.label:
        yield f"Group: **{escaped(group.label)}**"
        yield ""
    proofs = f"{documentation()}/proofs.md" if documentation() else ""
    proved = f"[What is proved]({proofs})." if proofs else ""
    yield (
        f"**{totals(fixed)}.** Each fix is proved to change these flows and no other, by the rules of both releases. "
        f"{proved}".rstrip()
    )
    if group.unsafe:
        yield ""
        yield "> **Every fix in this request is a guess at what was meant.** Merge it only if you know it is right."


def _cards(items: Sequence[Reported], texts: Mapping[str, str], links: Links, room: int) -> str:
    """The fixes in full that fit in a room of bytes, and a line on those that do not."""
    shown: list[str] = []
    groups = folded(items)
    for number, group in enumerate(groups):
        text = "\n".join(card(group, texts, links))
        room -= _weight(text) + 1
        if room < 0:
            left = sum(len(group) for group in groups[number:])
            verb = "fix is" if left == 1 else "fixes are"
            shown.append(f"\n{left} more {verb} not shown in full here: see the table, and the changed files.")
            break
        shown.append(text)
    return "\n".join(shown)


def _part(title: str, lines: Sequence[str], number: int, room: int) -> str:
    """A part of the body within so many bytes; "" where there is nothing in it."""
    if not lines:
        return ""
    shown, left = _fitting(lines, room)
    head = f"### {title}{f' ({number})' if number else ''}\n"
    return "\n".join([head, *shown, *([f"- … and {left} more lines; `cnpfix` shows them all"] if left else [])])


def _fitting(lines: Sequence[str], room: int) -> tuple[list[str], int]:
    """The lines that fit in so many bytes, and how many do not."""
    for number, line in enumerate(lines):
        room -= _weight(line) + 1
        if room < 0:
            return list(lines[:number]), len(lines) - number
    return list(lines), 0


def _weight(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _controls() -> Iterable[str]:
    yield "---"
    yield ""
    yield (
        "cnpfix keeps this request up to date while its branch holds only cnpfix's commit. Push a commit of your own "
        "and the branch is yours. Close the request and it stays closed until the change is another one. "
        "Text above and below this one is kept."
    )
