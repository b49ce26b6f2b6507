"""Commands beside helm, kubectl and oc themselves that put workloads into a cluster: what is piped into kubectl,
what is downloaded for it, and the installers of other projects.

What stands in the tree, or is only printed by a program that reads it, makes nothing more.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from rewriter.inventory.objects.kubernetes import is_namespace
from rewriter.inventory.texts.remote_manifests import may_make_pods

#: What applies what it reads, at the end of a pipe.
_PIPED = re.compile(
    r"^(?P<left>[^\n]*)\|[ \t]*(?:[\w./]+[ \t]+)?(?P<tool>kubectl|oc)\b[^\n|]*?[ \t](?P<verb>apply|create|replace)\b"
    r"[^\n|;&]*?[ \t](?:-f|--filename)[ \t=]?-(?=\s|$|[\"')])",
    re.MULTILINE,
)
_URL = re.compile(r"(?:https?|oci|git|ssh)(?:::\S+)?://[^\s\"'|)]+|(?<![\w./-])(?:github\.com|gitlab\.com)/[^\s\"'|)]+")
#: Programs that print what stands in the tree, in the command or in the cluster already.
_LOCAL = frozenset(
    {"awk", "base64", "cat", "cut", "echo", "envsubst", "gomplate", "grep", "gunzip", "gzip", "head", "helm", "j2"}
    | {"jinja2", "jq", "jsonnet", "kubectl", "kustomize", "oc", "perl", "printf", "sed", "sops", "sort", "tail", "tee"}
    | {"tr", "uniq", "vals", "yq", "ytt", "zcat", "curl", "wget", "op", "kubeseal", "mustache", "tanka", "tk"}
)
_FIRST = re.compile(
    r"(?:(?:sudo|exec|time|then|do|else|if|!|run:|-|@)[ \t]+|\w+=\S*[ \t]+|[@\-\"'($]+)*(?P<word>[\w./-]+)"
)
_SEVERAL = re.compile(r"&&|\|\||;|\$\(|\bthen\b|\bdo\b|\brun:")
_DOWNLOAD = re.compile(r"\b(?:curl|wget)\b[^\n|]*")
_OUTPUT = re.compile(r"(?<!\S)(?:-\w*[oO]|--output|--output-document|>)[ \t=]*[\"']?(?P<name>[^\s\"'|;&]+)")
_APPLIED = re.compile(r"\b(?P<tool>kubectl|oc)\b[^\n|;&]*?[ \t](?P<verb>apply|create|replace)\b[^\n|;&]*")
_FILES = re.compile(r"[ \t]-f[ \t]*[\"']?([^\s\"']+)")
_INSTALLER = re.compile(
    r"(?<![\w./-])(?P<words>istioctl[ \t]+(?:install|upgrade|operator[ \t]+init)|timoni[ \t]+(?:bundle[ \t]+)?apply"
    r"|flux[ \t]+create[ \t]+(?:helmrelease|hr|kustomization|ks)|argocd[ \t]+app[ \t]+create|velero[ \t]+install"
    r"|consul-k8s[ \t]+install|glooctl[ \t]+install|arkade[ \t]+install|kapp[ \t]+deploy|operator-sdk[ \t]+(?:olm"
    r"[ \t]+install|run[ \t]+bundle)|helmwave[ \t]+up)(?![\w-])(?P<rest>[^\n|;&]*)"
)
#: The namespace of those that name none.
_HOMES = {"istioctl": "istio-system", "velero": "velero", "consul-k8s": "consul", "glooctl": "gloo-system"}
_NAMESPACE = re.compile(r"(?<!\S)(?:-n|--namespace|--target-namespace|--dest-namespace)(?:[ \t]+|=)[\"']?([^\s\"']+)")
_ONLY_PRINTS = re.compile(r"(?<!\S)(?:--export|--dry-run)(?=[=\s]|$)")
_REMARK = re.compile(r"^[ \t]*(?:-[ \t]+)?(?:#|//|@?echo\b|@?printf\b)")


def installing(text: str) -> Iterator[tuple[str, int, str | None]]:
    """Such commands of a text: in words, the offset of each, and the namespace (None: not known)."""
    joined = re.sub(r"\\\r?\n", lambda match: " " * len(match[0]), text)
    for match in _PIPED.finditer(joined):
        if not _is_remark(joined, match.start()) and _makes_something(match["left"]):
            found = _NAMESPACE.search(match[0])
            yield f"what goes into `{match['tool']} {match['verb']}` in", match.start("tool"), _known(found)
    for match in _INSTALLER.finditer(joined):
        start = joined.rfind("\n", 0, match.start()) + 1
        if _is_remark(joined, start) or _ONLY_PRINTS.search(match["rest"]) or _is_of_the_tree(match):
            continue
        tool = match["words"].split()[0]
        namespace = _NAMESPACE.search(match["rest"])
        yield (
            f"`{' '.join(match['words'].split())}` in",
            match.start(),
            _known(namespace) if namespace else _HOMES.get(tool),
        )
    yield from _downloaded(joined)


def _is_of_the_tree(match: re.Match[str]) -> bool:
    return match["words"].startswith("kapp") and _URL.search(match["rest"]) is None


def _downloaded(text: str) -> Iterator[tuple[str, int, str | None]]:
    """The commands that apply a file which the text downloads."""
    applied: dict[str, list[re.Match[str]]] = {}
    for match in _APPLIED.finditer(text):
        for file in _FILES.finditer(match[0]):
            applied.setdefault(file[1].removeprefix("./"), []).append(match)
    for match in _DOWNLOAD.finditer(text) if applied else ():
        url, output = _URL.search(match[0]), _OUTPUT.search(match[0])
        if url is None or output is None or _is_remark(text, text.rfind("\n", 0, match.start()) + 1):
            continue
        name = posixpath.basename(url[0]) if "://" in output["name"] else output["name"]
        command = next((each for each in applied.get(name.removeprefix("./"), ()) if each.start() > match.end()), None)
        if command is not None and may_make_pods(url[0]):
            words = f"`{command['tool']} {command['verb']}` in"
            yield words, command.start(), _known(_NAMESPACE.search(command[0]))


def _makes_something(left: str) -> bool:
    """Whether what a pipe begins with comes from elsewhere: from an address, or from a program of another project."""
    pipe = _SEVERAL.split(left)[-1]
    urls = _URL.findall(pipe)
    if urls:
        return any(map(may_make_pods, urls))
    words = [found["word"] for stage in pipe.split("|") if (found := _FIRST.match(stage.strip()))]
    return any(posixpath.basename(word) not in _LOCAL for word in words)


def _known(found: re.Match[str] | None) -> str | None:
    return found[1] if found is not None and is_namespace(found[1]) else None


def _is_remark(text: str, start: int) -> bool:
    return _REMARK.match(text, start) is not None
