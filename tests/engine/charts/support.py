"""A repository in small with charts, treated as a user would with the real helm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix
from tests.programs import program

CHART = {"chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.2.3\n"}
HEAD = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: {{ .Release.Name }}-web
  namespace: {{ .Release.Namespace }}
spec:
  endpointSelector:
    matchLabels:
      app: web
  egress:
"""
DNS = """\
    - toEndpoints:
        - matchLabels:
            k8s:io.kubernetes.pod.namespace: kube-system
            k8s:k8s-app: kube-dns
      toPorts:
        - ports:
            - port: "53"
              protocol: ANY
          rules:
            dns:
              - matchPattern: "*"
"""
STAR = '    - toFQDNs:\n        - matchPattern: "**.example.com"\n'
FIXED = STAR.replace("**", "*")


@dataclass(frozen=True)
class Treated:
    """The exit code, the findings, and the texts of all files after a run that writes."""

    code: int
    findings: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    after: dict[str, str]

    def of(self, pass_id: str) -> list[dict[str, Any]]:
        return [each for each in self.findings if each["id"] == pass_id]


class Repository:
    """Writes files below a folder and runs cnpfix there, helm and kubectl on PATH unless `programs` leaves them out."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("XDG_CACHE_HOME", str(root.parent / "cache"))

    def treat(self, files: Mapping[str, str], *arguments: str, programs: tuple[str, ...] = ("helm",)) -> Treated:
        for name, text in files.items():
            path = self._root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        links = self._root.parent / "bin"
        links.mkdir(exist_ok=True)
        for name in programs:
            if not (links / name).exists():
                (links / name).symlink_to(program(name))
        self._monkeypatch.setenv("PATH", f"{links}:/usr/bin:/bin")
        self._monkeypatch.chdir(self._root)
        ran = cnpfix("--write", "--format", "json", *arguments, ".")
        assert ran.out, ran.err
        report = json.loads(ran.out)
        after = {name: (self._root / name).read_bytes().decode() for name in files}
        return Treated(ran.code, report["findings"], report["errors"], after)
