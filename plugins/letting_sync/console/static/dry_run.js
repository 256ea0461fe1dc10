// What a dry run would do with each record: ids, units and reasons, and the protocol as a file.
import { coded, h, number, outward, settings, word } from "./dom.js";

const kindOf = (row) => row.kind ?? "earlier";

function cells(row) {
  const partner = row.kind === "created" ? row.business_partner ?? word("would.new") : "";
  return h(
    "tr",
    {},
    h("td", {}, row.external_id ? h("a", { href: `?find=${encodeURIComponent(row.external_id)}` }, row.external_id) : "–"),
    h("td", {}, row.unit ?? ""),
    h("td", {}, coded("would", kindOf(row)), row.load_reason && h("span", { class: "quiet" }, ` – ${coded("reason", row.load_reason)}`)),
    h("td", {}, partner),
    h("td", {}, coded("verdict", row.verdict), row.reason && h("span", { class: "quiet" }, ` – ${coded("reason", row.reason)}`)),
  );
}

/** Chips that show how many there are of each, and filter the table. */
function chips(rows, show) {
  const groups = new Map();
  const add = (key, label, test) => {
    const count = rows.filter(test).length;
    if (count) groups.set(key, { label, test, count });
  };
  add("", word("pairs.all"), () => true);
  for (const kind of ["created", "already_there", "duplicate", "quarantined", "skipped", "earlier"]) {
    add(`would.${kind}`, word(`would.${kind}`), (row) => kindOf(row) === kind);
  }
  for (const verdict of ["accept", "ask", "held", "leased"]) {
    add(`verdict.${verdict}`, word(`verdict.${verdict}`), (row) => row.verdict === verdict);
  }
  groups.get("").label = word("total");
  const buttons = [...groups].map(([key, { label, test, count }]) => {
    const button = h("button", { type: "button", class: "chip", "aria-pressed": String(key === "") }, `${label} `, h("b", {}, number(count)));
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      show(test);
    });
    return button;
  });
  return h("div", { class: "filters", role: "group", "aria-label": word("dry_run.filter") }, buttons);
}

export function dryRun(pair, runId, found, mayStart) {
  const body = h("tbody", {}, found.rows.map(cells));
  const show = (test) => body.replaceChildren(...found.rows.filter(test).map(cells));
  const path = `/prospects/api/pairs/${encodeURIComponent(pair.dag_id)}/protocol?language=${settings.language}&run_id=${encodeURIComponent(runId)}`;
  return [
    h("h4", {}, word("dry_run.title")),
    h("p", { class: "quiet" }, word("dry_run.hint")),
    h("p", {}, mayStart ? outward(path, word("dry_run.protocol")) : h("span", { class: "quiet" }, word("dry_run.protocol_not_allowed"))),
    found.rows.length ? chips(found.rows, show) : null,
    h(
      "div",
      { class: "scroll tall", tabindex: "0", role: "region", "aria-label": word("dry_run.title") },
      h(
        "table",
        { class: "compact" },
        h("thead", {}, h("tr", {}, ["external_id", "unit", "load", "partner", "verdict"].map((name) => h("th", { scope: "col" }, word(`col.${name}`))))),
        body,
      ),
    ),
    found.rows.length < found.total
      ? h("p", { class: "quiet" }, word("quarantine.shown", { shown: number(found.rows.length), total: number(found.total) }))
      : null,
  ];
}
