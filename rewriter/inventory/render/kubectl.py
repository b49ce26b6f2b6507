"""Runs `kubectl kustomize` so that it reads nothing but a folder of files, never prompts, and ends."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rewriter.inventory.render.process import ProcessError, run_apart
from rewriter.records import dataclass

#: Seconds that one build may take.
BUILD_SECONDS = 30


class BuildError(Exception):
    """Why kubectl did not build it: one line."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """A kubectl program by its path."""

    program: str

    def build(self, folder: Path) -> str:
        """The manifests of a folder's kustomization as one text. Raises BuildError."""
        try:
            command = [self.program, "kustomize", str(folder), "--load-restrictor=LoadRestrictionsNone"]
            return run_apart(command, BUILD_SECONDS, lambda home: {"PATH": os.devnull, "HOME": home})
        except ProcessError as error:
            raise BuildError(str(error).replace(str(folder), folder.name)) from None


def find_kubectl() -> Kubectl | None:
    """The kubectl on PATH."""
    found = shutil.which("kubectl")
    return None if found is None else Kubectl(found)
