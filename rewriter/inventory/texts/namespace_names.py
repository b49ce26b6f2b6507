"""Which namespaces a text speaks of by name, whether or not what it makes there is read."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.label_syntax import LABEL

_NAME = LABEL.encode() + rb"(?![\w.$-])"
_NAMED = re.compile(rb"(?i:namespaces?|\bns|(?<![\w-])-n)[\"']?(?:[ \t]*[=:,(\[][ \t]*|[ \t]+)[\"']?(" + _NAME + rb")")
_TERRAFORM = re.compile(
    rb'"kubernetes_namespace(?:_v1)?"[^{}]{0,2000}\{[^{}]{0,2000}\{'
    rb'(?:[^{}]|\{[^{}]{0,2000}\}){0,2000}?\bname\s*=\s*"(' + _NAME + rb')"'
)
#: A Namespace in a text that no parser reads: of a script, or of a template.
_OBJECT = re.compile(
    rb"""\bkind["']?[ \t]*[:=][ \t]*["']?Namespace\b(?s:.){0,600}?\bname["']?[ \t]*[:=][ \t]*["']?(""" + _NAME + rb")"
)
_ITEM = re.compile(rb"(?:^[ \t]*-[ \t]+|[\[,][ \t]*)[\"']?(" + _NAME + rb")[\"']?[ \t]*(?=[,\]\r\n#]|\Z)", re.MULTILINE)
_BREAK = re.compile(rb"^---.*$", re.MULTILINE)
_POLICY = re.compile(rb"^[ \t]*(?:-[ \t]+)?[\"']?kind[\"']?:[ \t]*[\"']?\w*NetworkPolicy\b", re.MULTILINE)


def namespaces_in_commands(data: bytes) -> Iterator[str]:
    """The namespaces that a script, a program or a file of Terraform names."""
    for pattern in (_NAMED, _OBJECT, _TERRAFORM):
        yield from (match[1].decode() for match in pattern.finditer(data))


def namespaces_in_manifests(data: bytes) -> Iterator[str]:
    """The namespaces that a text of manifests or of values may name, policies apart: more than it does at times."""
    for part in _BREAK.split(data):
        if b"amespace" in part and _POLICY.search(part) is None:
            for pattern in (_NAMED, _OBJECT, _ITEM):
                yield from (match[1].decode() for match in pattern.finditer(part))
