"""Finds what is kept of an `impact`, and keeps what came of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rewriter import yamltext
from rewriter.engine.again.edits import ANSWERS, record_words
from rewriter.engine.again.ground import (
    ground_of,
    is_nowhere,
    is_read_the_same,
    key_of,
    may_keep,
    may_take_from_policies,
)
from rewriter.engine.again.results import MALFORMED, FileResults, Kept, Result, decoded, encoded
from rewriter.engine.again.slices import NotKeptError, place_of, slices_of, starts_of, texts_of
from rewriter.engine.run.impact_result import Impact
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Request, Workspace
from rewriter.evidence.resting import same
from rewriter.inventory.kept.offered import digest_of
from rewriter.inventory.tree.noting import NotingInventory

if TYPE_CHECKING:  # A run that has nothing to judge needs none of it.
    from rewriter.engine.run.impact import JudgedRewrite, Together
    from rewriter.engine.run.rewrites import FixedFile

_GROUP = "results"


class KeptImpact:
    """What is kept of runs like this one."""

    def __init__(self, request: Request, workspace: Workspace, options: Options) -> None:
        self._request = request
        self._workspace = workspace
        self._options = options
        self._cache = request.cache
        self._key = key_of(request, workspace, unsafe_fixes=options.unsafe_fixes)
        self._ground: str | None = None
        inventory = workspace.inventory
        self._inventory = inventory if isinstance(inventory, NotingInventory) else None
        if self._inventory is not None and may_keep(request, workspace):
            self._ground = ground_of(request, workspace, self._inventory)

    @property
    def wanted(self) -> bool:
        """Whether what comes of the run is to be kept."""
        return self._ground is not None

    def impact(self) -> Impact | None:
        """The impact, from what is kept of an earlier run; None where all is to be judged anew."""
        if self._ground is None or self._inventory is None:
            return None
        data = self._cache.get(_GROUP, self._key)
        if data is None:
            return None
        try:
            kept = decoded(data)
        except MALFORMED:
            return None
        if kept.ground != self._ground or not is_read_the_same(self._inventory, kept.beside, kept.remotes):
            return None
        now_there = [(found.display, digest_of(data).hex()) for found, data in self._workspace.files]
        if now_there == [(file.path, file.digest) for file in kept.files]:
            return kept.impact
        from rewriter.engine.again.edited import impact_after_edits

        alone = not self._inventory.listed and not self._inventory.releases
        try:
            now = impact_after_edits(self._workspace, self._inventory, self._options, kept, alone_here=alone)
        except Exception:  # Whatever fails here, all can be judged anew: what is wrong with a file is found once more.
            return None
        if now is not kept:
            self._put(now)
        return now.impact

    def keep(
        self,
        impact: Impact,
        fixed: Sequence[FixedFile],
        judged: Sequence[JudgedRewrite],
        together: Together,
    ) -> None:
        """Keeps what came of a run, where all of it went well."""
        inventory = self._inventory
        if self._ground is None or inventory is None or impact.errors or impact.by_hand:
            return
        if not may_keep(self._request, self._workspace):  # More may have come to light.
            return
        offered = inventory.offered
        beside = {path: None if digest is None else digest.hex() for path, digest in offered.beside.items()}
        nowhere = [name for name, word in ANSWERS.items() if is_nowhere(self._workspace, inventory, word)]
        self._put(
            Kept(
                self._ground,
                beside,
                offered.remotes,
                may_take_from_policies(inventory, offered.files),
                self._files(inventory, fixed, judged),
                impact,
                together.changes,
                nowhere,
            )
        )

    def _put(self, kept: Kept) -> None:
        try:
            data = encoded(kept)
        except (ValueError, NotKeptError):
            return
        self._cache.put(_GROUP, self._key, data)

    def _files(
        self, inventory: NotingInventory, fixed: Sequence[FixedFile], judged: Sequence[JudgedRewrite]
    ) -> Iterator[FileResults]:
        """What came of each file, made when it is asked for: all of them take much room."""
        by_path: dict[str, list[JudgedRewrite]] = {}
        for one in judged:
            if one.rewrite.located.built is not None or one.rewrite.old is None or one.rewrite.new is None:
                raise NotKeptError
            by_path.setdefault(one.rewrite.located.path, []).append(one)
        fixes = {result.path: result for result in fixed}
        for file, data in self._workspace.files:
            path = file.display
            words = record_words(inventory, path, data)
            digest = digest_of(data).hex()
            yield _file(path, data, digest, words, fixes[path], by_path.pop(path, []))
        if by_path:
            raise NotKeptError


def _file(
    path: str, data: bytes, digest: str, record: str, fixed: FixedFile, judged: Sequence[JudgedRewrite]
) -> FileResults:
    try:
        text = yamltext.decode(data)
    except yamltext.YamlTextError:
        raise NotKeptError from None
    starts = starts_of(text)
    slices = slices_of(text, starts, [one.rewrite.located for one in judged])
    asked: dict[int, frozenset[str]] = {}
    for place, questions in fixed.asked.items():
        if place is not None:
            number = sum(start <= place for start in starts) - 1
            asked[number] = asked.get(number, frozenset()) | questions
    results = []
    for one in judged:
        located, rewrite = one.rewrite.located, one.rewrite
        number, policy = place_of(starts, located), located.policy
        results.append(
            Result(
                number,
                located.document.index,
                located.document.line_of(policy.route),
                policy.kind,
                policy.namespace,
                policy.name,
                same(one.asked | asked.get(number, frozenset())),
                rewrite.fixes,
                rewrite.new is not rewrite.old,
                one.impact,
            )
        )
    after = {} if fixed.after is None else texts_of(text, fixed.after)
    # What is asked for documents that hold no policy of the run is asked for the file.
    held = {one.slice for one in results}
    shared = fixed.asked.get(None, frozenset()).union(*(found for number, found in asked.items() if number not in held))
    return FileResults(path, digest, record, slices, after, shared, results)
