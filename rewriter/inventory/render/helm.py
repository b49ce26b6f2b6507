"""Runs `helm` so that it reads nothing but a chart and its values, never prompts, and ends.

Every run has a home of its own, so that no repository, plugin or kubeconfig of the user counts. A run that takes too
long is killed with all its children, and one that writes too much is stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rewriter.inventory.render.process import ProcessError, run_apart
from rewriter.records import dataclass

#: Seconds that one rendering, and one download, may take.
RENDER_SECONDS, FETCH_SECONDS = 30, 60


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
        import tempfile  # Not where nothing is made.

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
        try:
            return run_apart([self.program, *arguments], seconds, _environment)
        except ProcessError as error:
            raise HelmError(str(error)) from None


def _environment(home: str) -> dict[str, str]:
    """A home of its own, and of the user's settings only what a download needs."""
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy") or key.startswith("SSL_")}
    folders = {f"HELM_{name}_HOME": f"{home}/{name.lower()}" for name in ("CACHE", "CONFIG", "DATA")}
    return {**kept, **folders, "HOME": home, "PATH": "/usr/bin:/bin", "KUBECONFIG": os.devnull}
