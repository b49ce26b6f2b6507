"""What facts cost: the fixer with the inventory of its tree, against the fixer that is offered no facts."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench.measure import Table, fastest
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


def measure(table: Table, folder: Path, rounds: int, files: int = 20_000, policies: int = 200) -> None:
    """A ratio for a plain tree and for one that Flux and Kustomize apply, both in a mesh."""
    folder.mkdir(exist_ok=True)
    (folder / "mesh.toml").write_text(MESH)
    plain, applied = folder / "plain", folder / "applied"
    for tree in (plain, applied):
        write_tree(tree, files, policies)
    _apply(applied)
    for name, tree in (("plain", plain), ("Flux", applied)):
        arguments = ["--dry-run", "--no-cache", "--config", str(folder / "mesh.toml"), str(tree)]
        commands = [[sys.executable, "-m", "rewriter", *arguments], [sys.executable, "-c", WITHOUT, *arguments]]
        told, without = fastest(commands, rounds, processor=True)
        table.ratio(f"{files:,} files, {name}, with facts / without", told, without, 2)


def _apply(tree: Path) -> None:
    """A kustomization in every folder of a tree, and a Flux Kustomization for each."""
    flux = ""
    for group in sorted(tree.iterdir()):
        names = sorted(path.name for path in group.iterdir())
        (group / "kustomization.yaml").write_text(KUSTOMIZATION + "".join(f"- {name}\n" for name in names))
        flux += FLUX.format(name=group.name)
    (tree / "flux.yaml").write_text(flux)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        result = Table()
        measure(result, Path(name), 3)
    sys.exit(not result.good)
