"""What stands for values that a chart prints into a policy and that nothing in the repository gives.

A stand-in fits the place that it is printed at: labels, a selector, a peer, a rule. It names what it stands for as a
placeholder (`${...}`), which passes take for a value not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.policy import KNP
from rewriter.records import dataclass
from rewriter.yamltext.go_template import Action, Block, TemplateLine

Path = tuple[str, ...]

_VALUES = re.compile(r"\$?\.Values((?:\.\w+)+)")
_PRINTED = re.compile(
    r"\btoYaml\s+(?P<what>\.|\$?\.Values(?:\.\w+)+)(?=[\s|)}])|(?P<piped>\$?\.Values(?:\.\w+)+)\s*\|\s*toYaml\b"
)
_WITH = re.compile(r"\{\{-?\s*with\s+(\$?\.Values(?:\.\w+)+)\s*-?\}\}")
_INDENT = re.compile(r"\bn?indent\s+(\d+)")
_KEY = re.compile(r"^(?P<lead>[ -]*)(?P<key>[\w./-]+):[ \t]*(?P<rest>[^#]*)")
_KIND = re.compile(r"^kind:[ \t]*[\"']?(\w+)")
_SELECTORS = frozenset({"podSelector", "namespaceSelector", "endpointSelector", "nodeSelector"})
_LABELS = frozenset({"matchLabels", "labels", "annotations"})
_RULES = re.compile(r"^(in|e)gress(?:Deny)?$")
_PEERS = frozenset({"from", "to", "fromEndpoints", "toEndpoints"})


@dataclass(frozen=True, slots=True)
class StandIn:
    """What stands for the value at a path."""

    path: Path
    value: Any

    @property
    def name(self) -> str:
        """What the placeholder holds, by which a text that rests on it is known."""
        return _name(self.path)


def stand_ins(text: str, lines: Sequence[TemplateLine], first: int, last: int) -> Iterator[StandIn]:
    """Stand-ins for what the template lines `first` up to `last` (exclusive) print with toYaml, where one fits."""
    kind = next((match[1] for line in lines[first:last] if (match := _KIND.match(line.text))), "")
    for number in range(first, last):
        for action in lines[number].actions if not lines[number].within("range") else ():
            path = _printed(text, action, lines[number].blocks)
            value = None if path is None else _value(path, kind, *_place(lines, first, number, text, action))
            if path is not None and value is not None:
                yield StandIn(path, value)


def _name(path: Path) -> str:
    return "{" + "_".join(path) + "}"


def _printed(text: str, action: Action, blocks: Sequence[Block]) -> Path | None:
    """The path of the value that an action prints as YAML."""
    match = _PRINTED.search(text, action.start, action.end)
    if match is None:
        return None
    what = match["what"] or match["piped"]
    if what == ".":
        block = next((block for block in reversed(blocks) if block.word in ("with", "range")), None)
        around = None if block is None else _WITH.match(text, block.start)
        if around is None:
            return None
        what = around[1]
    found = _VALUES.fullmatch(what)
    return None if found is None else tuple(found[1][1:].split("."))


def _place(lines: Sequence[TemplateLine], first: int, number: int, text: str, action: Action) -> tuple[str, bool]:
    """The key that an action prints below, and whether it prints one item of its list."""
    line = lines[number]
    before = line.text[: max(action.start - line.start, 0)]
    own = _KEY.match(before)
    if own is not None:
        return own["key"], False
    item = before.strip() == "-"
    filled = _INDENT.search(text, action.start, action.end)
    column = before.index("-") if item else int(filled[1]) if filled else len(before)
    for above in reversed(lines[first:number]):
        key = _KEY.match(above.text) if above.is_text else None
        if key is None:
            continue
        at = len(key["lead"])
        opens = not key["rest"].strip()
        if at < column or (at == column and opens and (_RULES.match(key["key"]) or key["key"] in _PEERS)):
            return (key["key"] if opens else ""), item
    return "", item


def _value(path: Path, kind: str, key: str, item: bool) -> Any:
    """What fits below a key; None where that is not known."""
    placeholder = f"${_name(path)}"
    labels = {placeholder: "a"}
    if key in _LABELS:
        return None if item else labels
    if key in _SELECTORS:
        return None if item else {"matchLabels": labels}
    if key in _PEERS:
        peer = {"podSelector": {"matchLabels": labels}} if key in ("from", "to") else {"matchLabels": labels}
        return peer if item else [peer]
    rules = _RULES.match(key)
    if rules is None:
        return None
    way = "from" if rules[1] == "in" else "to"
    rule = {way: [{"podSelector": {"matchLabels": labels}}]} if kind == KNP else {f"{way}Entities": [placeholder]}
    return rule if item else [rule]
