"""Whether a command of a script, a pipeline or a list of tasks runs only where something holds.

What such a command installs is one of several things that may be there. A condition that only asks whether the thing is
there already, on which host the command runs, or whether the default branch was pushed, leaves it as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext

#: Keys of tasks, jobs and steps that say when they run.
_KEYS = ("when", "if", "rules", "only", "except", "unless", "condition")
_BLOCK = re.compile(
    r"(?:^|[;&|({`]|\b(?:then|else|do)\b)[ \t]*(?P<word>if|elif|case|fi|esac)(?![\w:=.-])"
    r"|^(?P<make>ifn?(?:eq|def)|endif)\b"
)
#: A line of YAML that begins a text of its own: an item of a list, or a key with a block.
_ITEM = re.compile(r"^[ \t]*(?:-[ \t]|[\w.-]+:[ \t]*(?:[|>][-+\d]*)?[ \t]*(?:#.*)?$)")
_BRACES = re.compile(r"^[ \t]*(?:\}[ \t]*)?(?:if|elseif|else|switch)\b.*\{[ \t]*$", re.IGNORECASE)
#: What stands before a command on its line and decides whether it runs.
_BEFORE = re.compile(r"\|\||(?:^|[;&|({:'\"-])[ \t]*(?:\[\[?|test|!)[ \t]")
_THERE = re.compile(
    r"(?i)\b(?:cilium[ \t]+(?:status|version)|helm[ \t]+(?:status|list|ls|get)|(?:kubectl|oc)\b[^;]{0,300}\bget\b"
    r"|command[ \t]+-v|which|type)\b|\b(?:rc|stat\.exists|installed|is_installed)\b"
)
_OTHER_THING = re.compile(
    r"\$[({]?\w+[)}]?\"?[ \t]*(?:=|-eq|-ne|!=|==|~)|(?:==|!=)[ \t]*[\"'](?!refs/heads/)[\w.-]*[\"']"
)
_RUN = re.compile(
    r"(?:always|success)\(\)|github\.ref(?:_name)? == '(?:refs/heads/)?(?:main|master)'"
    r"|github\.event_name == '(?:push|schedule|workflow_dispatch)'"
    r"|\$CI_COMMIT_(?:BRANCH|REF_NAME) == (?:\$CI_DEFAULT_BRANCH|\"(?:main|master)\")"
    r"|on_success|always|manual|main|master"
    r"|inventory_hostname (?:==|in) groups\[[^\]]*\](?:\[0\]| *\| *first)?"
)


class Conditions:
    """What decides whether the commands of a file's text run; asked in their order, it reads the text once."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._is_yaml = path.endswith((".yml", ".yaml"))
        #: The conditions of the blocks that are open at an offset, and that offset.
        self._open: list[str] = []
        self._looked = 0

    def decide(self, offset: int) -> bool:
        """Whether what stands at an offset runs only where something holds that is not known."""
        text = self._text
        start = text.rfind("\n", 0, offset) + 1
        while text.endswith("\\\n", 0, start):
            start = text.rfind("\n", 0, start - 1) + 1
        before = text[start:offset]
        if _BEFORE.search(before) and not _asks_for_it(before):
            return True
        if self._path.endswith(".ps1"):
            return any(map(_BRACES.search, _above(text[:start], before)))
        self._look(start)
        if any(not _asks_for_it(opened) for opened in self._open):
            return True
        return self._is_yaml and self._in_yaml(offset)

    def _look(self, end: int) -> None:
        """Follows the blocks up to the line that begins at an offset: `if`, `case`, and Make's own."""
        for line in self._text[self._looked : end].split("\n"):
            if self._is_yaml and _ITEM.search(line):
                self._open = []
            if line.lstrip().startswith("#"):
                continue
            for match in _BLOCK.finditer(line):
                word = match["word"] or match["make"]
                if word in ("fi", "esac", "endif"):
                    del self._open[-1:]
                elif word != "elif":
                    self._open.append(line[match.end() :])
        self._looked = max(self._looked, end)

    @cached_property
    def _documents(self) -> Sequence[yamltext.Document] | None:
        try:
            return yamltext.parse(self._text)
        except yamltext.YamlTextError:
            return None

    def _in_yaml(self, offset: int) -> bool:
        if self._documents is None:
            return True
        document = next(
            (document for document in self._documents if document.span.start <= offset < document.span.end), None
        )
        return document is not None and any(map(under_condition, _holders(document, offset)))


def under_condition(task: Mapping[Any, Any]) -> bool:
    """Whether a task, a job or a step says that it runs only where something holds that is not known."""
    return any(not _is_harmless(task[key]) for key in _KEYS if task.get(key) not in (None, [], {}))


def _above(text: str, line: str) -> Iterator[str]:
    """The lines that hold a line, by their indentation."""
    indent = len(line) - len(line.lstrip())
    for row in reversed(text.split("\n")):
        own = len(row) - len(row.lstrip())
        if row.strip() and own < indent:
            indent = own
            yield row


def _holders(document: yamltext.Document, offset: int) -> Iterator[Mapping[Any, Any]]:
    """The mappings of a document that an offset lies in, the outermost first."""
    value, route = document.value, ""
    while True:
        if isinstance(value, dict):
            if route:  # The file as a whole says when it runs, not under which condition.
                yield value
            keys = [(str(key).replace("~", "~0").replace("/", "~1"), key) for key in value]
        elif isinstance(value, list):
            keys = [(str(index), index) for index in range(len(value))]
        else:
            return
        for token, key in keys:
            node = yamltext.node_at(document, f"{route}/{token}")
            if node is not None and node.start <= offset < node.end:
                value, route = value[key], f"{route}/{token}"
                break
        else:
            return


def _asks_for_it(condition: str) -> bool:
    """Whether a condition of a shell asks for nothing but whether the thing is there."""
    return _THERE.search(condition) is not None and _OTHER_THING.search(condition) is None


def _is_harmless(condition: Any) -> bool:
    if isinstance(condition, list):
        return all(map(_is_harmless, condition))
    if isinstance(condition, dict):
        return all(key == "changes" or _is_harmless(value) for key, value in condition.items())
    text = str(condition).strip().removeprefix("${{").removesuffix("}}").strip()
    parts = [part.strip() for part in re.split(r"&&|\|\||\band\b", text)]
    return all(_RUN.fullmatch(part) or _there(part) for part in parts)


def _there(part: str) -> bool:
    return re.search(r"(?i)cilium", part) is not None and _asks_for_it(part)
