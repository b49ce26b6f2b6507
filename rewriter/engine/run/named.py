"""Names and globs of a configuration, held against what is there: a misspelt one must not decide a fix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from rewriter.config import Config, place_of
from rewriter.discovery import some_of, unmatched
from rewriter.engine.run.workspace import Workspace
from rewriter.inventory.tree.repository import TreeInventory

_WORDS = ("all", "any", "auto", "local")


def wrong_cluster(config: Config, inventory: TreeInventory) -> str:
    """One line about the first cluster that a setting names and no fact knows; empty for none.

    Known are the clusters of `[[clusters]]`, of snapshots and live clusters, and those of the tree's installations.
    """
    named = [
        ("passes.cluster-entity.remote", config.cluster_entity.remote),
        ("passes.implicit-cluster.scope", config.implicit_cluster.scope),
    ]
    for key, names in named:
        if isinstance(names, tuple):
            known = _clusters(inventory)
            for name in names:
                if name not in known:
                    return f"{_at(config, key)}: no cluster is named {name!r}; {_advice(key, name, known)}"
    return ""


def _clusters(inventory: TreeInventory) -> list[str]:
    stated = inventory.tree_clusters
    names = [cluster.name for cluster in inventory.clusters]
    return list(dict.fromkeys([*names, *stated.clusters, *stated.targets.values()]))


def _advice(key: str, name: str, known: Sequence[str]) -> str:
    if name in _WORDS:
        return f'write the word without brackets: {key.rpartition(".")[2]} = "{name}"'
    if not known:
        return "no cluster is known at all; list those of the mesh under [[clusters]]"
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known are {some_of(known)}"


def glob_warnings(config: Config) -> Iterator[str]:
    """A line for each glob of a configuration that matches no file below its folder."""
    for key, globs in _globs(config):
        for glob, near in unmatched(config.root, globs):
            hint = f"; {near}" if near else ""
            yield f"{_at(config, key)}: {glob!r} matches no file below {_shown(config.root)}{hint}"


def _globs(config: Config) -> Iterator[tuple[str, Sequence[str]]]:
    yield "exclude", config.exclude
    for index, cluster in enumerate(config.clusters):
        yield f"clusters[{index}].local", cluster.local_paths
    for index, rule in enumerate(config.per_path):
        yield f"per-path[{index}].paths", rule.paths


def _at(config: Config, key: str, name: str = "") -> str:
    """Where a key of the configuration is: its file, the line where it is known, and the key, as `name` writes it."""
    line = place_of(config.file, key) if config.file else None
    return f"{_shown(config.file)}{'' if line is None else f':{line}'}: {name or key}"


def _shown(path: Path | None) -> str:
    """A path as short as it can be from here."""
    if path is None:
        return ""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def cluster_warnings(config: Config, inventory: TreeInventory) -> Iterator[str]:
    """A line for each cluster of the config that no installation of the tree is named like, where a near one is."""
    own = [cluster.name for cluster in config.clusters]
    others = [name for name in inventory.tree_clusters.clusters if name not in own]
    for index, name in enumerate(own):
        close = get_close_matches(name, others, n=1, cutoff=0.8) if name not in inventory.tree_clusters.clusters else []
        if close:
            source = inventory.tree_clusters.clusters[close[0]].source
            yield (
                f"{_at(config, f'clusters[{index}].name')}: no installation of Cilium is named {name!r}; "
                f"{close[0]!r} is ({source})"
            )


def namespace_problems(workspace: Workspace, listed: frozenset[str] | None, *, whole: bool) -> tuple[str, list[str]]:
    """What is wrong with the map of `[passes.missing-namespace]` and with `[facts]`: an error, and warnings.

    A namespace that nothing names is an error where a namespace of nearly that name is known: the fix would write it.
    Elsewhere it may be one that other repositories fill, which is what the map is for; a word that such a namespace is
    complete is a warning. Where snapshots list every namespace, or `[facts] complete` lets a fix rest on the map, one
    that nothing names is a warning, and an error where a policy selects the label. `listed` are the namespaces that
    snapshots list, None where they do not list all. `whole` says that every policy of the config's folder is read: only
    then is a label that no policy selects a mistake.
    """
    config = workspace.config
    wanted = config.missing_namespace.namespaces
    warnings = list(_inert_kinds(workspace))
    if not wanted and not config.complete:
        return "", warnings
    known = _namespaces(workspace)
    for namespace in config.complete if known else ():
        close = get_close_matches(namespace, sorted(known), n=1, cutoff=0.75) if namespace not in known else []
        if close:
            return (
                f"{_at(config, 'facts.complete')}: no namespace is named {namespace!r}; did you mean {close[0]!r}?",
                [],
            )
        if namespace not in known:
            words = f"nothing of namespace {namespace!r} is known; known are {some_of(sorted(known))}"
            warnings.append(f"{_at(config, 'facts.complete')}: {words}")
    for label, namespace in wanted.items():
        where = _at(config, f"passes.missing-namespace.{label}", f'passes.missing-namespace."{label}"')
        if known and namespace not in known:
            close = get_close_matches(namespace, sorted(known), n=1, cutoff=0.75)
            if close:
                return f"{where}: no namespace is named {namespace!r}; did you mean {close[0]!r}?", []
            problem, decides = _unknown(workspace, listed, label, namespace)
            problem = f"{problem}; known are {some_of(sorted(known))}" if problem else ""
            if problem and decides:
                return f"{where}: {problem}", []
            warnings += [f"{where}: {problem}"] if problem else []
        if whole and workspace.files and not _selected(workspace, label):
            near = _near_label(workspace, label)
            hint = f"; did you mean {near!r}?" if near else ""
            warnings.append(f"{where}: no policy selects this label{hint}")
    return "", warnings


def _unknown(workspace: Workspace, listed: frozenset[str] | None, label: str, namespace: str) -> tuple[str, bool]:
    """What the facts say of a namespace of the map that nothing names, and whether a fix would rest on it."""
    complete = workspace.config.complete
    if listed is None and not complete:
        return "", False
    policies = (located.policy for located in workspace.policies())
    selecting = {policy.namespace for policy in policies if _holds(label, repr(policy.raw).encode())}
    if listed is not None:
        return f"no namespace is named {namespace!r} in the snapshots; correct it", bool(selecting)
    words = f"nothing names namespace {namespace!r}; correct it, or give facts of it (a manifest of it, --inventory)"
    return words, not selecting.isdisjoint(complete)


def _inert_kinds(workspace: Workspace) -> Iterator[str]:
    """A line for each of `inert_kinds` of which the files hold no object."""
    named = workspace.inventory.named_kinds if workspace.config.inert_kinds else frozenset()
    for kind in workspace.config.inert_kinds:
        name = kind.partition(".")[0]
        if named and name not in named:
            close = get_close_matches(name, sorted(named), n=1, cutoff=0.75)
            hint = f"did you mean {close[0]!r}?" if close else f"they name {some_of(sorted(named))}"
            yield f"{_at(workspace.config, 'facts.inert_kinds')}: no file names kind {name!r}; {hint}"


def _namespaces(workspace: Workspace) -> set[str]:
    inventory = workspace.inventory
    found = {namespace.name for namespace in inventory.namespaces()}
    found |= {item.namespace for item in inventory.all_workloads()}
    found |= {item.namespace for item in inventory.all_services()}
    return found | {located.policy.namespace for located in workspace.policies() if located.policy.namespace}


def _selected(workspace: Workspace, label: str) -> bool:
    return any(_holds(label, data) for _, data in workspace.files)


def _holds(label: str, data: bytes) -> bool:
    key, _, value = label.partition("=")
    return all(needle.encode() in data for needle in (key.strip().rpartition(":")[2], value.strip()))


def _near_label(workspace: Workspace, label: str) -> str:
    labels: Iterable[str] = {
        f"{key}={value}" for item in workspace.inventory.all_workloads() for key, value in item.labels.items()
    }
    close = get_close_matches(label, sorted(labels), n=1, cutoff=0.8)
    return close[0] if close else ""
