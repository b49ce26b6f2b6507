"""Runs `helm` so that it reads nothing but a chart and its values, never prompts, and ends.

Every run has a home of its own, so that no repository, plugin or kubeconfig of the user counts. A run that takes too
long is killed with all its children, and one that writes too much is stopped.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

#: Seconds that one rendering, and one download, may take.
RENDER_SECONDS, FETCH_SECONDS = 30, 60
#: What one rendering may write. The largest charts of the field render to less than 5 MB.
MOST_BYTES = 64 << 20
_LOOK_SECONDS = 0.5


class HelmError(Exception):
    """Why helm did not do it: one line."""


@dataclass(frozen=True)
class Helm:
    """A helm program by its path."""

    program: str

    @cached_property
    def version(self) -> str:
        """What `helm version --short` prints; part of what a kept result depends on. Raises HelmError."""
        return self._run(["version", "--short"], RENDER_SECONDS).strip()

    def render(
        self, chart: Path, name: str, namespace: str, values: Mapping[str, Any], apis: Sequence[str] = ()
    ) -> str:
        """The manifests of a chart (a folder or an archive) as one text. Raises HelmError.

        `apis` are API versions that the cluster has beside those of Kubernetes.
        """
        with tempfile.TemporaryDirectory(prefix="cnpfix-values-") as folder:
            file = Path(folder) / "values.json"
            file.write_text(json.dumps(values, default=str), "utf-8")
            at = str(chart.absolute())  # Helm runs in another folder.
            command = ["template", name, at, "--namespace", namespace, "--values", str(file), "--skip-tests"]
            return self._run([*command, *(f"--api-versions={api}" for api in apis)], RENDER_SECONDS)

    def pull(self, chart: str, version: str, repository: str | None, target: Path) -> None:
        """Downloads the archive of a chart into a folder. Raises HelmError."""
        source = ["--repo", repository] if repository else []
        command = ["pull", chart, "--version", version, *source, "--destination", str(target)]
        self._run(command, FETCH_SECONDS)

    def _run(self, arguments: Sequence[str], seconds: int) -> str:
        with tempfile.TemporaryDirectory(prefix="cnpfix-helm-") as home, tempfile.TemporaryFile() as out:
            with tempfile.TemporaryFile() as err:
                process = subprocess.Popen(
                    [self.program, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    env=_environment(home),
                    cwd=home,
                    start_new_session=True,
                )
                try:
                    code = _ended(process, seconds, (out.fileno(), err.fileno()))
                finally:
                    _end(process)
                if code:
                    raise HelmError(_reason(_text(err)))
            return _text(out)


def _environment(home: str) -> dict[str, str]:
    """A home of its own, and of the user's settings only what a download needs."""
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy") or key.startswith("SSL_")}
    folders = {f"HELM_{name}_HOME": f"{home}/{name.lower()}" for name in ("CACHE", "CONFIG", "DATA")}
    return {**kept, **folders, "HOME": home, "PATH": "/usr/bin:/bin", "KUBECONFIG": os.devnull}


def _ended(process: subprocess.Popen[bytes], seconds: int, written: Sequence[int]) -> int:
    """The exit code of a run. Raises HelmError where it takes too long or writes too much."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return process.wait(min(_LOOK_SECONDS, max(deadline - time.monotonic(), 0)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= deadline:
                raise HelmError(f"helm takes longer than {seconds} s") from None
            if any(os.fstat(file).st_size > MOST_BYTES for file in written):
                raise HelmError(f"helm writes more than {MOST_BYTES >> 20} MB") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a run with all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read(MOST_BYTES).decode("utf-8", "replace"))


def _reason(message: str) -> str:
    """The line of helm's message that says why."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error:")]
    words = (errors or lines or ["helm failed and says nothing"])[-1].removeprefix("Error:").strip()
    return words if len(words) < 200 else f"{words[:199]}…"
