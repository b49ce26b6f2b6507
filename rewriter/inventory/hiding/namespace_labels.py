"""What gives labels to namespaces beside their manifests: commands, Terraform, and policies that change namespaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter import patterns as re
from rewriter.inventory.delivery.mutations import MUTATION_KINDS
from rewriter.inventory.facts.completeness import NAMESPACE_LABELS, Hidden
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.labelling import COMMAND, MADE
from rewriter.inventory.files.tree_files import TreeFiles

_GROUPS = frozenset({NAMESPACE_LABELS})
_LIFT = "write the label into the manifest of the namespace"
_LABEL = re.compile(rb"^([\w./-]+)=[\"']?([\w.-]*)[\"']?$")
_NAME = re.compile(rb"^[a-z0-9][a-z0-9-]*$")


def namespace_labellers(files: TreeFiles) -> Iterator[Hidden]:
    """What may give labels to namespaces, each with the namespace and the labels where it names them plainly."""
    for path, data in files.labelling_texts:
        commands = list(COMMAND.finditer(data))
        for command in commands:
            names, labels = _read(command["rest"])
            yield Hidden(f"what {_source(path, data, command)} labels", _LIFT, names, groups=_GROUPS, labels=labels)
        if not commands:
            made = MADE.search(data)
            if made is not None:
                yield Hidden(f"the namespaces in {_source(path, data, made)}", _LIFT, groups=_GROUPS)
    for file in files.of_kinds(MUTATION_KINDS):
        if b"amespace" in file.text and b"label" in file.text:
            for manifest in files.manifests(file):
                if manifest.kind.encode() in MUTATION_KINDS:
                    yield Hidden(f"{manifest.kind} {manifest.name}, {manifest.source}", _LIFT, groups=_GROUPS)


def _source(path: str, data: bytes, found: re.Match[bytes]) -> Source:
    return Source(path, data.count(b"\n", 0, found.start()) + 1)


def _read(rest: bytes) -> tuple[frozenset[str] | None, frozenset[tuple[str, str]] | None]:
    """The namespaces and the labels of a command; None for those that it does not name plainly."""
    words: Sequence[bytes] = [word.strip(b"\"'") for word in rest.split() if not word.startswith(b"-")]
    labels = [match for word in words if (match := _LABEL.match(word))]
    names = [word for word in words if b"=" not in word]
    plain = bool(names) and all(map(_NAME.match, names))
    found = frozenset((match[1].decode(), match[2].decode()) for match in labels)
    whole = len(labels) + len(names) == len(words)
    return frozenset(map(bytes.decode, names)) if plain else None, found if whole and found else None
