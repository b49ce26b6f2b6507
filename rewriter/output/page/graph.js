"use strict";
/** Who opens and closes what, namespace by namespace: names in a column, an arc for each pair whose flows change. */
function namespaceGraph(edges, { drawn, text, shortened, narrow }) {
  const MOST = 40;
  const ROW = 24;
  const LABEL = narrow ? 130 : 220;
  const ARCS = narrow ? 190 : 420;
  const weight = new Map();
  for (const edge of edges) {
    const changes = edge.opens + edge.closes;
    for (const name of new Set([edge.from, edge.to])) weight.set(name, (weight.get(name) || 0) + changes);
  }
  const byWeight = [...weight.keys()].sort((one, other) => weight.get(other) - weight.get(one) || one.localeCompare(other));
  const names = byWeight.slice(0, MOST).sort((one, other) => one.localeCompare(other));
  const at = new Map(names.map((name, index) => [name, index * ROW + ROW / 2 + 4]));
  const shown = edges.filter((edge) => at.has(edge.from) && at.has(edge.to));
  const words = (edge) =>
    [edge.opens && `opens ${edge.opens}`, edge.closes && `closes ${edge.closes}`].filter(Boolean).join(", ");
  const sentence = (edge) => `${edge.from} → ${edge.to}: ${words(edge)}`;
  const height = names.length * ROW + 8;
  const picture = drawn("svg", {
    viewBox: `0 0 ${LABEL + ARCS} ${height}`,
    role: "img",
    "aria-label": shown.map(sentence).join("; "),
  });
  picture.style.maxWidth = `${LABEL + ARCS}px`;
  const longest = Math.max(1, ...shown.map((edge) => Math.abs(at.get(edge.from) - at.get(edge.to))));
  for (const kind of ["closes", "opens"]) {
    for (const edge of shown) {
      if (edge[kind]) picture.append(arc(edge, kind));
    }
  }
  names.forEach((name) => {
    const label = text(LABEL - 14, at.get(name) + 4, shortened(name, narrow ? 17 : 32), { "text-anchor": "end" });
    label.append(drawn("title", {}, name));
    picture.append(drawn("circle", { cx: LABEL - 4, cy: at.get(name), r: 4 }), label);
  });
  return { picture, left: byWeight.length - names.length, sentences: edges.map(sentence) };

  function arc(edge, kind) {
    const start = at.get(edge.from);
    const end = at.get(edge.to);
    // What closes is drawn a little further out, so that an arc of either kind is seen where both are.
    const shift = kind === "closes" ? 14 : 0;
    const far = start === end ? 26 + shift : 34 + shift + ((ARCS - 110) * Math.abs(end - start)) / longest;
    const [from, to] = start === end ? [start - 6, start + 6] : [start, end];
    const group = drawn("g", { class: kind });
    group.append(
      drawn("path", { d: `M ${LABEL + 2} ${from} C ${LABEL + far} ${from} ${LABEL + far} ${to} ${LABEL + 6} ${to}` }),
      drawn("path", { class: "head", d: `M ${LABEL + 12} ${to - 4} L ${LABEL + 4} ${to} L ${LABEL + 12} ${to + 4}` }),
    );
    const sign = kind === "opens" ? "+" : "−";
    group.append(text(LABEL + 6 + far * 0.75, (from + to) / 2 + 4 + (kind === "closes" ? 6 : -4), `${sign}${edge[kind]}`, { class: "ports" }));
    group.append(drawn("title", {}, sentence(edge)));
    return group;
  }
}
