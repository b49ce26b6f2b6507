"""What files of no known kind make of pods and Services: programs of any language, and what other tools read.

There is no list of them. What they run, hold or call shows it in any language: a command of helm, kubectl or oc, also
with its words one by one; a manifest, as YAML or as a mapping of the language; a function or a resource whose name says
that an object, a manifest or a chart is put into Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap

from rewriter import patterns as re
from rewriter.discovery import calls_tools, runs_commands
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.commands import commands_in
from rewriter.inventory.files.program import Program, manifests_in
from rewriter.inventory.texts.remarks import in_remark

#: What stands between two words of a command that are texts of a list, in any language.
_APART = re.compile(
    rb"""["'][ \t]*+,[ \t]*+(?:\\?\r?\n[ \t]*+)?(?:\{\s*+args:[ \t]*+)?(?:\[[ \t]*+(?:\r?\n[ \t]*+)?)?["']"""
)
#: A member of a mapping, as PHP, Perl, Ruby, Lua and Puppet write it.
_ARROW = re.compile(rb"""\b(apiVersion|kind|namespace)(["']?)[ \t]*(?:=>|=|,)[ \t]*(?=["'])""")
_WORKLOADS = r"(?:Deployment|StatefulSet|DaemonSet|ReplicaSet|Pod|Job|CronJob|Service)s?"
#: Functions and resources that put something into a cluster, by their names, and types of Bicep and ARM.
_MAKES = re.compile(
    r"\b(?P<words>(?:k8s|kube|helm|Helm|Kube)[\w:]{0,24}?(?:[oO]bject|[mM]anifest|[rR]elease|[cC]hart|[dD]eploy|[iI]nstall"
    r"|[aA]pply|[pP]od|[sS]tateful|[dD]aemon|[cC]ron_?[jJ]ob)\w{0,24})[ \t]*[({]"
    r"|\.(?P<method>add_?(?:[hH]elm_?[cC]hart|[mM]anifest))\("
    r"|\b(?P<state>kubernetes\.(?:deployment|pod|service|replicaset|daemonset|statefulset)_(?:present|replaced))\b"
    rf"|'(?P<type>(?:apps|batch|core)/{_WORKLOADS}@v\d)"
    r"|\b(?P<arm>Microsoft\.(?:KubernetesConfiguration/(?:fluxConfigurations|extensions)"
    r"|ContainerService/managedClusters/runCommand))\b"
)
#: Files whose name says what they describe, with a member by which they make workloads.
_ACORN = re.compile(rb"^(?:containers|jobs|services|acorns):", re.MULTILINE)
#: Applications of Helmsman in TOML.
_HELMSMAN = re.compile(rb"^\[apps\.", re.MULTILINE)
_CHART_OF_TOML = re.compile(rb"^[ \t]*chart[ \t]*=", re.MULTILINE)


def of_other(path: str, data: bytes) -> Iterator[Program]:
    """What a file of no known kind makes."""
    name = path.rpartition("/")[2]
    text = as_commands(data)
    yield from starmap(Program, commands_in(path, text))
    yield from manifests_in(path, _ARROW.sub(rb"\1\2: ", data))
    yield from of_library(path, text)
    if name == "Acornfile" and _ACORN.search(data) is not None:
        yield Program("workloads of Acorn in", Source(path))
    elif path.endswith(".toml") and _HELMSMAN.search(data) is not None and _CHART_OF_TOML.search(data) is not None:
        yield Program("applications of Helmsman in", Source(path))


def of_calls(path: str, data: bytes) -> Iterator[Program]:
    """What a program in a language of projects makes by running helm, kubectl or oc, or by a library for clusters."""
    name = path.rpartition("/")[2]
    if calls_tools(name, data):
        text = as_commands(data)
        listed = text if runs_commands(name, data) else _listed(data, text)
        yield from starmap(Program, commands_in(path, listed))
    yield from of_library(path, data)


def as_commands(data: bytes) -> bytes:
    """A text with the words of lists as one line, on the lines on which they stand."""
    return _APART.sub(_as_blank, data)


def _as_blank(match: re.Match[bytes]) -> bytes:
    return b" \\\n" * match[0].count(b"\n") or b" "


def _listed(data: bytes, text: bytes) -> bytes:
    """Only the lines of a text that another form of it has not: those with lists of words."""
    # What else a program says of commands are words for people, or a description of what it does.
    lines = zip(data.split(b"\n"), text.split(b"\n"), strict=True)
    return b"\n".join(b"" if old == new else new for old, new in lines)


def of_library(path: str, data: bytes) -> Iterator[Program]:
    """What a program makes by a library for clusters, or describes as a resource; the first is enough to hide it."""
    text = data.decode("utf-8", "replace")
    for match in _MAKES.finditer(text):
        if not in_remark(text, match.start()):
            words = next(word for word in match.groups() if word is not None)
            yield Program(f"`{words}` in", Source(path, text.count("\n", 0, match.start()) + 1))
            return
