"""All that a run of `impact` read but its policies, as one digest, and whether its results may be kept at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from rewriter.discovery.escapes import unescaped
from rewriter.engine.run.workspace import Request, Workspace
from rewriter.inventory.files.tree_files import KUSTOMIZATION_NAMES
from rewriter.inventory.kept.offered import digest_of
from rewriter.inventory.tree.noting import NotingInventory

#: Steps of kustomizations that write what stands in one manifest, a policy too, into others.
_TAKES_FROM_OTHERS = (b"replacements", b"vars")


def key_of(request: Request, workspace: Workspace, *, unsafe_fixes: bool) -> bytes:
    """The key of a run: what was asked for, and where."""
    asked = (
        request.names,
        str(request.config_file),
        request.from_version,
        request.to_version,
        [str(path) for path in request.inventories],
        unsafe_fixes,
        str(workspace.config.root),
        os.path.realpath("."),
    )
    return repr(asked).encode("utf-8", "surrogateescape")


def may_keep(request: Request, workspace: Workspace) -> bool:
    """Whether all that decides about the results of a run is noted: not where other programs, or clusters, answer."""
    inventory = workspace.inventory
    if not isinstance(inventory, NotingInventory) or request.contexts or "-" in request.names or workspace.errors:
        return False
    if request.hubble or request.agent_logs or request.values or request.render or request.render_fetch:
        return False
    rendered = workspace.charts is not None and (inventory.releases or _charts(inventory))
    patched = workspace.overlays is None or workspace.overlays.patched.paths
    return not rendered and not patched and not workspace.cluster_network_policies(None)


def ground_of(request: Request, workspace: Workspace, inventory: NotingInventory) -> str:
    """A digest of what was read beside the files that may hold policies."""
    total = blake2b(digest_size=20)
    policies = {found.display for found, _ in workspace.files}

    def add(*parts: object) -> None:
        for item in parts:
            data = item if isinstance(item, bytes) else str(item).encode("utf-8", "surrogateescape")
            total.update(len(data).to_bytes(8, "big"))
            total.update(data)

    file = workspace.config.file
    add("config", file, b"" if file is None else Path(file).read_bytes())
    add("versions", workspace.from_version.in_full, workspace.to_version.in_full, workspace.versions)
    add("renders", workspace.charts is not None)
    for snapshot in request.inventories:
        add("snapshot", snapshot, snapshot.read_bytes())
    for source, words in sorted(inventory.aged.items(), key=str):
        add("stale", source, words)
    for path, digest in inventory.offered.files.items():
        add("file", path, b"" if path in policies else digest)
    return total.hexdigest()


def is_nowhere(workspace: Workspace, inventory: NotingInventory, word: str) -> bool:
    """Whether a word stands in no file that may hold a policy, and there are no policies but those of the files."""
    data = {found.display: data for found, data in workspace.files}
    policies = [path for path, record in inventory.offered.records.items() if record is None or record.policy]
    return (
        not inventory.releases
        and not inventory.listed
        and all(path in data for path in policies)
        and not any(word.encode() in unescaped(text) for text in data.values())
    )


def is_read_the_same(
    inventory: NotingInventory, beside: Mapping[str, str | None], remotes: Sequence[str] | None
) -> bool:
    """Whether the files that were read beside those that are offered are what they were."""
    if remotes is not None and list(inventory.remotes_now()) != list(remotes):
        return False
    for path, digest in beside.items():
        data = inventory.read_now(path)
        if (None if data is None else digest_of(data).hex()) != digest:
            return False
    return True


def may_take_from_policies(inventory: NotingInventory, names: Iterable[str]) -> bool:
    """Whether steps of kustomizations may write what stands in policies into other manifests."""
    for name in names:
        if name.rpartition("/")[2] in KUSTOMIZATION_NAMES:
            data = inventory.bytes_of(name)
            if data is None or any(word in data for word in _TAKES_FROM_OTHERS):
                return True
    return False


def is_in_chart(inventory: NotingInventory, path: str) -> bool:
    """Whether a file lies in the folder of a chart."""
    return any(not folder or path.startswith(folder) for folder in _charts(inventory))


def _charts(inventory: NotingInventory) -> list[str]:
    return [
        path.removesuffix("Chart.yaml") for path in inventory.offered.files if path.rpartition("/")[2] == "Chart.yaml"
    ]
