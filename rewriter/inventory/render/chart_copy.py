"""A copy of a chart's folder, in which a template may be another and helm finds what the repository has."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.cilium.cilium_values import merged_values
from rewriter.inventory.render.helm import Helm, HelmError
from rewriter.inventory.render.kept import MOST_BYTES, MOST_FILES, Kept, TooLargeError, digest_of
from rewriter.inventory.texts.manifests import items, mapping

#: What a cluster that runs Cilium has, for charts that ask before they make a policy.
APIS = (
    "cilium.io/v2",
    "cilium.io/v2/CiliumNetworkPolicy",
    "cilium.io/v2/CiliumClusterwideNetworkPolicy",
    "cilium.io/v2alpha1",
)


_TEMPLATES = (".yaml", ".yml", ".tpl", ".txt")
_VALUES = re.compile(r"\.Values((?:\.\w+)+)")


class ChartCopy:
    """A context in which a chart is rendered; the copy is gone at its end.

    Dependencies of `file://` are put in place. Others that are not in the chart's folder are left out of Chart.yaml:
    they make manifests of their own, and the chart's own templates render without them, or helm says why not. A chart
    without a values.yaml gets one of empty mappings.
    Raises TooLargeError and OSError when it is entered.
    """

    def __init__(self, helm: Helm, kept: Kept, folder: Path, root: Path) -> None:
        self._helm = helm
        self._kept = kept
        self._folder = folder
        self._root = root
        import tempfile  # Not where nothing is made.

        self._temporary = tempfile.TemporaryDirectory(prefix="cnpfix-chart-")
        self._copy = Path(self._temporary.name) / "chart"
        self._size = self._files = 0
        self._digest = ""
        self.name = ""
        #: The dependencies that are not in the repository.
        self.left_out: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        try:
            parts = list(self._copied(self._folder, self._copy, ()))
            parts += self._with_dependencies()
            parts += self._with_values()
            self._digest = digest_of(*parts)
        except BaseException:
            self._temporary.cleanup()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._temporary.cleanup()

    def render(
        self, name: str, namespace: str, values: Mapping[str, Any], template: str, text: str, *, anew: bool = False
    ) -> str:
        """What helm prints where one template (by its path in the chart) has this text. Raises HelmError.

        `anew` renders even what is kept.
        """
        written = text.encode("utf-8")
        # As the repository has it, a chart renders the same whichever of its templates is asked for.
        changed = [] if written == self._original(template) else [template, text]
        own = json.dumps([name, namespace, values, *changed], sort_keys=True, default=str)
        digest = digest_of(self._helm.version.encode(), self._digest.encode(), own.encode(), "/".join(APIS).encode())
        found = None if anew else self._kept.get(digest)
        if found is None:
            (self._copy / template).write_bytes(written)
            found = self._helm.render(self._copy, name, namespace, values, APIS)
            self._kept.put(digest, found)
        return found

    def render_all(self, name: str, namespace: str, values: Mapping[str, Any]) -> str:
        """What helm prints for the chart as the repository has it. Raises HelmError."""
        own = json.dumps([name, namespace, values], sort_keys=True, default=str)
        digest = digest_of(self._helm.version.encode(), self._digest.encode(), own.encode())
        found = self._kept.get(digest)
        if found is None:
            found = self._helm.render(self._copy, name, namespace, values)
            self._kept.put(digest, found)
        return found

    def reduce(self, template: str) -> bool:
        """Leaves one template, and the helpers that begin with `_`, so that no other template can fail.

        False, and nothing is left out, where another template reads this one by its name.
        """
        others = [
            path
            for path in self._copy.glob("**/templates/**/*")
            if path.is_file() and not path.name.startswith("_") and path != self._copy / template
        ]
        name = template.rpartition("/")[2].encode()
        if any(name in path.read_bytes() for path in others):
            return False
        for path in others:
            path.unlink()
        self._digest = digest_of(self._digest.encode(), template.encode())
        return True

    def defaults(self, template: str) -> tuple[tuple[str, ...], Mapping[str, Any]]:
        """The names of the charts around the one that a template is of, and that one's default values."""
        names: list[str] = []
        values = mapping(_read(self._copy / "values.yaml"))
        parts = template.split("/")
        folder = self._copy
        while parts[0] == "charts" and len(parts) > 2:
            names.append(parts[1])
            folder = folder / "charts" / parts[1]
            values = merged_values([_read(folder / "values.yaml"), mapping(values.get(parts[1]))])
            parts = parts[2:]
        return tuple(names), values

    def texts(self, *, values: bool = False) -> Iterator[str]:
        """The texts of all templates, those of charts within it too; with `values` those of their values as well."""
        for path in sorted(self._copy.glob("**/*")):
            own = path.suffix in _TEMPLATES and "templates" in path.relative_to(self._copy).parts[:-1]
            if path.is_file() and (own or (values and path.name == "values.yaml")):
                yield path.read_text("utf-8", "replace")

    def _original(self, template: str) -> bytes:
        return (self._folder / template).read_bytes() if (self._folder / template).is_file() else b""

    def _copied(self, source: Path, target: Path, above: tuple[str, ...]) -> Iterator[bytes]:
        """Copies a folder, with what its symlinks inside of the repository lead to; yields all that was copied."""
        real = os.path.realpath(source)
        if real in above or not (real + os.sep).startswith(os.path.realpath(self._root) + os.sep):
            return
        target.mkdir(parents=True, exist_ok=True)
        for entry in sorted(os.scandir(source), key=lambda file: file.name):
            if entry.is_dir():
                if entry.name != ".git":
                    yield from self._copied(Path(entry.path), target / entry.name, (*above, real))
            elif entry.is_file() and os.path.realpath(entry.path).startswith(os.path.realpath(self._root) + os.sep):
                data = Path(entry.path).read_bytes()
                self._size += len(data)
                self._files += 1
                if self._size > MOST_BYTES or self._files > MOST_FILES:
                    raise TooLargeError(f"the chart is larger than {MOST_BYTES >> 20} MB or {MOST_FILES} files")
                (target / entry.name).write_bytes(data)
                yield str((target / entry.name).relative_to(self._copy)).encode()
                yield data

    def _with_values(self) -> Iterator[bytes]:
        """Puts empty mappings where a chart without a values.yaml asks for values in them: helm fails on nothing."""
        file = self._copy / "values.yaml"
        if file.is_file():
            return
        values: dict[str, Any] = {}
        for path in sorted(self._copy.glob("templates/**/*")):
            if path.is_file() and path.suffix in _TEMPLATES:
                for match in _VALUES.finditer(path.read_text("utf-8", "replace")):
                    holder = values
                    for step in match[1].split(".")[1:-1]:
                        holder = holder.setdefault(step, {})
        file.write_text(json.dumps(values), "utf-8")
        yield file.read_bytes()

    def _with_dependencies(self) -> list[bytes]:
        file = self._copy / "Chart.yaml"
        chart = _read(file)
        self.name = str(chart.get("name") or "")
        if (self._copy / "requirements.yaml").is_file():  # Charts of API version v1 list them here.
            file = self._copy / "requirements.yaml"
            chart = _read(file)
        there = {path.name for path in (self._copy / "charts").glob("*")}
        kept = []
        parts: list[bytes] = []
        listed = items(chart.get("dependencies"))
        for dependency in listed:
            name = str(dependency.get("name"))
            at = str(dependency.get("repository") or "")
            local = self._folder / at.removeprefix("file://")
            if not any(found == name or found.startswith(f"{name}-") for found in there):
                if not at.startswith("file://") or not (local / "Chart.yaml").is_file():
                    if dependency.get("import-values"):
                        raise HelmError(f"its dependency {name}, whose values it imports, is not in the repository")
                    self.left_out += (name,)
                    continue
                parts += self._copied(local, self._copy / "charts" / name, (os.path.realpath(self._folder),))
            kept.append(dependency)
        if len(kept) < len(listed):
            file.write_text(json.dumps({**chart, "dependencies": kept}), "utf-8")
            for lock in ("Chart.lock", "requirements.lock"):
                (self._copy / lock).unlink(missing_ok=True)
        return parts


def _read(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    try:
        documents = yamltext.parse(yamltext.decode(file.read_bytes()))
    except yamltext.YamlTextError as error:
        raise HelmError(f"its {file.name} cannot be read: {error.message}") from None
    return mapping(documents[0].value) if documents else {}
