"""Flows as Hubble exports them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def pod(app: str, namespace: str, cluster: str = "cluster-a", **labels: str) -> dict[str, Any]:
    return {
        "ID": 17,
        "identity": 4711,
        "cluster_name": cluster,
        "namespace": namespace,
        "labels": sorted(
            [
                f"k8s:app={app}",
                f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={namespace}",
                f"k8s:io.cilium.k8s.policy.cluster={cluster}",
                "k8s:io.cilium.k8s.policy.serviceaccount=default",
                f"k8s:io.kubernetes.pod.namespace={namespace}",
                *(f"k8s:{key}={value}" for key, value in labels.items()),
            ]
        ),
        "pod_name": f"{app}-6d4cf56db6-x7k2p",
        "workloads": [{"name": app, "kind": "Deployment"}],
    }


WORLD = {"identity": 2, "labels": ["reserved:world"]}


def flow(
    source: dict[str, Any],
    destination: dict[str, Any],
    port: int = 80,
    verdict: str = "FORWARDED",
    direction: str = "INGRESS",
    addresses: tuple[str, str] = ("10.1.0.1", "10.1.0.2"),
    at: str = "2026-01-31T12:00:00.123456789Z",
    **more: Any,
) -> dict[str, Any]:
    """A message in the order and form of the exporter."""
    made = {
        "time": at,
        "uuid": "2848b6b6-59c0-4be2-8bdc-3a5861de4c68",
        "verdict": verdict,
        "IP": {"source": addresses[0], "destination": addresses[1], "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 38160, "destination_port": port, "flags": {"SYN": True}}},
        "source": source,
        "destination": destination,
        "Type": "L3_L4",
        "node_name": "cluster-a/n1",
        "traffic_direction": direction,
        **({"drop_reason_desc": "POLICY_DENIED", "drop_reason": 133} if verdict == "DROPPED" else {}),
        "Summary": "TCP Flags: SYN",
        **more,
    }
    return {"flow": made, "node_name": "cluster-a/n1", "time": at}


def line(message: Any) -> bytes:
    """As the exporter writes it: compact."""
    return json.dumps(message, separators=(",", ":")).encode()


def export(path: Path, *messages: Any) -> Path:
    path.write_bytes(b"".join((each if isinstance(each, bytes) else line(each)) + b"\n" for each in messages))
    return path
