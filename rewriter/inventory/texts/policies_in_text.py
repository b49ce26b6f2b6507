"""Network policies that a text names which no parser reads: by their kind, or by the name of what is applied."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.policy import CCNP, CNP, KNP
from rewriter.cilium.tiers import KIND as TIER
from rewriter.inventory.texts.client_calls import language_of, policies_made
from rewriter.inventory.texts.line_numbers import LineNumbers
from rewriter.inventory.texts.remarks import in_remark

#: A policy's kind, at the beginning of a line.
KIND = re.compile(rf"""^[ \t-]*["']?kind["']?[ \t]*:[ \t]*["']?({CNP}|{CCNP}|{KNP}|{TIER})\b""", re.MULTILINE)
#: The same in other languages, within a line too.
_ANY_KIND = re.compile(rf"""\bkind["']?[ \t]*[:=>,]+[ \t]*["']?({CNP}|{CCNP}|{KNP}|{TIER})\b""")
#: What programs of Pulumi and cdk8s call to make one, in any of their languages; and the type in Pulumi's YAML.
_MADE = re.compile(
    rf"""\b(?:New)?(?:Kube)?({CNP}|{CCNP}|{KNP})(?:V1)?(?:Args|Props|Patch)?[ \t]*(?:[({{]|\.Builder\b)"""
    rf"""|\bkubernetes:[\w.-]+(?:/\w+)?:({CNP}|{CCNP}|{KNP})\b"""
)
_LIBRARY = re.compile(r"pulumi|cdk8s|^(?:from|import)[ \t]+imports\b", re.MULTILINE | re.IGNORECASE)
#: What programs without these libraries name: in other languages than those of `_SHORT` they would name the library.
_OFFICIAL = re.compile(r"""["'](?:@kubernetes/|kubernetes-|pepr\b)""")
_SHORT = (".ts", ".mts", ".js", ".mjs", ".cjs")
_CONNECTED = re.compile(r"\.connections\.(?:allow(?:To|From)|isolate|allow_(?:to|from))\(", re.IGNORECASE)
_URL = re.compile(r"""["'`](https?://[^"'`\s]+)["'`]""")
_CHART = re.compile(r"""\bchart["']?[ \t]*[:=][ \t]*(?:pulumi\.String\()?["']([^"'\n]+)["']""")
_TERRAFORM = re.compile(r'^resource\s+"kubernetes_network_policy(?:_v1)?"', re.MULTILINE)
#: A line with those that `\\` joins to it.
_LINE = re.compile(r"(?:\\\r?\n|[^\n])+")
#: What commands apply, and the charts that Helmfile, Terraform and Ansible install.
_TOOL = re.compile(r"\b(?:kubectl|oc)\b")
_APPLIES = re.compile(r"\b(?:apply|create|replace)\b")
_FILE = re.compile(r"""[ \t](?:-f|-k|--filename|--kustomize)[ \t=]+["']?((?:https?://|github\.com/)\S+)""")
_PRINTED = re.compile(r"""(?:https?://|github\.com/)[^\s"'|]+""")
_INSTALLS = re.compile(
    r"\b(?:helm[ \t]+(?:upgrade|install|template)|argocd[ \t]+app[ \t]+create"
    r"|flux[ \t]+create[ \t]+(?:helmrelease|kustomization|hr|ks))\b"
)
#: An option that switches something off: the chart does not make it.
_OFF = re.compile(r"""--set(?:-string|-json)?[ \t=]+["']?[^\s"'=]+=(?:false|null|none|0|\[\]|\{\})["']?(?=[\s\\]|$)""")
#: Words in the name of a source that holds policies.
_POLICIES = re.compile(r"polic(?:y|ies)|netpols?\b|(?:^|[/_ -])cc?nps?\b")
#: Those of other engines, which judge objects at admission.
_OTHER_POLICIES = re.compile(r"kyverno|gatekeeper|kubewarden|\bopa\b|admission|pod-?security")


def may_hold_policies(words: str) -> bool:
    """Whether a source holds network policies, by its name. Nothing else of what is not read is taken for a policy."""
    words = words.lower()
    return _POLICIES.search(words) is not None and _OTHER_POLICIES.search(words) is None


def policies_in(path: str, data: bytes) -> Iterator[tuple[str, int, str]]:
    """The policies that a program's file makes or applies: the kind (`policy`: not known), the line, and by what."""
    text = data.decode("utf-8", "replace")
    lines = LineNumbers(text)
    for match in _ANY_KIND.finditer(text):
        if not in_remark(text, match.start()):
            yield match[1], lines.at(match.start()), "a text that a program applies"
    for kind, start, words in _programmed(path, text):
        if not in_remark(text, start):
            yield kind, lines.at(start), words
    for match in _TERRAFORM.finditer(text):
        yield KNP, lines.at(match.start()), "a resource of Terraform"
    for words, start in _applied(text):
        if may_hold_policies(words) and not in_remark(text, start):
            yield "policy", lines.at(start), "what a command applies"


def _applied(text: str) -> Iterator[tuple[str, int]]:
    """What commands apply, by address or with all options of an installation, and the offset of each."""
    for line in _LINE.finditer(text):
        start, end = line.span()
        tool = _TOOL.search(text, start, end)
        if tool is not None:
            yield from ((match[1], tool.start()) for match in _FILE.finditer(text, tool.end(), end))
            yield from ((match[0], start + match.start()) for match in _PRINTED.finditer(_piped(line[0])))
        command = _INSTALLS.search(text, start, end)
        if command is not None:
            yield _OFF.sub(" ", text[command.end() : end]), command.start()


def _piped(line: str) -> str:
    """What of a line goes through a pipe into a command that applies it; empty for none."""
    parts = line.split("|")
    for index in range(len(parts) - 1, 0, -1):
        tool = _TOOL.search(parts[index])
        if tool is not None and _APPLIES.search(parts[index], tool.end()) is not None:
            return "|".join(parts[:index])
    return ""


def _programmed(path: str, text: str) -> Iterator[tuple[str, int, str]]:
    """What a program makes with a library for Kubernetes: the kind, the offset, and by what.

    Texts that are no program have no such calls.
    """
    library = _LIBRARY.search(text) is not None or (path.endswith(".go") and "imports." in text)
    if not library:
        yield from ((kind, start, f"a program in {language_of(path)}") for kind, start in policies_made(path, text))
    maker = "a program of Pulumi or cdk8s"
    if library or (path.endswith(_SHORT) and _OFFICIAL.search(text) is None):
        yield from ((match[1] or match[2], match.start(), maker) for match in _MADE.finditer(text))
        yield from ((KNP, match.start(), maker) for match in _CONNECTED.finditer(text))
        for match in (*_URL.finditer(text), *_CHART.finditer(text)):
            if may_hold_policies(match[1]):
                yield "policy", match.start(), maker
    elif "kubernetes:" in text:
        yield from ((match[2], match.start(), maker) for match in _MADE.finditer(text) if match[2])
