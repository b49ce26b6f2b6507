"""Objects as the API server gives them, secrets and noise included."""

from __future__ import annotations

from typing import Any

SECRET = "do-not-keep-me"


def config(name: str, **more: str) -> dict[str, str]:
    return {
        "cluster-name": name,
        "cluster-id": "1",
        "ipam": "cluster-pool",
        "cluster-pool-ipv4-cidr": "10.1.0.0/16",
        "enable-ipv6": "false",
        "etcd-config": SECRET,
        **{key.replace("_", "-"): value for key, value in more.items()},
    }


def metadata(name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    found = {
        "name": name,
        "uid": f"uid-{name}",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET, "password": SECRET},
        "managedFields": [{"manager": SECRET}],
    }
    return {**found, **({"namespace": namespace} if namespace else {}), **more}


def pod(
    name: str,
    namespace: str,
    labels: dict[str, str],
    owner: tuple[str, str] | None = None,
    image: str = "registry.example/app:1",
    container: str = "app",
) -> dict[str, Any]:
    owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    return {
        "metadata": metadata(name, namespace, labels=labels, ownerReferences=owners),
        "spec": {
            "serviceAccountName": "runner",
            "containers": [
                {
                    "name": container,
                    "image": image,
                    "env": [{"name": "PASSWORD", "value": SECRET}],
                    "args": [SECRET],
                    "ports": [{"name": "http", "containerPort": 8080}],
                }
            ],
            "volumes": [{"name": "v", "secret": {"secretName": SECRET}}],
        },
        "status": {"podIP": "10.1.0.9", "phase": "Running"},
    }


def deployment_pod(name: str, namespace: str, number: int, revision: str = "abc12") -> dict[str, Any]:
    labels = {"app": name, "pod-template-hash": revision}
    return pod(f"{name}-{revision}-{number}", namespace, labels, ("ReplicaSet", f"{name}-{revision}"))


def agent_pod(node: int, version: str) -> dict[str, Any]:
    image = f"quay.io/cilium/cilium:v{version}@sha256:0a1b"
    return pod(f"cilium-{node}", "kube-system", {"k8s-app": "cilium"}, ("DaemonSet", "cilium"), image, "cilium-agent")


def service(name: str, namespace: str, **annotations: str) -> dict[str, Any]:
    value = {
        "metadata": metadata(name, namespace, labels={"app": name}),
        "spec": {
            "selector": {"app": name},
            "clusterIPs": ["10.96.0.7"],
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
        },
    }
    value["metadata"]["annotations"] |= annotations
    return value


def endpoint_slice(service_name: str, namespace: str, *addresses: str) -> dict[str, Any]:
    return {
        "metadata": metadata(f"{service_name}-x1", namespace, labels={"kubernetes.io/service-name": service_name}),
        "endpoints": [{"addresses": [address]} for address in addresses],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def policy(name: str, namespace: str, spec: dict[str, Any], rejected: str = "") -> dict[str, Any]:
    value: dict[str, Any] = {"metadata": metadata(name, namespace), "spec": spec}
    if rejected:
        value["status"] = {"conditions": [{"type": "Valid", "status": "False", "message": rejected}]}
    return value
