"""Common charts as data: the pods and Services that they make by default, in `common.json`.

An entry cites the chart's version and the templates that it was read from, and words of the addresses that it is
published at (`from`): a chart of that name from elsewhere is another one. Of a `shared_name`, several publishers have a
chart, so it is only known where the release names one of these addresses. `compared` is the version that a test
renders and compares with the entry; `read` names the templates, with their commits, that the entry was held against
by reading; an entry with neither was held against nothing, so what rests on it is for a person to judge. `{release}`,
`{namespace}`, `{name}` and `{fullname}` are filled in as charts made by `helm create` do, `{path|default}` from the
values, and for each of `subcharts` `{chart.name}` and `{chart.fullname}`. What an entry says is true of the releases
near its version; it is not all that the chart may make, so a release that is read this way still hides what else it
makes.

A part is there where each path of its `if` is not false in the values, each of `on` is true, none of `unless` is true,
and the value at the path of `when` (else its default) is in its list, and so for `also`. `network` is the path of the
value that puts pods on the host network; `host` says that they are there, or the path of a value that is true by
default.
The account is that of `account` where the value at `create` (`created` says what it is by default) is true, else
`default`; `of` stands for `<of>.create` and for `<of>.name`, which names another; `always` says that `create` changes
nothing. `pod_labels` are paths of further labels, `env`, `args` and `env_from` those of what the container is given,
`settings` those of values that the chart writes into the container's configuration; `unlabelled` is the value without
which pods lack some labels. `unfollowed` are
paths of values that change ports in a way that the entry does not follow: a Service is left out then, and so are the
ports of pods. `port_map` is the path of a map of ports by their names, which may change each and add others; of a
Service's part the entry has those that it shows by default. `headless` is the path of the address of a Service that
has none by default, `address` that of another. `servers` is the path of a list that the ports follow, as coredns does
it. A value at the path `namespace`, or at `elsewhere` of a part, puts them into another namespace;
`overrides` is where the values that override names are. `calls` are the webhooks and extension APIs by which the API
server calls a Service of the chart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.charts.dns_servers import config_map, container_ports, dns_config, service_ports
from rewriter.inventory.charts.naming import NotKnownError, rendered, value_at
from rewriter.inventory.charts.scrapers import scraper_spec
from rewriter.inventory.objects.monitors import SCRAPER_KINDS
from rewriter.inventory.objects.pods import FROM_VALUES
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import leaves, mapping, texts

_FIELD = re.compile(r"\{([A-Za-z][\w.-]*)(?:\|((?:[^{}]|\{[\w.|-]+\})*))?\}")
#: A chart's own names in a text of the values that the chart renders.
_OWN = re.compile(r"\{\{-?\s*include\s+\"[\w-]+\.(fullname|name)\"\s+\.\s*-?\}\}")
#: What the addresses of copies of charts hold.
_MIRROR = "charts-mirror"
#: Truncation of names by the charts.
_LONGEST = {"kube-prometheus-stack": 26}
_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_SERVICE_TYPES = frozenset({"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"})
_ELSEWHERE = "namespaceOverride"


@cache
def entries() -> Mapping[str, Mapping[str, Any]]:
    """The charts that are known, by name."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("common.json").read_text("utf-8"))
    return found


def knows(release: Release) -> bool:
    """Whether the data knows what a release's chart makes: by its name, and where it is published if that is known."""
    entry = entries().get(release.chart.name)
    url = (release.chart.url or "").lower()
    if entry is None or release.chart.folder is not None:  # A chart of the repository is its own.
        return False
    return _MIRROR in url or any(word in url for word in entry["from"]) or (not url and "shared_name" not in entry)


def checked(name: str) -> bool:
    """Whether the entry was held against the chart: rendered, or its templates read."""
    return "compared" in entries()[name] or "read" in entries()[name]


def cited(name: str) -> str:
    """The chart, with the version that its entry is compared with, or was only read from, in words."""
    entry = entries()[name]
    if "compared" in entry:
        return f"chart {name}, as its version {entry['compared']} makes it"
    if "read" in entry:
        return f"chart {name}, by its templates of about version {entry['version']}"
    return f"chart {name}, as its version {entry['version']} most likely makes it"


def common_objects(release: Release) -> Iterator[dict[str, Any]]:
    """The manifests that a chart of the data makes. Raises NotKnownError where a name or label is not known."""
    entry = entries()[release.chart.name]
    release = replace(release, namespace=_namespace(release, entry))
    names = _names(release, entry)
    for item in entry.get("workloads", ()):
        if _wanted(release, item):
            yield (made := _workload(release, item, names))
            if servers := value_at(release.values, item.get("servers", "")):
                yield config_map(servers, made["metadata"])
    for item in entry.get("services", ()):
        if "port_map" not in item and _changes_service_ports(release.values):
            continue
        if _wanted(release, item) and not _unfollowed(release, item) and _are_numbered(release, item):
            yield _service(release, item, names)
    for item in entry.get("resources", ()):
        if _wanted(release, item):
            plain = "plain" in item and value_at(release.values, "cleanPrometheusOperatorObjectNames") is True
            name = _filled(item["plain"] if plain else item["name"], names, release)
            labels = {key: _filled(text, names, release) for key, text in item.get("labels", {}).items()}
            metadata = {"name": name, "namespace": release.namespace, "annotations": item.get("annotations", {})}
            metadata |= {"labels": labels} if labels else {}
            made = {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}
            scrapes = item["kind"] in SCRAPER_KINDS
            yield {**made, "spec": scraper_spec(release, item["kind"]) if scrapes else item.get("spec", {})}
    for item in entry.get("calls", ()):
        if _wanted(release, item):
            yield _call(release, item, names)


def _changes_service_ports(values: Any, within: bool = False) -> bool:
    """Whether values say anything of the ports of Services: then those of the entry may not be the release's."""
    if not isinstance(values, dict):
        return False
    for key, item in values.items():
        name = str(key).lower()
        if (within and "port" in name) or (name == "ports" and isinstance(item, dict)):
            return True
        if _changes_service_ports(item, within or "service" in name):
            return True
    return False


def _namespace(release: Release, entry: Mapping[str, Any]) -> str | None:
    """Where the chart puts what it makes. Raises NotKnownError where a value may name another namespace."""
    path = entry.get("namespace")
    if path != _ELSEWHERE and value_at(release.values, _ELSEWHERE):
        raise NotKnownError(f"the value {_ELSEWHERE}")
    written = value_at(release.values, path) if path else None
    return rendered(written, release) if isinstance(written, str) and written else release.namespace


def _names(release: Release, entry: Mapping[str, Any]) -> dict[str, str]:
    """The names of the chart and the release, and those of its subcharts."""
    known = {"release": release.name, "namespace": release.namespace or ""}
    chart = str(entry.get("name") or release.chart.name)
    within = f"{entry['overrides']}." if "overrides" in entry else ""
    known["name"], known["fullname"] = _own_names(release, within, chart, _LONGEST.get(release.chart.name, 63))
    for subchart in entry.get("subcharts", ()):
        name, full = _own_names(release, f"{subchart}.", subchart, 63)
        known |= {f"{subchart}.name": name, f"{subchart}.fullname": full}
    plain = value_at(release.values, "cleanPrometheusOperatorObjectNames") is True
    for resource in ("prometheus", "alertmanager"):
        known[f"{resource}.crname"] = known["fullname"] + ("" if plain else f"-{resource}")
    return known


def _own_names(release: Release, prefix: str, chart: str, longest: int) -> tuple[str, str]:
    """The chart's name and the release's full name (`helm create`, templates/_helpers.tpl)."""
    name = str(value_at(release.values, f"{prefix}nameOverride") or chart)
    full = value_at(release.values, f"{prefix}fullnameOverride")
    if not full:
        full = release.name if name in release.name else f"{release.name}-{name}"
    return rendered(name, release), rendered(str(full), release)[:longest].rstrip("-")


def _text(text: str, names: Mapping[str, str], release: Release) -> str:
    """A text of the values, with the names that a template of it includes."""
    return rendered(_OWN.sub(lambda match: names[match[1]], text), release)


def _paths(item: Mapping[str, Any], key: str) -> list[str]:
    found = item.get(key, ())
    return [found] if isinstance(found, str) else list(found)


def _wanted(release: Release, item: Mapping[str, Any]) -> bool:
    for path, default, wanted in (item[key] for key in ("when", "also") if key in item):
        written = value_at(release.values, path)
        if (default if written is None else written) not in wanted:
            return False
    if "elsewhere" in item and value_at(release.values, item["elsewhere"]):
        return False
    if any(value_at(release.values, path) for path in _paths(item, "unless")):
        return False
    if not all(value_at(release.values, path) for path in _paths(item, "on")):
        return False
    return all(
        value in (None, "-") or bool(value) for value in (value_at(release.values, path) for path in _paths(item, "if"))
    )


def _unfollowed(release: Release, item: Mapping[str, Any]) -> bool:
    """Whether values change the ports of a part in a way that the entry does not follow."""
    servers = value_at(release.values, item["servers"]) if "servers" in item else None
    if servers is not None and None in (container_ports(servers), service_ports(servers)):
        return True
    return any(value_at(release.values, path) is not None for path in _paths(item, "unfollowed"))


def _on_host(release: Release, item: Mapping[str, Any]) -> bool:
    host = item.get("host")
    if isinstance(host, str):
        return value_at(release.values, host) is not False
    return host is True or bool("network" in item and value_at(release.values, item["network"]))


def _filled(text: str, names: Mapping[str, str], release: Release) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] in names:
            return names[match[1]]
        written = value_at(release.values, match[1])
        if isinstance(written, str) and written:
            return _text(written, names, release)
        return _filled(match[2] or "", names, release)

    return _FIELD.sub(value, text)


def _labels(release: Release, item: Mapping[str, Any], names: Mapping[str, str], key: str) -> dict[str, str]:
    """The labels or the selector of a part; without those that a value of the release takes away."""
    path, without = item.get("unlabelled", ("", ()))
    lacks = without if path and value_at(release.values, path) is False else ()
    return {label: _filled(value, names, release) for label, value in item[key].items() if label not in lacks}


def _pod_labels(release: Release, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """The labels of pods: the chart's, and those of the values. Raises NotKnownError where both have another value."""
    labels = _labels(release, item, names, "labels")
    for path in _paths(item, "pod_labels"):
        for key, text in texts(value_at(release.values, path)).items():
            value = _text(text, names, release)
            if labels.setdefault(key, value) != value:
                raise NotKnownError(f"the label {key} of {path}, which the chart sets too,")
    return labels


def _account(release: Release, item: Mapping[str, Any], names: Mapping[str, str]) -> str:
    of = item.get("of")
    named = value_at(release.values, f"{of}.name") if of and not item.get("unnamed") else None
    if isinstance(named, str) and named:
        return _text(named, names, release)
    create = item.get("create", f"{of}.create" if of else "")
    created = value_at(release.values, create) if create else None
    there = item.get("always") or (item.get("created", True) if created is None else bool(created))
    return _filled(item["account"], names, release) if there else "default"


def _call(release: Release, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The manifest by which the API server calls a Service of the release: a webhook, or an extension API."""
    metadata = {"name": _filled(item["name"], names, release)}
    service = {"name": _filled(item["service"], names, release), "namespace": release.namespace}
    if item["kind"] == "APIService":
        made = {"apiVersion": "apiregistration.k8s.io/v1", "kind": item["kind"], "metadata": metadata}
        return {**made, "spec": {"service": service}}
    made = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": item["kind"], "metadata": metadata}
    return {**made, "webhooks": [{"name": metadata["name"], "clientConfig": {"service": service}}]}


def _workload(release: Release, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    kind = _filled(item["kind"], names, release)
    if kind not in _KINDS:
        raise NotKnownError(f"the kind {kind!r}")
    labels = _pod_labels(release, item, names)
    name = _filled(item["name"], names, release)
    there = () if _unfollowed(release, item) else (port for port in item["ports"] if _opened(port, release))
    ports = _with_mapped(release, item, [_port(port, release) for port in there])
    if ports and "servers" in item:
        ports = container_ports(value_at(release.values, item["servers"])) or ports
    spec = {
        "hostNetwork": _on_host(release, item),
        "serviceAccountName": _account(release, item, names),
        "containers": [{"name": name, "ports": ports, **_given(release, item)}],
        **dns_config(release.values),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": release.namespace, "labels": labels},
        "spec": {**_replicas(release, item), "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def _replicas(release: Release, item: Mapping[str, Any]) -> dict[str, Any]:
    """The number of pods, beside the account's values (`webhook.replicaCount`), where charts mostly have it."""
    within = str(item.get("of", "")).rpartition(".")[0]
    paths = (f"{within}.{name}".removeprefix(".") for name in ("replicas", "replicaCount"))
    count = next((found for path in paths if (found := value_at(release.values, path)) is not None), None)
    return {} if count is None else {"replicas": count}


def _given(release: Release, item: Mapping[str, Any]) -> dict[str, Any]:
    """What values give the container: its environment, as a list or by name, its arguments and its configuration."""
    found: dict[str, list[Any]] = {}
    for key, field in (("env", "env"), ("args", "args"), ("env_from", "envFrom")):
        for path in _paths(item, key):
            written = value_at(release.values, path)
            if isinstance(written, dict):
                written = [{"name": name, "value": value} for name, value in texts(written).items()]
            found[field] = found.get(field, []) + (written if isinstance(written, list) else [])
    written_there: dict[str, str] = {}
    for path in _paths(item, "settings"):
        written_there |= dict(leaves(path, value_at(release.values, path)))
    return {**found, FROM_VALUES: written_there} if written_there else found


def _opened(port: list[Any], release: Release) -> bool:
    return len(port) < 4 or value_at(release.values, port[3]) is not False


def _port(port: list[Any], release: Release) -> dict[str, Any]:
    """`[name, number, protocol, path of the value that closes it]`, or `[name, path of the value, default]`.

    A port without a name has null there.
    """
    if isinstance(port[1], str):
        written = value_at(release.values, port[1])
        if written is not None and not isinstance(written, int):
            raise NotKnownError(f"the port {written!r}")
        return {"name": port[0], "containerPort": written or port[2], "protocol": "TCP"}
    found = {"containerPort": port[1], "protocol": port[2] if len(port) > 2 else "TCP"}
    return {"name": port[0], **found} if port[0] else found


def _mapped(release: Release, item: Mapping[str, Any]) -> dict[str, Any]:
    """The ports that values name one by one; None for one that they take out."""
    found = value_at(release.values, item["port_map"])
    return {str(name): port if isinstance(port, dict) else None for name, port in mapping(found).items()}


def _with_mapped(release: Release, item: Mapping[str, Any], ports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ports of a container with those of the map, which may have numbers of their own."""
    if "port_map" not in item:
        return ports
    made = {str(port.get("name")): port for port in ports}
    for name, written in _mapped(release, item).items():
        number = None if written is None else written.get("containerPort") or written.get("port")
        if written is None:
            made.pop(name, None)
        elif isinstance(number, int):
            protocol = str(written.get("protocol") or "TCP")
            made[name] = {"name": name, "containerPort": number, "protocol": protocol}
        elif number is not None:
            raise NotKnownError(f"the port {number!r}")
    return list(made.values())


def _are_numbered(release: Release, item: Mapping[str, Any]) -> bool:
    """Whether the numbers of all ports of a Service are known: the chart's own values may have that of a hidden one."""
    listed = [{"name": name, "port": number} for name, number, *_target in item["ports"]]
    return "port_map" not in item or all(isinstance(port["port"], int) for port in _shown(release, item, listed))


def _shown(release: Release, item: Mapping[str, Any], ports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ports of a Service with those of the map that it shows: `expose` is a switch, or has one for each Service."""
    if "port_map" not in item:
        return ports
    made = {str(port.get("name")): port for port in ports}
    for name, written in _mapped(release, item).items():
        expose = None if written is None else written.get("expose")
        shows = mapping(expose).get("default") if isinstance(expose, dict) else expose
        own = (written or {}).get("protocol") in (None, "TCP")  # Those of UDP are in a Service of their own.
        if written is None or not own or shows is False or (name not in made and shows is not True):
            made.pop(name, None)
            continue
        known = made.get(name, {})
        number = written.get("exposedPort") or known.get("port") or written.get("port")
        protocol, target = str(written.get("protocol") or "TCP"), written.get("targetPort") or name
        made[name] = {"name": name, "port": number, "targetPort": target, "protocol": protocol}
    return list(made.values())


def _service(release: Release, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    written = next((found for path in _paths(item, "type") if (found := value_at(release.values, path))), None)
    ports = []
    for name, number, target, *protocol in item["ports"]:
        target = _filled(target, names, release) if isinstance(target, str) else target
        port = {"port": number, "targetPort": target, "protocol": protocol[0] if protocol else "TCP"}
        ports.append({"name": name, **port} if name else port)
    ports = _shown(release, item, ports)
    if "servers" in item:
        ports = service_ports(value_at(release.values, item["servers"])) or ports
    address = value_at(release.values, item["headless"]) or "None" if "headless" in item else ""
    address = address or ("address" in item and value_at(release.values, item["address"])) or ""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _filled(item["name"], names, release), "namespace": release.namespace},
        "spec": {
            "type": written
            if isinstance(written, str) and written in _SERVICE_TYPES
            else item.get("default_type", "ClusterIP"),
            "selector": _labels(release, item, names, "selector"),
            "ports": ports,
            **({"clusterIP": address} if address else {}),
        },
    }
