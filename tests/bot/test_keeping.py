"""What the bot keeps, leaves alone, and asks for: people's commits and words, groups, labels, reviewers."""

from __future__ import annotations

import pytest

from rewriter.bot.marker import marker_in
from tests.bot.conftest import FILES, Lab, policy
from tests.bot.forges import GitLabApi, Stored
from tests.bot.server import Answer, change, git

BRANCH = "cnpfix/1.19"
ALL = pytest.mark.parametrize("lab", ["github", "gitlab", "gitea"], indirect=True)


def on_branch(lab: Lab, branch: str = BRANCH) -> None:
    git(lab.person, "fetch", "--quiet", "origin", branch)
    git(lab.person, "checkout", "--quiet", "FETCH_HEAD")


def on_main(lab: Lab) -> None:
    git(lab.person, "checkout", "--quiet", "main")


def writes(lab: Lab) -> list[str]:
    return [f"{call.method} {call.path}" for call in lab.server.calls if call.method != "GET"]


def test_a_persons_commit_stops_the_group_and_is_kept(lab: Lab) -> None:
    lab.bot()
    on_branch(lab)
    theirs = change(lab.person, {"shop/api.yaml": "# better\n"}, "My own", branch=BRANCH)
    on_main(lab)
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Base moves")
    lab.server.calls.clear()
    ran = lab.bot()
    assert ran.code == 0
    assert "stopped" in ran.out and f"commit {theirs[:7]} by Jane Doe" in " ".join(ran.out.split())
    assert lab.head(BRANCH) == theirs
    assert writes(lab) == []


@pytest.mark.parametrize("how", ["words", "content", "rebase"])
def test_the_bots_own_commit_changed_by_a_person_is_theirs(lab: Lab, how: str) -> None:
    """Author and trailers stay the bot's in an amended commit; the seal does not hold."""
    lab.bot()
    on_branch(lab)
    if how == "words":
        message = git(lab.person, "log", "-1", "--format=%B")
        git(lab.person, "commit", "--quiet", "--amend", "-m", message.replace("Prepare", "Ready"))
    elif how == "content":
        (lab.person / "shop" / "api.yaml").write_text("# mine\n")
        git(lab.person, "commit", "--quiet", "--amend", "--all", "--no-edit")
    else:
        on_main(lab)
        change(lab.person, {"README.md": "x\n"}, "Base moves")
        on_branch(lab)
        git(lab.person, "rebase", "--quiet", "origin/main")
    git(lab.person, "push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{BRANCH}")
    theirs = lab.head(BRANCH)
    ran = lab.bot()
    assert "stopped" in ran.out
    assert lab.head(BRANCH) == theirs


def test_a_persons_commit_keeps_a_request_open_of_which_nothing_else_is_left(lab: Lab) -> None:
    lab.bot()
    on_branch(lab)
    change(lab.person, {"shop/note.yaml": "# mine\n"}, "My own", branch=BRANCH)
    on_main(lab)
    change(lab.person, {"shop/api.yaml": None}, "Base needs nothing")
    ran = lab.bot()
    assert "stopped" in ran.out and "nothing is left to fix" in ran.out
    assert lab.api.request(BRANCH).comments == []
    assert lab.head(BRANCH)


@ALL
def test_a_request_that_a_person_closed_stays_closed(lab: Lab) -> None:
    lab.bot()
    lab.api.request(BRANCH).state = "closed"
    change(lab.person, {"README.md": "moves\n"}, "Base moves")
    ran = lab.bot()
    assert "declined" in ran.out
    assert len(lab.api.requests) == 1
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Another change")
    assert "opened" in lab.bot().out
    assert [each.state for each in lab.api.requests] == ["closed", "open"]


@ALL
def test_a_request_that_was_merged_makes_way_for_the_next(lab: Lab) -> None:
    lab.bot()
    stored = lab.api.request(BRANCH)
    stored.state, stored.merged = "closed", True
    git(lab.person, "fetch", "--quiet", "origin", BRANCH)
    git(lab.person, "merge", "--quiet", "--squash", "FETCH_HEAD")
    change(lab.person, {}, "Squashed")
    assert "Nothing to fix" in lab.bot().out
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "A new policy")
    assert "opened" in lab.bot().out, "the old branch is the bot's own and is used again"
    assert lab.api.request(BRANCH).number == 2


def test_what_a_person_writes_around_the_bots_words_is_kept(lab: Lab) -> None:
    lab.bot()
    stored = lab.api.request(BRANCH)
    stored.title = "My title"
    stored.body = f"Please look at this, Ann.\r\n\r\n{stored.body}\r\nTicket: NET-7\r\n"
    before = lab.bot()
    assert "unchanged" in before.out
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Base moves")
    lab.bot()
    after = lab.api.request(BRANCH)
    assert after.title == "My title"
    assert after.body.startswith("Please look at this, Ann.\r\n\r\n<!-- cnpfix:1 ")
    assert after.body.rstrip().endswith("<!-- /cnpfix -->\n\nTicket: NET-7")
    assert "prod/db" in after.body
    assert after.body.count("<!-- cnpfix:1 ") == 1


def test_a_persons_request_from_the_branch_is_left_alone(lab: Lab) -> None:
    lab.api.requests.append(Stored(1, BRANCH, "main", "Mine", "I opened this"))
    ran = lab.bot()
    assert "stopped" in ran.out and "is not cnpfix's" in ran.out
    assert lab.head(BRANCH) is None
    assert writes(lab) == []


@ALL
def test_a_forks_request_from_a_branch_of_the_same_name_is_not_ours(lab: Lab) -> None:
    lab.bot()
    body = lab.api.request(BRANCH).body
    lab.api.requests.insert(0, Stored(9, BRANCH, "main", "Forged", body, fork=True))
    lab.api.requests[1].number = 2
    assert "unchanged" in lab.bot().out


@ALL
def test_old_requests_on_further_pages_are_found(lab: Lab) -> None:
    lab.bot()
    marked = lab.api.requests[0]
    lab.api.requests += [
        Stored(number, BRANCH, "main", "old", "", state="closed", merged=True) for number in range(2, 9)
    ]
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Base moves")
    assert "updated" in lab.bot().out
    assert "prod/db" in marked.body


def test_two_runs_over_other_paths_do_not_fight_over_a_branch(lab: Lab) -> None:
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    git(lab.checkout, "pull", "--quiet", str(lab.bare), "main")
    lab.bot("shop")
    head = lab.head(BRANCH)
    ran = lab.bot("prod")
    assert "stopped" in ran.out and "--branch" in ran.out
    assert lab.head(BRANCH) == head
    assert "opened" in lab.bot("prod", "--branch", "cnpfix/prod").out


def test_each_namespace_gets_its_part_of_a_file(lab: Lab) -> None:
    both = policy("db", "prod") + "---\n" + policy("web", "shop")
    change(lab.person, {"both.yaml": both}, "Two namespaces in a file")
    ran = lab.bot("--group-by", "namespace")
    assert "namespace prod: 1 fixed in 1 file" in ran.out
    assert "namespace shop: 2 fixed in 2 files" in ran.out
    prod, shop = (lab.shown(f"{BRANCH}-{name}", "both.yaml").split("---\n") for name in ("prod", "shop"))
    assert ("cluster-b" in prod[0], "cluster-b" in prod[1]) == (True, False)
    assert ("cluster-b" in shop[0], "cluster-b" in shop[1]) == (False, True)
    assert "namespace prod" in lab.api.request(f"{BRANCH}-prod").title
    # Merging one rebuilds the other on what is left.
    git(lab.bare, "update-ref", "refs/heads/main", f"refs/heads/{BRANCH}-prod")
    again = lab.bot("--group-by", "namespace")
    assert "closed       cnpfix/1.19-prod" in again.out
    assert "updated      cnpfix/1.19-shop" in again.out
    assert lab.shown(f"{BRANCH}-shop", "both.yaml").count("cluster-b") == 2


def test_directories_and_owners_and_passes(lab: Lab) -> None:
    change(
        lab.person,
        {
            "clusters/a/db.yaml": policy("db", "prod"),
            ".github/CODEOWNERS": "*.yaml @everyone\n/shop/ @acme/shop-team @bob # the shop\n",
        },
        "More",
    )
    lab.bot("--group-by", "directory")
    assert {each.branch for each in lab.api.requests} == {f"{BRANCH}-clusters-a", f"{BRANCH}-shop"}
    shop = lab.api.request(f"{BRANCH}-shop")
    assert shop.reviewers == ["bob", "shop-team"]
    lab.bot("--group-by", "codeowners", "--branch", "cnpfix/owners", "--no-owners", "--reviewer", "carl")
    owned = [each for each in lab.api.requests if each.branch.startswith("cnpfix/owners")]
    assert [each.branch for each in owned] == ["cnpfix/owners-acme-shop-team-bob", "cnpfix/owners-everyone"]
    assert [each.reviewers for each in owned] == [["carl"], ["carl"]]
    lab.bot("--group-by", "pass", "--branch", "cnpfix/pass")
    assert [each.branch for each in lab.api.requests][4:] == ["cnpfix/pass-cluster-entity"]


def test_unsafe_fixes_come_only_when_asked_and_in_a_request_of_their_own(lab: Lab) -> None:
    config = FILES["cnpfix.toml"] + '\n[passes.cluster-entity]\nremote = "all"\napplicability = "unsafe"\n'
    config = config.replace('[passes.cluster-entity]\nremote = "all"\n\n', "", 1)
    change(lab.person, {"cnpfix.toml": config}, "Guesses")
    assert "Nothing to fix" in lab.bot().out
    ran = lab.bot("--unsafe-fixes")
    assert "(unsafe)" in ran.out
    stored = lab.api.request(f"{BRANCH}.unsafe")
    assert "guess" in stored.title.lower() and "is a guess" in stored.body
    # A run that does not ask for them does not take them for gone.
    assert "Nothing to fix" in lab.bot().out
    assert lab.api.request(f"{BRANCH}.unsafe").state == "open"
    change(lab.person, {"shop/api.yaml": None}, "Gone")
    assert "closed" in lab.bot("--unsafe-fixes").out


def test_nothing_is_closed_while_a_file_cannot_be_read(lab: Lab) -> None:
    lab.bot()
    broken = "kind: CiliumNetworkPolicy\nmetadata: [\n"
    change(lab.person, {"shop/api.yaml": broken}, "Broken")
    ran = lab.bot()
    assert ran.code == 2
    assert "shop/api.yaml" in ran.err
    assert "kept" in ran.out
    assert lab.api.request(BRANCH).comments == []


@ALL
def test_labels_reviewers_and_drafts(lab: Lab) -> None:
    if isinstance(lab.api, GitLabApi):
        lab.api.users = {"ann": 11, "bob": 12}
    lab.api.label_ids = {"first": 1, "second": 2, "network": 3}
    ran = lab.bot(
        "--draft", "--label", "network", "--label", "made by cnpfix", "--reviewer", "ann", "--reviewer", "bob"
    )
    assert (ran.code, ran.err) == (0, "")
    stored = lab.api.request(BRANCH)
    assert stored.draft
    assert stored.labels == ["network", "made by cnpfix"]
    assert stored.reviewers == ["ann", "bob"]
    assert "unchanged" in lab.bot("--draft").out


@ALL
def test_a_reviewer_that_cannot_be_asked_is_a_note(lab: Lab) -> None:
    lab.api.refused_reviewers = {"author"}
    if isinstance(lab.api, GitLabApi):
        lab.api.users = {"ann": 11}
    ran = lab.bot("--reviewer", "ann", "--reviewer", "author")
    assert ran.code == 0
    assert "author" in ran.out and "note" in ran.out
    assert lab.api.request(BRANCH).reviewers == ["ann"]
    assert len(lab.api.requests) == 1


def test_a_forge_without_drafts_gets_none(lab: Lab) -> None:
    refusal = {"message": "Draft pull requests are not supported in this repository."}
    lab.server.faults.answers.append(("POST /repos/acme/policies/pulls", Answer(422, refusal)))
    ran = lab.bot("--draft")
    assert "no drafts" in ran.out
    assert not lab.api.request(BRANCH).draft


def test_no_more_requests_than_the_limit(lab: Lab) -> None:
    change(lab.person, {f"n{n}/p.yaml": policy("p", f"n{n}") for n in range(4)}, "Many")
    ran = lab.bot("--group-by", "namespace", "--limit", "2")
    assert (ran.out.count("opened  "), ran.out.count("waiting  ")) == (2, 3)
    assert "limit" in ran.out
    change(lab.person, {"a/p.yaml": policy("p", "a")}, "One that comes first by name")
    again = lab.bot("--group-by", "namespace", "--limit", "2")
    assert (again.out.count("updated  "), again.out.count("waiting  ")) == (2, 4)


@pytest.mark.parametrize("token", [True, False])
def test_a_dry_run_shows_all_of_it_and_changes_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch, token: bool) -> None:
    if not token:
        monkeypatch.delenv("GITHUB_TOKEN")
        monkeypatch.setattr("tests.bot.server.TOKEN", "")
    refs = git(lab.bare, "for-each-ref")
    ran = lab.bot("--dry-run", "-v", "--draft", "--label", "network", "--reviewer", "ann")
    assert (ran.code, ran.err) == (0, "")
    for shown in (
        BRANCH,
        "title",
        "draft",
        "network",
        "ann",
        "+    - fromEndpoints:",
        "### Cilium 1.18 → 1.19: 1 fix in 1 policy",
        "would open",
    ):
        assert shown in ran.out
    assert ("The forge is not asked which requests are open: no token" in ran.out) is not token
    assert git(lab.bare, "for-each-ref") == refs
    assert writes(lab) == []
    lab.api.requests.clear()


def test_a_dry_run_of_an_update_and_of_a_closing(lab: Lab) -> None:
    lab.bot()
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Base moves")
    refs = git(lab.bare, "for-each-ref")
    lab.server.calls.clear()
    assert "would update" in lab.bot("--dry-run").out
    assert "would close" in lab.bot("--dry-run", "--select", "implicit-cluster").out
    assert git(lab.bare, "for-each-ref") == refs
    assert writes(lab) == []


def test_the_output_fits_in_eighty_columns(lab: Lab) -> None:
    change(lab.person, {f"n{n}/p.yaml": policy("p", f"namespace-{n}") for n in range(2)}, "More")
    for arguments in (["--dry-run"], [], ["--group-by", "namespace"]):
        ran = lab.bot(*arguments, "--label", "network", "--reviewer", "someone@example.org")
        lines = [line for line in ran.out.splitlines() if "://" not in line]
        assert max(map(len, lines)) <= 80
        assert "\x1b" not in ran.out


def test_without_a_token_it_says_which_variables(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    ran = lab.bot()
    assert ran.code == 2
    assert "GITHUB_TOKEN" in ran.err and ran.err.count("\n") == 1


@pytest.mark.parametrize("status", [502, 504])
def test_an_opening_that_may_have_worked_is_looked_for_first(lab: Lab, status: int) -> None:
    """The forge opened the request, and a proxy lost the answer."""
    lab.server.faults.answers.append(("POST /repos/acme/policies/pulls", Answer(status, carried_out=True)))
    ran = lab.bot()
    assert ran.code == 0
    assert len(lab.api.requests) == 1


def test_an_opening_whose_connection_broke(lab: Lab) -> None:
    lab.server.faults.answers.append(("POST /repos/acme/policies/pulls", Answer(200, carried_out=True, drop=True)))
    lab.server.faults.answers.append(("GET /repos/acme/policies/pulls", Answer(0, drop=True)))
    ran = lab.bot()
    assert ran.code == 0, ran.out
    assert len(lab.api.requests) == 1
    assert marker_in(lab.api.request(BRANCH).body)


def test_a_group_that_fails_does_not_stop_the_others(lab: Lab) -> None:
    change(lab.person, {"prod/db.yaml": policy("db", "prod")}, "Add a policy")
    lab.server.faults.answers.append(("POST /repos/acme/policies/pulls", Answer(422, {"message": "no"})))
    ran = lab.bot("--group-by", "namespace")
    assert ran.code == 2
    assert "failed       cnpfix/1.19-prod" in ran.out
    assert "opened       cnpfix/1.19-shop" in ran.out


def test_a_refused_token_ends_the_run_at_once(lab: Lab) -> None:
    lab.server.faults.answers.append(("GET ", Answer(401, {"message": "Bad credentials"})))
    ran = lab.bot()
    assert ran.code == 2
    assert "refuses the token (GITHUB_TOKEN)" in ran.err
    assert writes(lab) == []
