"""Ranges and API servers that Terraform and Terragrunt files write as plain literals (`pod_cidr = "10.42.0.0/16"`).

Expressions are not computed: what is no literal is not known. A `default` of a `variable` block counts for its name
where no other file gives the variable a value. `pods` and `services` count where they are ranges beside each other,
`vip`, `endpoint` and `api_server` where a release of Talos or Kubernetes stands beside them: a router has a `vip` too.
A machine with a `machine_type` of Talos and an `ip` is a node. A heredoc of machine configuration is read like a file
of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.machines import holds_settings, read_machines
from rewriter.inventory.settings.stated import (
    API_HOST,
    KUBERNETES_PODS,
    SERVICES,
    Reading,
    StatedNode,
    StatedSetting,
    address,
    endpoint,
    field_of_name,
    moved,
    networks,
)
from rewriter.records import dataclass

#: The URL of the API server, as modules for Talos, kubeadm and k3s call it.
_ENDPOINTS = frozenset({"cluster_endpoint", "api_server_endpoint", "kube_api_endpoint", "control_plane_endpoint"})
#: The address that control planes share, by names that say so. An endpoint that is stated goes before it.
_SHARED = re.compile(
    r"(?:talos_|k8s_|kube_|kubernetes_)?(?:cluster_|control_?plane_|api_|api_?server_|kube_?api_)?vip(?:_address|_ip)?"
    r"|(?:kube_)?api_?server_(?:ip|address)|cluster_api_addr"
)
_SERVER = frozenset({"api_server", "apiserver", "api_server_url", "kube_api_server", "k8s_api_server"})
#: Names that mean the API server only beside what says that the block is about a cluster.
_UNCLEAR = frozenset({"vip", "vip_address", "vip_ip", "endpoint", *_SERVER})
_SERVED = re.compile(r"(?:https://)?\d+(?:\.\d+){3}(?::\d+)?|https://\S+:6443/?")
_BESIDE = re.compile(r"(?:talos|kubernetes|k8s|k3s|rke2|talos_machine_config)_version")
_PROVIDER = re.compile(r'\bprovider\s+"[^"]*"\s*$')
#: The key before a brace, as machines have it.
_KEY = re.compile(r'"?(?P<name>[\w.-]+)"?\s*[=:]\s*$')
_MACHINE_TYPES = frozenset({"controlplane", "worker"})
#: Names that mean ranges only where both stand in one block.
_PAIR = {"pods": KUBERNETES_PODS, "pod": KUBERNETES_PODS, "services": SERVICES, "service": SERVICES, "svc": SERVICES}
_STRING = r'"(?:[^"\\\n$%]|\\.)*"'
_LITERAL = re.compile(
    rf'(?:^|(?<=[{{,\n]))[ \t]*"?(?P<name>\w+)"?[ \t]*[=:](?!=)[ \t]*'
    rf"(?P<value>{_STRING}|\[\s*(?:{_STRING}\s*,?\s*)+\])(?=[ \t]*(?:[,\n}}]|$))"
)
_VARIABLE = re.compile(r'\bvariable\s+"(?P<name>\w+)"\s*$')
_NAME = re.compile(r'(\w+)"?[ \t]*[=:]')
_QUOTED = re.compile(r'"([^"]*)"')
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<comment>#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))'
    r"|(?P<heredoc><<-?[ \t]*(?P<end>\w+)[^\n]*\n(?P<body>.*?)^[ \t]*(?P=end)[ \t]*$)|(?P<brace>[{}])",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class _Block:
    """What stands between two braces: their places, its key, and the variable that it gives a default to."""

    start: int
    end: int
    variable: str
    key: str = ""
    of_provider: bool = False


class _Literal(NamedTuple):
    """What is written behind a name: one text or a list of texts; `default` is one of a variable."""

    texts: list[str]
    listed: bool
    source: Source
    default: bool


class _Read(NamedTuple):
    """A text with its comments and heredocs blanked, the heredocs with the place they begin at, and its blocks."""

    code: str
    heredocs: list[tuple[int, str]]
    blocks: list[_Block]


def read_terraform(path: str, text: str) -> Iterator[Reading]:
    """What a file says, in the order of its lines; machines and heredocs last."""
    code, heredocs, blocks = _read(text)
    pairs: dict[_Block | None, list[tuple[str, StatedSetting]]] = {}
    written: dict[_Block | None, dict[str, _Literal]] = {}
    for match in _LITERAL.finditer(code):
        place = match.start("name")
        variable = next((block.variable for block in blocks if block.variable and _holds(block, place)), "")
        block = _innermost(blocks, place)
        if block is not None and block.of_provider:
            continue
        source = Source(path, code.count("\n", 0, place) + 1)
        found = _Literal(_QUOTED.findall(match["value"]), match["value"].startswith("["), source, bool(variable))
        name = variable if match["name"] == "default" else match["name"]
        written.setdefault(block, {})[name] = found
        if name in _PAIR:
            own = networks(_PAIR[name], found.texts, source)
            pairs.setdefault(block, []).extend((_PAIR[name], replace(one, default=found.default)) for one in own)
        elif field := field_of_name(name):
            yield from (replace(stated, default=found.default) for stated in networks(field, found.texts, source))
    for stated in pairs.values():
        if {field for field, _each in stated} == {KUBERNETES_PODS, SERVICES}:
            yield from (other for _field, other in stated)
    for block, of_block in written.items():
        inside = code[block.start : block.end] if block is not None else code
        yield from _of_cluster(of_block, any(_BESIDE.fullmatch(name) for name in _NAME.findall(inside)))
        if block is not None:
            yield from _machine(block, of_block)
    for place, body in heredocs:
        if holds_settings(body.encode()):
            yield from moved(read_machines(path, body), code.count("\n", 0, place))


def _of_cluster(written: dict[str, _Literal], beside: bool) -> Iterator[StatedSetting]:
    """The API server, as the names of a block say it. `beside` says that the block is about a cluster."""
    for name, literal in written.items():
        if literal.listed or (name in _UNCLEAR and not beside):
            continue
        text = literal.texts[0]
        if name in _ENDPOINTS or ((name in _SERVER or name == "endpoint") and _SERVED.fullmatch(text)):
            for setting in endpoint(text, literal.source):
                yield replace(setting, default=literal.default)
        elif _SHARED.fullmatch(name) and (host := address(text)):
            yield StatedSetting(API_HOST, host, literal.source, default=True)


def _machine(block: _Block, written: dict[str, _Literal]) -> Iterator[StatedNode]:
    kind, own = written.get("machine_type"), written.get("ip")
    if kind is None or own is None or kind.texts[0] not in _MACHINE_TYPES or not block.key or own.listed:
        return
    if host := address(own.texts[0]):
        yield StatedNode(block.key, (host,), kind.texts[0] == "controlplane", own.source)


def _read(text: str) -> _Read:
    parts: list[str] = []
    heredocs: list[tuple[int, str]] = []
    blocks: list[_Block] = []
    open_: list[tuple[int, str, str, bool]] = []
    done = 0
    for token in _TOKEN.finditer(text):
        parts.append(text[done : token.start()])
        done = token.end()
        kept = token["string"] or token["brace"] or re.sub(r"[^\n]", " ", token[0])
        if token["heredoc"]:
            heredocs.append((token.start("body"), token["body"]))
        elif token["brace"] == "{":
            before = text[max(0, token.start() - 200) : token.start()]
            variable, key = _VARIABLE.search(before), _KEY.search(before)
            names = (variable["name"] if variable else "", key["name"] if key else "")
            open_.append((token.start(), *names, _PROVIDER.search(before) is not None))
        elif token["brace"] and open_:
            start, of_variable, its_key, of_provider = open_.pop()
            blocks.append(_Block(start, token.end(), of_variable, its_key, of_provider))
        parts.append(kept)
    return _Read("".join([*parts, text[done:]]), heredocs, blocks)


def _innermost(blocks: list[_Block], place: int) -> _Block | None:
    return max((block for block in blocks if _holds(block, place)), key=lambda block: block.start, default=None)


def _holds(block: _Block, place: int) -> bool:
    return block.start < place < block.end
