"""Objects that other programs make of files of the tree: Helmfile, Terraform, Tanka, Jsonnet, CUE, KCL, Pkl, Dhall,
Starlark, Nix, Pulumi, cdk8s, CDKTF, Garden, Ansible, Skaffold, DevSpace, Tilt, werf, Rancher Fleet, Talos, scripts,
pipelines, and templates of unknown programs.

What they make is not computed here. Each of their releases, resources or files hides what it may make, in the namespace
that it names in plain words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import starmap
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.discovery import PROGRAM_NAMES, PROGRAM_SUFFIXES, PROJECT_SUFFIXES, may_hold_manifests
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files import talos
from rewriter.inventory.files.cilium_commands import cilium_commands
from rewriter.inventory.files.commands import commands_in, is_passing, is_pipeline, makes_passing_cluster
from rewriter.inventory.files.other_programs import as_commands, of_calls, of_library, of_other
from rewriter.inventory.files.program import Program, manifests_in, only_namespace
from rewriter.inventory.files.skaffold import SKAFFOLD, transforms
from rewriter.inventory.files.terraform_resources import read_resources
from rewriter.inventory.files.workflows import called_deployments
from rewriter.inventory.objects.kubernetes import is_namespace
from rewriter.inventory.texts.client_calls import language_of, pods_made
from rewriter.inventory.texts.kinds_in_text import KIND, may_hold_pods
from rewriter.inventory.texts.manifests import items, mapping

#: The languages of programs that are read for nothing else, by their suffix.
_LANGUAGES = {
    ".jsonnet": "Jsonnet",
    ".libsonnet": "Jsonnet",
    ".cue": "CUE",
    ".k": "KCL",
    ".pkl": "Pkl",
    ".dhall": "Dhall",
    ".nix": "Nix",
    ".star": "Starlark",
}
_SCRIPTS = (".sh", ".bash", ".zsh", ".fish", ".nu", ".ps1", ".bat", ".cmd", ".mk", ".just", ".rb")
#: Modules of Nix that put manifests or charts into a cluster, and the members of a manifest in Nix.
_NIX = re.compile(
    rb"\bservices\.k3s\.(?:manifests|autoDeployCharts)\b|\bkubernetes\.(?:resources|helm)\b|\bnixidy\b|\bkubenix\b"
)
_NIX_MEMBER = re.compile(rb'\b(apiVersion|kind)[ \t]*=[ \t]*("[^"\n]*")')
#: Functions of Tilt by which objects come that stand in no manifest of the tree.
_TILT = re.compile(rb"\b(?:helm|helm_resource|helm_remote|deployment_create|pod_create|job_create|blob)[ \t]*\(")

#: What a program in such a language takes from elsewhere: libraries for Kubernetes, modules of Timoni.
_IMPORTS = re.compile(
    rb"""\bimport[ \t]+["'](?:[^"'\n]*/)?(?:k\.|kube|k8s|kausal|tanka)[^"'\n]*["']"""
    rb"""|\bimport[ \t]+["'](?:github|gitlab)\.com/(?![^"'\n]*(?:grafonnet|mixin|dashboard|docsonnet))[^"'\n]+["']"""
    rb"""|\burl:[ \t]*["']oci://"""
)
#: Where a machine keeps what it applies to its cluster, or runs itself.
_MACHINE_FOLDERS = re.compile(rb"/(?:server/manifests|kubernetes/manifests)/")
_ENCODED = re.compile(rb"encoding:[ \t]*[\"']?(?:b64|base64|gz)|data:[^,\s]*base64|compression:")
#: A Taskfile that another one takes from an address.
_INCLUDED = re.compile(
    rb"^[ \t]+\w+:[ \t]*(?:\r?\n[ \t]+taskfile:[ \t]*)?[\"']?(?:https?|git|ssh)://\S*[Tt]askfile", re.MULTILINE
)
#: A task of Azure Pipelines for Helm up to the next step, and the commands of it that put something into a cluster.
_HELM_TASK = re.compile(rb"(?m)^[ \t-]*\b(?P<task>task):[ \t]*[\"']?HelmDeploy@[^\n]*\n(?:(?![ \t]*- )[^\n]*\n?)*")
_INSTALLS = re.compile(rb"\bcommand:[ \t]*[\"']?(?:install|upgrade)\b")
#: The applications of Helmsman, whose file has any name.
_OF_HELMSMAN = re.compile(rb"^apps:", re.MULTILINE)
_SETTINGS_OF_HELMSMAN = re.compile(rb"^(?:helmRepos|namespaces|metadata|settings|context):", re.MULTILINE)
_RELEASES = re.compile(rb"^[\"']?releases[\"']?:", re.MULTILINE)
#: Manifests whose containers run a tool on the cluster themselves, or scripts for such; remarks of templates in them.
_TOOL = re.compile(rb"\b(?:kubectl|helm|oc)\b")
_TEMPLATE_REMARK = re.compile(rb"\{\{-?[ \t]*/\*[^*]{0,10000}(?:\*(?!/)[^*]{0,10000}){0,100}\*/")
#: A workload of Score, which has no kind.
_OF_SCORE = re.compile(rb"\bapiVersion:[ \t]*[\"']?score\.dev/")
#: Commands as lists.
_TOOL_OF_LIST = re.compile(
    rb"""[\[\n-][ \t]*["']?(?:[\w/.-]{0,200}/)?(?:kubectl|helm|oc)["']?[ \t]*(?:,|\r?\n[ \t]*- )"""
)
_LIST = re.compile(rb"""[^\[\]\n]*(?:\n[ \t]*- [^\n]*)*""")
_BETWEEN = re.compile(rb"""["']?[ \t]*(?:,|\r?\n[ \t]*- )[ \t]*["']?""")
_CHART = re.compile(rb"[\"']?\bchart[\"']?:")
_ENVIRONMENT = b"tanka.dev/"
_RESOURCE = re.compile(
    r'^resource\s+"(helm_release|kubectl_manifest|kubernetes_(?:manifest|deployment|stateful_set|daemonset|daemon_set|pod'
    r'|job|cron_job|replication_controller|service)(?:_v1)?)"\s+"([^"]+)"',
    re.MULTILINE,
)
#: Resources of other providers by which a cluster gets what stands in no manifest; where, is not read.
_BY_OTHERS = re.compile(
    r'^resource\s+"(argocd_application(?:_set)?|rancher2_app(?:_v2)?|kustomization_resource|k8s_manifest'
    r'|kubernetes_labels)"\s+"([^"]+)"',
    re.MULTILINE,
)
_LABELS_OF_PODS = re.compile(r'^[ \t]+kind\s*=\s*"Pod"', re.MULTILINE)
_MODULE = re.compile(r'^module\s+"([^"]+)"\s*\{', re.MULTILINE)
#: The module that a configuration of Terragrunt is made of.
_OF_TERRAGRUNT = re.compile(r"^terraform\s*\{", re.MULTILINE)
_MODULE_SOURCE = re.compile(r'^[ \t]+source\s*=\s*"([^"]+)"', re.MULTILINE)
_MODULE_NAMES = re.compile(r"(?:^|[/_.-])(?:k8s|kubernetes|helm|helm-release|addons?|argo-?cd|flux2?)(?:[/_.?-]|$)")
_NAMESPACE = re.compile(r'^[ \t]+namespace\s*=\s*("[^"$]*"|\S.*)$', re.MULTILINE)
#: What Garden deploys: charts, containers, manifests of other places.
_GARDEN = re.compile(rb"(?m)^type:[ \t]*[\"']?(?:helm|container|kubernetes)\b")
#: Projects of other tools, by the name of their file, with the text that they have where they may make workloads.
_PROJECTS = {
    "Pulumi.yaml": ("a project of Pulumi,", re.compile(rb"^runtime:", re.MULTILINE)),
    "cdk8s.yaml": ("a project of cdk8s,", re.compile(rb"^app:", re.MULTILINE)),
    SKAFFOLD: ("releases of Skaffold in", re.compile(rb"remoteChart:|remoteManifests:|chartPath:|\bhelm:")),
    "devspace.yaml": ("deployments of DevSpace in", re.compile(rb"^deployments:", re.MULTILINE)),
    "deployment.yaml": ("sources of Kluctl in", re.compile(rb"(?ms)^deployments:.*^[ \t-]+(?:git|oci):")),
    "werf.yaml": ("a project of werf,", re.compile(rb"^project:", re.MULTILINE)),
    "fleet.yaml": ("a bundle of Rancher Fleet,", re.compile(rb"^helm:", re.MULTILINE)),
    "cdktf.json": ("a project of CDK for Terraform,", re.compile(rb"\b(?:kubernetes|helm)\b")),
    "zarf.yaml": ("a package of Zarf,", re.compile(rb"\b(?:charts|manifests):")),
    "porter.yaml": ("a bundle of Porter,", re.compile(rb"\b(?:helm3?|kubernetes)\b")),
    "helm-chart.yaml": ("a chart of Kluctl,", re.compile(rb"^helmChart:", re.MULTILINE)),
    **dict.fromkeys(("garden.yml", "garden.yaml"), ("deployments of Garden in", _GARDEN)),
}
_ANSIBLE_LIST = re.compile(
    rb"^- (?:name|hosts|block|include_\w+|import_\w+|ansible\.|k8s|helm|import_playbook)\b", re.MULTILINE
)
_ANSIBLE_SHORT = re.compile(rb"^[ \t-]+(?:k8s|helm)[ \t]*:", re.MULTILINE)
_ANSIBLE = re.compile(rb"\b(?:kubernetes\.core|community\.kubernetes|redhat\.openshift)\.(?:k8s|helm)\b[ \t]*:")
#: A member at the margin: a mapping, which is no list of tasks.
_MARGIN = re.compile(rb"^[A-Za-z_][\w-]*:", re.MULTILINE)
_TERRAFORM_JSON = re.compile(rb'"(?:helm_release|kubectl_manifest|kubernetes_\w+|argocd_application)"[ \t]*:')
#: Words of libraries that make workloads, in programs that name no kind.
_MAKES_WORKLOADS = re.compile(rb"(?i)deployment|statefulset|daemonset|cronjob")


def programs_in(path: str, data: bytes, *, beside: bool = False) -> Iterator[Program]:
    """What programs make of a file: one that is no manifest, or a configuration of Talos.

    `beside`: it is read for nothing else.
    """
    known = may_hold_manifests(path.rpartition("/")[2]) or not beside
    yield from _programs_in(path, data, known)
    if _holds_commands(path, data, known) and not is_passing(path, data):
        passing = makes_passing_cluster(data)
        for command in cilium_commands(path, data):
            install = None if passing else command
            yield Program("the installation of Cilium in", command.source, "kube-system", install)


def _holds_commands(path: str, data: bytes, known: bool) -> bool:
    if b"cilium" not in data:
        return False
    if not known:
        return True
    name = path.rpartition("/")[2]
    return path.endswith(_SCRIPTS) or name in PROGRAM_NAMES or is_pipeline(path) or is_list_of_tasks(data)


def _programs_in(path: str, data: bytes, known: bool) -> Iterator[Program]:
    name = path.rpartition("/")[2]
    if _is_helmfile(path, data):
        yield from _of_yaml(path, data)
    elif path.endswith(".bu") or data.startswith(b"#cloud-config"):
        yield from _of_machine(path, data)
    elif path.endswith(_SCRIPTS) or name in PROGRAM_NAMES or data.startswith(b"#!") or path.endswith(".py"):
        yield from _of_script(path, name, data)
        yield from _of_client(path, data)
        yield from of_library(path, data) if path.endswith(".py") else ()
    elif path.endswith(PROJECT_SUFFIXES):
        yield from _of_client(path, data)
        yield from of_calls(path, data)
    elif path.endswith(PROGRAM_SUFFIXES):
        yield from _of_language(path, data)
    elif name in _PROJECTS:
        if _PROJECTS[name][1].search(data) is not None:
            yield Program(_PROJECTS[name][0], Source(path))
        elif name == SKAFFOLD and transforms(data):
            yield Program("what Skaffold's `transform` makes of manifests,", Source(path))
    elif name.endswith((".tf.json", ".tofu.json")):
        if _TERRAFORM_JSON.search(data) is not None:
            yield Program("resources of Terraform in", Source(path))
    elif is_ansible(path, data):
        yield Program("tasks of Ansible in", Source(path))
    elif is_pipeline(path):
        yield from _of_script(path, name, data)
        if not is_passing(path, data):
            yield from starmap(Program, called_deployments(path, data))
        yield from (Program("`HelmDeploy` in", Source(path, line)) for line in _helm_tasks(data))
        if _INCLUDED.search(data) is not None:
            yield Program("tasks of another place, included by", Source(path))
    elif _is_of_helmsman(data):
        yield Program("applications of Helmsman in", Source(path))
    elif not known:
        yield from of_other(path, data)
    elif _TOOL.search(data) is not None or b"/namespaces/" in data:
        yield from starmap(Program, commands_in(path, _as_lines(_TEMPLATE_REMARK.sub(_as_breaks, data))))
    elif _OF_SCORE.search(data) is not None:
        yield Program("a workload of Score,", Source(path))
    elif _ENVIRONMENT in data and name.startswith("spec."):
        yield from _of_yaml(path, data)
    if talos.holds(data):
        yield from starmap(Program, talos.fetched_manifests(path, data))


def _is_of_helmsman(data: bytes) -> bool:
    apps = _OF_HELMSMAN.search(data) if b"apps:" in data and _SETTINGS_OF_HELMSMAN.search(data) else None
    return apps is not None and _CHART.search(data, apps.end()) is not None


def _as_breaks(match: re.Match[bytes]) -> bytes:
    return b"\n" * match[0].count(b"\n")


def _as_lines(data: bytes) -> bytes:
    """A manifest with the commands that are lists on the line on which each begins."""
    parts, end = [], 0
    for match in _TOOL_OF_LIST.finditer(data):
        if match.start() < end:
            continue
        line = _LIST.match(data, match.start() + 1)
        stop = line.end() if line is not None else match.end()
        text = data[match.start() : stop]
        parts += [data[end : match.start()], _BETWEEN.sub(b" ", text).replace(b"]", b" "), b"\n" * text.count(b"\n")]
        end = stop
    return b"".join([*parts, data[end:]])


def _helm_tasks(data: bytes) -> Iterator[int]:
    """The lines of the tasks of Azure Pipelines that install a release."""
    for match in _HELM_TASK.finditer(data):
        if _INSTALLS.search(match[0]) is not None:
            yield data.count(b"\n", 0, match.start("task")) + 1


def holds_commands(path: str, data: bytes) -> bool:
    """Whether a file in YAML is no manifest but holds commands: a pipeline, tasks of Ansible, a helmfile."""
    return is_pipeline(path) or _is_helmfile(path, data) or is_ansible(path, data)


def makes_resources(path: str, data: bytes) -> bool:
    """Whether a file is a program of Pulumi in YAML that makes objects of Kubernetes."""
    return path.rpartition("/")[2] in ("Pulumi.yaml", "Pulumi.yml", "Main.yaml") and b"kubernetes:" in data


def _is_helmfile(path: str, data: bytes) -> bool:
    return not path.endswith(PROGRAM_SUFFIXES) and bool(_RELEASES.search(data) and _CHART.search(data))


def _of_script(path: str, name: str, data: bytes) -> Iterator[Program]:
    """The commands of a script or a pipeline that make workloads, what Tilt makes, and the manifests in it."""
    yield from starmap(Program, commands_in(path, data if is_pipeline(path) else as_commands(data)))
    if name == "Tiltfile" and _TILT.search(data) is not None:
        yield Program("what Tilt makes of", Source(path))
    elif not is_passing(path, data):
        yield from manifests_in(path, data)


def _of_client(path: str, data: bytes) -> Iterator[Program]:
    """What a program makes of pods and Services with a client of Kubernetes."""
    start = pods_made(path, data)
    if start is not None:
        yield Program(f"a program in {language_of(path)},", Source(path, data.count(b"\n", 0, start) + 1))


def _of_language(path: str, data: bytes) -> Iterator[Program]:
    language = next((words for suffix, words in _LANGUAGES.items() if path.endswith(suffix)), "")
    if path.endswith(".nix"):
        text = _NIX_MEMBER.sub(rb"\1: \2", data) if b"apiVersion" in data else b""
        makes = _NIX.search(data) is not None
    else:
        text, makes = data, bool(language) and _MAKES_WORKLOADS.search(data) is not None
        makes = makes or (bool(language) and _IMPORTS.search(data) is not None)
    if makes or (KIND.search(text) and may_hold_pods(text)):
        words = f"what {language} makes of" if language else "what is made of the template"
        yield Program(words, Source(path), None if language else only_namespace(data))


def _of_machine(path: str, data: bytes) -> Iterator[Program]:
    """What a first configuration of a machine (cloud-init, Butane) puts where k3s, RKE2 or the kubelet takes it."""
    if _MACHINE_FOLDERS.search(data) is None:
        return
    if _ENCODED.search(data) is not None:
        yield Program("manifests in", Source(path))
    else:
        yield from manifests_in(path, data)


def is_ansible(path: str, text: bytes) -> bool:
    """Whether a file holds tasks of Ansible that put objects into a cluster, by a module or by a command."""
    if (b"k8s" in text or b".helm" in text) and _ANSIBLE.search(text) is not None:
        return True
    if b"helm" not in text and b"k8s" not in text and b"kubectl" not in text:
        return False
    if not is_list_of_tasks(text):
        return False
    return _ANSIBLE_SHORT.search(text) is not None or any(True for _ in commands_in(path, text))


def is_list_of_tasks(text: bytes) -> bool:
    """Whether a file is a list of tasks, or of plays, as Ansible reads them."""
    tasks = text.startswith((b"- ", b"---\n- ")) or b"\n- " in text
    return tasks and _MARGIN.search(text) is None and _ANSIBLE_LIST.search(text) is not None


def _of_yaml(path: str, data: bytes) -> Iterator[Program]:
    """The releases of Helmfile and the environment of Tanka in a file."""
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


def _of_module(match: re.Match[str], text: str, path: str) -> Iterator[Program]:
    """A module of Terraform from elsewhere that puts objects into a cluster, as its name or its arguments show.

    Terragrunt's arguments (`inputs`) stand outside of the block that names the module.
    """
    body = text[match.end() : max(text.find("\n}", match.end()), match.end())]
    source = _MODULE_SOURCE.search(body)
    body = body if match.lastindex else text
    if source is None or source[1].startswith(".") or "kubernetes-engine" in source[1]:
        return
    named = [match[1].strip('"') for match in _NAMESPACE.finditer(body)]
    known = named[0] if named and is_namespace(named[0]) else None
    if known is not None or _MODULE_NAMES.search(source[1]) is not None:
        line = text.count("\n", 0, match.start()) + 1
        words = f"module {match[1]} of Terraform," if match.lastindex else "the module of Terragrunt,"
        yield Program(words, Source(path, line), known)


def _block(text: str, start: int) -> str:
    """What stands in a block of Terraform from an offset on."""
    return text[start : max(text.find("\n}", start), start)]


def terraform_programs(path: str, data: bytes, *, read: bool = True) -> Iterator[Program]:
    """The resources of a Terraform file that make pods or Services; those that are `read` as such are left out."""
    text = data.decode("utf-8", "replace")
    for pattern in (_MODULE, *([_OF_TERRAGRUNT] if path.endswith("terragrunt.hcl") else [])):
        for match in pattern.finditer(text):
            yield from _of_module(match, text, path)
    yield from starmap(Program, commands_in(path, data))
    for match in _BY_OTHERS.finditer(text):
        body = _block(text, match.end())
        if match[1] != "kubernetes_labels" or _LABELS_OF_PODS.search(body) is not None:
            yield Program(f"{match[1]} {match[2]} of Terraform,", Source(path, text.count("\n", 0, match.start()) + 1))
    if b"helm_release" not in data and b"kubernetes_" not in data and b"kubectl_manifest" not in data:
        return
    known = read_resources(text) if read else ()
    for match in _RESOURCE.finditer(text):
        if match.start() in known:
            continue
        body = _block(text, match.end())
        named = [match[1].strip('"') for match in _NAMESPACE.finditer(body)]
        place = named[0] if named and is_namespace(named[0]) else None
        line = text.count("\n", 0, match.start()) + 1
        yield Program(f"{match[1]} {match[2]} of Terraform,", Source(path, line), place)
