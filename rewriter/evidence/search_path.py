"""CoreDNS that walks the search path for pods itself, and under which names Cilium then files the answers.

With the plugin `autopath` the first query of a resolver, which is for the name in the pod's own namespace, is answered
with the addresses of the name outside. Cilium files an answer under the name that was asked.
Sources: CoreDNS, plugin/autopath/README.md; cilium/cilium, issue 20191.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.cilium.fqdn import fqdn_term, sample_names
from rewriter.cilium.nodes import FqdnSelector
from rewriter.cilium.policy import EGRESS, Rule
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.dns import dns_server, proxied
from rewriter.evidence.names_learned import is_open_anyway, means_addresses
from rewriter.evidence.reachable import Reach
from rewriter.evidence.refused_names import dots_needed, search_forms
from rewriter.evidence.used_names import is_internal
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.objects.pods import ConfigMap

_AUTOPATH = re.compile(r"^[ \t]*autopath[ \t]+(?:[\w.-]+[ \t]+)*@kubernetes[ \t]*\r?$", re.MULTILINE)
#: Without it the plugin does not know whose query it is, and does nothing.
_VERIFIED = re.compile(r"^[ \t]*pods[ \t]+verified[ \t]*\r?$", re.MULTILINE)
_NAME = "coredns"


class SearchPath(NamedTuple):
    """The configuration of CoreDNS that has the plugin, pods, and names of a rule that are filed under others."""

    config: ConfigMap
    workload: Workload
    names: tuple[str, ...]
    form: str


def filed_elsewhere(context: Context, reach: Reach, rule: Rule) -> SearchPath | None:
    """Names of toFQDNs of a rule of which the answers come under a search form that no toFQDNs of the pods covers.

    None where any name of the rule is filed as it stands, so that people may have seen that it works.
    """
    field, workload = rule.peer("toFQDNs"), reach.workload
    if field is None or workload is None or not field.entries or is_open_anyway(context, reach, rule):
        return None
    config, dots = _autopath(context, workload), dots_needed(context, reach)
    if config is None or dots is None or reach.hidden:
        return None
    forms: dict[str, str] = {}
    for entry in field.read_as(FqdnSelector):
        name = _sample(entry)
        if not name or name.count(".") >= dots or is_internal(name) or means_addresses(entry):
            return None
        form = search_forms(name, workload.namespace)[0]
        if not _lets_ask(context, reach, form) or _is_named(context, reach, form):
            return None
        forms[entry.name or entry.pattern] = form
    return SearchPath(config, workload, tuple(forms), next(iter(forms.values()))) if forms else None


def _sample(entry: FqdnSelector) -> str:
    """A name that an entry stands for; empty where it holds an unknown value, or none."""
    text = (entry.name or entry.pattern).strip().lower().rstrip(".")
    return "" if not text or "$" in text or "{" in text else next(iter(sample_names(text)), "")


def _autopath(context: Context, workload: Workload) -> ConfigMap | None:
    """The configuration of the DNS pods that answer a workload's queries, where it has the plugin."""
    server = dns_server(context, workload)
    if server is None or not server.known or server.instead_of:
        return None
    pods = [fact for fact in server.rests_on if isinstance(fact, Workload)]
    for pod in pods:
        for name in dict.fromkeys((pod.name, _NAME)):
            for found in context.inventory.config_maps(name, pod.namespace):
                text = found.data.get("Corefile", "")
                if is_here(context, found.cluster) and _AUTOPATH.search(text) and _VERIFIED.search(text):
                    return found
    return None


def _lets_ask(context: Context, reach: Reach, name: str) -> bool:
    """Whether `rules.dns` of the pods let a name be asked, through the proxy that files the answer."""
    items = (item for rule in reach.selecting for item in proxied(rule))
    return any(fqdn_term(entry.written, context.to_version).covers(name) for item in items for entry in item.names)


def _is_named(context: Context, reach: Reach, name: str) -> bool:
    """Whether any toFQDNs of the pods covers a name, or may."""
    return any(filled or fqdn_term(entry.written, context.to_version).covers(name) for entry, filled in _entries(reach))


def _entries(reach: Reach) -> Iterator[tuple[FqdnSelector, bool]]:
    for rule in (*reach.selecting, *reach.possible):
        field = rule.rule.peer("toFQDNs") if rule.rule is not None and rule.entry.direction == EGRESS else None
        for entry in field.read_as(FqdnSelector) if field else ():
            yield entry, rule.filled
