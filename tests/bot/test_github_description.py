"""The GitHub adapter against GitHub's own published description of its API, served by a mock that checks requests.

`make forge` installs both from npm (`@octokit/openapi`, `@stoplight/prism-cli`) and runs this. Prism answers 422 with a
`sl-violations` header to a request that does not fit the description, and else with the description's examples.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rewriter.bot.forge import NewRequest
from rewriter.bot.github import GitHub, headers
from rewriter.bot.http import Api, ForgeError
from rewriter.bot.retry import Clock
from rewriter.bot.token import Token

NODE = Path(os.environ.get("CNPFIX_FORGE_NODE", ""), "node_modules")
TOKEN = Token("secret", "GITHUB_TOKEN", "x-access-token")
_PROJECT = "/repos/{owner}/{repo}"
#: Reading the whole description takes a minute; these are the operations that the adapter uses.
PATHS = (
    f"{_PROJECT}/pulls",
    f"{_PROJECT}/pulls/{{pull_number}}",
    f"{_PROJECT}/issues/{{issue_number}}/comments",
    f"{_PROJECT}/issues/{{issue_number}}/labels",
    f"{_PROJECT}/pulls/{{pull_number}}/requested_reviewers",
)

pytestmark = pytest.mark.skipif(
    not (os.environ.get("CNPFIX_FORGE_NODE") and NODE.is_dir()),
    reason="NOT TESTED: GitHub's published API description; run `make forge` (needs npm)",
)


def _descriptions() -> list[str]:
    """GitHub's own, and the newest of Enterprise Server."""
    found = sorted((NODE / "@octokit/openapi/generated").glob("ghes-*.json"), key=lambda path: path.name)
    newest = [path.name for path in found if ".deref." not in path.name and "-diff-" not in path.name][-1:]
    return ["api.github.com.json", *newest]


@pytest.fixture(scope="module", params=_descriptions() if NODE.is_dir() else [])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a mock of the description listens."""
    description = json.loads((NODE / "@octokit/openapi/generated" / request.param).read_bytes())
    description["paths"] = {path: description["paths"][path] for path in PATHS}
    description.pop("webhooks", None)
    description.pop("x-webhooks", None)
    file = tmp_path_factory.mktemp("github") / "description.json"
    file.write_text(json.dumps(description))
    prism = subprocess.Popen(
        [NODE / ".bin" / "prism", "mock", "--host", "127.0.0.1", "--port", "0", file],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert prism.stdout is not None
    try:
        listening = next((match for line in prism.stdout if (match := re.search(r"listening on (\S+)", line))), None)
        assert listening, "prism did not start"
        yield re.sub(r"\x1b\[[0-9;]*m", "", listening[1])
    finally:
        prism.terminate()
        prism.stdout.close()
        prism.wait(timeout=20)


@pytest.fixture
def forge(url: str) -> Iterator[GitHub]:
    with Api(url, TOKEN, headers(TOKEN), clock=Clock(sleep=lambda _: None)) as api:
        yield GitHub(api, "octocat/Hello-World")


def test_every_request_of_the_adapter_fits_and_every_answer_is_read(forge: GitHub) -> None:
    found = next(forge.of_branch("new-topic"))
    assert (found.branch, found.base, found.is_open) == ("new-topic", "master", True)
    assert found.number > 0 and found.url.startswith("https://github.com/octocat/Hello-World/pull/")
    opened, notes = forge.open(NewRequest("new-topic", "master", "Title", "Body", draft=True))
    assert (opened.branch, notes) == ("new-topic", [])
    forge.update(found, body="New", base="main")
    forge.comment(found, "A word")
    forge.label(found, ["network"])
    assert forge.ask_review(found, ["@octocat", "@github/justice-league"]) == []
    forge.close(found, body="Done")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/repos/octocat/Hello-World/pulls", {"title": "no head, no base"}),
        ("PATCH", "/repos/octocat/Hello-World/pulls/1", {"state": "gone"}),
        ("POST", "/repos/octocat/Hello-World/issues/1/comments", {}),
        ("POST", "/repos/octocat/Hello-World/pulls/1/requested_reviewers", {"reviewers": "octocat"}),
    ],
)
def test_the_mock_refuses_what_does_not_fit(forge: GitHub, method: str, path: str, body: dict[str, object]) -> None:
    """Otherwise the test above would prove nothing."""
    with pytest.raises(ForgeError) as caught:
        forge.api.send(method, path, body)
    assert caught.value.status == 422
