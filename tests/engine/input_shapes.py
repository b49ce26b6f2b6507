"""What a run reads beside manifests: snapshots, Hubble exports and cases of `verdict`, to be misshapen."""

from __future__ import annotations

from typing import Any

SNAPSHOT: dict[str, Any] = {
    "cnpfix_inventory": 1,
    "created": "2026-01-31T12:00:00Z",
    "clusters": [
        {
            "name": "a",
            "version": "1.18",
            "pod_cidrs": ["10.1.0.0/16"],
            "node_cidrs": ["172.16.0.0/24"],
            "service_cidrs": ["10.96.0.0/12"],
            "default_local_cluster": False,
            "enforcement": "default",
            "identity_labels": ["!a"],
            "namespaces": [{"name": "shop", "labels": {"team": "retail"}}],
            "workloads": [
                {
                    "kind": "Deployment",
                    "name": "web",
                    "namespace": "shop",
                    "labels": {"app": "a"},
                    "service_account": "default",
                    "ports": [{"name": "http", "number": 80, "protocol": "TCP"}],
                }
            ],
            "services": [
                {
                    "name": "web",
                    "namespace": "shop",
                    "selector": {"app": "a"},
                    "cluster_ips": ["10.96.0.7"],
                    "ports": [{"name": "http", "port": 80, "protocol": "TCP", "target": "http"}],
                }
            ],
            "endpoint_slices": [
                {
                    "name": "web-1",
                    "namespace": "shop",
                    "service": "web",
                    "addresses": ["10.1.2.3"],
                    "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
                }
            ],
            "nodes": [
                {"name": "n1", "labels": {"zone": "a"}, "addresses": ["172.16.0.1"], "pod_cidrs": ["10.1.2.0/24"]}
            ],
            "cidr_groups": [{"name": "g", "cidrs": ["10.0.0.0/8"]}],
            "identities": [{"id": 4711, "labels": ["k8s:app=a"], "endpoints": 3}],
            "policies": [
                {
                    "apiVersion": "cilium.io/v2",
                    "kind": "CiliumNetworkPolicy",
                    "metadata": {"name": "web", "namespace": "shop"},
                    "spec": {"endpointSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]},
                    "rejected": "because",
                }
            ],
            "incomplete": {"nodes": "nodes: not allowed"},
        },
        {"name": "b", "workloads": [{"kind": "Pod", "name": "w", "namespace": "shop", "labels": {"app": "a"}}]},
    ],
}
_ENDPOINT: dict[str, Any] = {
    "ID": 17,
    "identity": 4711,
    "cluster_name": "a",
    "namespace": "shop",
    "labels": ["k8s:app=a", "k8s:io.kubernetes.pod.namespace=shop", "k8s:io.cilium.k8s.policy.cluster=a"],
    "pod_name": "web-6d4cf56db6-x7k2p",
    "workloads": [{"name": "web", "kind": "Deployment"}],
}
FLOW: dict[str, Any] = {
    "flow": {
        "time": "2026-01-31T12:00:00.123456789Z",
        "verdict": "DROPPED",
        "drop_reason": 133,
        "drop_reason_desc": "POLICY_DENIED",
        "IP": {"source": "10.1.2.3", "destination": "10.1.2.4", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 38160, "destination_port": 80, "flags": {"SYN": True}}},
        "source": _ENDPOINT,
        "destination": _ENDPOINT,
        "Type": "L3_L4",
        "node_name": "a/n1",
        "is_reply": False,
        "l7": {"dns": {"query": "example.com.", "rcode": 5}},
        "traffic_direction": "INGRESS",
        "ingress_allowed_by": [{"name": "web", "namespace": "shop", "kind": "CiliumNetworkPolicy"}],
        "egress_allowed_by": [{"name": "web", "namespace": "shop", "labels": ["k8s:a=b"]}],
    },
    "node_name": "a/n1",
    "time": "2026-01-31T12:00:00.123456789Z",
}
CASE: dict[str, Any] = {
    "id": "c1",
    "localCluster": "a",
    "policyDefaultLocalCluster": True,
    "namedPorts": {"http": 80},
    "identities": [
        {"name": "host", "labels": ["reserved:host"]},
        {"name": "a/shop/web", "labels": ["k8s:io.kubernetes.pod.namespace=shop", "k8s:app=a"]},
    ],
    "policies": [
        {
            "manifest": {
                "apiVersion": "cilium.io/v2",
                "kind": "CiliumNetworkPolicy",
                "metadata": {"name": "a", "namespace": "shop"},
                "spec": {"endpointSelector": {}, "ingress": [{"fromEntities": ["host"]}]},
            }
        }
    ],
    "flows": [["host", "a/shop/web", "tcp", 80, "allowed", "allowed"]],
}
