"""Where in a file each of Cilium's settings stands, so that findings and verdicts cite the line of its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from rewriter import yamltext
from rewriter.inventory.cilium.agent_config import agent_settings, chart_options
from rewriter.inventory.cilium.cilium_values import KUBEPRISM_PORT, TALOS_API_PORT, pools_of
from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.stated import ranges
from rewriter.inventory.texts.manifests import mapping

#: The values of Cilium's chart, and the agents' options, that set each field of a cluster.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "default_local_cluster": ("clustermesh.policyDefaultLocalCluster", "policy-default-local-cluster"),
    "cidr_match_nodes": ("policyCIDRMatchMode", "policy-cidr-match-mode"),
    "cidr_match_pods": ("policyCIDRMatchMode", "policy-cidr-match-mode"),
    "node_selector_labels": ("nodeSelectorLabels", "enable-node-selector-labels"),
    "extended_ip_protocols": ("enable-extended-ip-protocols",),
    "enforcement": ("policyEnforcementMode", "enable-policy"),
    "audit": ("policyAuditMode", "policy-audit-mode"),
    "host_firewall": ("hostFirewall.enabled", "enable-host-firewall"),
    "identity_labels": ("labels",),
    "node_labels": ("nodeLabels", "node-labels"),
    "cluster_network_policies": ("k8sClusterNetworkPolicy.enabled", "enable-k8s-cluster-network-policy"),
    "pod_cidrs": (
        *("ipam.operator.clusterPoolIPv4PodCIDRList", "ipam.operator.clusterPoolIPv6PodCIDRList"),
        *("ipam.operator.autoCreateCiliumPodIPPools", "cluster-pool-ipv4-cidr"),
    ),
    "pods_within": ("ipv4NativeRoutingCIDR", "ipv6NativeRoutingCIDR", "ipv4-native-routing-cidr"),
    "ipam": ("ipam.mode", "ipam"),
    "api_server_host": ("k8sServiceHost",),
    "api_server_port": ("k8sServicePort",),
    "kube_proxy_replacement": ("kubeProxyReplacement", "kube-proxy-replacement"),
}
_DEEPEST = 40


class _Found(NamedTuple):
    """A key with the mapping that its path begins in, and its line, where that is one of the file's own."""

    holder: Mapping[str, Any]
    key: str
    line: int


def setting_places(
    settings: Mapping[str, Any], source: Source, texts: Iterable[tuple[str, Callable[[], bytes | None]]]
) -> tuple[tuple[str, Source], ...]:
    """The fields with the line of the key that says what `settings` say of them; those not found are left out.

    `source` is the manifest of the installation, `texts` are files by path that may hold its values, its own first. A
    key counts where the mapping around it tells the same value, so that what a patch or another file lays over it is
    not cited here.
    """
    wanted = {field for field, value in settings.items() if value is not None and field in _KEYS}
    places: dict[str, Source] = {}
    for path, read in texts:
        missing = wanted - places.keys()
        if not missing:
            break
        text, documents = _documents(path, read, source)
        rows = text.split("\n")
        for document in documents:
            for field in sorted(missing):
                lines = [
                    found.line
                    for found in _keys(document, field)
                    if found.key in rows[found.line - 1] and _tells(found.holder, field, settings[field])
                ]
                if lines and field not in places:
                    places[field] = replace(source, path=path, line=lines[0])
    return tuple(places.items())


def _documents(path: str, read: Callable[[], bytes | None], source: Source) -> tuple[str, Sequence[yamltext.Document]]:
    """The text of a file and its documents; of the manifest's own file the one that it begins in."""
    data = read()
    if data is None:
        return "", ()
    try:
        text = yamltext.decode(data)
        documents = yamltext.parse(text)
    except yamltext.YamlTextError:
        return "", ()
    if path != source.path or source.line is None or len(documents) < 2:
        return text, documents
    begun = [document for document in documents if yamltext.locate(document, "").line <= source.line]
    return text, begun[-1:]


def _keys(document: yamltext.Document, field: str) -> Iterator[_Found]:
    for keys in _KEYS[field]:
        steps = keys.split(".")
        for holder, route in _holders(document.value, "", steps, 0):
            yield _Found(holder, steps[-1], yamltext.locate_key(document, "/".join([route, *steps])).line)
        for text, route in _inner_texts(document.value, "", steps[-1], 0):
            first = yamltext.locate_key(document, route).line
            for inner in _parsed(text):
                for holder, below in _holders(inner.value, "", steps, 0):
                    yield _Found(holder, steps[-1], first + yamltext.locate_key(inner, "/".join([below, *steps])).line)


def _holders(value: Any, route: str, steps: list[str], depth: int) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The mappings that hold the steps as keys one below the other, with their routes."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        end: Any = value
        for step in steps:
            end = mapping(end).get(step)
        if end is not None:
            yield value, route
        for key, below in value.items():
            yield from _holders(below, f"{route}/{_escaped(str(key))}", steps, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _holders(item, f"{route}/{index}", steps, depth + 1)


def _inner_texts(value: Any, route: str, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """The texts that may hold values (HelmChartConfig `valuesContent`, Argo CD `values`)."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and f"{key}:" in value:
        yield value, route
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _inner_texts(below, f"{route}/{_escaped(str(name))}", key, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inner_texts(item, f"{route}/{index}", key, depth + 1)


def _parsed(text: str) -> list[yamltext.Document]:
    try:
        return yamltext.parse(text)
    except yamltext.YamlTextError:
        return []


def _tells(holder: Mapping[str, Any], field: str, value: Any) -> bool:
    stated = {**agent_settings(holder), **agent_settings(chart_options(holder))}
    if field in stated:
        return bool(stated[field] == value)
    return any(_is_told(holder, keys.split("."), field, value) for keys in _KEYS[field])


def _is_told(holder: Mapping[str, Any], steps: list[str], field: str, value: Any) -> bool:
    written: Any = holder
    for step in steps:
        written = mapping(written).get(step)
    if field == "api_server_port" and str(written) == str(KUBEPRISM_PORT):
        return bool(value == TALOS_API_PORT)
    if isinstance(written, dict):
        written = list(pools_of(written.values()) or ())
    if isinstance(written, list) or isinstance(value, tuple):
        # One family of addresses may stand under each of two keys.
        found = ranges(written)
        return bool(found) and set(found) <= set(value)
    return str(written).lower() == str(value).lower()


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
