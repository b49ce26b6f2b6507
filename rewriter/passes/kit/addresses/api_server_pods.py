"""Selectors of pods that are meant for the API server: it is none that a selector matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rewriter.cilium.policy import PeerField
from rewriter.evidence.api_server import SERVICE_PORT, USUAL_PORT, ApiServer
from rewriter.finding import Finding
from rewriter.passes.kit.addresses.api_server_rules import api_server_finding, bound_ports, field_text
from rewriter.passes.kit.addresses.api_server_words import words_for_api_server
from rewriter.passes.kit.changes.forms import members_of
from rewriter.passes.kit.changes.site import RuleSite
from rewriter.passes.kit.ports.port_numbers import items_of, names_any, on_others

_NAME = "kube-apiserver"
#: The labels of the static pods of kubeadm, Talos and others.
_LABELS = frozenset({"component", "k8s-app", "app", "app.kubernetes.io/name"})
_NAMESPACES = frozenset({"io.kubernetes.pod.namespace", "kubernetes.io/metadata.name"})


def concerns_pods(field: PeerField) -> bool:
    """Whether an entry of a field may be meant for the API server."""
    return any(_names_server(entry) or _is_default_namespace(entry) or _is_anywhere(entry) for entry in field.entries)


def pods_finding(site: RuleSite, field: PeerField, server: ApiServer) -> Iterator[Finding]:
    """The finding of an entry for the API server's own pods, for the namespace of its Service, or for all pods."""
    if site.deny:
        return
    own = {SERVICE_PORT, server.port or USUAL_PORT, USUAL_PORT}
    for index, entry in enumerate(field.entries):
        words = ""
        if _names_server(entry):
            what, why = "pods of kube-apiserver", "it runs on the host network, where no selector of pods matches it"
            meant = not _known(site) and (items_of(site.rule) is None or names_any(site.rule, own))
        elif _is_anywhere(entry):
            what, why = "every pod", "it is the entity `kube-apiserver`, which no selector of pods matches"
            words = "" if _known(site) else _words_for_everywhere(site, field, index, own)
            meant = bool(words)
        else:
            what, why = "namespace default", "its Service is there, and no pod of it"
            words = _words_for_default(site, field, index, own) if _is_default_namespace(entry) else ""
            meant = bool(words)
        if meant:
            message = f"`{_field_text(site, field)}` for {what} never reaches the API server: {why}"
            evidence = [words] if words else []
            yield from api_server_finding(
                site, field, field.entry_route(index), message, evidence, server, set(), guess=bool(words)
            )
            return


def _known(site: RuleSite) -> bool:
    """Whether API servers are known that are pods."""
    return any(site.context.inventory.workloads_with({key: _NAME}) for key in _LABELS)


def _words_for_default(site: RuleSite, field: PeerField, index: int, own: set[int]) -> str:
    """What says that a rule for namespace default is for the API server; empty where nothing does, or its ports do not.

    Its author does, where its ports are the API server's, or the rights of its pods, where no pod is known there.
    """
    every_port = items_of(site.rule) is None
    if not every_port and (not names_any(site.rule, own) or on_others(site.rule, own)):
        return ""
    words = words_for_api_server(site, field, index)
    if words or site.context.inventory.workloads_in(["default"]):
        return words
    return bound_ports(site)


def _words_for_everywhere(site: RuleSite, field: PeerField, index: int, own: set[int]) -> str:
    """What says that a rule for every pod is for the API server of Kubernetes, on its ports alone; empty if nothing."""
    if items_of(site.rule) is None or not names_any(site.rule, own) or on_others(site.rule, own):
        return ""
    words = words_for_api_server(site, field, index)
    return words if "kube" in words.lower() or "k8s" in words.lower() else ""


def _field_text(site: RuleSite, field: PeerField) -> str:
    text = field_text(site, field)
    return "to" if text == "ipBlock" else text


def _names_server(entry: object) -> bool:
    members = members_of(entry)
    selector = members_of(members.get("podSelector")) if "podSelector" in members else members
    return any(key in _LABELS and value == _NAME for key, value in _labels(selector).items())


def _is_default_namespace(entry: object) -> bool:
    """Whether an entry selects every pod of namespace default, and no others."""
    members = members_of(entry)
    selector = members_of(members.get("namespaceSelector")) if "namespaceSelector" in members else members
    if members_of(members.get("podSelector")) or selector.get("matchExpressions"):
        return False
    labels = _labels(selector)
    return len(labels) == 1 and all(key in _NAMESPACES and value == "default" for key, value in labels.items())


def _is_anywhere(entry: object) -> bool:
    """Whether an entry is an empty selector: every pod of all namespaces, or of the policy's own."""
    members = members_of(entry)
    if isinstance(entry, Mapping) and not members:
        return True
    selectors = [members_of(value) for key, value in members.items() if key in ("namespaceSelector", "podSelector")]
    return len(selectors) == len(members) and not any(selectors)


def _labels(selector: Mapping[str, object]) -> dict[str, object]:
    labels = members_of(selector.get("matchLabels"))
    return {str(key).rpartition(":")[2]: value for key, value in labels.items()}
