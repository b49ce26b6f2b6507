"""A real headless Chromium, and pages for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from rewriter.cli import run
from tests.samples import MESH

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)

CONFIG = MESH.replace('"**"', '"a/**"')
POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: {name}
  namespace: {namespace}
spec:
  endpointSelector: {{}}
  ingress:
  - fromEntities: [cluster]   # {comment}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    """A headless Chromium that asks nothing of the network; for each file of tests one."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(executable_path=str(DRIVER)))
    yield driver
    driver.quit()


def made_page(folder: Path, policies: int, *, comment: str = "all of them", name: str = "policy-{}") -> Path:
    """A report of a tree with that many policies, each with a finding."""
    for number in range(policies):
        namespace = f"team-{number % 20}"
        path = folder / "a" / namespace / f"{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(POLICY.format(name=json.dumps(name.format(number)), namespace=namespace, comment=comment))
    (folder / "cnpfix.toml").write_text(CONFIG)
    page = folder / "report.html"
    assert run(["report", "-o", str(page), "--config", str(folder / "cnpfix.toml"), str(folder)]) == 0
    return page
