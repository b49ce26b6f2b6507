"""Workflows and actions of other repositories that a pipeline of a forge calls to put a release into a cluster.

Nearly every repository calls some, and most of them build, test or publish. One counts only where it is plausible that
it deploys to Kubernetes what does not stand in the tree: its name, or the name of its job, says that something is
deployed, and its name or what it is given says helm, a chart, a namespace or a cluster. `deploy.yml` alone does not,
for it may as well deploy a web page; nor does one that is given manifests of the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import is_namespace
from rewriter.inventory.texts.manifests import items, mapping

_CALLS = re.compile(rb"^[ \t-]*uses:[ \t]*[\"']?(?!\.|docker:|actions/)[\w.-]+/", re.MULTILINE)
_DEPLOYS = re.compile(r"(?i)deploy|install|upgrade|rollout|(?:^|[/_.-])apply")
#: What prepares a machine for commands that the pipeline runs itself.
_PREPARES = re.compile(r"(?i)setup|(?:^|[/_.-])install-?(?:helm|kubectl|k|cli)|undeploy|uninstall|test|lint")
_OF_KUBERNETES = re.compile(r"(?i)(?:^|[/_.-])(?:helm\w*|k8s|kube\w*|eks|gke|aks)(?=[/_.@-]|$)")
_GIVEN = re.compile(r"(?i)^(?:.*[_-])?(?:namespace|chart|helm|kube\w*|k8s\w*|cluster|release)(?:[_-].*)?$")
_OF_TREE = re.compile(r"(?i)manifest|kustomiz|overlay")
_CHART = re.compile(r"(?i)chart|helm")


def called_deployments(path: str, data: bytes) -> Iterator[tuple[str, Source, str | None]]:
    """Those of a workflow: in words, where, and the namespace that they are given (None: not known)."""
    if _CALLS.search(data) is None:
        return
    try:
        documents = yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        return
    for document in documents:
        for name, job in mapping(mapping(document.value).get("jobs")).items():
            if not isinstance(job, Mapping):
                continue
            for step in (job, *items(job.get("steps"))):
                called = step.get("uses")
                if isinstance(called, str) and _puts_release(called, str(name), step):
                    line = _line_of(data, called)
                    namespace = next((text for key, text in _given(step) if "namespace" in key.lower()), None)
                    known = namespace if is_namespace(namespace) else None
                    yield f"`uses: {called}` in", Source(path, line), known


def _puts_release(called: str, job: str, step: Mapping[str, Any]) -> bool:
    if called.startswith((".", "docker:", "actions/")) or "/" not in called:
        return False
    whole = called.partition("@")[0]
    # An action is called after its repository, a workflow after its file.
    name = whole.rpartition("/")[2] if "/.github/workflows/" in whole else whole.partition("/")[2]
    if _PREPARES.search(name) is not None or not (_DEPLOYS.search(name) or _DEPLOYS.search(job)):
        return False
    given = [key for key, value in _given(step) if value not in (None, "", False)]
    if any(_OF_TREE.search(key) for key in given) and not any(_CHART.search(key) for key in given):
        return False
    stated = [key for key in given if _GIVEN.match(key)]
    workflow = "/.github/workflows/" in whole
    if not workflow:
        return _OF_KUBERNETES.search(name) is not None and any(_CHART.search(key) for key in given)
    return bool(stated) or _OF_KUBERNETES.search(name) is not None


def _given(step: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a step is given: its inputs and secrets, by their names."""
    for member in ("with", "secrets"):
        yield from ((str(key), value) for key, value in mapping(step.get(member)).items())


def _line_of(data: bytes, called: str) -> int:
    return data[: max(data.find(called.encode()), 0)].count(b"\n") + 1
