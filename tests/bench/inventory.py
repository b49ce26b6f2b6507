"""What facts cost: the fixer with the inventory of its tree, against the fixer that is offered no facts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.trees import MESH, write_tree

#: The fixer's command line with an inventory that stays empty: discovery, parsing, passes and proofs alone.
WITHOUT = (
    "import sys\n"
    "from rewriter.inventory.tree import TreeInventory\n"
    "TreeInventory.offer = lambda *_: None\n"
    "from rewriter.cli import run\n"
    "sys.exit(run(sys.argv[1:]))"
)
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
FLUX = """---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  path: ./{name}
  targetNamespace: {name}
  commonMetadata: {{labels: {{app.kubernetes.io/part-of: {name}}}}}
  postBuild: {{substitute: {{NAME: {name}}}}}
  sourceRef: {{kind: GitRepository, name: flux-system}}
"""


def measure(
    ratio: Callable[[str, float, float, float], None],
    seconds: Callable[[Sequence[str]], float],
    folder: Path,
    files: int,
    policies: int,
) -> None:
    """Prints a ratio for a plain tree and for one that Flux and Kustomize apply, both in a mesh."""
    (folder / "mesh.toml").write_text(MESH)
    plain, applied = folder / "plain", folder / "applied"
    for tree in (plain, applied):
        write_tree(tree, files, policies)
    _apply(applied)
    for name, tree in (("plain", plain), ("Flux and Kustomize", applied)):
        arguments = ["--dry-run", "--config", str(folder / "mesh.toml"), str(tree)]
        without = seconds([sys.executable, "-c", WITHOUT, *arguments])
        ratio(f"{files:,} files, {name}: facts", seconds([sys.executable, "-m", "rewriter", *arguments]), without, 2)


def _apply(tree: Path) -> None:
    """A kustomization in every folder of a tree, and a Flux Kustomization for each."""
    flux = ""
    for group in sorted(tree.iterdir()):
        names = sorted(path.name for path in group.iterdir())
        (group / "kustomization.yaml").write_text(KUSTOMIZATION + "".join(f"- {name}\n" for name in names))
        flux += FLUX.format(name=group.name)
    (tree / "flux.yaml").write_text(flux)


if __name__ == "__main__":
    import tempfile

    from tests.bench.__main__ import Table, seconds

    with tempfile.TemporaryDirectory() as name:
        table = Table()
        measure(table.ratio, seconds, Path(name), 20_000, 200)
    sys.exit(not table.good)
