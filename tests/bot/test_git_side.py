"""Real pushes to a real `git http-backend`, and everything that can go wrong with them."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rewriter.bot import git as bot_git
from rewriter.bot.errors import BotError
from rewriter.bot.git import Git, GitError
from tests.bot.conftest import FILES, Lab, policy
from tests.bot.forges import PROJECT
from tests.bot.server import TOKEN, authority, change, git, serving
from tests.cli.support import cnpfix
from tests.samples import MESH

BRANCH = "cnpfix/1.19"


def hook(lab: Lab, name: str, script: str) -> None:
    """A hook of the server's."""
    path = lab.bare / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def posts(lab: Lab) -> list[str]:
    return [f"{call.method} {call.path}" for call in lab.server.calls if call.method != "GET"]


@pytest.mark.parametrize(
    ("name", "script", "said"),
    [
        ("pre-receive", "echo 'GH006: Protected branch update failed' >&2; exit 1", "GH006: Protected branch"),
        ("update", "echo 'no bots here' >&2; exit 1", "no bots here"),
    ],
)
def test_a_push_that_a_hook_refuses_is_said_in_the_servers_words(lab: Lab, name: str, script: str, said: str) -> None:
    hook(lab, name, script)
    ran = lab.bot()
    assert ran.code == 2
    assert "failed" in ran.out
    assert said in " ".join(ran.out.split())
    assert "hook declined" in " ".join(ran.out.split())
    assert posts(lab) == [], "no request for a branch that is not there"
    assert lab.waits == [], "a refusal is not tried again"


def test_a_branch_that_must_not_be_forced(lab: Lab) -> None:
    lab.bot()
    head = lab.head(BRANCH)
    git(lab.bare, "config", "receive.denyNonFastForwards", "true")
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    ran = lab.bot()
    assert (ran.code, lab.head(BRANCH)) == (2, head)
    assert "non-fast-forward" in ran.out


def test_a_branch_that_must_not_be_deleted_stays_and_is_mentioned(lab: Lab) -> None:
    lab.bot()
    git(lab.bare, "config", "receive.denyDeletes", "true")
    change(lab.person, {"shop/api.yaml": None}, "Remove")
    ran = lab.bot()
    assert ran.code == 0
    assert "the branch stays" in ran.out
    assert [each.state for each in lab.api.requests] == ["closed"]


def test_somebody_who_pushes_in_between_is_not_overwritten(lab: Lab) -> None:
    lab.bot()
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    git(lab.person, "fetch", "--quiet", "origin", BRANCH)
    git(lab.person, "checkout", "--quiet", "FETCH_HEAD")
    theirs: list[str] = []
    # The bot has fetched when it asks the forge: this push falls between its look and its own push.
    lab.server.faults.on_call = lambda: theirs.append(
        change(lab.person, {"shop/note.txt": "mine\n"}, "My own", branch=BRANCH)
    )
    ran = lab.bot()
    assert ran.code == 0
    assert "stopped" in ran.out and "Jane Doe" in ran.out
    assert [lab.head(BRANCH)] == theirs


def test_another_bot_that_was_faster_with_the_same_commit_is_no_conflict(lab: Lab) -> None:
    lab.bot()
    commit = lab.head(BRANCH)
    assert commit
    git(lab.bare, "update-ref", "refs/keep", commit)
    git(lab.bare, "update-ref", "-d", f"refs/heads/{BRANCH}")
    lab.api.requests.clear()
    lab.server.faults.on_call = lambda: git(lab.bare, "update-ref", f"refs/heads/{BRANCH}", commit)
    ran = lab.bot()
    assert (ran.code, lab.head(BRANCH)) == (0, commit)
    assert len(lab.api.requests) == 1


def test_two_bots_at_the_same_time_make_one_request(lab: Lab) -> None:
    command = [sys.executable, "-m", "rewriter", "pr", "--forge", lab.kind]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "ab"]
    outputs = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    assert len(lab.api.requests) == 1
    assert git(lab.bare, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert all(TOKEN not in text for output in outputs for text in output)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_lost_in_a_push_is_tried_again(lab: Lab, moment: str) -> None:
    getattr(lab.server.faults, f"drop_{moment}").append("git-receive-pack")
    ran = lab.bot()
    assert (ran.code, lab.waits) == (0, [1.0])
    assert git(lab.bare, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert len(lab.api.requests) == 1


def test_a_connection_that_is_always_lost_ends_within_bounds(lab: Lab) -> None:
    lab.server.faults.drop_before += ["git-receive-pack"] * 9
    ran = lab.bot()
    assert (ran.code, lab.waits) == (2, [1.0, 2.0, 4.0, 8.0])
    assert "failed" in ran.out
    assert posts(lab) == []


def test_a_token_that_git_refuses_is_named_and_not_shown(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNPFIX_TOKEN", "wrong-but-secret")
    ran = lab.bot()
    assert ran.code == 2
    assert "refused the credentials (CNPFIX_TOKEN)" in ran.err
    assert "wrong-but-secret" not in ran.out + ran.err
    assert lab.waits == []


def test_credentials_in_the_remotes_url_are_neither_used_nor_shown(lab: Lab) -> None:
    url = lab.server.url.replace("http://", "http://someone:hunter2@")
    git(lab.checkout, "remote", "set-url", "origin", f"{url}/{PROJECT}.git")
    ran = lab.bot()
    assert (ran.code, set(lab.server.pushes_by)) == (0, {"x-access-token"})
    assert "hunter2" not in ran.out + ran.err


def test_no_token_is_on_a_command_line_or_in_a_file(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A git that writes down how it is called, in front of the real one."""
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    folder = tmp_path / "bin"
    folder.mkdir()
    log = tmp_path / "calls"
    (folder / "git").write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\n'
        f'case "$*" in *" push "*|*" fetch "*|*" ls-remote "*) ;; *) env >> {log};; esac\nexec {real} "$@"\n'
    )
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    assert lab.bot().code == 0
    called = log.read_text()
    assert " push " in called
    # Only git commands that talk to the server have the token, in their environment.
    assert TOKEN not in called


def test_nothing_of_a_repository_runs(lab: Lab, tmp_path: Path) -> None:
    """Hooks, filters, a file system monitor and an ssh command of the checkout, and attributes that ask for them."""
    trap = tmp_path / "trap"
    touch = f"touch {trap}"
    for name in (
        "pre-push",
        "post-checkout",
        "post-commit",
        "pre-commit",
        "reference-transaction",
        "post-index-change",
    ):
        path = lab.checkout / ".git" / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{touch}-{name}\n")
        path.chmod(0o755)
    git(lab.checkout, "config", "core.fsmonitor", f"{touch}-monitor;false")
    git(lab.checkout, "config", "filter.evil.smudge", f"{touch}-smudge;cat")
    git(lab.checkout, "config", "filter.evil.clean", f"{touch}-clean;cat")
    git(lab.checkout, "config", "credential.helper", f"!{touch}-helper;:")
    git(lab.checkout, "config", "diff.external", f"{touch}-diff")
    change(lab.person, {".gitattributes": "*.yaml filter=evil text eol=crlf ident\n"}, "Attributes")
    ran = lab.bot()
    assert ran.code == 0, ran.err
    assert list(tmp_path.glob("trap*")) == []


def test_the_checkouts_settings_do_not_move_its_top(lab: Lab, tmp_path: Path) -> None:
    git(lab.checkout, "config", "core.worktree", str(tmp_path))
    ran = lab.bot("shop")
    assert ran.code == 0, ran.err
    assert "opened" in ran.out


def test_bytes_are_as_the_base_branch_has_them(lab: Lab) -> None:
    """Whatever attributes say: line ends, marks and modes of the base branch stay."""
    windows = policy("db", "prod").replace("\n", "\r\n")
    (lab.person / "prod").mkdir()
    (lab.person / "prod" / "db.yaml").write_bytes(b"\xef\xbb\xbf" + windows.encode())
    (lab.person / "prod" / "db.yaml").chmod(0o755)
    (lab.person / "prod" / "link.yaml").symlink_to("db.yaml")
    git(lab.person, "config", "core.autocrlf", "false")
    change(lab.person, {}, "Windows")
    change(lab.person, {".gitattributes": "*.yaml text=auto eol=lf ident\n"}, "Attributes, later")
    assert lab.bot().code == 0
    done = subprocess.run(
        ["git", "-C", str(lab.bare), "show", f"{BRANCH}:prod/db.yaml"], capture_output=True, check=True
    ).stdout
    assert done.startswith(b"\xef\xbb\xbf# Who")
    assert b"cluster-b" in done
    assert done.count(b"\n") == done.count(b"\r\n")
    changed = git(lab.bare, "diff", "--raw", "--no-abbrev", "main", BRANCH, "--", "prod").splitlines()
    (line,) = changed
    assert line.startswith(":100755 100755 "), "the mode stays, and the symlink is not a file now"


def test_a_shallow_checkout_will_do(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    _use_clone(lab, tmp_path / "shallow", monkeypatch, "--depth=1")
    assert lab.bot().code == 0
    assert git(lab.bare, "rev-list", "--count", f"main..{BRANCH}") == "1"
    change(lab.person, {"shop/other.yaml": policy("other", "shop")}, "Add another")
    ran = lab.bot()
    assert "updated" in ran.out, ran.out + ran.err
    assert git(lab.bare, "rev-list", "--count", f"main..{BRANCH}") == "1"


def test_a_partial_checkout_will_do(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(lab.bare, "config", "uploadpack.allowFilter", "true")
    _use_clone(lab, tmp_path / "partial", monkeypatch, "--filter=blob:none", "--no-checkout")
    assert lab.bot().code == 0
    assert "cluster-b" in lab.shown(BRANCH, "shop/api.yaml")


def _use_clone(lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    git(folder.parent, "clone", "--quiet", *options, f"file://{lab.bare}", str(folder))
    git(folder, "remote", "set-url", "origin", f"{lab.server.url}/{PROJECT}.git")
    lab.checkout = folder
    monkeypatch.chdir(folder)


def test_uncommitted_work_is_neither_proposed_nor_touched(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    git(lab.checkout, "checkout", "--quiet", "-b", "my-work")
    (lab.checkout / "shop" / "api.yaml").write_text("# half written\n")
    (lab.checkout / "shop" / "new.yaml").write_text(policy("new", "shop"))
    git(lab.checkout, "add", "shop/new.yaml")
    (lab.checkout / "untracked.yaml").write_text(policy("untracked", "shop"))
    monkeypatch.chdir(lab.checkout / "shop")
    assert lab.bot("..").code == 0
    assert git(lab.bare, "diff", "--name-only", "main", BRANCH) == "shop/api.yaml"
    assert "half written" not in lab.shown(BRANCH, "shop/api.yaml")


def test_a_path_is_taken_from_where_the_person_stands(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    monkeypatch.chdir(lab.checkout / "shop")
    assert lab.bot(".").code == 0
    assert git(lab.bare, "diff", "--name-only", "main", BRANCH) == "shop/api.yaml"


def test_git_variables_of_a_calling_hook_lead_nowhere(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A scheduled run from a git hook or `git rebase --exec` has these set."""
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(lab.person / ".git"))
    ran = lab.bot()
    assert ran.code == 0, ran.err
    assert "cluster-b" in lab.shown(BRANCH, "shop/api.yaml")


def test_a_configuration_above_the_repository_is_not_read(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "cnpfix.toml").write_text('to = "1.20"\n')
    change(lab.person, {"cnpfix.toml": None}, "No configuration")
    assert "Nothing to fix" in lab.bot().out
    (tmp_path / "mine.toml").write_text(MESH)
    assert lab.bot("--config", str(tmp_path / "mine.toml")).code == 0
    assert lab.head(BRANCH)


def test_a_forge_of_a_private_authority(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git and the API both trust the bundle, and neither trusts the server without it."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    bundle, context = authority(tmp_path)
    with serving(lab.server.repositories, lab.api, context) as secure:
        git(lab.checkout, "remote", "set-url", "origin", f"{secure.url}/{PROJECT}.git")
        refused = lab.bot()
        assert refused.code == 2 and "certificate" in refused.err
        assert lab.bot("--ca-bundle", str(bundle)).code == 0
        monkeypatch.setenv("GIT_SSL_CAINFO", str(bundle))
        assert "unchanged" in lab.bot().out


def test_a_remote_over_ssh(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git gets there by itself, with the user's keys; the token is for the API alone."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\nfor last; do :; done\nenv > {tmp_path}/seen\ncd {lab.server.repositories} && eval "$last"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    git(lab.checkout, "remote", "set-url", "origin", f"git@forge.invalid:{PROJECT}.git")
    ran = lab.bot("--api-url", f"{lab.server.url}/api/v3")
    assert ran.code == 0, ran.err + ran.out
    assert lab.api.request(BRANCH).number == 1
    assert TOKEN not in (tmp_path / "seen").read_text()


def test_a_name_that_is_not_unicode(lab: Lab) -> None:
    name = os.fsdecode(b"shop/\xff.yaml")
    change(lab.person, {name: policy("db", "prod")}, "A name of bytes")
    ran = lab.bot()
    assert ran.code == 0, ran.err
    assert "shop/%FF.yaml#L1" in lab.api.request(BRANCH).body
    changed = git(lab.bare, "diff", "--name-only", "main", BRANCH).splitlines()
    assert sorted(changed) == ['"shop/\\377.yaml"', "shop/api.yaml"]


def test_outside_of_a_checkout(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lab_bot = lab.bot()
    assert lab_bot.code == 2
    assert "works on a git checkout, and none is here" in lab_bot.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--remote", "upstream"], "--remote upstream"),
        (["--base", "no-such-branch"], "no-such-branch"),
        (["--base=--upload-pack=x"], "couldn't find remote ref"),
        (["--branch", "a..b"], "not a name that git takes for a branch"),
        (["--author", "nobody"], "expected 'Name <mail>'"),
        (["../person"], "is not in the checkout"),
        (["no/such/folder"], "has no manifests there"),
        (["-"], "has no place in a pull request"),
        (["--ca-bundle", "missing.pem"], "no such file"),
        (["--config", "missing.toml"], "cannot be read"),
        (["--select", "no-such-pass"], "no such pass"),
    ],
)
def test_what_cannot_be_is_one_line(lab: Lab, arguments: list[str], said: str) -> None:
    ran = lab.bot(*arguments)
    assert ran.code == 2
    assert ran.err.count("\n") == 1 and said in ran.err
    assert posts(lab) == []


def test_nothing_is_left_in_the_temporary_folder(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    lab.bot()
    lab.bot("--base", "no-such-branch")
    assert list(folder.iterdir()) == []
    assert stat.S_IMODE(folder.stat().st_mode)


def test_the_files_of_the_fixture_are_fixed_as_the_fixer_fixes_them(lab: Lab) -> None:
    """The same bytes as `cnpfix --write`."""
    lab.bot()
    assert cnpfix("--write").code == 0
    assert (
        (lab.checkout / "shop" / "api.yaml").read_text() == lab.shown(BRANCH, "shop/api.yaml") != FILES["shop/api.yaml"]
    )


@pytest.mark.parametrize("kind", ["insteadOf", "pushInsteadOf"])
def test_a_job_token_that_git_puts_into_urls_is_not_used(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Pipelines rewrite URLs so that other tools can fetch; the token that is in them may not push."""
    settings = tmp_path / "gitconfig"
    url = lab.server.url.replace("http://", "http://gitlab-ci-token:hunter2@")
    settings.write_text(f'[url "{url}/"]\n\t{kind} = {lab.server.url}/\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    ran = lab.bot()
    assert (ran.code, set(lab.server.pushes_by)) == (0, {"x-access-token"}), ran.err
    assert "hunter2" not in ran.out + ran.err


def test_a_helper_of_the_pipeline_for_the_same_host_is_not_asked(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    helper = f"!f() {{ touch {tmp_path}/asked; echo username=gitlab-ci-token; echo password=hunter2; }}; f"
    git(tmp_path, "config", "--file", str(settings), f"credential.{lab.server.url}.helper", helper)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    ran = lab.bot()
    assert (ran.code, set(lab.server.pushes_by)) == (0, {"x-access-token"}), ran.err
    assert not (tmp_path / "asked").exists()


def test_a_server_that_never_answers_ends_with_the_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/acme/shop.git"
        git(tmp_path, "init", "--quiet", ".")
        with pytest.raises(GitError, match="git ls-remote took more than 1 second; run again later"):
            Git(tmp_path, timeout=1).reach("ls-remote", url, "HEAD")
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(30)
            while connection.recv(4096):
                pass  # To the end: git's helper, which held the connection, is gone too.


@pytest.mark.parametrize("name", ["config", "HEAD"])
def test_a_pipe_that_git_would_wait_for_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".git" / name).unlink()
    os.mkfifo(tmp_path / ".git" / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bot_git, "PATIENCE", 0.2)
    with pytest.raises(BotError, match=rf"^\.git/{name} is no file but a pipe or a device, and git waits for it"):
        Git(tmp_path, timeout=30).run("rev-parse", "HEAD")


def test_the_bot_has_no_need_of_the_index_and_waits_for_no_pipe_in_its_place(lab: Lab) -> None:
    index = lab.checkout / ".git" / "index"
    index.unlink()
    os.mkfifo(index)
    ran = cnpfix("pr", "--forge", lab.kind, "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert "1 would open" in ran.out
