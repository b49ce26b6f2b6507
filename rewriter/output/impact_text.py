"""The impact of an upgrade for people: what changes in numbers, policy by policy, and between workloads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.engine.run.impact_result import DEAD, WOKEN, Change, Impact, PolicyImpact
from rewriter.output import policy_changes
from rewriter.output.style import CLOSES, OPENS, Style, clean, logged, one_line
from rewriter.reach.pairs import MeshDifference, PairChange
from rewriter.text import join_names

_WIDTH = 14
#: Rows of pairs that are shown; every one is in the JSON.
MOST_PAIRS = 40
_MOST_TEMPLATES = 3
_VERBS = {"opened": ("opens", "red"), "closed": ("closes", "yellow")}


def render(impact: Impact, versions: tuple[str, str], style: Style) -> str:
    """The impact as text for a terminal."""
    lines = [*_title(impact, versions, style)]
    if impact.policies or impact.undone.pairs or impact.fixed.pairs:
        lines += ["", *_table(impact, style)]
    for policy in impact.policies:
        lines += ["", *_policy(policy, impact, style)]
    lines += _pairs(impact, style)
    lines += _released(impact, style)
    lines += policy_changes.lines(impact.rewritten, style)
    lines += ["", *_summary(impact, versions, style)]
    return logged("".join(line.rstrip() + "\n" for line in lines))


#: The rows of the summary in words, by their names in reports.
ROWS = {
    "policies_changed": "policies whose flows change",
    "policies_possible": "the same for pods that are not known",
    "policies_dead": "policies that stop being enforced",
    "policies_woken": "policies that start being enforced",
    "pairs_closed": "pairs of workloads that close",
    "pairs_opened": "pairs of workloads that open",
    "workloads_released": "workloads that lose their last policy",
}


def numbers(impact: Impact) -> Iterator[tuple[str, int, int, int, int]]:
    """The rows of the summary, each with its name in `ROWS` and four numbers of policies, pairs or workloads.

    How many the upgrade changes with nothing done, how many change after the rewrite; and of these how many the upgrade
    changes all the same, and how many the rewrite changes on purpose. A policy may count in both. One whose flows
    change only for pods that could exist, and of which none is known, counts apart.
    """
    policies = impact.policies
    columns = (
        [item.undone for item in policies],
        [item.fixed for item in policies],
        [item.left for item in policies],
        [item.on_purpose for item in policies],
    )
    meshes = (impact.undone, impact.fixed, impact.left, impact.on_purpose)

    def changed(changes: list[Change]) -> int:
        return sum(change.real for change in changes)

    def possible(changes: list[Change]) -> int:
        return sum(bool(change.flows.opened or change.flows.closed) and not change.real for change in changes)

    def become(state: str, changes: list[Change]) -> int:
        return sum(change.state == state for change in changes)

    def row(name: str, counts: Iterator[int]) -> tuple[str, int, int, int, int]:
        undone, fixed, left, purpose = counts
        return name, undone, fixed, left, purpose

    yield row("policies_changed", (changed(column) for column in columns))
    if impact.workloads:
        yield row("policies_possible", (possible(column) for column in columns))
    yield row("policies_dead", (become(DEAD, column) for column in columns))
    yield row("policies_woken", (become(WOKEN, column) for column in columns))
    if impact.workloads:
        for change in ("closed", "opened"):
            yield row(f"pairs_{change}", (count(mesh, change) for mesh in meshes))
        yield row("workloads_released", (len(mesh.released) for mesh in meshes))


def count(difference: MeshDifference, change: str) -> int:
    """The pairs of workloads that open or close, on whatever ports."""
    ends = {
        (s, d) for pair in difference.pairs if pair.change == change for s in pair.sources for d in pair.destinations
    }
    return len(ends)


def heads(impact: Impact) -> tuple[str, str]:
    """The two states in words: with nothing done, and after the rewrite."""
    return ("as it was", "rewritten") if impact.by_hand else ("nothing done", "after the fixes")


def columns_of(impact: Impact) -> tuple[str, ...]:
    """The headings of the summary. What the fixes change on purpose is no damage of the upgrade, so it stands apart."""
    return heads(impact) if impact.by_hand else ("upgrade alone", "with fixes", "on purpose")


def fate(policy: PolicyImpact, impact: Impact) -> str:
    """What becomes of a policy's impact with the rewrite."""
    if not policy.rewritten:
        return "not rewritten" if impact.by_hand else "left to you"
    by = "the rewrite" if impact.by_hand else ", ".join(policy.fixes)
    what = "mended" if not policy.fixed else "not mended" if policy.fixed == policy.undone else "changed"
    return f"{what}{f' by {by}' if by else ''}"


def state_words(change: Change) -> str:
    """How a policy's state changes, and why."""
    rejected = ", rejected until then" if change.state == WOKEN else ""
    return f"{change.state}{rejected}{f': {change.reason}' if change.reason else ''}"


def shown_pairs(impact: Impact) -> list[tuple[PairChange, str]]:
    """Every pair that changes, with what the rewrite makes of it."""
    undone, left = set(impact.undone.pairs), set(impact.fixed.pairs)
    by = "by the rewrite" if impact.by_hand else "by the fixes"
    return [
        (pair, "mended" if pair not in left else "left" if pair in undone else by) for pair in sorted(undone | left)
    ]


def _title(impact: Impact, versions: tuple[str, str], style: Style) -> Iterator[str]:
    where = f" in {', '.join(impact.clusters)}" if impact.clusters else ""
    yield style.paint(one_line(f"Cilium {' → '.join(dict.fromkeys(versions))}{where}"), "bold")


def _table(impact: Impact, style: Style) -> Iterator[str]:
    rows = list(numbers(impact))
    width = max(len(ROWS[name]) for name, *_ in rows)
    heading = "".join(f"{words:>{_WIDTH}}" for words in columns_of(impact))
    yield style.paint(f"{'':<{width}}{heading}", "dim")
    for name, undone, fixed, left, purpose in rows:
        second = fixed if impact.by_hand else left
        good = style.paint(f"{second or '·':>{_WIDTH}}", *(["red"] if second else ["green"] if undone else []))
        third = "" if impact.by_hand else f"{purpose or '·':>{_WIDTH}}"
        yield f"{ROWS[name]:<{width}}{undone or '·':>{_WIDTH}}{good}{third}"


def _policy(policy: PolicyImpact, impact: Impact, style: Style) -> Iterator[str]:
    located = policy.policy
    name = "/".join(part for part in (located.policy.namespace, located.policy.name) if part)
    mark = fate(policy, impact)
    yield (
        f"{style.paint(clean(f'{located.path}:{policy.line}'), 'bold')}"
        f"  {style.paint(mark, 'yellow' if policy.fixed else 'green')}"
    )
    yield from style.wrap(f"{located.policy.kind} {name}", 2, "in       ")
    yield from _change(policy.undone, style)
    if policy.fixed != policy.undone:
        if policy.fixed:
            if policy.undone.state or policy.undone or not impact.by_hand:
                yield style.paint(f"  {heads(impact)[1]}", "dim")
            yield from _change(policy.fixed, style)
        elif policy.undone:
            yield from style.wrap("as it is today", 2, "fixed    ")


def _change(change: Change, style: Style) -> Iterator[str]:
    if change.state:
        yield from style.wrap(state_words(change), 2, "policy   ")
    for verb, flows, color in (("opens", change.flows.opened, OPENS), ("closes", change.flows.closed, CLOSES)):
        for number, flow in enumerate(flows):
            yield from style.wrap(flow, 2, f"{verb if number == 0 else '':<9}", color)


def _pairs(impact: Impact, style: Style) -> Iterator[str]:
    rows = shown_pairs(impact)
    if not rows:
        return
    yield ""
    yield style.paint("Between workloads", "bold")
    for pair, what in rows[:MOST_PAIRS]:
        verb, color = _VERBS[pair.change]
        ends = f"{_ends(pair.sources)} → {_ends(pair.destinations)} on {pair.ports}"
        lines = style.wrap(f"{ends}: {what}", 2, f"{verb:<9}", color)
        last = lines[-1].removesuffix(what)
        yield from lines[:-1]
        yield last + style.paint(lines[-1][len(last) :], "green" if what == "mended" else "yellow")
    if len(rows) > MOST_PAIRS:
        yield style.paint(f"  and {len(rows) - MOST_PAIRS} more (--format json has all)", "dim")


def _ends(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _released(impact: Impact, style: Style) -> Iterator[str]:
    released = sorted(set(impact.undone.released) | set(impact.fixed.released))
    if not released:
        return
    yield ""
    yield style.paint("Workloads that lose their last enforced policy, and are open then", "bold")
    for name in released[:MOST_PAIRS]:
        left = name in impact.fixed.released
        yield f"  {clean(name)}  {style.paint('left' if left else 'mended', 'red' if left else 'green')}"
    if len(released) > MOST_PAIRS:
        yield style.paint(f"  and {len(released) - MOST_PAIRS} more (--format json has all)", "dim")


def _summary(impact: Impact, versions: tuple[str, str], style: Style) -> Iterator[str]:
    if not impact.total:
        yield from style.wrap(f"No policies found. {left_out(impact)}".rstrip(), 0)
        return
    changed = sum(_counts(item.undone) for item in impact.policies)
    left = sum(_counts(item.fixed) for item in impact.policies)
    rewrite = "rewrite" if impact.by_hand else "fixes"
    if impact.by_hand and versions[0] == versions[1]:
        text = f"The rewrite changes {f'flows of {left}' if left else 'no flow'} of {_counted(impact.total)}."
    elif not changed and not left:
        text = f"The upgrade to {versions[1]} changes no flow of {_counted(impact.total)}."
    else:
        alone = f"flows of {changed}" if changed else "no flow"
        text = (
            f"The upgrade alone changes {alone} of {_counted(impact.total)}; together with the {rewrite} it changes "
            f"flows of {left or 'none'}."
        )
    possible = sum(
        bool(change) and not _counts(change) for change in (item.undone or item.fixed for item in impact.policies)
    )
    if possible:
        text += f" Of {_counted(possible)} only flows of pods that are not known change."
    if impact.alone and not impact.mesh:
        text += f" Meshed with no other cluster: {clean('; '.join(impact.alone))}."
    elif not impact.mesh:
        text += " No mesh is known: if clusters are meshed, name them in cnpfix.toml."
    if not impact.workloads:
        text += " No workloads are known, so policies are judged by their selectors alone."
    if impact.not_enforced:
        text += f" {unenforced(impact)}"
    yield from style.wrap(f"{text} {left_out(impact)}".rstrip(), 0)
    if impact.unread_settings:
        yield from style.wrap(as_defaults(impact), 0)


def unenforced(impact: Impact) -> str:
    """In which clusters no policy is enforced; empty for none."""
    return f"No policy is enforced in {join_names(map(clean, impact.not_enforced))}." if impact.not_enforced else ""


def _counts(change: Change) -> bool:
    """Whether a change is more than one of flows of pods that are not known."""
    return bool(change) and (change.real or not (change.flows.opened or change.flows.closed))


def as_defaults(impact: Impact) -> str:
    """That settings which are not read count as the defaults, and where they are; empty where all are read."""
    if not impact.unread_settings:
        return ""
    places = join_names(map(clean, impact.unread_settings), most=_MOST_TEMPLATES)
    return f"Settings of Cilium that are not read count as the defaults: {places}."


def left_out(impact: Impact) -> str:
    """That policies in templates are not judged, and where they are; empty where there are none."""
    if not impact.left_out:
        return ""
    verb = "is" if len(impact.left_out) == 1 else "are"
    count = f"{len(impact.left_out)} {'template' if len(impact.left_out) == 1 else 'templates'}"
    more = len(impact.left_out) - _MOST_TEMPLATES
    places = ", ".join(map(clean, impact.left_out[:_MOST_TEMPLATES])) + (f" and {more} more" if more > 0 else "")
    return f"Policies of {count} that {verb} not rendered are left out: {places}."


def _counted(number: int) -> str:
    return f"{number} {'policy' if number == 1 else 'policies'}"
