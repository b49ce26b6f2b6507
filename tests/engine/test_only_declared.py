"""Promise 1 by brute force: whatever a run changes, flow by flow, a finding of it declares and states.

Random policies (those of the recorded cases, spoiled at random), random facts, settings, suppressions and baselines,
as documents and as a List. Every flow between the identities of a case, one by one and through the verdict engine
alone: as it is today, as the upgrade leaves it, and as the rewrite leaves it, all policies together. With
CNPFIX_FUZZ=1 for long.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.cilium.cases import identity_of
from rewriter.cilium.identity import Identity
from rewriter.cilium.policy import Policy, is_policy, read_policy
from rewriter.cilium.policy_set import compile_policies, match_entries
from rewriter.cilium.universe import Universe
from rewriter.cilium.verdict import Engine, mesh_named_ports
from rewriter.cilium.version import SUPPORTED, Version
from rewriter.config.model import (
    ClusterEntityOptions,
    Config,
    ImplicitClusterOptions,
    InternalCidrOptions,
    PathRule,
)
from rewriter.discovery import FoundFile
from rewriter.engine.effects.settings import compared_settings
from rewriter.engine.pipeline import steps as engine_steps
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.engine.results.baseline import Baseline, known_key
from rewriter.engine.results.result import FileResult, Reported
from rewriter.engine.run.fixer import Fixer
from rewriter.engine.run.run_options import Options
from rewriter.evidence.mesh import mesh_known
from rewriter.evidence.settings import facts_of
from rewriter.finding import Applicability
from rewriter.inventory.facts.model import Cluster
from rewriter.passes import PASSES
from rewriter.reach.world import CompiledClaims
from tests.cilium.vectors import verdict_cases
from tests.passes.support import Facts, cluster, service, workload

QUICK = 120
SEEDS = 10_000 if os.environ.get("CNPFIX_FUZZ") else QUICK
PORTS = ((80, "TCP"), (8080, "TCP"), (443, "TCP"), (53, "UDP"), (9999, "TCP"))
PASS_NAMES = sorted(each.id for each in PASSES)
OUTSIDE = ("198.51.100.7/32", "10.1.2.3/32", "203.0.113.9/32", "2001:db8::1/128")


@dataclass(frozen=True)
class World:
    """All that a run is about; `text` is the file with the manifests."""

    manifests: list[dict[str, Any]]
    text: str
    identities: list[Identity]
    inventory: Facts
    config: Config
    options: Options


def _rules(spec: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    names = ("ingress", "egress", "ingressDeny", "egressDeny")
    return [(name, rule) for name in names for rule in spec.get(name) or [] if isinstance(rule, dict)]


def _spoiled(manifest: dict[str, Any], dice: random.Random) -> None:
    """Writes one anti-pattern into a policy."""
    if manifest["kind"] == "NetworkPolicy":
        return
    spec = manifest.get("spec") or (manifest.get("specs") or [None])[0]
    if not isinstance(spec, dict):
        return
    rules = _rules(spec)
    name, rule = dice.choice(rules) if rules else ("ingress", {})
    to = "from" if name.startswith("in") else "to"
    kinds: dict[str, Any] = {
        f"{to}CIDR": [dice.choice(["198.51.100.7", "10.0.0.0/8", "10.1.0.0/16", "203.0.113.0/24"])],
        f"{to}CIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}],
        f"{to}Entities": [dice.choice(["cluster", "world", "host", "all"])],
        f"{to}Endpoints": [dice.choice([{}, {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "db"}}])],
        f"{to}Nodes": [{"matchLabels": {"role": "a"}}],
    }
    ports = [{"ports": [{"port": str(dice.choice([80, 8080, "http"])), "protocol": "TCP"}]}]
    requirement = {"matchLabels": {dice.choice(["app", "tier"]): dice.choice(["web", "db", "back"])}}
    match dice.randrange(14):
        case 0 | 1:  # mixed peers
            rule.update(dice.sample(sorted(kinds.items()), dice.choice([1, 2])))
        case 2:  # another peer
            for field in [field for field in rule if field.startswith(to) and field != "toPorts"]:
                del rule[field]
            rule.update([dice.choice(sorted(kinds.items()))])
        case 3:
            named = {"serviceName": dice.choice(["db-service", "web-service", "external"]), "namespace": "shop"}
            spec.setdefault("egress", []).append({"toServices": [{"k8sService": named}], "toPorts": ports})
        case 4:
            for each in ("ingress", "egress", "ingressDeny", "egressDeny"):
                spec.pop(each, None)
            spec["ingress"] = []
            manifest["metadata"]["name"] += "-deny"
        case 5:
            rule[f"{to}Requires"] = [requirement]
        case 6:
            spec.setdefault("egress", []).append({"toFQDNs": [{"matchPattern": "**.example.com"}]})
        case 7:
            for selector in rule.get(f"{to}Endpoints") or []:
                labels = selector.get("matchLabels")
                for key in [key for key in labels or {} if "namespace" in key or "cluster" in key]:
                    del labels[key]
        case 8:
            rule["authentication"] = {"mode": "required"}
        case 9 if not name.endswith("Deny"):
            rule["toPorts"] = [{**ports[0], "rules": {"kafka": [{"topic": "a"}]}}]
        case 10:
            spec["enableDefaultDeny"] = {dice.choice(["ingress", "egress"]): False}
        case 11 if rules and name in spec:
            spec.setdefault(name.removesuffix("Deny") + "Deny", []).append(copy.deepcopy(rule))
        case 12:
            rule[f"{to}Endpoints"] = []
        case 13:
            rule["toPorts"] = ports


def _world(dice: random.Random) -> World:
    case = dice.choice(verdict_cases())
    identities = [identity_of(item, ()) for item in dice.sample(case["identities"], min(16, len(case["identities"])))]
    outside = [identity_of({"name": cidr, "cidr": cidr}, ()) for cidr in OUTSIDE]
    known = {identity.name for identity in identities}
    identities += [each for each in outside if each.name not in known]
    manifests = copy.deepcopy(
        [item["manifest"] for item in dice.sample(case["policies"], min(3, len(case["policies"])))]
    )
    subject = next(
        (m["spec"].get("endpointSelector") for m in manifests if m["kind"] != "NetworkPolicy" and "spec" in m), None
    )
    for index, manifest in enumerate(manifests):
        manifest["metadata"]["name"] = f"p{index}"
        if subject is not None and dice.random() < 0.5 and "endpointSelector" in manifest.get("spec", {}):
            manifest["spec"]["endpointSelector"] = subject  # Several policies of the same pods.
        for _ in range(dice.choice([0, 1, 1, 2, 3])):
            _spoiled(manifest, dice)
    own = case["localCluster"]
    other = "cluster-b" if own != "cluster-b" else "cluster-a"
    more = {"default_local_cluster": dice.choice([None, None, True, False]), "cidr_match_nodes": dice.random() < 0.1}
    ranges = {"pod_cidrs": ("10.0.0.0/16",), "node_cidrs": dice.choice([None, ("10.1.0.0/16",)])}
    labels = dice.choice([None, None, True])
    clusters = [cluster(own, local=True, node_selector_labels=labels, **more, **ranges)]
    if dice.random() < 0.8:
        clusters.append(cluster(other, pod_cidrs=dice.choice([None, ("10.2.0.0/16",)])))
    workloads = [
        workload(f"w{n}", dict(_own(identity))["io.kubernetes.pod.namespace"], _pod(identity), _cluster(identity))
        for n, identity in enumerate(identities)
        if "io.kubernetes.pod.namespace" in dict(_own(identity))
    ]
    inside = [ip_network(cidr) for each in clusters for cidr in (*(each.pod_cidrs or ()), *(each.node_cidrs or ()))]
    identities = [each for each in identities if not _lies_in(each, inside)]
    services = [
        service("db-service", "shop", {"app": "db"}, [(80, 8080)], cluster=own),
        service("web-service", "shop", {"app": "web"}, [(80, 80)], cluster=own),
        service("external", "shop", None, [(80, 80)], cluster=own),
    ]
    scope = dice.choice(["auto", "any", "local", own])
    config = Config(
        root=Path(),
        clusters=tuple(clusters),
        internal_cidrs=dice.choice([(), ("10.0.0.0/8",)]),
        cluster_entity=ClusterEntityOptions(dice.choice([None, "all", (other,)]), dice.choice(["extend", "replace"])),
        implicit_cluster=ImplicitClusterOptions(scope if scope in ("auto", "any", "local") else (own,)),
        internal_cidr=InternalCidrOptions(dice.choice([None, "cluster", "pods"])),
        per_path=_path_rules(dice),
        applicability={each: dice.choice(list(Applicability)) for each in PASS_NAMES if dice.random() < 0.15},
    )
    source, target = sorted(dice.choices(SUPPORTED, k=2))
    select = frozenset(dice.sample(PASS_NAMES, 1)) if dice.random() < 0.15 else None
    ignore = frozenset(dice.sample(PASS_NAMES, dice.choice([0, 0, 0, 1, 2])))
    options = Options(source, target, unsafe_fixes=dice.random() < 0.7, select=select, ignore=ignore)
    facts = Facts(clusters, workloads if dice.random() < 0.7 else (), services)
    world = World(manifests, _text(manifests, dice), identities, facts, config, options)
    return _with_baseline(world, dice) if dice.random() < 0.1 else world


def _path_rules(dice: random.Random) -> tuple[PathRule, ...]:
    """What the config may say of the file, or of another."""
    paths = (dice.choice(["**", "policies.yaml", "other.yaml"]),)
    ignore, select = (tuple(dice.sample(PASS_NAMES, count)) for count in (2, len(PASS_NAMES) - 3))
    return dice.choice([(), (), (), (PathRule(paths, ignore=ignore),), (PathRule(paths, select=select),)])


def _text(manifests: list[dict[str, Any]], dice: random.Random) -> str:
    """A file with the manifests, as documents or as items of a List, and perhaps with suppressions."""
    written: list[Any] = [{"apiVersion": "v1", "kind": "List", "items": manifests}]
    text = yaml.safe_dump_all(manifests if dice.random() < 0.75 else written, sort_keys=False, width=1000)
    lines = text.splitlines()
    for _ in range(dice.choice([0, 0, 0, 1, 2, 4])):
        names = dice.choice(["", f"[{', '.join(dice.sample(PASS_NAMES, 2))}]", f"[{dice.choice(PASS_NAMES)}]"])
        index = dice.randrange(len(lines))
        line = lines[index]
        indent = line[: len(line) - len(line.lstrip())]
        if line.startswith("---"):
            continue
        comment = f"# cnpfix: ignore{names}"
        lines[index] = dice.choice([f"{line}  {comment}", f"{indent}{comment}\n{line}"])
    return "\n".join(lines) + "\n"


def _with_baseline(world: World, dice: random.Random) -> World:
    """The same, with some of its findings known already."""
    found = [item for item in _run(world).findings if dice.random() < 0.4]
    counts = Counter(known_key(item.finding, item.location, Path.cwd()) for item in found)
    return replace(world, options=replace(world.options, baseline=Baseline(Path.cwd(), counts)))


def _lies_in(identity: Identity, ranges: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is one of the mesh, which no identity outside of it ever has."""
    if identity.prefix is None:
        return False
    address = ip_network(str(identity.prefix))
    return any(each.version == address.version and each.overlaps(address) for each in ranges)


def _own(identity: Identity) -> Iterator[tuple[str, str]]:
    return ((label.key, label.value) for label in identity.labels if label.source == "k8s")


def _pod(identity: Identity) -> dict[str, str]:
    return {key: value for key, value in _own(identity) if not key.startswith(("io.kubernetes.", "io.cilium."))}


def _cluster(identity: Identity) -> str | None:
    return dict(_own(identity)).get("io.cilium.k8s.policy.cluster")


@dataclass(frozen=True)
class Rewritten:
    """The policies before and after a run, what was fixed, and what the findings of the steps declare.

    `refused` says that a proof failed, and the document was left as it was.
    """

    old: list[Policy]
    new: list[Policy]
    fixed: list[Reported]
    declared: list[CompiledClaims]
    refused: bool


def _rewrite(world: World) -> Rewritten:
    """The run, with what its steps declare."""
    declared: list[CompiledClaims] = []
    judged = engine_steps.judge_finding

    def recorded(reported: Reported, before: Policy, after: Policy, rules: FileHooks) -> Any:
        result = judged(reported, before, after, rules)
        if reported.finding.fix is not None and rules.allowed(reported.finding) and result[2] is not None:
            declared.append(result[2])
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_steps, "judge_finding", recorded)
        result = _run(world)
    new = [
        _read(manifest)
        for document in yaml.safe_load_all(result.after)
        for manifest in (document["items"] if document["kind"] == "List" else [document])
        if is_policy(manifest)
    ]
    old = [_read(manifest) for manifest in world.manifests]
    return Rewritten(old, new, [item for item in result.findings if item.fixed], declared, bool(result.errors))


def _run(world: World) -> FileResult:
    """All policies in one file: documents, or items of one List."""
    policies = [_read(manifest) for manifest in world.manifests]
    fixer = Fixer(
        world.config,
        world.options,
        world.inventory,
        lambda path, manifest: read_policy(manifest).namespace,
        lambda path: policies,
    )
    return fixer.fix_file(FoundFile("policies.yaml"), world.text.encode())


def _read(manifest: dict[str, Any]) -> Policy:
    return read_policy(json.loads(json.dumps(manifest)))


def _engine(world: World, policies: Sequence[Policy], version: Version) -> Engine:
    own: Cluster = world.inventory.clusters[0]
    settings = compared_settings(own, version, mesh=mesh_known(world.inventory, world.config))
    facts = facts_of(world.inventory.all_services(), (), world.inventory)
    namespaces = [policy.namespace for policy in policies]
    compiled = compile_policies([policy.raw for policy in policies], settings, facts, namespaces=namespaces)
    return Engine(compiled, world.identities)


def _subjects(world: World) -> list[str]:
    """Those that the agents of the policies' cluster judge."""
    own = world.inventory.clusters[0].name
    return [i.name for i in world.identities if _cluster(i) == own or i.name in ("host", "init", "health", "ingress")]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_changes_is_declared_and_stated(seed: int) -> None:
    dice = random.Random(seed)
    world = _world(dice)
    run = _rewrite(world)
    # Of ten thousand, some forty strange ones are: nothing is written there, and the finding says why.
    assert not run.refused or seed >= QUICK
    if not run.fixed:
        return
    before, upgraded, fixed, early = (
        _engine(world, policies, version)
        for policies, version in (
            (run.old, world.options.from_version),
            (run.old, world.options.to_version),
            (run.new, world.options.to_version),
            (run.new, world.options.from_version),
        )
    )
    declared = _Declared(run.declared, fixed.universe)
    problems = []
    for subject, peer, (port, protocol) in product(_subjects(world), (i.name for i in world.identities), PORTS):
        for direction in ("ingress", "egress"):
            ends = (peer, subject) if direction == "ingress" else (subject, peer)
            today, after, now, soon = (
                getattr(engine.verdict(*ends, protocol, port), direction).allowed
                for engine in (before, upgraded, fixed, early)
            )
            for verdict in {now, soon}:
                if verdict in (today, after):
                    continue
                if not declared(verdict, direction, subject, peer, (port, protocol)) or not _stated(
                    run.fixed, verdict, direction
                ):
                    verb = "opens" if verdict else "closes"
                    problems.append(f"{verb} {direction} {ends} {port}/{protocol}")
    assert not problems, (
        f"{len(problems)} flows, {problems[:3]}; "
        f"{[(r.finding.id, str(r.finding.applicability), r.finding.opens, r.flows.opened) for r in run.fixed]}"
    )


class _Declared:
    """Whether a finding declares that it opens or closes a flow."""

    def __init__(self, declarations: Sequence[CompiledClaims], universe: Universe) -> None:
        self._bits = {identity.name: 1 << index for index, identity in enumerate(universe.identities)}
        self._named = mesh_named_ports(universe.identities)
        self._entries = {
            opened: [
                entry
                for each in declarations
                for entry in match_entries(each.opens if opened else each.closes, universe)
            ]
            for opened in (True, False)
        }

    def __call__(self, opened: bool, direction: str, subject: str, peer: str, port: tuple[int, str]) -> bool:
        number, protocol = port
        return any(
            item.entry.direction == direction
            and item.subjects & self._bits[subject]
            and item.peers & self._bits[peer]
            and any(grant.match.covers(protocol, number, self._named) for grant in item.entry.ports)
            for item in self._entries[opened]
        )


def _stated(fixed: Sequence[Reported], opened: bool, direction: str) -> bool:
    """Whether a fix that is not safe states flows of a kind and direction."""
    unsafe = [item for item in fixed if item.finding.applicability is not Applicability.SAFE]
    stated = [text for item in unsafe for text in (item.flows.opened if opened else item.flows.closed)]
    return any(text.startswith(direction) for text in stated)
