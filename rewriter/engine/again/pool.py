"""The policies of a tree of which only those are read that a question is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.discovery import FoundFile
from rewriter.engine.again.results import FileResults
from rewriter.engine.again.slices import NotKeptError, on_its_lines, starts_of
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.run.rewrites import Rewrite
from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.resting import EVERYTHING
from rewriter.inventory.facts.model import Cluster
from rewriter.passes.kit.enforced.enforcement import has_wrong_types
from rewriter.passes.kit.sides.neighbours import Neighbours
from rewriter.records import dataclass


class NotReadYet(BaseException):
    """A question is about policies of a namespace (None: about all) that are not read yet."""

    def __init__(self, namespace: str | None) -> None:
        super().__init__(namespace)
        self.namespace = namespace


@dataclass(slots=True)
class PooledFile:
    """A file with what came of it last; `cluster` is where its manifests go. What is read of it, by slice."""

    found: FoundFile
    data: bytes
    results: FileResults
    cluster: Cluster | None
    read: dict[int, list[Rewrite]] = field(default_factory=dict)
    _text: str | None = None
    _starts: Sequence[int] | None = None

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = yamltext.decode(self.data)
        return self._text

    @property
    def starts(self) -> Sequence[int]:
        """Where its slices begin."""
        if self._starts is None:
            self._starts = starts_of(self.text)
        return self._starts


class Pool:
    """Files with policies, in order. Those of no one namespace are always read.

    What is read once is replaced by `changed` where it is judged to become another.
    """

    def __init__(self, workspace: Workspace, files: Sequence[PooledFile]) -> None:
        self.files = files
        self._workspace = workspace
        self._homes: dict[str, list[tuple[PooledFile, int]]] = {}
        self._read: set[str] = set()
        self._all = False
        self._today: dict[str, Neighbours] = {}
        for file in files:
            held = {one.slice for one in file.results.results}
            for number in sorted(held):
                plain = file.results.slices[number].plain
                self._homes.setdefault("" if plain is None else plain.home, []).append((file, number))
        self.take("")

    def look(self, question: str) -> None:
        """Raises NotReadYet for a question about policies that are not read."""
        if self._all:
            return
        if question == EVERYTHING:
            raise NotReadYet(None)
        if question.startswith("in ") and question[3:] not in self._read:
            raise NotReadYet(question[3:])

    def take(self, namespace: str | None) -> None:
        """Reads the policies of a namespace (None: all)."""
        wanted = list(self._homes) if namespace is None else [namespace]
        self._all = self._all or namespace is None
        for name in wanted:
            if name in self._read:
                continue
            self._read.add(name)
            for file, number in self._homes.get(name, ()):
                if number not in file.read:
                    file.read[number] = self._rewrites(file, number)
        self._today.clear()

    def take_for(self, questions: frozenset[str]) -> None:
        """Reads the policies that questions are about."""
        for question in sorted(questions):
            if question == EVERYTHING:
                self.take(None)
            elif question.startswith("in "):
                self.take(question[3:])

    def rewrites(self) -> Iterator[tuple[PooledFile, int, Rewrite]]:
        """All that is read, in order."""
        for file in self.files:
            for number in sorted(file.read):
                for rewrite in file.read[number]:
                    yield file, number, rewrite

    def others(self, path: str) -> Sequence[Policy]:
        """The policies that are read of the cluster that a file's manifests are applied to, as they are today."""
        cluster = self._workspace.inventory.cluster_of(path)
        name = "" if cluster is None else cluster.name
        if name not in self._today:
            self._today[name] = Neighbours(
                rewrite.located.policy
                for file, _, rewrite in self.rewrites()
                if cluster is None or file.cluster in (None, cluster)
                if not has_wrong_types(rewrite.located.policy)
            )
        return self._today[name]

    def _rewrites(self, file: PooledFile, number: int) -> list[Rewrite]:
        """The policies of a slice as they are, and as what is kept says that they become."""
        results = [one for one in file.results.results if one.slice == number]
        text = on_its_lines(file.text, file.starts, number)
        old = self._policies(file.found.display, text)
        after = file.results.after.get(number)
        new = old if after is None else self._policies(file.found.display, after)
        if not len(results) == len(old) == len(new):
            raise NotKeptError
        return [
            rewrite_of(located, then.policy, one.fixes) for located, then, one in zip(old, new, results, strict=True)
        ]

    def _policies(self, path: str, text: str) -> list[LocatedPolicy]:
        try:
            return self._workspace.policies_of_text(path, text)
        except yamltext.YamlTextError:
            raise NotKeptError from None


def rewrite_of(located: LocatedPolicy, then: Policy, fixes: tuple[str, ...]) -> Rewrite:
    """A policy and what becomes of it: itself where that is the same."""
    new = located.policy if then.raw == located.policy.raw else then
    return Rewrite(located, located.policy, new, fixes)


def again_until_read(pool: Pool, work: Callable[[], None]) -> None:
    """Does something, and once more with more policies as often as it asks about others than are read."""
    while True:
        try:
            work()
        except NotReadYet as more:
            pool.take(more.namespace)
        else:
            return
