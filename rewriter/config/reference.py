"""Every key of a configuration with what it means; the documentation is made from this, and a test holds it true."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """A key of a table. `table` is empty for the top; `kind` says in words what its value is."""

    table: str
    name: str
    kind: str
    meaning: str


_CLUSTER = "[[clusters]]"
_FACTS = "[facts]"
_PATH = "[[per-path]]"
_PR = "[pr]"

KEYS = (
    Key(
        "",
        "from",
        "version",
        "The Cilium release that runs today. Default: the one that the facts name, else the one before `to`.",
    ),
    Key(
        "",
        "to",
        "version",
        "The Cilium release to prepare for. Default: the one after `from`; 1.19 where that is not known.",
    ),
    Key("", "exclude", "list of globs", "Files that are not read, relative to the configuration."),
    Key("", "select", "list of passes", "Passes to run, by id or code. Default: all. An empty list: none."),
    Key("", "ignore", "list of passes", "Passes not to run."),
    Key(
        "",
        "internal_cidrs",
        "list of CIDRs",
        "Ranges that hold nothing but this mesh; entries for them may be removed.",
    ),
    Key("", "render", '"auto" or "never"', "Render charts with the helm on PATH. Default: auto."),
    Key(
        "",
        "operators",
        "list of names",
        "The operators whose custom resources count as workloads by their label convention. Default: all known.",
    ),
    Key(
        "",
        "snapshot_max_age_days",
        "number",
        "A snapshot older than this is stale: the report gives its age, and its facts are in doubt. Default: 7.",
    ),
    Key(_CLUSTER, "name", "text", "The cluster's name, as in Cilium's `cluster.name`. Required."),
    Key(_CLUSTER, "local", "list of globs", "Manifests under these paths are applied to this cluster."),
    Key(_CLUSTER, "version", "text", "The Cilium release that runs there."),
    Key(_CLUSTER, "pod_cidrs", "list of CIDRs", "The ranges from which its pods get addresses."),
    Key(_CLUSTER, "node_cidrs", "list of CIDRs", "The ranges with the addresses of its nodes."),
    Key(_CLUSTER, "service_cidrs", "list of CIDRs", "The ranges from which its Services get addresses."),
    Key(
        _CLUSTER,
        "policy_default_local_cluster",
        "true or false",
        "Helm `clustermesh.policyDefaultLocalCluster`. Default: as the release has it, on from 1.19.",
    ),
    Key(_CLUSTER, "policy_cidr_match_nodes", "true or false", "Whether `policyCIDRMatchMode` has `nodes`."),
    Key(
        _CLUSTER,
        "node_selector_labels",
        "true or false",
        "Helm `nodeSelectorLabels`, without which Cilium rejects `fromNodes` and `toNodes`. Default: off, and a policy "
        "with such a rule is not rewritten until this is set.",
    ),
    Key(
        _CLUSTER,
        "extended_ip_protocols",
        "true or false",
        "`enable-extended-ip-protocols` (from 1.19), without which a port entry needs a port. Default: off.",
    ),
    Key(
        _CLUSTER,
        "mutual_authentication",
        "true or false",
        "Helm `authentication.enabled`, without which Cilium from 1.19 on does not enforce `authentication.mode: "
        "required`. Default: on up to 1.18, off from 1.19.",
    ),
    Key(_CLUSTER, "policy_cidr_match_pods", "true or false", "Whether `policyCIDRMatchMode` has `pods` (from 1.20)."),
    Key(
        _CLUSTER,
        "policy_enforcement_mode",
        "default, always or never",
        "Helm `policyEnforcementMode`.",
    ),
    Key(_CLUSTER, "policy_audit_mode", "true or false", "Helm `policyAuditMode`: policies log and let pass."),
    Key(_CLUSTER, "host_firewall", "true or false", "Helm `hostFirewall.enabled`."),
    Key(
        _CLUSTER,
        "identity_labels",
        "text or list of texts",
        "Helm `labels`: which pod labels are part of an identity, beside the release's own list.",
    ),
    Key(
        _CLUSTER,
        "node_labels",
        "text or list of texts",
        "Helm `nodeLabels`: which node labels are part of a node's identity.",
    ),
    Key(
        _CLUSTER,
        "cluster_network_policies",
        "true or false",
        "Helm `k8sClusterNetworkPolicy.enabled` (from 1.20). Default: off.",
    ),
    Key(_CLUSTER, "meshed", "true or false", "Whether it is part of the mesh. Default: true."),
    Key(
        _FACTS,
        "complete",
        "list of namespaces",
        "Namespaces whose workloads the facts hold in full: nothing that was not read hides pods in them.",
    ),
    Key(
        _FACTS,
        "inert_kinds",
        "list of kinds",
        "Kinds, `Kind` or `Kind.group`, whose objects make no pods and no Services: they hide nothing.",
    ),
    Key(
        _PR,
        "group_by",
        "none, namespace, directory, codeowners or pass",
        "One pull request for each of these; `none` makes a single request. Default: none. `--group-by` overrides it.",
    ),
    Key(_PR, "branch", "text", "The branch of the requests; groups add a suffix. Default: `cnpfix/` and the release."),
    Key(
        _PR,
        "title",
        "text",
        "The title of the requests, in which cnpfix replaces `{from}`, `{to}` and `{group}`.",
    ),
    Key(_PR, "labels", "list of texts", "Labels of new requests, in addition to those of `--label`."),
    Key(_PR, "reviewers", "list of texts", "Who is asked for a review: users, or `org/team`."),
    Key(_PR, "owners", "true or false", "Ask the files' CODEOWNERS to review. Default: true."),
    Key(_PR, "draft", "true or false", "Open requests as drafts. Default: false."),
    Key(_PR, "limit", "number", "How many requests may be open at the same time. Default: 20."),
    Key(
        _PR,
        "dashboard",
        "true or false",
        "Keep an issue up to date that says what is open, what waits and what is left to people. Default: false.",
    ),
    Key(_PATH, "paths", "list of globs", "The files that the rule is for. Required."),
    Key(_PATH, "select", "list of passes", "Passes to run on them. Default: all. An empty list: none."),
    Key(_PATH, "ignore", "list of passes", "Passes not to run on them."),
    Key(
        "[passes.<id>]",
        "applicability",
        "safe, evident, unsafe or manual",
        "Promotes or demotes what a pass finds: `manual` shows its fix and never applies it.",
    ),
    Key(
        "[passes.cluster-entity]",
        "remote",
        '"all" or list of clusters',
        "The members of the mesh that `cluster` was meant to include. An empty list: none.",
    ),
    Key(
        "[passes.cluster-entity]",
        "mode",
        "extend, replace or cluster-mesh",
        "`extend` keeps the entity beside the new rule, `replace` drops it, `cluster-mesh` is for 1.20.",
    ),
    Key(
        "[passes.internal-cidr]",
        "local",
        "cluster or pods",
        "What replaces a range over the local cluster: its entity, or its pods only. Default: by evidence.",
    ),
    Key(
        "[passes.implicit-cluster]",
        "scope",
        "auto, any, local or list of clusters",
        "The clusters that a selector without one was meant to reach. Default: auto.",
    ),
    Key(
        "[passes.missing-namespace]",
        '"key=value"',
        "namespace",
        "The namespace in which pods with this label live: evidence for a selector that names no namespace.",
    ),
)
