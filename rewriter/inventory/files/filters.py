"""Programs that stand in a pipe between manifests and the command that applies them: sed, awk, perl, yq, any other;
and those that change the files themselves before it (`sed -i`).

What they make of the manifests is not computed. Those that only pass them on, or change nothing but images, are none.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from rewriter import patterns as re
from rewriter.inventory.texts.remarks import REMARK_LINE
from rewriter.records import dataclass

#: A command with its arguments, to the next pipe, separator or line that nothing joins.
_PART = re.compile(r"""(?:\\(?:\r?\n|.)|'[^']{0,2000}'|"(?:\\.|[^"\\]){0,2000}"|[^\n|;&])++""", re.DOTALL)
_PIPE = re.compile(r"\|&?\s*")
#: A whole command in quotes, as YAML, Jenkins and Terraform write it.
_QUOTED = re.compile(
    r"""^[ \t]*(?:-[ \t]+)?(?:[\w.-]+[ \t]*[:=][ \t]*|sh[ \t(]+)?(["'])(?=[^\n]*\|)([^\n]*)\1[ \t,)]*$""", re.MULTILINE
)
_APPLIES = re.compile(
    r"\b(?:(?:kubectl|oc)\b.*?\b(?:apply|create|replace)|kapp\b.*?\bdeploy)\b"
    r".*?(?<!\S)(?:-f|--filename)(?:[ \t=]*)(?:-|/dev/stdin)(?=[\s)\"'`]|$)",
    re.DOTALL | re.IGNORECASE,
)
_FROM_FILE = re.compile(r"\b(?:kubectl|oc)\b[^\n]*?\b(?:apply|create|replace)\b[^\n]*?[ \t]-f[ \t]*<\(([^\n]*)\)")
_NAME = re.compile(r"(?:[\w.-]+[ \t]*:[ \t]+)?(?:[-@({$\s]|\b\w+=\S*\s|sudo\s|then\s|do\s|!\s)*([\w./-]+)")
#: What changes the files that it names.
_IN_PLACE = re.compile(
    r"\s*(?:[\w.-]+[ \t]*:[ \t]+)?[@\-\s]*(?:sudo\s+)?(?:g?sed\b(?=[^\n]*\s(?:-\w*i|--in-place))"
    r"|perl\b(?=[^\n]*\s-\w*i)|dasel\s+(?:put|delete)\b)"
)
#: What only passes manifests on, or looks at them.
_PASSING = frozenset(
    {"tee", "cat", "less", "kbld", "kubeconform", "kubeval", "kubectl", "oc", "pv", "conftest", "xargs"}
)
#: What reads the manifests that a first command of a pipe changes.
_CHANGING = frozenset({"sed", "gsed", "awk", "gawk", "perl", "yq", "jq", "envsubst", "gomplate", "ruby", "python3"})
_BUILD = re.compile(
    r"\b(?:kustomize[ \t]+build|(?:kubectl|oc)[ \t]+kustomize|helm[ \t]+template|cat|find"
    r"|kubectl[ \t]+(?:create|apply))\b"
)
_OF_CLUSTER = re.compile(r"\b(?:kubectl|oc)\b[^\n]*?[ \t]get[ \t]+([^\s]+)")
_POLICIES = re.compile(r"c?cnp\b|netpol|networkpolic")
_FIELD = re.compile(r"""['"]?\(?[.\w\[\]*"]*\.(image|replicas)\)?[ \t]*\|?=(?!.*\.(?:metadata|spec)\b).*""", re.DOTALL)
_KIND = re.compile(r"""\.kind[ \t]*(==|!=)[ \t]*\\?["'](\w+)\\?["']""")
_SUBSTITUTION = re.compile(
    r"s(?P<by>[^\w\s\\])(?P<old>(?:\\.|(?!(?P=by)).)*)(?P=by)(?:\\.|(?!(?P=by)).)*(?P=by)[gIip0-9]*"
)
_QUOTES = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)\"""", re.DOTALL)
_ANYTHING = re.compile(r"\\?\[[^\]]*\]\\?[*+]?|\.[*+]?|\$\{?\w+\}?|\$\(\w+\)|[\^$]")
_LITERAL = re.compile(r"\\([^\w\s()|+?{}])")
_WORD = re.compile(r"\w+")
_ARGUMENT = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")


@dataclass(frozen=True, slots=True)
class Filter:
    """One of them. `name` is the program's, `offset` where its pipe begins, `operands` the words that may be paths.

    `is_build`: its manifests are those of the tree even where no operand names them. `needs` are texts of which one
    stands in what it changes; None: it may change anything.
    """

    name: str
    offset: int
    operands: tuple[str, ...]
    is_build: bool
    needs: tuple[str, ...] | None

    def may_change(self, text: str) -> bool:
        """Whether a text has what it looks for, be it in another style."""
        if self.needs is None:
            return True
        wanted = [(need, _WORD.findall(need.lower())) for need in self.needs]
        return any(
            all(word in line for word in words) if words else needed in line
            for line in text.lower().splitlines()
            for needed, words in wanted
        )


def may_filter(data: bytes) -> bool:
    """Whether a text may have a pipe into a command that applies manifests, or change files before it applies them."""
    return any(sign in data for sign in (b"|", b"<(", b"< ", b" -i", b"dasel")) and any(
        word in data.lower() for word in (b"kubectl", b"oc ", b"kapp")
    )


def filters_in(text: str) -> Iterator[Filter]:
    """The filters of a script, a pipeline or a list of tasks; one for each program of each pipe.

    A program that changes a file in its place is one, too.
    """
    text = REMARK_LINE.sub(lambda match: " " * len(match[0]), text)
    text = _QUOTED.sub(_without_quotes, text)
    pipe: list[re.Match[str]] = []
    for part in _PART.finditer(text):
        joined = pipe and _PIPE.fullmatch(text, pipe[-1].end(), part.start()) is not None
        if not joined or re.search(r":[ \t]*$", pipe[-1][0]):
            pipe = []
        pipe.append(part)
        if len(pipe) > 1 and _APPLIES.search(part[0]) is not None:
            yield from _of_pipe([match[0] for match in pipe[:-1]], pipe[0].start())
            pipe = []
        elif len(pipe) == 1 and (inner := _FROM_FILE.search(part[0])) is not None:
            yield from _of_pipe(inner[1].split("|"), part.start())
        elif _IN_PLACE.match(part[0]) is not None:
            program = _name(part[0])
            words = (word for word in _ARGUMENT.findall(part[0])[1:] if word[:1] not in "-'\"" or "/" in word[:2])
            operands = tuple(word.strip("\"'") for word in words)
            needs = _needs(program, part[0])
            if operands and needs != ():
                yield Filter(program, part.start(), operands, False, needs)


def _without_quotes(match: re.Match[str]) -> str:
    start, end = match.start(2) - match.start(), match.end(2) - match.start()
    return f"{match[0][: start - 1]} {match[2]} {match[0][end + 1 :]}"


def _of_pipe(stages: Sequence[str], offset: int) -> Iterator[Filter]:
    first, name = stages[0], _name(stages[0])
    changing = name in _CHANGING
    if (got := _OF_CLUSTER.search(first)) is not None:
        if _POLICIES.search(got[1].lower()) is None:
            return  # Nothing of the tree.
        operands: tuple[str, ...] = ()
        is_build = True
    else:
        build = _BUILD.search(first)
        if "<<" in first or (build is None and not changing and "<" not in first):
            operands = tuple(argument for argument in _ARGUMENT.findall(first)[1:] if "/" in argument)
            is_build = False
        else:
            rest = first[build.end() :] if build else first
            operands = tuple(
                argument.strip("\"'<") for argument in _ARGUMENT.findall(rest) if argument[:1] not in "-'\""
            )
            words = build[0] if build else ""
            is_build = "kustom" in words or any("$" in operand for operand in operands)
    for stage in [*([first] if changing else []), *stages[1:]]:
        program = _name(stage)
        if program and program not in _PASSING:
            needs = _needs(program, stage)
            if needs != ():
                yield Filter(program, offset, operands, is_build, needs)


def _name(stage: str) -> str:
    found = _NAME.match(stage)
    return posixpath.basename(found[1]) if found else ""


def _needs(program: str, stage: str) -> tuple[str, ...] | None:
    """What a filter looks for; empty where it touches no policy and no label, None where that is not known."""
    if program == "envsubst":
        return ("$",)
    if program in ("yq", "jq"):
        field = next(
            (_FIELD.fullmatch(argument) for argument in _ARGUMENT.findall(stage)[1:] if argument[:1] in "'\"."), None
        )
        if field is not None:
            return (f"{field[1]}:",)
        kinds = _KIND.findall(stage)
        if kinds and all(sign == "==" for sign, _kind in kinds):
            return tuple(kind for _sign, kind in kinds)
        return None
    return _of_sed(stage) if program in ("sed", "gsed") else None


def _of_sed(stage: str) -> tuple[str, ...] | None:
    """The literal text of each pattern of sed, None where a script of it is no list of substitutions."""
    scripts = [match[1] or match[2] or "" for match in _QUOTES.finditer(stage)]
    if not scripts or re.search(r"(?<!\S)(?:-f|--file|-n\w*)(?![\w-])", stage):
        bare = [argument for argument in _ARGUMENT.findall(stage)[1:] if not argument.startswith("-")]
        scripts = bare[:1] if not scripts and bare else []
    found: list[str] = []
    for script in scripts:
        position = 0
        while position < len(script):
            match = _SUBSTITUTION.match(script, position)
            if match is None:
                return None
            literal = _literal(match["old"])
            if literal is None:
                return None
            found.append(literal)
            rest = re.compile(r"[\s;]*").match(script, match.end())
            position = rest.end() if rest else match.end()
    return tuple(found) or None


def _literal(pattern: str) -> str | None:
    """The longest text that stands in whatever a pattern matches; None for one of less than three characters."""
    parts = _LITERAL.sub(lambda match: f"\1{match[1]}\1", pattern)
    escaped = re.sub("\1(.)\1", lambda match: match[1] if match[1] not in ".[]*^$" else "\2", parts)
    if re.search(r"[*+?(){}|\\]", _ANYTHING.sub("", escaped)):
        return None
    longest = max(re.split("\2|" + _ANYTHING.pattern, escaped), key=lambda literal: len(literal or ""), default="")
    return longest if longest and (len(longest) > 2 or longest == pattern) else None
