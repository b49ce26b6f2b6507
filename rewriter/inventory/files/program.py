"""Something that makes objects which are not read, and what a text of its own holds."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.cilium_commands import CiliumCommand
from rewriter.inventory.objects.kubernetes import is_namespace
from rewriter.inventory.texts.kinds_in_text import KIND, may_hold_pods
from rewriter.records import dataclass

_NAMED = re.compile(rb"""\bnamespace["']?[ \t]*:[ \t]*["']?([^\s"'#,}]+)""")


@dataclass(frozen=True, slots=True)
class Program:
    """Something that makes objects which are not read: in words, where it stands, and the namespace it is known to use.

    `namespace` is None where it may be any. `install` is what it says of Cilium, where that is what it installs.
    """

    words: str
    source: Source
    namespace: str | None = None
    install: CiliumCommand | None = None


def manifests_in(path: str, data: bytes) -> Iterator[Program]:
    """The manifests in the text of a program that may make pods or Services."""
    if KIND.search(data) is not None and may_hold_pods(data):
        yield Program("manifests in", Source(path), only_namespace(data))


def only_namespace(data: bytes) -> str | None:
    """The namespace that every manifest in a text names; None where they name several, or one of them none."""
    names = _NAMED.findall(data)
    if len(names) < len(KIND.findall(data)) or len(set(names)) != 1:
        return None
    name = names[0].decode("utf-8", "replace")
    return name if is_namespace(name) else None
