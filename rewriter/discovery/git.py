"""What git knows of a folder, asked with read-only commands; nothing that the folder's own settings name is run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rewriter import patterns as re
from rewriter.discovery.plain import beginning_of

#: Of git's own variables, those that say how to reach a server or where a user's settings are. The others (an index,
#: a work tree, a trace file) belong to whoever started this process, and would turn git away from its repository.
KEPT_VARIABLES = frozenset(
    {
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_SYSTEM",
        "GIT_EXEC_PATH",
        "GIT_PROXY_SSL_CAINFO",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSL_CERT",
        "GIT_SSL_KEY",
    }
)

#: Seconds after which it is looked whether git waits for something that never comes.
PATIENCE = 5.0
#: Files of a work tree that git reads.
_GITS_FILES = frozenset({".gitignore", ".gitattributes", ".gitmodules", ".mailmap"})
#: Of what a sparse checkout leaves out, so many bytes are read, and nothing that a filter makes a file of.
_MOST_ABSENT = 64 << 20
_FILTERED = (b"version https://git-lfs", b"\0GITCRYPT")
_MODULE_PATH = re.compile(r"^\s*path\s*=\s*(\S.*?)\s*$", re.MULTILINE)
_LONGEST_MODULES = 1 << 20
#: How an index writes the mode 160000: a commit of another repository.
_GITLINK_MODE = b"\0\0\xe0\0"
_IGNORED = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")


class GitWaitsError(Exception):
    """git waits for a pipe or a device that has the name of one of its files."""


def ignored_names(folder: str) -> frozenset[str]:
    """The untracked names below a folder that git ignores, relative to it; a folder's name ends with `/`.

    Empty where git does not know the folder, and where the folder itself is ignored: then it was named on purpose.
    """
    output = None if _is_outside(Path(folder)) else git(folder, *_IGNORED)
    names = frozenset(map(os.fsdecode, _names(output))) if output else frozenset()
    return frozenset() if "./" in names else names


def repository_root(folder: Path) -> Path | None:
    """The top of the git work tree that holds a folder; None outside of one."""
    if _is_outside(folder):
        return None
    return top_of(folder) if git(str(folder), "rev-parse", "--show-toplevel") else None


def top_of(folder: Path) -> Path | None:
    """The nearest folder upward with a `.git`, resolved.

    git itself would follow `core.worktree`, by which a repository's own settings can name any folder of the machine.
    """
    here = Path(os.path.realpath(folder))
    return next((path for path in (here, *here.parents) if _is_repository(path / ".git")), None)


def _is_outside(folder: Path) -> bool:
    """Whether no folder upward holds a repository, so that git need not be started to say so."""
    try:
        return top_of(folder) is None
    except OSError:  # Some folder may not be looked into: git is asked.
        return False


def _is_repository(path: Path) -> bool:
    """Whether git takes a `.git` for a repository, or for the file that names one: it passes over an empty folder."""
    return path.is_file() or os.path.lexists(path / "HEAD")


def repository_remotes(folder: Path) -> list[str]:
    """The URLs of the remotes of the work tree that holds a folder; none outside of one."""
    output = git(str(folder), "config", "--get-regexp", r"^remote\..*\.url$")
    lines = os.fsdecode(output or b"").splitlines()
    return [url for line in lines if (url := line.partition(" ")[2])]


def changed_files(folder: Path, revision: str) -> frozenset[Path] | None:
    """The resolved files that differ from the merge base with a revision, untracked ones too; None on failure."""
    root = repository_root(folder)
    if root is None or revision.startswith("-"):
        return None
    top = str(root)
    options = ("--no-ext-diff", "--no-renames", "--name-only", "-z", "--diff-filter=d", "--merge-base")
    changed = git(top, "diff", *options, revision, "--", settings=_no_filters(top))
    untracked = git(top, "ls-files", "-z", "--others", "--exclude-standard")
    if changed is None or untracked is None:
        return None
    return frozenset((root / os.fsdecode(name)).resolve() for name in _names(changed, untracked))


def git(
    folder: str, *arguments: str, settings: Sequence[tuple[str, str]] = (), data: bytes | None = None
) -> bytes | None:
    """What a read-only git command prints, under these settings and given data on stdin; None when it fails.

    A checkout's own settings must not run programs: fsmonitor and hooks are off, and nothing is fetched.
    """
    try:
        process = subprocess.Popen(
            ["git", "--no-optional-locks", "-C", folder, *arguments],
            stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(settings),
        )
    except OSError:
        return None
    with process:
        output = _output(process, folder, data)
    return output if process.returncode == 0 else None


def _output(process: subprocess.Popen[bytes], folder: str, data: bytes | None) -> bytes:
    """What git prints. Raises GitWaitsError where it takes long, and waits for a pipe that has the name of its file."""
    try:
        try:
            return process.communicate(data, timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            waits = why_git_waits(Path(folder))
            if waits:
                raise GitWaitsError(waits) from None
            return process.communicate()[0]
    except BaseException:
        process.kill()
        raise


def why_git_waits(folder: Path) -> str:
    """What git waits for that takes long, where a pipe or a device has the name of its file; empty where none has."""
    pipe = _pipe_below(top_of(folder))
    if pipe is None:
        return ""
    return f"{os.path.relpath(pipe)} is no file but a pipe or a device, and git waits for it: remove it"


def _pipe_below(top: Path | None) -> Path | None:
    """Something of a repository that git reads as a file, and that is a pipe or a device."""
    for folder, folders, names in os.walk(top or ""):
        here = Path(folder)
        own = top is not None and here.is_relative_to(top / ".git")
        folders[:] = [name for name in folders if not own or name != "objects"]
        for path in (here / name for name in names if own or name in _GITS_FILES):
            if not path.is_file() and not path.is_symlink():
                return path
    return None


def _environment(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    off = (("core.fsmonitor", "false"), ("core.hooksPath", "/dev/null"))
    return (
        without_variables(os.environ)
        | settings_as_variables([*given_settings(os.environ), *off, *settings])
        | {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    )


def without_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without git's own variables, but for KEPT_VARIABLES."""
    return {name: value for name, value in environment.items() if name[:4] != "GIT_" or name in KEPT_VARIABLES}


def given_settings(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Settings that whoever started this process gave by environment, such as `safe.directory` in a container."""
    count = environment.get("GIT_CONFIG_COUNT", "")
    numbers = range(int(count)) if count.isascii() and count.isdigit() and len(count) < 4 else range(0)
    pairs = [
        (environment.get(f"GIT_CONFIG_KEY_{n}", ""), environment.get(f"GIT_CONFIG_VALUE_{n}", "")) for n in numbers
    ]
    return [(key, value) for key, value in pairs if key]


def settings_as_variables(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Settings in the form in which git takes them from its environment."""
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _no_filters(folder: str) -> list[tuple[str, str]]:
    """Settings that turn every filter off: a comparison would run changed files through their programs."""
    output = git(folder, "config", "-z", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$")
    names = map(os.fsdecode, _names(output or b""))
    return [(name, "false" if name.endswith(".required") else "") for name in names]


def _names(*outputs: bytes) -> Iterator[bytes]:
    return (name for output in outputs for name in output.split(b"\0") if name)


def empty_submodules(root: Path) -> list[str]:
    """The folders of submodules, relative to the working folder, that hold no file: they are not checked out.

    `.gitmodules` names them, or the index alone; those inside of a submodule that is checked out are among them.
    """
    found: dict[str, None] = {}
    tops, known = [root], set[str]()
    while tops:
        top = tops.pop()
        for path in dict.fromkeys([*_named_modules(top), *_gitlinks(top)]):
            folder = top / path
            if ".." in Path(path).parts or os.path.realpath(folder) in known:
                continue
            known.add(os.path.realpath(folder))
            if _holds_files(folder):
                tops.append(folder)
            else:
                found[os.path.relpath(folder)] = None
    return list(found)


def _named_modules(top: Path) -> list[str]:
    """The paths that a `.gitmodules` names."""
    text = beginning_of(top / ".gitmodules", _LONGEST_MODULES).decode("utf-8", "replace")
    return [path.strip('"') for path in _MODULE_PATH.findall(text)]


def _gitlinks(top: Path) -> list[str]:
    """The paths at which a repository has a commit of another one.

    git is asked only where its index may have one: most have none.
    """
    folder = _git_folder(top)
    if folder is None or not any(_GITLINK_MODE in _bytes(path) for path in (folder / "index", *_shared(folder))):
        return []
    entries = _names(git(str(top), "ls-files", "--stage", "-z") or b"")
    return [os.fsdecode(entry.partition(b"\t")[2]) for entry in entries if entry.startswith(b"160000 ")]


def _shared(folder: Path) -> list[Path]:
    """What an index that is split keeps in files of their own."""
    try:
        return list(folder.glob("sharedindex.*"))
    except OSError:
        return []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def _git_folder(top: Path) -> Path | None:
    """Where git keeps what it knows of a work tree; None where that is not known."""
    folder = top / ".git"
    try:
        if folder.is_file():  # Of a work tree beside the repository, or of a submodule.
            folder = top / folder.read_text("utf-8", "replace")[:4096].partition(":")[2].strip()
    except (OSError, ValueError):
        return None
    return folder


def sparse_files(root: Path) -> dict[str, bytes | None]:
    """The files of a sparse checkout that are not there, relative to the top of the work tree, with their bytes.

    None in place of what git's objects here do not have (nothing is fetched), and of what is large or packed away by a
    filter.
    """
    folder = _git_folder(root)
    if folder is None or not (folder / "info" / "sparse-checkout").is_file():
        return {}
    objects: dict[str, str] = {}
    for entry in map(os.fsdecode, _names(git(str(root), "ls-files", "-t", "--stage", "-z") or b"")):
        place, _, name = entry.partition("\t")
        if place.startswith("S ") and not os.path.lexists(root / name):
            objects[name] = place.split(" ")[2] if place.startswith("S 100") else ""  # No link, and no submodule.
    contents = _contents(root, list(dict.fromkeys(filter(None, objects.values()))))
    return {name: contents.get(number) for name, number in objects.items()}


def _contents(root: Path, objects: Sequence[str]) -> dict[str, bytes | None]:
    """The contents of git's objects by their names, as far as these are files of a usual size that are here."""
    asked = "".join(f"{number}\n" for number in objects).encode()
    known = (git(str(root), "cat-file", "--batch-check", data=asked) or b"").decode("ascii", "replace")
    sizes = {
        number: int(size)
        for number, kind, size in (line.split(" ") for line in known.splitlines() if line.count(" ") == 2)
        if kind == "blob"
    }
    usual, total = [], 0
    for number, size in sizes.items():
        total += size
        if total <= _MOST_ABSENT:
            usual.append(number)
    output = git(str(root), "cat-file", "--batch", data="".join(f"{number}\n" for number in usual).encode()) or b""
    found: dict[str, bytes | None] = {}
    position = 0
    for number in usual:
        begin = output.find(b"\n", position) + 1
        data = output[begin : begin + sizes[number]]
        if output[position:begin].split(b" ")[:1] != [number.encode()] or len(data) < sizes[number]:
            break
        found[number] = None if data.startswith(_FILTERED) else data
        position = begin + sizes[number] + 1
    return found


def _holds_files(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(not entry.name.startswith(".") for entry in entries)
    except OSError:
        return False
