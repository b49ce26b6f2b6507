"""Commands beside helm, kubectl and oc themselves that put workloads into a cluster: what is piped into kubectl,
what is downloaded for it, and the installers of other projects.

What stands in the tree, or is only printed by a program that reads it, makes nothing more.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.inventory.objects.kubernetes import is_namespace
from rewriter.inventory.texts.remarks import in_remark
from rewriter.inventory.texts.remote_manifests import may_make_pods

#: What a pipe leads into, and what of it applies what it reads.
_PIPED = re.compile(r"\|[ \t]*(?:[\w./]+[ \t]+)?(?P<tool>kubectl|oc)\b(?P<rest>[^\n|;&]*)")
_STDIN = re.compile(r"[ \t](?:-f|--filename)[ \t=]?-(?=[\s\"')]|$)")
#: Of what stands before a pipe, this much is looked at.
_MOST_LEFT = 2000
#: A text in quotes in which a pipe or the end of a command is no such thing.
_QUOTED = re.compile(r"'[^'\n]*'|\"(?:[^\"\n$`]|\$(?!\())*\"")
_URL = re.compile(r"(?:https?|oci|git|ssh)(?:::\w+)?://[^\s\"'|)]+|(?<![\w./-])(?:github\.com|gitlab\.com)/[^\s\"'|)]+")
#: Programs that print what stands in the tree, in the command or in the cluster already.
_LOCAL = frozenset(
    {"awk", "base64", "cat", "cut", "echo", "envsubst", "gomplate", "grep", "gunzip", "gzip", "head", "helm", "j2"}
    | {"jinja2", "jq", "jsonnet", "kubectl", "kustomize", "oc", "perl", "printf", "sed", "sops", "sort", "tail", "tee"}
    | {"tr", "uniq", "vals", "yq", "ytt", "zcat", "curl", "wget", "op", "kubeseal", "mustache", "tanka", "tk"}
)
_FIRST = re.compile(
    r"(?:(?:sudo|exec|time|then|do|else|if|!|run:|-|@)[ \t]+|\w+=\S*[ \t]+|[@\-\"'($])*(?P<word>[\w./-]+)"
)
#: What prints manifests of the tree, of a program that prints those of its own project, too.
_BUILT = re.compile(r"\bflux[ \t]+build\b")
_SEVERAL = re.compile(r"&&|\|\||;|\$\(|\bthen\b|\bdo\b|\brun:")
_DOWNLOAD = re.compile(r"\b(?:curl|wget)\b[^\n|]*")
_OUTPUT = re.compile(r"(?<!\S)(?:-\w*[oO]|--output|--output-document|>)[ \t=]*[\"']?(?P<name>[^\s\"'|;&]+)")
_COMMAND = re.compile(r"\b(?P<tool>kubectl|oc)\b(?P<rest>[^\n|;&]*)")
_VERB = re.compile(r"[ \t](?P<verb>apply|create|replace)\b")
_FILES = re.compile(r"[ \t]-f[ \t]*[\"']?([^\s\"']+)")
_INSTALLER = re.compile(
    r"(?<![\w./-])(?P<words>istioctl[ \t]+(?:install|upgrade|operator[ \t]+init)|timoni[ \t]+(?:bundle[ \t]+)?apply"
    r"|flux[ \t]+create[ \t]+(?:helmrelease|hr|kustomization|ks)|argocd[ \t]+app[ \t]+create|velero[ \t]+install"
    r"|consul-k8s[ \t]+install|glooctl[ \t]+install|arkade[ \t]+install|kapp[ \t]+deploy|operator-sdk[ \t]+(?:olm"
    r"[ \t]+install|run[ \t]+bundle)|helmwave[ \t]+up)(?![\w-])(?P<rest>[^\n|;&]*)"
)
#: What speaks to the API server itself, by the address of objects that are pods or make some, and how it changes them.
_ADDRESSED = re.compile(
    r"/(?:api/v1|apis/(?:apps|batch)/v1)/namespaces/(?P<namespace>[^/\s\"']{1,80})/(?P<what>pods|services|deployments"
    r"|statefulsets|daemonsets|jobs|cronjobs|replicasets|replicationcontrollers)\b"
)
_SENDS = re.compile(r"\b(?:POST|PUT|PATCH|post|put|patch)\b|(?<!\S)(?:-d|-T|--data[\w-]*|--json|--upload-file|-Body)\b")
#: The namespace of those that name none.
_HOMES = {"istioctl": "istio-system", "velero": "velero", "consul-k8s": "consul", "glooctl": "gloo-system"}
_NAMESPACE = re.compile(r"(?<!\S)(?:-n|--namespace|--target-namespace|--dest-namespace)(?:[ \t]+|=)[\"']?([^\s\"']+)")
_ONLY_PRINTS = re.compile(r"(?<!\S)(?:--export|--dry-run)(?=[=\s]|$)")
#: A command that only prints what follows, up to where another one begins.
_PRINTED = re.compile(r"[ \t]*(?:-[ \t]+)?@?(?:echo|printf)\b[^|;&]*")


def installing(text: str) -> Iterator[tuple[str, int, str | None]]:
    """Such commands of a text: in words, the offset of each, and the namespace (None: not known)."""
    joined = re.sub(r"\\\r?\n", lambda match: " " * len(match[0]), text)
    for match in _PIPED.finditer(joined):
        verb = _VERB.search(match["rest"])
        if verb is None or _STDIN.search(match["rest"], verb.end()) is None or _is_remark(joined, match.start()):
            continue
        line = joined.rfind("\n", 0, match.start()) + 1
        if _makes_something(joined[max(line, match.start() - _MOST_LEFT) : match.start()]):
            found = _NAMESPACE.search(match["rest"])
            yield f"what goes into `{match['tool']} {verb['verb']}` in", match.start("tool"), _known(found)
    for match in _INSTALLER.finditer(joined):
        if _is_remark(joined, match.start()) or _ONLY_PRINTS.search(match["rest"]) or _is_of_the_tree(match):
            continue
        tool = match["words"].split()[0]
        namespace = _NAMESPACE.search(match["rest"])
        yield (
            f"`{' '.join(match['words'].split())}` in",
            match.start(),
            _known(namespace) if namespace else _HOMES.get(tool),
        )
    for match in _ADDRESSED.finditer(joined):
        before = joined[max(match.start() - _MOST_LEFT, 0) : match.start()].rpartition("\n")[2]
        behind = joined[match.end() : match.end() + _MOST_LEFT].partition("\n")[0]
        if _SENDS.search(f"{before} {behind}") is not None and not _is_remark(joined, match.start()):
            named = match["namespace"] if is_namespace(match["namespace"]) else None
            yield f"a request for {match['what']} in", match.start(), named
    yield from _downloaded(joined)


def _is_of_the_tree(match: re.Match[str]) -> bool:
    return match["words"].startswith("kapp") and _URL.search(match["rest"]) is None


def _downloaded(text: str) -> Iterator[tuple[str, int, str | None]]:
    """The commands that apply a file which the text downloads."""
    applied: dict[str, list[tuple[re.Match[str], str]]] = {}
    for match in _COMMAND.finditer(text):
        if (verb := _VERB.search(match["rest"])) is not None:
            for file in _FILES.finditer(match["rest"]):
                applied.setdefault(file[1].removeprefix("./"), []).append((match, verb["verb"]))
    for match in _DOWNLOAD.finditer(text) if applied else ():
        url, output = _URL.search(match[0]), _OUTPUT.search(match[0])
        if url is None or output is None or _is_remark(text, match.start()):
            continue
        name = posixpath.basename(url[0]) if "://" in output["name"] else output["name"]
        found = applied.get(name.removeprefix("./"), ())
        later = bisect_right(found, match.end(), key=lambda at: at[0].start())
        if later < len(found) and may_make_pods(url[0]):
            command, verb_word = found[later]
            words = f"`{command['tool']} {verb_word}` in"
            yield words, command.start(), _known(_NAMESPACE.search(command["rest"]))


def _makes_something(left: str) -> bool:
    """Whether what a pipe begins with comes from elsewhere: from an address, or from a program of another project."""
    pipe = _SEVERAL.split(_QUOTED.sub(lambda match: "" if re.search("[|;&]", match[0]) else match[0], left))[-1]
    urls = _URL.findall(pipe)
    if urls:
        return any(map(may_make_pods, urls))
    stages = [(stage.strip(), found["word"]) for stage in pipe.split("|") if (found := _FIRST.match(stage.strip()))]
    return any(_is_of_others(word) and not _BUILT.search(stage) for stage, word in stages)


def _is_of_others(word: str) -> bool:
    """Whether the first word of a command is a program of another project; `.spec` is a filter on several lines."""
    return posixpath.basename(word) not in _LOCAL and (not word.startswith(".") or "/" in word)


def _known(found: re.Match[str] | None) -> str | None:
    return found[1] if found is not None and is_namespace(found[1]) else None


def _is_remark(text: str, offset: int) -> bool:
    """Whether what stands at an offset is in a comment, or is only printed."""
    start = text.rfind("\n", 0, offset) + 1
    return in_remark(text, offset) or _PRINTED.fullmatch(text, start, offset) is not None
