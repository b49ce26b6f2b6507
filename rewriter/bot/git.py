"""git as a subprocess: nothing of a repository runs, it never prompts, no token is on a command line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from rewriter.bot.errors import BotError
from rewriter.bot.retry import DELAYS, Clock
from rewriter.bot.token import ALL_VARIABLES, Token, redact
from rewriter.discovery.git import PATIENCE, given_settings, settings_as_variables, why_git_waits, without_variables
from rewriter.records import dataclass

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "http.lowSpeedLimit": "100",
    "http.lowSpeedTime": "60",
}
_PASSWORD = "CNPFIX_GIT_PASSWORD"
_HELPER = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "$CNPFIX_GIT_USER" "${_PASSWORD}"; }}; f'
#: How commands name the repository on the server. git rewrites a URL once: this into the real one, and so the real one
#: by no `url.*.insteadOf`, with which pipelines put a token of their own into the URLs of their server.
_ALIAS = "cnpfix-origin:"
_TIMEOUT = 900
#: What git says when the connection, and not the request, is at fault.
_TRANSIENT = (
    "could not resolve host",
    "connection",
    "failed to connect",
    "couldn't connect",
    "timed out",
    "hung up",
    "rpc failed",
    "early eof",
    "empty reply",
    "unexpected disconnect",
    "returned error: 5",
    "returned error: 429",
    "recv failure",
    "send failure",
)
_REFUSED = ("authentication failed", "could not read username", "could not read password", "permission denied")


class GitError(BotError):
    """A git command that failed; `output` is what it printed, without secrets."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git in a folder. `server` is the origin (`https://host`) that may be given the token.

    `url` is the repository there, which is reached as it is written, whatever settings rewrite. One that is not
    `patient` tries a connection once. Its processes inherit the descriptors `inherited`;
    one that takes more than `timeout` seconds is ended.
    """

    folder: Path
    token: Token | None = None
    server: str = ""
    url: str = ""
    ca_bundle: Path | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Clock = field(default_factory=Clock)
    patient: bool = True
    inherited: tuple[int, ...] = ()
    timeout: int = _TIMEOUT

    def run(self, *arguments: str, data: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        """What a local command prints, given data on stdin and variables of git's own. Raises GitError."""
        done = self._start(arguments, data, self._environment(variables or {}))
        if done.returncode != 0:
            raise self._error(arguments, done)
        return done.stdout

    def text(self, *arguments: str) -> str:
        """What a local command prints, as text without the last line end."""
        return os.fsdecode(self.run(*arguments)).rstrip("\n")

    def reach(self, *arguments: str, refusal: bytes = b"") -> tuple[bytes, str]:
        """Output and messages of a command that talks to the server; tried again while the connection fails.

        A command that fails has an answer all the same if a line of its output begins with `refusal`.
        """
        named = tuple(_ALIAS if self.url and argument == self.url else argument for argument in arguments)
        for delay in (*(DELAYS if self.patient else ()), None):
            done = self._start(named, b"", self._environment(self._access()))
            refused = refusal and any(line.startswith(refusal) for line in done.stdout.splitlines())
            if done.returncode == 0 or refused:
                return done.stdout, self._output_of(done)
            error = self._error(arguments, done)
            if delay is None or not _is_transient(error.output):
                raise error
            self.clock.sleep(delay)
        raise AssertionError("unreachable")

    def _start(
        self, arguments: tuple[str, ...], data: bytes, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["git", "--no-optional-locks", "-C", str(self.folder), *arguments]
        pipe = subprocess.PIPE
        try:
            # A session of its own: git's helpers for HTTP and ssh hold its pipes, and must end with it.
            process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=environment,
                pass_fds=self.inherited,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise GitError("git is not installed; cnpfix pr needs it") from None
        with process:
            try:
                output, errors = self._awaited(process, data)
            except subprocess.TimeoutExpired:
                _end(process)
                limit = f"{self.timeout} second" + "s" * (self.timeout != 1)
                raise GitError(f"git {arguments[0]} took more than {limit}; run again later") from None
            except BaseException:
                _end(process)
                raise
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def _awaited(self, process: subprocess.Popen[bytes], data: bytes) -> tuple[bytes, bytes]:
        """Output and messages. Raises BotError where it takes long and git waits for a pipe."""
        soon = min(PATIENCE, self.timeout)
        try:
            return process.communicate(data, timeout=soon)
        except subprocess.TimeoutExpired:
            if waits := why_git_waits(self.folder):
                _end(process)
                raise BotError(waits) from None
        return process.communicate(timeout=self.timeout - soon)

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        kept = without_variables(self.environment)
        clean = {name: value for name, value in kept.items() if name not in ALL_VARIABLES}
        settings = [*given_settings(self.environment), *_SETTINGS.items()]
        if self.token is not None and self.server:
            # The empty value forgets the user's helpers: none of them is asked, and none stores the token.
            settings += [("credential.helper", ""), (f"credential.{self.server}.helper", _HELPER)]
            settings += [(f"url.{self.url}.insteadOf", _ALIAS)]
        clean |= settings_as_variables(settings)
        if self.ca_bundle is not None:
            clean["GIT_SSL_CAINFO"] = str(self.ca_bundle)
        return clean | {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "SSH_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": "https:http:ssh",
            "LC_ALL": "C",
            **extra,
        }

    def _access(self) -> dict[str, str]:
        """The token, in the environment of the git that needs it and of no other."""
        return {"CNPFIX_GIT_USER": self.token.git_user, _PASSWORD: self.token.value} if self.token else {}

    def _output_of(self, done: subprocess.CompletedProcess[bytes]) -> str:
        return redact(done.stderr.decode("utf-8", "replace"), self.token)

    def _error(self, arguments: tuple[str, ...], done: subprocess.CompletedProcess[bytes]) -> GitError:
        output = self._output_of(done)
        lowered = output.lower()
        if any(sign in lowered for sign in _REFUSED):
            source = self.token.variable if self.token else "no token"
            allowed = "push" if "push" in arguments else "read the repository"
            return GitError(
                f"the git server refused the credentials ({source}); it must be allowed to {allowed}", output
            )
        return GitError(f"git {arguments[0]} failed: {_last_words(output)}", output)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a git with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _is_transient(output: str) -> bool:
    lowered = output.lower()
    return any(sign in lowered for sign in _TRANSIENT) and not any(sign in lowered for sign in _REFUSED)


def _last_words(output: str) -> str:
    """The line of git's messages that says most, in bounds."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    words = (telling or lines or ["it printed nothing"])[0]
    return words[:300]
