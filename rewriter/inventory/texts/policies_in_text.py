"""Network policies that a text names which no parser reads: by their kind, or by the name of what is applied."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewriter.cilium.policy import CCNP, CNP, KNP

#: A policy's kind, at the beginning of a line.
KIND = re.compile(rf"""^[ \t-]*["']?kind["']?[ \t]*:[ \t]*["']?({CNP}|{CCNP}|{KNP})\b""", re.MULTILINE)
#: The same in other languages, within a line too.
_ANY_KIND = re.compile(rf"""\bkind["']?[ \t]*[:=]+[ \t]*["']?({CNP}|{CCNP}|{KNP})\b""")
_TERRAFORM = re.compile(r'^resource\s+"kubernetes_network_policy(?:_v1)?"', re.MULTILINE)
#: What commands apply, and the charts that Helmfile, Terraform and Ansible install.
_APPLIED = re.compile(
    r"""\b(?:kubectl|oc)\b[^\n]*?[ \t](?:-f|-k|--filename|--kustomize)[ \t=]+["']?(?P<url>(?:https?://|github\.com/)\S+)"""
    r"""|\bhelm[ \t]+(?:upgrade|install|template)\b(?P<command>[^\n]+)"""
)
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
    for match in _TERRAFORM.finditer(text):
        yield KNP, text.count("\n", 0, match.start()) + 1, "a resource of Terraform"
    for match in _APPLIED.finditer(text):
        if may_hold_policies(match["url"] or match["command"]) and not _in_remark(text, match.start()):
            yield "policy", text.count("\n", 0, match.start()) + 1, "what a command applies"


def _in_remark(text: str, place: int) -> bool:
    return _REMARK.match(text, text.rfind("\n", 0, place) + 1) is not None
