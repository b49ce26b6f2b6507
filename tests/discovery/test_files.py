"""Which files are read: paths, git, globs, symlinks; and that a bad one is an error of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rewriter.discovery import (
    FoundFile,
    Globs,
    InputError,
    changed_files,
    find_files,
    holds_policy,
    read_file,
    repository_root,
)

POLICY = "kind: CiliumNetworkPolicy\n"


def _tree(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(POLICY)


def _git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, "-C", str(root), *arguments], check=True, capture_output=True)


def _names(root: Path, *globs: str) -> list[str]:
    found = find_files([root], Globs(root, globs))
    return [os.path.relpath(item.path, root) for item in found if isinstance(item, FoundFile)]


def test_programs_are_read_in_projects_alone_and_folders_with_such_names_everywhere(tmp_path: Path) -> None:
    _tree(tmp_path, "next.js/app.yaml", "web/index.ts", "site/Pulumi.yaml", "site/lib/index.ts", "site/k8s.go/a.yaml")
    assert _names(tmp_path) == ["next.js/app.yaml", "site/Pulumi.yaml", "site/k8s.go/a.yaml", "site/lib/index.ts"]


def test_manifests_of_a_folder_in_order(tmp_path: Path) -> None:
    _tree(tmp_path, "b.yml", "a/x.yaml", "a/y.json", "notes.txt", "node_modules/z.yaml")
    assert _names(tmp_path) == ["a/x.yaml", "a/y.json", "b.yml"]


def test_of_names_without_a_suffix_only_the_one_that_kustomize_knows(tmp_path: Path) -> None:
    _tree(tmp_path, "Kustomization", "a/Kustomization", "b/kustomization", "b/MyKustomization", "c/KUSTOMIZATION")
    assert _names(tmp_path) == ["Kustomization", "a/Kustomization"]


def test_git_ignored_files_are_left_out_unless_named(tmp_path: Path) -> None:
    _tree(tmp_path, "kept.yaml", "rendered/out.yaml", "new.yaml")
    (tmp_path / ".gitignore").write_text("rendered/\n")
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", "kept.yaml")
    assert _names(tmp_path) == ["kept.yaml", "new.yaml"], "untracked files count, ignored ones do not"
    assert _names(tmp_path / "rendered") == ["out.yaml"], "an ignored folder that is named is read"


def test_outside_of_a_repository_git_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tree(tmp_path, "a.yaml", "sub/b.yaml")
    monkeypatch.setattr(subprocess, "run", None)
    assert repository_root(tmp_path / "sub") is None
    assert _names(tmp_path) == ["a.yaml", "sub/b.yaml"]


def test_files_deleted_from_the_work_tree_are_no_error(tmp_path: Path) -> None:
    _tree(tmp_path, "a.yaml", "b.yaml")
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", ".")
    (tmp_path / "a.yaml").unlink()
    assert _names(tmp_path) == ["b.yaml"]


def test_exclude_globs(tmp_path: Path) -> None:
    _tree(tmp_path, "vendor/deep/a.yaml", "apps/vendor.yaml", "apps/b.yaml")
    assert _names(tmp_path, "vendor/**") == ["apps/b.yaml", "apps/vendor.yaml"]
    assert _names(tmp_path, "*.yaml") == []


@pytest.mark.parametrize("git", [False, True])
def test_symlinks_are_followed_only_inside(tmp_path: Path, git: bool) -> None:
    root = tmp_path / "root"
    _tree(tmp_path, "outside/secret.yaml", "root/real.yaml", "root/versions/policy.v2")
    (root / "again.yaml").symlink_to("real.yaml")
    (root / "current.yaml").symlink_to("versions/policy.v2")
    (root / "also-current.yaml").symlink_to("current.yaml")
    (root / "out.yaml").symlink_to(tmp_path / "outside" / "secret.yaml")
    (root / "outfolder").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    (root / "self.yaml").symlink_to("self.yaml")
    (root / "dangling.yaml").symlink_to("nowhere")
    if git:
        _git(root, "init", "-q")
    assert _names(root) == ["also-current.yaml", "real.yaml"], "each file once, under its own name if it has one"


def test_a_symlink_that_is_named_may_not_leave_its_repository(tmp_path: Path) -> None:
    root = tmp_path / "root"
    _tree(tmp_path, "outside/secret.yaml", "root/real.yaml")
    _git(root, "init", "-q")
    (root / "in.yaml").symlink_to("real.yaml")
    (root / "out.yaml").symlink_to(tmp_path / "outside" / "secret.yaml")
    found = list(find_files([root / "in.yaml", root / "out.yaml"], Globs(root, ())))
    assert found[0] == FoundFile(str(root / "in.yaml"), explicit=True)
    assert str(found[1]) == f"{root}/out.yaml: is a symlink that leads out of its repository; name the file itself"


def test_a_symlinked_folder_that_is_named_is_read(tmp_path: Path) -> None:
    _tree(tmp_path, "real/a.yaml")
    (tmp_path / "link").symlink_to("real")
    assert _names(tmp_path / "link") == ["a.yaml"]


def test_hidden_folders_and_odd_names_are_read(tmp_path: Path) -> None:
    _tree(tmp_path, ".hidden/a.yaml", "b\nb.yaml", "c d/ä.yaml", "-x.yaml", ".git/HEAD.yaml", "noext", "UP.yaml")
    assert _names(tmp_path) == ["-x.yaml", ".hidden/a.yaml", "UP.yaml", "b\nb.yaml", "c d/ä.yaml"]


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.yaml")).write_text(POLICY)
    [found] = find_files([tmp_path], Globs(tmp_path, ()))
    assert isinstance(found, FoundFile)
    assert read_file(found) == POLICY.encode()


def test_ignored_files_that_are_tracked_are_read(tmp_path: Path) -> None:
    _tree(tmp_path, "a.gen.yaml", "b.gen.yaml", "out/c.yaml", "out/d.yaml")
    (tmp_path / ".gitignore").write_text("*.gen.yaml\nout/\n")
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", "-f", "a.gen.yaml", "out/c.yaml")
    assert _names(tmp_path) == ["a.gen.yaml", "out/c.yaml"]


def test_a_work_tree_in_the_work_tree_is_read_with_its_own_rules(tmp_path: Path) -> None:
    _tree(tmp_path, "a.yaml", "inner/b.yaml", "inner/out/c.yaml")
    (tmp_path / "inner" / ".gitignore").write_text("out/\n")
    _git(tmp_path, "init", "-q")
    _git(tmp_path / "inner", "init", "-q")
    assert _names(tmp_path) == ["a.yaml", "inner/b.yaml"]


def test_a_folder_without_permission_is_an_error_and_the_others_are_read(tmp_path: Path) -> None:
    _tree(tmp_path, "a.yaml", "closed/b.yaml", "d.yaml")
    (tmp_path / "closed").chmod(0)
    if os.access(tmp_path / "closed", os.R_OK):
        pytest.skip("permissions do not bind this user")
    found = list(find_files([tmp_path], Globs(tmp_path, ())))
    (tmp_path / "closed").chmod(0o755)
    assert [str(item) for item in found if isinstance(item, InputError)] == [
        f"{tmp_path}/closed: cannot be read: permission denied; check its permissions"
    ]
    assert len(found) == 3


def test_a_deep_tree_is_read(tmp_path: Path) -> None:
    here = tmp_path
    for _ in range(300):
        here = here / "d"
    _tree(here, "a.yaml")
    assert len(_names(tmp_path)) == 1


def test_missing_and_strange_paths_are_errors(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    errors = list(find_files([tmp_path / "nowhere", pipe], Globs(tmp_path, ())))
    assert [str(error) for error in errors if isinstance(error, InputError)] == [
        f"{tmp_path}/nowhere: no such file or folder; {tmp_path} holds pipe.yaml",
        f"{pipe}: is neither a file nor a folder; name a manifest or a folder of manifests",
    ]


def test_a_pipe_in_a_folder_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert _names(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["deploy", "main.go", "x.ts", "package.json", "go.mod", "pom.xml", "a.csproj", ".gitmodules"]
)
def test_a_pipe_of_the_name_of_a_program_is_not_waited_for(tmp_path: Path, name: str) -> None:
    _tree(tmp_path, "a.yaml")
    os.mkfifo(tmp_path / name)
    # In a process of its own: one that waits for the pipe waits for good.
    script = (
        "from pathlib import Path; from rewriter.discovery import Globs, empty_submodules, find_files\n"
        "print([one.path.name for one in find_files([Path('.')], Globs(Path('.'), ()))], empty_submodules(Path('.')))"
    )
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.stdout == "['a.yaml'] []\n", ran.stderr


def test_a_pipe_that_git_would_wait_for_is_named(tmp_path: Path) -> None:
    names = (".gitignore", "sub/.gitignore", ".git/info/exclude", ".git/config")
    for number, name in enumerate(names):
        root = tmp_path / str(number)
        _tree(root, "sub/a.yaml")
        _git(root, "init", "-q")
        (root / name).unlink(missing_ok=True)
        os.mkfifo(root / name)
    script = (
        "import os; from pathlib import Path; from rewriter.discovery import GitWaitsError, Globs, find_files, git\n"
        "git.PATIENCE = 0.2\n"
        f"for number in range({len(names)}):\n"
        f"    os.chdir({str(tmp_path)!r} + f'/{{number}}')\n"
        "    try: print(list(find_files([Path('.')], Globs(Path('.'), ()))))\n"
        "    except GitWaitsError as error: print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    says = "is no file but a pipe or a device, and git waits for it: remove it"
    assert ran.stdout.splitlines() == [f"{name} {says}" for name in names], ran.stderr


def test_each_file_once(tmp_path: Path) -> None:
    _tree(tmp_path, "a.yaml")
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    paths = [tmp_path, tmp_path / "a.yaml", tmp_path, Path(os.path.relpath(tmp_path)), tmp_path / "link.yaml"]
    assert len(list(find_files(paths, Globs(tmp_path, ())))) == 1


def test_a_file_that_vanished_is_an_error(tmp_path: Path) -> None:
    gone = read_file(FoundFile(str(tmp_path / "gone.yaml")))
    assert isinstance(gone, InputError)
    assert "no such file" in gone.message


def test_huge_files_are_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    assert read_file(FoundFile(str(path))) is None
    with path.open("r+b") as stream:
        stream.write(POLICY.encode())
    error = read_file(FoundFile(str(path)))
    assert isinstance(error, InputError)
    assert str(error) == f"{path}: holds 67,108,865 bytes, more than 64 MiB; split the file"


def test_utf16_policies_are_not_overlooked() -> None:
    assert holds_policy(POLICY.encode("utf-16"))
    assert holds_policy(POLICY.encode())
    assert not holds_policy(b"kind: Service\n")


def test_changed_files_since_a_revision(tmp_path: Path) -> None:
    _tree(tmp_path, "a.yaml", "b.yaml")
    _git(tmp_path, "init", "-q", "-b", "main")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-q", "-m", "one")
    (tmp_path / "a.yaml").write_text("changed")
    _tree(tmp_path, "new.yaml")
    wanted = frozenset((tmp_path / name).resolve() for name in ("a.yaml", "new.yaml"))
    assert changed_files(tmp_path, "main") == wanted
    assert changed_files(tmp_path, "no-such-revision") is None
    assert changed_files(tmp_path, "--output=x") is None, "a revision is never an option"


def test_a_checkout_cannot_run_programs(tmp_path: Path) -> None:
    _tree(tmp_path, "a.yaml")
    _git(tmp_path, "init", "-q")
    witness = tmp_path / "ran"
    _git(tmp_path, "config", "core.fsmonitor", f"touch {witness}")
    assert _names(tmp_path) == ["a.yaml"]
    assert not witness.exists()


def test_a_comparison_runs_no_filter_of_the_checkout(tmp_path: Path) -> None:
    _tree(tmp_path, "a.yaml")
    _git(tmp_path, "init", "-q", "-b", "main")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-q", "-m", "one")
    witness = tmp_path / "ran"
    for name, setting in (("x", "clean"), ("a=b", "clean"), ("z", "process")):
        _git(tmp_path, "config", f"filter.{name}.{setting}", f"touch {witness}; cat")
        _git(tmp_path, "config", f"filter.{name}.required", "true")
    (tmp_path / ".gitattributes").write_text("a.yaml filter=x\nb.yaml filter=a=b\nc.yaml filter=z\n")
    _tree(tmp_path, "b.yaml", "c.yaml")
    _git(tmp_path, "-c", "filter.a=b.clean=", "update-index", "--add", "--cacheinfo", f"100644,{'1' * 40},b.yaml")
    (tmp_path / "a.yaml").write_text("edited")
    witness.unlink(missing_ok=True)
    found = changed_files(tmp_path, "main")
    assert found is not None
    assert (tmp_path / "a.yaml").resolve() in found
    assert not witness.exists()


@pytest.mark.parametrize("named", [".", "..", "../..", "../other", "/"])
def test_settings_of_a_checkout_do_not_move_its_top(tmp_path: Path, named: str) -> None:
    top = tmp_path / "above" / "top"
    _tree(tmp_path, "above/top/apps/a.yaml", "above/b.yaml", "above/other/c.yaml")
    _git(top, "init", "-q")
    _git(top, "config", "core.worktree", str((top / named).resolve()))
    assert repository_root(top) == top
    assert repository_root(top / "apps") == top
    assert repository_root(tmp_path / "above") is None


def test_the_top_is_where_git_is_found(tmp_path: Path) -> None:
    """For linked work trees and submodules, whose `.git` is a file; an empty folder of that name is none."""
    _tree(tmp_path, "main/a.yaml", "main/apps/.git/keep.txt")
    main = tmp_path / "main"
    _git(main, "init", "-q", "-b", "main")
    _git(main, "add", "a.yaml")
    _git(main, "commit", "-q", "-m", "one")
    _git(main, "worktree", "add", "-q", str(tmp_path / "linked"))
    _git(main, "-c", "protocol.file.allow=always", "submodule", "-q", "add", str(main), "sub")
    assert repository_root(main / "apps") == main
    assert repository_root(tmp_path / "linked") == tmp_path / "linked"
    assert repository_root(main / "sub") == main / "sub"
    assert repository_root(main / ".git") is None


def test_the_variables_of_a_git_that_runs_us_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook of another repository leaves its GIT_DIR in the environment."""
    inner, other = tmp_path / "inner", tmp_path / "other"
    for folder in (inner, other):
        folder.mkdir()
        _git(folder, "init", "-q")
    _tree(inner, "a.yaml", "ignored.yaml")
    (inner / ".gitignore").write_text("ignored.yaml\n")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert repository_root(inner) == inner
    assert _names(inner) == ["a.yaml"]
