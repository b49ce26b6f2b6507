"""The one comment on a pull request of a person: what its changes do to traffic, kept up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.bot.forge import Forge, Note, bare
from rewriter.engine.run.impact_result import DEAD, DEAD_ON_BOTH, GONE, NEW, WOKEN, Impact, PolicyImpact
from rewriter.output.lines import count
from rewriter.output.links import NO_LINKS, Links
from rewriter.output.markdown import escaped
from rewriter.records import dataclass

#: How the bot finds its own comment: it begins so.
MARK = "<!-- cnpfix:comment -->"
#: Lines of a comment, and of them those of one kind of effect, what opens first; no forge takes more bytes.
MAX_LINES = 60
_MAX_EFFECTS = 44
_MAX_BYTES = 60_000
_MAX_ERRORS = 3
_STATES = {
    NEW: "is a new policy",
    GONE: "is gone",
    DEAD: "is not enforced any more",
    WOKEN: "is enforced from now on",
    DEAD_ON_BOTH: "is not enforced",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """Two commits, shortened, the release by whose rules both are read, and where lines of the newer can be read."""

    base: str
    head: str
    version: str
    links: Links = NO_LINKS


def comment_text(impact: Impact, compared: Compared) -> str:
    """The comment, at most MAX_LINES lines: what opens first, then what closes; what stays as it is, as a number."""
    changed = [item for item in impact.policies if item.rewritten]
    opens = [f"- ⬆ **opens** {escaped(flow)} {_by(i, compared)}" for i in changed for flow in i.fixed.flows.opened]
    closes = [f"- ⬇ **closes** {escaped(flow)} {_by(i, compared)}" for i in changed for flow in i.fixed.flows.closed]
    states = [f"- ● {_name(item, compared)} {_state(item)}" for item in changed if _has_changes(item)]
    shown = _fitting([*opens, *states, *closes])
    lines = [MARK, f"**{_headline(len(opens), len(closes), len(changed))}** ({_between(compared)})", ""]
    hidden = max(0, len(opens) - len(shown))
    if hidden:
        lines += [f"> **{hidden} of the {len(opens)} flows that open are not shown here.**", ""]
    lines += shown
    left = len(opens) + len(states) + len(closes) - len(shown) - hidden
    if left:
        lines.append(f"- … and {left} more; `cnpfix comment --dry-run` counts the same")
    if shown:
        lines.append("")
    lines += list(_errors(impact))
    others = impact.total - len(changed)
    verb = "does" if others == 1 else "do"
    rest = f"{count(others, 'other policy', 'other policies')} {verb} the same as before. " if others else ""
    lines.append(f"{rest}<sub>each policy is judged by itself · updated at each push · cnpfix</sub>")
    return "\n".join(lines) + "\n"


def changes_anything(impact: Impact) -> bool:
    """Whether a comment has something to say: a policy's effect changes, or a file could not be read."""
    return bool(impact.errors) or any(item.rewritten and item.fixed for item in impact.policies)


def post_comment(forge: Forge, number: int, text: str, *, needed: bool) -> str:
    """Puts the text on a request: `written`, `updated` or `unchanged`; `not needed` where none is there or needed.

    Raises ForgeError.
    """
    note = _own(forge, number)
    if note is None:
        if not needed:
            return "not needed"
        forge.write_note(number, text, None)
        return "written"
    if bare(note.body) == bare(text):
        return "unchanged"
    forge.write_note(number, text, note)
    return "updated"


def _own(forge: Forge, number: int) -> Note | None:
    return next((note for note in forge.notes(number) if note.body.startswith(MARK)), None)


def _headline(opens: int, closes: int, changed: int) -> str:
    if not opens and not closes:
        return "This change changes no flow" if changed else "This change leaves all policies as they are"
    parts = f"opens {count(opens, 'flow')}" if opens else "opens no flow"
    return f"This change {parts} and closes {closes or 'none'}"


def _between(compared: Compared) -> str:
    return f"base `{compared.base}` → head `{compared.head}`, Cilium {compared.version}"


def _by(item: PolicyImpact, compared: Compared) -> str:
    return f"by {_name(item, compared)}"


def _name(item: PolicyImpact, compared: Compared) -> str:
    policy = item.policy.policy
    name = escaped("/".join(filter(None, (policy.namespace, policy.name))))
    url = "" if item.fixed.state == GONE else compared.links.line(item.policy.path, item.line)
    return f"[{name}]({url})" if url else name


def _has_changes(item: PolicyImpact) -> bool:
    """Whether the state of a policy is news: flows say of a new one, and of one that is gone, what that means."""
    change = item.fixed
    silent = not (change.flows.opened or change.flows.closed)
    return change.state in _STATES and (silent or change.state not in (NEW, GONE))


def _state(item: PolicyImpact) -> str:
    reason = f": {escaped(item.fixed.reason)}" if item.fixed.reason else ""
    return f"{_STATES[item.fixed.state]}{reason}"


def _fitting(lines: Sequence[str]) -> list[str]:
    """The first lines that a comment has room for."""
    room = _MAX_BYTES
    for number, line in enumerate(lines):
        room -= len(line.encode("utf-8", "replace")) + 1
        if number == _MAX_EFFECTS or room < 0:
            return list(lines[:number])
    return list(lines)


def _errors(impact: Impact) -> Iterator[str]:
    """What could not be read, and so was not compared."""
    for error in impact.errors[:_MAX_ERRORS]:
        yield f"- **not compared**: {escaped(str(error))[:500]}"
    if len(impact.errors) > _MAX_ERRORS:
        yield f"- **not compared**: {len(impact.errors) - _MAX_ERRORS} more files"
    if impact.errors:
        yield ""
