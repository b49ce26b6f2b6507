"""Policies that grow in one dimension: what a dry run of one costs at 1, 4 and 16 times a small size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

CONFIG = """
[[clusters]]
name = "cluster-a"
local = ["**"]
pod_cidrs = ["10.0.0.0/16"]
[[clusters]]
name = "cluster-b"
pod_cidrs = ["10.1.0.0/16"]
[passes.cluster-entity]
remote = "all"
[passes.implicit-cluster]
scope = "any"
"""
_HEAD = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  endpointSelector: {{matchLabels: {{app: web}}}}
"""
_ENTITY = "  ingress:\n  - fromEntities: [cluster]\n"
Files = dict[str, str]


def _policy(rules: str, name: str = "x", namespace: str = "shop") -> str:
    return _HEAD.format(name=name, namespace=namespace) + rules


def _rules(count: int) -> Files:
    rules = "".join(
        f'  - fromEndpoints: [{{matchLabels: {{a: b{n}}}}}]\n    toPorts: [{{ports: [{{port: "{1000 + n}"}}]}}]\n'
        for n in range(count)
    )
    return {"x.yaml": _policy(f"  ingress:\n{rules}")}


def _selectors(count: int) -> Files:
    return {
        "x.yaml": _policy(
            "  egress:\n  - toEndpoints:\n" + "".join(f"    - matchLabels: {{a: b{n}}}\n" for n in range(count))
        )
    }


def _names(count: int) -> Files:
    names = "".join(f'    - matchPattern: "**.a{n}.example.com"\n' for n in range(count))
    return {"x.yaml": _policy(f"  egress:\n  - toFQDNs:\n{names}")}


def _services(count: int) -> Files:
    rule = "  - toServices: [{k8sServiceSelector: {selector: {matchLabels: {a: b}}}}]\n"
    services = "---\n".join(
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: p{n}, namespace: shop, labels: {{a: b}}}}\n"
        f"spec: {{selector: {{app: a{n}}}, ports: [{{port: 80, targetPort: {1000 + n}}}]}}\n"
        for n in range(count)
    )
    return {"x.yaml": _policy(f'  egress:\n{rule}    toPorts: [{{ports: [{{port: "80"}}]}}]\n'), "w.yaml": services}


def _policies(count: int) -> Files:
    return {f"d{n % 50}/p{n}.yaml": _policy(_ENTITY, f"p{n}") for n in range(count)}


def _documents(count: int) -> Files:
    return {"x.yaml": "---\n".join(_policy(_ENTITY, f"p{n}", f"ns{n}") for n in range(count))}


def _workloads(count: int) -> Files:
    pods = "---\n".join(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}, namespace: ns{n % 50}, labels: {{app: a{n}}}}}\n"
        for n in range(count)
    )
    return {"x.yaml": _policy("  ingress:\n  - fromEndpoints: [{matchLabels: {app: b1}}]\n"), "w.yaml": pods}


def _unread(count: int) -> Files:
    """Files that may hold pods and cannot be read, and a selector that pods of another namespace meet."""
    agent = "kind: Pod\napiVersion: v1\nmetadata: {name: agent, namespace: other, labels: {app: agent}}\n"
    broken = {f"d{n % 50}/w{n}.yaml": "kind: HelmRelease\nspec: [\n" for n in range(count)}
    peer = "  ingress:\n  - fromEndpoints: [{matchLabels: {app: agent}}]\n"
    return {"x.yaml": _policy(peer), "w.yaml": agent, **broken}


#: A policy of which nothing is to be fixed.
ONE = {"x.yaml": _policy("  ingress:\n  - fromEntities: [world]\n")}
#: What grows, its small size, and the files of a size.
SHAPES: tuple[tuple[str, int, Callable[[int], Files]], ...] = (
    ("rules of one policy, each fixed", 25, _rules),
    ("selectors of one rule", 30, _selectors),
    ("names of toFQDNs", 60, _names),
    ("Services of one selector", 25, _services),
    ("policies to fix in one namespace", 50, _policies),
    ("documents to fix in one file", 50, _documents),
    ("workloads", 1250, _workloads),
    ("files that cannot be read", 200, _unread),
)


def write(folder: Path, files: Files) -> None:
    """The files with a config that knows a mesh of two clusters."""
    for name, text in {**files, "cnpfix.toml": CONFIG}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
