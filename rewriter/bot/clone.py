"""A temporary repository beside the user's: its objects are borrowed, nothing else of it is touched.

The user's work tree, index, branches, hooks, filters and settings play no part: manifests are laid out as the base
branch holds them, byte for byte, and commits are made by plumbing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path, PurePosixPath

from rewriter import patterns as re
from rewriter.bot.errors import BotError
from rewriter.bot.git import Git, GitError
from rewriter.bot.partial import WITHOUT_LARGE, fetch_wanted
from rewriter.bot.remote import Remote
from rewriter.bot.seal import is_ours, sealed
from rewriter.discovery.files import may_hold_manifests
from rewriter.records import dataclass

#: Files that say how to read a repository, beside the manifests themselves.
_FURTHER_NAMES = frozenset({"cnpfix.toml", "pyproject.toml", "CODEOWNERS"})
#: No conversion of any kind: what the base branch holds is what is read and what goes back.
_ATTRIBUTES = "* -text -crlf -ident !eol !filter !working-tree-encoding\n"
_BASE = "refs/cnpfix/base"
_NOW = "refs/cnpfix/now"
_HEADS = "refs/cnpfix/heads/"
IDENTITY = re.compile(r"(?P<name>[^<>\s][^<>\n]*)<(?P<mail>[^<>\s]+)>")
DEFAULT_IDENTITY = "cnpfix <cnpfix@noreply.invalid>"


class StaleError(BotError):
    """The branch on the server is not what it was a moment ago: another push came in between."""


class RejectedError(BotError):
    """The server refuses a push, by a rule or a hook of its own."""


@dataclass(frozen=True, slots=True)
class Clone:
    """The repository. `base` and `heads` are commits, the latter by branch name, as the server had them last.

    `remote` is None where the server is not asked: then there are no heads. `without_large`: large files that are not
    read stay there. `date` is that of base, for commits that
    are the same whenever they are made; `modes` are those of its files.
    """

    git: Git
    remote: Remote | None
    base_branch: str
    identity: tuple[str, str]
    base: str = ""
    date: str = ""
    branch: str = ""
    heads: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)
    without_large: bool = False

    @property
    def tree(self) -> Path:
        return self.git.folder

    def on(self, branch: str) -> Clone:
        """The clone with a branch, and those whose names begin as its does, as the server has them now.

        Raises BotError for a name that is none, and GitError.
        """
        _check_branch(self.git, branch)
        if self.remote is None:
            return replace(self, branch=branch)
        # With nothing to fetch git fails and says nothing: there is always the base branch.
        refs = self._fetch(f"+refs/heads/{self.base_branch}:{_NOW}", f"+refs/heads/{branch}*:{_HEADS}{branch}*")
        heads = {name.removeprefix(_HEADS): commit for name, commit in refs.items() if name.startswith(_HEADS)}
        return replace(self, branch=branch, heads=heads)

    def _fetched(self) -> Clone:
        base = self._fetch(f"+refs/heads/{self.base_branch}:{_BASE}")[_BASE]
        if self.without_large and self.remote is not None:
            fetch_wanted(self.git, self.remote.url, base, _is_wanted)
        return self._at(base)

    def _at(self, base: str) -> Clone:
        return replace(self, base=base, date=self.git.text("show", "-s", "--format=%ct +0000", base))

    def _fetch(self, *refspecs: str) -> dict[str, str]:
        assert self.remote is not None
        # Pruned: a branch that is gone on the server must not be taken to be there.
        options = ("--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--prune")
        partial = (WITHOUT_LARGE,) if self.without_large else ()
        self.git.reach("fetch", *options, *partial, self.remote.url, *refspecs)
        listed = self.git.text("for-each-ref", "--format=%(refname) %(objectname)", "refs/cnpfix")
        return dict(line.split(" ", 1) for line in listed.splitlines())

    def _laid_out(self) -> Clone:
        """The clone with the manifests of base as files in `tree`."""
        self.git.run("read-tree", self.base)
        modes = {}
        for entry in self.git.run("ls-files", "-s", "-z").split(b"\0"):
            if entry:
                head, _, name = entry.partition(b"\t")
                modes[os.fsdecode(name)] = head.split(b" ")[0].decode()
        wanted = [name for name, mode in modes.items() if mode != "160000" and _is_wanted(name)]
        if wanted:
            names = b"".join(os.fsencode(name) + b"\0" for name in wanted)
            self.git.run("checkout-index", "--force", "--quiet", "-z", "--stdin", data=names)
        root = self.tree.resolve()
        for link in (self.tree / name for name in wanted if modes[name] == "120000"):
            if not link.resolve().is_relative_to(root):
                link.unlink()  # Nothing outside of the repository is read through it.
        return replace(self, modes=modes)

    def commit(self, files: Mapping[str, bytes], message: str) -> str:
        """A sealed commit on base with new content for some of its files; the same for the same input, always."""
        index = {"GIT_INDEX_FILE": str(self.tree / ".git" / "cnpfix-index")}
        self.git.run("read-tree", self.base, variables=index)
        entries = []
        for name, content in sorted(files.items()):
            blob = self.git.run("hash-object", "-w", "--stdin", data=content).strip()
            entries.append(self.modes[name].encode() + b" " + blob + b"\t" + os.fsencode(name) + b"\0")
        self.git.run("update-index", "-z", "--index-info", data=b"".join(entries), variables=index)
        # Of base, large files that are not read may be on the server only.
        tree = self.git.run("write-tree", "--missing-ok", variables=index).decode().strip()
        text = sealed(message, tree, self.base)
        name, mail = self.identity
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", name), ("EMAIL", mail), ("DATE", self.date))
        }
        arguments = ("commit-tree", tree, "-p", self.base, "-F", "-")
        return self.git.run(*arguments, data=text.encode(), variables=who).decode().strip()

    def strangers_commit(self, commit: str) -> str | None:
        """Who made a branch's newest commit, if it is not the bot's as it made it; None when it is."""
        if commit == self.base or is_ours(self.git.run("cat-file", "commit", commit)):
            return None
        return self.git.text("show", "-s", "--format=%h by %an", commit)

    def push(self, branch: str, commit: str | None) -> None:
        """Puts a branch on a commit, or deletes it. Raises StaleError, RejectedError and GitError.

        Only if the server still has what was fetched: `--force-with-lease` with the expected commit.
        """
        assert self.remote is not None
        expected = self.heads.get(branch, "")
        output, answer = self.git.reach(
            "push",
            "--porcelain",
            "--no-verify",
            f"--force-with-lease=refs/heads/{branch}:{expected}",
            self.remote.url,
            f"{commit or ''}:refs/heads/{branch}",
            refusal=b"!\t",
        )
        for line in output.decode("utf-8", "replace").splitlines():
            flag, _, rest = line.partition("\t")
            if flag == "!":
                summary = rest.rpartition("\t")[2]
                if "stale info" in summary or "fetch first" in summary or "failed to update ref" in summary:
                    raise StaleError(f"{branch} changed on the server while cnpfix worked; run again")
                raise RejectedError(_refusal(branch, summary, answer))


def _is_wanted(path: str) -> bool:
    name = PurePosixPath(path).name
    return may_hold_manifests(name) or name in _FURTHER_NAMES


def _refusal(branch: str, summary: str, answer: str) -> str:
    """Why the server refused, in its own words, in bounds."""
    words = [line.removeprefix("remote:").strip() for line in answer.splitlines() if line.startswith("remote:")]
    detail = " ".join(word for word in words if word)[:300]
    reason = summary[summary.find("(") + 1 : -1] if summary.endswith(")") else summary
    return f"the server refuses the push to {branch} ({reason}){f': {detail}' if detail else ''}"


@contextlib.contextmanager
def open_clone(checkout: Git, remote: Remote, base_branch: str | None, identity: str) -> Iterator[Clone]:
    """A temporary clone of the repository that `checkout` is in, at base; removed at the end. Raises BotError.

    `base_branch` None means the server's default branch.
    """
    who = _identity(identity)
    with _folder(checkout) as git:
        # By its name, what the tree says of its own repository, and facts that are taken from it, are known as such.
        git.run("config", "remote.origin.url", remote.url)
        base = base_branch or _default_branch(git, remote)
        _check_branch(git, base)
        yield Clone(git, remote, base, who, without_large=_is_partial(checkout))._fetched()._laid_out()


@contextlib.contextmanager
def open_local_clone(checkout: Git, remote: str, base_branch: str | None, identity: str) -> Iterator[Clone]:
    """As `open_clone`, and nothing is fetched: base is what was fetched from the remote last, else what is checked out.

    `base_branch` None means the remote's default branch as it is known here. Raises BotError.
    """
    who = _identity(identity)
    wanted = (f"refs/remotes/{remote}/{base_branch or 'HEAD'}", f"refs/heads/{base_branch}" if base_branch else "HEAD")
    for name in wanted:
        with contextlib.suppress(GitError):
            commit = checkout.text("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            break
    else:
        raise BotError(f"no commit to start from: neither {wanted[0]} nor {wanted[1]} is one")
    with _folder(checkout, partial=True) as git:
        yield Clone(git, None, _short(checkout, name), who)._at(commit)._laid_out()


@contextlib.contextmanager
def open_commit(checkout: Git, commit: str) -> Iterator[Clone]:
    """A commit of a checkout, its manifests laid out in a folder that is removed at the end. Raises BotError."""
    with _folder(checkout, partial=True) as git:
        yield Clone(git, None, commit, _identity(DEFAULT_IDENTITY))._at(commit)._laid_out()


def _short(checkout: Git, name: str) -> str:
    """A reference as people know it: `origin/main` for `refs/remotes/origin/HEAD`, `main` for `HEAD`."""
    short = checkout.text("rev-parse", "--abbrev-ref", name)
    return "the commit checked out" if short == "HEAD" else short


def _identity(text: str) -> tuple[str, str]:
    who = IDENTITY.fullmatch(text.strip())
    if who is None:
        raise BotError(f"--author: expected 'Name <mail>', got {text!r}")
    return who["name"].rstrip(), who["mail"]


@contextlib.contextmanager
def _folder(checkout: Git, *, partial: bool = False) -> Iterator[Git]:
    """An empty repository that borrows the checkout's objects, those of a partial clone only where asked for."""
    folder = Path(tempfile.mkdtemp(prefix="cnpfix-"))
    try:
        # The search for a configuration goes upward and must not leave this folder.
        (folder / "cnpfix.toml").touch()
        git = replace(checkout, folder=folder / "tree")
        _initialise(checkout, git, partial=partial)
        yield git
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(checkout: Git, git: Git, *, partial: bool) -> None:
    git.folder.mkdir()
    own = git.folder / ".git"
    paths = ("--path-format=absolute", "--git-path", "objects", "--git-path", "shallow")
    form, objects, shallow = checkout.text("rev-parse", "--show-object-format", *paths).split("\n")
    git.run("init", "--quiet", "--template=", f"--object-format={form}", ".")
    (own / "info").mkdir(exist_ok=True)
    (own / "info" / "attributes").write_text(_ATTRIBUTES)
    (own / "objects" / "info").mkdir(parents=True, exist_ok=True)
    if not partial and _is_partial(checkout):
        return  # A partial clone lacks objects that its server takes it to have: fetch everything that is read anew.
    (own / "objects" / "info" / "alternates").write_bytes(os.fsencode(objects) + b"\n")
    if Path(shallow).is_file():
        shutil.copyfile(shallow, own / "shallow")


def _is_partial(checkout: Git) -> bool:
    """Whether a repository may lack objects, which are on its server."""
    objects = checkout.text("rev-parse", "--path-format=absolute", "--git-path", "objects")
    return any(Path(objects, "pack").glob("*.promisor"))


def _default_branch(git: Git, remote: Remote) -> str:
    output, _ = git.reach("ls-remote", "--symref", remote.url, "HEAD")
    for line in output.decode("utf-8", "replace").splitlines():
        if line.startswith("ref: refs/heads/") and line.endswith("\tHEAD"):
            return line.removeprefix("ref: refs/heads/").removesuffix("\tHEAD")
    raise BotError("the remote names no default branch; give --base")


def _check_branch(git: Git, name: str) -> None:
    try:
        git.run("check-ref-format", f"refs/heads/{name}")
    except GitError:
        raise BotError(f"{name!r} is not a name that git takes for a branch") from None
