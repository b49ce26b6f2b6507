"""One file of policies that patches change: the findings that its text causes, and fixes that every build proves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from rewriter import yamltext
from rewriter.engine.overlays.builds import Builder, named
from rewriter.engine.overlays.judged import Judged, judge
from rewriter.engine.overlays.merge import in_every_namespace, merged
from rewriter.engine.overlays.proof import NotProvedError, prove
from rewriter.engine.overlays.sources import reread, translated_fix
from rewriter.engine.overlays.target import Target, target_of
from rewriter.engine.overlays.texts import TextError, Texts
from rewriter.engine.overlays.traced import NotTracedError, traced
from rewriter.engine.pipeline.hooks import FileHooks, Outcome
from rewriter.engine.pipeline.isolation import Failure
from rewriter.engine.pipeline.steps import MENDED
from rewriter.engine.results.result import Reported
from rewriter.finding import Operation
from rewriter.inventory.delivery.patched_policies import PatchedPolicies, PatchedPolicy
from rewriter.inventory.delivery.patches import TextAt
from rewriter.inventory.render.kubectl import BuildError
from rewriter.records import dataclass

_MOST_FIXES = 40
_ELSEWHERE = "the fix would change another text than the one that causes it"
_FIRST = "other texts of the same overlays are rewritten first; run cnpfix again"
_DIFFER = "the overlays that use the text need different changes of it"

#: A finding wherever its text is by now: its pass, what it says, and the kustomization that shows it.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Overlays:
    """The policies of a tree that patches change, and what builds them."""

    patched: PatchedPolicies
    builder: Builder
    #: What a run makes of files as they stand in the tree, by their paths: None where it leaves one as it is.
    rewritten: dict[str, str | None] = field(default_factory=dict, compare=False)

    def for_a_run(self) -> Overlays:
        """The same for another run, which may make something else of the files."""
        return replace(self, rewritten={})


@dataclass(slots=True)
class OverlayOutcome:
    """What became of a file. `text` is its new text (None: unchanged), `covered` the documents that are treated here.

    `policies` counts those that stand in the file.
    """

    findings: list[Reported] = field(default_factory=list)
    text: str | None = None
    covered: frozenset[int] = frozenset()
    policies: int = 0
    failures: list[tuple[Failure, int]] = field(default_factory=list)


Hooks = Callable[[PatchedPolicy], FileHooks]


def treat_patched_file(
    overlays: Overlays, path: str, text: str, hooks: Hooks, hooks_of: Callable[[str, str], Hooks]
) -> OverlayOutcome:
    """Findings and fixes of a file that holds a policy which patches change, or a patch of one. Never raises.

    `hooks_of` gives those of another file, by its path and text.
    """
    own = overlays.patched.of_path(path)
    if not own:
        return OverlayOutcome()
    texts = Texts(overlays.patched.bytes_of_path)
    if texts.of(path) != text:
        texts = texts.with_text(path, text)
    outcome = _File(overlays, path, own, hooks).treated(texts)
    if outcome.text is None:
        return outcome
    # It has to hold also where the files before it are rewritten: each is proved with the others as they were.
    changed = _with_others(overlays, path, own, texts, hooks_of)
    if changed.changed == texts.changed or _File(overlays, path, own, hooks).treated(changed).text == outcome.text:
        return outcome
    return replace(outcome, text=None, findings=[_left(reported, _FIRST) for reported in outcome.findings])


def _with_others(
    overlays: Overlays,
    path: str,
    own: Sequence[PatchedPolicy],
    texts: Texts,
    hooks_of: Callable[[str, str], Hooks],
) -> Texts:
    """The texts where the files before it are rewritten, by their paths, that change a file's policies too."""
    changed = texts
    for other in sorted(frozenset[str]().union(*(patched.paths for patched in own))):
        if other < path:
            text = _rewritten(overlays, other, changed, hooks_of)
            changed = changed if text is None else changed.with_text(other, text)
    return changed


def _rewritten(overlays: Overlays, path: str, texts: Texts, hooks_of: Callable[[str, str], Hooks]) -> str | None:
    """The new text of a file, None where it stays; worked out once for the tree as it is, since many files ask."""
    if not texts.changed and path in overlays.rewritten:
        return overlays.rewritten[path]
    try:
        hooks = hooks_of(path, texts.of(path))
    except (TextError, yamltext.YamlTextError):
        return None
    text = _File(overlays, path, overlays.patched.of_path(path), hooks).treated(texts).text
    if not texts.changed:
        overlays.rewritten[path] = text
    return text


class _File:
    def __init__(
        self,
        overlays: Overlays,
        path: str,
        policies: Sequence[PatchedPolicy],
        hooks: Hooks,
    ) -> None:
        self._overlays = overlays
        self._path = path
        self._policies = policies
        self._hooks = hooks

    def treated(self, texts: Texts) -> OverlayOutcome:
        bases = frozenset(policy.base for policy in self._policies if policy.base.path == self._path)
        outcome = OverlayOutcome(covered=frozenset(base.document for base in bases), policies=len(bases))
        try:
            items = self._moved(texts)
            judgements = [judge(item, self._hooks(item.policy), texts) for item in items]
            if not items or any(reported.fixed for judgement in judgements for reported in judgement.findings):
                items = self._judged(texts)
                judgements = [judge(item, self._hooks(item.policy), texts) for item in items]
        except (NotTracedError, TextError):
            return OverlayOutcome()
        seen = [
            (item, item.located(reported, texts))
            for item, judgement in zip(items, judgements, strict=True)
            for reported in _once(item, judgement.findings)
            if item.origin(reported.finding.route).at.path == self._path
        ]
        outcome.failures = [(failure, 0) for judgement in judgements for failure in judgement.failures]
        if not any(policy.is_changed for policy in self._policies):
            seen = in_every_namespace(seen, [(item.policy.base, item.policy.item) for item in items])
        left = next((judged.left for judged in items if judged.left), "")
        if left:
            outcome.findings = merged([(item, _left(reported, left)) for item, reported in seen])
            return outcome
        fixed, refused, texts = self._fixed(items, judgements, texts)
        if fixed:
            outcome.text = texts.of(self._path)
        reports = []
        for item, finding in seen:
            key = _key(item, finding)
            if finding.fixed and fixed[key] > 0:
                fixed[key] -= 1
                reports.append((item, finding))
            else:
                reports.append((item, _left(finding, refused.get(key, _DIFFER))))
        outcome.findings = merged(reports)
        return outcome

    def _moved(self, texts: Texts) -> list[Judged]:
        """The policies, where they are only put into namespaces, so that without a fix none need be built.

        None of them where a patch or a variable changes one. Raises NotTracedError and TextError.
        """
        if any(policy.is_changed for policy in self._policies):
            return []
        there = [reread(policy, texts) for policy in self._policies if not policy.is_deleted]
        return [replace(self._unbuilt(policy), value=policy.placement.apply(policy.manifest)) for policy in there]

    def _judged(self, texts: Texts) -> list[Judged]:
        """The policies as they are built of these texts. Raises NotTracedError and TextError."""
        there = (policy for policy in self._policies if not policy.is_deleted)
        return [self._one(reread(patched, texts), texts) for patched in there]

    def _unbuilt(self, policy: PatchedPolicy) -> Judged:
        target = target_of(policy, self._overlays.patched)
        name = "" if target is None else target.words.removeprefix("kubectl kustomize ")
        return Judged(
            policy, policy.applied, traced(policy), f"kustomization {name or policy.base.path}", target=target
        )

    def _one(self, policy: PatchedPolicy, texts: Texts) -> Judged:
        judged = self._unbuilt(policy)
        target = judged.target
        patch = next((patch.words for patch in policy.patches if patch.changes_rules), "")
        changed = f"{patch} changes it when it is applied, and " if patch else ""
        try:
            if target is None:
                raise BuildError("no kustomization of the tree lists the policy")
            built = self._overlays.builder.build(target, texts)
        except BuildError as error:
            return replace(judged, left=f"{changed}no fix is proved: {error}")
        index = built.of_policy(policy)
        if index is None:
            return replace(judged, left=f"{changed}{target.words} builds no single policy of its name")
        judged = replace(judged, value=built.documents[index][1], index=index)
        if not judged.is_traced:
            return replace(judged, left=f"{changed}{target.words} builds something else")
        return judged

    def _fixed(
        self, items: Sequence[Judged], judgements: Sequence[Outcome], texts: Texts
    ) -> tuple[Counter[Key], dict[Key, str], Texts]:
        """Which findings are fixed, why others are not, and the new texts."""
        fixed: Counter[Key] = Counter()
        refused: dict[Key, str] = {}
        for _ in range(_MOST_FIXES):
            chosen = self._next(items, judgements, refused)
            if chosen is None:
                return fixed, refused, texts
            item, reported = chosen
            try:
                changed, keys = self._attempt(items, judgements, item, reported, texts)
                new = self._judged(changed)
            except (NotProvedError, NotTracedError, TextError, BuildError) as error:
                refused[_key(item, reported)] = str(error) or _ELSEWHERE
                continue
            fixed.update(keys)
            items, texts = new, changed
            judgements = [judge(item, self._hooks(item.policy), texts) for item in items]
        return fixed, refused, texts

    def _next(
        self, items: Sequence[Judged], judgements: Sequence[Outcome], refused: Mapping[Key, str]
    ) -> tuple[Judged, Reported] | None:
        """The next finding that this file's text causes, and that has a fix which is not tried yet."""
        for item, outcome in zip(items, judgements, strict=True):
            for reported in outcome.findings:
                here = item.origin(reported.finding.route).at.path == self._path
                if here and reported.fixed and _key(item, reported) not in refused:
                    return item, reported
        return None

    def _attempt(
        self, items: Sequence[Judged], judgements: Sequence[Outcome], item: Judged, reported: Reported, texts: Texts
    ) -> tuple[Texts, list[Key]]:
        """The texts with one finding fixed in every policy that shows it, and all that it is fixed in.

        Raises NotProvedError, NotTracedError, TextError, BuildError.
        """
        place = item.origin(reported.finding.route)
        expected: dict[tuple[Target | None, int], Any] = {}
        fixes: list[tuple[PatchedPolicy, Any, tuple[Operation, ...]]] = []
        keys = []
        for judged, outcome in zip(items, judgements, strict=True):
            same = [
                one
                for one in outcome.findings
                if one.fixed and one.finding.id == reported.finding.id and judged.origin(one.finding.route) == place
            ]
            if not same or same[0].finding.fix is None:
                continue
            only = _Only(same[0])
            judgement = judge(judged, self._hooks(judged.policy), texts, only)
            if judgement.text is None:
                raise NotProvedError(
                    next((one.not_fixed for one in judgement.findings if one.not_fixed), judgement.failure)
                )
            value = yamltext.parse(judgement.text)[0].value
            expected[judged.target, judged.index] = value
            fixes.append((judged.policy, judged.value, same[0].finding.fix.operations))
            keys.append(_key(judged, same[0]))
        at, operations = _common(fixes)
        if at.path != self._path:
            raise NotProvedError(_ELSEWHERE)
        changed = texts.edited(at, operations)
        for target in dict.fromkeys(judged.target for judged in items):
            assert target is not None
            mine = {index: value for (where, index), value in expected.items() if where == target}
            before = self._overlays.builder.build(target, texts)
            try:
                after = self._overlays.builder.build(target, changed)
            except BuildError as error:
                raise NotProvedError(f"with the fix, {target.words} fails: {error}") from None
            prove(before, after, mine, target.words)
        return changed, keys


def _common(fixes: Sequence[tuple[PatchedPolicy, Any, tuple[Operation, ...]]]) -> tuple[TextAt, list[Operation]]:
    """What all fixes change of one text. Raises NotProvedError and NotTracedError."""
    for append in (False, True):
        edits = [translated_fix(policy, built, operations, append=append) for policy, built, operations in fixes]
        if all(edit == edits[0] for edit in edits):
            return edits[0]
    raise NotProvedError(_DIFFER)


class _Only:
    """Leaves out every fix but that of one finding, and that one the second time."""

    def __init__(self, wanted: Reported) -> None:
        self._wanted = wanted
        self._done = False

    def __call__(self, reported: Reported) -> str:
        wanted = self._wanted.finding
        same = (reported.finding.id, reported.finding.route) == (wanted.id, wanted.route)
        if self._done or not same:
            return "it is tried apart"
        self._done = True
        return ""


def _once(item: Judged, findings: Sequence[Reported]) -> list[Reported]:
    """The findings of a policy, each once for the text that causes it, however often patches copy that.

    Of copies the one counts whose own fix mends the others.
    """
    found: dict[object, Reported] = {}
    for reported in findings:
        finding = reported.finding
        key = finding.id, finding.message, item.origin(finding.route)
        if key not in found or MENDED in found[key].finding.evidence:
            found[key] = reported
    return list(found.values())


def _key(item: Judged, reported: Reported) -> Key:
    return reported.finding.id, reported.finding.message, f"{item.words} {named(item.value)}"


def _left(reported: Reported, why: str) -> Reported:
    """A finding whose fix is not made."""
    if reported.fixed:
        return replace(reported, fixed=False, not_fixed=f"not rewritten: {why}".replace("not rewritten: not", "not"))
    return reported
