"""From a remote's URL to a forge, and which token it may be given."""

from __future__ import annotations

import pytest

from rewriter.bot.errors import BotError
from rewriter.bot.remote import ForgeKind, ForgeProject, parse_remote, project_of
from rewriter.bot.token import Token, find_token, redact


@pytest.mark.parametrize(
    ("url", "clean", "web", "path"),
    [
        ("https://github.com/acme/p.git", "https://github.com/acme/p.git", "https://github.com", "acme/p"),
        (
            "https://u:pw@git.example.org:8443/a/b",
            "https://git.example.org:8443/a/b",
            "https://git.example.org:8443",
            "a/b",
        ),
        ("https://tok@github.com/acme/p/", "https://github.com/acme/p/", "https://github.com", "acme/p"),
        ("http://localhost:80/a/b.git", "http://localhost:80/a/b.git", "http://localhost", "a/b"),
        ("git@github.com:acme/p.git", "git@github.com:acme/p.git", "https://github.com", "acme/p"),
        ("git@gitlab.com:g/sub/p.git", "git@gitlab.com:g/sub/p.git", "https://gitlab.com", "g/sub/p"),
        (
            "ssh://git@git.example.org:2222/a/b.git",
            "ssh://git@git.example.org:2222/a/b.git",
            "https://git.example.org",
            "a/b",
        ),
        ("https://[::1]:3000/a/b", "https://[::1]:3000/a/b", "https://[::1]:3000", "a/b"),
    ],
)
def test_remotes(url: str, clean: str, web: str, path: str) -> None:
    remote = parse_remote(url)
    assert (remote.url, remote.web, remote.path) == (clean, web, path)


@pytest.mark.parametrize(
    "url",
    [
        "/srv/git/p.git",
        "../p",
        "file:///srv/p.git",
        "ext::sh -c touch% /tmp/x",
        "https://user:hunter2@",
        "https://github.com/",
        "https://h:notaport/a/b",
        "git://u:hunter2@host/a/b",
        "https://host/../b",
        "",
    ],
)
def test_remotes_that_are_no_forge(url: str) -> None:
    with pytest.raises(BotError) as caught:
        parse_remote(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "options", "environment", "kind", "api", "project"),
    [
        ("git@github.com:acme/p", {}, {}, "github", "https://api.github.com", "acme/p"),
        ("https://github.example.org/acme/p", {}, {}, "github", "https://github.example.org/api/v3", "acme/p"),
        ("https://gitlab.com/g/s/p", {}, {}, "gitlab", "https://gitlab.com/api/v4", "g/s/p"),
        ("https://codeberg.org/a/p", {}, {}, "forgejo", "https://codeberg.org/api/v1", "a/p"),
        ("https://git.example.org/a/p", {"forge": "gitea"}, {}, "gitea", "https://git.example.org/api/v1", "a/p"),
        (
            "https://git.example.org/gitlab/g/p.git",
            {"forge": "gitlab", "api_url": "https://git.example.org/gitlab/api/v4/"},
            {},
            "gitlab",
            "https://git.example.org/gitlab/api/v4",
            "g/p",
        ),
        (
            "https://git.example.org/lab/g/p.git",
            {},
            {"CI_SERVER_URL": "https://git.example.org/lab", "CI_API_V4_URL": "https://git.example.org/lab/api/v4"},
            "gitlab",
            "https://git.example.org/lab/api/v4",
            "g/p",
        ),
        (
            "https://ghe.example.org/a/p",
            {},
            {"GITHUB_SERVER_URL": "https://ghe.example.org", "GITHUB_API_URL": "https://ghe.example.org/api/v3"},
            "github",
            "https://ghe.example.org/api/v3",
            "a/p",
        ),
        (
            "https://git.example.org/a/p",
            {},
            {
                "GITHUB_SERVER_URL": "https://git.example.org",
                "GITHUB_API_URL": "https://git.example.org/api/v1",
                "GITEA_ACTIONS": "true",
            },
            "gitea",
            "https://git.example.org/api/v1",
            "a/p",
        ),
    ],
)
def test_places(
    url: str, options: dict[str, str], environment: dict[str, str], kind: str, api: str, project: str
) -> None:
    found = project_of(parse_remote(url), options.get("forge"), options.get("api_url"), environment)
    assert (found.kind, found.api, found.path) == (kind, api, project)


@pytest.mark.parametrize(
    ("url", "forge", "api_url", "said"),
    [
        ("https://git.example.org/a/p", None, None, "Give --forge"),
        ("https://github.com/a/b/c", None, None, "owner/name"),
        ("https://github.com/a/b", None, "https://u:hunter2@x/", "no credentials"),
        ("https://github.com/a/b", None, "file:///etc", "--api-url"),
    ],
)
def test_places_that_nobody_knows(url: str, forge: str | None, api_url: str | None, said: str) -> None:
    with pytest.raises(BotError) as caught:
        project_of(parse_remote(url), forge, api_url, {})
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("api", "unencrypted"),
    [("http://git.example.org/api/v1", True), ("https://git.example.org", False), ("http://127.0.0.1:1/api", False)],
)
def test_a_token_in_the_clear_is_known(api: str, unencrypted: bool) -> None:
    assert ForgeProject(ForgeKind.GITEA, api, "a/p", "git.example.org", True).is_unencrypted is unencrypted


def at(kind: ForgeKind, host: str, named: bool) -> ForgeProject:
    return ForgeProject(kind, f"https://{host}/api", "a/p", host, named)


ALL = {
    name: name.lower()
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN", "GITEA_TOKEN")
}


@pytest.mark.parametrize(
    ("project", "environment", "variable"),
    [
        (at(ForgeKind.GITHUB, "github.com", True), ALL, "GH_TOKEN"),
        (at(ForgeKind.GITHUB, "github.com", True), {"GITHUB_TOKEN": "hidden"}, "GITHUB_TOKEN"),
        (at(ForgeKind.GITHUB, "github.com", True), ALL | {"CNPFIX_TOKEN": "y"}, "CNPFIX_TOKEN"),
        (at(ForgeKind.GITHUB, "github.evil.org", False), {"GH_TOKEN": "x", "GITHUB_TOKEN": "x"}, None),
        (at(ForgeKind.GITHUB, "ghe.example.org", False), ALL, "GH_ENTERPRISE_TOKEN"),
        (at(ForgeKind.GITHUB, "ghe.example.org", True), {"GITHUB_TOKEN": "hidden"}, "GITHUB_TOKEN"),
        (at(ForgeKind.GITLAB, "gitlab.evil.org", False), ALL, None),
        (at(ForgeKind.GITLAB, "git.example.org", True), ALL, "GITLAB_TOKEN"),
        (at(ForgeKind.GITLAB, "git.example.org", True), {"CI_JOB_TOKEN": "hidden"}, "CI_JOB_TOKEN"),
        (at(ForgeKind.FORGEJO, "codeberg.org", True), ALL, "GITEA_TOKEN"),
        (at(ForgeKind.GITHUB, "github.com", True), {"GH_TOKEN": "  "}, None),
    ],
)
def test_which_token_a_host_may_have(project: ForgeProject, environment: dict[str, str], variable: str | None) -> None:
    token = find_token(project, environment)
    assert (token.variable if token else None) == variable
    assert token is None or token.value not in repr(token)


@pytest.mark.parametrize("value", ["a b", "a\nb", "tökén", "a\x00b"])
def test_a_token_that_cannot_be_one_is_not_shown(value: str) -> None:
    with pytest.raises(BotError) as caught:
        find_token(at(ForgeKind.GITHUB, "github.com", True), {"GH_TOKEN": value})
    assert value not in str(caught.value)


def test_redaction() -> None:
    token = Token("abc123", "GH_TOKEN", "x-access-token")
    text = "fatal: https://x-access-token:abc123@github.com/ Authorization: Basic eC1hY2Nlc3MtdG9rZW46YWJjMTIz abc123"
    shown = redact(text, token)
    assert "abc123" not in shown and "eC1hY2" not in shown
    assert shown.startswith("fatal: https://github.com/")
