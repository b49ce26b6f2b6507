"""Commands of scripts, Makefiles and pipelines that put workloads or Services into a cluster: helm, kubectl and oc.

What they make is not computed. A command counts unless it only prints (`--dry-run` whose output nothing applies), runs
a pod that is gone with it (`kubectl run --rm`), or applies what stands in the tree anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rewriter import patterns as re
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.installers import installing
from rewriter.inventory.objects.kubernetes import is_namespace
from rewriter.inventory.texts.line_numbers import LineNumbers
from rewriter.inventory.texts.remarks import in_remark
from rewriter.inventory.texts.remote_manifests import may_make_pods

#: Options between a command and its verb, and the verb, to the end of the line and of those that `\` or `` ` `` joins.
_COMMAND = re.compile(
    r"(?<![\w./~-])(?:[\w.~/-]*/|\$[({]?)?(?P<tool>helm|kubectl|oc|HELM|KUBECTL|OC)[)}]?"
    r"(?P<before>(?:[ \t]+-[\w-]++(?:=\S++|[ \t]+(?!-)[^\s|;&]++)?){0,20}?)[ \t]+"
    r"(?P<verb>install|upgrade|template|run|expose|new-app|apply|replace|label|patch"
    r"|create(?:[ \t]+(?:deploy(?:ment)?|job|cronjob|service|svc)\b)?)"
    r"(?![\w.-])(?P<rest>(?:[\\`]\r?\n|(?!&&|\|\||;)[^\n])*)"
)
_JOIN = re.compile(r"\\\r?\n")
_TOOLS = (
    *(b"helm", b"kubectl", b"oc ", b"oc)", b"oc}", b"istioctl", b"timoni", b"flux create", b"argocd app", b"velero"),
    *(b"consul-k8s", b"glooctl", b"arkade", b"kapp", b"operator-sdk", b"/namespaces/"),
)
_VERBS = {
    "helm": frozenset({"install", "upgrade", "template"}),
    "oc": frozenset({"run", "expose", "new-app", "apply", "create", "replace", "label", "patch"}),
    "kubectl": frozenset({"run", "expose", "apply", "create", "replace", "label", "patch"}),
}
#: What gives other labels to pods: at once, or by a workload's template. A label that is taken away gives none.
_RELABELS = {
    "label": re.compile(r"(?<!\S)(?:pods?|po|all)(?:/\S+)?(?=\s)[^|;&]*\s[\w./-]+=(?!=)"),
    "patch": re.compile(
        r"(?s)(?<!\S)(?:deploy(?:ment)?s?|sts|statefulsets?|ds|daemonsets?|cronjobs?|cj|pods?|po|rs|replicasets?)"
        r"(?:\.\w+)*(?:/|\s).*?\blabels\b"
    ),
}
_OPTION = re.compile(r"(?<!\S)(?:-n|--namespace)(?:[ \t]+|=)[\"']?([^\s\"']+)")
_URL = re.compile(
    r"(?<!\S)(?:-f|-k|--filename|--kustomize)(?:[ \t]+|=)[\"']?(https?://[^\s\"']+|github\.com/[^\s\"']+)"
)
_APPLIES = re.compile(r"\b(?:kubectl|oc)\b(?P<rest>[^|]*)")
_APPLIED = re.compile(r"\b(?:apply|create|replace)\b")
#: What makes a cluster for the length of a run: what a pipeline puts there runs nowhere else.
_PASSING_CLUSTER = re.compile(
    rb"\bkind create cluster\b|helm/kind-action|\bkind-action@|\bk3d cluster create\b|\bk3d-action@"
    rb"|\bminikube start\b|setup-minikube@|\btalosctl cluster create\b|\bctlptl create cluster\b"
)
_TOOL = re.compile(
    rb"(?i)\b(?:helm|kubectl|oc|argocd|flux|istioctl|timoni|kapp|velero|arkade|consul-k8s|glooctl|helmwave"
    rb"|operator-sdk)\b"
)
_JOBS = re.compile(rb"^jobs:[ \t]*(?:#[^\n]*)?\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?=(?P<margin>[ \t]+))", re.MULTILINE)
#: What a pipeline names where it reaches a cluster that stays.
_OTHER_CLUSTER = re.compile(rb"(?i)--(?:kube-)?context\b|kubeconfig|\bconfig use-context\b")
_DRY_RUN = re.compile(r"(?<!\S)--dry-run(?=[=\s]|$)")
_REMARK = re.compile(r"[ \t]#[^\n]*")
_PIPELINE = re.compile(
    r"(?:^|/)(?:\.github/(?:workflows|actions)/.*|\.gitlab-ci[^/]*|\.gitlab/.*|\.circleci/.*|\.woodpecker(?:/.*|\.ya?ml)"
    r"|\.gitea/workflows/.*|\.forgejo/workflows/.*|\.drone\.ya?ml|azure-pipelines[^/]*|bitbucket-pipelines\.ya?ml"
    r"|cloudbuild\.ya?ml|buildspec\.ya?ml|\.travis\.ya?ml|\.buildkite/.*|\.semaphore/.*|codefresh\.ya?ml|okteto\.ya?ml)$"
)
_TASKS = re.compile(r"(?:^|/)(?:\.?[Tt]askfile[^/]*\.ya?ml|\.taskfiles?/.*\.ya?ml)$")


def is_pipeline(path: str) -> bool:
    """Whether a file in YAML holds commands for a program that runs them: a forge's pipeline, or Task."""
    return _PIPELINE.search(path) is not None or _TASKS.search(path) is not None


def is_passing(path: str, data: bytes) -> bool:
    """Whether a file is a pipeline whose jobs make a cluster for their own run: nothing of it stays."""
    if _PIPELINE.search(path) is None or _PASSING_CLUSTER.search(data) is None:
        return False
    return all(passing for _job, passing in _judged(path, data))


def makes_passing_cluster(data: bytes) -> bool:
    """Whether a file makes a cluster for tests: what it installs need not be of those that run."""
    return _PASSING_CLUSTER.search(data) is not None


def _judged(path: str, data: bytes) -> list[tuple[bytes, bool]]:
    """Each job of a pipeline, with whether nothing of it stays. What names a cluster for all jobs is for each."""
    jobs = _jobs_in(path, data)
    of_all = any(_OTHER_CLUSTER.search(job) and not _TOOL.search(job) for job in jobs)
    return [(job, not _TOOL.search(job) or (_passes(job) and not of_all)) for job in jobs]


def _jobs_in(path: str, data: bytes) -> list[bytes]:
    """The texts of the jobs of a pipeline, in order and together the whole file: each runs on a machine of its own."""
    start = 0
    margin = b""
    if "/workflows/" in path and (jobs := _JOBS.search(data)) is not None:
        start, margin = jobs.end(), jobs["margin"]
    elif ".gitlab" not in path:
        return [data]
    key = re.compile(rb"^" + margin + rb"[\w.'\"-][^\n]*:", re.MULTILINE)
    starts = [0, *(match.start() for match in key.finditer(data, start)), len(data)]
    return [data[one:other] for one, other in pairwise(starts)]


def _passes(job: bytes) -> bool:
    return _PASSING_CLUSTER.search(job) is not None and _OTHER_CLUSTER.search(job) is None


def commands_in(path: str, data: bytes) -> Iterator[tuple[str, Source, str | None]]:
    """The commands that make workloads or Services: in words, where, and in which namespace (None: not known)."""
    lower = data.lower()
    if not any(tool in lower for tool in _TOOLS):
        return
    if is_passing(path, data):
        return
    text = data.decode("utf-8", "replace")
    if _PIPELINE.search(path) is not None:
        jobs = (b"\n" * job.count(b"\n") if passing else job for job, passing in _judged(path, data))
        text = b"".join(jobs).decode("utf-8", "replace")
    lines = LineNumbers(text)
    for match in _COMMAND.finditer(_JOIN.sub(_as_blanks, text)):
        if not in_remark(text, match.start()) and _makes_something(match):
            named = _OPTION.search(match["before"] + match["rest"])
            words = f"`{match['tool'].lower()} {' '.join(match['verb'].split())}` in"
            source = Source(path, lines.at(match.start()))
            yield words, source, named[1] if named and is_namespace(named[1]) else None
    for words, offset, namespace in installing(text):
        yield words, Source(path, lines.at(offset)), namespace


def _as_blanks(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _is_applied(rest: str) -> bool:
    """Whether what a command prints goes through pipes to one that applies it."""
    parts = (_APPLIES.search(part) for part in rest.split("|")[1:])
    return any(part is not None and _APPLIED.search(part["rest"]) is not None for part in parts)


def _makes_something(match: re.Match[str]) -> bool:
    """Whether a command puts pods or Services into a cluster that stand in no file of the tree."""
    options = _REMARK.sub("", match["before"] + match["rest"])
    verb = match["verb"].split()[0]
    if verb not in _VERBS[match["tool"].lower()]:
        return False
    if (_DRY_RUN.search(options) is not None or verb == "template") and not _is_applied(match["rest"]):
        return False
    if verb in _RELABELS:
        return _RELABELS[verb].search(match["rest"]) is not None
    if verb in ("apply", "replace") or match["verb"] == "create":
        return any(map(may_make_pods, _URL.findall(match["rest"])))
    return verb != "run" or not re.search(r"(?<!\S)--rm(?=\s|$|=true)", options)
