// Held offers and open questions, of one pair or of all: why, since when, who else, what to do; re-processed from here.
import { coded, h, moment, number, outward, read, word } from "./dom.js";
import { findLink, replayAll } from "./attention.js";
import { pager } from "./overview.js";

const reasonOf = (offer) => (offer.acceptance === "awaiting" ? "question" : offer.acceptance_reason);
const wordOf = (reason) => (reason === "question" ? word("held.question") : coded("reason", reason));

/** The entries that have to do with one, each with a link to its page. */
export function related(all) {
  return all.map((other) =>
    h(
      "div",
      {},
      findLink(other.external_id),
      h("span", { class: "quiet" }, ` ${word(`related.${other.relation}`)}`),
      other.relation === "other_unit" || other.relation === "together" ? h("span", { class: "quiet" }, ` ${other.unit}`) : "",
      other.lease_number && h("span", { class: "quiet" }, ` · ${word("related.lease", { lease: other.lease_number })}`),
    ),
  );
}

/** Link to the list, of a pair or of all. */
export function heldLink(pair, ...text) {
  return h("a", { href: `?held=${encodeURIComponent(pair)}` }, ...text);
}

function filters(pair, reason, found) {
  const nobody = new Set(found.needs_nobody);
  const needs = Object.entries(found.counts).reduce((sum, [code, count]) => sum + (nobody.has(code) ? 0 : count), 0);
  const chip = (code, label, count) =>
    h(
      "a",
      {
        class: `chip ${reason === code ? "on" : ""}`,
        href: `?held=${encodeURIComponent(pair)}${code ? `&reason=${encodeURIComponent(code)}` : ""}`,
        "aria-current": reason === code ? "true" : null,
      },
      `${label} `,
      h("b", {}, number(count)),
    );
  const codes = Object.keys(found.counts).sort((a, b) => nobody.has(a) - nobody.has(b) || found.counts[b] - found.counts[a]);
  return h(
    "nav",
    { class: "filters", "aria-label": word("col.reason") },
    chip("", word("held.needs"), needs),
    codes.map((code) => chip(code, wordOf(code), found.counts[code])),
  );
}

function table(found, all) {
  const boxes = new Map();
  const chosen = () => {
    const ids = new Map();
    for (const [box, offer] of boxes) {
      if (!box.checked) continue;
      const some = ids.get(offer.pair) ?? [];
      if (!some.includes(offer.external_id)) ids.set(offer.pair, [...some, offer.external_id]);
    }
    return ids;
  };
  const action = replayAll(chosen, found.may_start.length > 0, found.paused, (count) =>
    count ? word("held.choose", { count: number(count) }) : word("held.nothing"),
  );
  const tick = (offer) => {
    const may = found.may_start.includes(offer.pair);
    const box = h("input", { type: "checkbox", disabled: !may, onchange: action.update, "aria-label": offer.external_id });
    if (may) boxes.set(box, offer);
    return box;
  };
  const every = h("input", { type: "checkbox", "aria-label": word("pairs.all"), disabled: !found.may_start.length });
  every.addEventListener("change", () => {
    for (const box of boxes.keys()) box.checked = every.checked;
    action.update();
  });
  const row = (offer) =>
    h(
      "tr",
      {},
      h("td", { class: "tick" }, tick(offer)),
      h("td", {}, findLink(offer.external_id)),
      all && h("td", { class: "nowrap" }, heldLink(offer.pair, offer.pair)),
      h("td", { class: "nowrap" }, offer.unit),
      h("td", { class: "nowrap" }, offer.offer_number ?? ""),
      h("td", { title: reasonOf(offer) }, wordOf(reasonOf(offer))),
      h("td", { class: "words" }, h("time", { datetime: offer.since }, moment(offer.since))),
      h("td", {}, related(offer.related)),
      h("td", { class: "words" }, coded("todo", reasonOf(offer)), question(offer)),
    );
  const heads = ["external_id", ...(all ? ["pair"] : []), "unit", "offer", "reason", "since", "related", "todo"];
  return [
    h(
      "div",
      { class: "card scroll" },
      h(
        "table",
        { class: "compact" },
        h("thead", {}, h("tr", {}, h("th", { class: "tick" }, every), heads.map((name) => h("th", { scope: "col" }, word(`col.${name}`))))),
        h("tbody", {}, found.offers.map(row)),
      ),
    ),
    action.box,
  ];
}

function question(offer) {
  if (offer.acceptance !== "awaiting") return null;
  const path = `/dags/${encodeURIComponent(offer.pair)}/runs/${encodeURIComponent(offer.acceptance_run)}/required_actions`;
  return [" ", outward(path, word("held.answer"))];
}

export async function heldPage(query) {
  const pair = query.get("held");
  const reason = query.get("reason") ?? "";
  const page = Number(query.get("page") ?? 0);
  const found = await read("api/held", { pair, reason, page });
  return [
    h("p", {}, h("a", { href: "./" }, `← ${word("back")}`), pair ? [" · ", h("a", { href: `?pair=${encodeURIComponent(pair)}` }, pair), " · ", heldLink("", word("held.all_pairs"))] : ""),
    h("h2", {}, pair ? word("held.of", { pair }) : word("held.title")),
    h("p", { class: "quiet" }, word("held.hint")),
    filters(pair, reason, found),
    found.offers.length ? table(found, !pair) : h("p", { class: "notice" }, word("held.none")),
    pager(query, page, found.more),
  ];
}
