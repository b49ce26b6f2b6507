"""`impact` after files with policies changed: judged again is what rests on a policy that is another now."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from rewriter.cilium.identity import Identity
from rewriter.discovery import FoundFile, InputError
from rewriter.engine.again.edits import ANSWERS, Edit, called_alike, changed_in, edit_of, record_words
from rewriter.engine.again.ground import is_in_chart
from rewriter.engine.again.pool import (
    Pool,
    PooledFile,
    again_until_read,
    rewrite_of,
)
from rewriter.engine.again.results import FileResults, Kept, Result, stand_in
from rewriter.engine.again.slices import NotKeptError, Plain, alone, place_of, slices_of, texts_of
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.run.fixer import Fixer, fixer_for
from rewriter.engine.run.impact import (
    Applied,
    Together,
    compared,
    identities_of,
    impact_on,
    judged_in,
    members_of,
)
from rewriter.engine.run.impact_result import Impact, PolicyImpact
from rewriter.engine.run.members_known import meshed_with_none, unenforced, unread_settings_of
from rewriter.engine.run.rewrites import FixedFile, Rewrite, fixed_file, fixes_of
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.mesh import mesh_known
from rewriter.evidence.resting import (
    Answers,
    Record,
    home,
    recording,
    same,
)
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.kept.offered import digest_of
from rewriter.inventory.tree.noting import NotingInventory
from rewriter.reach.pairs import MeshDifference


def impact_after_edits(
    workspace: Workspace, inventory: NotingInventory, options: Options, kept: Kept, *, alone_here: bool
) -> Kept:
    """What is kept, brought up to what the files are now. Raises NotKeptError where all is to be judged anew.

    `alone_here` says that no policy stands beside those of the files: none of snapshots, none that releases make.
    """
    if [file.path for file in kept.files] != [found.display for found, _ in workspace.files]:
        raise NotKeptError
    pairs = list(zip(workspace.files, kept.files, strict=True))
    edited = [number for number, ((_, data), file) in enumerate(pairs) if digest_of(data).hex() != file.digest]
    if not edited:
        return kept
    if kept.partly:
        raise NotKeptError
    return _Again(workspace, inventory, options, kept, edited, alone_here=alone_here).kept_now()


class _Again:
    """One such run."""

    def __init__(
        self,
        workspace: Workspace,
        inventory: NotingInventory,
        options: Options,
        kept: Kept,
        edited: Sequence[int],
        *,
        alone_here: bool,
    ) -> None:
        self.workspace = workspace
        self.inventory = inventory
        self.kept = kept
        self.alone_here = alone_here
        files = [
            PooledFile(found, data, results, inventory.cluster_of(found.display))
            for (found, data), results in zip(workspace.files, kept.files, strict=True)
        ]
        self.edited = [files[number] for number in edited]
        changed: list[Plain] = []
        old = [part.plain for file in self.edited for part in file.results.slices]
        for file in self.edited:
            changed += self._read_anew(file)
        every = [*old, *(part.plain for file in files for part in file.results.slices)]
        self.edit = edit_of(changed, [plain for plain in every if plain is not None])
        self.pool = Pool(workspace, files)
        answers = Answers()
        for name, word in ANSWERS.items():
            if name in kept.nowhere and word not in self.edit.traits:
                answers[name,] = False
        self.fixer: Fixer = replace(fixer_for(workspace, options), answers=answers, others=self.pool.others)
        self.homes_rewritten: set[str] = set()

    def kept_now(self) -> Kept:
        asked = self._fixed()
        judged = self._judged(asked)
        members = members_of(self.workspace, (file.cluster for file in self.pool.files for _ in file.results.results))
        together, workloads = judged
        files = [file.results for file in self.pool.files]
        impact = Impact(
            clusters=tuple(cluster.name for cluster in members if cluster),
            total=sum(len(file.results) for file in files),
            policies=tuple(one.impact for file in files for one in file.results if one.impact is not None),
            undone=together.undone,
            fixed=together.fixed,
            workloads=workloads,
            mesh=self.kept.impact.mesh,
            left_out=self.kept.impact.left_out,
            alone=meshed_with_none(members),
            not_enforced=unenforced(members),
            unread_settings=unread_settings_of(self.workspace, members),
        )
        return replace(self.kept, files=files, impact=impact, changes=together.changes)

    def _read_anew(self, file: PooledFile) -> list[Plain]:
        """Takes the policies that a file has now; those that it has, or had, and that are others now."""
        path, before = file.found.display, file.results
        words = record_words(self.inventory, path, file.data)
        if not words or words != before.record or is_in_chart(self.inventory, path):
            raise NotKeptError
        if any(place.rpartition(":")[0] == path for place in self.kept.impact.left_out):
            raise NotKeptError
        policies = self._policies(file)
        slices = slices_of(file.text, file.starts, policies)
        others = [[part.digest for part in parts if part.plain is None] for parts in (before.slices, slices)]
        if others[0] != others[1]:
            raise NotKeptError
        pairs = zip(before.slices, slices, strict=False)
        loose = self.alone_here and not self.inventory.placements_of(path)
        if not loose and (len(before.slices) != len(slices) or not all(called_alike(*pair) for pair in pairs)):
            raise NotKeptError
        results = []
        for located in policies:
            number, policy = place_of(file.starts, located), located.policy
            where = number, located.document.index, located.document.line_of(policy.route)
            named = policy.kind, policy.namespace, policy.name
            results.append(Result(*where, *named, frozenset(), (), rewritten=False, impact=None))
            file.read.setdefault(number, []).append(Rewrite(located, policy, policy))
        digest = digest_of(file.data).hex()
        file.results = FileResults(path, digest, before.record, slices, {}, frozenset(), results)
        return changed_in(before, file.read.keys(), slices)

    def _policies(self, file: PooledFile) -> list[LocatedPolicy]:
        count = len(self.workspace.templates)
        found = self.workspace.read_policies(file.found, file.data)
        if self.workspace.errors or len(self.workspace.templates) != count:
            raise NotKeptError
        return found

    def _fixed(self) -> dict[tuple[str, int], frozenset[str]]:
        """Fixes what rests on what changed; on what each slice rests that was fixed anew, by file and slice."""
        asked: dict[tuple[str, int], frozenset[str]] = {}
        for file in self.pool.files:
            path = file.found.display
            results = file.results.results
            turned = sorted({one.slice for one in results if self.edit.turns(one.asked)})
            whole = file in self.edited or self.edit.turns(file.results.asked)
            if not whole:
                for number in turned:
                    found = self._fixed_alone(file, number)
                    if found is None:
                        whole = True
                        break
                    asked[path, number] = found
            if whole:
                asked |= {(path, number): rests for number, rests in self._fixed_whole(file).items()}
        return asked

    def _fixed_alone(self, file: PooledFile, number: int) -> frozenset[str] | None:
        """On what the fixes of one policy of a file rest; None where they are others now, or it takes the file."""
        results = [one for one in file.results.results if one.slice == number]
        plain = file.results.slices[number].plain  # Then the slice has one policy.
        text = alone(file.text, file.starts, number) if plain else None
        if text is None:
            return None
        self.pool.take_for(results[0].asked)
        fixed = self._fix(file.found, text.encode("utf-8", "surrogatepass"))
        after = {} if fixed.after is None else texts_of(text, fixed.after)
        fixes = tuple(dict.fromkeys(found.pass_id for found in fixed.findings))
        if after != {key: then for key, then in file.results.after.items() if key == number}:
            return None
        if fixes != results[0].fixes:
            return None
        return frozenset().union(*fixed.asked.values())

    def _fixed_whole(self, file: PooledFile) -> dict[int, frozenset[str]]:
        """Fixes a file anew; on what each of its slices rests."""
        for one in file.results.results:
            self.pool.take_for(one.asked)
        self.pool.take_for(frozenset(map(home, {one.namespace for one in file.results.results})))
        fixed = self._fix(file.found, file.data)
        before = file.results
        after = {} if fixed.after is None else texts_of(file.text, fixed.after)
        policies = self._policies(file)
        new = policies
        if fixed.after is not None:
            new = self.workspace.policies_of_text(file.found.display, fixed.after)
        if not len(policies) == len(new) == len(before.results):
            raise NotKeptError
        by_path = {file.found.display: fixed}
        file.read.clear()
        results = []
        for located, then, one in zip(policies, new, before.results, strict=True):
            rewrite = rewrite_of(located, then.policy, fixes_of(located, by_path))
            file.read.setdefault(one.slice, []).append(rewrite)
            rewritten = rewrite.new is not rewrite.old
            results.append(one._replace(fixes=rewrite.fixes, rewritten=rewritten))
            if file in self.edited or before.after.get(one.slice) != after.get(one.slice) or one.rewritten != rewritten:
                self.homes_rewritten.add(one.namespace or "")
        shared = frozenset(fixed.asked.get(None, frozenset()))
        file.results = replace(before, after=after, asked=shared, results=results, line=b"")
        rests: dict[int, frozenset[str]] = {}
        for place, questions in fixed.asked.items():
            if place is not None:
                number = max(index for index, start in enumerate(file.starts) if start <= place)
                rests[number] = rests.get(number, frozenset()) | questions
        return {one.slice: rests.get(one.slice, frozenset()) for one in results}

    def _fix(self, found: FoundFile, data: bytes) -> FixedFile:
        made: list[FixedFile] = []

        def fix() -> None:
            with recording(Record(self.pool.look)) as record:
                result = self.fixer.fix_file(found, data)
            made.append(fixed_file(self.workspace, result, record.parts))

        again_until_read(self.pool, fix)
        if made[-1].errors:
            raise NotKeptError
        return made[-1]

    def _judged(self, asked: dict[tuple[str, int], frozenset[str]]) -> tuple[Together, int]:
        """Judges what rests on what changed, or on what becomes of it now, and all policies together."""
        rewritten = Edit(frozenset(), frozenset(), frozenset(map(home, self.homes_rewritten)), all_naming=False)
        todo = [
            (file, number)
            for file in self.pool.files
            for number, one in enumerate(file.results.results)
            if (file.found.display, one.slice) in asked or rewritten.turns(one.asked)
        ]
        for file, number in todo:
            one = file.results.results[number]
            self.pool.take_for(one.asked | self._near(file, one))
        mesh = mesh_known(self.inventory, self.workspace.config)
        members = members_of(self.workspace, (file.cluster for file in self.pool.files for _ in file.results.results))
        if tuple(cluster.name for cluster in members if cluster) != self.kept.impact.clusters:
            raise NotKeptError  # What is known of pods is seen from other clusters.
        identities = identities_of(self.workspace, members)
        done: dict[tuple[str, int], Result] = {}

        def judge() -> None:
            every = list(self.pool.rewrites())
            placed = [(file.cluster, rewrite) for file, _, rewrite in every]
            applied = Applied(self.workspace, placed, identities, mesh=mesh, touched=self._touched, look=self.pool.look)
            for file, number in todo:
                key = file.found.display, number
                if key in done:
                    continue
                one = file.results.results[number]
                beside = [index for index, other in enumerate(file.results.results) if other.slice == one.slice]
                rewrite = file.read[one.slice][beside.index(number)]
                judged, questions = judged_in(applied, (file.cluster, rewrite), asks=True)
                if isinstance(judged, InputError):
                    raise NotKeptError
                fixed = asked.get((file.found.display, one.slice), one.asked)
                impact = None if judged is None else _named(impact_on(rewrite, judged), one)
                done[key] = one._replace(asked=same(fixed | questions), impact=impact)

        again_until_read(self.pool, judge)
        for file in {id(file): file for file, _ in todo}.values():
            path = file.found.display
            results = [done.get((path, number), one) for number, one in enumerate(file.results.results)]
            file.results = replace(file.results, results=results, line=b"")
        return self._together(members, identities, mesh=mesh), len(identities)

    def _near(self, file: PooledFile, one: Result) -> frozenset[str]:
        """What is asked of one policy in all likelihood."""
        plain = file.results.slices[one.slice].plain
        names = () if plain is None else (plain.home, *(plain.named or ()))
        return frozenset(map(home, names))

    def _touched(self, cluster: Cluster | None) -> frozenset[str | None]:
        """The namespaces of the policies of a cluster that are rewritten."""
        return frozenset(
            one.namespace
            for file in self.pool.files
            if cluster is None or file.cluster in (None, cluster)
            for one in file.results.results
            if one.rewritten
        )

    def _together(self, members: Sequence[Cluster | None], identities: Sequence[Identity], *, mesh: bool) -> Together:
        """All policies of the clusters together.

        The rules of a pod are those of its own namespace. Where none lets other flows through than before, and none of
        what changed does, no pair of pods changes.
        """
        homes = self.edit.homes | self.homes_rewritten
        for name in sorted(homes):
            self.pool.take(name)
        if not self.kept.changes:
            near = [
                (file.cluster, rewrite)
                for file, number, rewrite in self.pool.rewrites()
                if (plain := file.results.slices[number].plain) is None or plain.home in homes
            ]
            found = compared(self.workspace, members, near, identities, mesh=mesh)
            if not found.changes:
                undone = _released(self.kept.impact.undone, found.undone, homes)
                fixed = _released(self.kept.impact.fixed, found.fixed, homes)
                return Together(undone, fixed, changes=False)
        self.pool.take(None)
        placed = [(file.cluster, rewrite) for file, _, rewrite in self.pool.rewrites()]
        return compared(self.workspace, members, placed, identities, mesh=mesh)


def _released(known: MeshDifference, found: MeshDifference, homes: Set[str]) -> MeshDifference:
    """The workloads that are released: of some namespaces those that are found, of the others those that are known."""
    names = [name for name in known.released if _namespace_in(name) not in homes]
    names += (name for name in found.released if _namespace_in(name) in homes)
    return MeshDifference((), tuple(sorted(names)))


def _namespace_in(name: str) -> str:
    """The namespace in the name of an identity."""
    return name.split("/")[1]


def _named(impact: PolicyImpact, one: Result) -> PolicyImpact:
    path = impact.policy.path
    return replace(impact, policy=stand_in(path, one.document, one.kind, one.namespace, one.name), line=one.line)
