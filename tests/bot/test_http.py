"""Answers of a forge, one by one: what is tried again, how long it waits, and what is said in the end."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from rewriter.bot.errors import BotError
from rewriter.bot.http import RATE_LIMIT, Api, ForgeError, ca_bundle_of
from rewriter.bot.retry import Clock
from rewriter.bot.token import Token
from tests.bot.server import authority

NOW = 1_900_000_000.0
TOKEN = Token("s3cret", "GITHUB_TOKEN", "x-access-token")
Reply = tuple[int, dict[str, str], Any]


@dataclass
class Desk:
    """A server that gives prepared replies, the last one for ever, and the waits between requests."""

    replies: list[Reply]
    seen: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


@contextmanager
def desk(replies: list[Reply], tls: ssl.SSLContext | None = None) -> Iterator[tuple[Desk, str]]:
    made = Desk(replies)

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.seen.append(f"{self.command} {self.path}")
            status, headers, data = made.replies[0] if len(made.replies) == 1 else made.replies.pop(0)
            if status == 0:
                self.close_connection = True
                return
            body = data if isinstance(data, bytes) else json.dumps(data).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield made, f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(replies: list[Reply], work: Callable[[Api], Any]) -> tuple[Any, Desk]:
    """What the work gives, or its ForgeError, and the desk."""
    with desk(replies) as (made, url), Api(url, TOKEN, {}, clock=Clock(made.waits.append, lambda: NOW)) as api:
        try:
            return work(api), made
        except ForgeError as error:
            return error, made


OK: Reply = (200, {}, {"ok": 1})


@pytest.mark.parametrize(
    ("reply", "waits"),
    [
        ((429, {"Retry-After": "7"}, {}), [7.0]),
        ((429, {}, {}), [1.0]),
        ((503, {}, {}), [1.0]),
        ((503, {"Retry-After": "Sun, 17 Mar 2030 17:46:50 GMT"}, {}), [10.0]),
        ((403, {"Retry-After": "60"}, {"message": "secondary rate limit"}), [60.0]),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1900000030"}, {}), [30.0]),
        ((429, {"RateLimit-Remaining": "0", "RateLimit-Reset": "1900000005"}, {}), [5.0]),
        ((500, {}, {}), [1.0]),
        ((502, {}, b"<html>"), [1.0]),
        ((504, {}, {}), [1.0]),
        ((0, {}, {}), [1.0]),
    ],
)
def test_what_passes_is_tried_again_after_the_wait_that_is_asked_for(reply: Reply, waits: list[float]) -> None:
    result, made = ask([reply, OK], lambda api: api.get("/x", {}))
    assert result == {"ok": 1}
    assert made.waits == waits


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
def test_it_ends_after_five_tries(status: int) -> None:
    result, made = ask([(status, {}, {"message": "later"})], lambda api: api.get("/x", {}))
    assert isinstance(result, ForgeError)
    assert result.status == status
    assert made.waits == [1.0, 2.0, 4.0, 8.0]
    assert len(made.seen) == 5


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "refuses the token (GITHUB_TOKEN)"),
        (403, "forbids it to the token (GITHUB_TOKEN)"),
        (404, "may not see it"),
        (405, "refuses the request (HTTP 405)"),
        (409, "refuses the request (HTTP 409)"),
        (422, "refuses the request (HTTP 422)"),
        (301, "has moved"),
    ],
)
def test_what_does_not_pass_is_said_at_once_in_one_line(status: int, said: str) -> None:
    data = {"message": "No\nway s3cret", "errors": [{"message": "because"}], "documentation_url": "https://x"}
    result, made = ask([(status, {"Location": "http://127.0.0.1:1/"}, data)], lambda api: api.get("/x", {}))
    assert isinstance(result, ForgeError)
    text = str(result)
    assert said in text and "No way ***: " not in text and "No way *** because" in text
    assert "\n" not in text and "s3cret" not in text and "https://x" not in text
    assert (made.waits, len(made.seen)) == ([], 1)


@pytest.mark.parametrize("status", [500, 502, 504, 0])
def test_a_post_that_may_have_worked_is_not_sent_twice(status: int) -> None:
    result, made = ask([(status, {}, {})], lambda api: api.send("POST", "/x", {"a": 1}))
    assert isinstance(result, ForgeError) and result.unsure
    assert len(made.seen) == 1


def test_a_limit_that_lasts_longer_than_a_run_is_said() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 1800)}
    result, made = ask([(403, headers, {})], lambda api: api.get("/x", {}))
    assert isinstance(result, ForgeError) and result.explanation == RATE_LIMIT
    assert "run again in 31 minutes" in str(result)
    assert made.waits == []


def test_nobody_there_is_tried_again_even_for_a_post() -> None:
    waits: list[float] = []
    with desk([OK]) as (_, url):
        pass
    with Api(url, TOKEN, {}, clock=Clock(waits.append, lambda: NOW)) as api, pytest.raises(ForgeError) as caught:
        api.send("POST", "/x", {})
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert not caught.value.unsure
    assert "does not answer" in str(caught.value)


def test_pages_follow_the_link_but_never_to_another_host() -> None:
    pages: list[Reply] = [
        (200, {"Link": '<http://evil.invalid/steal?page=2&per_page=1>; rel="next"'}, [1]),
        (200, {"X-Next-Page": "3"}, [2]),
        (200, {"X-Next-Page": ""}, [3]),
    ]
    result, made = ask(pages, lambda api: list(api.pages("/x", {"per_page": 1})))
    assert result == [1, 2, 3]
    assert made.seen == ["GET /api/x?per_page=1", "GET /api/x?per_page=1&page=2", "GET /api/x?per_page=1&page=3"]


def test_pages_end() -> None:
    result, made = ask([(200, {"X-Next-Page": "2"}, [1])], lambda api: list(api.pages("/x", {})))
    assert isinstance(result, ForgeError)
    assert len(made.seen) == 50


@pytest.mark.parametrize("body", [b"<html>login</html>", b'{"a": 1}'])
def test_an_answer_of_another_shape_is_an_error(body: bytes) -> None:
    result, _ = ask([(200, {}, body)], lambda api: list(api.pages("/x", {})))
    assert isinstance(result, ForgeError)


def test_a_private_authority_is_trusted_when_its_bundle_is_given(tmp_path: Path) -> None:
    bundle, context = authority(tmp_path)
    with desk([OK], context) as (made, url):
        with Api(url, TOKEN, {}, bundle) as api:
            assert api.get("/x", {}) == {"ok": 1}
        clock = Clock(made.waits.append, lambda: NOW)
        with Api(url, TOKEN, {}, clock=clock) as api, pytest.raises(ForgeError, match="give --ca-bundle"):
            api.get("/x", {})


def test_which_bundle_counts(tmp_path: Path) -> None:
    given = {"SSL_CERT_FILE": "/a", "REQUESTS_CA_BUNDLE": "/b", "GIT_SSL_CAINFO": "/c"}
    assert ca_bundle_of(None, given) == Path("/b")
    assert ca_bundle_of(Path("/d"), given) == Path("/d")
    assert ca_bundle_of(None, {}) is None
    bad = tmp_path / "bad.pem"
    bad.write_text("not a certificate")
    with Api("http://127.0.0.1:1", TOKEN, {}, bad) as api, pytest.raises(BotError, match=r"bad\.pem"):
        api.get("/x", {})
