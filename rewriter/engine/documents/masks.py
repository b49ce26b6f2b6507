"""Template markup replaced by text of the same length that YAML can read, so that every place stays where it is.

Only where each piece of markup stands for one scalar, or steers whole lines (`{{- if }}`): what puts in more than a
scalar leaves the rules unknown. A scalar becomes a placeholder `${...}`, which passes take for a value not known.
"""

from __future__ import annotations

from dataclasses import field

from rewriter import patterns as re
from rewriter.records import dataclass

#: One piece of markup: Go and Helm, Jinja's statements and comments. Strings in it may hold braces.
_TOKEN = re.compile(
    r"""\{\{-?\s*/\*.*?\*/\s*-?\}\}|\{\#.*?\#\}|\{%.*?%\}"""
    r"""|\{\{(?:[^"`{}\n]|"(?:[^"\\\n]|\\.)*"|`[^`\n]*`|\{(?!\{)|\}(?!\}))*\}\}""",
    re.DOTALL,
)
_WORD = re.compile(r"\{[{%][-+~]?\s*(/\*|[\w.$]+)?(\s*:?=)?")
_OPENS = frozenset({"if", "with", "range", "define", "block", "for"})
_CLOSES = frozenset({"end", "endif", "endfor"})
_TURNS = frozenset({"else", "elif"})
_STEERS = frozenset({"break", "continue", "fail", "set", "import", "/*"})
_MANY = re.compile(
    r"\b(?:toYaml|toJson|toPrettyJson|to_yaml|to_nice_yaml|to_json|nindent|indent|include|template|tpl)\b"
)
_INDENT = re.compile(r"\bn?indent\s+(\d+)")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Members of a policy under which a template may put labels: of the policy itself, of its subject, or of a peer.
_LABELLED = re.compile(r"(?:metadata|podSelector)(?:/|$)|(?:.*/)?matchLabels$")
_SPEC = re.compile(r"^specs?/")
#: Lists of rules, into which a template may put rules, or the peers of one.
_RULES = re.compile(r"^(?P<direction>in|e)gress(?:Deny)?$")
_NETWORK_POLICY = re.compile(r"""^kind:[ \t]*["']?NetworkPolicy\b""", re.MULTILINE)


class MaskError(Exception):
    """Markup that stands for more than a scalar: its offset, and why the text cannot be read, in words."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset
        self.why = why


@dataclass(slots=True)
class Masked:
    """A text of the same length and lines without markup. `names` gives for each placeholder what it stands for.

    `steered` are the offsets of the lines that are there only under a condition, or more than once. `rules` are the
    placeholders that stand for the peers of a rule, or for rules.
    """

    text: str
    names: dict[str, str] = field(default_factory=dict)
    steered: list[int] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)


def masked(text: str) -> Masked:
    """A template's text with its markup masked. Raises MaskError where that hides more than scalars."""
    mask = _Mask(text)
    position = 0
    while position < len(text):
        end = text.find("\n", position) + 1 or len(text)
        token = _TOKEN.search(text, position)
        while token is not None and token.start() < end < token.end():
            end = text.find("\n", token.end()) + 1 or len(text)
            token = _TOKEN.search(text, token.end())
        mask.line(position, end)
        position = end
    mask.made.text = "".join(mask.pieces)
    return mask.made


class _Mask:
    def __init__(self, text: str) -> None:
        self.text = text
        self.made = Masked("")
        self.pieces: list[str] = []
        #: The open blocks: where each begins, and whether its other branch is being read.
        self.stack: list[tuple[int, bool]] = []
        #: The mapping keys above the line, with their columns.
        self.keys: list[tuple[int, str]] = []

    def line(self, start: int, end: int) -> None:
        """Takes one line (with all that its markup goes over)."""
        line = self.text[start:end]
        tokens = list(_TOKEN.finditer(self.text, start, end))
        if not tokens and _leftover(line):
            raise MaskError(start, "its markup is not understood")
        alone = bool(tokens) and not _TOKEN.sub("", line).strip()
        if alone and all(_steers(token[0]) for token in tokens):
            for token in tokens:
                self._steer(token)
            self.pieces.append(_blank(line))
        elif any(other for _, other in self.stack):
            self.pieces.append(_blank(line))
        elif alone and len(tokens) == 1:
            self.pieces.append(self._lines_of(tokens[0], line))
        else:
            if self.stack:
                self.made.steered.append(start)
            self.pieces.append(self._inline(start, end, tokens))
            self._note_keys(line)

    def _steer(self, token: re.Match[str]) -> None:
        word = _word(token[0])
        if word in _OPENS:
            self.stack.append((token.start(), False))
        elif word in _CLOSES | _TURNS:
            # Without one, it began in an earlier document of the file.
            begins, _ = self.stack.pop() if self.stack else (0, False)
            if word in _TURNS:
                self.stack.append((begins, True))

    def _lines_of(self, token: re.Match[str], line: str) -> str:
        """What stands for markup that puts in lines of its own: labels, or nothing where no rule can be."""
        indent = _INDENT.search(token[0])
        column = int(indent[1]) if indent else len(line) - len(line.lstrip())
        place = self._place(column)
        if place.split("/")[0] == "metadata" or (not place and _word(token[0]) == "template"):
            return _blank(line)  # Before the first key, a helper sets what others read.
        body = line.rstrip("\r\n")
        if (rule := self._rule(token[0], place, len(body) - column - len("- "))) is not None:
            return " " * column + "- " + rule + line[len(body) :]
        room = len(body) - column - len("${}: a")
        if not _LABELLED.match(_SPEC.sub("", place)) or room < 1:
            raise MaskError(token.start(), f"`{token[0]}` fills in a part that cannot be read{_below(place)}")
        return " " * column + self._name(token[0], room) + ": a" + line[len(body) :]

    def _place(self, column: int) -> str:
        """The keys above a line of a column, joined by `/`."""
        return "/".join(key for at, key in self.keys if at < column)

    def _inline(self, start: int, end: int, tokens: list[re.Match[str]]) -> str:
        pieces = []
        position = start
        for token in tokens:
            pieces += [self.text[position : token.start()], self._scalar(token, start)]
            position = token.end()
        made = "".join([*pieces, self.text[position:end]])
        if _leftover(made):
            raise MaskError(start, "its markup is not understood")
        return made

    def _scalar(self, token: re.Match[str], start: int) -> str:
        text, length = token[0], len(token[0])
        if "\n" in text:
            raise MaskError(token.start(), "its markup goes over several lines")
        before, after = self.text[token.start() - 1 : token.start()], self.text[token.end() : token.end() + 1]
        if _INDENT.search(text) or (_MANY.search(text) and not re.search(r"\b(?:include|template|tpl)\b", text)):
            return self._mapping(token, start)
        alone = before in ("", " ", "\t", "\n", "[", ",", "{") and after in ("", " ", "\t", "\r", "\n", "]", ",", "}")
        quoted = self.text[start : token.start()].count('"') % 2 or self.text[start : token.start()].count("'") % 2
        if alone and not quoted and length > len('"${}"'):
            return f'"{self._name(text, length - 5)}"'
        return self._name(text, length - 3)

    def _mapping(self, token: re.Match[str], start: int) -> str:
        """What stands for markup behind a key that puts in a mapping: labels of the policy or of its subject."""
        line = self.text[start : token.start()]
        key = re.match(r"(\s*)([\w.-]+)\s*:\s*$", line)
        if key is not None:
            place = "/".join(filter(None, (self._place(len(key[1])), key[2])))
            room = len(token[0]) - len('{"${}": a}')
            if room > 0 and _LABELLED.match(_SPEC.sub("", place)):
                return f'{{"{self._name(token[0], room)}": a}}'
            raise MaskError(token.start(), f"`{token[0]}` fills in a part that cannot be read{_below(place)}")
        if re.fullmatch(r"\s*-\s+", line):
            rule = self._rule(token[0], self._place(len(line) - len(line.lstrip())), len(token[0]))
            if rule is not None:
                return rule
        raise MaskError(token.start(), f"`{token[0]}` fills in a part that cannot be read")

    def _rule(self, text: str, place: str, room: int) -> str | None:
        """What stands for markup that puts peers into a rule, or rules into a list; None where it does neither.

        It is a peer that nothing is known of, padded to the room that there is.
        """
        found = _RULES.match(_SPEC.sub("", place))
        if found is None:
            return None
        way = "from" if found["direction"] == "in" else "to"
        start, end = (
            (f'{way}: [{{podSelector: {{matchLabels: {{"', '": a}}}]')
            if _NETWORK_POLICY.search(self.text)
            else (f'{way}Entities: ["', '"]')
        )
        left = room - len(start) - len(end) - len("${}")
        if left < 1:
            return None
        name = self._name(text, left)
        self.made.rules.append(name)
        return start + name + end

    def _name(self, text: str, room: int) -> str:
        """A placeholder with this much room between its braces, another for each piece of markup."""
        number, digits = len(self.made.names), ""
        while number or not digits:
            number, digit = divmod(number, 36)
            digits = _DIGITS[digit] + digits
        if room < len(digits):
            raise MaskError(0, f"`{text}` leaves no room for a placeholder")
        name = f"${{{digits.rjust(room, '_')}}}"
        self.made.names[name] = text
        return name

    def _note_keys(self, line: str) -> None:
        content = line.strip()
        if not content or content.startswith("#"):
            return
        if content.startswith("---"):
            self.keys = []
            return
        match = re.match(r"((?:\s|-\s)*)([\w./-]+|\"[^\"]*\")\s*:(?:\s|$)", line)
        if match is not None:
            column = len(match[1])
            self.keys = [(at, key) for at, key in self.keys if at < column]
            self.keys.append((column, match[2]))


def _leftover(line: str) -> bool:
    code = line.split(" #")[0] if not line.lstrip().startswith("#") else ""
    return "{{" in code or "{%" in code


def _below(place: str) -> str:
    return f" (below {place.rsplit('/', 1)[-1]})" if place else ""


def _word(token: str) -> str:
    match = _WORD.match(token)
    return (match[1] or "") if match else ""


def _steers(token: str) -> bool:
    """Whether a piece of markup puts nothing into the text: conditions, loops, assignments, comments."""
    if token.startswith(("{%", "{#")):
        return True
    match = _WORD.match(token)
    return _word(token) in _OPENS | _CLOSES | _TURNS | _STEERS or bool(match and match[2])


def _blank(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)
