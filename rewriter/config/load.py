"""Reading and checking a configuration file. Every mistake is one line: file, key, what was expected."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from rewriter.cilium.version import SUPPORTED, Version, parse_version
from rewriter.config.model import (
    ClusterEntityOptions,
    Config,
    ImplicitClusterOptions,
    InternalCidrOptions,
    MissingNamespaceOptions,
    PathRule,
    PullRequestOptions,
)
from rewriter.discovery import read_bounded
from rewriter.finding import Applicability
from rewriter.inventory.facts.model import Cluster, Source
from rewriter.inventory.objects.operators import CONVENTIONS
from rewriter.inventory.snapshots.age import DEFAULT_DAYS

FILE_NAME = "cnpfix.toml"
#: By what the fixes of a run are cut into pull requests.
GROUPS = ("none", "namespace", "directory", "codeowners", "pass")
#: More than any real configuration; a larger file is refused unread.
MAX_BYTES = 4 << 20

#: As many stars in one name of a glob, and as many `**`: with more, trying a long name takes for ever.
_MOST_STARS = 3

#: Options of each pass beside `applicability`. `missing-namespace` takes labels as keys, so any key is allowed.
PASS_OPTIONS: Mapping[str, tuple[str, ...] | None] = {
    "cluster-entity": ("remote", "mode"),
    "internal-cidr": ("local",),
    "implicit-cluster": ("scope",),
    "missing-namespace": None,
}


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the file and the key."""


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
        tool = _read_toml(pyproject).get("tool")
    except ConfigError:
        if b"tool.cnpfix" in content:
            raise
        return False
    return isinstance(tool, dict) and "cnpfix" in tool


def load_config(file: Path, pass_ids: Mapping[str, str]) -> Config:
    """The configuration of a file. `pass_ids` maps every pass id and code to the id. Raises ConfigError."""
    data = _read_toml(file)
    if file.name == "pyproject.toml":
        tool = data.get("tool")
        data = tool.get("cnpfix", {}) if isinstance(tool, dict) else {}
    return read_config(data, file=file, pass_ids=pass_ids)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        if os.path.lexists(file) and not file.exists():
            raise ConfigError(f"{file}: is a link to a file that does not exist; make the file or remove the link")
        if file.exists() and not file.is_file():
            raise ConfigError(f"{file}: is not a regular file; the settings are a TOML file")
        return tomllib.loads(read_bounded(file, MAX_BYTES).decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: is not valid TOML: {error or 'too deeply nested'}") from None


def read_config(data: Mapping[str, Any], *, file: Path, pass_ids: Mapping[str, str]) -> Config:
    """The configuration of a parsed table; see `load_config`."""
    reader = TableReader(file, "", data)
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
    found = {"complete": table.texts("complete"), "inert_kinds": table.texts("inert_kinds")}
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


def _clusters(reader: TableReader) -> tuple[Cluster, ...]:
    clusters: list[Cluster] = []
    for table in reader.tables("clusters"):
        name = table.text("name")
        if not name:
            raise table.error("name", "the cluster's name, as in Cilium's cluster.name")
        if any(cluster.name == name for cluster in clusters):
            raise table.error("name", f"a name of its own; {name!r} is there twice")
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
            )
        )
        table.finish()
    return tuple(clusters)


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


def is_release(text: str) -> bool:
    """Whether a text is a known release, with or without its patch: `1.18`, `v1.18.4`, `1.18.x`, `1.18.0-rc.1`."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(?:\d+|x|\*))?(?:[-+].*)?", text)
    return match is not None and Version(int(match[1]), int(match[2])) in SUPPORTED


class TableReader:
    """Takes keys out of a table, checks them, and at the end refuses those that no setting has."""

    def __init__(self, file: Path, where: str, data: Mapping[str, Any]) -> None:
        self.file = file
        self.where = where
        self.data = data
        self.asked: list[str] = []

    def error(self, key: str, expected: str) -> ConfigError:
        return ConfigError(f"{self.file}: {self.where}{key}: expected {expected}")

    def unknown(self, key: str, known: tuple[str, ...]) -> ConfigError:
        close = get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else "known here: " + ", ".join(known)
        return ConfigError(f"{self.file}: {self.where}{key}: unknown key; {hint}")

    def finish(self) -> None:
        for key in self.data:
            if key not in self.asked:
                raise self.unknown(key, tuple(self.asked))

    def _take(self, key: str) -> Any:
        self.asked.append(key)
        return self.data.get(key)

    def _checked(self, key: str, expected: str, holds: Callable[[Any], bool]) -> Any:
        value = self._take(key)
        if value is not None and not holds(value):
            raise self.error(key, f"{expected}, not {value!r:.60}")
        return value

    def text(self, key: str) -> str | None:
        value: str | None = self._checked(key, "a text", lambda v: isinstance(v, str) and bool(v))
        return value

    def flag(self, key: str) -> bool | None:
        value: bool | None = self._checked(key, "true or false", lambda v: isinstance(v, bool))
        return value

    def days(self, key: str) -> int | None:
        value: int | None = self._checked(key, "a whole number of days, 1 or more", _is_positive)
        return value

    def number(self, key: str) -> int | None:
        value: int | None = self._checked(key, "a whole number, 1 or more", _is_positive)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self._checked(key, "a list of texts", _is_texts) or ())

    def labels(self, key: str) -> tuple[str, ...] | None:
        """Entries of a label filter; a text is cut at its blanks, as the agent does."""
        value = self._checked(key, "a text or a list of texts", lambda v: isinstance(v, str) or _is_texts(v))
        return None if value is None else tuple(value.split() if isinstance(value, str) else value)

    def globs(self, key: str) -> tuple[str, ...]:
        """As `texts`; a repository's own config must not keep its reader busy with one name for ever."""
        globs = self.texts(key)
        for glob in globs:
            parts = glob.split("/")
            if parts.count("**") > _MOST_STARS or any(part.count("*") > _MOST_STARS for part in parts):
                raise self.error(key, f"globs of at most {_MOST_STARS} stars in a name, not {glob!r:.60}")
        return globs

    def cidrs(self, key: str) -> tuple[str, ...] | None:
        value = self._checked(key, "a list of CIDRs", _is_texts)
        for cidr in value or ():
            try:
                if "/" not in cidr:
                    raise ValueError
                ip_network(cidr, strict=False)
            except ValueError:
                raise self.error(key, f"CIDRs such as 10.0.0.0/16, not {cidr!r}") from None
        return None if value is None else tuple(value)

    def version(self, key: str) -> Version | None:
        value = self._take(key)
        if value is None:
            return None
        try:
            return parse_version(str(value) if isinstance(value, str | float) else "")
        except ValueError as error:
            raise self.error(key, f'a Cilium version such as "1.19": {error}') from None

    def release(self, key: str) -> str | None:
        """A release as it runs, with or without its patch: `1.18`, `v1.18.4`, `1.18.x`."""
        text = self.text(key)
        if text is None:
            return None
        if not is_release(text):
            known = ", ".join(map(str, SUPPORTED))
            raise self.error(key, f'a Cilium version such as "1.18" or "1.18.4", of {known}, not {text!r}')
        return text

    def passes(self, key: str, pass_ids: Mapping[str, str]) -> tuple[str, ...] | None:
        """The ids of passes; an empty list is not the same as None, which stands for no list."""
        names = self.texts(key)
        for name in names:
            if name not in pass_ids:
                close = get_close_matches(name, pass_ids, n=1, cutoff=0.5)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise self.error(key, f"pass ids or codes, not {name!r}{hint}")
        return tuple(pass_ids[name] for name in names) if key in self.data else None

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        value: str | None = self._checked(key, "one of " + ", ".join(choices), lambda v: v in choices)
        return value

    def choices(self, key: str, choices: tuple[str, ...]) -> tuple[str, ...] | None:
        value = self._checked(key, "a list of " + ", ".join(choices), lambda v: _is_texts(v) and set(v) <= set(choices))
        return None if value is None else tuple(value)

    def names(self, key: str, words: tuple[str, ...], *, none: bool = False) -> str | tuple[str, ...] | None:
        """One of the words, or a list of cluster names; `none` says whether the list may be empty."""
        expected = " or ".join([*map(repr, words), "a list of cluster names"])
        value = self._checked(key, expected, lambda v: v in words or (_is_texts(v) and (none or bool(v))))
        return tuple(value) if isinstance(value, list) else value

    def label_map(self) -> dict[str, str]:
        labels = {key: value for key, value in self.data.items() if key not in self.asked}
        for key, value in labels.items():
            if "=" not in key or not isinstance(value, str) or not value:
                raise self.error(key, 'a label and its namespace, such as "app=agent" = "monitoring"')
            self.asked.append(key)
        return labels

    def table(self, key: str) -> TableReader:
        value = self._checked(key, "a table", lambda v: isinstance(v, dict)) or {}
        return TableReader(self.file, f"{self.where}{key}.", value)

    def tables(self, key: str) -> list[TableReader]:
        value = self._checked(
            key, f"tables [[{key}]]", lambda v: isinstance(v, list) and all(isinstance(t, dict) for t in v)
        )
        return [
            TableReader(self.file, f"{self.where}{key}[{index}].", table) for index, table in enumerate(value or ())
        ]


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
