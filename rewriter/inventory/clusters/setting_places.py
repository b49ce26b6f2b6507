"""Where in a file each of Cilium's settings stands, so that findings and verdicts cite the line of its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import starmap
from typing import Any, NamedTuple

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.cilium.agent_config import agent_settings, chart_options
from rewriter.inventory.cilium.cilium_values import KUBEPRISM_PORT, TALOS_API_PORT, pools_of
from rewriter.inventory.clusters.generated_values import GeneratedValue, element_files, generated_values, of_element
from rewriter.inventory.clusters.laid_values import LaidValue, escaped, laid_values, terraform_values
from rewriter.inventory.delivery.appliers import texts_of
from rewriter.inventory.facts.model import Source
from rewriter.inventory.releases.set_values import set_value, typed
from rewriter.inventory.settings.stated import ranges
from rewriter.inventory.texts.manifests import items, mapping

#: The values of Cilium's chart, and the agents' options, that set each field of a cluster.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "name": ("cluster.name", "cluster-name"),
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
    "mutual_authentication": ("authentication.enabled", "mesh-auth-enabled"),
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
#: Where values for a chart that depends on Cilium's stand.
_OF_CHART = "cilium."
#: The position of an item of a list, at the end of a path.
_ITEM = re.compile(r"\[\d+\]$")


class _Found(NamedTuple):
    """A key with the mapping that its path begins in, and its line, where that is one of the file's own.

    `assumed` says that the value there is one that something else fills in, so that it decides nothing by itself.
    """

    holder: Mapping[str, Any]
    key: str
    line: int
    assumed: bool = False


Text = tuple[str, Callable[[], bytes | None]]
"""A file by its path, and what reads its bytes."""


class _Reference(NamedTuple):
    """A key of a ConfigMap that a release takes values from: a text of them, or the one at the path `target`."""

    name: str
    key: str
    target: str


def setting_places(
    settings: Mapping[str, Any],
    source: Source,
    texts: Iterable[Text],
    maps: Sequence[Text] = (),
    matching: Callable[[str], Sequence[Text]] = lambda _glob: (),
) -> tuple[tuple[str, Source], ...]:
    """The fields with the line of the value that says what `settings` say of them; those not found are left out.

    `source` is the manifest of the installation, `texts` are files by path that may hold its values, its own first,
    and `maps` are files with ConfigMaps, of which those count that the manifest takes values from; `matching` are the
    files of a glob, as an ApplicationSet names those of its elements. A line counts where what it states gives the same
    value, so that what a patch or another file lays over it is not cited here.
    """
    wanted = {field for field, value in settings.items() if value is not None and field in _KEYS}
    if not yamltext.has_substitution(str(settings.get("name"))):
        wanted.discard("name")  # A name that is known is cited with its installation.
    places: dict[str, Source] = {}

    def take(path: str, text: str, found: Callable[[str], Iterable[_Found]]) -> None:
        rows = text.split("\n")
        for field in sorted(wanted - places.keys()):
            for other in found(field):
                # The lines of a text in quotes are not those of the file, and may be more.
                row = rows[other.line - 1] if other.line <= len(rows) else ""
                if row and other.key in row and (other.assumed or _tells(other.holder, field, settings[field])):
                    places[field] = replace(source, path=path, line=other.line)
                    break

    for path, read in texts:
        if not wanted - places.keys():
            break
        if path.endswith(".tf"):
            text = (read() or b"").decode("utf-8", "replace")
            laid = list(terraform_values(text, source.line or 1))
            take(path, text, partial(_of_laid, laid))
            continue
        text, documents = _documents(path, read, source)
        for document in documents:
            take(path, text, partial(_keys, document))
            generated = list(generated_values(document))
            for glob in element_files(document) if generated else ():
                for other, read_element in matching(glob):
                    inside, elements = _documents(other, read_element, None)
                    for element in elements:
                        laid = list(starmap(LaidValue, of_element(element, generated)))
                        take(other, inside, partial(_of_laid, laid))
            take(path, text, partial(_of_generated, generated, settings.get("name")))
            references = _references(document) if path == source.path else ()
            for other, read_map in maps if references else ():
                inside, those = _naming(other, read_map, references)
                for map_document in those:
                    take(other, inside, partial(_of_map, map_document, references))
    return tuple(places.items())


def _documents(
    path: str, read: Callable[[], bytes | None], source: Source | None
) -> tuple[str, Sequence[yamltext.Document]]:
    """The text of a file and its documents; of the file of the manifest at `source` the one that it begins in."""
    data = read()
    if data is None:
        return "", ()
    try:
        text = yamltext.decode(data)
        documents = yamltext.parse(text)
    except yamltext.YamlTextError:
        return "", ()
    if source is None or path != source.path or source.line is None or len(documents) < 2:
        return text, documents
    begun = [document for document in documents if yamltext.locate(document, "").line <= source.line]
    return text, begun[-1:]


def _naming(
    path: str, read: Callable[[], bytes | None], references: Sequence[_Reference]
) -> tuple[str, Sequence[yamltext.Document]]:
    """The text of a file and its documents, where it names one of the ConfigMaps that are referred to."""
    data = read() or b""
    if not any(reference.name.encode() in data for reference in references):
        return "", ()
    return _documents(path, lambda: data, None)


def _keys(document: yamltext.Document, field: str) -> Iterator[_Found]:
    for keys in _KEYS[field]:
        steps = keys.split(".")
        for holder, route in _holders(document.value, "", steps, 0):
            yield _Found(holder, steps[-1], yamltext.locate_key(document, "/".join([route, *steps])).line)
        for text, route in _inner_texts(document.value, "", steps[-1], 0):
            first = yamltext.locate_key(document, route).line
            for inner in _parsed(text):
                for found in _stated(inner, field, keys):
                    yield found._replace(line=first + found.line)
                    yield found._replace(line=first)  # Of a text in quotes, all of it on one line.
    yield from _of_laid(laid_values(document), field)


def _stated(document: yamltext.Document, field: str, keys: str) -> Iterator[_Found]:
    """Where a document within a text states a setting: as a key, or as one value that is laid over others."""
    steps = keys.split(".")
    for holder, route in _holders(document.value, "", steps, 0):
        yield _Found(holder, steps[-1], yamltext.locate_key(document, "/".join([route, *steps])).line)
    yield from _of_laid(laid_values(document), field)


def _of_laid(values: Iterable[LaidValue], field: str) -> Iterator[_Found]:
    for path, value, line in values:
        path = path.removeprefix(_OF_CHART)
        if _ITEM.sub("", path) in _KEYS[field] and (holder := set_value({}, path, value)) is not None:
            yield _Found(holder, "", line)


def _of_generated(values: Iterable[GeneratedValue], cluster: Any, field: str) -> Iterator[_Found]:
    """Where a generator of an ApplicationSet gives a setting its value, else where its template leaves it open.

    An element that names the cluster goes before others.
    """
    for path, line, _, given in values:
        keys = next((known for known in _KEYS[field] if f".{path}".endswith(f".{known}")), None)
        if keys is None:
            continue
        for other in sorted(given, key=lambda given_value: cluster not in given_value.element):
            holder = set_value({}, keys, typed(other.value))
            if holder is not None:
                yield _Found(holder, "", other.line)
        yield _Found({}, "", line, assumed=True)


def _references(document: yamltext.Document) -> list[_Reference]:
    """The ConfigMaps that a HelmRelease takes values from."""
    spec = mapping(mapping(document.value).get("spec"))
    return [
        _Reference(
            str(item.get("name")), str(item.get("valuesKey") or "values.yaml"), str(item.get("targetPath") or "")
        )
        for item in items(spec.get("valuesFrom"))
        if item.get("kind") == "ConfigMap"
    ]


def _of_map(document: yamltext.Document, references: Sequence[_Reference], field: str) -> Iterator[_Found]:
    """Where a ConfigMap, or the generator of one, states a setting, if it is one that is referred to."""
    for index, generator in enumerate(items(mapping(document.value).get("configMapGenerator"))):
        for position, literal in enumerate(texts_of(generator.get("literals"))):
            key, _, value = literal.partition("=")
            line = yamltext.locate(document, f"/configMapGenerator/{index}/literals/{position}").line
            for reference in references:
                if reference.target and (reference.name, reference.key) == (generator.get("name"), key):
                    laid = LaidValue(reference.target, typed(value.strip("\"'")), line)
                    yield from _of_laid([laid], field)
    name = mapping(mapping(document.value).get("metadata")).get("name")
    data = mapping(mapping(document.value).get("data"))
    for reference in references:
        text = data.get(reference.key)
        if reference.name != name or mapping(document.value).get("kind") != "ConfigMap" or not isinstance(text, str):
            continue
        line = yamltext.locate_key(document, f"/data/{escaped(reference.key)}").line
        if reference.target:
            yield from _of_laid([LaidValue(reference.target, typed(text), line)], field)
            continue
        for inner in _parsed(text):
            for keys in _KEYS[field]:
                for found in _stated(inner, field, keys):
                    yield found._replace(line=line + found.line)
                    yield found._replace(line=line)  # Of a text in quotes, all of it on one line.


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
            yield from _holders(below, f"{route}/{escaped(str(key))}", steps, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _holders(item, f"{route}/{index}", steps, depth + 1)


def _inner_texts(value: Any, route: str, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """The texts that may hold values (HelmChartConfig `valuesContent`, Argo CD `values`)."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and (f"{key}:" in value or f"/{key}" in value):
        yield value, route
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _inner_texts(below, f"{route}/{escaped(str(name))}", key, depth + 1)
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
