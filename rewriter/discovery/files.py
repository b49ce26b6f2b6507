"""The files of a tree that may hold manifests."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rewriter.discovery.git import ignored_names, repository_root, sparse_files
from rewriter.discovery.globs import Globs
from rewriter.discovery.others import is_read_alone, may_be_program, names_tools, names_tools_in
from rewriter.discovery.projects import PROJECT_SUFFIXES, is_left_out, is_read_as_program, program_suffixes
from rewriter.discovery.reading import FoundFile, InputError, nearest, reason

_SUFFIXES = (".yaml", ".yml", ".json", ".tpl", ".tmpl", ".gotmpl", ".j2", ".jinja", ".jinja2")
#: By far the most.
_USUAL = (".yaml", ".yml")
#: Files of Terraform and Terragrunt, which hold no manifests but may say where pods are.
TERRAFORM_SUFFIXES = (".hcl", ".tf", ".tofu", ".tfvars")
#: Files of programs that may make manifests, and templates of which something makes some: neither is applied itself.
PROGRAM_SUFFIXES = (
    *(".jsonnet", ".libsonnet", ".cue", ".k", ".pkl", ".dhall", ".nix", ".star"),
    *(".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".mk", ".just", ".py", ".rb", ".bu", ".fish", ".nu"),
    *(
        f"{suffix}.{made}"
        for suffix in (".yaml", ".yml")
        for made in ("in", "erb", "envsubst", "template", "tftpl", "mustache", "hbs", "handlebars", "liquid", "ejs")
    ),
)
#: Such files that go by their whole name.
PROGRAM_NAMES = frozenset(
    {"Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", ".justfile", "Jenkinsfile", "Tiltfile"}
    | {"mise.toml", ".mise.toml", "Rakefile", "Makefile.toml", "Earthfile", "Vagrantfile", "package.json"}
)
#: Packaged charts, and manifests that are compressed.
PACKED_SUFFIXES = (".tgz", ".yaml.gz", ".yml.gz")
_BESIDE = (*TERRAFORM_SUFFIXES, *PROGRAM_SUFFIXES, *PROJECT_SUFFIXES, *PACKED_SUFFIXES)
#: File names that kustomize (konfig.RecognizedKustomizationFileNames) and kpt know without a suffix.
_WITHOUT_SUFFIX = ("Kustomization", "Kptfile")
#: Folders that hold other people's files or git's own; named explicitly, they are read.
SKIPPED_FOLDERS = frozenset({".git", "node_modules", ".venv", ".terraform", "__pycache__"})


def may_hold_manifests(name: str) -> bool:
    """Whether files of this name, its folders left out, are read as manifests when found below a folder."""
    return name.endswith(_SUFFIXES) or name in _WITHOUT_SUFFIX


def may_hold_facts(name: str) -> bool:
    """Whether files of this name are read when found below a folder, be it for facts alone."""
    return may_hold_manifests(name) or is_beside_manifests(name)


def is_beside_manifests(name: str) -> bool:
    """Whether files of this name hold no manifests that are read, but may say or make what a cluster holds."""
    return name.endswith(_BESIDE) or name in PROGRAM_NAMES


class AbsentFile(NamedTuple):
    """What a sparse checkout leaves out, relative to the working folder: a file with its bytes, or one or a folder of
    them whose bytes are not here (None). `beside`: it holds no manifests itself."""

    display: str
    data: bytes | None
    beside: bool


def not_checked_out(root: Path) -> list[AbsentFile]:
    """What a sparse checkout leaves out that may hold facts; files that git has here count by their bytes."""
    found: dict[AbsentFile, None] = {}
    for inner, data in sparse_files(root).items():
        *folders, name = inner.split("/")
        if not SKIPPED_FOLDERS.isdisjoint(folders):
            continue
        if data is None and (may_hold_facts(name) or may_be_program(name)):
            above = [parent for parent in reversed(Path(inner).parents) if not os.path.lexists(root / parent)]
            found[AbsentFile(os.path.relpath(root / (above[0] if above else inner)), None, beside=False)] = None
        elif data is not None and (may_hold_facts(name) or (may_be_program(name) and names_tools_in(inner, data))):
            beside = is_beside_manifests(name) or not may_hold_manifests(name)
            found[AbsentFile(os.path.relpath(root / inner), data, beside)] = None
    return list(found)


def find_files(
    paths: Sequence[Path],
    exclude: Globs,
    seen: set[str] | None = None,
    left_out: list[FoundFile] | None = None,
    lost: list[str] | None = None,
    links: list[tuple[str, str]] | None = None,
) -> Iterator[FoundFile | InputError]:
    """Every manifest file at or below the paths, each once, in the order of their names; missing paths as errors.

    What git ignores is left out, unless named itself. A symlink below a path is followed to a file inside of it, if
    that file is not found by a name of its own. `seen` holds the real names of files not to find again, and takes
    those found. `left_out` takes the files that `exclude` matches, `lost` the symlinks that lead to nothing, or out of
    the repository (out of the folder, where there is none), `links` every one that leads to a manifest or a folder
    below the same path, with the real name of that.
    """
    seen = set() if seen is None else seen
    left_out = [] if left_out is None else left_out
    lost = [] if lost is None else lost
    links = [] if links is None else links
    for path in paths:
        yield from _at(path, exclude, seen, left_out, lost, links)


def _at(
    path: Path,
    exclude: Globs,
    seen: set[str],
    left_out: list[FoundFile],
    lost: list[str],
    known_links: list[tuple[str, str]],
) -> Iterator[FoundFile | InputError]:
    display = os.path.normpath(path)
    try:
        mode = path.stat().st_mode
        real = os.path.realpath(path)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "cannot be a path"
        yield InputError(display, why, hint=nearest(path) or "check the path")
        return
    if stat.S_ISDIR(mode):
        yield from _below(display, real, exclude, seen, left_out, lost, known_links)
    elif not stat.S_ISREG(mode):
        yield InputError(display, "is neither a file nor a folder", hint="name a manifest or a folder of manifests")
    elif path.is_symlink() and _leaves(path, real):
        yield InputError(display, "is a symlink that leads out of its repository", hint="name the file itself")
    elif real not in seen:
        seen.add(real)
        if exclude and exclude.match(path):
            left_out.append(FoundFile(display, explicit=True))
        else:
            yield FoundFile(display, explicit=True)


def _leaves(link: Path, real: str) -> bool:
    """Whether a symlink of a git work tree leads out of it."""
    root = repository_root(link.parent)
    return root is not None and not real.startswith(os.path.realpath(root) + os.sep)


def _below(
    display: str,
    root: str,
    exclude: Globs,
    seen: set[str],
    left_out: list[FoundFile],
    lost: list[str],
    known_links: list[tuple[str, str]],
) -> Iterator[FoundFile | InputError]:
    names, links, errors = _walk(display)
    yield from errors
    prefix = "" if display == "." else display.rstrip("/") + "/"
    top = root.rstrip("/") + "/"
    if links:
        names = sorted([*names, *_worth_following(links, names, display, top)])
        lost += [prefix + link for link in links if _is_lost(Path(display, link), root)]
        known_links += _within(links, prefix, display, top)
    excludes = bool(exclude)
    for name in names:
        real = top + name
        if real in seen:
            continue
        seen.add(real)
        if excludes and exclude.match(prefix + name):
            left_out.append(FoundFile(prefix + name))
            continue
        yield FoundFile(prefix + name)


def _walk(display: str) -> tuple[list[str], list[str], list[InputError]]:
    """Names of manifest files below a folder, relative to it and sorted; every symlink; bad folders."""
    files: list[str] = []
    links: list[str] = []
    errors: list[InputError] = []
    ignored = ignored_names(display)
    stack: list[tuple[str, tuple[str, ...]]] = [("", ())]
    while stack:
        relative, languages = stack.pop()
        here = f"{display}/{relative}" if relative else display
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            errors.append(InputError(os.path.normpath(here), reason(error), hint="check its permissions"))
            continue
        if relative and any(entry.name == ".git" for entry in entries):  # A work tree in the work tree.
            ignored |= {relative + name for name in ignored_names(here)}
        languages = program_suffixes(here, frozenset(entry.name for entry in entries), languages)
        for entry in entries:
            name = entry.name
            if name.endswith(_USUAL) and entry.is_file(follow_symlinks=False):
                if not ignored or relative + name not in ignored:
                    files.append(relative + name)
            elif entry.is_dir(follow_symlinks=False):
                if name not in SKIPPED_FOLDERS and f"{relative}{name}/" not in ignored:
                    stack.append((f"{relative}{name}/", () if is_left_out(name, languages) else languages))
            elif (
                name.endswith(PROJECT_SUFFIXES)
                and not is_read_as_program(name, languages)
                and (relative + name in ignored or not _is_read_alone(relative, entry))
            ):
                continue
            elif entry.is_symlink():
                if not name.startswith(".#") and relative + name not in ignored:  # Those are an editor's locks.
                    links.append(relative + name)
            elif (
                (may_hold_facts(name) or may_be_program(name))
                and (not ignored or relative + name not in ignored)
                and entry.is_file(follow_symlinks=False)
                and (may_hold_facts(name) or names_tools(entry.path))
            ):
                files.append(relative + name)
    files.sort()
    return files, links, errors


def _is_read_alone(folder: str, entry: os.DirEntry[str]) -> bool:
    """Whether a program counts by itself; a pipe of its name would be waited for, and is none."""
    return entry.is_file(follow_symlinks=False) and is_read_alone(folder, entry.name, entry.path)


def _within(links: Sequence[str], prefix: str, display: str, top: str) -> Iterator[tuple[str, str]]:
    """The symlinks to manifests and folders below the same path, with the real names of these."""
    for link in links:
        target = os.path.realpath(os.path.join(display, link))  # noqa: PTH118 - str throughout
        if target.startswith(top) and (may_hold_manifests(link) or os.path.isdir(target)):  # noqa: PTH112
            yield prefix + link, target


def _is_lost(link: Path, top: str) -> bool:
    """Whether a symlink with a manifest's name, or to a folder, leads out of the repository or to nothing."""
    target = os.path.realpath(link)
    inside = os.path.realpath(repository_root(link.parent) or top)
    leads_out = not (target + os.sep).startswith(inside.rstrip(os.sep) + os.sep)
    if not may_hold_manifests(link.name) and not os.path.isdir(target):  # noqa: PTH112
        # What is not there may be a folder on another machine.
        return leads_out and not os.path.exists(target) and _is_named_like_folder(target)  # noqa: PTH110
    return leads_out or not os.path.exists(target)  # noqa: PTH110


def _is_named_like_folder(path: str) -> bool:
    return "." not in path.rpartition("/")[2] and not path.startswith("/nix/")


def _worth_following(links: Sequence[str], names: Sequence[str], display: str, top: str) -> Iterator[str]:
    """The symlinks that lead to a file inside the folder which has no name of its own among the files found."""
    known = set(names)
    for link in sorted(filter(may_hold_facts, links)):
        target = os.path.realpath(os.path.join(display, link))  # noqa: PTH118 - str throughout
        if target.startswith(top) and os.path.isfile(target):  # noqa: PTH113
            name = target.removeprefix(top)
            if name not in known:
                known.add(name)
                yield link
