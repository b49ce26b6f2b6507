"""A repository with the shape of a real cluster, and all pairs of many pods: what `impact` has to do in one."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from tests.bench.shapes import CONFIG

#: Namespaces, Deployments and NetworkPolicies of a cluster as an OVN-Kubernetes maintainer published it
#: (npinaeva/k8s-netpol-scale): about one peer a policy, 40 % of them CIDRs, 4 % without one.
NAMESPACES, DEPLOYMENTS, POLICIES = 604, 1804, 13678
PODS, LABEL_SETS, RULES = 100_000, 5_000, 10_000

_NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {{name: ns{0}}}\n"
_DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: app{0}, namespace: ns{1}}}
spec:
  selector: {{matchLabels: {{app: app{0}}}}}
  template:
    metadata: {{labels: {{app: app{0}, tier: t{2}}}}}
    spec: {{containers: [{{name: main, image: example, ports: [{{containerPort: 8080}}]}}]}}
"""
_POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p{0}, namespace: ns{1}}}
spec:
  podSelector: {{matchLabels: {{app: app{2}}}}}
"""
_NOBODY = "  policyTypes: [Ingress]\n  ingress: []\n"
_OUTSIDE = """  policyTypes: [Egress]
  egress:
    - to:
        - ipBlock: {{cidr: 198.51.{0}.0/24}}
      ports: [{{port: 443, protocol: TCP}}]
"""
_PEER = """  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector: {{matchLabels: {{app: app{0}}}}}
          namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: ns{1}}}}}
      ports: [{{port: 8080, protocol: TCP}}]
"""


def write(folder: Path, scale: float) -> int:
    """The repository at a part of its size; the number of its policies comes out."""
    chance = random.Random(7)
    namespaces, deployments, policies = (int(size * scale) for size in (NAMESPACES, DEPLOYMENTS, POLICIES))
    folder.mkdir()
    (folder / "cnpfix.toml").write_text(CONFIG)
    for place in range(namespaces):
        objects = [_NAMESPACE.format(place)]
        objects += [_DEPLOYMENT.format(app, place, app % 3) for app in range(place, deployments, namespaces)]
        for number in range(place, policies, namespaces):
            subject = chance.choice(range(place, deployments, namespaces))
            peer, kind = chance.randrange(deployments), chance.random()
            rules = _PEER.format(peer, peer % namespaces)
            if kind < 0.44:
                rules = _NOBODY if kind < 0.04 else _OUTSIDE.format(peer % 256)
            objects.append(_POLICY.format(number, place, subject) + rules)
        (folder / f"ns{place}.yaml").write_text("---\n".join(objects))
    return policies


_ALL_PAIRS = """
import gc, random, resource, sys, time
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import CLUSTER_LABEL, K8S, NAMESPACE_LABEL, Label
from rewriter.cilium.policy import read_policy
from rewriter.cilium.settings import NO_FACTS, Settings
from rewriter.cilium.version import parse_version
from rewriter.engine.effects.worlds import world_of
from rewriter.reach.pairs import Member, compare_mesh

gc.set_threshold(200_000, 50, 50)
pods, sets, rules = map(int, sys.argv[1:])
chance = random.Random(7)
namespaces = sets // 10


def labels(number):
    pairs = {"app": f"app{number}", "tier": f"t{number % 3}", NAMESPACE_LABEL: f"ns{number % namespaces}"}
    pairs[CLUSTER_LABEL] = "b" if number % 2 else "a"
    return frozenset(Label(K8S, key, value) for key, value in pairs.items())


known = [labels(number) for number in range(sets)]
identities = [Identity(f"pod-{number}", known[number % sets]) for number in range(pods)]
policies = []
for number in range(rules):
    own, other = chance.randrange(0, sets, 2), chance.randrange(sets)
    peer = {"app": f"app{other}", f"k8s:{NAMESPACE_LABEL}": f"ns{other % namespaces}"}
    peer = {"tier": f"t{other % 3}"} if chance.random() < 0.1 else peer
    ways = ("ingress", "fromEndpoints") if chance.random() < 0.7 else ("egress", "toEndpoints")
    ports = [{"ports": [{"port": str(8000 + number % 20), "protocol": "TCP"}]}]
    spec = {
        "endpointSelector": {"matchLabels": {"app": f"app{own}"}},
        ways[0]: [{ways[1]: [{"matchLabels": peer}], "toPorts": ports}],
    }
    manifest = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": f"p{number}"}}
    policies.append(read_policy({**manifest, "spec": spec}, namespace=f"ns{own % namespaces}"))
start = time.process_time()
today = Settings(parse_version("1.18"), local_cluster="a")
later = Settings(parse_version("1.19"), local_cluster="a", default_local_cluster=True)
member = Member(*(world_of(policies, settings, NO_FACTS) for settings in (today, later)))
found = compare_mesh([member], identities)
assert found.pairs
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def all_pairs() -> tuple[float, float]:
    """Processor seconds and peak MiB of judging every pair of pods, before and after an upgrade."""
    command = [sys.executable, "-c", _ALL_PAIRS, str(PODS), str(LABEL_SETS), str(RULES)]
    seconds, memory = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    return float(seconds), float(memory)
