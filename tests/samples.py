"""The smallest repository that needs a fix: a mesh of two clusters, and a policy whose entity covers one of them."""

from __future__ import annotations

MESH = """
[[clusters]]
name = "cluster-a"
local = ["**"]
[[clusters]]
name = "cluster-b"
[passes.cluster-entity]
remote = "all"
"""


def entity_policy(name: str = "api", namespace: str = "shop") -> str:
    """A policy that `cluster-entity` rewrites."""
    return f"""apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: {name}
  namespace: {namespace}
spec:
  endpointSelector: {{}}
  ingress:
    - fromEntities:
        - cluster   # all of us
"""


POLICY = entity_policy()
#: What is behind the policy once it is fixed.
ADDED = """\
    - fromEndpoints:
        - matchExpressions:
            - key: k8s:io.kubernetes.pod.namespace
              operator: Exists
            - key: io.cilium.k8s.policy.cluster
              operator: In
              values:
                - cluster-b
"""
