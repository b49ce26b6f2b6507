// A person opens a policy in Visual Studio Code: the fault is underlined, the hover explains it, the quick fix mends it.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [executablePath, work] = process.argv.slice(2);
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"];
const slow = { timeout: 120_000 };

async function main() {
  const address = await listening(path.join(work, "server.log"));
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...quiet] });
  const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
  await page.goto(`${address}/?folder=${path.join(work, "shop")}`, { waitUntil: "domcontentloaded" });
  const file = page.locator(".explorer-folders-view .monaco-list-row", { hasText: "policy.yaml" });
  await file.waitFor(slow);
  await file.dblclick();
  await page.waitForSelector(".squiggly-error", slow);
  const field = page.locator(".view-line span", { hasText: "fromRequires" }).last();

  await field.hover();
  const hover = page.locator(".monaco-hover", { hasText: "cnpfix explain requires" }).first();
  await hover.waitFor(slow);
  assert.match(await hover.innerText(), /the whole policy stops being enforced at 1\.19/);
  await picture(page, "hover");
  await page.keyboard.press("Escape");

  await field.click();
  await page.keyboard.press("Control+.");
  const fix = page.getByText("Fix requires", { exact: false }).first();
  await fix.waitFor(slow);
  await picture(page, "quick-fix");
  await fix.click();
  await page.waitForFunction(() => !document.querySelector(".view-lines").innerText.includes("fromRequires"), null, slow);
  await page.waitForFunction(() => document.querySelector(".squiggly-error") === null, null, slow);
  await picture(page, "fixed");
  await browser.close();
  console.log("editor: Visual Studio Code underlines CNP007, explains it and makes its fix");
}

/** A picture for people to look at, where CNPFIX_PICTURES names a folder. */
async function picture(page, name) {
  const folder = process.env.CNPFIX_PICTURES;
  if (folder) await page.screenshot({ path: path.join(folder, `editor-${name}.png`) });
}

/** The address that the server's log names, once it listens. */
function listening(log) {
  return new Promise((resolve) => {
    const look = () => {
      const found = fs.existsSync(log) && /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(fs.readFileSync(log, "utf8"));
      if (found) resolve(found[1]);
      else setTimeout(look, 200);
    };
    look();
  });
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
