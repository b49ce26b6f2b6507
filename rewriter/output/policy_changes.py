"""What a rewrite by hand changes in the policies themselves, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rewriter.engine.run.impact_result import PolicyChange, PolicyImpact, RewrittenPolicy
from rewriter.output.style import Style, clean, one_line
from rewriter.yamltext.differences import ADDED, CHANGED

TITLE = "What the rewrite changes in the policies"
#: Lines that are shown; every one is in the JSON.
MOST_CHANGES = 40
_LONGEST = 80
_VERBS = {ADDED: "adds", CHANGED: "changes"}
_ORDER_ONLY = "only the order of items, or the way in which values are written"


def lines(policies: Sequence[RewrittenPolicy], style: Style) -> Iterator[str]:
    """The section of the text; nothing where no policy is rewritten."""
    if not policies:
        return
    yield ""
    yield style.paint(TITLE, "bold")
    left = MOST_CHANGES
    for number, policy in enumerate(policies):
        if left <= 0:
            yield style.paint(f"  and {len(policies) - number} more policies (--format json has all)", "dim")
            return
        place = clean(f"{policy.policy.path}:{policy.line}")
        yield f"  {style.paint(place, 'bold')}  {one_line(name_of(policy))}{f' {policy.state}' if policy.state else ''}"
        shown = list(sentences(policy))
        for verb, what in shown[:left]:
            yield from style.wrap(what, 4, f"{verb:<9}")
        if len(shown) > left:
            yield style.paint(f"    and {len(shown) - left} more (--format json has all)", "dim")
        left -= len(shown) or 1


def name_of(policy: RewrittenPolicy) -> str:
    read = policy.policy.policy
    return f"{read.kind} {'/'.join(part for part in (read.namespace, read.name) if part)}"


def sentences(policy: RewrittenPolicy) -> Iterator[tuple[str, str]]:
    """Each change of a policy as a verb and what it does: `adds`, `spec.ingress[1]: a rule from pods app=web`."""
    if not policy.changes and not policy.state:
        yield "changes", _ORDER_ONLY
    for change in policy.changes:
        yield _VERBS.get(change.difference.change, "removes"), _words(change)


def _words(change: PolicyChange) -> str:
    difference = change.difference
    place = difference.place or "the whole policy"
    if change.rule:
        return f"{place}: {change.rule}"
    if difference.change == CHANGED:
        return f"{place}: {_short(difference.old)} → {_short(difference.new)}"
    return f"{place}: {_short(difference.new if difference.change == ADDED else difference.old)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def named(item: RewrittenPolicy | PolicyImpact) -> dict[str, Any]:
    """Where a policy stands and what it is called, as reports for programs have it."""
    policy = item.policy.policy
    return {
        "file": item.policy.path,
        "line": item.line,
        "document": item.policy.document.index,
        "kind": policy.kind,
        "namespace": policy.namespace or "",
        "name": policy.name,
    }


def as_json(policy: RewrittenPolicy) -> dict[str, Any]:
    return {
        **named(policy),
        "state": policy.state,
        "changes": [
            {
                "change": change.difference.change,
                "route": change.difference.pointer,
                "old": change.difference.old,
                "new": change.difference.new,
                "rule": change.rule,
            }
            for change in policy.changes
        ],
    }
