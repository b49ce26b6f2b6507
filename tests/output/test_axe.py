"""The page by axe-core: no violation in light and dark, on a wide screen and on one of 390 pixels.

`make page` installs axe-core and sets CNPFIX_AXE; without it, or without Chromium, these tests are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.output.browser import CHROMIUM, DRIVER, browser, made_page

__all__ = ["browser"]

AXE = Path(os.environ.get("CNPFIX_AXE", "")).resolve() / "node_modules/axe-core/axe.min.js"
pytestmark = pytest.mark.skipif(
    not (os.environ.get("CNPFIX_AXE") and AXE.exists() and CHROMIUM and DRIVER),
    reason="no axe-core, or no chromium with chromedriver; `make page` installs axe-core",
)
WIDTHS = {"wide": 1280, "phone": 390}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_has_no_violation(browser: Chrome, tmp_path: Path, scheme: str, width: str) -> None:
    page = made_page(tmp_path, 30)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": WIDTHS[width], "height": 900, "deviceScaleFactor": 1, "mobile": width == "phone"},
    )
    browser.get(page.as_uri())
    browser.execute_script(AXE.read_text("utf-8"))
    browser.execute_script("document.querySelectorAll('details').forEach(item => item.open = true)")
    violations = browser.execute_async_script(
        "axe.run().then(found => arguments[0](found.violations.map("
        "each => `${each.id}: ${each.help}: ${each.nodes.slice(0, 3).map(node => node.html).join(' | ')}`)))"
    )
    assert violations == [], "\n".join(violations)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= WIDTHS[width]
