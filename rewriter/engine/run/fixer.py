"""One file: parsed, found in, fixed and proved. Pure, given the inventory; writing is a step of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.config.model import Config, PathRule
from rewriter.discovery import FoundFile
from rewriter.engine.charts.file import changes_of, not_covered, not_rendered, treat_chart_file
from rewriter.engine.charts.find import Charts
from rewriter.engine.charts.treat import ChartOutcome
from rewriter.engine.documents.known import KnownPolicies
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.documents.templates import Reading, read_documents
from rewriter.engine.effects.harm import unless_enforced
from rewriter.engine.effects.of_fixes import Effects
from rewriter.engine.effects.settings import both_settings, mesh_addresses
from rewriter.engine.overlays.treat import OverlayOutcome, Overlays, treat_patched_file
from rewriter.engine.pipeline import refusals
from rewriter.engine.pipeline.hooks import FileHooks, Outcome, Possible
from rewriter.engine.pipeline.isolation import as_error, failure_of
from rewriter.engine.pipeline.notes import CODE as NOTE_CODE
from rewriter.engine.pipeline.notes import (
    NOTE_IDS,
    UNUSED_SUPPRESSION,
    is_silenced_note,
    note_on_template,
    note_on_unused,
)
from rewriter.engine.proofs.manifest import ProofError
from rewriter.engine.results.baseline import Known
from rewriter.engine.results.observed import Observed
from rewriter.engine.results.result import Change, FileResult, Location, Reported, by_config, may_apply
from rewriter.engine.results.suppression import silenced, suppressions
from rewriter.engine.results.unchecked import needs_mesh
from rewriter.engine.run.file_proof import Elsewhere, prove_file
from rewriter.engine.run.held import skip_reason, unknown_acceptance
from rewriter.engine.run.run_options import Options, idle_passes, passes_for, rules_for
from rewriter.engine.run.treated import Parts, Treated, treat_document
from rewriter.engine.run.workspace import Workspace
from rewriter.engine.traffic.judged import Traffic
from rewriter.engine.traffic.replay import PolicyPosition
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import mesh_known
from rewriter.evidence.possible_settings import possible_settings
from rewriter.evidence.resting import part
from rewriter.finding import Applicability, Finding
from rewriter.inventory.delivery.patched_policies import PatchedPolicy
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.questions.inventory import Inventory
from rewriter.passes import PASS_IDS, PASSES
from rewriter.passes.kit.registry import Pass
from rewriter.records import dataclass
from rewriter.suppress import Suppression, unused


@dataclass(frozen=True, slots=True)
class Fixer:
    """Treats files one by one: `fix_file` is pure, given the inventory."""

    config: Config
    options: Options
    inventory: Inventory
    namespace_of: Callable[[str, dict[str, object]], str | None]
    others: Callable[[str], Sequence[Policy]]
    traffic: Traffic | None = None
    answers: dict[tuple[object, ...], Any] = field(default_factory=dict, compare=False)
    charts: Charts | None = None
    overlays: Overlays | None = None
    known: KnownPolicies = field(default_factory=KnownPolicies, compare=False)
    passes_by_rules: dict[tuple[PathRule, ...], tuple[Pass, ...]] = field(default_factory=dict, compare=False)

    def fix_file(self, found: FoundFile, data: bytes) -> FileResult:
        """One file's findings and its new text. Never raises on any content."""
        try:
            return self._fix_file(found, data)
        except Exception as error:
            broken = as_error(failure_of(error, "reading the file"), found.display, None)
            return FileResult(found.display, data.decode("utf-8", "replace"), errors=(broken,))

    def _fix_file(self, found: FoundFile, data: bytes) -> FileResult:
        try:
            text = yamltext.decode(data)
        except yamltext.YamlTextError as error:
            return refusals.unreadable(found.display, "", error)
        try:
            reading = read_documents(text)
        except yamltext.YamlTextError as error:
            return refusals.unreadable(found.display, text, error)
        return self._fix_documents(found, text, reading)

    def _fix_documents(self, found: FoundFile, text: str, reading: Reading) -> FileResult:
        is_patch = self.inventory.is_patch(found.display)
        if is_patch and not self._is_patched(found):
            return FileResult(found.display, text)
        documents = [] if is_patch else reading.documents
        passes = self._passes(found.path)
        used: set[tuple[Suppression, str]] = set()
        hidden: set[tuple[Known, int]] = set()
        chart = self._rendered(found, text, passes, hidden)
        silences = suppressions(reading.text, documents, PASS_IDS)
        hooks = self._hooks(found, passes, silences, used, hidden)
        built = self._built(found, text, passes, silences, used, hidden)
        treated = Treated(
            [*chart.findings, *built.findings],
            [as_error(failure, found.display, line + 1) for failure, line in (*chart.failures, *built.failures)],
            chart.policies + built.policies,
            not_covered(text, reading.unread, chart),
            silences,
            used,
        )
        parts = Parts(found.display, text, reading, chart, partial(self.namespace_of, found.display))
        for document in documents:
            if document.index in built.covered:
                treated.read.append(hooks.policies(document.value))
            else:
                with part(document.span.start):
                    treat_document(parts, document, hooks, treated)
        findings = self._findings(found, text, treated, chart, passes, hidden)
        meshless = self._meshless(found, treated.read)
        result = FileResult(
            found.display,
            text,
            (),
            tuple(findings),
            treated.policies,
            (*treated.errors, *refusals.failures(found, treated.outcomes, findings)),
            known=len(hidden),
            meshless=meshless and meshless & {pass_.id for pass_ in passes},
        )
        return self._joined(found, result, reading, treated.outcomes, chart, built)

    def _findings(
        self,
        found: FoundFile,
        text: str,
        treated: Treated,
        chart: ChartOutcome,
        passes: tuple[Pass, ...],
        hidden: set[tuple[Known, int]],
    ) -> list[Reported]:
        """What is reported of a file, in order: the findings, notes on what is not read and on idle suppressions."""
        there = {(reported.finding.id, reported.location.line) for reported in treated.findings}
        beside = [reported for reported in chart.beside if (reported.finding.id, reported.location.line) not in there]
        findings = [*treated.findings, *beside, *note_on_template(found.display, text, treated.unread, chart.unjudged)]
        findings = [item for item in findings if not is_silenced_note(item, treated.silences, treated.used)]
        silences = (*not_rendered(text, treated.silences, chart), *chart.silences)
        findings += self._unused(found, silences, treated.used | chart.used, passes)
        findings = [item for item in findings if not self._is_known_note(item, hidden)]
        return sorted(findings, key=lambda item: (item.location.line, item.finding.code, item.location.column))

    def _rendered(
        self, found: FoundFile, text: str, passes: tuple[Pass, ...], hidden: set[tuple[Known, int]]
    ) -> ChartOutcome:
        """What a file is as a template of a chart; nothing for any other file, and where charts are not rendered."""
        if self.charts is None:
            return ChartOutcome()
        hooks = lambda path: self._hooks(FoundFile(path), passes, (), set(), hidden)  # noqa: E731
        apart = replace(self, others=lambda _: (), traffic=None, known=KnownPolicies())

        def alone(world: Inventory) -> FileHooks:
            return replace(apart, inventory=world, answers={})._hooks(found, passes, (), set(), hidden)

        return treat_chart_file(self.charts, found.display, text, hooks, alone) or ChartOutcome()

    def _is_patched(self, found: FoundFile) -> bool:
        return self.overlays is not None and bool(self.overlays.patched.of_path(found.display))

    def _built(
        self,
        found: FoundFile,
        text: str,
        passes: tuple[Pass, ...],
        silences: tuple[Suppression, ...],
        used: set[tuple[Suppression, str]],
        hidden: set[tuple[Known, int]],
    ) -> OverlayOutcome:
        """What a file is to policies that patches change; nothing where it has no part in one."""
        if self.overlays is None or not self._is_patched(found):
            return OverlayOutcome()
        hooks = partial(self._patched_hooks, self.overlays, passes, silences, used, hidden)
        return treat_patched_file(self.overlays, found.display, text, hooks, self._hooks_of_another)

    def _hooks_of_another(self, path: str, text: str) -> Callable[[PatchedPolicy], FileHooks]:
        """As for the policies that a file changes, for another file of the tree, with its own passes and comments."""
        assert self.overlays is not None
        silences = suppressions(text, read_documents(text).documents, PASS_IDS)
        return partial(self._patched_hooks, self.overlays, self._passes(Path(path)), silences, set(), set())

    def _patched_hooks(
        self,
        overlays: Overlays,
        passes: tuple[Pass, ...],
        silences: tuple[Suppression, ...],
        used: set[tuple[Suppression, str]],
        hidden: set[tuple[Known, int]],
        policy: PatchedPolicy,
    ) -> FileHooks:
        cluster = overlays.patched.cluster_of(policy)
        own = self._hooks(FoundFile(policy.base.path), passes, silences, used, hidden, cluster)
        return replace(own, skip_reason=partial(unknown_acceptance, cluster, self.options.to_version))

    def _meshless(self, found: FoundFile, read: Iterable[Sequence[FoundPolicy]]) -> frozenset[str]:
        """The passes that would look at these policies if a mesh were known; none where one is."""
        if mesh_known(self.inventory, self.config):
            return frozenset()
        cluster = self.inventory.cluster_of(found.display)
        span = (self.options.from_version, self.options.to_version)
        return frozenset().union(*(needs_mesh(one.policy, cluster, span) for policies in read for one in policies))

    def _unused(
        self,
        found: FoundFile,
        silences: Sequence[Suppression],
        used: Set[tuple[Suppression, str]],
        passes: Sequence[Pass],
    ) -> list[Reported]:
        """The suppressions that silence nothing. A bare one may be for a pass that this run does not select."""
        if not silences:
            return []
        ran = frozenset(pass_.id for pass_ in passes) | NOTE_IDS
        span = (self.options.from_version, self.options.to_version)
        every = all(pass_.id in ran for pass_ in PASSES if pass_.concerns(*span))
        known = frozenset(pass_.id for pass_ in PASSES) | NOTE_IDS
        idle = unused(silences, used, ran, known, every=every)
        return [
            note_on_unused(found.display, item) for item in idle if UNUSED_SUPPRESSION not in item.suppression.names
        ]

    def _joined(
        self,
        found: FoundFile,
        result: FileResult,
        reading: Reading,
        outcomes: Mapping[int, Outcome],
        chart: ChartOutcome,
        built: OverlayOutcome,
    ) -> FileResult:
        """The file with its new documents in place, after proofs over the whole of it."""
        rendered = changes_of(result.before, chart.text) + changes_of(result.before, built.text)
        changes = rendered + [
            Change(document.span.start, document.span.end, outcome.text)
            for document in reading.documents
            if (outcome := outcomes.get(document.index)) is not None and outcome.text is not None
        ]
        if not changes:
            return result
        changed = replace(result, changes=tuple(sorted(changes, key=lambda change: change.start)))
        try:
            hooks_of = lambda silences: self._hooks(found, self._passes(found.path), silences, set(), set())  # noqa: E731
            prove_file(changed, reading, outcomes, Elsewhere(chart, built), hooks_of)
        except ProofError as error:
            return refusals.refused(result, str(error))
        return changed

    def _passes(self, path: Path) -> tuple[Pass, ...]:
        rules = rules_for(path, self.config)
        if rules not in self.passes_by_rules:
            self.passes_by_rules[rules] = passes_for(rules, self.options, PASSES)
        return self.passes_by_rules[rules]

    def _hooks(
        self,
        found: FoundFile,
        passes: tuple[Pass, ...],
        silences: tuple[Suppression, ...],
        used: set[tuple[Suppression, str]],
        hidden: set[tuple[Known, int]],
        cluster: Cluster | None = None,
    ) -> FileHooks:
        """How the documents of a file are fixed; records which suppressions and known findings were met.

        `cluster` is where they go, if that is not for the file to say.
        """
        cluster = cluster or self.inventory.cluster_of(found.display)
        overrides = self.config.applicability
        return FileHooks(
            path=found.display,
            passes=passes,
            policies=partial(self._policies, found.display),
            context=partial(self._context, found.display, cluster),
            configured=lambda finding: unless_enforced(by_config(finding, overrides.get(finding.id)), cluster),
            allowed=self._allowed,
            silenced=partial(silenced, silences, used),
            known=lambda batch: self._known(batch, hidden),
            effects=self._effects(cluster, found.display),
            skip_reason=partial(skip_reason, self.inventory, found.display, cluster, self.options.to_version),
            overwritten=partial(self._overwritten, found.display),
            observe=None if self.traffic is None else partial(self._observed, self.traffic, found.display),
            selected=self.options.select or frozenset(),
            most_work=self.options.most_work,
            previews=not self.options.only_fixes,
            explains=not self.options.only_fixes,
            idle=idle_passes(passes, self.config, self.options),
            possible=partial(self._possible, found, cluster),
        )

    def _context(
        self,
        path: str,
        cluster: Cluster | None,
        policy: FoundPolicy,
        comments: Callable[[], tuple[str, ...]],
        comments_at: Callable[[str], tuple[str, ...]],
    ) -> Context:
        return Context(
            policy=policy.policy,
            path=path,
            cluster=cluster,
            inventory=self.inventory,
            config=self.config,
            from_version=self.options.from_version,
            to_version=self.options.to_version,
            comments=comments,
            comments_at=comments_at,
            others=partial(self.others, path),
            as_clusterwide=self.options.as_clusterwide,
            namespace_known=policy.namespace_known,
            answers=self.answers,
            selected=self.options.select or frozenset(),
        )

    def _allowed(self, finding: Finding) -> bool:
        wanted = self.options.safe_fixes or finding.applicability is Applicability.UNSAFE
        return wanted and may_apply(finding.applicability, unsafe_fixes=self.options.unsafe_fixes)

    def _possible(self, found: FoundFile, cluster: Cluster | None) -> list[Possible]:
        """The settings of Cilium that may hold for a file and are not read."""
        versions = (self.options.from_version, self.options.to_version)
        asked = self.answers.setdefault(("possible settings", cluster, None if cluster else found.display), {})
        if versions not in asked:
            asked[versions] = list(possible_settings(self.inventory, found.display, cluster, versions))
        return [
            Possible(
                possible.setting,
                possible.places,
                partial(self._under, found, possible.cluster),
                partial(self._under, found, possible.usual) if cluster is None else None,
            )
            for possible in asked[versions]
        ]

    def _under(self, found: FoundFile, cluster: Cluster, hooks: FileHooks) -> FileHooks:
        """The hooks of a file where its cluster is another; what is asked of a run is remembered for each of them."""
        answers = self.answers.setdefault(("with settings", cluster), type(self.answers)())
        own = replace(self, answers=answers, traffic=None)._hooks(found, hooks.passes, (), set(), set(), cluster)
        return replace(
            hooks,
            context=own.context,
            configured=own.configured,
            known=own.known,
            effects=own.effects,
            observe=None,
            possible=tuple,
        )

    def _policies(self, path: str, value: object) -> list[FoundPolicy]:
        return self.known.of(path, value, partial(self.namespace_of, path))

    def _overwritten(self, path: str, found: FoundPolicy) -> Sequence[str]:
        return self.inventory.overwritten_on_the_way(path, found.policy.raw) if found.holder is None else ()

    def _observed(self, traffic: Traffic, path: str, document: int, before: Policy, after: Policy) -> Observed | None:
        return traffic.step(PolicyPosition(path, document, before.route), before, after)

    def _effects(self, cluster: Cluster | None, path: str) -> Effects:
        mesh = mesh_known(self.inventory, self.config)
        versions = (self.options.from_version, self.options.to_version)
        source, target = (settings.as_enforced for settings in both_settings(cluster, versions, mesh=mesh))
        others = partial(self.others, path)
        return Effects(source, target, self.inventory, mesh_addresses(self.inventory, cluster), others=others)

    def _known(self, found: Sequence[tuple[Finding, Location]], hidden: set[tuple[Known, int]]) -> list[bool]:
        numbered = self.options.baseline.known(found)
        hidden.update(item for item in numbered if item is not None)
        return [item is not None for item in numbered]

    def _is_known_note(self, item: Reported, hidden: set[tuple[Known, int]]) -> bool:
        return item.finding.code == NOTE_CODE and self._known([(item.finding, item.location)], hidden)[0]


def fixer_for(workspace: Workspace, options: Options, traffic: Traffic | None = None) -> Fixer:
    """The fixer of a workspace's files; `traffic` is what it says of traffic that was seen."""
    return Fixer(
        workspace.config,
        options,
        workspace.inventory,
        workspace.namespace_of,
        workspace.others,
        traffic,
        charts=workspace.charts,
        overlays=workspace.overlays and workspace.overlays.for_a_run(),
    )
