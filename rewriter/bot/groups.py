"""Which fixes go into which pull request."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from rewriter.bot.codeowners import OwnersOf
from rewriter.bot.fixes import Fixes, part_of
from rewriter.bot.group_by import GroupBy
from rewriter.engine.results.result import FileResult, Reported
from rewriter.engine.run.fixer import Fixer
from rewriter.engine.run.pictures import Picture, pictures
from rewriter.engine.run.workspace import Workspace
from rewriter.records import dataclass

_MAX_SLUG = 60
#: With more fixes than this a picture shows nothing.
_MOST_PICTURED = 12


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one pull request. `slug` ends its branch; `label` names it to people; both "" for the only one.

    `files` holds the changed files, `left` the findings of the group that need a decision, and `owners`
    whoever owns one of the files. `unsafe` says that every fix in it is a guess; `pictures` are those of its policies,
    where they are few.
    """

    slug: str
    label: str
    files: tuple[FileResult, ...]
    left: tuple[Reported, ...] = ()
    owners: tuple[str, ...] = ()
    unsafe: bool = False
    pictures: tuple[Picture, ...] = ()

    @property
    def fixed(self) -> tuple[Reported, ...]:
        return tuple(item for result in self.files for item in result.findings if item.fixed)


def grouped(fixes: Fixes, by: GroupBy, owners: OwnersOf, fixer: Fixer) -> list[Group]:
    """The groups of a run's fixes in a stable order. For `pass`, each pass is a run of its own: see `of_pass`."""
    changed = [result for result in fixes.results if result.changed]
    parts: dict[tuple[str, ...], list[FileResult]] = defaultdict(list)
    for result in _once(changed, fixes.targets):
        for key, part in _parts(result, by, owners, fixer):
            parts[key].append(part)
    left: dict[tuple[str, ...], list[Reported]] = defaultdict(list)
    for result in fixes.results:
        for item in result.findings:
            if not item.fixed:
                left[_key(result.path, item.location.namespace, by, owners)].append(item)
    slugs = _slugs(parts)
    return [
        Group(slugs[key], _label(by, key), tuple(files), tuple(left[key]), _owners(files, owners))
        for key, files in sorted(parts.items())
    ]


def of_pass(name: str, fixes: Fixes, owners: OwnersOf, fixer: Fixer) -> list[Group]:
    """The group of one pass, from a run of that pass alone; none when it changes nothing."""
    return [replace(group, slug=name, label=f"pass {name}") for group in grouped(fixes, GroupBy.NONE, owners, fixer)]


def with_pictures(group: Group, workspace: Workspace) -> Group:
    """The group with the pictures of what it fixes, where it fixes few policies."""
    if len(group.fixed) > _MOST_PICTURED:
        return group
    wanted = {
        (item.location.file, item.location.document, item.location.namespace, item.location.name)
        for item in group.fixed
    }
    found = (
        picture
        for picture in pictures(workspace, group.files)
        if (picture.path, picture.document, picture.namespace, picture.name) in wanted
    )
    return replace(group, pictures=tuple(found))


def as_unsafe(group: Group) -> Group:
    """The group as one of fixes that guess. What needs a decision stands in the group of the others."""
    return replace(group, unsafe=True, left=())


def branch_of(group: Group, branch: str) -> str:
    """The branch of a group below the run's: slugs hold no dot, so that no two kinds of group share a branch."""
    return f"{branch}{'.unsafe' if group.unsafe else ''}{f'-{group.slug}' if group.slug else ''}"


def is_branch_of_run(name: str, branch: str) -> bool:
    """Whether a branch is one that a run names so, whatever its group."""
    rest = name.removeprefix(branch).removeprefix(".unsafe")
    return name.startswith(branch) and (rest == "" or rest.startswith("-"))


def _once(changed: Iterable[FileResult], targets: Mapping[str, str]) -> list[FileResult]:
    """The results under the names of the files that hold the bytes, each once: symlinks lead to the same one."""
    return list({targets[result.path]: replace(result, path=targets[result.path]) for result in changed}.values())


def _parts(
    result: FileResult, by: GroupBy, owners: OwnersOf, fixer: Fixer
) -> Iterable[tuple[tuple[str, ...], FileResult]]:
    if by is not GroupBy.NAMESPACE:
        return [(_key(result.path, "", by, owners), result)]
    documents: dict[str, set[int]] = defaultdict(set)
    taken: set[int] = set()
    for item in result.findings:
        if item.fixed and item.location.document not in taken:
            # A list of policies of several namespaces is one document, and goes with the first of them.
            taken.add(item.location.document)
            documents[item.location.namespace].add(item.location.document)
    parts = [(name, part_of(result, frozenset(numbers), fixer)) for name, numbers in documents.items()]
    if any(part is None for _, part in parts):
        return [((parts[0][0],), result)]
    return [((name,), part) for name, part in parts if part is not None]


def _key(path: str, namespace: str, by: GroupBy, owners: OwnersOf) -> tuple[str, ...]:
    match by:
        case GroupBy.NAMESPACE:
            return (namespace,)
        case GroupBy.DIRECTORY:
            return (str(PurePosixPath(path).parent),)
        case GroupBy.CODEOWNERS:
            return tuple(sorted(owners(path))) or ("",)
        case _:
            return ()


def _label(by: GroupBy, key: tuple[str, ...]) -> str:
    match by:
        case GroupBy.NAMESPACE:
            return f"namespace {key[0]}" if key[0] else "no namespace"
        case GroupBy.DIRECTORY:
            return f"directory {key[0]}" if key[0] != "." else "the top directory"
        case GroupBy.CODEOWNERS:
            return f"owned by {', '.join(key)}" if key[0] else "no owner"
        case _:
            return ""


def _owners(files: Iterable[FileResult], owners: OwnersOf) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for result in files for name in owners(result.path)))


def _slugs(keys: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """A name for each group that git takes in a branch. Names that would be the same get a digest of the key."""
    plain = {key: _slug(key) for key in keys}
    counts = Counter(plain.values())
    return {
        key: slug if counts[slug] == 1 and (slug or not key) else f"{slug or 'none'}-{_digest(key)}"
        for key, slug in plain.items()
    }


def _slug(key: tuple[str, ...]) -> str:
    if key in (("",), (".",)):
        return "none" if key == ("",) else "top"
    words = re.sub(r"[^a-z0-9]+", "-", "-".join(key).lower()).strip("-")
    return words if len(words) <= _MAX_SLUG else f"{words[:_MAX_SLUG].strip('-')}-{_digest(key)}"


def _digest(key: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(key).encode("utf-8", "surrogateescape")).hexdigest()[:8]
