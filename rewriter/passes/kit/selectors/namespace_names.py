"""Peers that pick a namespace by a label `name` that it does not carry: its name was meant.

Kubernetes gives each namespace the label `kubernetes.io/metadata.name`, and no other one with its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.labels import NAMESPACE_LABELS_PREFIX, NAMESPACE_NAME_LABEL
from rewriter.cilium.policy import KNP
from rewriter.cilium.selector import Requirement, Selector, read_selector
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import namespace_key
from rewriter.evidence.placeholders import has_placeholder
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.completeness import NAMESPACE_LABELS
from rewriter.inventory.facts.model import Namespace
from rewriter.passes.kit.changes.forms import Form, members_of
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import Site, entries
from rewriter.passes.kit.ports.peer_terms import POD_FIELDS

#: What people take for the label with the name of a namespace.
_NAMES = frozenset(
    {"name", "namespace", "kubernetes.io/name", "kubernetes.io/namespace", "kubernetes.io/metadata.namespace"}
)


def unlabelled_namespaces(context: Context) -> Iterator[Finding]:
    """A finding for each such peer whose namespace is in a manifest that gives it no label of that key.

    Where some known namespace has the label with that value, that one is meant.
    """
    knp = context.policy.kind == KNP
    prefix = "" if knp else NAMESPACE_LABELS_PREFIX
    for site in entries(context, *POD_FIELDS):
        selector = _scope(site) if knp else site.selector
        for requirement in selector.requirements if selector is not None else ():
            key = requirement.key.removeprefix(prefix)
            known = requirement.key.startswith(prefix) and key in _NAMES and requirement.operator == "In"
            if not known or len(requirement.values) != 1 or has_placeholder(site.entry):
                continue
            value = requirement.values[0]
            namespace = _meant(context, key, value)
            if namespace is None:
                continue
            own = context.cluster.name if context.cluster else None
            labellers = context.inventory.completeness(namespace.name, own, NAMESPACE_LABELS).hidden
            if not any((key, value) in (gap.labels or ()) for gap in labellers):
                yield _finding(site, requirement, key, namespace, [gap.words for gap in labellers])


def _scope(site: Site) -> Selector | None:
    named = site.entry.get("namespaceSelector") if isinstance(site.entry, dict) else None
    return read_selector(named, f"{site.route}/namespaceSelector") if isinstance(named, dict) else None


def _meant(context: Context, key: str, value: str) -> Namespace | None:
    """The namespace of that name; None where it is not known for certain, or one has the label."""
    own = context.cluster.name if context.cluster else None
    known = [
        namespace for namespace in context.inventory.namespaces() if own is None or namespace.cluster in (None, own)
    ]
    if any(namespace.labels.get(key) == value for namespace in known):
        return None
    named = [namespace for namespace in known if namespace.name == value]
    written = [namespace for namespace in named if namespace.source.line is not None and not namespace.source.via]
    return (
        written[0]
        if written and len(written) == len(named) and not any(key in namespace.labels for namespace in named)
        else None
    )


def _finding(site: Site, requirement: Requirement, key: str, namespace: Namespace, hidden: Sequence[str]) -> Finding:
    context = site.context
    knp = context.policy.kind == KNP
    right = NAMESPACE_NAME_LABEL if knp else namespace_key(context.policy)
    part = members_of(site.members.get("namespaceSelector")) if knp else site.members
    renamed = _renamed(part, requirement.written_key, right)
    new = {**site.members, "namespaceSelector": renamed} if knp else renamed
    return report(
        context,
        requirement.route,
        Applicability.MANUAL if hidden else Applicability.UNSAFE,
        f"`{site.field.name}` selects namespaces by label `{key}={namespace.name}`, which the manifest of "
        f"{namespace.name} does not give it",
        f"the label with the name of a namespace is `{NAMESPACE_NAME_LABEL}`: unless something else sets the other, "
        + ("the traffic that was meant passes" if site.deny else "the traffic that was meant is dropped"),
        change=site.becomes(
            new, f"pods of {namespace.name}", instead_of=f"pods of namespaces with {key}={namespace.name}"
        ),
        rule=site.rule,
        severity=Severity.ERROR if site.deny and not hidden else Severity.WARNING,
        hidden=hidden,
        evidence=[f"Namespace {namespace.name}, {namespace.source}: no label `{key}`"],
        advice=f"or give the namespace the label `{key}`",
        at_key="/matchLabels/" in requirement.route,
    )


def _renamed(selector: Form, old: str, right: str) -> Form:
    new = dict(selector)
    labels, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    if isinstance(labels, dict):
        new["matchLabels"] = {right if key == old else key: value for key, value in labels.items()}
    if isinstance(expressions, list):
        new["matchExpressions"] = [
            {**expression, "key": right}
            if isinstance(expression, dict) and expression.get("key") == old
            else expression
            for expression in expressions
        ]
    return new
