"""Entries of a rule that stand for other peers: they go, and rules for these peers come in their place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from rewriter.cilium.policy import PeerField, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.finding import Operation
from rewriter.passes.kit.changes.change import Change, flows_of, patch
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.coverage import add_after, remove_entries, replace_rule, sibling, uncovered_rules
from rewriter.passes.kit.changes.forms import Form, list_of
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class NewPeers:
    """Peers that a rule gets: entries of one peer field, in words.

    `ports` take the place of the rule's own (`toPorts`, or `ports` of a NetworkPolicy); None where these stay.
    """

    field: str
    entries: Sequence[object]
    words: str
    ports: Sequence[object] | None = None

    def rule(self, old: Rule) -> Form:
        """The sibling of a rule with these peers and ports."""
        new = sibling(old, {self.field: list(self.entries)})
        if self.ports is None:
            return new
        name = "ports" if self.field in ("from", "to") else "toPorts"
        if self.ports:
            return {**new, name: list(self.ports)}
        return {key: value for key, value in new.items() if key != name}


def swapped(
    context: Context,
    spec: Spec,
    rule: Rule,
    field: PeerField,
    gone: Collection[int],
    news: Sequence[NewPeers],
    *,
    closes: str = "",
) -> Change:
    """Takes entries out of a peer field and adds rules for what they stand for.

    What the new rules mean opens. The entries match no peer, so that removing them closes nothing; `closes` are the
    words for what they mean where they do, but for what the new rules mean. Where no entry is
    left, the first new rule takes the place of the old one, with its comments. Rules that the list has are not added.
    """
    rules: list[tuple[NewPeers, Form]] = []
    for new in news:  # Two addresses may stand for the same peers.
        if all(new.rule(rule) != raw for _, raw in rules):
            rules.append((new, new.rule(rule)))
    rest = [entry for index, entry in enumerate(field.entries) if index not in gone]
    there = [{**rule.raw, field.name: rest}] if rest else []
    wanted = uncovered_rules(context, rule, [raw for _, raw in rules], besides=there)
    added = [(peers, raw) for peers, raw in rules if raw in wanted]
    opens = tuple(rule_flows(context, spec, rule, peers.words, raw) for peers, raw in added)
    were = sibling(rule, {field.name: [field.entries[index] for index in sorted(gone)]})
    closed = (flows_of(context, spec, rule, closes, were, rest=True),) if closes else ()
    return Change(tuple(_operations(rule, field, gone, rest, [raw for _, raw in added])), opens, closed)


def _operations(
    rule: Rule, field: PeerField, gone: Collection[int], rest: Sequence[object], new: Sequence[Mapping[str, object]]
) -> Iterator[Operation]:
    if field.name in ("from", "to") and new and (not rest or new[0].get("ports") == rule.raw.get("ports")):
        yield from _in_list(rule, field, sorted(gone), new[0])
        yield from add_after(rule, new[1:])
    elif rest:
        yield from remove_entries(field.route, gone)
        yield from add_after(rule, new)
    elif new:
        yield from patch(rule.route, rule.raw, new[0])
        yield from add_after(rule, new[1:])
    else:
        yield from replace_rule(rule, [])


def _in_list(rule: Rule, field: PeerField, gone: Sequence[int], new: Mapping[str, object]) -> Iterator[Operation]:
    """The peers of a NetworkPolicy's rule, in the place of the first that goes, and the rule's new ports."""
    first = gone[0]
    peers = list_of(new[field.name])
    yield from remove_entries(field.route, gone[1:])
    yield {"op": "replace", "path": field.entry_route(first), "value": peers[0]}
    for number, peer in enumerate(peers[1:], first + 1):
        yield {"op": "add", "path": field.entry_route(number), "value": peer}
    if "ports" in new and "ports" not in rule.raw:
        yield {"op": "add", "path": f"{rule.route}/ports", "value": new["ports"]}
    elif "ports" in new:
        yield from patch(f"{rule.route}/ports", rule.raw.get("ports"), new["ports"])
