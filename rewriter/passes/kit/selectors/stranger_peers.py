"""Peers that name their namespace and match no pod there: a label, an account or a namespace is written wrongly."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from rewriter.cilium.digits import is_number
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, NAMESPACE_NAME_KEY
from rewriter.cilium.labels import NAMESPACE_NAME_LABEL as NAME
from rewriter.cilium.nodes import PortProtocol, PortRule
from rewriter.cilium.policy import EGRESS, KNP
from rewriter.cilium.selector import Requirement, Selector, read_selector
from rewriter.cilium.terms import LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.dns import is_dns_rule
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.listening import listens
from rewriter.evidence.near_labels import is_a_slip
from rewriter.evidence.placeholders import has_placeholder
from rewriter.evidence.strangers import Stranger, dns_stranger, near_namespace, stranger
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.forms import Form, members_of
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import Site, entries
from rewriter.passes.kit.ports.peer_terms import POD_FIELDS, pod_peers
from rewriter.passes.kit.selectors.namespace_labels import right_key
from rewriter.passes.kit.selectors.scope_keys import misspelt
from rewriter.text import selector_text

_SCOPES = (NAMESPACE_LABEL, NAMESPACE_NAME_KEY)


def stranger_peers(context: Context, leaving_out: Collection[str]) -> Iterator[Finding]:
    """The findings of entries that name one namespace. Routes of `leaving_out` are another finding's."""
    for site, selector, term in pod_peers(context):
        namespace = _named(site, selector, term)
        if namespace and site.route not in leaving_out:
            alone = all(requirement.key in _SCOPES for requirement in selector.requirements)
            finding = (_misspelt_namespace if alone else stranger_finding)(site, selector, namespace)
            if finding is not None:
                yield finding
    for site, selector in _whole_namespaces(context):
        (name,) = selector.requirements
        if site.route not in leaving_out and name.operator == "In" and len(name.values) == 1:
            finding = _misspelt_namespace(site, selector, name.values[0])
            if finding is not None:
                yield finding


def _whole_namespaces(context: Context) -> Iterator[tuple[Site, Selector]]:
    """The entries of a NetworkPolicy that are all pods of namespaces, picked by nothing but their name."""
    for site in entries(context, *POD_FIELDS) if context.policy.kind == KNP else ():
        named = site.members.get("namespaceSelector")
        if isinstance(named, dict) and not site.members.get("podSelector"):
            selector = read_selector(named, f"{site.route}/namespaceSelector")
            if selector is not None and [requirement.key for requirement in selector.requirements] == [NAME]:
                yield site, selector


def meant_strangers(context: Context, direction: str) -> Iterator[Workload]:
    """The pods that allow rules of a direction evidently mean and miss by a label: `stranger_peers` says that."""
    for site, selector, term in pod_peers(context):
        namespace = _named(site, selector, term)
        if not namespace or site.deny or site.rule.direction != direction:
            continue
        labels = [requirement for requirement in selector.requirements if requirement.key not in _SCOPES]
        meant = stranger(context, labels, namespace) if labels else None
        if meant is not None and stranger_finding(site, selector, namespace) is not None:
            yield from meant.pods


def _misspelt_namespace(site: Site, selector: Selector, namespace: str) -> Finding | None:
    """The note on an entry that is a namespace alone of which nothing is known, and nearly one that is."""
    context = site.context
    near = near_namespace(context, namespace)
    if not near or has_placeholder(site.entry):
        return None
    new = members_of(_replaced(site.entry, namespace, near))
    if site.is_covered(new):
        return None
    declared = context.inventory.namespaces(near)
    return report(
        context,
        site,
        Applicability.UNSAFE,
        f"`{site.field.name}` names namespace {namespace}, of which nothing is known; the nearest is {near}",
        f"an entry that matches no pod {_nothing(site)}",
        change=site.becomes(new, f"pods of {near}", instead_of=f"pods of {namespace} (none is known)"),
        rule=site.rule,
        severity=Severity.NOTE,
        evidence=[f"namespace {near}, {declared[0].source}"],
        advice=f"check that {namespace} is not made elsewhere",
    )


def _nothing(site: Site) -> str:
    return "denies nothing" if site.deny else "allows nothing, so that the traffic that was meant is dropped"


def stranger_finding(site: Site, selector: Selector, namespace: str, *, elsewhere: bool = True) -> Finding | None:
    """The finding of an entry that means pods of one namespace; None where some match or nothing near is known.

    Another namespace is proposed with `elsewhere` only.
    """
    context = site.context
    labels = [requirement for requirement in selector.requirements if requirement.key not in _SCOPES]
    if not _is_plain(site, selector, labels):
        return None
    meant = dns_stranger(context, labels, namespace) if is_dns_rule(site.rule) else None
    meant = meant or stranger(context, labels, namespace, elsewhere=elsewhere)
    new = None if meant is None else _new(site, meant, namespace)
    if meant is None or new is None or site.is_covered(new) or _is_named_too(context, meant):
        return None
    if _is_for_other_pods(site, meant):
        return None
    pods = selector_text(Selector("", tuple(labels)))
    there = f"{meant.key}={meant.value}"
    near = "those of DNS have" if meant.only else "the nearest is"
    if meant.namespace:
        what = f"pods that match live in {meant.namespace}"
        words = f"pods {pods} in {meant.namespace}"
    else:
        what = f"none has `{selector_text(Selector('', tuple(filter(None, [meant.wrong]))))}`; {near} `{there}`"
        words = f"pods {there} in {namespace}"
    severity = Severity.ERROR if site.deny else Severity.WARNING
    known = "" if meant.certain else "known "
    return report(
        context,
        site,
        Applicability.UNSAFE,
        f"`{site.field.name}` `{selector_text(selector)}` matches no {known}pod of {namespace}: {what}",
        f"an entry that matches no pod {_nothing(site)}",
        change=site.becomes(new, words, instead_of=f"pods {pods} in {namespace} (none is known)"),
        rule=site.rule,
        rests_on=meant.pods,
        severity=severity if meant.certain or meant.only else Severity.NOTE,
        evidence=workloads_evidence(meant.pods),
        advice="" if meant.certain else f"not every pod of {namespace} is known: check that none is meant",
    )


def _is_for_other_pods(site: Site, meant: Stranger) -> bool:
    """Whether the nearest pods only have the value, under another key, and the ports of the rule are none of theirs.

    A database has the name of its application, which may be a pod that nothing here shows.
    """
    if meant.wrong is None or meant.wrong.key == meant.key or site.rule.direction != EGRESS:
        return False
    ports = [port for item in site.rule.port_rules if isinstance(item, PortRule) for port in item.ports]
    numbers = [(port.protocol or "ANY", port.port) for port in ports if isinstance(port, PortProtocol) and not port.end]
    return bool(numbers) and all(
        pod.ports
        and not any(
            listens(site.context, pod, protocol, int(number) if is_number(number) else number)
            for protocol, number in numbers
        )
        for pod in meant.pods
    )


def _is_named_too(context: Context, meant: Stranger) -> bool:
    """Whether the policy has the nearest label elsewhere: it tells the two apart, unless a letter or two differ."""
    if meant.wrong is None or meant.only or is_a_slip(meant.wrong.values[0], meant.value):
        return False
    subjects = (spec.subject for spec in context.policy.specs if spec.subject is not None)
    peers = (selector for _, selector, _ in pod_peers(context))
    return any(
        requirement.key == meant.key and meant.value in requirement.values
        for selector in (*subjects, *peers)
        for requirement in selector.requirements
    )


def _named(site: Site, selector: Selector, term: LabelTerm) -> str:
    """The one namespace that an entry names itself; empty where it names none, or several."""
    if site.context.policy.kind == KNP:
        if not (isinstance(site.entry, dict) and isinstance(site.entry.get("namespaceSelector"), dict)):
            return ""
        scopes = [condition for condition in term.conditions if condition.key.startswith(NAMESPACE_LABELS_PREFIX)]
        if len(scopes) != 1 or scopes[0].key not in _SCOPES:
            return ""
        values = scopes[0].values if scopes[0].operator == "In" else ()
        return values[0] if len(values) == 1 else ""
    named = [requirement for requirement in selector.requirements if requirement.key in _SCOPES]
    one = len(named) == 1 and named[0].operator == "In" and len(named[0].values) == 1
    return named[0].values[0] if one else ""


def _is_plain(site: Site, selector: Selector, labels: list[Requirement]) -> bool:
    """Whether an entry picks pods by labels that can be compared, and no other finding is about its keys."""
    if not labels or has_placeholder(site.entry) or misspelt(selector):
        return False
    if any(
        label.source not in (ANY, K8S) or label.key == CLUSTER_LABEL or right_key(label.written_key) for label in labels
    ):
        return False
    if any(label.key.startswith(NAMESPACE_LABELS_PREFIX) for label in labels):
        return False
    return not any(True for _ in filtered(site.context, selector, site.context.to_version))


def _new(site: Site, meant: Stranger, namespace: str) -> Form | None:
    """The entry as it was meant; None where it cannot be written in its place."""
    entry = site.members
    if meant.namespace:
        return members_of(_replaced(entry, namespace, meant.namespace))
    if meant.wrong is None:
        return None
    old, key = meant.wrong, meant.wrong.written_key.removesuffix(meant.wrong.key) + meant.key
    if site.context.policy.kind == KNP:
        pods = _relabelled(members_of(entry["podSelector"]), old, key, meant.value)
        return None if pods is None else {**entry, "podSelector": pods}
    return _relabelled(entry, old, key, meant.value)


def _relabelled(selector: Mapping[str, object], old: Requirement, key: str, value: str) -> Form | None:
    labels, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    if "/matchLabels/" in old.route and isinstance(labels, dict):
        new = {key if k == old.written_key else k: value if k == old.written_key else v for k, v in labels.items()}
        return {**selector, "matchLabels": new}
    if isinstance(expressions, list):
        index = int(old.route.rpartition("/")[2])
        item = {**expressions[index], "key": key, "values": [value]}
        return {**selector, "matchExpressions": [*expressions[:index], item, *expressions[index + 1 :]]}
    return None


def _replaced(value: object, old: str, new: str) -> object:
    """A selector with another namespace: the value of the one condition that names it."""
    if isinstance(value, dict):
        return {k: new if _is_scope(k) and v == old else _replaced(v, old, new) for k, v in value.items()} | (
            {"values": [new]} if _is_scope(str(value.get("key"))) and value.get("values") == [old] else {}
        )
    return [_replaced(item, old, new) for item in value] if isinstance(value, list) else value


def _is_scope(key: str) -> bool:
    return key.rpartition(":")[2] in (*_SCOPES, NAME)
