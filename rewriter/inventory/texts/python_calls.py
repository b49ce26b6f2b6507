"""Python that calls kubectl, oc or helm, as a script of a shell would write it.

Only such programs show what a cluster holds: the text of any other is empty here, and that of tests too.
"""

from __future__ import annotations

from rewriter import patterns as re

_CLIENTS = (b"kubernetes", b"kr8s", b"lightkube", b"pykube", b"kopf")
_WORDS = (b"kubectl", b"helm", b"cdk8s", b"aws_cdk", b"from imports", b'"oc"', b"'oc'", b"oc ", *_CLIENTS)
_TESTS = re.compile(r"(?:^|/)(?:tests|e2e|testdata)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")
#: A call with the words of a command one by one: in a list, or of a function that is called as the tool is.
_LISTED = re.compile(
    rb"""[\[(][ \t\r\n]*[fbru]*["'](?:kubectl|oc|helm)["'][^\[\]()]*(?:[\[(][^\[\]()]*[\])][^\[\]()]*)*[\])]"""
)
_CALLED = re.compile(rb"""\b(?:kubectl|oc|helm)\([ \t\r\n]*["'][^()]*\)""")
_APART = re.compile(rb"""(?<=[\[(,\s])[fbru]+(?=["'])|["',\[\]()]""")
_COMMAND = re.compile(rb"\b(?:kubectl|oc|helm)\b[^\n]*")
_VERB = re.compile(rb"[ \t](?:apply|create|replace|patch|install|upgrade|template)\b")
#: What else puts objects into a cluster: a client, or a program of Pulumi or cdk8s.
_APPLIES = re.compile(
    rb"\b(?:create|replace|patch)_(?:namespace|(?:namespaced|cluster|from)_\w+)[ \t]*\(|\bDynamicClient\b"
    rb"|\.add_(?:manifest|helm_chart)\(|\b(?:HelmChart|KubernetesManifest)\("
    rb"|\b(?:import|from)[ \t]+(?:kr8s|lightkube|pykube|kopf)\b"
    rb"|\bimport[ \t]+(?:pulumi_kubernetes|cdk8s)|\bfrom[ \t]+(?:pulumi_kubernetes|cdk8s|imports)\b"
)


def as_commands(path: str, data: bytes) -> bytes:
    """A Python file with its calls as commands, on the lines on which they stand; empty where it applies nothing."""
    if not any(word in data for word in _WORDS) or _TESTS.search(path) is not None:
        return b""
    text = _CALLED.sub(_words, _LISTED.sub(_words, data))
    commands = any(_VERB.search(match[0]) for match in _COMMAND.finditer(text))
    return text if commands or _APPLIES.search(text) is not None else b""


def _words(match: re.Match[bytes]) -> bytes:
    return re.sub(rb"[ \t]*\r?\n", rb" \\\n", _APART.sub(b" ", match[0]))
