"""Empty peer selectors that the words around them call more than they mean: the policy's own namespace."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.policy import EGRESS, KNP
from rewriter.evidence.context import Context
from rewriter.evidence.dns import is_dns_rule
from rewriter.evidence.mesh import namespace_key
from rewriter.evidence.reachable import reach_of
from rewriter.evidence.refused_names import shut_from_dns
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import Site
from rewriter.passes.kit.selectors.pod_selectors import own_pods
from rewriter.text import short_text

_ALL = r"(?:all|any|every|each|other)"
#: Words that mean pods of every namespace, wherever they stand.
_EVERYWHERE = re.compile(
    rf"\b{_ALL}(?: the| of the)? (?:\w+ )?namespaces?\b|\b(?:across|between) namespaces\b|\bcluster[- ]?wide\b"
    r"|\b(?:whole|entire) cluster\b"
    r"|\b(?:anywhere|everything|everyone|everybody|anything|pods?|endpoints?|workloads?|clients?|traffic)"
    r" (?:in|of|from|within|inside|across|throughout)(?: the| this| our)?(?: whole| entire)?(?: k8s| kubernetes)?"
    r" cluster\b"
    r"|\b(?:from|in|within|intra|inside)[- ](?:the )?cluster\b(?! (?:member|node|peer|replica))"
)
#: Words that do where they describe the peers alone.
_EVERY_POD = re.compile(r"\b(?:all|any|every) (?:\w+ )?(?:pods?|endpoints?|workloads?)\b")
#: Words by which the own namespace is meant, or another cluster than that of the nodes.
_NARROW = re.compile(
    r"\b(?:this|own|same|its|the|their|our|one|each|intra|within|in|inside|per)[- ]namespaces?\b"
    r"|\bnamespace[- ]?(?:wide|local)\b|\bnamespaced\b"
    r"|\beach other\b|\bamong\b|\bbetween (?:the )?(?:pods|replicas|members)\b"
    r"|\b(?:not|never|no|except|without|but)\b|\b(?:postgres\w*|redis|valkey|etcd|kafka|database|db|elasticsearch|galera)"
    r"[- ]cluster\b"
)


def empty_peers(context: Context) -> Iterator[Finding]:
    """A finding for each `{}` of from/toEndpoints, and each `podSelector: {}` alone, that is called more than that.

    The words are the comments at the entry, its field and its rule; and, where the policy has one such entry, its
    description and its name.
    """
    sites = [site for site, selector in own_pods(context) if not selector.requirements]
    for site in sites:
        words = _words(site, alone=len(sites) == 1)
        new = _everywhere(site)
        if words and not site.is_covered(new) and not _is_for_dns(site):
            yield _finding(site, words, new)


def _is_for_dns(site: Site) -> bool:
    """Whether an entry stands in a rule for DNS of pods that reach none: CNP019 says to whom it should be."""
    if site.rule.direction != EGRESS or not is_dns_rule(site.rule):
        return False
    reaches = reach_of(site.context, site.spec)
    return bool(reaches) and all(shut_from_dns(site.context, reach) is not None for reach in reaches)


def _words(site: Site, *, alone: bool) -> str:
    """What the words around an entry call it, as written; empty where nothing says more than the own namespace."""
    comments_at = site.context.comments_at
    for route in dict.fromkeys((site.route, site.field.route, site.rule.route)):
        text = " ".join(comment.lstrip("# ").strip() for comment in comments_at(route))
        if text and (_says(_EVERYWHERE, text, site) or _says(_EVERY_POD, text, site)):
            return f'the comment "{short_text(text)}"'
        if text and _is_narrow(text, site):
            return ""
    if not alone:
        return ""
    for description in (site.spec.raw.get("description"), site.context.policy.annotated_description):
        if isinstance(description, str) and _says(_EVERYWHERE, description, site):
            return f'the description "{short_text(description)}"'
    name = site.context.policy.name
    return f"the name `{name}`" if _says(_EVERYWHERE, re.sub("[-_.]", " ", name), site) else ""


def _says(words: re.Pattern[str], text: str, site: Site) -> bool:
    return not _is_narrow(text, site) and words.search(_plain(text)) is not None


def _is_narrow(text: str, site: Site) -> bool:
    """Whether words mean less than every namespace, or of the policy's own."""
    own = site.context.policy.namespace or ""
    rest = re.sub(rf"\b{_ALL}(?: the| of the)? (?:\w+ )?namespaces?\b", "", _plain(text))
    return bool(_NARROW.search(rest) or (own and re.search(rf"\b(?:in|of|from) {re.escape(own)}\b", _plain(text))))


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _everywhere(site: Site) -> Form:
    if site.context.policy.kind == KNP:
        return {**site.members, "namespaceSelector": {}}
    exists = {"key": namespace_key(site.context.policy), "operator": "Exists"}
    return {"matchExpressions": [exists]}


def _finding(site: Site, words: str, new: Form) -> Finding:
    own = site.context.policy.namespace if site.context.namespace_known else "the policy's own namespace"
    verb = "denies" if site.deny else "means"
    return report(
        site.context,
        site,
        Applicability.UNSAFE,
        f"the empty selector of `{site.field.name}` {verb} the pods of {own} alone, and {words} speaks of more",
        "a selector that names no namespace means the policy's own, so the traffic that was meant "
        + ("passes" if site.deny else "is dropped"),
        change=site.becomes(new, "every pod of any namespace"),
        rule=site.rule,
        severity=Severity.ERROR if site.deny else Severity.WARNING,
        advice="if the policy's own namespace alone is meant, say so in the comment",
    )
