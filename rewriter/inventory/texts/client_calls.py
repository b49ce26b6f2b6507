"""What programs make of pods, Services, namespaces and policies with a client of Kubernetes, in the common languages.

They are known by the names of the clients' own types and calls: of client-go and controller-runtime, fabric8, the
official clients, kube-rs, kubeclient and Pepr.
"""

from __future__ import annotations

from collections.abc import Iterator
from re import Pattern

from rewriter import patterns as re
from rewriter.cilium.policy import CCNP, CNP, KNP
from rewriter.inventory.texts.remarks import in_remark

_LANGUAGES = {
    **dict.fromkeys((".ts", ".mts"), "TypeScript"),
    **dict.fromkeys((".js", ".mjs", ".cjs"), "JavaScript"),
    ".go": "Go",
    ".java": "Java",
    ".kt": "Kotlin",
    ".scala": "Scala",
    ".groovy": "Groovy",
    ".rs": "Rust",
    ".cs": "C#",
    ".fs": "F#",
    ".py": "Python",
    ".rb": "Ruby",
}
_WORKLOADS = r"(?:Deployment|StatefulSet|DaemonSet|ReplicaSet|ReplicationController|Pod|Job|CronJob|Service)"
_MANY = r"(?:deployments|statefulsets|daemonsets|replicasets|replicationcontrollers|pods|jobs|cronjobs|services)"
_SNAKED = "deployment|stateful_?set|daemon_?set|replica_?set|pod|job|cron_?job|service"
#: Names of kinds of policy are shorter.
_LONGEST = 60
#: The verbs by which an object comes to be, or becomes another one.
_CHANGES = r"(?:create\w*|update|edit|patch\w*|replace\w*|apply|serversideapply)"
_CHAIN = r"(?:\s*\.\s*\w+\((?:[^()]|\([^()]*\)){0,400}\)){0,6}"


def _made(kinds: str, many: str, snaked: str) -> str:
    """The forms in which the clients of all languages make or change objects of these kinds."""
    return (
        # Go, by the types of the client itself; an empty one is for an object that is read.
        rf"\b\w+\.(?:{kinds})\{{\s*(?:TypeMeta|ObjectMeta|Specs?):"
        # Go and fabric8, by the client of a kind: `.Pods(ns).Update(`, `.pods().inNamespace(ns).edit(`.
        rf"|\.(?i:{many})\([^()]{{0,200}}\){_CHAIN}\s*\.\s*(?i:{_CHANGES})\("
        # fabric8 and the official client for Java: builders; Kotlin's own form of them.
        rf"|\b(?:V1(?:beta1)?)?(?:{kinds})Builder\(|\bnew(?:{kinds})\s*\{{"
        # The official clients: `new V1Pod`, `V1Pod(`, `V1Pod {{`, and the calls.
        rf"|\bnew\s+V1(?:{kinds})\b|\bV1(?:{kinds})\s*[({{]"
        rf"|\b(?i:(?:create|replace|patch)_?namespaced_?(?:{snaked}))(?:Async|With\w+)?\("
        # kube-rs.
        rf"|\b(?:{kinds})\s*\{{\s*(?:metadata|spec):"
        # lightkube and kr8s of Python, kubeclient of Ruby.
        rf"""|\b(?:{kinds})\(\s*(?:\{{\s*["']|(?:apiVersion|metadata|spec)=)"""
        rf"|\.(?:create|update|patch|apply)_(?:{snaked})\b"
    )


_PODS = re.compile(
    _made(f"{_WORKLOADS}|PodTemplateSpec", _MANY, _SNAKED)
    + rf"""|\bkind["']?\s*[:,]\s*["']{_WORKLOADS}["']|\b(?:with|set)?[Kk]ind\(\s*["']{_WORKLOADS}["']"""
    # Pepr: a webhook that changes what it is given.
    rf"|\bWhen\(a\.(?:{_WORKLOADS}|GenericKind)\b(?s:.){{0,600}}?\.Mutate\("
)
_POLICIES = re.compile(
    _made(
        f"{CNP}|{CCNP}|{KNP}",
        "networkpolicies|ciliumnetworkpolicies|ciliumclusterwidenetworkpolicies",
        "network_?policy",
    )
    + rf"""|\b(?:with|set)?[Kk]ind\(\s*["'](?:{CNP}|{CCNP}|{KNP})["']"""
    rf"|\bWhen\(a\.(?:{KNP}|GenericKind)\b(?s:.){{0,600}}?\.Mutate\("
)
_CUSTOM = re.compile(r"""["']cilium(?:clusterwide)?networkpolicies["']""")
_CHANGING = re.compile(rf"\b(?i:{_CHANGES})\(")
#: A namespace that is made or changed; whether it gets labels is another question.
NAMESPACES = (
    r"\b(?i:(?:create|patch|replace)_?namespace)(?:Async|With\w+)?\(|\b\w+\.Namespace\{|\b(?:V1)?NamespaceBuilder\("
    r"|\bV1Namespace\s*[({]|\bnew\s+V1Namespace\b|\bnewNamespace\s*\{|\bNamespace\s*\{\s*metadata:"
    rf"|\.(?i:namespaces)\([^()]{{0,200}}\){_CHAIN}\s*\.\s*(?i:{_CHANGES})\(|\.(?:create|update|patch)_namespace\b"
    r"|\bWhen\(a\.Namespace\b"
)


def language_of(path: str) -> str:
    """The language of a program, by the suffix of its file; empty for any other file."""
    return _LANGUAGES.get(path[path.rfind(".") :], "")


def pods_made(path: str, data: bytes) -> int | None:
    """The offset at which a program first makes or changes pods or Services with a client; None where it does not."""
    text = data.decode("utf-8", "replace") if language_of(path) else ""
    return next((start for start in _starts(_PODS, text)), None)


def policies_made(path: str, text: str) -> Iterator[tuple[str, int]]:
    """The policies that a program makes or changes with a client: the kind of each, and its offset."""
    if not language_of(path):
        return
    for pattern in (_POLICIES, *([_CUSTOM] if _CHANGING.search(text) else [])):
        for start in _starts(pattern, text):
            words = text[start : start + _LONGEST].lower()
            yield CCNP if "clusterwide" in words else CNP if "cilium" in words else KNP, start


def _starts(pattern: Pattern[str], text: str) -> Iterator[int]:
    return (match.start() for match in pattern.finditer(text) if not in_remark(text, match.start()))
