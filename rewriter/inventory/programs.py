"""Objects that other programs make of files of the tree: Helmfile, Terraform, Tanka, Jsonnet, CUE, KCL, Pkl, Dhall,
Pulumi, cdk8s, Ansible, Skaffold, DevSpace, werf, Rancher Fleet, shell scripts, and templates of unknown programs.

What they make is not computed here. Each of their releases, resources or files hides what it may make, in the namespace
that it names in plain words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rewriter import yamltext
from rewriter.discovery import PROGRAM_SUFFIXES
from rewriter.inventory.facts import Source
from rewriter.inventory.kinds_in_text import KIND, may_hold_pods
from rewriter.inventory.kubernetes import is_namespace
from rewriter.inventory.manifests import items, mapping
from rewriter.inventory.terraform_resources import read_resources

#: The languages of programs that are read for nothing else, by their suffix.
_LANGUAGES = {".jsonnet": "Jsonnet", ".cue": "CUE", ".k": "KCL", ".pkl": "Pkl", ".dhall": "Dhall"}

_RELEASES = re.compile(rb"^[\"']?releases[\"']?:", re.MULTILINE)
_CHART = re.compile(rb"[\"']?\bchart[\"']?:")
_ENVIRONMENT = b"tanka.dev/"
_RESOURCE = re.compile(
    r'^resource\s+"(helm_release|kubectl_manifest|kubernetes_(?:manifest|deployment|stateful_set|daemonset|daemon_set|pod'
    r'|job|cron_job|replication_controller|service)(?:_v1)?)"\s+"([^"]+)"',
    re.MULTILINE,
)
_NAMESPACE = re.compile(r'^\s+namespace\s*=\s*("[^"$]*"|\S.*)$', re.MULTILINE)
#: Projects of other tools, by the name of their file, with the text that they have where they may make workloads.
_PROJECTS = {
    "Pulumi.yaml": ("a project of Pulumi,", re.compile(rb"^runtime:", re.MULTILINE)),
    "cdk8s.yaml": ("a project of cdk8s,", re.compile(rb"^app:", re.MULTILINE)),
    "skaffold.yaml": ("releases of Skaffold in", re.compile(rb"remoteChart:|remoteManifests:|chartPath:|\bhelm:")),
    "devspace.yaml": ("deployments of DevSpace in", re.compile(rb"^deployments:", re.MULTILINE)),
    "werf.yaml": ("a project of werf,", re.compile(rb"^project:", re.MULTILINE)),
    "fleet.yaml": ("a bundle of Rancher Fleet,", re.compile(rb"^helm:", re.MULTILINE)),
}
_ANSIBLE = re.compile(rb"\b(?:kubernetes\.core|community\.kubernetes|redhat\.openshift)\.(?:k8s|helm)\b[ \t]*:")
_TERRAFORM_JSON = re.compile(rb'"(?:helm_release|kubectl_manifest|kubernetes_\w+)"[ \t]*:')
#: Commands of a script that make workloads, to the end of the line and of those that a backslash joins to it.
_COMMAND = re.compile(
    r"\b(?P<tool>helm[ \t]+(?:install|upgrade)|kubectl[ \t]+(?:run|create[ \t]+(?:deploy(?:ment)?|job|cronjob)))\b"
    r"(?:\\\n|[^\n])*"
)
_OPTION = re.compile(r"(?:-n|--namespace)(?:[ \t]+|=)[\"']?([^\s\"']+)")
_NAMED = re.compile(rb"""\bnamespace["']?[ \t]*:[ \t]*["']?([^\s"'#,}]+)""")
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
        made = bool(KIND.search(text) and may_hold_pods(text))
        if path.endswith(".sh"):
            return made or _COMMAND.search(text.decode("utf-8", "replace")) is not None
        return made or (path.endswith(tuple(_LANGUAGES)) and _MAKES_WORKLOADS.search(text) is not None)
    if name in _PROJECTS:
        return _PROJECTS[name][1].search(text) is not None
    if name.endswith(".tf.json"):
        return _TERRAFORM_JSON.search(text) is not None
    return _is_ansible(text) or (_ENVIRONMENT in text and name.startswith("spec."))


def _is_ansible(text: bytes) -> bool:
    return (b"k8s" in text or b".helm" in text) and _ANSIBLE.search(text) is not None


def _of_script(path: str, data: bytes) -> Iterator[Program]:
    """The commands of a shell script that make workloads, and the manifests in it."""
    text = data.decode("utf-8", "replace")
    for match in _COMMAND.finditer(text):
        named = _OPTION.search(match[0])
        line = text.count("\n", 0, match.start()) + 1
        namespace = named[1] if named and is_namespace(named[1]) else None
        yield Program(f"`{' '.join(match['tool'].split())}` in", Source(path, line), namespace)
    if KIND.search(data) and may_hold_pods(data):
        yield Program("manifests in", Source(path), _only_namespace(data))


def _only_namespace(data: bytes) -> str | None:
    """The namespace that every manifest in a text names; None where they name several, or one of them none."""
    names = _NAMED.findall(data)
    if len(names) < len(KIND.findall(data)) or len(set(names)) != 1:
        return None
    name = names[0].decode("utf-8", "replace")
    return name if is_namespace(name) else None


def programs_in(path: str, data: bytes) -> Iterator[Program]:
    """What the program makes of a file that `is_program`."""
    name = path.rpartition("/")[2]
    if path.endswith(".sh"):
        yield from _of_script(path, data)
        return
    if path.endswith(PROGRAM_SUFFIXES):
        language = next((words for suffix, words in _LANGUAGES.items() if path.endswith(suffix)), "")
        words = f"what {language} makes of" if language else "what is made of the template"
        yield Program(words, Source(path), None if language else _only_namespace(data))
        return
    if name in _PROJECTS and _PROJECTS[name][1].search(data):
        yield Program(_PROJECTS[name][0], Source(path))
        return
    if name.endswith(".tf.json") or _is_ansible(data):
        yield Program("resources of Terraform in" if name.endswith(".tf.json") else "tasks of Ansible in", Source(path))
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
