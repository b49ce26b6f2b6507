"""The upgrade that a run is about: as the command line and the config have it, else from the Cilium that runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rewriter import patterns as re
from rewriter.cilium.version import DEFAULT_TO, SUPPORTED, Version, parse_version
from rewriter.config import Config
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.tree.repository import TreeInventory
from rewriter.records import dataclass
from rewriter.text import join_names

#: A release as tags, charts and snapshots write it: `1.17`, `1.17.4`, `1.17.x`, `1.17.0-rc.1`.
_RELEASE = re.compile(r"v?(\d+)\.(\d+)(?:\.(?:\d+|x|\*))?(?:[-+].*)?")


class VersionsError(ValueError):
    """Releases that make no upgrade, or that cnpfix does not know."""


@dataclass(frozen=True, slots=True)
class Given:
    """The releases that the command line or the config names, and which of the two does; None where neither does."""

    before: Version | None
    after: Version | None
    why: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The release that runs today, the one to be ready for, and why these, in words."""

    before: Version
    after: Version
    why: str


@dataclass(frozen=True, slots=True)
class _Running:
    version: Version
    words: str


def given(before: str | None, after: str | None, config: Config) -> Given:
    """The releases as written on the command line, else as the config has them. Raises VersionsError."""
    try:
        source = parse_version(before) if before else config.from_version
        target = parse_version(after) if after else config.to_version
    except ValueError as error:
        raise VersionsError(str(error)) from None
    if source and target and target.precedes(source):
        if before is None and after is not None:
            source = None  # --to alone goes below what the config says of today.
        else:
            raise VersionsError(
                f"--from {source.in_full} is newer than --to {target.in_full}; give an upgrade, not a downgrade"
            )
    configured = (config.from_version, config.to_version)
    by_config = any(
        wanted is not None and text is None and wanted == used
        for wanted, text, used in zip(configured, (before, after), (source, target), strict=True)
    )
    who = [name for name, text in (("--from", before), ("--to", after)) if text]
    return Given(source, target, join_names([*who, config.file.name] if by_config and config.file else who))


def upgrade(named: Given, inventory: TreeInventory | None, paths: Iterable[str]) -> Upgrade:
    """The upgrade of a run over files. Without an inventory nothing is known of what runs.

    What is not named is the release that runs (of several the oldest), and the minor release after it.
    """
    before, after = named.before, named.after
    if before is not None and after is not None:
        return Upgrade(before, after, f"given by {named.why}")
    if before is not None:
        return Upgrade(before, _next(before), f"{before.in_full} is given by {named.why}, {_after(before)}")
    running = _oldest(inventory, paths) if inventory is not None else None
    if running is not None and (after is None or running.version <= after):
        target = after or _next(running.version)
        last = f"{after.in_full} is given by {named.why}" if after else _after(running.version)
        return Upgrade(running.version, target, f"{running.words}, {last}")
    target = after or DEFAULT_TO
    source = max(target.previous, SUPPORTED[0])
    if running is not None:
        why = f"{running.words}, but {target}, given by {named.why}, is older; {source} is the release before it"
    elif after is not None:
        why = (
            f"{target.in_full} is given by {named.why}, {source} is the release before it; which one runs is not known"
        )
    else:
        why = "no installation of Cilium is known; --from and --to name other releases"
    return Upgrade(source, target, why)


def _next(version: Version) -> Version:
    return min(Version(version.major, version.minor + 1), SUPPORTED[-1])


def _after(version: Version) -> str:
    following = _next(version)
    return f"{following} is the release after it" if following > version else f"{version} is the newest known"


def _oldest(inventory: TreeInventory | None, paths: Iterable[str]) -> _Running | None:
    if inventory is None:
        return None
    found = list(_of_clusters(inventory, paths)) or list(_of_installs(inventory))
    if not found:
        return None
    oldest = min(found, key=lambda item: item.version)
    newer = sorted({str(item.version) for item in found if item.version != oldest.version})
    return _Running(oldest.version, f"{oldest.words}, others {' and '.join(newer)}") if newer else oldest


def _of_clusters(inventory: TreeInventory, paths: Iterable[str]) -> Iterator[_Running]:
    """The clusters that the files are applied to, all that are known where that is not, with their release."""
    applied = [inventory.cluster_of(path) for path in paths]
    for cluster in inventory.clusters:
        if cluster in applied or not any(applied):
            version = _release(cluster.version)
            if version is not None:
                yield _Running(version, f"{cluster.name} runs {cluster.version} ({_source(inventory, cluster)})")


def _of_installs(inventory: TreeInventory) -> Iterator[_Running]:
    """The installations whose cluster has no name."""
    for install in inventory.installs:
        version = _release(install.settings.version)
        if version is not None and install.settings.name is None:
            yield _Running(version, f"Cilium {install.settings.version} runs ({install.settings.source})")


def _release(text: str | None) -> Version | None:
    match = _RELEASE.fullmatch(text or "")
    version = Version(int(match[1]), int(match[2])) if match else None
    return version if version in SUPPORTED else None


def _source(inventory: TreeInventory, cluster: Cluster) -> str:
    """The installation that has the version of a cluster, else where the cluster itself is from."""
    for install in inventory.installs:
        if (install.settings.name, install.settings.version) == (cluster.name, cluster.version):
            return str(install.settings.source)
    return str(cluster.source_of("version"))
