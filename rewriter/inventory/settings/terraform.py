"""Ranges and API servers that Terraform and Terragrunt files write as plain literals (`pod_cidr = "10.42.0.0/16"`).

Expressions are not computed: what is no literal is not known. A `default` of a `variable` block counts for its name
where no other file gives the variable a value. `pods` and `services` count where they are ranges beside each other.
A heredoc of machine configuration is read like a file of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.machines import holds_settings, read_machines
from rewriter.inventory.settings.stated import (
    KUBERNETES_PODS,
    SERVICES,
    Reading,
    StatedSetting,
    endpoint,
    field_of_name,
    moved,
    networks,
)
from rewriter.records import dataclass

#: The URL of the API server, as modules for Talos, kubeadm and k3s call it.
_ENDPOINTS = frozenset({"cluster_endpoint", "api_server_endpoint", "kube_api_endpoint", "control_plane_endpoint"})
#: Names that mean ranges only where both stand in one block.
_PAIR = {"pods": KUBERNETES_PODS, "pod": KUBERNETES_PODS, "services": SERVICES, "service": SERVICES, "svc": SERVICES}
_STRING = r'"(?:[^"\\\n$%]|\\.)*"'
_LITERAL = re.compile(
    rf'(?:^|(?<=[{{,\n]))[ \t]*"?(?P<name>\w+)"?[ \t]*[=:](?!=)[ \t]*'
    rf"(?P<value>{_STRING}|\[\s*(?:{_STRING}\s*,?\s*)+\])(?=[ \t]*(?:[,\n}}]|$))"
)
_VARIABLE = re.compile(r'\bvariable\s+"(?P<name>\w+)"\s*$')
_QUOTED = re.compile(r'"([^"]*)"')
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<comment>#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))'
    r"|(?P<heredoc><<-?[ \t]*(?P<end>\w+)[^\n]*\n(?P<body>.*?)^[ \t]*(?P=end)[ \t]*$)|(?P<brace>[{}])",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class _Block:
    """What stands between two braces: their places, and the variable that it gives a default to."""

    start: int
    end: int
    variable: str


class _Read(NamedTuple):
    """A text with its comments and heredocs blanked, the heredocs with the place they begin at, and its blocks."""

    code: str
    heredocs: list[tuple[int, str]]
    blocks: list[_Block]


def read_terraform(path: str, text: str) -> Iterator[Reading]:
    """What a file says, in the order of its lines; heredocs last."""
    code, heredocs, blocks = _read(text)
    pairs: dict[_Block | None, list[tuple[str, StatedSetting]]] = {}
    for match in _LITERAL.finditer(code):
        block = _innermost(blocks, match.start("name"))
        variable = next(
            (block.variable for block in blocks if block.variable and _holds(block, match.start("name"))), ""
        )
        name = variable if match["name"] == "default" else match["name"]
        source = Source(path, code.count("\n", 0, match.start("name")) + 1)
        written = _QUOTED.findall(match["value"])
        if field := field_of_name(name):
            yield from (replace(stated, default=bool(variable)) for stated in networks(field, written, source))
        elif name in _PAIR:
            found = (replace(stated, default=bool(variable)) for stated in networks(_PAIR[name], written, source))
            pairs.setdefault(block, []).extend((_PAIR[name], stated) for stated in found)
        if name in _ENDPOINTS and match["value"].startswith('"'):
            for setting in endpoint(match["value"].strip('"'), source):
                yield replace(setting, default=bool(variable))
    for stated in pairs.values():
        if {field for field, _each in stated} == {KUBERNETES_PODS, SERVICES}:
            yield from (other for _field, other in stated)
    for place, body in heredocs:
        if holds_settings(body.encode()):
            yield from moved(read_machines(path, body), code.count("\n", 0, place))


def _read(text: str) -> _Read:
    parts: list[str] = []
    heredocs: list[tuple[int, str]] = []
    blocks: list[_Block] = []
    open_: list[tuple[int, str]] = []
    done = 0
    for token in _TOKEN.finditer(text):
        parts.append(text[done : token.start()])
        done = token.end()
        kept = token["string"] or token["brace"] or re.sub(r"[^\n]", " ", token[0])
        if token["heredoc"]:
            heredocs.append((token.start("body"), token["body"]))
        elif token["brace"] == "{":
            variable = _VARIABLE.search(text, max(0, token.start() - 200), token.start())
            open_.append((token.start(), variable["name"] if variable else ""))
        elif token["brace"] and open_:
            start, name = open_.pop()
            blocks.append(_Block(start, token.end(), name))
        parts.append(kept)
    return _Read("".join([*parts, text[done:]]), heredocs, blocks)


def _innermost(blocks: list[_Block], place: int) -> _Block | None:
    return max((block for block in blocks if _holds(block, place)), key=lambda block: block.start, default=None)


def _holds(block: _Block, place: int) -> bool:
    return block.start < place < block.end
