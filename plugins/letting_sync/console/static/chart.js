// Charts made here, as SVG: a stacked column per run. The colours are classes, so they follow the theme.
import { h, moment, number, svg, word } from "./dom.js";

/** The outcomes of the records of a run; together they are all that was read. */
export const PARTS = ["offers_created", "already_there", "duplicates", "skipped", "quarantined"];

function tip(run) {
  const lines = [`${word(`run.${run.state}`)} · ${word(`kind.${run.kind}`)}`];
  if (run.window) lines.push(`${moment(run.window[0])} – ${moment(run.window[1])}`);
  for (const name of ["extracted", ...PARTS, "leases_created", "leases_for_other_runs", "leases_found", "held"]) {
    if (run.counts) lines.push(`${word(`col.${name}`)}: ${number(run.counts[name] ?? 0)}`);
  }
  return lines.join("\n");
}

function column(run, x, width, height, largest) {
  const group = svg("g", {}, svg("title", {}, tip(run)));
  group.append(svg("rect", { class: "bar-hit", x, y: 0, width, height }));
  if (!run.counts) {
    const failed = run.state === "failed";
    const size = failed ? height : 3;
    group.append(svg("rect", { class: failed ? "bar-failed" : "bar-open", x, y: height - size, width, height: size }));
    return group;
  }
  let y = height;
  for (const name of PARTS) {
    const count = run.counts[name] ?? 0;
    if (!count) continue;
    const size = Math.max(1, (count / largest) * (height - 2));
    y -= size;
    group.append(svg("rect", { class: `bar-${name}`, x, y, width, height: size }));
  }
  if (y === height) group.append(svg("rect", { class: "bar-none", x, y: height - 1, width, height: 1 }));
  return group;
}

/** Small columns for a row of the table. */
export function spark(runs) {
  return columns(runs, 30, 4, 1, 26);
}

function columns(runs, places, width, space, height) {
  const largest = Math.max(1, ...runs.map((run) => run.counts?.extracted ?? 0));
  const shown = runs.slice(-places);
  const total = places * (width + space);
  const first = places - shown.length;
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${total} ${height}`, width: total, height, role: "img", "aria-label": word("chart.legend") },
    shown.map((run, i) => column(run, (first + i) * (width + space), width, height, largest)),
  );
}

/** The large chart with its scale and legend. */
export function chart(runs) {
  if (!runs.length) return h("p", { class: "quiet" }, word("chart.empty"));
  const largest = Math.max(0, ...runs.map((run) => run.counts?.extracted ?? 0));
  const key = (name, text) => h("span", { class: "key" }, h("span", { class: `dot bar-${name}` }), text);
  return h(
    "div",
    { class: "chart-box" },
    h("div", { class: "scale" }, h("span", {}, number(largest)), h("span", {}, "0")),
    columns(runs, 30, 16, 5, 120),
    h(
      "div",
      { class: "legend" },
      PARTS.map((name) => key(name, word(`col.${name}`))),
      key("failed", word("chart.failed")),
    ),
  );
}
