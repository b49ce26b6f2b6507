"""The HTML page in a real headless Chromium: what a reviewer sees and can do, and that it asks no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from rewriter.cli import run
from tests.output.browser import CHROMIUM, CONFIG, DRIVER, POLICY, browser, made_page

__all__ = ["browser"]

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine")


def _open(browser: Chrome, page: Path) -> None:
    browser.get(page.as_uri())
    assert [entry for entry in _log(browser, "browser") if entry["level"] == "SEVERE"] == []


def _log(browser: Chrome, kind: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = browser.execute("getLog", {"type": kind})["value"]
    return entries


def _visible(browser: Chrome) -> list[WebElement]:
    return [item for item in browser.find_elements(By.CSS_SELECTOR, ".policy") if item.is_displayed()]


def test_shows_findings_flows_diff_and_picture(browser: Chrome, tmp_path: Path) -> None:
    _open(browser, made_page(tmp_path, 1))
    text = browser.find_element(By.TAG_NAME, "main").text
    assert "team-0/policy-0" in text
    assert "CNP004 cluster-entity" in text
    added = [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "td.added")]
    assert any("fromEndpoints" in line for line in added)
    opened = browser.find_elements(By.CSS_SELECTOR, "figure:last-child g.opens")
    assert len(opened) >= 1
    assert browser.find_elements(By.CSS_SELECTOR, "figure:first-child g.opens") == []


def test_asks_nothing_of_the_network(browser: Chrome, tmp_path: Path) -> None:
    _log(browser, "performance")
    _open(browser, made_page(tmp_path, 2))
    messages = [json.loads(entry["message"])["message"] for entry in _log(browser, "performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_names_never_become_markup(browser: Chrome, tmp_path: Path) -> None:
    hostile = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    _open(browser, made_page(tmp_path, 1, comment=hostile, name="<b onclick=alert(1)>x</b>{}"))
    assert browser.title.startswith("cnpfix")
    assert browser.find_elements(By.CSS_SELECTOR, "main img, main b[onclick], main script") == []
    assert (
        hostile
        in browser.find_element(By.CSS_SELECTOR, "td.same, td.removed, td.added")
        .find_element(By.XPATH, "ancestor::table")
        .text
    )


def test_filters_and_search(browser: Chrome, tmp_path: Path) -> None:
    _open(browser, made_page(tmp_path, 40))
    assert len(_visible(browser)) == 40
    browser.find_element(By.CSS_SELECTOR, "#namespace option[value='team-3']").click()
    shown = {item.text.split("\n")[0] for item in _visible(browser)}
    assert shown == {"team-3/policy-3", "team-3/policy-23"}
    assert browser.find_element(By.ID, "count").text == "2 findings in 2 policies"
    browser.find_element(By.ID, "search").send_keys("policy-23")
    assert len(_visible(browser)) == 1
    browser.find_element(By.ID, "search").send_keys(" nowhere")
    assert _visible(browser) == []
    assert "Nothing matches" in browser.find_element(By.ID, "nothing").text
    browser.find_element(By.ID, "clear").click()
    browser.execute_async_script("setTimeout(arguments[0])")
    assert len(_visible(browser)) == 40


def test_keyboard(browser: Chrome, tmp_path: Path) -> None:
    _open(browser, made_page(tmp_path, 12))
    for _ in range(2):
        ActionChains(browser).send_keys("j").perform()
    focused = browser.switch_to.active_element
    assert "policy-1" in focused.text
    focused.send_keys(Keys.ENTER)
    assert focused.find_element(By.XPATH, "..").get_attribute("open") is not None
    assert browser.find_elements(By.CSS_SELECTOR, ".policy[open] .diff") != []
    ActionChains(browser).send_keys("k").send_keys("/").perform()
    assert browser.switch_to.active_element.get_attribute("id") == "search"


def test_light_and_dark(browser: Chrome, tmp_path: Path) -> None:
    _open(browser, made_page(tmp_path, 1))
    colors = set()
    for _ in range(2):
        colors.add(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
        browser.find_element(By.ID, "theme").click()
    assert len(colors) == 2


def test_prints_everything_that_is_shown(browser: Chrome, tmp_path: Path) -> None:
    _open(browser, made_page(tmp_path, 12))
    assert browser.find_elements(By.CSS_SELECTOR, ".policy[open]") == []
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(browser.find_elements(By.CSS_SELECTOR, ".policy[open] .diff")) == 12


def test_a_thousand_findings_stay_responsive(browser: Chrome, tmp_path: Path) -> None:
    _open(browser, made_page(tmp_path, 1000))
    assert browser.find_element(By.ID, "count").text == "1000 findings in 1000 policies"
    loaded = browser.execute_script(
        "const timing = performance.getEntriesByType('navigation')[0]; return timing.loadEventEnd - timing.startTime"
    )
    filtered = browser.execute_script(
        """
        const select = document.getElementById("namespace");
        const start = performance.now();
        select.value = "team-7";
        select.dispatchEvent(new Event("change"));
        document.body.getBoundingClientRect();
        return performance.now() - start;
        """
    )
    assert len(_visible(browser)) == 50
    assert loaded < 3000, f"{loaded:.0f} ms to load"
    assert filtered < 200, f"{filtered:.0f} ms to filter"
    print(f"1,000 findings: loaded in {loaded:.0f} ms, filtered in {filtered:.0f} ms")


def test_each_card_has_its_own_lines_only(browser: Chrome, tmp_path: Path) -> None:
    """Two policies in one file: neither shows what the fix of the other changes."""
    both = "---\n".join(POLICY.format(name=name, namespace="shop", comment=f"of {name}") for name in ("one", "two"))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "both.yaml").write_text(both)
    (tmp_path / "cnpfix.toml").write_text(CONFIG)
    page = tmp_path / "report.html"
    assert run(["report", "-o", str(page), "--config", str(tmp_path / "cnpfix.toml"), str(tmp_path)]) == 0
    _open(browser, page)
    for card in _visible(browser):
        name = "one" if "shop/one" in card.text else "two"
        other = "two" if name == "one" else "one"
        shown = [cell.text for cell in card.find_elements(By.CSS_SELECTOR, ".diff td")]
        assert any(f"# of {name}" in text for text in shown)
        assert not any(f"# of {other}" in text for text in shown)
        added = [cell.text for cell in card.find_elements(By.CSS_SELECTOR, "td.added")]
        assert sum("fromEndpoints" in text for text in added) == 1


def test_the_address_says_what_is_shown(browser: Chrome, tmp_path: Path) -> None:
    page = made_page(tmp_path, 40)
    _open(browser, page)
    browser.find_element(By.CSS_SELECTOR, "#namespace option[value='team-3']").click()
    browser.find_element(By.ID, "search").send_keys("policy-23")
    address = browser.current_url
    assert address.endswith("#search=policy-23&namespace=team-3")
    browser.get("about:blank")
    browser.get(address)
    assert [item.text.split("\n")[0] for item in _visible(browser)] == ["team-3/policy-23"]
    assert browser.find_element(By.ID, "search").get_attribute("value") == "policy-23"


def test_a_link_to_a_policy_opens_it(browser: Chrome, tmp_path: Path) -> None:
    page = made_page(tmp_path, 40)
    _open(browser, page)
    links = browser.find_elements(By.CSS_SELECTOR, ".policy .link")
    address = str(links[17].get_attribute("href"))
    assert "#policy=" in address
    browser.get("about:blank")
    browser.get(address)
    (opened,) = browser.find_elements(By.CSS_SELECTOR, ".policy[open]")
    assert opened.find_element(By.CSS_SELECTOR, ".link").get_attribute("href") == address
    assert opened.find_elements(By.CSS_SELECTOR, ".diff") != []
    assert browser.execute_script("return arguments[0].getBoundingClientRect().top", opened) < 300


def test_the_graph_has_an_arc_for_each_pair_of_namespaces(browser: Chrome, tmp_path: Path) -> None:
    _open(browser, made_page(tmp_path, 40))
    graph = browser.find_element(By.ID, "graph")
    assert "Which namespaces talk otherwise" in graph.text
    assert len(graph.find_elements(By.CSS_SELECTOR, "g.opens")) == 20
    graph.find_element(By.CSS_SELECTOR, "details summary").click()
    assert "any pod in cluster-b → team-7: opens 2" in graph.text


def test_a_telephone_shows_all_of_it(browser: Chrome, tmp_path: Path) -> None:
    page = made_page(tmp_path, 3, name="a-policy-with-quite-a-long-name-as-people-give-them-{}")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        _open(browser, page)
        assert browser.execute_script("return document.documentElement.scrollWidth") == 390
        assert browser.find_elements(By.CSS_SELECTOR, ".diff table.unified") != [], "one column, not two"
        filters = browser.find_element(By.ID, "filters")
        assert filters.value_of_css_property("position") == "static"
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
