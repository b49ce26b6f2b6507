"""A Kubernetes API server that knows how to list: pages, continue tokens, a token of its own, and failures on order."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

TOKEN = "secret-token-of-the-test"
CONFIG = "/api/v1/namespaces/kube-system/configmaps/cilium-config"
PLURALS = {
    "namespaces": "/api/v1/namespaces",
    "nodes": "/api/v1/nodes",
    "pods": "/api/v1/pods",
    "services": "/api/v1/services",
    "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices",
    "networkpolicies": "/apis/networking.k8s.io/v1/networkpolicies",
}
OPTIONAL = {
    "servicecidrs": "/apis/networking.k8s.io/v1/servicecidrs",
    "ciliumnetworkpolicies": "/apis/cilium.io/v2/ciliumnetworkpolicies",
    "ciliumclusterwidenetworkpolicies": "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies",
    "clusternetworkpolicies": "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies",
    "ciliumnodes": "/apis/cilium.io/v2/ciliumnodes",
    "ciliumcidrgroups": "/apis/cilium.io/v2alpha1/ciliumcidrgroups",
    "ciliumidentities": "/apis/cilium.io/v2/ciliumidentities",
    "ciliumendpoints": "/apis/cilium.io/v2/ciliumendpoints",
}


@dataclass(frozen=True)
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    authorization: str


@dataclass
class Cluster:
    """What a server holds: its ConfigMap's data, objects by plural; optional resources without objects do not exist.

    `trouble(seen, number)` may answer instead: a status (with `Retry-After` in a pair), `"cut"` to break the
    connection in the middle of the body, `"hang"` to say nothing; `number` counts requests of the same path and query.
    """

    config: Mapping[str, str] | None
    objects: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    trouble: Callable[[Seen, int], Any] = lambda _seen, _number: None
    seen: list[Seen] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def count(self, plural: str) -> int:
        """How many requests asked for a resource."""
        return sum(seen.path.rsplit("/", 1)[1] == plural for seen in self.seen)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cluster: Cluster

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of the base class

    def log_message(self, *_arguments: Any) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        seen = Seen(self.command, parts.path, dict(parse_qsl(parts.query)), self.headers.get("Authorization", ""))
        cluster = self.cluster
        number = sum((one.path, one.query) == (seen.path, seen.query) for one in cluster.seen)
        cluster.seen.append(seen)
        trouble = cluster.trouble(seen, number)
        if trouble == "hang":
            cluster.released.wait(10)
            self.close_connection = True
            return
        body = self._value(seen)
        if isinstance(trouble, tuple):
            self._send(trouble[0], {}, headers={"Retry-After": str(trouble[1])})
        elif isinstance(trouble, int):
            self._send(trouble, {"kind": "Status", "message": f'User "{TOKEN}" is refused'})
        elif trouble == "cut" and body is not None:
            self._cut(json.dumps(body).encode())
        elif isinstance(trouble, bytes):
            self._raw(200, trouble, {})
        elif body is None:
            self._send(404, {"kind": "Status"})
        else:
            self._send(200, body)

    def _value(self, seen: Seen) -> dict[str, Any] | None:
        cluster = self.cluster
        if seen.path == CONFIG:
            return None if cluster.config is None else {"kind": "ConfigMap", "data": dict(cluster.config)}
        plural = seen.path.rsplit("/", 1)[1]
        known = {**PLURALS, **{name: path for name, path in OPTIONAL.items() if name in cluster.objects}}
        if known.get(plural) != seen.path:
            return None
        items = cluster.objects.get(plural, [])
        start, limit = int(seen.query.get("continue", "0")), int(seen.query["limit"])
        following = start + limit
        metadata = {"resourceVersion": "1"}
        if following < len(items):
            metadata |= {"continue": str(following), "remainingItemCount": str(len(items) - following)}
        return {"kind": "List", "metadata": metadata, "items": items[start:following] or None}

    def _send(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self._raw(status, json.dumps(value).encode(), headers or {})

    def _raw(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def _cut(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self.close_connection = True


@contextmanager
def serving(clusters: Mapping[str, Cluster], folder: Path) -> Iterator[Path]:
    """Serves clusters on the loopback by context name; gives the kubeconfig."""
    servers = []
    entries: dict[str, list[dict[str, Any]]] = {"clusters": [], "users": [], "contexts": []}
    try:
        for name, cluster in clusters.items():
            handler = type("Handler", (_Handler,), {"cluster": cluster})
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            servers.append(server)
            entries["clusters"].append(
                {"name": name, "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
            )
            entries["users"].append({"name": name, "user": {"token": TOKEN}})
            entries["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **entries}))
        yield kubeconfig
    finally:
        for cluster in clusters.values():
            cluster.released.set()
        for server in servers:
            server.shutdown()
            server.server_close()
