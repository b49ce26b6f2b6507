"""The comment on somebody's request: what its changes do to traffic, one comment, kept up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewriter.bot.comment import MARK, MAX_LINES
from rewriter.cli import comment_run
from tests.bot.conftest import APIS, Lab
from tests.bot.forges import Stored
from tests.bot.server import git
from tests.cli.support import Ran, cnpfix

WHO = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")


def rule(name: str, peer: str, port: int = 80, namespace: str = "prod") -> str:
    return f"""apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  endpointSelector: {{matchLabels: {{app: {name}}}}}
  ingress:
    - fromEndpoints: [{{matchLabels: {{app: {peer}}}}}]
      toPorts: [{{ports: [{{port: "{port}", protocol: TCP}}]}}]
"""


def commit(folder: Path, files: dict[str, str | None]) -> str:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git(folder, "add", "-A")
    git(folder, *WHO, "commit", "--quiet", "--allow-empty", "-m", "Change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name in ("GITHUB_REF", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_IID"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {"prod/db.yaml": rule("db", "api", 5432), "prod/web.yaml": rule("web", "proxy")})
    git(folder, "checkout", "--quiet", "-b", "change")
    monkeypatch.chdir(folder)
    return folder


def shown(*arguments: str) -> Ran:
    return cnpfix("comment", "--dry-run", "--base", "main", *arguments)


def test_what_opens_stands_before_what_closes(checkout: Path) -> None:
    commit(checkout, {"prod/db.yaml": rule("db", "batch", 5432)})
    ran = shown()
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == MARK
    assert lines[1].startswith("**This change opens 1 flow and closes 1** (base `")
    assert "Cilium 1.18" in lines[1]
    opens = next(n for n, line in enumerate(lines) if line.startswith("- ⬆ **opens**") and "app=batch" in line)
    closes = next(n for n, line in enumerate(lines) if line.startswith("- ⬇ **closes**") and "app=api" in line)
    assert opens < closes
    assert "prod/db" in lines[opens] and "5432/TCP" in lines[opens]
    assert "1 other policy does the same as before." in lines[-1]


def test_a_change_of_words_only_is_no_news(checkout: Path) -> None:
    commit(checkout, {"prod/db.yaml": "# Who may call the database.\n" + rule("db", "api", 5432)})
    ran = shown()
    assert "**This change leaves all policies as they are**" in ran.out
    assert "- " not in ran.out.replace(MARK, "")


def test_a_policy_that_moves_to_another_file_is_the_same_one(checkout: Path) -> None:
    commit(checkout, {"prod/db.yaml": None, "prod/database.yaml": rule("db", "api", 5432)})
    assert "leaves all policies as they are" in shown().out


def test_new_policies_and_gone_ones_say_what_that_does(checkout: Path) -> None:
    commit(checkout, {"prod/db.yaml": None, "prod/cache.yaml": rule("cache", "api", 6379)})
    out = shown().out
    assert "**opens** ingress to pods with app=db" in out, "default deny ends with the policy"
    assert "**closes** ingress to pods with app=cache" in out


def test_a_policy_that_stops_being_enforced_is_news(checkout: Path) -> None:
    commit(checkout, {"prod/db.yaml": rule("db", "api", 5432).replace("app: db", "app: 'not a label!'")})
    assert "prod/db is not enforced any more" in shown().out


def test_at_most_sixty_lines_and_the_cut_is_announced(checkout: Path) -> None:
    commit(checkout, {f"many/p{n}.yaml": rule(f"p{n}", "api", 80, f"n{n}") for n in range(100)})
    git(checkout, "checkout", "--quiet", "-b", "more")
    commit(checkout, {f"many/p{n}.yaml": rule(f"p{n}", "batch", 81, f"n{n}") for n in range(100)})
    out = cnpfix("comment", "--dry-run", "--base", "change").out
    lines = out.splitlines()
    assert len(lines) <= MAX_LINES
    assert "of the 100 flows that open are not shown here.**" in "\n".join(lines[:4])


def test_only_what_the_request_changed_counts(checkout: Path) -> None:
    """The target branch may have gone on: the commit where they part is what counts."""
    commit(checkout, {"prod/db.yaml": rule("db", "batch", 5432)})
    git(checkout, "checkout", "--quiet", "main")
    commit(checkout, {"prod/web.yaml": rule("web", "anything")})
    git(checkout, "checkout", "--quiet", "change")
    assert "opens 1 flow and closes 1" in shown().out


def test_names_in_a_comment_cannot_become_markup(checkout: Path) -> None:
    evil = rule("db", "api", 5432).replace("name: db,", 'name: "<img src=q>@all`x`",')
    commit(checkout, {"prod/evil.yaml": evil})
    out = shown().out
    assert "\\<img src=q\\>@&#8203;all\\`x\\`" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--base", "nowhere"), "the checkout does not have nowhere"),
        (("--head", "nowhere"), "--head nowhere: no such commit"),
        (("elsewhere", "--base", "main"), "elsewhere: neither side of the request has manifests there"),
        (("--base=--output=x",), "the checkout does not have --output=x"),
    ],
)
def test_what_cannot_be_compared_is_named(checkout: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = cnpfix("comment", "--dry-run", *arguments)
    assert ran.code == 2
    assert words in ran.err


def test_without_a_number_it_asks_which_request(checkout: Path) -> None:
    git(checkout, "remote", "add", "origin", "https://github.com/acme/policies.git")
    ran = cnpfix("comment", "--base", "main")
    assert ran.code == 2
    assert "no token for github.com" in ran.err


@pytest.mark.parametrize("lab", APIS, indirect=True)
def test_one_comment_that_is_kept_up_to_date(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comment_run, "Clock", lambda: None)
    request = Stored(1, "change", "main", "A change", "", comments=["hello", f"> {MARK}", "well"])
    lab.api.requests.append(request)
    git(lab.checkout, "checkout", "--quiet", "-b", "change")

    def comment() -> str:
        ran = cnpfix("comment", "--forge", lab.kind, "--base", "main", "--request", "1")
        assert (ran.code, ran.err) == (0, ""), ran.err
        return ran.out.split()[-1]

    assert comment() == "needed", "nothing is changed, and nothing said"
    commit(lab.checkout, {"prod/db.yaml": rule("db", "api")})
    assert comment() == "written"
    assert len(request.comments) == 4
    assert request.comments[3].startswith(MARK)
    assert comment() == "unchanged"
    commit(lab.checkout, {"prod/db.yaml": rule("db", "batch")})
    assert comment() == "updated"
    commit(lab.checkout, {"prod/db.yaml": None})
    assert comment() == "updated"
    assert "leaves all policies as they are" in request.comments[3]
    assert request.comments[:3] == ["hello", f"> {MARK}", "well"]


@pytest.mark.parametrize(
    ("variables", "number"),
    [
        ({"GITHUB_REF": "refs/pull/42/merge"}, 42),
        ({"CI_MERGE_REQUEST_IID": "7"}, 7),
        ({"GITHUB_REF": "refs/heads/main"}, None),
        ({}, None),
    ],
)
def test_the_request_of_a_pipeline(variables: dict[str, str], number: int | None) -> None:
    assert comment_run.request_number(variables) == number


@pytest.mark.parametrize("lab", APIS, indirect=True)
def test_the_dashboard_is_one_issue_and_is_written_where_something_changed(lab: Lab) -> None:
    assert "dashboard    opened" in lab.bot("--dashboard").out
    (issue,) = lab.api.issues
    assert "1 request open" in issue.body and "nothing left to people" in issue.body
    lab.bot("--dashboard")
    assert "dashboard    unchanged" in lab.bot("--dashboard").out
    commit(lab.person, {"prod/x.yaml": rule("x", "y").replace("fromEndpoints", "fromNothing")})
    git(lab.person, "push", "--quiet", "origin", "main")
    assert "dashboard    updated" in lab.bot("--dashboard").out
    assert "left to people" in issue.body and "prod/x" in issue.body
    assert "dashboard" not in lab.bot().out
