"""Common charts as data: the pods and Services that they make by default, in `common.json`.

An entry cites the chart's version and the templates that it was read from, and words of the addresses that it is
published at (`from`): a chart of that name from elsewhere is another one. `compared` is the version that a test
renders and compares with the entry; the others are read in the chart's templates alone. `{release}`, `{namespace}`,
`{name}` and `{fullname}` are filled in as charts made by `helm create` do, `{path|default}` from the values. What an
entry says is
true of the releases near its version; it is not all that the chart may make, so a release that is read this way still
hides what else it makes.

A part is there where its `if` (a path of the values) is not false (`off`: only where it is true), its `unless` is not
true, and the value at the path of `when` (else its default) is in its list. `network` is the path of the value that
puts pods on the host network; `host` says that they are there, or the path of a value that is true by default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rewriter.inventory.charts.naming import NotKnownError, rendered
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import mapping, texts

_FIELD = re.compile(r"\{([A-Za-z][\w.-]*)(?:\|((?:[^{}]|\{\w+\})*))?\}")
#: Where charts take labels and annotations of pods from.
_POD_LABELS = ("podLabels", "global.podLabels", "commonLabels", "deployment.podLabels")
#: What the addresses of copies of charts hold.
_MIRROR = "charts-mirror"
#: Truncation of names by the charts.
_LONGEST = {"kube-prometheus-stack": 26}


@cache
def entries() -> Mapping[str, Mapping[str, Any]]:
    """The charts that are known, by name."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("common.json").read_text("utf-8"))
    return found


def knows(release: Release) -> bool:
    """Whether the data tells what a release's chart makes: by its name, and where it is published if that is known."""
    entry = entries().get(release.chart.name)
    url = (release.chart.url or "").lower()
    return entry is not None and (not url or _MIRROR in url or any(word in url for word in entry["from"]))


def cited(name: str) -> str:
    """The chart, with the version that its entry is compared with, or was only read from, in words."""
    entry = entries()[name]
    if "compared" in entry:
        return f"chart {name}, as its version {entry['compared']} makes it"
    return f"chart {name}, as the templates of its version {entry['version']} read"


def common_objects(release: Release) -> Iterator[dict[str, Any]]:
    """The manifests that a chart of the data makes. Raises NotKnownError where a name or label is not known."""
    entry = entries()[release.chart.name]
    names = _names(release, entry)
    for item in entry.get("workloads", ()):
        if _wanted(release, item):
            yield _workload(release, item, names)
    for item in () if _changes_service_ports(release.values) else entry.get("services", ()):
        if _wanted(release, item):
            yield _service(release, item, names)
    for item in entry.get("resources", ()):
        if _wanted(release, item):
            plain = "plain" in item and value_at(release.values, "cleanPrometheusOperatorObjectNames") is True
            name = _filled(item["plain"] if plain else item["name"], names, release)
            metadata = {"name": name, "namespace": release.namespace, "annotations": item.get("annotations", {})}
            made = {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}
            yield {**made, "spec": item.get("spec", {})}


def value_at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    value: Any = values
    for part in path.split("."):
        value = mapping(value).get(part)
    return value


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


def _names(release: Release, entry: Mapping[str, Any]) -> dict[str, str]:
    """The chart's name and the release's full name (`helm create`, templates/_helpers.tpl)."""
    override = value_at(release.values, "nameOverride")
    name = str(override or entry.get("name") or release.chart.name)
    full = value_at(release.values, "fullnameOverride")
    if not full:
        full = release.name if name in release.name else f"{release.name}-{name}"
    longest = _LONGEST.get(release.chart.name, 63)
    known = {"release": release.name, "namespace": release.namespace or "", "name": rendered(name, release)}
    return {**known, "fullname": rendered(str(full), release)[:longest].rstrip("-")}


def _wanted(release: Release, item: Mapping[str, Any]) -> bool:
    if "when" in item:
        path, default, wanted = item["when"]
        if (value_at(release.values, path) or default) not in wanted:
            return False
    if "unless" in item and value_at(release.values, item["unless"]):
        return False
    condition = item.get("if")
    written = value_at(release.values, condition) if condition else None
    return bool(written) if written is not None else not item.get("off")


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
            return rendered(written, release)
        return _filled(match[2] or "", names, release)

    return _FIELD.sub(value, text)


def _labels(item: Mapping[str, Any], names: Mapping[str, str], release: Release) -> dict[str, str]:
    return {key: _filled(value, names, release) for key, value in item.items()}


def _workload(release: Release, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    own = [texts(value_at(release.values, path)) for path in _POD_LABELS]
    labels = {key: rendered(value, release) for part in own for key, value in part.items()}
    labels |= _labels(item["labels"], names, release)
    name = _filled(item["name"], names, release)
    alone = len(entries()[release.chart.name]["workloads"]) == 1
    account = value_at(release.values, "serviceAccount.name") if alone else None
    spec = {
        "hostNetwork": _on_host(release, item),
        "serviceAccountName": account or _filled(item["account"], names, release),
        "containers": [{"name": name, "ports": [_port(port, release) for port in item["ports"]]}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": item["kind"],
        "metadata": {"name": name, "namespace": release.namespace, "labels": labels},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def _port(port: list[Any], release: Release) -> dict[str, Any]:
    """`[name, number]`, `[name, number, protocol]`, or `[name, path of the value, default]`."""
    if isinstance(port[1], str):
        written = value_at(release.values, port[1])
        if written is not None and not isinstance(written, int):
            raise NotKnownError(f"the port {written!r}")
        return {"name": port[0], "containerPort": written or port[2], "protocol": "TCP"}
    return {"name": port[0], "containerPort": port[1], "protocol": port[2] if len(port) > 2 else "TCP"}


def _service(release: Release, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    written = value_at(release.values, item["type"]) if "type" in item else None
    ports = [
        {"name": port[0], "port": port[1], "targetPort": port[2], "protocol": port[3] if len(port) > 3 else "TCP"}
        for port in item["ports"]
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _filled(item["name"], names, release), "namespace": release.namespace},
        "spec": {
            "type": written if isinstance(written, str) else item.get("default_type", "ClusterIP"),
            "selector": _labels(item["selector"], names, release),
            "ports": ports,
        },
    }
