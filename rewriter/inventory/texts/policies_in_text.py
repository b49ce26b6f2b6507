"""Network policies that a text names which no parser reads: by their kind, or by the name of what is applied."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewriter.cilium.policy import CCNP, CNP, KNP
from rewriter.cilium.tiers import KIND as TIER
from rewriter.discovery import PROJECT_SUFFIXES

#: A policy's kind, at the beginning of a line.
KIND = re.compile(rf"""^[ \t-]*["']?kind["']?[ \t]*:[ \t]*["']?({CNP}|{CCNP}|{KNP}|{TIER})\b""", re.MULTILINE)
#: The same in other languages, within a line too.
_ANY_KIND = re.compile(rf"""\bkind["']?[ \t]*[:=]+[ \t]*["']?({CNP}|{CCNP}|{KNP}|{TIER})\b""")
#: What programs of Pulumi and cdk8s call to make one, in any of their languages; and the type in Pulumi's YAML.
_MADE = re.compile(
    rf"""\b(?:New)?(?:Kube)?({CNP}|{CCNP}|{KNP})(?:V1)?(?:Args|Props|Patch)?[ \t]*(?:[({{]|\.Builder\b)"""
    rf"""|\bkubernetes:[\w.-]+(?:/\w+)?:({CNP}|{CCNP}|{KNP})\b"""
)
_LIBRARY = re.compile(r"pulumi|cdk8s|^from[ \t]+imports\b", re.MULTILINE)
_CONNECTED = re.compile(r"\.connections\.(?:allow(?:To|From)|isolate|allow_(?:to|from))\(", re.IGNORECASE)
_CLIENT = re.compile(r"\b(?:create|replace|patch)_namespaced_network_policy[ \t]*\(")
_CUSTOM = re.compile(r"""["'](ciliumnetworkpolicies|ciliumclusterwidenetworkpolicies)["']""")
_URL = re.compile(r"""["'`](https?://[^"'`\s]+)["'`]""")
_CHART = re.compile(r"""\bchart["']?[ \t]*[:=][ \t]*(?:pulumi\.String\()?["']([^"'\n]+)["']""")
_TERRAFORM = re.compile(r'^resource\s+"kubernetes_network_policy(?:_v1)?"', re.MULTILINE)
#: What commands apply, and the charts that Helmfile, Terraform and Ansible install.
_APPLIED = re.compile(
    r"""\b(?:kubectl|oc)\b(?:\\\r?\n|[^\n])*?[ \t](?:-f|-k|--filename|--kustomize)[ \t=]+["']?(?P<url>(?:https?://|github\.com/)\S+)"""
    r"""|(?P<piped>(?:https?://|github\.com/)[^\s"'|]+)(?=(?:\\\r?\n|[^\n])*\|(?:\\\r?\n|[^\n])*\b(?:kubectl|oc)\b[^\n]*"""
    r"""\b(?:apply|create|replace)\b)"""
    r"""|\b(?:helm[ \t]+(?:upgrade|install|template)|argocd[ \t]+app[ \t]+create"""
    r"""|flux[ \t]+create[ \t]+(?:helmrelease|kustomization|hr|ks))\b(?P<command>(?:\\\r?\n|[^\n])+)"""
)
#: An option that switches something off: the chart does not make it.
_OFF = re.compile(r"""--set(?:-string|-json)?[ \t=]+["']?[^\s"'=]+=(?:false|null|none|0|\[\]|\{\})["']?(?=[\s\\]|$)""")
_REMARK = re.compile(r"^[ \t]*(?:#|//)")
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
    for match in _ANY_KIND.finditer(text):
        if not _in_remark(text, match.start()):
            yield match[1], text.count("\n", 0, match.start()) + 1, "a text that a program applies"
    yield from _programmed(path, text)
    for match in _TERRAFORM.finditer(text):
        yield KNP, text.count("\n", 0, match.start()) + 1, "a resource of Terraform"
    for match in _APPLIED.finditer(text):
        words = match["url"] or match["piped"] or _OFF.sub(" ", match["command"])
        if may_hold_policies(words) and not _in_remark(text, match.start()):
            yield "policy", text.count("\n", 0, match.start()) + 1, "what a command applies"


def _programmed(path: str, text: str) -> Iterator[tuple[str, int, str]]:
    """What a program makes with a library for Kubernetes; texts that are no program have no such calls."""
    project = path.endswith(PROJECT_SUFFIXES) or _LIBRARY.search(text) is not None
    maker = "a program of Pulumi or cdk8s"
    found: list[tuple[str, int, str]] = []
    if project:
        found += [(match[1] or match[2], match.start(), maker) for match in _MADE.finditer(text)]
        found += [(KNP, match.start(), maker) for match in _CONNECTED.finditer(text)]
        for match in (*_URL.finditer(text), *_CHART.finditer(text)):
            found += [("policy", match.start(), maker)] if may_hold_policies(match[1]) else []
    elif "kubernetes:" in text:
        found += [(match[2], match.start(), maker) for match in _MADE.finditer(text) if match[2]]
    if path.endswith(".py"):
        found += [(KNP, match.start(), "a program in Python") for match in _CLIENT.finditer(text)]
        for match in _CUSTOM.finditer(text):
            found.append((CCNP if "clusterwide" in match[1] else CNP, match.start(), "a program in Python"))
    for kind, start, words in found:
        if not _in_remark(text, start):
            yield kind, text.count("\n", 0, start) + 1, words


def _in_remark(text: str, place: int) -> bool:
    return _REMARK.match(text, text.rfind("\n", 0, place) + 1) is not None
