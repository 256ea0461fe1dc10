// One pair: lag, chart, calendar with the gaps, runs, and what of them needs a person.
import { age, airflow, badge, copyButton, h, locale, moment, number, outward, read, runLink, settings, stretch, word } from "./dom.js";
import { heldLink } from "./held.js";
import { chart } from "./chart.js";
import { countCells, countHeading, lagText, pager } from "./overview.js";
import { runSection } from "./attention.js";

const COUNTS = [
  "extracted", "offers_created", "already_there", "duplicates", "skipped",
  "quarantined", "leases_created", "held", "suspects",
];

function section(title, ...content) {
  return h("section", { class: "card" }, h("h3", {}, title), ...content);
}

function dayCell(day, dagId) {
  const date = new Date(`${day.date}T12:00:00Z`);
  const text = [
    date.toLocaleDateString(locale(), {
      weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC",
    }),
    word(`day.${day.state}`),
    day.total > 1 ? word("calendar.part", { loaded: day.loaded, total: day.total }) : "",
  ].filter(Boolean).join("\n");
  const first = day.date.endsWith("-01");
  const month = date.toLocaleDateString(locale(), { day: "numeric", month: "short", timeZone: "UTC" });
  const inner = [
    h("span", { class: "day-number" }, first ? month : String(Number(day.date.slice(8)))),
    day.total > 1 && h("span", { class: "day-part" }, `${day.loaded}/${day.total}`),
  ];
  const attributes = { class: `day is-${day.state}`, title: text, "aria-label": text.replaceAll("\n", ", ") };
  if (!day.run_id) return h("div", attributes, inner);
  const link = runLink(dagId, day.run_id, inner);
  for (const [name, value] of Object.entries(attributes)) link.setAttribute(name, value);
  return link;
}

function calendar(query, found) {
  const names = [...Array(7).keys()].map((i) =>
    new Date(Date.UTC(2024, 0, 1 + i)).toLocaleDateString(locale(), { weekday: "short", timeZone: "UTC" }),
  );
  const present = [...new Set(found.days.map((day) => day.state))];
  const weeks = Number(query.get("weeks") ?? 6);
  const other = (count) =>
    h("a", { class: `chip ${weeks === count ? "on" : ""}`, href: `?pair=${encodeURIComponent(found.pair.dag_id)}&weeks=${count}` }, String(count));
  return section(
    word("calendar.title"),
    h("p", { class: "quiet" }, word("calendar.hint")),
    h(
      "div",
      { class: "calendar" },
      names.map((name) => h("div", { class: "weekday" }, name)),
      found.days.map((day) => dayCell(day, found.pair.dag_id)),
    ),
    h(
      "div",
      { class: "legend" },
      present.map((state) => h("span", { class: "key" }, h("span", { class: `dot is-${state}` }), word(`day.${state}`))),
      h("span", { class: "key push" }, `${word("calendar.weeks")} `, other(6), other(13), other(26)),
    ),
  );
}

/** Starts the same backfill by Airflow's REST API, after one more question. */
function backfillButton(gap, mayStart) {
  const box = h("div", { class: "replay" });
  const button = h("button", { type: "button", disabled: !mayStart }, word("backfill.start"));
  const rest = (...told) => box.replaceChildren(button, ...told);
  const tell = (kind, text) => rest(h("span", { class: `notice ${kind}`, role: "status" }, text));
  button.addEventListener("click", () => {
    const yes = h("button", { type: "button", class: "primary" }, word("backfill.yes"));
    const no = h("button", { type: "button", onclick: () => rest() }, word("replay.no"));
    yes.addEventListener("click", async () => {
      yes.disabled = true;
      try {
        await airflow("/backfills", { ...gap.request, run_backwards: false, dag_run_conf: {}, max_active_runs: 1 });
        tell("good", word("backfill.started"));
      } catch (error) {
        tell("bad", word("backfill.failed", { reason: error.message }));
      }
    });
    box.replaceChildren(h("span", {}, word("backfill.ask", { pair: gap.request.dag_id })), yes, no);
    yes.focus();
  });
  rest(mayStart ? "" : h("span", { class: "quiet" }, word("replay.not_allowed")));
  return box;
}

function gaps(found) {
  if (!found.gaps.length) return section(word("gaps.title"), h("p", { class: "quiet" }, word("gaps.none")));
  const several = found.gaps.length > 1;
  const one = (gap, i) =>
    h(
      "div",
      { class: "gap" },
      h(
        "div",
        {},
        several && i === 0 ? h("b", {}, `${word("gaps.all")} · `) : null,
        `${stretch([gap.start, gap.end])} · `,
        word("gaps.count", { count: number(gap.intervals) }),
      ),
      h("div", { class: "command" }, h("code", {}, gap.command.split(" ").map((part) => [h("span", { class: "nowrap" }, part), " "])), copyButton(gap.command)),
      backfillButton(gap, found.may_start),
    );
  const rest = found.gaps.slice(1);
  return section(
    word("gaps.title"),
    h("p", { class: "quiet" }, word("gaps.hint")),
    one(found.gaps[0], 0),
    several && h("details", { open: rest.length <= 3 }, h("summary", {}, word("gaps.each")), rest.map((gap) => one(gap, 1))),
  );
}

/** What a run was asked for, where a person did. */
function asked(what) {
  const parts = [
    what.ids === 1 && word("asked.id", { id: what.id }),
    what.ids > 1 && word("asked.ids", { id: what.id, count: number(what.ids - 1) }),
    what.window && word("asked.window"),
    what.accept && word("asked.accept", { mode: what.accept }),
  ].filter(Boolean);
  return parts.length ? h("div", { class: "quiet small" }, parts.join(", ")) : null;
}

function runsTable(query, dagId, found) {
  const row = (run) =>
    h(
      "tr",
      { class: query.get("run") === run.run_id ? "selected" : "" },
      h("td", {}, badge("run", run.state)),
      h("td", { class: "words" }, word(`kind.${run.kind}`), asked(run.asked)),
      h("td", { class: "words" }, stretch(run.window)),
      countCells(run.counts, COUNTS, dagId, `?pair=${encodeURIComponent(dagId)}&run=${encodeURIComponent(run.run_id)}#run`),
      h(
        "td",
        {},
        h("span", { class: "nowrap" }, runLink(dagId, run.run_id, moment(run.started, true) || word("runs.waiting"))),
        h("div", { class: "quiet small" }, run.run_id),
      ),
    );
  const page = Number(query.get("page") ?? 0);
  return section(
    word("runs.title"),
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        { class: "compact" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["state", "kind", "window"].map((name) => h("th", {}, word(`col.${name}`))),
            COUNTS.map(countHeading),
            h("th", {}, word("col.run")),
          ),
        ),
        h("tbody", {}, found.runs.map(row)),
      ),
    ),
    pager(query, page, found.more, "newer", "older"),
  );
}

export async function pairPage(query) {
  const dagId = query.get("pair");
  const path = `api/pairs/${encodeURIComponent(dagId)}`;
  const [found, runs] = await Promise.all([
    read(path, { weeks: query.get("weeks") ?? 6 }),
    read(`${path}/runs`, { page: query.get("page") ?? 0 }),
  ]);
  const attention = [...found.history].reverse().find((run) => run.counts?.quarantined || run.counts?.suspects || run.kind === "dry_run");
  const chosen = query.get("run") ?? attention?.run_id;
  const { pair, lag } = found;
  return [
    h("p", {}, h("a", { href: "./" }, `← ${word("back")}`)),
    h(
      "div",
      { class: "title-row" },
      h("h2", {}, pair.dag_id),
      badge("run", pair.last_state ?? "never"),
      pair.paused && h("span", { class: "badge is-paused" }, word("paused")),
      h("span", { class: "push" }, outward(`/dags/${encodeURIComponent(pair.dag_id)}`, word("open_in_airflow"))),
    ),
    h("p", {}, heldLink(pair.dag_id, word("held.this_pair"))),
    pair.description && settings.language === settings.described_in && h("p", { class: "quiet" }, pair.description),
    h(
      "p",
      {},
      h("b", {}, `${word("col.lag")}: `),
      lagText(lag),
      lag.loaded_until && h("span", { class: "quiet" }, ` · ${word("lag.until", { time: moment(lag.loaded_until), age: age(lag.seconds) })}`),
    ),
    h("div", { class: "two" }, h("div", {}, calendar(query, found)), h("div", {}, section(word("chart.legend"), chart(found.history)), gaps(found))),
    chosen ? await runSection(pair, chosen, found.may_start) : null,
    runsTable(query, dagId, runs),
  ].filter(Boolean);
}
