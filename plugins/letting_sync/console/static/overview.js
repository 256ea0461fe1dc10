// All pairs: state, counts, lag and a small chart each.
import { age, badge, h, moment, number, read, stretch, word } from "./dom.js";
import { spark } from "./chart.js";

import { heldLink } from "./held.js";

const COUNTS = ["extracted", "offers_created", "leases_created", "quarantined", "held"];

export function lagText(lag) {
  if (!lag.loaded_until) return h("span", { class: "quiet" }, word("lag.none"));
  const title = word("lag.until", { time: moment(lag.loaded_until), age: age(lag.seconds) });
  if (!lag.intervals) return h("span", { title }, word("lag.on_time"));
  const most = lag.intervals >= 500 ? "lag.behind_most" : "lag.behind";
  return h(
    "span",
    { class: "late", title },
    h("span", { class: "nowrap" }, word(most, { count: number(lag.intervals) })),
    " ",
    h("span", { class: "nowrap" }, `· ${age(lag.seconds)}`),
  );
}

/** The heading of a count; what it counts is shown when the pointer rests on it. */
export function countHeading(name) {
  return h("th", { class: "num", title: word(`count.${name}`) }, word(`col.${name}`));
}

/** Leases that the run did not make of its own offers, below those that it did. */
function otherLeases(counts) {
  return ["leases_for_other_runs", "leases_found"]
    .filter((name) => counts[name])
    .map((name) => h("div", { class: "quiet small", title: word(`count.${name}`) }, word(`more.${name}`, { count: number(counts[name]) })));
}

/** The counts as cells; those that need a person lead to `href`, if there is one. */
export function countCells(counts, names, pair, href = null) {
  const attention = new Set(["quarantined", "held", "suspects"]);
  if (!counts) return [h("td", { class: "quiet", colspan: names.length }, word("counts.none"))];
  return names.map((name) => {
    const value = counts[name] ?? 0;
    const look = value === 0 ? "zero" : attention.has(name) ? "mind" : "";
    const toRun = href && value && (name === "quarantined" || name === "suspects");
    if (name === "held" && value) return h("td", { class: "num mind" }, heldLink(pair, number(value)));
    const shown = toRun ? h("a", { href, title: word("runs.open") }, number(value)) : number(value);
    return h("td", { class: `num ${look}` }, shown, name === "leases_created" && otherLeases(counts));
  });
}

function row(item) {
  const last = item.history.at(-1);
  return h(
    "tr",
    {},
    h(
      "td",
      { class: "nowrap" },
      h("a", { href: `?pair=${encodeURIComponent(item.pair.dag_id)}`, class: "strong" }, item.pair.dag_id),
      item.pair.paused && h("span", { class: "badge is-paused" }, word("paused")),
    ),
    h("td", {}, badge("run", last?.state ?? "never")),
    h("td", { class: "words" }, last ? (last.window ? stretch(last.window) : h("span", { class: "quiet" }, word(`kind.${last.kind}`))) : ""),
    countCells(last?.counts, COUNTS, item.pair.dag_id),
    h("td", { class: "words" }, lagText(item.lag)),
    h("td", {}, spark(item.history)),
  );
}

function link(query, changes) {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "" || value === 0) next.delete(name);
    else next.set(name, value);
  }
  return `?${next}`;
}

function filters(query, summary) {
  const state = query.get("state") ?? "";
  const all = Object.values(summary).reduce((sum, count) => sum + count, 0);
  const chip = (name, label, count) =>
    h(
      "a",
      { class: `chip ${state === name ? "on" : ""} ${name ? `is-${name}` : ""}`, href: link(query, { state: name, page: 0 }) },
      `${label} `,
      h("b", {}, number(count)),
    );
  return h(
    "div",
    { class: "filters" },
    chip("", word("pairs.all"), all),
    ["failed", "running", "success", "never"].map((name) =>
      summary[name] || state === name ? chip(name, word(`run.${name}`), summary[name] ?? 0) : null,
    ),
    h(
      "form",
      { class: "inline", action: "./", method: "get" },
      state && h("input", { type: "hidden", name: "state", value: state }),
      h("input", {
        name: "search",
        type: "search",
        value: query.get("search") ?? "",
        placeholder: word("pairs.search"),
        "aria-label": word("pairs.search"),
      }),
    ),
  );
}

export function pager(query, page, more, before = "previous", after = "next") {
  if (!page && !more) return null;
  return h(
    "nav",
    { class: "pager" },
    page > 0 && h("a", { class: "button", href: link(query, { page: page - 1 }) }, word(before)),
    more && h("a", { class: "button", href: link(query, { page: page + 1 }) }, word(after)),
  );
}

export async function overview(query) {
  const page = Number(query.get("page") ?? 0);
  const found = await read("api/pairs", {
    search: query.get("search") ?? "",
    state: query.get("state") ?? "",
    page,
  });
  const filtered = query.get("search") || query.get("state");
  const parts = [
    found.retention
      ? h("p", { class: "notice bad", role: "alert" }, word(`retention.${found.retention}`))
      : null,
    h("p", { class: "quiet hint" }, word("find.hint")),
    found.held ? h("p", { class: "notice held" }, heldLink("", word("held.link", { count: number(found.held) }))) : null,
    h("h2", {}, word("pairs.title")),
  ];
  if (!found.total && !filtered) return [...parts, h("p", { class: "notice" }, word("pairs.none"))];
  const table = h(
    "div",
    { class: "card scroll" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", {}, word("col.pair")),
          h("th", {}, word("col.last_run")),
          h("th", {}, word("col.window")),
          COUNTS.map(countHeading),
          h("th", {}, word("col.lag")),
          h("th", {}, word("col.chart", { count: 30 })),
        ),
      ),
      h("tbody", {}, found.pairs.map(row)),
    ),
  );
  const more = (page + 1) * found.size < found.total;
  return [
    ...parts,
    filters(query, found.summary),
    found.total ? table : h("p", { class: "notice" }, word("pairs.none_match")),
    pager(query, page, more),
  ];
}
