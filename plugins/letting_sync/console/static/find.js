// The life of one prospect: its entry in the ledger, and the events in words.
import { badge, coded, h, moment, number, read, runLink, stretch, word } from "./dom.js";
import { replay } from "./attention.js";
import { related } from "./held.js";

function event(entry, item, i, all) {
  const newRun = item.run_id && item.run_id !== all.slice(0, i).findLast((earlier) => earlier.run_id)?.run_id;
  const by = item.what === "held" && item.reference ? ` (${word("event.by", { reference: item.reference })})` : "";
  return h(
    "li",
    { class: `event is-${item.what.replaceAll(" ", "-")}` },
    h("time", { datetime: item.at }, moment(item.at, true)),
    h(
      "span",
      {},
      word(`event.${item.what}`, { reference: item.reference ?? "" }),
      item.reason && h("span", { title: item.reason }, ` – ${coded("reason", item.reason)}`),
      by,
      newRun && h("span", { class: "quiet" }, " · ", runLink(entry.pair, item.run_id)),
    ),
  );
}

function fact(name, ...value) {
  return value.flat().some(Boolean) ? [h("dt", {}, word(name)), h("dd", {}, ...value)] : [];
}

function card(entry) {
  const made = entry.business_partner_created;
  const partner = made === null ? "" : ` (${word(made ? "entry.partner_created" : "entry.partner_known")})`;
  const why = entry.acceptance_reason ?? entry.reason;
  return h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "title-row" },
      h("h3", {}, entry.external_id),
      badge("state", entry.state),
      entry.acceptance && badge("acceptance", entry.acceptance),
      h("span", { class: "push" }, h("a", { href: `?pair=${encodeURIComponent(entry.pair)}` }, entry.pair)),
    ),
    h(
      "dl",
      {},
      fact("entry.unit", entry.unit),
      fact("entry.offer", entry.offer_number),
      fact("entry.lease", entry.lease_number),
      fact("entry.partner", entry.business_partner_number, entry.business_partner_number ? partner : ""),
      fact("entry.why", coded("reason", why)),
      fact("entry.todo", entry.acceptance === "held" ? coded("todo", entry.acceptance_reason) : ""),
      fact("entry.related", related(entry.related)),
      fact("entry.chosen", word(entry.chosen ? "yes" : "no")),
      fact("entry.run", runLink(entry.pair, entry.run_id)),
      fact("entry.window", entry.window_start ? stretch([entry.window_start, entry.window_end]) : ""),
    ),
    h("h4", {}, word("entry.history")),
    entry.events.length >= 200 && h("p", { class: "quiet" }, word("find.more_events")),
    h("ol", { class: "timeline" }, entry.events.map((item, i, all) => event(entry, item, i, all))),
    !entry.lease_number &&
      replay({ dag_id: entry.pair, paused: false }, entry.may_start, () => [entry.external_id], () => word("replay.this")).box,
  );
}

function inRuns(text, pairs, found) {
  const result = h("div", {});
  const choice = h("select", {}, pairs.map((pair) => h("option", { value: pair }, pair)));
  const button = h("button", { type: "button" }, word("find.in_runs"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    const pair = choice.value;
    try {
      const answer = await read(`api/pairs/${encodeURIComponent(pair)}/prospect`, { q: text });
      result.replaceChildren(...traces(pair, answer));
    } catch (error) {
      result.replaceChildren(h("p", { class: "notice bad" }, error.message));
    }
    button.disabled = false;
  });
  return h(
    "section",
    { class: "card" },
    h("p", {}, word(found ? "find.further" : "find.not_loaded", { count: 30 })),
    h("div", { class: "replay" }, choice, button),
    result,
  );
}

function traces(pair, answer) {
  if (!answer.found.length) {
    return [h("p", { class: "quiet" }, word("find.in_runs_nothing", { pair, count: number(answer.searched) }))];
  }
  return [
    h("h4", {}, word("find.in_runs_found", { pair })),
    h(
      "ol",
      { class: "timeline" },
      answer.found.map(({ run, outcomes }) =>
        h(
          "li",
          { class: "event" },
          h("time", { datetime: run.started ?? "" }, moment(run.started)),
          h(
            "span",
            {},
            outcomes.map((item) => `${coded("outcome", item.kind)}${item.reason ? ` – ${coded("reason", item.reason)}` : ""}`).join("; "),
            h("span", { class: "quiet" }, " · ", runLink(pair, run.run_id), " · "),
            h("a", { href: `?pair=${encodeURIComponent(pair)}&run=${encodeURIComponent(run.run_id)}#run` }, word("runs.open")),
          ),
        ),
      ),
    ),
  ];
}

/** A prospect that is not in the ledger is replayed from here, too. */
function again(pair, mayStart, text) {
  return replay({ dag_id: pair, paused: false }, mayStart.includes(pair), () => [text], () => word("replay.this")).box;
}

export async function findPage(text) {
  const found = await read("api/prospects", { q: text });
  if (found.entries.length) {
    return [h("h2", {}, word("find.result", { text })), ...found.entries.map(card)];
  }
  const byPair = Map.groupBy(found.traces, (trace) => trace.pair);
  return [
    h("p", { class: "notice" }, word("find.nothing", { text })),
    byPair.size
      ? h(
          "section",
          { class: "card" },
          h("h3", {}, word("find.in_all")),
          [...byPair].map(([pair, some]) => [traces(pair, { found: some }), again(pair, found.may_start, text)]),
        )
      : null,
    found.pairs.length ? inRuns(text, found.pairs, byPair.size > 0) : "",
  ];
}
