"""Where a file's manifests land: namespace and cluster, from the config's globs and everything that applies it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.delivery import argo
from rewriter.inventory.delivery.appliers import folder_of
from rewriter.inventory.delivery.argo_plugins import DiscoveringPlugin, plugin_taking, plugins_of
from rewriter.inventory.delivery.changed_appliers import decides
from rewriter.inventory.delivery.kustomize_walk import BARE, Placement, reach
from rewriter.inventory.delivery.mutations import CLUSTERWIDE, Mutation
from rewriter.inventory.delivery.patches import Patch, may_mean
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.delivery.post_renderers import post_renderer, value_at
from rewriter.inventory.delivery.refused import refused
from rewriter.inventory.delivery.transform import Transform, selected_unseen, transformed
from rewriter.inventory.delivery.unfollowed import route_of
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

#: What a fix does to a policy of which something else takes a part.
COPIED = ", so that a fix here changes those, too"
_POLICY_KIND = re.compile(r"\b(?:Cilium(?:Clusterwide)?)?NetworkPolicy\b")
#: Kinds that render charts.
_RELEASES = frozenset({"HelmRelease"})


@dataclass(frozen=True, slots=True)
class Applied:
    """The namespace that a manifest lands in, and who says so, with file and line.

    None where it is unknown, or several disagree; `source` then says why, in words. `is_applied` is False where
    nothing in the tree applies it although the kustomization of its own folder could.
    """

    namespace: str | None
    source: str
    is_applied: bool = True


class Delivery:
    """Answers per file. `named` gives the cluster that a placement's target is, None where unknown."""

    def __init__(
        self,
        files: TreeFiles,
        placements: Placements,
        local: Callable[[str], Sequence[Cluster]],
        named: Callable[[str], Cluster | None],
        only: Callable[[], Cluster | None],
        mutations: Callable[[], Sequence[Mutation]] = tuple,
        are_local: Callable[[], bool] = lambda: True,
    ) -> None:
        self._are_local = are_local
        self._files = files
        self._placements = placements
        self._local_by_path = local
        self._named = named
        self._only = only
        self._mutations = mutations

    def _local(self, path: str) -> Sequence[Cluster]:
        """The clusters of a file by the config: those of its path, and of each that a symlink gives it."""
        paths = (path, *self._files.linked_at(self._files.inner(path)))
        return list({cluster.name: cluster for one in paths for cluster in self._local_by_path(one)}.values())

    def namespace_of(self, path: str, manifest: Mapping[str, Any]) -> Applied:
        """Where a manifest lands: by everything in the tree that applies it, else by its own namespace."""
        placements = self._placements.of(self._files.inner(path))
        if not placements:
            return self._unplaced(path, manifest)
        by_namespace: dict[str | None, Applied] = {}
        for placement in placements:
            applied = _applied(path, manifest, placement)
            by_namespace.setdefault(applied.namespace, applied)
        if len(by_namespace) == 1:
            return next(iter(by_namespace.values()))
        words = [
            f"to {applied.namespace or 'an unknown namespace'} by {applied.source}" for applied in by_namespace.values()
        ]
        return Applied(None, f"it is applied {' and '.join(words)}")

    def _unplaced(self, path: str, manifest: Mapping[str, Any]) -> Applied:
        """A manifest that nothing in the tree applies: its own namespace holds, if a person applies it."""
        reason = self._not_applied(path)
        if not reason:
            return _own(path, namespace_in(manifest), "no manifest says which namespace it is applied to")
        own = _own(path, namespace_in(manifest), "")
        return Applied(own.namespace, f"{own.source}; {reason}" if own.source else reason, is_applied=False)

    def overwritten_on_the_way(self, path: str, manifest: Mapping[str, Any]) -> Sequence[str]:
        """The routes of a policy whose values something on the way sets, as far as it names them one by one."""
        found: dict[str, None] = {}
        for placement in self._placements.of(self._files.inner(path)):
            for reason in (reason for step in placement.chain for reason in step.unfollowed):
                if reason.sets_values and reason.may_touch(manifest, manifest):
                    found |= dict.fromkeys(route_of(field) for field in reason.fields or ())
            name = str(mapping(manifest.get("metadata")).get("name"))
            for replacement in (change for step in placement.chain for change in step.replacements):
                if replacement.is_for(manifest, name):
                    found |= dict.fromkeys(route_of(field) for field in replacement.written)
        return tuple(found)

    def changed_on_the_way(
        self, path: str, manifest: Mapping[str, Any], route: str = "", *, but_for_patches: bool = False
    ) -> str:
        """Who changes what a policy says when it is applied, in words; empty where it is applied as it is written.

        `route` is that of a policy inside the manifest, which is then of another kind.
        `${VAR}` is no change here: what passes read of it, they read as not known. `but_for_patches` leaves out the
        patches of kustomizations that are read.
        """
        inner = self._files.inner(path)
        placements = self._placements.of(inner)
        for placement in placements:
            chain = [replace(step, variables=None) for step in placement.chain]
            if but_for_patches:
                chain = [_without_read_patches(step) for step in chain]
            value = manifest
            for count, step in enumerate(chain, 1):
                after = transformed(manifest, chain[:count])
                patched = transformed(manifest, [*chain[: count - 1], _patches_alone(step)])
                for patch in _patches(step):
                    # Names, namespace and labels of the step come after its patches, and before its late ones.
                    moments = (patched, after) if patch in step.late_patches else (value, patched)
                    if patch.changes_rules and any(may_mean(patch, moment, manifest) for moment in moments):
                        what = " that cannot be read changes it" if patch.unread else " changes it when it is applied"
                        return patch.words + what
                value = after
                if _rules(value, route) != _rules(manifest, route):
                    return f"{step.source} changes it when it is applied"
                for unfollowed in step.unfollowed:
                    if unfollowed.may_touch(value, manifest) and (not route or decides(unfollowed, manifest)):
                        return f"{unfollowed.words} may change it when it is applied"
                    if unfollowed.copies_from(value, manifest) and (not route or decides(unfollowed, manifest)):
                        return f"{unfollowed.words} write a part of it into other objects{COPIED}"
            if words := refused(chain, manifest):
                return f"{words}: kustomize fails, and applies nothing"
            if words := selected_unseen(placement.chain, manifest):
                return f"{words} may change it when it is applied"
            if words := post_renderer(value, route):
                return f"{words} may change it when it is applied"
        for step in self._placements.maybe_of(inner):
            for patch in _patches(step):
                if patch.changes_rules and may_mean(patch, manifest, manifest):
                    return f"{patch.words} may change it when it is applied"
            for unfollowed in step.unfollowed:
                if unfollowed.may_touch(manifest, manifest):
                    return f"{unfollowed.words} may change it when it is applied"
        for change in self._placements.folder_changes:
            if change.may_touch(inner):
                return f"{change.words} may change it when it is applied"
        if not placements and (words := post_renderer(manifest, route)):
            return f"{words} may change it when it is applied"
        return self._made_by_plugin(path, manifest) or self._mutated(path, manifest, route)

    @cached_property
    def _plugins(self) -> tuple[DiscoveringPlugin, ...]:
        return plugins_of(self._files)

    def _made_by_plugin(self, path: str, manifest: Mapping[str, Any]) -> str:
        """The plugin of Argo CD that makes manifests of a file's folder, and may change them."""
        inner = self._files.inner(path)
        for application in self._placements.applications:
            for source in argo.sources_of(mapping(application.value.get("spec"))):
                folder = folder_of(str(source.get("path", "")))
                if folder is None or not self._is_below(folder, inner):
                    continue
                name = mapping(application.value.get("metadata")).get("name")
                if source.get("plugin") is not None:
                    return f"a plugin of Application {name}, {application.source}, may change it when it is applied"
                plugin = plugin_taking(self._plugins, source, self._files)
                if plugin is not None and plugin.may_change(str([manifest.get(rules) for rules in ("spec", "specs")])):
                    words = f"plugin {plugin.name} of Argo CD, {plugin.source}, which may take Application {name}"
                    return f"{words}, may change it when it is applied"
        return ""

    def _is_below(self, folder: str, inner: str) -> bool:
        """Whether a file lies in a folder, or a kustomization of the folder lists it."""
        return (
            folder == "."
            or inner.startswith(f"{folder}/")
            or inner in reach(folder, self._placements.kustomizations, {})
        )

    def _mutated(self, path: str, manifest: Mapping[str, Any], route: str) -> str:
        """What changes a policy at admission, or what applies it."""
        own_kind = str(manifest.get("kind"))
        kinds = set(_POLICY_KIND.findall(str(manifest))) if route else {own_kind}
        concerned = [mutation for mutation in self._mutations() if mutation.policies & kinds or mutation.appliers]
        if not concerned:
            return ""
        namespace = None if route or own_kind == CLUSTERWIDE else self.namespace_of(path, manifest).namespace
        own = self.clusters_of(path)
        released = own_kind in _RELEASES or self._files.is_in_chart(self._files.inner(path))
        for mutation in concerned:
            theirs = self.clusters_of(mutation.source.path)
            apart = None not in own and None not in theirs and not set(own) & set(theirs)
            if not apart and any(mutation.may_touch(kind, namespace) for kind in kinds):
                return f"{mutation.words} may change it at admission"
            if mutation.appliers - (frozenset() if released else _RELEASES):
                return f"{mutation.words} may change what applies it at admission"
        return ""

    def doubts(self, path: str) -> Iterator[str]:
        """Why the cluster may have something else than a file states: in words, with the sources."""
        local = self._local(path)
        inner = self._files.inner(path)
        placements = self._placements.of(inner)
        targets = [placement.target for placement in placements] or self._placements.of_itself(inner)
        if inner in self._placements.roots:
            return
        if len(local) > 1:
            words = ", and of ".join(f"{cluster.name}, {cluster.source}" for cluster in local)
            links = self._files.linked_at(inner)
            linked = f" (by the symlink {links[0]}, too)" if len(self._local_by_path(path)) < len(local) else ""
            yield f"{path} matches `local` of {words}{linked}"
        elif not local and not targets and (why := self._not_applied(path)):
            yield f"{path} is not applied: {why}"
        elif not local and self._placements.managed and all(target.startswith(BARE) for target in targets):
            folders = " and ".join(dict.fromkeys(targets))
            why = f"Flux or Argo CD applies the tree, and nothing that is read reaches {folders}"
            yield f"{path} is not applied: {why}"
        elif local and placements:
            named = [cluster for placement in placements if (cluster := self._named(placement.target)) is not None]
            if named and local[0] not in named:
                words = f"{named[0].name}, {placements[0].target}"
                yield f"{path} is for {local[0].name}, {local[0].source}, and is applied to {words}"

    def is_patch(self, path: str) -> bool:
        """Whether a file holds Kustomize patches and no manifests of its own: nothing applies it by itself."""
        inner = self._files.inner(path)
        return inner in self._placements.patch_files and not self._placements.of(inner)

    def is_applied(self, path: str) -> bool:
        """Whether anything in the tree, or a person, may apply a file."""
        inner = self._files.inner(path)
        if self._placements.of(inner):
            return True
        if (inner.rpartition("/")[0] or ".") in self._placements.kustomizations:
            return False
        return bool(self._local(path)) or not self._placements.managed

    def _not_applied(self, path: str) -> str:
        """Why it seems that nothing applies a file that has no placement; empty where people may do it by hand."""
        beside = self._placements.kustomizations.get(self._files.inner(path).rpartition("/")[0] or ".")
        if beside is not None:
            return f"{beside.source} does not list it, and nothing else applies it"
        return (
            "Flux or Argo CD applies the tree, and nothing that is read reaches the file"
            if self._placements.managed
            else ""
        )

    def clusters_of(self, path: str) -> tuple[Cluster | None, ...]:
        """The clusters that a file's manifests are applied to, each once; None stands for an unknown one."""
        local = self._local(path)
        if local:
            return tuple(local)
        placements = self._placements.of(self._files.inner(path))
        found = {}
        for placement in placements:
            cluster = self._named(placement.target) or self._only()
            found[cluster.name if cluster else None] = cluster
        return tuple(found.values()) or (self._only(),)

    def clusters_by_file(self) -> dict[str, frozenset[str | None]]:
        """The clusters of each file that something applies, by inner path; None among them is an unknown one."""
        return {
            inner: frozenset(cluster.name if cluster else None for cluster in self.clusters_of(path))
            for inner, path in self._files.names.items()
            if self._placements.of(inner)
        }

    def cluster_of(self, path: str) -> Cluster | None:
        """The one cluster that a file's manifests are applied to; None where it is unknown, or several."""
        found = self.clusters_of(path)
        return found[0] if len(found) == 1 else None

    def cluster_at(self, path: str, placement: Placement) -> Cluster | None:
        """The cluster of one placement of a file."""
        local = self._local(path)
        if local:
            return local[0] if len(local) == 1 else None
        return self._named(placement.target) or self._only()

    def reached_by(self, paths: Iterable[str]) -> frozenset[str]:
        """The names of the known clusters that files are applied to, placement by placement."""
        nothing = (Placement((), ""),)
        placed = ((path, self._placements.of(self._files.inner(path)) or nothing) for path in paths)
        if self._are_local():
            found = [self.cluster_at(path, placement) for path, placements in placed for placement in placements]
        else:
            targets = {placement.target for _path, placements in placed for placement in placements}
            found = [self._named(target) or self._only() for target in targets]
        return frozenset(cluster.name for cluster in found if cluster is not None)


def _rules(manifest: Mapping[str, Any], route: str) -> Any:
    """What a policy says, or what stands at a route of the manifest that holds it."""
    if not route:
        return manifest.get("spec"), manifest.get("specs")
    return value_at(manifest, route)


def _without_read_patches(step: Transform) -> Transform:
    own, late = (
        tuple(patch for patch in patches if not patch.is_followed) for patches in (step.patches, step.late_patches)
    )
    return replace(step, patches=own, late_patches=late)


def _patches_alone(step: Transform) -> Transform:
    return Transform(step.source, patches=step.patches)


def _patches(step: Transform) -> Iterator[Patch]:
    yield from step.patches
    yield from step.late_patches


def namespace_in(manifest: Mapping[str, Any]) -> Any:
    """A manifest's namespace as written."""
    return mapping(manifest.get("metadata")).get("namespace")


def _applied(path: str, manifest: Mapping[str, Any], placement: Placement) -> Applied:
    namespace = namespace_in(placement.apply(manifest))
    source = path
    if namespace != namespace_in(manifest):
        setters = [step for step in placement.chain if step.namespace is not None or step.default_namespace is not None]
        substituting = [step for step in placement.chain if step.variables is not None]
        source = str((setters or substituting or placement.chain)[-1].source)
    return _own(source, namespace, "nothing that applies it sets a namespace")


def _own(source: str, namespace: Any, otherwise: str) -> Applied:
    if not isinstance(namespace, str) or not namespace:
        return Applied(None, otherwise)
    if yamltext.has_substitution(namespace):
        return Applied(None, f"its namespace is {namespace}, whose value the tree does not have, {source}")
    return Applied(namespace, source)
