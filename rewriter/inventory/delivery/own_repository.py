"""Whether a source that Flux or Argo CD names is the repository at hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property

from rewriter.inventory.delivery.appliers import Repository, Unit, folder_of, same_repository

#: Of how many folders which share may be missing: one that a commit forgot makes no repository another one.
_MANY, _FEW = 8, 0.2
#: The folder of a unit of which another one is written over that of its text.
UNKNOWN_FOLDER = "${}"


class OwnRepository:
    """Decides by the remotes of the work tree; where none of them is named, by which folders are there.

    Without remotes, a source is taken for this repository when every folder that is applied from it is here (or nearly
    every one of many) and at least one of them is more than the root, or when it is the only source there is.
    """

    def __init__(self, folders: frozenset[str], units: Iterable[Unit], remotes: Callable[[], Sequence[str]]) -> None:
        self._folders = folders
        self._remotes = remotes
        self._applied: dict[str, set[str | None]] = {}
        self._urls: set[str] = set()
        self._held: dict[str, bool] = {}
        for unit in units:
            self._applied.setdefault(_name(unit.repository), set()).add(folder_of(unit.folder))
            if unit.repository.url:
                self._urls.add(unit.repository.url)

    def holds(self, repository: Repository) -> bool:
        """Whether a source is this repository."""
        if self._by_remote and repository.url is not None:
            return repository.url in self._by_remote
        name = _name(repository)
        if name not in self._held:
            self._held[name] = self._holds(self._applied.get(name, set()))
        return self._held[name]

    def _holds(self, applied: Collection[str | None]) -> bool:
        """Whether a source that is applied by these folders is this repository."""
        named = [folder for folder in applied if folder is not None and "$" not in folder]
        missing = sum(folder not in self._folders for folder in named)
        if missing and (missing > _FEW * len(named) or len(named) - missing < _MANY):
            return False
        return any(folder not in (None, ".") for folder in applied) or len(self._applied) == 1

    def is_named(self, url: str) -> bool:
        """Whether a URL that applies no folder names this repository: as a remote does, or a source that is held.

        Where it is not known which URL is this repository's, any may be.
        """
        own = [url for url in self._urls if self.holds(Repository(url, url))] or list(self._remotes())
        return not own or any(same_repository(url, own_url) for own_url in own)

    @cached_property
    def _by_remote(self) -> frozenset[str]:
        """The URLs named in the tree that are a remote of the work tree."""
        if not self._urls:
            return frozenset()
        remotes = self._remotes()
        return frozenset(url for url in self._urls if any(same_repository(url, remote) for remote in remotes))


def _name(repository: Repository) -> str:
    return repository.url or repository.name
