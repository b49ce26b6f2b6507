"""Repositories to measure on, the same every time."""

from __future__ import annotations

from pathlib import Path

POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: allow-{number}
  namespace: team-{team}
  labels:
    app.kubernetes.io/part-of: shop
spec:
  # Only the frontends of the team may call it.
  endpointSelector:
    matchLabels:
      app: backend-{number}
  ingress:
    - fromEndpoints:
        - matchLabels:
            app: frontend-{number}
            k8s:io.kubernetes.pod.namespace: team-{team}
      toPorts:
        - ports:
            - port: "8080"   # the API
              protocol: TCP
  egress:
    - toEndpoints:
        - matchLabels:
            k8s:io.kubernetes.pod.namespace: kube-system
            k8s-app: kube-dns
      toPorts:
        - ports:
            - port: "53"
              protocol: ANY
    - toEntities: [{entity}]
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: frontend-{number}
  namespace: team-{team}
spec:
  replicas: 3
  selector:
    matchLabels:
      app: frontend-{number}
  template:
    metadata:
      labels:
        app: frontend-{number}
        tier: web
    spec:
      serviceAccountName: frontend
      containers:
        - name: web
          image: registry.example/frontend:1.{number}
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: BACKEND
              value: http://backend-{number}.team-{team}.svc
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
"""
SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: backend-{number}
  namespace: team-{team}
spec:
  selector:
    app: backend-{number}
  ports:
    - name: http
      port: 80
      targetPort: 8080
"""
CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-{number}
  namespace: team-{team}
data:
  LOG_LEVEL: info
  FEATURES: |
    checkout=on
    search=off
    number={number}
""" + "".join(f"  KEY_{index}: a value that stands here to give the file a usual size\n" for index in range(8))
KINDS = (DEPLOYMENT, SERVICE, CONFIG_MAP, DEPLOYMENT)

MESH = """
[[clusters]]
name = "cluster-a"
[[clusters]]
name = "cluster-b"
[passes.cluster-entity]
remote = "all"
"""


def policy(number: int, *, clean: bool = False) -> str:
    entity = "cluster" if number % 10 == 0 and not clean else "kube-apiserver"
    return POLICY.format(number=number, team=number % 40, entity=entity)


def write_tree(folder: Path, files: int, policies: int) -> None:
    """A tree of `files` manifests of which `policies` hold a policy, 100 to a folder."""
    every = files // policies
    for number in range(files):
        if number % 100 == 0:
            (folder / f"group-{number // 100}").mkdir(parents=True)
        is_policy = number % every == 0
        text = policy(number) if is_policy else KINDS[number % 4].format(number=number, team=number % 40)
        (folder / f"group-{number // 100}" / f"manifest-{number}.yaml").write_text(text)


def write_documents(path: Path, documents: int) -> None:
    """One file of many policies."""
    path.write_text("---\n".join(policy(number) for number in range(documents)))
