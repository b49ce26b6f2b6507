"""The text of a new `cnpfix.toml`: what is known, with its sources, and what is not, as comments to fill in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rewriter.cilium.label_syntax import is_label_value
from rewriter.cilium.version import DEFAULT_TO, SUPPORTED, Version, parse_version
from rewriter.config.table import is_release
from rewriter.engine.run.workspace import Workspace
from rewriter.inventory.clusters.cilium_installs import Install
from rewriter.inventory.facts.model import Cluster, Node
from rewriter.output.style import one_line


def render_config(workspace: Workspace, folder: Path) -> str:
    """The config for a folder as TOML; it reads back without error."""
    inventory = workspace.inventory
    # Facts are those of the whole repository; the config is for a folder of it.
    clusters = [cluster for cluster in inventory.clusters if _is_below(str(cluster.source), folder)]
    lines = [
        "# cnpfix: what `cnpfix init` found in this repository. Comments say where each value comes from;",
        "# correct what is wrong, and fill in what could not be detected.",
        "",
        *_versions(clusters),
        "",
        '# exclude = ["vendor/**"]',
        '# internal_cidrs = ["10.0.0.0/8"]    # ranges that hold nothing but this mesh',
    ]
    globs = inventory.local_globs(str(folder))
    folders = _own_folders(clusters, folder)
    for cluster in clusters:
        installs = [install for install in inventory.installs if install.settings.name == cluster.name]
        nodes = [node for node in inventory.nodes() if node.cluster == cluster.name]
        entry = ["[[clusters]]", *_cluster(cluster, installs, nodes, globs.get(cluster.name, []), folders)]
        if not is_label_value(cluster.name):
            entry = ["# Its name is no name of a cluster as it stands there:", *(f"# {line}" for line in entry)]
        lines += ["", *entry]
    if not clusters:
        lines += ["", *_proposed(folder)]
    remote = [cluster.name for cluster in clusters if cluster.meshed]
    if len(remote) > 1:
        lines += [
            "",
            "# [passes.cluster-entity]",
            '# remote = "all"    # the clusters that the entity `cluster` was meant to include, or a list of names',
        ]
    problems = [problem for problem in inventory.problems if _is_below(str(problem), folder)]
    if problems:
        lines += ["", "# Not known about how manifests reach clusters:"]
        lines += [f"#   {one_line(str(problem))}" for problem in problems[:_MOST_PROBLEMS]]
        if len(problems) > _MOST_PROBLEMS:
            lines.append(f"#   and {len(problems) - _MOST_PROBLEMS} more")
    return "\n".join(lines) + "\n"


_MOST_PROBLEMS = 8
_MOST_NODES = 4
_MOST_PROPOSED = 20
#: Folders that hold one folder for each cluster, in most repositories.
_PARENTS = ("clusters", "cluster", "kubernetes/clusters", "environments", "envs")
_EXAMPLE = (
    "# [[clusters]]",
    '# name = "cluster-a"',
    '# local = ["clusters/a/**"]',
    '# pod_cidrs = ["10.0.0.0/16"]',
)


def _is_below(source: str, folder: Path) -> bool:
    """Whether a text that begins with a `file:line` names a file below a folder."""
    return Path(source.partition(":")[0]).resolve().is_relative_to(folder.resolve())


def _own_folders(clusters: Sequence[Cluster], folder: Path) -> dict[str, str]:
    """For each of several clusters the outermost folder that holds its installation and that of no other."""
    there = {
        cluster.name: Path(cluster.source.path).resolve().relative_to(folder.resolve()).parts[:-1]
        for cluster in clusters
    }
    found = {}
    for name, parts in there.items():
        others = [other for other_name, other in there.items() if other_name != name]
        for depth in range(1, len(parts) + 1) if others else ():
            if all(other[:depth] != parts[:depth] for other in others):
                found[name] = "/".join(parts[:depth])
                break
    return found


def _proposed(folder: Path) -> Iterator[str]:
    """Entries to fill in: for the folders that are named as clusters are, else an example."""
    found = [
        path.relative_to(folder).as_posix()
        for parent in _PARENTS
        for path in sorted((folder / parent).glob("*"))
        if path.is_dir() and not path.name.startswith(".") and any(path.rglob("*.y*ml"))
    ]
    if not found:
        yield "# No installation of Cilium was found. A mesh has an entry for each of its clusters:"
        yield from _EXAMPLE
        return
    yield "# No installation of Cilium was found. These folders look like clusters; uncomment those that are,"
    yield "# and give each the name that it has in Cilium's `cluster.name`:"
    for number, path in enumerate(found[:_MOST_PROPOSED]):
        yield from ["#"] if number else []
        yield "# [[clusters]]"
        yield f"# name = {_text(path.rpartition('/')[2])}"
        yield f"# local = {_texts([f'{path}/**'])}"
    if len(found) > _MOST_PROPOSED:
        yield f"# and {len(found) - _MOST_PROPOSED} more folders"


_REPLACED = {True: "Cilium balances Services itself", False: "kube-proxy balances Services"}


def _versions(clusters: Sequence[Cluster]) -> Iterator[str]:
    known: list[tuple[Version, Cluster]] = []
    for cluster in clusters:
        try:
            known.append((parse_version(cluster.version or ""), cluster))
        except ValueError:
            continue
    if not known:
        yield '# from = "1.18"    # the Cilium that runs today; the tree holds no installation of it'
        yield f'to = "{DEFAULT_TO}"'
        return
    oldest, cluster = min(known, key=lambda item: item[0])
    following = next((version for version in SUPPORTED if version > oldest), oldest)
    yield f'from = "{oldest}"    # {one_line(f"{cluster.name} runs {cluster.version}, {cluster.source}")}'
    yield f'to = "{max(following, DEFAULT_TO)}"'


def _cluster(
    cluster: Cluster,
    installs: Sequence[Install],
    nodes: Sequence[Node],
    globs: Sequence[str],
    folders: Mapping[str, str],
) -> Iterator[str]:
    yield f"name = {_text(cluster.name)}    # {one_line(str(cluster.source))}"
    if globs:
        yield f"local = {_texts(globs)}    # applied to this cluster alone"
    elif cluster.name in folders:
        own = _texts([f"{folders[cluster.name]}/**"])
        yield f"# local = {own}    # installed there, as no other is; uncomment it if all of it is for this one"
    else:
        yield '# local = ["clusters/a/**"]    # the tree does not say which manifests are for this cluster'
    if cluster.version and is_release(cluster.version):
        yield f"version = {_text(cluster.version)}"
    yield from _ranges(cluster, nodes)
    if cluster.default_local_cluster is not None:
        yield f"policy_default_local_cluster = {_flag(cluster.default_local_cluster)}"
    if cluster.cidr_match_nodes is not None:
        yield f"policy_cidr_match_nodes = {_flag(cluster.cidr_match_nodes)}"
    if cluster.cidr_match_pods:
        yield "policy_cidr_match_pods = true"
    if cluster.enforcement not in (None, "default"):
        yield f"policy_enforcement_mode = {_text(str(cluster.enforcement))}"
    for key, flag in (("policy_audit_mode", cluster.audit), ("host_firewall", cluster.host_firewall)):
        if flag is not None:
            yield f"{key} = {_flag(flag)}"
    for key, labels in (("identity_labels", cluster.identity_labels), ("node_labels", cluster.node_labels)):
        if labels:
            yield f"{key} = {_texts(labels)}"
    if cluster.cluster_network_policies is not None:
        yield f"cluster_network_policies = {_flag(cluster.cluster_network_policies)}"
    if cluster.node_selector_labels is not None:
        yield f"node_selector_labels = {_flag(cluster.node_selector_labels)}"
    if cluster.extended_ip_protocols is not None:
        yield f"extended_ip_protocols = {_flag(cluster.extended_ip_protocols)}"
    if cluster.mutual_authentication is not None:
        yield f"mutual_authentication = {_flag(cluster.mutual_authentication)}"
    if cluster.kube_proxy_replacement is not None:
        replaced = cluster.kube_proxy_replacement
        yield f"# kubeProxyReplacement is {_flag(replaced)}: {_REPLACED[replaced]}"
    if not cluster.meshed:
        why = "its values mesh it with no other" if cluster.alone else "nothing that can be read meshes it with another"
        yield f"meshed = false    # {why}"
    identities = sorted({install.settings.id for install in installs if install.settings.id is not None})
    if identities:
        yield f"# cluster.id is {' or '.join(map(str, identities))}"


_EXAMPLES = {"pod_cidrs": "10.0.0.0/16", "node_cidrs": "172.16.0.0/24", "service_cidrs": "10.96.0.0/12"}

#: What is known of a range that is not known itself.
_WITHIN = {"pod_cidrs": ("pods_within", "pods"), "node_cidrs": ("nodes_within", "nodes")}


def _ranges(cluster: Cluster, nodes: Sequence[Node]) -> Iterator[str]:
    """The ranges that the tree states, each with its file and line; an example in place of each that it does not."""
    for key, example in _EXAMPLES.items():
        cidrs = getattr(cluster, key)
        if cidrs:
            yield f"{key} = {_texts(cidrs)}    # {one_line(str(cluster.source_of(key)))}"
        else:
            yield f"# {key} = {_texts([example])}"
        within = _WITHIN.get(key)
        wider = getattr(cluster, within[0]) if within else None
        if within and wider and wider != cidrs:
            words = f"{within[1]} are within {', '.join(wider)}, {cluster.source_of(within[0])}"
            yield f"#   {one_line(words)}; it may be wider than the {within[1]}' own range"
        if key == "node_cidrs" and not cidrs and nodes:
            yield f"#   {one_line(_nodes(nodes))}"


def _nodes(nodes: Sequence[Node]) -> str:
    shown = [f"{node.name} ({', '.join(node.addresses)})" for node in nodes[:_MOST_NODES]]
    more = f" and {len(nodes) - _MOST_NODES} more" if len(nodes) > _MOST_NODES else ""
    return f"known one by one: {', '.join(shown)}{more}, {nodes[0].source}"


def _text(value: str) -> str:
    """A TOML basic string; its escapes are those of JSON."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _texts(values: Sequence[str]) -> str:
    if len(values) <= 4:
        return f"[{', '.join(map(_text, values))}]"
    return "[\n" + "".join(f"    {_text(value)},\n" for value in values) + "]"


def _flag(value: bool) -> str:
    return "true" if value else "false"
