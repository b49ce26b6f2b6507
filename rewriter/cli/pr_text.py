"""What `cnpfix pr` prints: a block for each group, aligned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rewriter.bot.clone import Clone
from rewriter.bot.run import Action, Outcome, Settings
from rewriter.output.folding import policy_name
from rewriter.output.style import Style, clean
from rewriter.output.text import diff_lines

_INDENT = 13
_DONE = {
    Action.OPEN: ("opened", "green"),
    Action.UPDATE: ("updated", "green"),
    Action.UNCHANGED: ("unchanged", "dim"),
    Action.CLOSE: ("closed", "green"),
    Action.STOPPED: ("stopped", "yellow"),
    Action.DECLINED: ("declined", "yellow"),
    Action.WAITING: ("waiting", "yellow"),
    Action.FAILED: ("failed", "red"),
}
_WOULD = _DONE | {
    Action.OPEN: ("would open", "green"),
    Action.UPDATE: ("would update", "green"),
    Action.CLOSE: ("would close", "green"),
}


def head(settings: Settings, clone: Clone, where: str, style: Style, *, unasked: str) -> Iterator[str]:
    """Which base is worked on. `unasked` says why the forge cannot be asked what is open."""
    yield from style.wrap(f"{where}, {clone.base_branch} at {clone.base[:10]}", 0)
    yield from style.wrap(f"Cilium {settings.from_version} to {settings.to_version}", 0)
    if unasked:
        yield from style.wrap(f"The forge is not asked which requests are open: {unasked}", 0)
    yield ""


def outcome(
    item: Outcome, settings: Settings, style: Style, *, verbose: bool, body: Path | None = None
) -> Iterator[str]:
    """The block of one group; in a dry run with commit, diff and, if `verbose`, the request's body.

    `body` is the file that has the text too.
    """
    verb, color = (_WOULD if settings.dry_run else _DONE)[item.action]
    yield f"{style.paint(f'{verb:<{_INDENT}}', color, *(('bold',) if color == 'red' else ()))}{clean(item.branch)}"
    if item.group is not None:
        yield from style.wrap(_counts(item, settings), _INDENT)
    if item.url:
        yield " " * _INDENT + clean(item.url)
    if item.detail:
        yield from style.wrap(item.detail, _INDENT)
    for note in item.notes:
        yield from style.wrap(note, _INDENT, "note  ")
    if settings.dry_run and item.action in (Action.OPEN, Action.UPDATE):
        if body is not None:
            yield f"{'':{_INDENT}}{style.paint('body       ', 'dim')}{clean(str(body))}"
        yield from _preview(item, settings, style, verbose=verbose)
    yield ""


def _counts(item: Outcome, settings: Settings) -> str:
    assert item.group is not None
    verb = "would be fixed" if settings.dry_run else "fixed"
    parts = [f"{len(item.group.fixed)} {verb} in {_count(len(item.group.files), 'file')}"]
    if item.group.left:
        parts.append(f"{len(item.group.left)} left for a person")
    label = f"{item.group.label}: " if item.group.label else ""
    return label + ", ".join(parts) + (" (unsafe)" if item.group.unsafe else "")


def _preview(item: Outcome, settings: Settings, style: Style, *, verbose: bool) -> Iterator[str]:
    assert item.group is not None and item.words is not None
    yield from style.wrap(item.words.title, _INDENT, "title      ")
    if item.action is Action.OPEN:
        if settings.draft:
            yield from style.wrap("yes", _INDENT, "draft      ")
        if settings.labels:
            yield from style.wrap(", ".join(settings.labels), _INDENT, "labels     ")
        if item.reviewers:
            yield from style.wrap(", ".join(item.reviewers), _INDENT, "reviewers  ")
    for fixed in item.group.fixed:
        for label, flows in (("opens      ", fixed.flows.opened), ("closes     ", fixed.flows.closed)):
            for flow in flows:
                yield from style.wrap(f"{policy_name(fixed)}: {flow}", _INDENT, label)
    if verbose:
        yield ""
        for line in (*item.words.message.splitlines(), "", *item.words.body.splitlines()):
            yield f"  {style.paint('│', 'dim')} {clean(line)}"
    for result in item.group.files:
        yield ""
        yield from diff_lines(result, style)


def summary(outcomes: Sequence[Outcome], settings: Settings, style: Style) -> Iterator[str]:
    """One line over all groups."""
    if not outcomes:
        yield from style.wrap("Nothing to fix, and no request is open.", 0)
        return
    verbs = _WOULD if settings.dry_run else _DONE
    counts = Counter(verbs[item.action][0] for item in outcomes)
    parts = [f"{counts[verb]} {verb}" for verb, _ in verbs.values() if counts[verb]]
    yield from style.wrap(f"{_count(len(outcomes), 'request')}: {', '.join(parts)}.", 0)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
