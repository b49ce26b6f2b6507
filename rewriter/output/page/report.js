"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);

  /** An element with classes, text or children. Text is always set as text, never as markup. */
  function element(tag, classes, ...children) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    made.append(...children.filter((child) => child !== null && child !== ""));
    return made;
  }

  /** Text in which `code` stands between backticks. */
  function prose(tag, classes, content) {
    const parts = content.split("`");
    return element(tag, classes, ...parts.map((part, index) => (index % 2 ? element("code", "", part) : part)));
  }

  function drawn(tag, attributes, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // Policies with their findings, in the order of the report.

  const pictures = new Map(data.pictures.map((picture) => [keyOf(picture), picture]));
  const policies = grouped(data.findings);

  function keyOf(place) {
    return JSON.stringify([place.file, place.document, place.namespace, place.name]);
  }

  function grouped(findings) {
    const found = new Map();
    for (const finding of findings) {
      const key = keyOf(finding);
      if (!found.has(key)) found.set(key, { key, first: finding, findings: [] });
      found.get(key).findings.push(finding);
    }
    return [...found.values()];
  }

  const stateOf = (finding) =>
    finding.fixed ? "fixed" : finding.remedy.includes("--unsafe-fixes") ? "needs --unsafe-fixes" : "left to a person";

  // The head of the page.

  function showHead() {
    const { tool, summary } = data;
    byId("versions").textContent = `Cilium ${tool.from} to ${tool.to} · cnpfix ${tool.version}`;
    const errors = data.findings.filter((finding) => finding.severity === "error").length;
    const left = data.findings.filter((finding) => !finding.fixed).length;
    const tiles = [
      [summary.findings, "findings"],
      [errors, "of them errors"],
      [summary.fixed, `would be fixed in ${summary.changed} ${summary.changed === 1 ? "file" : "files"}`],
      [left, "left to a person"],
      [summary.policies, `policies in ${summary.files} files read`],
    ];
    byId("summary").append(
      ...tiles.map(([number, text]) => element("div", "tile", element("b", "", String(number)), element("span", "", text))),
    );
    if (data.errors.length) {
      byId("errors").hidden = false;
      byId("errors").querySelector("ul").append(...data.errors.map((text) => element("li", "", text)));
    }
  }

  // One policy.

  function card(policy) {
    const { first, findings } = policy;
    const name = [first.namespace, first.name].filter(Boolean).join("/") || first.file;
    const where = [first.kind, first.cluster && `in ${first.cluster}`, `${first.file}:${first.line}`];
    const badges = [...new Map(findings.map((finding) => [finding.code, finding])).values()].map((finding) =>
      element("span", `badge ${finding.severity}`, finding.id),
    );
    const made = element(
      "details",
      "policy",
      element(
        "summary",
        "",
        element("h2", "", name),
        element("span", "badges", ...badges),
        element("span", "where", where.filter(Boolean).join(" · ")),
      ),
    );
    made.addEventListener("toggle", () => fill(made, policy));
    return made;
  }

  /** Puts the body of a policy in when it is opened first: a thousand diffs are only made when looked at. */
  function fill(made, policy) {
    if (!made.open || made.lastElementChild.className === "body") return;
    const body = element("div", "body", ...policy.findings.map(findingPart));
    const picture = pictures.get(policy.key);
    if (picture) body.append(...talkPart(picture));
    body.append(...diffPart(policy, picture));
    made.append(body);
  }

  function findingPart(finding) {
    const made = element(
      "section",
      "finding",
      element(
        "div",
        "head",
        element("span", `badge ${finding.severity}`, finding.severity),
        element("code", "", `${finding.code} ${finding.id}`),
        element("span", "quiet", `line ${finding.line}`),
        element("span", "state", `${stateOf(finding)} (${finding.applicability})`),
      ),
      prose("p", "", finding.message),
    );
    if (finding.why) made.append(prose("p", "quiet", finding.why));
    if (finding.evidence.length) {
      made.append(element("ul", "evidence", ...finding.evidence.map((text) => prose("li", "", text))));
    }
    for (const [kind, flows] of [["opens", finding.opened], ["closes", finding.closed], ["upgrade", finding.upgrade]]) {
      made.append(
        ...flows.map((flow) => element("div", `flow ${kind}`, element("b", "", kind), element("span", "", flow))),
      );
    }
    if (finding.fixed && !finding.opened.length && !finding.closed.length) {
      made.append(element("p", "quiet", "No flow changes."));
    }
    if (finding.advice) made.append(prose("p", "", `To do: ${finding.advice}`));
    return made;
  }

  // Who may talk to whom: two small pictures.

  function talkPart(picture) {
    const [before, after] = picture.enforced;
    const changes = picture.closed.map((edge) => [edge, "closes"]);
    const additions = picture.opened.map((edge) => [edge, "opens"]);
    const kept = picture.kept.map((edge) => [edge, ""]);
    return [
      element("h3", "", "Who may talk to whom by this policy"),
      element(
        "div",
        "pair",
        figure(`Today, on Cilium ${data.tool.from}`, before, [...kept, ...changes]),
        figure(`As shown here, on Cilium ${data.tool.to}`, after, [...kept, ...additions]),
      ),
    ];
  }

  function figure(title, enforced, edges) {
    const made = element("figure", "", element("figcaption", "", title));
    if (!enforced) {
      made.append(element("p", "quiet", "Rejected by this release: the policy is not enforced."));
    } else if (!edges.length) {
      made.append(element("p", "quiet", "It allows nothing."));
    } else {
      made.append(diagram(edges));
    }
    return made;
  }

  const WIDTH = 520;
  const BOX = 232;
  const BOX_HEIGHT = 52;
  const ROW = BOX_HEIGHT + 8;

  function diagram(edges) {
    const shown = edges.slice(0, 12);
    const height = shown.length * ROW + (edges.length > shown.length ? 24 : 4);
    const summary = shown.map(([edge, state]) => `${state} ${edge.direction} ${edge.peer} ${edge.ports}`.trim()).join("; ");
    const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": summary });
    shown.forEach(([edge, state], row) => picture.append(edgeRow(edge, row * ROW + 2, state)));
    if (edges.length > shown.length) {
      picture.append(text(WIDTH / 2, height - 6, `and ${edges.length - shown.length} more`, { "text-anchor": "middle" }));
    }
    return picture;
  }

  /** One row: the sender on the left, the receiver on the right, the ports on the line between them. */
  function edgeRow(edge, top, state) {
    const sides = edge.direction === "ingress" ? [edge.peer, edge.subject] : [edge.subject, edge.peer];
    const middle = top + BOX_HEIGHT / 2;
    const sign = { opens: "+ ", closes: "− " }[state] || "";
    const row = drawn("g", { class: state });
    const left = BOX - 26;
    const right = WIDTH - BOX + 26;
    sides.forEach((name, side) => {
      const x = side ? right : 0;
      const subject = (side === 1) === (edge.direction === "ingress");
      row.append(drawn("rect", { x: x + 1, y: top, width: left - 2, height: BOX_HEIGHT, rx: 6, class: subject ? "subject" : "" }));
      const lines = wrapped(name, 28, 3);
      lines.forEach((line, index) =>
        row.append(text(x + left / 2, middle + 4 + (index - (lines.length - 1) / 2) * 14, line, { "text-anchor": "middle" })),
      );
    });
    row.append(drawn("line", { x1: left, y1: middle, x2: right - 6, y2: middle }));
    row.append(drawn("line", { x1: right - 12, y1: middle - 4, x2: right - 5, y2: middle }));
    row.append(drawn("line", { x1: right - 12, y1: middle + 4, x2: right - 5, y2: middle }));
    const label = text((left + right) / 2, middle - 6, shortened(sign + edge.ports, 17), { "text-anchor": "middle", class: "ports" });
    label.append(drawn("title", {}, edge.ports));
    row.append(label);
    row.append(drawn("title", {}, `${edge.direction}: ${sides.join(" → ")}, ${edge.ports}`));
    return row;
  }

  function text(x, y, content, attributes) {
    return drawn("text", { x, y, ...attributes }, content);
  }

  const shortened = (content, length) => (content.length > length ? content.slice(0, length - 1) + "…" : content);

  /** A name in at most so many lines, broken at blanks where there are some. */
  function wrapped(name, length, most) {
    if (name.length <= length) return [name];
    if (most === 1) return [shortened(name, length)];
    let cut = name.lastIndexOf(" ", length);
    if (cut < length / 3) cut = length;
    return [name.slice(0, cut), ...wrapped(name.slice(cut).trim(), length, most - 1)];
  }

  // Side-by-side diffs.

  function diffPart(policy, picture) {
    const all = data.files[policy.first.file] || [];
    const inside = (hunk) => !picture || (hunk.old <= picture.last && hunk.old + oldCount(hunk) > picture.first);
    const hunks = all.filter(inside);
    if (!hunks.length) return [];
    const table = element("table", "");
    const columns = document.createElement("colgroup");
    for (const kind of ["number", "", "number", ""]) columns.append(element("col", kind));
    table.append(columns);
    hunks.forEach((hunk, index) => {
      if (index) {
        const cell = element("td", "", "…");
        cell.colSpan = 4;
        table.append(element("tr", "gap", cell));
      }
      table.append(...rows(hunk));
    });
    return [element("h3", "", "Diff"), element("div", "diff", table)];
  }

  const oldCount = (hunk) => hunk.lines.filter((line) => line[0] !== "+").length;

  function rows(hunk) {
    const made = [];
    let { old, new: fresh } = hunk;
    let removed = [];
    let added = [];
    const flush = () => {
      for (let index = 0; index < Math.max(removed.length, added.length); index++) {
        const left = index < removed.length ? [old++, "removed", removed[index]] : ["", "", ""];
        const right = index < added.length ? [fresh++, "added", added[index]] : ["", "", ""];
        made.push(row(left, right));
      }
      removed = [];
      added = [];
    };
    for (const line of hunk.lines) {
      const content = line.slice(1);
      if (line[0] === "-") removed.push(content);
      else if (line[0] === "+") added.push(content);
      else {
        flush();
        made.push(row([old++, "same", content], [fresh++, "same", content]));
      }
    }
    flush();
    return made;
  }

  function row(left, right) {
    const made = document.createElement("tr");
    for (const [number, kind, content] of [left, right]) {
      made.append(element("td", "number", String(number)), element("td", kind, content));
    }
    return made;
  }

  // Filters.

  const filters = ["cluster", "namespace", "pass", "severity", "state"];
  const valueOf = {
    cluster: (finding) => finding.cluster || "not known",
    namespace: (finding) => finding.namespace || "clusterwide",
    pass: (finding) => `${finding.code} ${finding.id}`,
    severity: (finding) => finding.severity,
    state: stateOf,
  };

  function fillFilters() {
    for (const name of filters) {
      const values = [...new Set(data.findings.map(valueOf[name]))].sort();
      byId(name).append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
      byId(name).addEventListener("change", apply);
    }
    byId("search").addEventListener("input", apply);
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("filters").addEventListener("reset", () => setTimeout(apply));
  }

  function apply() {
    const chosen = filters.map((name) => [valueOf[name], byId(name).value]).filter(([, value]) => value);
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shownPolicies = 0;
    let shownFindings = 0;
    for (const policy of policies) {
      const matching = policy.findings.filter(
        (finding) =>
          chosen.every(([value, wanted]) => value(finding) === wanted) &&
          words.every((word) => policy.words[policy.findings.indexOf(finding)].includes(word)),
      );
      policy.element.hidden = !matching.length;
      shownPolicies += matching.length ? 1 : 0;
      shownFindings += matching.length;
    }
    byId("count").textContent = `${shownFindings} findings in ${shownPolicies} policies`;
    byId("nothing").hidden = shownPolicies > 0;
  }

  const wordsOf = (finding) =>
    [finding.file, finding.kind, finding.namespace, finding.name, finding.code, finding.id, finding.message]
      .join(" ")
      .toLowerCase();

  // Keys, theme, printing.

  function toggleTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  }

  function move(step) {
    const visible = policies.map((policy) => policy.element).filter((item) => !item.hidden);
    if (!visible.length) return;
    const at = visible.findIndex((item) => item.contains(document.activeElement));
    const next = visible[Math.min(Math.max(at + step, 0), visible.length - 1)];
    next.firstElementChild.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function toggleAll() {
    const visible = policies.map((policy) => policy.element).filter((item) => !item.hidden);
    const open = !visible.every((item) => item.open);
    for (const item of visible) item.open = open;
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const action = { "/": () => byId("search").focus(), j: () => move(1), k: () => move(-1), t: toggleTheme, e: toggleAll };
    if (action[event.key]) {
      event.preventDefault();
      action[event.key]();
    }
  }

  let closedForScreen = [];
  addEventListener("beforeprint", () => {
    closedForScreen = policies.map((policy) => policy.element).filter((item) => !item.hidden && !item.open);
    for (const policy of policies) {
      if (policy.element.hidden) continue;
      policy.element.open = true;
      fill(policy.element, policy);
    }
  });
  addEventListener("afterprint", () => {
    for (const item of closedForScreen) item.open = false;
  });

  showHead();
  fillFilters();
  for (const policy of policies) {
    policy.element = card(policy);
    policy.words = policy.findings.map(wordsOf);
  }
  const nothing = element("p", "none", data.findings.length ? "Nothing matches the filter." : "No findings.");
  nothing.id = "nothing";
  byId("policies").append(...policies.map((policy) => policy.element), nothing);
  if (policies.length && policies.length <= 10) for (const policy of policies) policy.element.open = true;
  byId("theme").addEventListener("click", toggleTheme);
  addEventListener("keydown", onKey);
  apply();
})();
