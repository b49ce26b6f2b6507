"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const narrow = matchMedia("(max-width: 44rem)");
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
    finding.fixed ? "would be fixed" : finding.remedy.includes("--unsafe-fixes") ? "needs --unsafe-fixes" : "left to people";

  // The head of the page.

  function showHead() {
    const { tool, summary } = data;
    byId("versions").textContent = `Cilium ${tool.from} to ${tool.to} · cnpfix ${tool.version}`;
    const errors = data.findings.filter((finding) => finding.severity === "error").length;
    const left = data.findings.filter((finding) => !finding.fixed).length;
    const plural = (number, one, many) => (number === 1 ? one : many || `${one}s`);
    const tiles = [
      [summary.opens, `${plural(summary.opens, "flow")} opened by the fixes`, "opens", "+"],
      [summary.closes, `${plural(summary.closes, "flow")} closed by the fixes`, "closes", "−"],
      [summary.keeps, "kept that the upgrade would break", "", "="],
      [summary.fixed, `of ${summary.findings} ${plural(summary.findings, "finding")} would be fixed in ${summary.changed} ${plural(summary.changed, "file")}`],
      [left, `left to people; ${errors} of all ${plural(errors, "is an error", "are errors")}`],
      [summary.policies, `${plural(summary.policies, "policy", "policies")} in ${summary.files} ${plural(summary.files, "file")} read`],
    ];
    byId("summary").append(
      ...tiles.map(([number, words, kind = "", sign = ""]) =>
        element("div", `tile ${number ? kind : ""}`, element("b", "", `${number ? sign : ""}${number}`), element("span", "", words)),
      ),
    );
    showGraph();
    for (const [id, texts] of [["errors", data.errors], ["unchecked", data.unchecked]]) {
      if (!texts.length) continue;
      byId(id).hidden = false;
      byId(id).querySelector("ul").append(...texts.map((text) => element("li", "", text)));
    }
  }

  // All of it: which namespaces talk otherwise.

  function showGraph() {
    if (!data.graph.length) return;
    const { picture, left, sentences } = namespaceGraph(data.graph, { drawn, text, shortened, narrow: narrow.matches });
    const place = byId("graph");
    place.hidden = false;
    const more = left ? element("p", "quiet", `and ${left} more, in the list`) : "";
    const list = element("details", "", element("summary", "", "The same as a list"), element("ul", "evidence", ...sentences.map((line) => element("li", "", line))));
    const scroll = element("div", "scroll", picture);
    // Whoever has no mouse scrolls with the arrow keys, for which it must take the focus.
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", "Picture of the namespaces");
    place.querySelector("div").replaceChildren(scroll, more, list);
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
      deepLink(policy, name),
    );
    made.addEventListener("toggle", () => fill(made, policy));
    return made;
  }

  function deepLink(policy, name) {
    const link = element("a", "link", "Link to this policy");
    link.href = `#${new URLSearchParams({ policy: policy.first.mark })}`;
    link.setAttribute("aria-label", `Link to this policy, ${name}`);
    return link;
  }

  /** Puts the body of a policy in when it is opened first: a thousand diffs are only made when looked at. */
  function fill(made, policy) {
    if (!made.open || made.lastElementChild.className === "body") return;
    const body = element("div", "body", ...policy.findings.map(findingPart));
    const picture = pictures.get(policy.key);
    if (picture) body.append(...talkPart(picture));
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
    if (finding.hunks.length) made.append(diff(finding.hunks));
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

  const BOX_HEIGHT = 52;
  const ROW = BOX_HEIGHT + 8;

  /** The rows in groups of one subject, which is drawn once for all of its peers. */
  function diagram(edges) {
    const shown = edges.slice(0, 12);
    const width = narrow.matches ? 330 : 520;
    const height = shown.length * ROW + (edges.length > shown.length ? 24 : 4);
    const summary = shown.map(([edge, state]) => `${state} ${edge.direction} ${edge.peer} ${edge.ports}`.trim()).join("; ");
    const picture = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary });
    const groups = new Map();
    for (const [edge, state] of shown) {
      const key = JSON.stringify([edge.direction, edge.subject]);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push([edge, state]);
    }
    let row = 0;
    for (const group of groups.values()) {
      picture.append(...groupRows(group, row * ROW + 2, width));
      row += group.length;
    }
    if (edges.length > shown.length) {
      picture.append(text(width / 2, height - 6, `and ${edges.length - shown.length} more`, { "text-anchor": "middle" }));
    }
    return picture;
  }

  /** Senders on the left, receivers on the right, the ports on the lines between them. */
  function groupRows(group, top, width) {
    const box = Math.round(width * 0.37);
    const letters = Math.floor(box / 7.4);
    const [first] = group[0];
    const subjectSide = first.direction === "ingress" ? 1 : 0;
    const xOf = (side) => (side ? width - box : 0);
    const made = [];
    const boxed = (name, side, y, height, kind) => {
      made.push(drawn("rect", { x: xOf(side) + 1, y, width: box - 2, height, rx: 6, class: kind }));
      const lines = wrapped(name, letters, 3);
      lines.forEach((line, index) =>
        made.push(text(xOf(side) + box / 2, y + height / 2 + 4 + (index - (lines.length - 1) / 2) * 14, line, { "text-anchor": "middle" })),
      );
    };
    boxed(first.subject, subjectSide, top, group.length * ROW - 8, "subject");
    const rows = group.map(([edge, state], index) => {
      const y = top + index * ROW;
      const middle = y + BOX_HEIGHT / 2;
      const before = made.length;
      boxed(edge.peer, 1 - subjectSide, y, BOX_HEIGHT, "");
      const sign = { opens: "+ ", closes: "− " }[state] || "";
      const row = drawn("g", { class: state }, ...made.splice(before));
      const right = width - box;
      row.append(drawn("line", { x1: box, y1: middle, x2: right - 6, y2: middle }));
      row.append(drawn("line", { x1: right - 12, y1: middle - 4, x2: right - 5, y2: middle }));
      row.append(drawn("line", { x1: right - 12, y1: middle + 4, x2: right - 5, y2: middle }));
      const letters = Math.floor((right - box) / 6.8);
      const label = text(width / 2, middle - 6, shortened(sign + edge.ports, letters), { "text-anchor": "middle", class: "ports" });
      label.append(drawn("title", {}, edge.ports));
      const sides = subjectSide ? [edge.peer, edge.subject] : [edge.subject, edge.peer];
      row.append(label, drawn("title", {}, `${edge.direction}: ${sides.join(" → ")}, ${edge.ports}`));
      return row;
    });
    return [...made, ...rows];
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

  // The lines that a finding's own fix changes: side by side, or below each other where the screen is narrow.

  function diff(hunks) {
    const table = element("table", narrow.matches ? "unified" : "");
    const columns = document.createElement("colgroup");
    for (const kind of narrow.matches ? ["number", ""] : ["number", "", "number", ""]) columns.append(element("col", kind));
    table.append(columns);
    hunks.forEach((hunk, index) => {
      if (index) {
        const cell = element("td", "", "…");
        cell.colSpan = narrow.matches ? 2 : 4;
        table.append(element("tr", "gap", cell));
      }
      table.append(...(narrow.matches ? unified(hunk) : rows(hunk)));
    });
    return element("div", "diff", table);
  }

  function unified(hunk) {
    let { old, new: fresh } = hunk;
    return hunk.lines.map((line) => {
      const kind = { "-": "removed", "+": "added" }[line[0]] || "same";
      const number = kind === "added" ? fresh : old;
      if (kind !== "added") old++;
      if (kind !== "removed") fresh++;
      return element("tr", "", element("td", "number", String(number)), element("td", kind, line.slice(1)));
    });
  }

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
      byId(name).addEventListener("change", choose);
    }
    byId("search").addEventListener("input", choose);
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("filters").addEventListener("reset", () => setTimeout(choose));
  }

  // The address says what is shown, so that it can be sent to somebody else. It stays behind the `#`: a page that is a
  // file may change no other part of its address.

  function choose() {
    const chosen = new URLSearchParams();
    for (const name of ["search", ...filters]) {
      if (byId(name).value) chosen.set(name, byId(name).value);
    }
    history.replaceState(null, "", chosen.size ? `#${chosen}` : location.pathname + location.search);
    apply();
  }

  function follow() {
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const name of ["search", ...filters]) byId(name).value = chosen.get(name) || "";
    apply();
    const wanted = chosen.get("policy");
    const found = policies.find((policy) => policy.findings.some((finding) => finding.mark === wanted));
    if (!found) return;
    found.element.open = true;
    fill(found.element, found);
    found.element.scrollIntoView({ block: "start" });
    found.element.firstElementChild.focus({ preventScroll: true });
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
  addEventListener("hashchange", follow);
  follow();
  narrow.addEventListener("change", () => {
    showGraph();
    for (const policy of policies) {
      if (policy.element.lastElementChild.className === "body") policy.element.lastElementChild.remove();
      fill(policy.element, policy);
    }
  });
})();
