"""Reading and checking a configuration file. Every mistake is one line: file, key, what was expected."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rewriter.cilium.label_syntax import value_problems
from rewriter.config.lines import key_lines, line_of
from rewriter.config.model import (
    ClusterEntityOptions,
    Config,
    ImplicitClusterOptions,
    InternalCidrOptions,
    MissingNamespaceOptions,
    PathRule,
    PullRequestOptions,
)
from rewriter.config.table import ConfigError, TableReader
from rewriter.discovery import read_bounded, why_unread
from rewriter.finding import Applicability
from rewriter.inventory.facts.model import AGENT_FIELDS, Cluster, Source
from rewriter.inventory.objects.operators import CONVENTIONS
from rewriter.inventory.snapshots.age import DEFAULT_DAYS

FILE_NAME = "cnpfix.toml"
#: The table of a `pyproject.toml` in which the keys lie.
_TOOL = "tool.cnpfix."
#: By what the fixes of a run are cut into pull requests.
GROUPS = ("none", "namespace", "directory", "codeowners", "pass")
#: More than any real configuration; a larger file is refused unread.
MAX_BYTES = 4 << 20

#: Options of each pass beside `applicability`. `missing-namespace` takes labels as keys, so any key is allowed.
PASS_OPTIONS: Mapping[str, tuple[str, ...] | None] = {
    "cluster-entity": ("remote", "mode"),
    "internal-cidr": ("local",),
    "implicit-cluster": ("scope",),
    "missing-namespace": None,
}


def find_config(start: Path) -> Path | None:
    """The nearest `cnpfix.toml`, or `pyproject.toml` with `[tool.cnpfix]`, from `start` upward.

    One that is no file, a link to nothing, or closed to this user is found too, whether it has settings or not: loading
    it says what is wrong with it.
    """
    folder = Path(os.path.realpath(start))
    if not os.path.isdir(folder):  # noqa: PTH112 - false, not an error, for names that cannot be
        folder = folder.parent
    for candidate in (folder, *folder.parents):
        if os.path.lexists(candidate / FILE_NAME):
            return candidate / FILE_NAME
        pyproject = candidate / "pyproject.toml"
        if os.path.lexists(pyproject) and _configures(pyproject):
            return pyproject
    return None


def _configures(pyproject: Path) -> bool:
    """Whether a `pyproject.toml` has settings for cnpfix, or may have some that cannot be read.

    Raises ConfigError where it seems to and is not TOML.
    """
    try:
        if not pyproject.is_file():
            return True
        content = read_bounded(pyproject, MAX_BYTES)
    except OSError:
        return True
    if b"cnpfix" not in content:
        return False
    try:
        tool = _parsed(pyproject, _text_of(pyproject)).get("tool")
    except ConfigError:
        if b"tool.cnpfix" in content:
            raise
        return False
    return isinstance(tool, dict) and "cnpfix" in tool


def load_config(file: Path, pass_ids: Mapping[str, str]) -> Config:
    """The configuration of a file. `pass_ids` maps every pass id and code to the id. Raises ConfigError."""
    text = _text_of(file)
    data, table = _parsed(file, text), ""
    if file.name == "pyproject.toml":
        table = _TOOL
        reader = TableReader(file, "", data, key_lines(text))
        data = dict(reader.table("tool").table("cnpfix").data)
    return read_config(data, file=file, pass_ids=pass_ids, lines=key_lines(text, table))


def place_of(file: Path, key: str) -> int | None:
    """The line of a key of a configuration, or of the table around it; None where none is known."""
    try:
        lines = key_lines(_text_of(file), _TOOL if file.name == "pyproject.toml" else "")
    except ConfigError:
        return None
    return line_of(key, lines)


def _text_of(file: Path) -> str:
    try:
        if os.path.lexists(file) and not file.exists():
            raise ConfigError(f"{file}: is a link to a file that does not exist; make the file or remove the link")
        if file.exists() and not file.is_file():
            raise ConfigError(f"{file}: is not a regular file; the settings are a TOML file")
        return read_bounded(file, MAX_BYTES).decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: {why_unread(file, error)}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text") from None


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # A number of thousands of digits is one of the former.
        raise ConfigError(f"{file}: is not valid TOML: {error or 'too deeply nested'}") from None


def read_config(
    data: Mapping[str, Any],
    *,
    file: Path,
    pass_ids: Mapping[str, str],
    lines: Mapping[str, int] = MappingProxyType({}),
) -> Config:
    """The configuration of a parsed table; see `load_config`. `lines` has those of its keys, from `key_lines`."""
    reader = TableReader(file, "", data, lines)
    config = Config(
        root=file.resolve().parent,
        file=file,
        from_version=reader.version("from"),
        to_version=reader.version("to"),
        exclude=reader.globs("exclude"),
        internal_cidrs=reader.cidrs("internal_cidrs") or (),
        operators=reader.choices("operators", tuple(CONVENTIONS)),
        render=reader.choice("render", ("auto", "never")) or "auto",
        select=reader.passes("select", pass_ids),
        ignore=reader.passes("ignore", pass_ids) or (),
        clusters=_clusters(reader),
        snapshot_max_age_days=reader.days("snapshot_max_age_days") or DEFAULT_DAYS,
        **_facts(reader.table("facts")),
        per_path=tuple(_path_rule(table, pass_ids) for table in reader.tables("per-path")),
        pull_requests=_pull_requests(reader.table("pr")),
        **_pass_options(reader, pass_ids),
    )
    reader.finish()
    return config


def _facts(table: TableReader) -> dict[str, Any]:
    found = {"complete": table.namespaces("complete"), "inert_kinds": table.texts("inert_kinds")}
    table.finish()
    return found


def _pull_requests(table: TableReader) -> PullRequestOptions:
    options = PullRequestOptions(
        group_by=table.choice("group_by", GROUPS),
        branch=table.text("branch"),
        title=table.text("title") or "",
        labels=table.texts("labels"),
        reviewers=table.texts("reviewers"),
        owners=table.flag("owners"),
        draft=table.flag("draft"),
        limit=table.number("limit"),
        dashboard=table.flag("dashboard"),
    )
    table.finish()
    return options


#: The keys of a cluster's table by the fields that they set, where the names differ.
_CLUSTER_KEYS = {
    "default_local_cluster": "policy_default_local_cluster",
    "cidr_match_nodes": "policy_cidr_match_nodes",
    "cidr_match_pods": "policy_cidr_match_pods",
    "enforcement": "policy_enforcement_mode",
    "audit": "policy_audit_mode",
}
_CITED = (*AGENT_FIELDS, "version", "meshed", "pod_cidrs", "node_cidrs", "service_cidrs")


def _clusters(reader: TableReader) -> tuple[Cluster, ...]:
    clusters: list[Cluster] = []
    for table in reader.tables("clusters"):
        name = table.text("name")
        if not name or any(value_problems(name)):
            raise table.error("name", f"the cluster's name, as in Cilium's cluster.name{_instead_of(name)}")
        if any(cluster.name == name for cluster in clusters):
            raise table.error("name", f"a name of its own; {name!r} is used twice")
        clusters.append(
            Cluster(
                name=name,
                source=Source(reader.file.name),
                local_paths=table.globs("local"),
                version=table.release("version"),
                pod_cidrs=table.cidrs("pod_cidrs"),
                node_cidrs=table.cidrs("node_cidrs"),
                service_cidrs=table.cidrs("service_cidrs"),
                default_local_cluster=table.flag("policy_default_local_cluster"),
                cidr_match_nodes=table.flag("policy_cidr_match_nodes"),
                cidr_match_pods=table.flag("policy_cidr_match_pods"),
                node_selector_labels=table.flag("node_selector_labels"),
                extended_ip_protocols=table.flag("extended_ip_protocols"),
                enforcement=table.choice("policy_enforcement_mode", ("default", "always", "never")),
                audit=table.flag("policy_audit_mode"),
                host_firewall=table.flag("host_firewall"),
                identity_labels=table.labels("identity_labels"),
                node_labels=table.labels("node_labels"),
                cluster_network_policies=table.flag("cluster_network_policies"),
                mutual_authentication=table.flag("mutual_authentication"),
                meshed=table.flag("meshed") is not False,
                cited=tuple(
                    (field, Source(reader.file.name, line))
                    for field in _CITED
                    if (line := table.line(_CLUSTER_KEYS.get(field, field))) is not None
                ),
            )
        )
        table.finish()
    return tuple(clusters)


def _instead_of(value: str | None) -> str:
    return "" if value is None else f", not {value!r:.60}"


def _path_rule(table: TableReader, pass_ids: Mapping[str, str]) -> PathRule:
    rule = PathRule(table.globs("paths"), table.passes("select", pass_ids), table.passes("ignore", pass_ids) or ())
    table.finish()
    if not rule.paths:
        raise table.error("paths", "a list of globs")
    return rule


def _pass_options(reader: TableReader, pass_ids: Mapping[str, str]) -> dict[str, Any]:
    tables = reader.table("passes")
    applicability: dict[str, Applicability] = {}
    result: dict[str, Any] = {"applicability": applicability}
    seen: set[str] = set()
    for key in tuple(tables.data):
        if key not in pass_ids:
            raise tables.unknown(key, tuple(pass_ids))
        pass_id = pass_ids[key]
        if pass_id in seen:
            raise tables.error(key, f"one table for each pass; {pass_id} has another one under its code or id")
        seen.add(pass_id)
        table = tables.table(key)
        chosen = table.choice("applicability", tuple(Applicability))
        if chosen is not None:
            applicability[pass_id] = Applicability(chosen)
        match pass_id:
            case "cluster-entity":
                mode = table.choice("mode", ("extend", "replace", "cluster-mesh")) or "extend"
                result["cluster_entity"] = ClusterEntityOptions(table.names("remote", ("all",), none=True), mode)
            case "internal-cidr":
                result["internal_cidr"] = InternalCidrOptions(table.choice("local", ("cluster", "pods")))
            case "implicit-cluster":
                scope = table.names("scope", ("auto", "any", "local")) or "auto"
                result["implicit_cluster"] = ImplicitClusterOptions(scope)
            case "missing-namespace":
                result["missing_namespace"] = MissingNamespaceOptions(table.label_map())
        table.finish()
    tables.finish()
    return result
