"""Small repositories, built from Python, and whether flows pass in them as `cnpfix verdict` answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import yaml

from rewriter.engine.flow.verdict import judge, read_port
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.workspace import Request

Manifest = dict[str, Any]
#: Source, destination, port and protocol, release, and whether the flow passes.
Flow = tuple[str, str, str, str, bool]

WEB = {"matchLabels": {"app": "web"}}


class Case(NamedTuple):
    """A repository, file by file, and the flows that are asked of it."""

    title: str
    files: Mapping[str, str | Sequence[Manifest]]
    flows: Sequence[Flow]


def wrong(case: Case) -> list[object]:
    """The flows of a case that are answered otherwise than it says, each with the reasons of both directions."""
    with TemporaryDirectory() as folder, chdir(folder):
        for name, content in case.files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else text(content))
        return [answer for flow in case.flows if (answer := _wrong(flow)) is not None]


def _wrong(flow: Flow) -> object:
    source, destination, port, release, passes = flow
    workspace = open_workspace(Request(names=(".",), to_version=release), lambda _files: None)
    judged = judge(workspace, source, destination, *read_port(port))
    if judged.allowed == passes:
        return None
    return flow, [(each.name, each.reason, each.rules, each.rejected) for each in judged.directions]


def text(manifests: Iterable[Manifest]) -> str:
    return yaml.safe_dump_all(manifests, sort_keys=False)


def namespace(name: str, **labels: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def app(
    path: str, *ports: tuple[str, int, str], labels: Mapping[str, str] | None = None, host_network: bool = False
) -> Manifest:
    """A workload `namespace/name` with the label `app`; ports are name, number and protocol."""
    where, _, name = path.partition("/")
    container: Manifest = {"name": name, "image": "registry.example.com/app:1.4.2"}
    if ports:
        container["ports"] = [{"name": n, "containerPort": number, "protocol": p} for n, number, p in ports]
    pod: Manifest = {"containers": [container]}
    if host_network:
        pod["hostNetwork"] = True
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet" if host_network else "Deployment",
        "metadata": {"name": name, "namespace": where},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name, **(labels or {})}}, "spec": pod},
        },
    }


def service(path: str, *, selector: Mapping[str, str] | None = None, **spec: Any) -> Manifest:
    where, _, name = path.partition("/")
    spec = {"ports": [{"port": 80}], **spec, **({"selector": dict(selector)} if selector else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": where}, "spec": spec}


def cnp(where: str, spec: Manifest | None = None, *, specs: Sequence[Manifest] = ()) -> Manifest:
    rules = {**({"spec": spec} if spec is not None else {}), **({"specs": list(specs)} if specs else {})}
    metadata = {"name": "policy", "namespace": where}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, **rules}


def ccnp(spec: Manifest | None = None, *, specs: Sequence[Manifest] = ()) -> Manifest:
    made = cnp("", spec, specs=specs)
    return {**made, "kind": "CiliumClusterwideNetworkPolicy", "metadata": {"name": "policy"}}


def knp(where: str, spec: Manifest) -> Manifest:
    metadata = {"name": "policy", "namespace": where}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def ports(*entries: Mapping[str, Any]) -> list[Manifest]:
    return [{"ports": [dict(entry) for entry in entries]}]


def port(number: object, protocol: str | None = None, end: int | None = None) -> Manifest:
    protocols = {} if protocol is None else {"protocol": protocol}
    return {"port": str(number), **protocols, **({} if end is None else {"endPort": end})}


def helm(values: Mapping[str, Any], version: str = "1.19.4") -> Manifest:
    """A HelmRelease of Cilium."""
    chart = {"chart": "cilium", "version": version, "sourceRef": {"kind": "HelmRepository", "name": "cilium"}}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "cilium", "namespace": "kube-system"},
        "spec": {"interval": "1h", "chart": {"spec": chart}, "values": dict(values)},
    }


def config_map(options: Mapping[str, str]) -> Manifest:
    """The agents' ConfigMap."""
    metadata = {"name": "cilium-config", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(options)}
