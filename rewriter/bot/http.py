"""Requests to a forge's API: tried again within bounds, errors in one line, the token in a header and nowhere else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import field
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from rewriter import __version__
from rewriter.bot.errors import BotError
from rewriter.bot.retry import DELAYS, LONGEST_WAIT, Clock
from rewriter.bot.token import Token, redact
from rewriter.discovery import refuse_unbounded
from rewriter.records import dataclass

if TYPE_CHECKING:
    import httpx

_TIMEOUT = 30.0
#: Pages of one listing; more than this is not a listing that the bot asked for.
MAX_PAGES = 50
_MAX_SAID = 300
_MAX_BUNDLE = 64 << 20
#: `ForgeError.explanation` where the forge asks to wait longer than a run does.
RATE_LIMIT = "rate limit"
#: Answers that mean "not now": the server did not do it.
_LATER = frozenset({429, 503})
#: Answers that leave open whether the server did it.
_UNSURE = frozenset({500, 502, 504})

Query = Mapping[str, str | int]


class ForgeError(BotError):
    """A request that the forge did not carry out. `status` is its HTTP status, 0 when there was no answer.

    `unsure` says that it may have been carried out all the same; `explanation` is the forge's own explanation.
    """

    def __init__(self, message: str, status: int = 0, *, unsure: bool = False, explanation: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.unsure = unsure
        self.explanation = explanation


@dataclass(slots=True)
class Api:
    """A forge's API below a base URL. Close it after use."""

    base: str
    token: Token | None
    headers: Mapping[str, str]
    ca_bundle: Path | None = None
    clock: Clock = field(default_factory=Clock)
    _client: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    def get(self, path: str, query: Query) -> Any:
        return self._json("GET", self.request("GET", path, query=query))

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to a request with a JSON body."""
        return self._json(method, self.request(method, path, body=body))

    def pages(
        self, path: str, query: Query, most: int = MAX_PAGES, advice: str = "close old requests first"
    ) -> Iterator[Any]:
        """Every item of a listing, page after page, as `Link: rel="next"` or `X-Next-Page` says.

        Only the query of the next link is taken, so that a link never leads to another host. Raises ForgeError, with
        the advice, for a listing of more than `most` pages.
        """
        for _ in range(most):
            response = self.request("GET", path, query=query)
            items = self._json("GET", response)
            if not isinstance(items, list):
                raise ForgeError(f"{self._where()} answered {path} with something that is not a list", 200)
            yield from items
            following = self._next(response)
            if following is None:
                return
            query = {**query, **following}
        raise ForgeError(f"{self._where()} has more than {most} pages of {path}; {advice}", 200)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """The answer, of status 2xx. Raises ForgeError for any other and for none."""
        client = self._opened()
        for delay in (*DELAYS, None):
            try:
                response = client.request(method, self.base + path, params=query or None, json=body)
            except self._failures() as error:
                refused = type(error).__name__ in ("ConnectError", "ConnectTimeout")
                if delay is None or (method == "POST" and not refused):
                    raise self._unanswered(error, sure=refused) from None
                self.clock.sleep(delay)
                continue
            if response.is_success:
                return response
            wait = self._wait(method, response, delay)
            if wait is None or delay is None:
                raise self._error(method, response)
            self.clock.sleep(wait)
        raise AssertionError("unreachable")

    def _wait(self, method: str, response: httpx.Response, delay: float | None) -> float | None:
        """Seconds to wait before the next try; None when trying again does not help."""
        status = response.status_code
        asked = self._asked_wait(response)
        limited = status in _LATER or (status == 403 and asked is not None)
        if limited:
            wait = asked if asked is not None else delay
            if wait is not None and wait > LONGEST_WAIT:
                minutes = int(wait // 60) + 1
                raise ForgeError(
                    f"{self._where()} limits requests; run again in {minutes} minutes", status, explanation=RATE_LIMIT
                )
            return wait
        if status in _UNSURE and method != "POST":
            return delay
        return None

    def _asked_wait(self, response: httpx.Response) -> float | None:
        """The wait that the server asks for: Retry-After, or the reset of a limit that is used up."""
        headers = response.headers
        after = headers.get("retry-after", "").strip()
        if after.isascii() and after.isdigit():
            return float(after)
        if after:
            try:
                return max(0.0, parsedate_to_datetime(after).timestamp() - self.clock.now())
            except (ValueError, TypeError):
                return None
        for remaining, reset in (
            ("x-ratelimit-remaining", "x-ratelimit-reset"),
            ("ratelimit-remaining", "ratelimit-reset"),
        ):
            at = headers.get(reset, "")
            if headers.get(remaining) == "0" and at.isascii() and at.isdigit():
                return max(1.0, float(at) - self.clock.now())
        return None

    def _error(self, method: str, response: httpx.Response) -> ForgeError:
        status = response.status_code
        explanation = redact(_explanation(response), self.token)
        source = self.token.variable if self.token else "no token"
        match status:
            case 401:
                text = f"refuses the token ({source}); give one that is valid"
            case 403:
                text = f"forbids it to the token ({source}); it needs to read and write pull requests and contents"
            case 404:
                text = f"finds no such project or request, or the token ({source}) may not see it"
            case 429:
                text = "limits requests; run again later"
            case _ if 300 <= status < 400:
                text = "says that the project has moved; set the remote to its new URL"
            case _ if status >= 500:
                text = f"fails (HTTP {status}); run again later"
            case _:
                text = f"refuses the request (HTTP {status})"
        path = urlsplit(str(response.request.url)).path
        detail = f": {explanation}" if explanation else ""
        return ForgeError(
            f"{self._where()} {text}{detail} ({method} {path})",
            status,
            unsure=status in _UNSURE,
            explanation=explanation,
        )

    def _unanswered(self, error: Exception, *, sure: bool) -> ForgeError:
        reason = redact(" ".join(str(error).split()), self.token)[:_MAX_SAID] or type(error).__name__
        hint = "; for a private authority give --ca-bundle" if "CERTIFICATE_VERIFY_FAILED" in reason else ""
        return ForgeError(f"{self._where()} does not answer: {reason}{hint}", unsure=not sure)

    def _json(self, method: str, response: httpx.Response) -> Any:
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise ForgeError(
                f"{self._where()} answered {method} with something that is not JSON; is --api-url right?",
                response.status_code,
            ) from None

    def _next(self, response: httpx.Response) -> dict[str, str | int] | None:
        if response.headers.get("x-next-page"):
            return {"page": response.headers["x-next-page"]}
        url = response.links.get("next", {}).get("url")
        return dict(parse_qsl(urlsplit(url).query)) if url else None

    def _where(self) -> str:
        return urlsplit(self.base).netloc

    def _failures(self) -> type[Exception]:
        import httpx

        return httpx.TransportError

    def _opened(self) -> httpx.Client:
        if self._client is None:
            try:
                import httpx
            except ImportError:
                raise BotError("cnpfix pr talks to forges with httpx: pip install 'cnpfix[pr]'") from None
            self._client = httpx.Client(
                headers={"User-Agent": f"cnpfix/{__version__}", "Accept": "application/json", **self.headers},
                timeout=_TIMEOUT,
                follow_redirects=False,
                verify=_trust(self.ca_bundle),
            )
        return self._client


@cache
def _usual_trust() -> ssl.SSLContext:
    """httpx's own choice of authorities; reading them takes 70 ms, so every client of a process shares them."""
    import httpx

    return httpx.create_ssl_context()


def _trust(ca_bundle: Path | None) -> ssl.SSLContext:
    if ca_bundle is None:
        return _usual_trust()
    try:
        refuse_unbounded(ca_bundle, _MAX_BUNDLE)
        return ssl.create_default_context(cafile=str(ca_bundle))
    except (OSError, ssl.SSLError) as error:
        raise BotError(f"{ca_bundle}: is not a bundle of certificates that can be read: {error}") from None


def ca_bundle_of(given: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The bundle of certificate authorities to trust: as given, else as the usual variables say; None: the default."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "SSL_CERT_FILE")
    named = given or next((Path(environment[name]) for name in names if environment.get(name)), None)
    return named.absolute() if named else None


def _explanation(response: httpx.Response) -> str:
    """What a forge says is wrong: GitHub's and Gitea's `message` and `errors`, GitLab's `message` and `error`."""
    try:
        data = response.json()
    except ValueError:
        return ""
    if not isinstance(data, dict):
        return ""
    parts = [*_flat(data.get("message")), *_flat(data.get("error")), *_flat(data.get("errors"))]
    return " ".join(" ".join(part.split()) for part in dict.fromkeys(parts))[:_MAX_SAID]


def _flat(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for key, inner in value.items() if key != "documentation_url" for text in _flat(inner)]
        case list():
            return [text for inner in value for text in _flat(inner)]
        case _:
            return []
