"""The files of a tree that may hold manifests, and their bytes."""

from __future__ import annotations

import mmap
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rewriter.discovery.globs import Globs

SUFFIXES = (".yaml", ".yml", ".json", ".tpl", ".tmpl", ".gotmpl", ".j2")
#: Larger files are not parsed: no manifest comes near, and a parser's memory is a multiple of it.
MAX_BYTES = 64 << 20
#: Folders that hold other people's files or git's own; named explicitly, they are read.
SKIPPED_FOLDERS = frozenset({".git", "node_modules", ".venv", ".terraform", "__pycache__"})

_POLICY_MARKER = b"NetworkPolicy"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class InputError:
    """Something that could not be read or parsed: file, 1-based line if there is one, what, and what to do."""

    path: str
    message: str
    line: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}" + (f"; {self.hint}" if self.hint else "")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to read. `display` opens it and is how people know it; `explicit` if it was named itself."""

    display: str
    explicit: bool = False

    @property
    def path(self) -> Path:
        return Path(self.display)


def find_files(paths: Sequence[Path], exclude: Globs) -> Iterator[FoundFile | InputError]:
    """Every manifest file at or below the paths, each once, in a stable order, missing paths as errors.

    In a git work tree ignored files are left out; elsewhere every file counts. Symlinks are followed as long as
    they stay inside the path given.
    """
    seen: set[str] = set()
    for path in paths:
        for found in _below(path):
            if isinstance(found, FoundFile):
                if found.display in seen or (exclude and exclude.match(found.path)):
                    continue
                seen.add(found.display)
            yield found


def _below(path: Path) -> Iterator[FoundFile | InputError]:
    display = os.path.normpath(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        yield InputError(display, _reason(error), hint="check the path")
        return
    if stat.S_ISREG(mode):
        yield FoundFile(display, explicit=True)
    elif stat.S_ISDIR(mode):
        names = _git_files(path)
        prefix = "" if display == "." else display.rstrip("/") + "/"
        for name in sorted(names) if names is not None else _walk(path):
            if isinstance(name, InputError):
                yield name
            else:
                yield FoundFile(prefix + name)
    else:
        yield InputError(display, "is neither a file nor a folder", hint="name a manifest or a folder of manifests")


def _git_files(folder: Path) -> list[str] | None:
    """The manifest files of a folder that git tracks or would track; None where git does not know the folder."""
    output = git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    if output is None:
        return None
    names = [os.fsdecode(name) for name in output.split(b"\0") if name.endswith(_SUFFIX_BYTES)]
    if not names and git(folder, "check-ignore", "-q", ".") is not None:
        return None  # An ignored folder was named on purpose.
    root = os.path.realpath(folder)
    return [name for name in names if _inside(root, os.path.join(folder, name))]  # noqa: PTH118 - hot


_SUFFIX_BYTES = tuple(suffix.encode() for suffix in SUFFIXES)


def _inside(root: str, name: str) -> bool:
    """Whether a listed name is a regular file of the tree; a deleted one is not, a symlink only if it stays in."""
    try:
        mode = os.lstat(name).st_mode
    except OSError:
        return False
    if stat.S_ISREG(mode):
        return True
    if not stat.S_ISLNK(mode):
        return False
    target = os.path.realpath(name)
    return target.startswith(root + os.sep) and os.path.isfile(target)  # noqa: PTH113 - hot


def _walk(folder: Path) -> Iterator[str | InputError]:
    """The manifest files below a folder, relative to it, sorted; symlinks that stay inside are followed."""
    root = os.path.realpath(folder)
    visited: set[str] = set()

    def visit(relative: str) -> Iterator[str | InputError]:
        here = os.path.join(folder, relative)  # noqa: PTH118 - hot
        real = os.path.realpath(here)
        if real in visited:
            return
        visited.add(real)
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            yield InputError(os.path.normpath(here), _reason(error), hint="check its permissions")
            return
        for entry in entries:
            name = relative + entry.name
            if entry.is_symlink() and not os.path.realpath(entry.path).startswith(root + os.sep):
                continue
            if entry.is_dir():
                if entry.name not in SKIPPED_FOLDERS:
                    yield from visit(name + "/")
            elif entry.name.endswith(SUFFIXES) and entry.is_file():
                yield name

    yield from visit("")


def read_file(found: FoundFile) -> bytes | InputError | None:
    """The bytes of a file; None for one too large to be a manifest that holds no policy either."""
    try:
        descriptor = os.open(found.display, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return InputError(found.display, _reason(error), hint="check its permissions")
    try:
        size = os.fstat(descriptor).st_size
        if size > MAX_BYTES:
            return _too_large(descriptor, size, found)
        parts = []
        while part := os.read(descriptor, size + 1):
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
    except OSError as error:
        return InputError(found.display, _reason(error), hint="check the file")
    finally:
        os.close(descriptor)


def _too_large(descriptor: int, size: int, found: FoundFile) -> InputError | None:
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        if not found.explicit and content.find(_POLICY_MARKER) < 0:
            return None
    limit = MAX_BYTES >> 20
    return InputError(found.display, f"is {size >> 20} MiB, more than {limit} MiB", hint="split the file")


def holds_policy(data: bytes) -> bool:
    """Whether bytes may hold a network policy. UTF-16 counts if it would, so that decoding can refuse it."""
    if _POLICY_MARKER in data:
        return True
    return data[:2] in _UTF16_MARKS and _POLICY_MARKER in data.replace(b"\0", b"")


def repository_root(folder: Path) -> Path | None:
    """The top of the git work tree that holds a folder; None outside of one."""
    output = git(folder, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(output.rstrip(b"\n"))) if output else None


def repository_remotes(folder: Path) -> list[str]:
    """The URLs of the remotes of the work tree that holds a folder; none outside of one."""
    output = git(folder, "config", "--get-regexp", r"^remote\..*\.url$")
    lines = os.fsdecode(output or b"").splitlines()
    return [url for line in lines if (url := line.partition(" ")[2])]


def changed_files(folder: Path, revision: str) -> frozenset[Path] | None:
    """The resolved files that differ from the merge base with a revision, untracked ones too; None on failure."""
    root = repository_root(folder)
    if root is None or revision.startswith("-"):
        return None
    changed = git(root, "diff", "--no-ext-diff", "--name-only", "-z", "--diff-filter=d", "--merge-base", revision, "--")
    untracked = git(root, "ls-files", "-z", "--others", "--exclude-standard")
    if changed is None or untracked is None:
        return None
    return frozenset((root / os.fsdecode(name)).resolve() for name in _names(changed, untracked))


def _names(*outputs: bytes) -> Iterable[bytes]:
    return (name for output in outputs for name in output.split(b"\0") if name)


def git(folder: Path, *arguments: str) -> bytes | None:
    """What a read-only git command prints; None when it fails or git is missing.

    A checkout's own settings must not run programs: fsmonitor, hooks are off.
    """
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"]
    try:
        done = subprocess.run(
            [*command, "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _reason(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "no such file or folder"
        case PermissionError():
            return "cannot be read: permission denied"
        case _:
            return f"cannot be read: {error.strerror or error}"
