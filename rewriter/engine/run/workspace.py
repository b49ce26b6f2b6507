"""What a run is asked for, and what it works on: config, versions, files that hold policies, inventory of the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any

from rewriter import yamltext
from rewriter.cache import NO_CACHE, CacheFolder
from rewriter.cilium.cidr_group import is_cidr_group
from rewriter.cilium.crd.facts import CIDR_GROUP
from rewriter.cilium.policy import Policy, objects_in
from rewriter.cilium.tiers import KIND, is_cluster_network_policy
from rewriter.cilium.version import Version
from rewriter.config import Config
from rewriter.discovery import (
    FoundFile,
    InputError,
)
from rewriter.engine.charts.find import Charts
from rewriter.engine.documents.holders import generator, held_policies
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.documents.read import FoundPolicy, NamespaceOf, policies_in
from rewriter.engine.documents.templates import unmasked, with_flow_variables
from rewriter.engine.documents.text_policies import is_applied, policies_in_quotes, policies_in_texts
from rewriter.engine.overlays.applied import as_applied
from rewriter.engine.overlays.treat import Overlays
from rewriter.engine.pipeline.isolation import as_error, failure_of
from rewriter.engine.traffic.judged import Traffic
from rewriter.inventory.facts.model import Cluster, RunningPolicy
from rewriter.inventory.hubble.agent_log import DeadPolicy
from rewriter.inventory.hubble.flows import ObservedFlows
from rewriter.inventory.tree.repository import TreeInventory
from rewriter.passes.kit.enforced.enforcement import has_wrong_types
from rewriter.passes.kit.sides.neighbours import Neighbours
from rewriter.records import dataclass


class WorkspaceError(Exception):
    """A run that cannot begin: one line that says what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for. Versions are as written; `names` are the paths, `cache` keeps between runs.

    `jobs` is the number of processes that read what is large; 0 takes what the machine offers. `keeps_results` says
    that what comes of the run may be kept, so that it takes note of all that it reads.
    """

    names: tuple[str, ...] = (".",)
    config_file: Path | None = None
    from_version: str | None = None
    to_version: str | None = None
    inventories: tuple[Path, ...] = ()
    contexts: tuple[str, ...] = ()
    render: str | None = None
    render_fetch: bool = False
    values: tuple[str, ...] = ()
    hubble: tuple[Path, ...] = ()
    agent_logs: tuple[Path, ...] = ()
    diff_base: str | None = None
    stdin_name: str | None = None
    ignore_config: bool = False
    cache: CacheFolder = NO_CACHE
    jobs: int = 1
    keeps_results: bool = False


@dataclass(slots=True)
class Workspace:
    """Files that hold policies with their bytes, in order; `scanned` counts all files looked at.

    `archived` are files with policies that are left out, each after the archive in which it lies.

    `names` are the paths that were asked for, `narrowed` says that only files changed since a revision were taken,
    `has_facts` that all files of the repository were offered as facts, `files_alone` that only those asked for were.
    `templates` are the places (`file:line`) of template markup for which `policies` left documents out;
    `another_inventory` makes one for the same config, of which nothing is offered yet, with what `read` reads;
    `versions` says why the run is about these two releases; `charts` finds templates, None where helm renders nothing,
    `overlays` finds policies that patches change.
    """

    config: Config
    from_version: Version
    to_version: Version
    inventory: TreeInventory
    observed: ObservedFlows | None = None
    dead: Sequence[DeadPolicy] = ()
    running: Sequence[RunningPolicy] = ()
    traffic: Traffic | None = None
    charts: Charts | None = None
    overlays: Overlays | None = None
    files: list[tuple[FoundFile, bytes]] = field(default_factory=list)
    archived: list[tuple[str, str]] = field(default_factory=list)
    scanned: int = 0
    errors: list[InputError] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    versions: str = ""
    names: tuple[str, ...] = (".",)
    narrowed: bool = False
    has_facts: bool = False
    files_alone: bool = False
    another_inventory: Callable[..., TreeInventory] = TreeInventory
    _policies: list[LocatedPolicy] | None = None
    _applied: dict[bool, list[LocatedPolicy]] = field(default_factory=dict)
    _of_tiers: list[LocatedPolicy] | None = None
    _others: dict[str, Neighbours] = field(default_factory=dict)

    def keep(self) -> None:
        """Keeps what was read of the files for the next run, at the end of this one, when most of them are known."""
        if self.has_facts:
            self.inventory.keep()

    def with_inventory(self, inventory: TreeInventory) -> Workspace:
        """The same run without its files, on other facts; what is wrong is among the errors of both."""
        return Workspace(self.config, self.from_version, self.to_version, inventory, errors=self.errors)

    def namespace_of(self, path: str, manifest: Mapping[str, Any]) -> str | None:
        """The namespace that a manifest of a file is applied to; None where unknown."""
        return self.inventory.namespace_of(path, manifest).namespace

    def policies(self) -> list[LocatedPolicy]:
        """Every policy of the files, those of unreadable files and templates left out. Read once."""
        if self._policies is None:
            self._policies = [located for found, data in self.files for located in self.read_policies(found, data)]
        return self._policies

    def applied_policies(self, *, everywhere: bool = False) -> list[LocatedPolicy]:
        """Every policy as a cluster gets it: those that patches or variables change once for each different way.

        With `everywhere` those that kustomizations put into several namespaces are there once for each, too.
        """
        if everywhere not in self._applied:
            own = self.policies()
            patched = None if self.overlays is None else self.overlays.patched
            made = own if patched is None else list(as_applied(patched, own, everywhere=everywhere))
            self._applied[everywhere] = made
        return self._applied[everywhere]

    def cluster_of(self, located: LocatedPolicy) -> Cluster | None:
        """The one cluster that a policy is applied to; None where it is not known, or several."""
        return self.inventory.cluster_of(located.path) if located.built is None else located.built.cluster

    def policies_of_cluster(self, cluster: Cluster | None, *, everywhere: bool = False) -> list[LocatedPolicy]:
        """The policies as they are applied to a cluster; one whose clusters are unknown counts for every cluster."""
        return [
            located
            for located in self.applied_policies(everywhere=everywhere)
            if cluster is None or self.cluster_of(located) in (None, cluster)
        ]

    def cluster_network_policies(self, cluster: Cluster | None) -> list[LocatedPolicy]:
        """The ClusterNetworkPolicies applied to a cluster, whether its agents read them or not; no pass finds any."""
        if self._of_tiers is None:
            own = [located for found, data in self.files for located in self.read_tiers(found, data)]
            patched = self.inventory.patched.of_tiers() if own else None
            self._of_tiers = own if patched is None else list(as_applied(patched, own))
        return [located for located in self._of_tiers if cluster is None or self.cluster_of(located) in (None, cluster)]

    def others(self, path: str) -> Sequence[Policy]:
        """The policies of the cluster that a file's manifests are applied to; none that no release can decode.

        ClusterNetworkPolicies are among them where the agents of the cluster read these.
        """
        cluster = self.inventory.cluster_of(path)
        name = "" if cluster is None else cluster.name
        if name not in self._others:
            applied = self.policies_of_cluster(cluster, everywhere=True)
            # What is put into several namespaces is also there as it stands: its neighbours may not be followed there.
            written = [located for located in self.policies_of_cluster(cluster) if located.built is None]
            both = {id(located): located for located in (*applied, *written)}
            found = [located.policy for located in both.values() if not has_wrong_types(located.policy)]
            if cluster is not None and cluster.cluster_network_policies:
                found += [located.policy for located in self.cluster_network_policies(cluster)]
            self._others[name] = Neighbours(found)
        return self._others[name]

    def read_policies(self, found: FoundFile, data: bytes, read_from: str = "") -> list[LocatedPolicy]:
        """The policies of a file's bytes, which come from `read_from` if they are not the file's own.

        What cannot be read is among the errors, what is a template among the templates.
        """
        shown = read_from or found.display
        try:
            return self._read_policies(found, data, shown)
        except Exception as error:
            self.errors.append(as_error(failure_of(error, "reading the policies"), shown, None))
            return []

    def _read_policies(self, found: FoundFile, data: bytes, shown: str) -> list[LocatedPolicy]:
        if self.inventory.is_patch(found.display):
            return []
        try:
            text = yamltext.decode(data)
            documents = yamltext.parse_kept(text)
        except yamltext.YamlTextError as error:
            text = data.decode("utf-8", "replace")
            markup = yamltext.template_markup(text)
            reading = with_flow_variables(text) if markup is None else None
            if markup is not None:
                self._leave_out(shown, text, markup.start)
            elif reading is None:
                self.errors.append(InputError(shown, error.message, error.line, error.hint))
            for unread in () if reading is None else reading.unread:
                self._leave_out(shown, text, unread.offset)
            documents = [] if reading is None else unmasked(reading, text)
        found_here = self._located(found.display, text, documents)
        for offset in (place for place in found_here if isinstance(place, int)):
            self._leave_out(shown, text, offset)
        return [located for located in found_here if isinstance(located, LocatedPolicy)]

    def read_tiers(self, found: FoundFile, data: bytes) -> list[LocatedPolicy]:
        """The ClusterNetworkPolicies of a file's bytes, templates left out; `read_policies` reports what is broken."""
        return self._read_objects(found, data, KIND, is_cluster_network_policy)

    def cidr_groups(self) -> list[LocatedPolicy]:
        """The CiliumCIDRGroups of the files, templates left out."""
        return [
            located
            for found, data in self.files
            for located in self._read_objects(found, data, CIDR_GROUP, is_cidr_group)
        ]

    def _read_objects(
        self, found: FoundFile, data: bytes, kind: str, is_wanted: Callable[[Any], bool]
    ) -> list[LocatedPolicy]:
        if kind.encode() not in data or self.inventory.is_patch(found.display):
            return []
        try:
            text = yamltext.decode(data)
            documents = yamltext.parse(text)
        except yamltext.YamlTextError:
            return []
        return [
            LocatedPolicy(found.display, document, policy)
            for document in documents
            if yamltext.template_markup(text[document.span.start : document.span.end]) is None
            for policy in objects_in(document.value, is_wanted)
        ]

    def policies_of_text(self, path: str, text: str) -> list[LocatedPolicy]:
        """The policies of a file with another text, templates left out. Raises YamlTextError."""
        try:
            documents = yamltext.parse_made(text)
        except yamltext.YamlTextError:
            reading = with_flow_variables(text)
            if reading is None:
                raise
            documents = unmasked(reading, text)
        found = self._located(path, text, documents)
        return [located for located in found if isinstance(located, LocatedPolicy)]

    def text_policies(self) -> list[LocatedPolicy]:
        """The policies in texts of manifests that apply nothing themselves, such as a ConfigMap."""
        found = []
        for file, data in self.files:
            try:
                documents = yamltext.parse(yamltext.decode(data)) if b"NetworkPolicy" in data else []
            except yamltext.YamlTextError:
                continue
            for document in documents:
                if not is_applied(document.value):
                    found += _in_texts(file.display, document, partial(self.namespace_of, file.display))
        return found

    def _located(self, path: str, text: str, documents: Sequence[yamltext.Document]) -> list[LocatedPolicy | int]:
        """The policies of a text, and the offset of the markup of a document that holds some in the place of these."""
        located: list[LocatedPolicy | int] = []
        for document in documents:
            for item in self.document_policies(path, document.value):
                node = yamltext.node_at(document, item.policy.route) if item.holder else None
                start, end = (node.start, node.end) if node else (document.span.start, document.span.end)
                markup = yamltext.template_markup(text[start:end])
                if markup is not None:
                    located.append(start + markup.start)
                    break
                located.append(LocatedPolicy(path, document, item.policy))
            if is_applied(document.value):
                located += _in_texts(path, document, partial(self.namespace_of, path))
        return located

    def document_policies(self, path: str, value: object) -> list[FoundPolicy]:
        """The policies of a document: itself, the items of a List, or those that a manifest of another kind holds.

        What generates policies (Kyverno), or changes them on their way, holds none that a cluster gets as they stand.
        """
        namespace_of = partial(self.namespace_of, path)
        held = (
            found_policy
            for found_policy in held_policies(value, namespace_of)
            if not found_policy.left and generator(found_policy) is None
        )
        return policies_in(value, namespace_of) or list(held)

    def _leave_out(self, path: str, text: str, markup: int) -> None:
        self.templates.append(f"{path}:{text.count(chr(10), 0, markup) + 1}")


def _in_texts(path: str, document: yamltext.Document, namespace_of: NamespaceOf) -> list[LocatedPolicy]:
    """The policies in the texts of a document; what stands in quoted text has one line for all of it."""
    inside = [
        LocatedPolicy(path, where, found_policy.policy)
        for where, found_policy in policies_in_texts(document, namespace_of)
    ]
    quoted = policies_in_quotes(document, namespace_of)
    return inside + [LocatedPolicy(path, where, found_policy.policy, line=line) for where, found_policy, line in quoted]
