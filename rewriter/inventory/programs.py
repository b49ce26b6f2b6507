"""Objects that other programs make of files of the tree: Helmfile, Terraform, Tanka, Jsonnet, CUE.

What they make is not computed here. Each of their releases, resources or files hides what it may make, in the namespace
that it names in plain words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rewriter import yamltext
from rewriter.inventory.facts import Source
from rewriter.inventory.kinds_in_text import KIND, may_hold_pods
from rewriter.inventory.kubernetes import is_namespace
from rewriter.inventory.manifests import items, mapping
from rewriter.inventory.terraform_resources import read_resources

#: Files of programs that are read for nothing else.
PROGRAM_SUFFIXES = (".jsonnet", ".cue")

_RELEASES = re.compile(rb"^[\"']?releases[\"']?:", re.MULTILINE)
_CHART = re.compile(rb"[\"']?\bchart[\"']?:")
_ENVIRONMENT = b"tanka.dev/"
_RESOURCE = re.compile(
    r'^resource\s+"(helm_release|kubectl_manifest|kubernetes_(?:manifest|deployment|stateful_set|daemonset|daemon_set|pod'
    r'|job|cron_job|replication_controller|service)(?:_v1)?)"\s+"([^"]+)"',
    re.MULTILINE,
)
_NAMESPACE = re.compile(r'^\s+namespace\s*=\s*("[^"$]*"|\S.*)$', re.MULTILINE)
#: Words of libraries that make workloads, in programs that name no kind.
_MAKES_WORKLOADS = re.compile(rb"(?i)deployment|statefulset|daemonset|cronjob")


@dataclass(frozen=True, slots=True)
class Program:
    """Something that makes objects which are not read: in words, where it stands, and the namespace it is known to use.

    `namespace` is None where it may be any.
    """

    words: str
    source: Source
    namespace: str | None = None


def is_program(path: str, text: bytes) -> bool:
    """Whether a file that is no manifest makes objects by a program that reads it."""
    name = path.rpartition("/")[2]
    if name.startswith("helmfile.") or "/helmfile.d/" in f"/{path}" or _RELEASES.search(text) is not None:
        return _RELEASES.search(text) is not None and _CHART.search(text) is not None
    if path.endswith(PROGRAM_SUFFIXES):
        return bool(KIND.search(text) and may_hold_pods(text)) or _MAKES_WORKLOADS.search(text) is not None
    return _ENVIRONMENT in text and name.startswith("spec.")


def programs_in(path: str, data: bytes) -> Iterator[Program]:
    """What the program makes of a file that `is_program`."""
    if path.endswith(PROGRAM_SUFFIXES):
        language = "Jsonnet" if path.endswith(".jsonnet") else "CUE"
        yield Program(f"what {language} makes of", Source(path))
        return
    try:
        documents = yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        yield Program("releases of Helmfile in", Source(path))
        return
    for document in documents:
        value = mapping(document.value)
        if str(value.get("apiVersion")).startswith("tanka.dev/"):
            namespace = mapping(value.get("spec")).get("namespace")
            yield Program("an environment of Tanka,", Source(path), namespace if is_namespace(namespace) else None)
        for index, release in enumerate(items(value.get("releases"))):
            if release.get("installed") is not False:
                line = yamltext.locate(document, f"/releases/{index}").line
                yield _release(release, Source(path, line))


def _release(release: Mapping[str, Any], source: Source) -> Program:
    namespace = release.get("namespace")
    return Program(
        f"release {release.get('name')} of Helmfile,", source, namespace if is_namespace(namespace) else None
    )


def terraform_programs(path: str, data: bytes) -> Iterator[Program]:
    """The resources of a Terraform file that make pods or Services; Helm releases that are read as such left out."""
    if b"helm_release" not in data and b"kubernetes_" not in data and b"kubectl_manifest" not in data:
        return
    text = data.decode("utf-8", "replace")
    known = read_resources(text)
    for match in _RESOURCE.finditer(text):
        if match.start() in known:
            continue
        body = text[match.end() : max(text.find("\n}", match.end()), match.end())]
        named = [each[1].strip('"') for each in _NAMESPACE.finditer(body)]
        place = named[0] if named and is_namespace(named[0]) else None
        line = text.count("\n", 0, match.start()) + 1
        yield Program(f"{match[1]} {match[2]} of Terraform,", Source(path, line), place)
