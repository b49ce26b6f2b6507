"""Opens what a run works on: reads the config, the files below the paths, and the facts that are named."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rewriter.config import Config, find_config, load_config
from rewriter.discovery import (
    MAX_BYTES,
    FoundFile,
    GitWaitsError,
    Globs,
    changed_files,
    empty_submodules,
    not_checked_out,
    read_bounded,
    read_file,
    repository_remotes,
    repository_root,
    why_unread,
)
from rewriter.engine.charts.find import Charts
from rewriter.engine.overlays.builds import Builder
from rewriter.engine.overlays.treat import Overlays
from rewriter.engine.run.archived import leave_archives_out
from rewriter.engine.run.named import cluster_warnings, glob_warnings, namespace_problems, wrong_cluster
from rewriter.engine.run.scan import Progress, scan, scan_facts
from rewriter.engine.run.traffic_of_run import open_traffic
from rewriter.engine.run.versions import VersionsError, given, upgrade
from rewriter.engine.run.workspace import Request, Workspace, WorkspaceError
from rewriter.inventory.charts.make import Render, no_render
from rewriter.inventory.delivery.appliers import same_repository
from rewriter.inventory.facts.model import Cluster, RunningPolicy, Source
from rewriter.inventory.hubble.agent_log import DeadPolicy
from rewriter.inventory.hubble.flows import ObservedFlows
from rewriter.inventory.objects.operators import CONVENTIONS
from rewriter.inventory.releases.values import over, values_of
from rewriter.inventory.render.helm import Helm
from rewriter.inventory.snapshots.age import listed_namespaces, stale, warnings
from rewriter.inventory.snapshots.form import Snapshot, read_snapshot
from rewriter.inventory.tree.noting import NotingInventory
from rewriter.inventory.tree.repository import TreeInventory
from rewriter.passes import PASS_IDS

_SPARSE = "is not in this sparse checkout (`git sparse-checkout disable`)"
_NOT_CHECKED_OUT = "is a submodule that is not checked out (`git submodule update --init`)"


def open_workspace(request: Request, progress: Progress) -> Workspace:
    """Reads the config and the files. Raises ConfigError and WorkspaceError; bad files are errors of the result."""
    try:
        return _opened(request, progress)
    except GitWaitsError as error:
        raise WorkspaceError(str(error)) from None


def _opened(request: Request, progress: Progress) -> Workspace:
    try:
        Path.cwd()
    except OSError:
        raise WorkspaceError("the working folder is gone; change to one that exists") from None
    paths = [Path(name) for name in request.names if name != "-"]
    start = paths[0] if paths else Path(request.stdin_name or "")
    config = Config(root=_folder(start)) if request.ignore_config else _config(request.config_file, start)
    try:
        named = given(request.from_version, request.to_version, config)
    except VersionsError as error:
        raise WorkspaceError(str(error)) from None
    only = None if request.diff_base is None else _changed_since(request.diff_base, _folder(start))
    snapshots = _snapshots(request, start, progress)
    aged = stale(snapshots, datetime.now(UTC), config.snapshot_max_age_days)
    observed = _observed(request, progress)
    root = _root(start, config, request)
    top = root or _folder(start)
    helm = _helm(request, config)
    exclude = Globs(config.root, config.exclude)
    another = _inventories(request, config, snapshots, aged, start, partial(_read_beside, top, exclude), top)
    inventory = another(read=_read_again, observed=observed, render=_renderer(helm, request, top), cache=request.cache)
    running = [policy for snapshot in snapshots for policy in snapshot.policies]
    dead = _dead(request, running)
    assumed = upgrade(named, None, ())
    workspace = Workspace(config, assumed.before, assumed.after, inventory, observed, dead, running)
    workspace.another_inventory = another
    workspace.versions = assumed.why
    workspace.overlays = _overlays(request, config, inventory, top)
    values = _values(request)
    workspace.charts = None if helm is None else Charts(helm, top, inventory, values, request.cache)
    workspace.warnings = warnings(aged)
    workspace.names = request.names
    workspace.narrowed = only is not None
    seen = scan(workspace, paths, only, exclude, progress)
    _leave_out_what_is_not_here(inventory, top)
    asked = bool(workspace.files) or not paths
    if asked:
        together = config.root if _config_found(config, request) else root
        given_facts = bool(request.inventories or request.contexts)
        workspace.files_alone = together is None and not given_facts and all(path.is_file() for path in paths)
        if together is not None and not any(_holds(path, together) for path in paths):
            scan_facts(inventory, Path(os.path.relpath(together)), exclude, seen)
        inventory.prepare()
        workspace.has_facts = True
        _add_patches(workspace, paths, only)
        leave_archives_out(workspace)
        found = upgrade(named, inventory, [item.display for item, _ in workspace.files])
        workspace.from_version, workspace.to_version, workspace.versions = found.before, found.after, found.why
    listed = listed_namespaces(snapshots, aged, (cluster.name for cluster in inventory.clusters)) if snapshots else None
    _check_names(workspace, paths, listed, asked=asked)
    if observed is not None:
        workspace.traffic = open_traffic(workspace, observed)
    return workspace


def _snapshots(request: Request, start: Path, progress: Progress) -> list[Snapshot]:
    """The snapshots that are named, and those of live clusters."""
    remotes = repository_remotes(_folder(start)) if request.inventories else ()

    def own(repository: str) -> bool:
        return any(same_repository(repository, remote) for remote in remotes)

    return [*(read_snapshot(path, own) for path in request.inventories), *_live(request, progress)]


def _inventories(
    request: Request,
    config: Config,
    snapshots: Sequence[Snapshot],
    aged: Mapping[Source, str],
    start: Path,
    read_beside: Callable[[str], bytes | None],
    top: Path,
) -> Callable[..., TreeInventory]:
    """What makes an inventory of the tree, of which nothing is offered yet."""
    return partial(
        NotingInventory if request.keeps_results and request.cache.folder is not None else TreeInventory,
        config.clusters,
        snapshots,
        _local_to(config),
        root=str(top),
        remotes=lambda: repository_remotes(_folder(start)),
        stale=aged,
        complete=config.complete,
        operators=CONVENTIONS if config.operators is None else config.operators,
        inert_kinds=config.inert_kinds,
        read_beside=read_beside,
        asked=[name for name in request.names if name != "-"] + [*filter(None, (request.stdin_name,))],
    )


def _changed_since(revision: str, folder: Path) -> frozenset[Path]:
    """The files that changed since a revision. Raises WorkspaceError where git does not know it."""
    found = changed_files(folder, revision)
    if found is None:
        raise WorkspaceError(f"--diff-base {revision}: git knows no such revision here; name one that is fetched")
    return found


def _leave_out_what_is_not_here(inventory: TreeInventory, folder: Path) -> None:
    """Submodules and files that this checkout does not have: what they hold is not absent, but not read."""
    for name in empty_submodules(folder):
        inventory.leave_out(name, None, _NOT_CHECKED_OUT, applied=True)
    for absent in not_checked_out(folder):
        inventory.leave_out(absent.display, absent.data, _SPARSE, missing=True, beside=absent.beside)


def _check_names(workspace: Workspace, paths: Sequence[Path], listed: frozenset[str] | None, *, asked: bool) -> None:
    """Warns of names and globs of the config that nothing goes by. Raises WorkspaceError where one decides a fix."""
    config = workspace.config
    if config.file is None:
        return
    wrong = wrong_cluster(config, workspace.inventory) if asked or config.clusters else ""
    warnings = list(glob_warnings(config))
    if asked and not wrong:
        warnings += cluster_warnings(config, workspace.inventory)
        whole = any(_holds(path, config.root) for path in paths)
        wrong, more = namespace_problems(workspace, listed, whole=whole)
        warnings += more
    if wrong:
        raise WorkspaceError(wrong)
    workspace.warnings += tuple(warnings)


def _helm(request: Request, config: Config) -> Helm | None:
    """The helm that renders charts, where that is wanted and it is there."""
    if (request.render or config.render) == "never":
        return None
    from rewriter.inventory.render.renderer import find_helm

    return find_helm()


def _overlays(request: Request, config: Config, inventory: TreeInventory, top: Path) -> Overlays:
    """What finds and builds policies that patches change."""
    from rewriter.inventory.render.kubectl import find_kubectl

    kubectl = None if (request.render or config.render) == "never" else find_kubectl()
    return Overlays(inventory.patched, Builder(inventory.patched, kubectl, top))


def _add_patches(workspace: Workspace, paths: Sequence[Path], only: frozenset[Path] | None) -> None:
    """Adds the files below the paths that hold patches of policies and nothing that looks like one."""
    known = {found.display for found, _ in workspace.files}
    for name in sorted(workspace.inventory.patched.paths - known):
        found = FoundFile(name)
        here = any(found.path == path or _holds(path, found.path) for path in paths)
        data = read_file(found) if here and (only is None or found.path.resolve() in only) else None
        if isinstance(data, bytes):
            workspace.files.append((found, data))


def _values(request: Request) -> tuple[Mapping[str, Any], ...]:
    """The value sets that a person names. Raises WorkspaceError for a file that holds none."""
    found = []
    for names in request.values:
        parts = []
        for name in names.split(","):
            try:
                values = values_of(read_bounded(Path(name), MAX_BYTES).decode("utf-8"))
            except OSError as error:
                raise WorkspaceError(f"--values {name}: {why_unread(Path(name), error)}") from None
            except UnicodeDecodeError:
                raise WorkspaceError(f"--values {name}: is not UTF-8 text") from None
            if values is None:
                raise WorkspaceError(f"--values {name}: expected a YAML mapping of values")
            parts.append(values)
        found.append({"words": f"--values {names}", "values": over(parts)})
    return tuple(found)


def _renderer(helm: Helm | None, request: Request, root: Path) -> Render:
    """Renders the charts of the tree."""
    if helm is None:
        return no_render
    from rewriter.inventory.render.renderer import Renderer

    return Renderer(helm, lambda inner: root / inner, fetch=request.render_fetch, cache=request.cache)


def _live(request: Request, progress: Progress) -> Sequence[Snapshot]:
    if not request.contexts:
        return ()
    from rewriter.inventory.live.contexts import LiveRequest, live_snapshots
    from rewriter.inventory.live.errors import ClusterError

    try:
        return live_snapshots(LiveRequest(request.contexts), progress)
    except ClusterError as error:
        raise WorkspaceError(f"--context: {error}") from None


def _root(start: Path, config: Config, request: Request) -> Path | None:
    """The top of the repository: as git knows it, else the folder of the config that was found."""
    return repository_root(_folder(start)) or (config.root if _config_found(config, request) else None)


def _config_found(config: Config, request: Request) -> bool:
    """Whether the config lies above the paths. Then its folder holds what belongs together: all the facts."""
    return config.file is not None and request.config_file is None


def _read_again(path: str) -> bytes | None:
    data = read_file(FoundFile(path))
    return data if isinstance(data, bytes) else None


def _read_beside(top: Path, exclude: Globs, path: str) -> bytes | None:
    """A file of the tree that is not offered, such as an env file; None for one outside of it or under `exclude`."""
    found = Path(path)
    try:
        inside = found.resolve(strict=True).is_relative_to(top.resolve())
    except (OSError, RuntimeError, ValueError):
        return None
    return _read_again(path) if inside and not (exclude and exclude.match(found)) else None


def _observed(request: Request, progress: Progress) -> ObservedFlows | None:
    if not request.hubble:
        return None
    from rewriter.inventory.hubble.read import HubbleError, read_exports

    try:
        return read_exports(request.hubble, progress, request.jobs)
    except HubbleError as error:
        raise WorkspaceError(str(error)) from None


def _dead(request: Request, running: Sequence[RunningPolicy]) -> Sequence[DeadPolicy]:
    """The policies that agent logs and snapshots say are not enforced."""
    if not request.agent_logs and not running:
        return ()
    from rewriter.inventory.hubble.agent_log import AgentLogError, dead_in_snapshots, read_agent_logs

    try:
        logged = read_agent_logs(request.agent_logs)
    except AgentLogError as error:
        raise WorkspaceError(str(error)) from None
    return [*logged, *dead_in_snapshots(running)]


def _holds(folder: Path, inner: Path) -> bool:
    return folder.is_dir() and inner.resolve().is_relative_to(folder.resolve())


def _local_to(config: Config) -> Callable[[Cluster, str], bool]:
    globs = {cluster.name: Globs(config.root, cluster.local_paths) for cluster in config.clusters}

    def local_to(cluster: Cluster, path: str) -> bool:
        return cluster.name in globs and globs[cluster.name].match(path)

    return local_to


def _folder(path: Path) -> Path:
    """The folder of a path: itself, or that of the file; the nearest one that exists."""
    while not os.path.isdir(path) and path != path.parent:  # noqa: PTH112 - false for names that cannot be
        path = path.parent
    return path


def _config(file: Path | None, start: Path) -> Config:
    found = file or find_config(start)
    return load_config(found, PASS_IDS) if found else Config(root=Path.cwd())
