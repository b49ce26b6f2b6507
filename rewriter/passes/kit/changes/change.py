"""What a fix does, stated once: from "this becomes that" come the operations and the flows that open and close.

Every builder gives the change as an *allow* rule would have it. `report` swaps what opens and what closes in deny
rules, so that no pass does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rewriter.cilium.policy import Rule, Spec
from rewriter.cilium.selector import escape_pointer
from rewriter.cilium.terms import Term
from rewriter.evidence.context import Context
from rewriter.finding import FlowClaim, Operation
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.coverage import add_after, sibling, uncovered_rules
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """The operations of a fix, and the flows that they open and close."""

    operations: tuple[Operation, ...]
    opens: tuple[FlowClaim, ...] = ()
    closes: tuple[FlowClaim, ...] = ()

    def __add__(self, other: Change) -> Change:
        """Both changes together: the other's operations come after this one's."""
        return Change(self.operations + other.operations, self.opens + other.opens, self.closes + other.closes)


def rule_added(
    context: Context, spec: Spec, rule: Rule, peers: Mapping[str, object], words: str, **members: object
) -> Change | None:
    """A sibling right after a rule, with these peers and the rule's ports: opens its flows, described by `words`.

    `members` take the place of the rule's own (`toPorts=[...]`; None leaves a member out). None where another rule of
    the list means all of it already.
    """
    new = {**sibling(rule, peers), **members}
    new = {name: value for name, value in new.items() if value is not None}
    if not uncovered_rules(context, rule, [new]):
        return None
    return Change(add_after(rule, [new]), (rule_flows(context, spec, rule, words, new),))


def rule_becomes(
    context: Context,
    spec: Spec,
    rule: Rule,
    new: Mapping[str, object],
    opens: str = "",
    closes: str = "",
    *,
    was: Mapping[str, object] | None = None,
) -> Change:
    """A rule becomes another in its place. `opens` and `closes` describe the peers of what it gains and loses.

    What it gains are the new rule's flows, what it loses those of the old one (`was`, where only a part is meant).
    """
    return Change(
        in_place(rule, new),
        (rule_flows(context, spec, rule, opens, new),) if opens else (),
        (rule_flows(context, spec, rule, closes, was or rule.raw),) if closes else (),
    )


def in_place(rule: Rule, new: Mapping[str, object]) -> tuple[Operation, ...]:
    """The operations that make a rule another in its place."""
    return tuple(patch(rule.route, rule.raw, new))


def flows_of(
    context: Context,
    spec: Spec,
    rule: Rule,
    words: str,
    *rules: Mapping[str, object],
    terms: Iterable[Term] | None = None,
    rest: bool = False,
) -> FlowClaim:
    """The flows of rules in the place of one, in words about their peers (see `kit.claims.rule_flows`).

    With `rest`, what the policy still allows once it is fixed is not meant.
    """
    return replace(rule_flows(context, spec, rule, words, *rules, terms=terms), rest=rest)


def patch(route: str, old: object, new: object) -> Iterator[Operation]:
    """The smallest operations that make a value another: members and items that stay are not touched.

    Lists are compared from both ends, so that items that go or come in the middle leave their neighbours alone.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in old:
            if key not in new:
                yield {"op": "remove", "path": f"{route}/{escape_pointer(str(key))}"}
        for key, value in new.items():
            path = f"{route}/{escape_pointer(str(key))}"
            if key not in old:
                yield {"op": "add", "path": path, "value": value}
            elif old[key] != value:
                yield from patch(path, old[key], value)
    elif isinstance(old, list) and isinstance(new, list) and old and new:
        yield from _patch_list(route, old, new)
    elif old != new:
        yield {"op": "replace", "path": route, "value": new}


def _patch_list(route: str, old: Sequence[object], new: Sequence[object]) -> Iterator[Operation]:
    start, end = 0, 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    gone, come = old[start : len(old) - end], new[start : len(new) - end]
    both = min(len(gone), len(come))
    for number in range(both):
        yield from patch(f"{route}/{start + number}", gone[number], come[number])
    for number in range(len(gone) - 1, both - 1, -1):
        yield {"op": "remove", "path": f"{route}/{start + number}"}
    for number in range(both, len(come)):
        yield {"op": "add", "path": f"{route}/{start + number}", "value": come[number]}
