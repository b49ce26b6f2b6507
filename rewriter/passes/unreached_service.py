"""## What it does

Finds what pods evidently use and no policy lets them reach: Services, the API server, hosts of the cluster's own
Gateways, names outside of it that are in none of the `toFQDNs` by which alone they reach what is there, for Hubble's
relay the agents on the nodes, and for a database of CloudNativePG the object store that keeps its backups. On the other
side it finds pods whose policies shut out those who use them: the clients of their Service, the proxies of an Ingress
or a Gateway, and for a database of CloudNativePG or Dragonfly its operator and its other instances.

## Why it matters

Pods in egress default deny reach what a rule names and nothing else. A `DATABASE_URL` that names the Service of a
database is worth nothing as long as no rule lets the pods out to the pods behind it, on the port on which these
listen: the connection times out, and nothing in the policy looks wrong.

## Example

```yaml
env:
- name: DATABASE_URL
  value: postgres://pg.data.svc.cluster.local:5432/shop
```

```diff
   egress:
   - toEndpoints:
     - matchLabels: {app: cache}
+  - toEndpoints:
+    - matchLabels:
+        k8s:io.kubernetes.pod.namespace: data
+        app: pg
+    toPorts:
+    - ports:
+      - port: "5432"
+        protocol: TCP
```

## Fix safety

The settings of the containers are the evidence: arguments, environment and ConfigMaps that hold a URL, a name with a
port, or the name of a Service with its namespace (`pg.data.svc`), and a single word where the setting is for a host
(`DB_HOST`). A setting that holds a program's own address does not count. Services that CloudNativePG, Dragonfly's and
Prometheus' operator make for their resources are known by their names (`pg-rw`). Of charts that are known without
rendering, values that end up in a program's configuration count (data sources of Grafana, authentik's database), and
so do addresses in a SecretStore, a BackupStorageLocation, a Provider of Flux, and the resources of Prometheus and
VictoriaMetrics, for the pods that read them. The controllers of Flux name the source-controller, from which they fetch
everything, in no setting, and use it all the same. The Service and its pods have to be known. The rule is added behind
the last one of the policy that is most the workload's own, and is unsafe: a program may not use all that its settings
name. Pods that do not let such a client in get a rule for it where they are alone in their policy and one label means
the client.

The pods of a database are known from its resource, which says how many there are: with several, they copy from each
other. Some releases of Dragonfly's operator make a NetworkPolicy for each, which no manifest shows: only with
`networkPolicyEnabled: false` is anything reported of clients and pods of a Dragonfly that are not let in.

A name outside is added to `toFQDNs`, unsafe too. Only arguments, the environment and what Flux's source-controller
fetches count for those, and only where no rule of the pods has addresses outside, or `world`. The `endpointURL` of a
Cluster of CloudNativePG, or of the ObjectStore that it names, counts as a setting of its instances, and also where no
rule of theirs has names at all: that is manual. So is a host of the cluster's own Gateway (one of Cilium, or with its
pods known) that has an address: a rule for `world` does not reach it, and what does depends on the Gateway.

Pods talk to the API server where a binding gives rights to a ServiceAccount of their own, whose token they mount, and
the role is none by which pods run (PodSecurityPolicies, SCCs) or have their token judged (`system:auth-delegator`).
For routes the evidence is the route, the Service behind it and the proxies: pods that Envoy Gateway or Istio make, or
the one ingress-nginx or Traefik of the cluster. Each rule is unsafe.

All policies of the pods count. Nothing is reported as long as

- a policy of them could not be read, or one that may select them lets them through, or may mean the other side by
  labels that are not known,
- no rule lets them reach anything: then it is meant that they reach nothing,
- a rule of theirs lets them out to other pods on the same port (`service-port`, `missing-namespace` and others speak of
  those),
- the policy that shuts a client out is clusterwide, or lets it into the tunnel of Istio's ambient mode,
- an explicit deny rule stops the traffic, or the other side lets them in by name (`one-sided`),
- the pods that use something have `replicas: 0`, and no autoscaler or Rollout of the tree names their workload,
- a pod behind the Service runs on the host network, or it has no selector.

## References

- Cilium documentation, "Policy Enforcement Modes" and "Layer 3 Policies"
- Kubernetes documentation, "DNS for Services and Pods"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.policy import EGRESS, KNP, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.backends import Backends, UndecidedError, service_backends
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, identity_of, reach_of, workloads_of_spec
from rewriter.evidence.running import has_no_pods
from rewriter.evidence.unknown_labels import may_be_meant
from rewriter.evidence.used_services import UsedService, used_services
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import Change, rule_added
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.names.own_hosts import unreached_names
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.sides.api_server_needs import without_api_server
from rewriter.passes.kit.sides.meant_already import names_neighbours, names_port
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import gaps_of
from rewriter.passes.kit.sides.parted_replicas import parted_replicas
from rewriter.passes.kit.sides.shut_clients import shut_clients
from rewriter.passes.kit.sides.shut_operators import shut_operators
from rewriter.passes.kit.sides.shut_routes import shut_routes
from rewriter.passes.kit.sides.unreached_agents import unreached_agents
from rewriter.text import join_names


@antipattern(
    code="CNP035",
    id="unreached-service",
    title="a Service that pods use, and no policy lets them reach",
    kinds=EVERY_KIND,
    after=("one-sided", "dns-refused"),
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    if not (context.namespace_known or context.policy.clusterwide):
        return
    for spec in context.policy.specs:
        yield from shut_routes(context, spec)
        yield from shut_clients(context, spec)
        yield from shut_operators(context, spec)
        yield from parted_replicas(context, spec)
        yield from without_api_server(context, spec)
        yield from unreached_agents(context, spec)
        if not any(rule.direction == EGRESS and not rule.deny and rule.members for rule in spec.rules):
            continue
        reaches = reach_of(context, spec) if workloads_of_spec(context, spec) else ()
        for reach in reaches:
            workload = reach.workload
            if workload is None or has_no_pods(context, workload) or not stands_here(context, spec, reach, EGRESS):
                continue
            alone = len(reaches) == 1
            for used in used_services(context, workload):
                yield from _unreached(context, spec, reach, workload, used, alone=alone)
            yield from unreached_names(context, spec, reach, workload, alone=alone)


def _unreached(
    context: Context, spec: Spec, reach: Reach, workload: Workload, used: UsedService, *, alone: bool
) -> Iterator[Finding]:
    try:
        backends = service_backends(context, used.service)
    except UndecidedError:
        return
    if not backends.pods or any(pod.host_network for pod in backends.pods):
        return
    ports = list(dict.fromkeys(n for port in used.ports for n in _numbers(port.target, backends.pods)))
    named = [*ports, *(port.port for port in used.ports)]
    if not ports or names_port(reach, named) or not _is_shut(context, reach, backends.pods, ports):
        return
    if not used.written and names_neighbours(reach, workload):
        return
    if any(other in gap.others for gap in gaps_of(context, workload, EGRESS) for other in backends.pods):
        return  # CNP027 reports what the other side lets in.
    change = _change(context, spec, backends, ports) if len(ports) == 1 else None
    yield report(
        context,
        route_of(spec, EGRESS),
        Applicability.UNSAFE if change and alone else Applicability.MANUAL,
        f"{workload} uses {used.service} on {join_names(port.port for port in used.ports)}, and no policy lets it out "
        f"to the pods behind it",
        "its pods are denied by default, so that every connection to the Service is dropped",
        change=change,
        rests_on=(workload, used.service, *backends.pods),
        evidence=(used.where, f"{used.service}, {used.service.source}", *workloads_evidence(backends.pods)),
        advice="" if change and alone else f"add a rule for {workload} that lets it out there, if it needs the Service",
        at_key=True,
    )


def _numbers(target: int | str, pods: Sequence[Workload]) -> Iterator[int]:
    if isinstance(target, int):
        yield target
        return
    yield from dict.fromkeys(port.number for pod in pods for port in pod.ports if port.name == target)


def _is_shut(context: Context, reach: Reach, pods: Sequence[Workload], ports: Sequence[int]) -> bool:
    """Whether default deny stops every way to the pods for certain."""
    answers = [reach.verdict(EGRESS, identity_of(context, pod), "TCP", port) for pod in pods for port in ports]
    return not any(may_be_meant(context, reach, EGRESS, pod) for pod in pods) and all(
        not answer.allowed and answer.certain and answer.reason == DEFAULT_DENY and not answer.depends_on
        for answer in answers
    )


def _change(context: Context, spec: Spec, backends: Backends, ports: Sequence[int]) -> Change | None:
    rules = [rule for rule in spec.rules if rule.direction == EGRESS and not rule.deny and rule.members]
    if not rules or backends.field != "toEndpoints" or len(backends.entries) != 1:
        return None
    words = f"the pods behind {backends.name}"
    if context.policy.kind != KNP:
        items = [{"ports": [{"port": str(number), "protocol": "TCP"} for number in ports]}]
        return rule_added(
            context,
            spec,
            rules[-1],
            {"toEndpoints": list(backends.entries)},
            words,
            toPorts=items,
            icmps=None,
            authentication=None,
        )
    labels = dict(backends.entries[0]["matchLabels"])
    homes = [key for key in labels if key.endswith("io.kubernetes.pod.namespace")]
    home = labels.pop(homes[0]) if homes else context.policy.namespace
    peer: Form = {"podSelector": {"matchLabels": labels}}
    if home != context.policy.namespace:
        peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": home}}, **peer}
    written = [{"protocol": "TCP", "port": number} for number in ports]
    return rule_added(context, spec, rules[-1], {"to": [peer]}, words, ports=written)
