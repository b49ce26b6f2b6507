"""Values that let a chart render what its defaults leave out: those that the conditions around a text ask for.

Only simple conditions on values are read: a value, `and`, `or`, `not`, `eq`, `default`, `hasKey`. Whether they suffice
is for rendering to show. What the template prints of such a value, or of one that nothing gives, needs a stand-in.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rewriter import patterns as re
from rewriter.engine.charts.stand_ins import Path, StandIn, stand_ins
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass
from rewriter.yamltext.go_template import Block, TemplateLine

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|[()|]|[^\s()|]+')
_HEAD = re.compile(r"\{\{-?\s*(?:else\s+)?(?:if|with)\s+(.*?)\s*-?\}\}", re.DOTALL)
_VALUES = re.compile(r"\$?\.Values((?:\.\w+)+)")
_KIND = re.compile(r"^[ \t]*kind:[ \t]*[\"']?(?:Cilium(?:Clusterwide)?)?NetworkPolicy[\"']?[ \t]*$")
_RULES = re.compile(r"^[ \t]*specs?:")
#: A value at a path: what it must be.
Wanted = dict[tuple[str, ...], Any]
Expression = str | list[Any]


@dataclass(frozen=True, slots=True)
class Enabling:
    """Values under which lines of a template (0-based) are rendered; `stand_ins` are those among them made up."""

    wanted: Wanted
    lines: frozenset[int]
    stand_ins: tuple[StandIn, ...] = ()


def enabling(
    text: str, lines: Sequence[TemplateLine], covered: frozenset[int], defaults: Mapping[str, Any], *, inner: bool
) -> list[Enabling]:
    """For each policy of a template that nothing renders yet, values under which its conditions hold.

    With `inner` the same for the text of policies that stands under conditions of its own. A value that the template
    prints is a stand-in, or there is no fit one, and the policy is left out.
    """
    actions = [action for line in lines for action in line.actions if action.prints]
    printed = {match[1] for action in actions for match in _VALUES.finditer(text, action.start, action.end)}
    starts = [0, *(number for number, line in enumerate(lines) if line.text.startswith("---")), len(lines)]
    found: dict[str, Enabling] = {}
    for first, last in pairwise(starts):
        kinds = [number for number in range(first, last) if _KIND.match(lines[number].text)]
        outer = lines[kinds[0]].blocks if kinds else ()
        if not kinds or any(lines[kinds[0]].within(word) for word in ("define", "range")):
            continue
        fit = list(stand_ins(text, lines, first, last))
        for number in range(first, last) if inner else kinds[:1]:
            line = lines[number]
            own = line.blocks if inner else outer
            if number in covered or line.within("range") or not line.literals().strip(" -") or (inner and own == outer):
                continue
            wanted = _all(_of_block(text, block, defaults) for block in own)
            made = None if wanted is None else _with_stand_ins(wanted, fit, printed, text, own, lines, defaults)
            if wanted is None or made is None or not {**wanted, **dict(made)}:
                continue
            used = tuple(stand_in for stand_in in fit if (stand_in.path, stand_in.value) in made)
            both = {**wanted, **dict(made)}
            known = found.get(str(both))
            there = (known.lines if known else frozenset()) | {number}
            found[str(both)] = Enabling(both, there, used)
    return list(found.values())


def holding(
    text: str, lines: Sequence[TemplateLine], kind: re.Pattern[str], defaults: Mapping[str, Any]
) -> Wanted | None:
    """Values that hold the conditions around the first object of a kind, as far as they are read; None without one."""
    place = next((line for line in lines if kind.match(line.text) and not line.within("define")), None)
    return None if place is None else _all(_of_block(text, block, defaults) for block in place.blocks)


def unrendered_branches(lines: Sequence[TemplateLine], covered: frozenset[int]) -> Iterator[int]:
    """The lines of rules under an `else` that no rendering shows, in documents with a policy that some shows."""
    starts = [0, *(number for number, line in enumerate(lines) if line.text.startswith("---")), len(lines)]
    for first, last in pairwise(starts):
        there = range(first, last)
        rules = next((number for number in there if _RULES.match(lines[number].text)), last)
        if covered.isdisjoint(there) or not any(_KIND.match(lines[number].text) for number in there):
            continue
        for number in range(rules, last):
            line = lines[number]
            text = line.literals().strip(" -")
            if number not in covered and any(block.before for block in line.blocks) and text and text[0] != "#":
                yield number


def _with_stand_ins(
    wanted: Wanted,
    fit: Sequence[StandIn],
    printed: Container[str],
    text: str,
    blocks: Sequence[Block],
    lines: Sequence[TemplateLine],
    defaults: Mapping[str, Any],
) -> list[tuple[Path, Any]] | None:
    """The stand-ins that conditions and texts need; None where a value is printed that none fits.

    A text needs them for what it prints without asking whether it is there.
    """
    by_path = {stand_in.path: stand_in.value for stand_in in fit}
    #: Values that the text is about, which are not known.
    around = {path for block in blocks if block.word == "with" for path in _of_block(text, block, defaults) or ()}
    found = []
    for path, value in wanted.items():
        if value is True and path in by_path:
            found.append((path, by_path[path]))
        elif "." + ".".join(path) in printed or path in around:
            return None
    asked = [_of_block(text, block, {}) or {} for line in lines for block in line.blocks if block not in blocks]
    for stand_in in fit:
        open_print = not any(stand_in.path in one for one in asked)
        if stand_in.path not in wanted and open_print and _at(defaults, stand_in.path) is None:
            found.append((stand_in.path, stand_in.value))
    return list({str(path): (path, value) for path, value in found}.values())


def as_values(wanted: Wanted, prefix: Sequence[str]) -> dict[str, Any]:
    """Values as a mapping; `prefix` are the names of the charts around the one that they are for."""
    result: dict[str, Any] = {}
    for path, value in wanted.items():
        holder = result
        for step in (*prefix, *path[:-1]):
            holder = holder.setdefault(step, {})
        holder[path[-1]] = value
    return result


def in_words(wanted: Wanted, prefix: Sequence[str]) -> str:
    """The values as `--set` writes them."""
    return ", ".join(f"{'.'.join((*prefix, *path))}={_in_words(value)}" for path, value in wanted.items())


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "<any>" if isinstance(value, dict | list) else str(value)


def _all(parts: Iterator[Wanted | None]) -> Wanted | None:
    result: Wanted = {}
    for part in parts:
        if part is None or any(result.get(path, value) != value for path, value in part.items()):
            return None
        result |= part
    return result


def _of_block(text: str, block: Block, defaults: Mapping[str, Any]) -> Wanted | None:
    """What holds for a block: its condition, and none of those that it is the `else` of. None where it is not known."""
    own = _condition(text, block.start)
    before = [
        _false(condition, defaults) for start in block.before if (condition := _condition(text, start)) is not None
    ]
    return _all(iter([*before, {} if own is None else _true(own, defaults)]))


def _condition(text: str, start: int) -> Expression | None:
    head = _HEAD.match(text, start)
    return None if head is None else _parsed(_TOKEN.findall(head[1]))


def _parsed(tokens: list[str]) -> Expression:
    """An expression up to its closing parenthesis: a token, or a function with what it is for. Takes the tokens."""
    found: list[Any] = []
    while tokens:
        token = tokens.pop(0)
        if token == ")":
            break
        if token == "|":
            found = [found[0] if len(found) == 1 else found]
            rest = _parsed(tokens)
            return [*([rest] if isinstance(rest, str) else rest), *found]
        found.append(_parsed(tokens) if token == "(" else token)
    return found[0] if len(found) == 1 else found


def _true(expression: Expression, defaults: Mapping[str, Any]) -> Wanted | None:
    """What makes an expression true."""
    if isinstance(expression, str):
        match = _VALUES.fullmatch(expression)
        if match is None:
            return {}
        path = tuple(match[1][1:].split("."))
        return {} if _at(defaults, path) else {path: True}
    if not expression:
        return {}
    word, *rest = expression
    if word == "and":
        return _all(_true(part, defaults) for part in rest)
    if word == "or":
        return next((found for part in rest if (found := _true(part, defaults)) is not None), None)
    if word == "not" and len(rest) == 1:
        return _false(rest[0], defaults)
    if word == "eq" and len(rest) == 2:
        return _equal(rest, defaults)
    if word == "default" and len(rest) == 2:
        return _true(rest[1], defaults)
    return {}


def _false(expression: Expression, defaults: Mapping[str, Any]) -> Wanted | None:
    match = _VALUES.fullmatch(expression) if isinstance(expression, str) else None
    if match is None:
        return {}
    path = tuple(match[1][1:].split("."))
    value = _at(defaults, path)
    return {} if not value else {path: False} if value is True else None


def _equal(sides: Sequence[Expression], defaults: Mapping[str, Any]) -> Wanted | None:
    whole = [side[-1] if isinstance(side, list) and side[0] == "toString" else side for side in sides]
    texts = [side for side in whole if isinstance(side, str)]
    match = next((found for text in texts if (found := _VALUES.fullmatch(text))), None)
    literal = next((text[1:-1] for text in texts if text[0] in '"`'), None)
    if match is None or literal is None:
        return {}
    path = tuple(match[1][1:].split("."))
    value = literal == "true" if whole != list(sides) and literal in ("true", "false") else literal
    return {} if _at(defaults, path) == value else {path: value}


def _at(values: Mapping[str, Any], path: Sequence[str]) -> Any:
    for step in path[:-1]:
        values = mapping(values.get(step))
    return values.get(path[-1])
