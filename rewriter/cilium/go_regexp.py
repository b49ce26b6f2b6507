"""Whether Go compiles a regular expression (RE2 syntax, Go regexp/syntax), with Go's message when it does not."""

from __future__ import annotations

from dataclasses import field

from rewriter import patterns as re
from rewriter.records import dataclass

_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_FLAGS = re.compile(r"\(\?(?:[imsU]+(?:-[imsU]+)?|-[imsU]+)?[:)]")
_NAMED_GROUP = re.compile(r"\(\?P?<(\w+)>")
_POSIX_CLASS = re.compile(r"\[:\^?(\w+):\]")
_HEXADECIMAL = re.compile(r"\{[0-9a-fA-F]{1,6}\}|[0-9a-fA-F]{2}")
_OCTAL = re.compile(r"[0-7]{1,3}")
_UNICODE_CLASS = re.compile(r"[pP](?:\{\^?\w+\}|\w)")
_POSIX_NAMES = frozenset(
    [
        *("alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph"),
        *("lower", "print", "punct", "space", "upper", "word", "xdigit"),
    ]
)
_LITERAL_ESCAPES = frozenset("afnrtv")
_CLASS_ESCAPES = frozenset("dDsSwW")
_ASSERTION_ESCAPES = frozenset("AbBzQEC")
_MAX_REPEAT = 1000
_MAX_NESTING = 1000


class RegexpError(ValueError):
    """An expression that Go does not compile; the message is Go's."""


@dataclass(slots=True)
class _Group:
    """What the innermost open group has seen: whether a repetition may follow, and the repetition before."""

    repeatable: bool = False
    repeated_from: int = -1
    names: set[str] = field(default_factory=set)


def check_regexp(expression: str) -> None:
    """Raises RegexpError unless Go's regexp.Compile accepts the expression."""
    groups = [_Group()]
    position = 0
    while position < len(expression):
        character = expression[position]
        group = groups[-1]
        if character in "*+?" or (character == "{" and _REPEAT.match(expression, position)):
            position = _repetition(expression, position, group)
            continue
        group.repeated_from = -1
        if character == "(":
            position = _open_group(expression, position, groups)
        elif character == ")":
            if len(groups) == 1:
                raise _error("unexpected )", expression)
            groups.pop()
            groups[-1].repeatable = True
            groups[-1].repeated_from = -1
            position += 1
        elif character == "|":
            group.repeatable = False
            position += 1
        elif character == "[":
            position = _character_class(expression, position)
            group.repeatable = True
        elif character == "\\":
            position = _escape(expression, position, in_class=False)
            group.repeatable = True
        else:
            position += 1
            group.repeatable = True
    if len(groups) > 1:
        raise _error("missing closing )", expression)


def _repetition(expression: str, position: int, group: _Group) -> int:
    end = position + 1
    counted = _REPEAT.match(expression, position) if expression[position] == "{" else None
    if counted:
        end = counted.end()
    if end < len(expression) and expression[end] == "?":
        end += 1
    if counted:
        low, comma, high = counted.groups()
        least = int(low)
        most = int(high) if high else least if not comma else -1
        if least > _MAX_REPEAT or most > _MAX_REPEAT or 0 <= most < least:
            raise _error("invalid repeat count", counted.group())
    if group.repeated_from >= 0:
        raise _error("invalid nested repetition operator", expression[group.repeated_from : end])
    if not group.repeatable:
        raise _error("missing argument to repetition operator", expression[position:end])
    group.repeated_from = position
    return end


def _open_group(expression: str, position: int, groups: list[_Group]) -> int:
    if len(groups) >= _MAX_NESTING:
        raise _error("expression nests too deeply", expression)
    if not expression.startswith("(?", position):
        groups.append(_Group())
        return position + 1
    named = _NAMED_GROUP.match(expression, position)
    if named:
        if named[1] in groups[0].names:
            raise _error("duplicate capture group name", named[1])
        groups[0].names.add(named[1])
        groups.append(_Group())
        return named.end()
    if expression.startswith(("(?P<", "(?<"), position):
        close = expression.find(">", position)
        raise _error("invalid named capture", expression[position : close + 1 if close >= 0 else None])
    flags = _FLAGS.match(expression, position)
    if not flags or flags.group() in ("(?)", "(?-:", "(?-)"):
        end = position + 2
        while end < len(expression) and expression[end] in "imsU-":
            end += 1
        problem = "missing closing )" if end >= len(expression) else "invalid or unsupported Perl syntax"
        raise _error(problem, expression if end >= len(expression) else expression[position : end + 1])
    if flags.group().endswith(":"):
        groups.append(_Group())
    return flags.end()


def _character_class(expression: str, start: int) -> int:
    position = start + 1
    if expression.startswith("^", position):
        position += 1
    first = True
    while first or not expression.startswith("]", position):
        if position >= len(expression):
            raise _error("missing closing ]", expression[start:])
        first = False
        posix = _POSIX_CLASS.match(expression, position)
        if posix:
            if posix[1] not in _POSIX_NAMES:
                raise _error("invalid character class range", posix.group())
            position = posix.end()
            continue
        low_end = _class_member(expression, position)
        low = expression[position:low_end]
        if not _is_range(expression, low_end) or (low[0] == "\\" and low[1] in _CLASS_ESCAPES):
            position = low_end
            continue
        high_end = _class_member(expression, low_end + 1)
        high = expression[low_end + 1 : high_end]
        if (high[0] == "\\" and high[1] in _CLASS_ESCAPES) or _code_point(high) < _code_point(low):
            raise _error("invalid character class range", expression[position:high_end])
        position = high_end
    return position + 1


def _is_range(expression: str, position: int) -> bool:
    return expression[position : position + 1] == "-" and expression[position + 1 : position + 2] not in ("", "]")


def _class_member(expression: str, position: int) -> int:
    return _escape(expression, position, in_class=True) if expression[position] == "\\" else position + 1


def _code_point(member: str) -> int:
    if member[0] != "\\":
        return ord(member[0])
    body = member[1:]
    if body[0] == "x":
        return int(body[1:].strip("{}"), 16)
    if body[0] in "01234567":
        return int(body, 8)
    controls = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
    return controls.get(body[0], ord(body[0]))


def _escape(expression: str, position: int, *, in_class: bool) -> int:
    if position + 1 >= len(expression):
        raise _error("trailing backslash at end of expression", "")
    character = expression[position + 1]
    end = position + 2
    if character in "pP":
        unicode_class = _UNICODE_CLASS.match(expression, position + 1)
        if unicode_class:
            return unicode_class.end()
        raise _error("invalid character class range", expression[position:end])
    if character == "Q" and not in_class:
        close = expression.find("\\E", end)
        return len(expression) if close < 0 else close + 2
    if character == "x":
        hexadecimal = _HEXADECIMAL.match(expression, end)
        if hexadecimal:
            return hexadecimal.end()
    elif character == "0" or (character in "1234567" and expression[end : end + 1] in tuple("01234567")):
        octal = _OCTAL.match(expression, position + 1)
        return octal.end() if octal else end
    elif _is_simple_escape(character, in_class=in_class):
        return end
    raise _error("invalid escape sequence", expression[position:end])


def _is_simple_escape(character: str, *, in_class: bool) -> bool:
    if character in _LITERAL_ESCAPES or character in _CLASS_ESCAPES:
        return True
    if character in _ASSERTION_ESCAPES:
        return not in_class
    return character.isascii() and not character.isalnum()


def _error(problem: str, where: str) -> RegexpError:
    return RegexpError(f"error parsing regexp: {problem}: `{where}`")
