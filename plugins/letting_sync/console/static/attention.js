// What needs a person: quarantine and suspects of a run, and the replay.
import { airflow, coded, h, number, read, runLink, word } from "./dom.js";
import { dryRun } from "./dry_run.js";

/** Start a run of a pair for some ids. */
async function start(dagId, ids, dry) {
  const conf = dry ? { external_ids: ids, dry_run: true } : { external_ids: ids };
  try {
    return await airflow(`/dags/${encodeURIComponent(dagId)}/dagRuns`, { logical_date: null, conf });
  } catch (error) {
    throw new Error(word("replay.failed", { reason: error.message }));
  }
}

/** A replay of one pair's prospects. */
export function replay(pair, mayStart, chosen, label) {
  const targets = () => (chosen().length ? new Map([[pair.dag_id, chosen()]]) : new Map());
  return replayAll(targets, mayStart, pair.paused ? [pair.dag_id] : [], label);
}

/**
 * A button that asks once more in the page (the frame may open no dialogs) and then starts a run of each pair.
 * `chosen` returns the ids by pair.
 */
export function replayAll(chosen, mayStart, paused, label) {
  const count = () => [...chosen().values()].reduce((sum, ids) => sum + ids.length, 0);
  const box = h("div", { class: "replay" });
  const button = h("button", { type: "button", class: "primary" }, label(count()));
  const update = () => {
    button.textContent = label(count());
    button.disabled = !mayStart || count() === 0;
  };
  const rest = () => box.replaceChildren(button, mayStart ? "" : h("span", { class: "quiet" }, word("replay.not_allowed")));
  const tell = (kind, ...content) => {
    box.append(h("span", { class: `notice ${kind}`, role: "status" }, ...content));
  };
  button.addEventListener("click", () => {
    const targets = chosen();
    const dry = h("input", { type: "checkbox" });
    const yes = h("button", { type: "button", class: "primary" }, word("replay.yes"));
    const no = h("button", { type: "button", onclick: rest }, word("replay.no"));
    yes.addEventListener("click", async () => {
      yes.disabled = true;
      rest();
      for (const [dagId, ids] of targets) {
        try {
          const run = await start(dagId, ids, dry.checked);
          const [before, after] = word("replay.started", { run: "\u0000" }).split("\u0000");
          tell("good", before, runLink(dagId, run.dag_run_id), after, paused.includes(dagId) ? ` ${word("replay.paused")}` : "");
        } catch (error) {
          tell("bad", error.message);
        }
      }
    });
    box.replaceChildren(
      h("span", {}, word("replay.ask", { pair: [...targets.keys()].join(", "), count: number(count()) })),
      h("label", {}, dry, ` ${word("replay.dry_run")}`),
      yes,
      no,
    );
  });
  update();
  rest();
  return { box, update };
}

export function findLink(text, missing = "") {
  return text ? h("a", { href: `?find=${encodeURIComponent(text)}` }, text) : h("span", { class: "quiet" }, missing);
}

function standing(state) {
  if (!state) return h("span", { class: "quiet" }, word("now.unknown"));
  const numbers = [state.offer_number, state.lease_number].filter(Boolean).join(" · ");
  return [
    coded("acceptance", state.acceptance) || coded("state", state.state),
    numbers && h("span", { class: "quiet" }, ` ${numbers}`),
  ];
}

function quarantine(pair, found, mayStart) {
  const title = h("h4", {}, word("quarantine.title"));
  if (!found.quarantine.length) return [title, h("p", { class: "quiet" }, word("quarantine.none"))];
  const boxes = [];
  const chosen = () => [...new Set(boxes.filter((box) => box.checked).map((box) => box.value))];
  const action = replay(pair, mayStart, chosen, (count) =>
    count ? word("replay.selected", { count: number(count) }) : word("replay.nothing"),
  );
  const tick = (id) => {
    const box = h("input", { type: "checkbox", value: id ?? "", disabled: !id || !mayStart, onchange: action.update, "aria-label": id });
    if (id) boxes.push(box);
    return box;
  };
  const all = h("input", { type: "checkbox", disabled: !mayStart, "aria-label": word("pairs.all") });
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    action.update();
  });
  const row = (item) =>
    h(
      "tr",
      {},
      h("td", { class: "tick" }, tick(item.external_id)),
      h("td", {}, findLink(item.external_id, word("quarantine.no_id"))),
      h(
        "td",
        { title: item.reason },
        coded("reason", item.reason),
        item.erp_text && h("div", { class: "quiet erp-text" }, word("quarantine.erp_text", { text: item.erp_text })),
      ),
      h("td", {}, coded("task", item.task)),
      h("td", {}, standing(found.states[item.external_id])),
    );
  const heads = ["external_id", "reason", "task", "now"].map((name) => h("th", {}, word(`col.${name}`)));
  return [
    title,
    h("p", { class: "quiet" }, word("quarantine.hint")),
    h(
      "div",
      { class: "scroll" },
      h("table", {}, h("thead", {}, h("tr", {}, h("th", { class: "tick" }, all), heads)), h("tbody", {}, found.quarantine.map(row))),
    ),
    shown(found.quarantine.length, found.quarantine_total),
    action.box,
  ];
}

function suspects(found) {
  const title = h("h4", {}, word("suspects.title"));
  if (!found.suspects.length) return [title, h("p", { class: "quiet" }, word("suspects.none"))];
  const row = (item) =>
    h(
      "tr",
      {},
      h("td", {}, findLink(item.external_id)),
      h("td", {}, item.other_partner ? `${word("entry.partner")} ${item.other_partner}` : findLink(item.other_external_id)),
      h("td", { class: "num" }, item.score === null ? "" : `${Math.round(item.score * 100)} %`),
      h("td", {}, item.reasons.map((reason) => coded("reason", reason)).join(", ")),
    );
  return [
    title,
    h("p", { class: "quiet" }, word("suspects.hint")),
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", {}, word("col.external_id")),
            h("th", {}, word("col.other")),
            h("th", { class: "num" }, word("col.score")),
            h("th", {}, word("col.reason")),
          ),
        ),
        h("tbody", {}, found.suspects.map(row)),
      ),
    ),
    shown(found.suspects.length, found.suspects_total),
  ];
}

function shown(count, total) {
  return count < total
    ? h("p", { class: "quiet" }, word("quarantine.shown", { shown: number(count), total: number(total) }))
    : null;
}

export async function runSection(pair, runId, mayStart) {
  const found = await read(`api/pairs/${encodeURIComponent(pair.dag_id)}/run`, { run_id: runId });
  const [before, after] = word("runs.of", { run: "\u0000" }).split("\u0000");
  return h(
    "section",
    { class: "card", id: "run" },
    h("h3", {}, before, runLink(pair.dag_id, runId), after),
    found.staged
      ? [found.dry_run && dryRun(pair, runId, found.dry_run, mayStart), quarantine(pair, found, mayStart), suspects(found)]
      : h("p", { class: "notice" }, word("staged.gone")),
  );
}
