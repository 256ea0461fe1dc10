// Small helpers. Texts only ever become text nodes, so nothing that a record holds can turn into markup.
import { leave, logIn } from "./login.js";

const SVG = "http://www.w3.org/2000/svg";

export const settings = { language: "en", described_in: "en", words: {}, zone: "Europe/Berlin", airflow: "" };

/** The word for a key, with `{{name}}` filled in; an unknown key is shown as its last part. */
export function word(key, values = {}) {
  const text = settings.words[key] ?? key.slice(key.indexOf(".") + 1);
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The word for a code, or nothing for nothing. */
export function coded(group, code) {
  return code ? word(`${group}.${code}`) : "";
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") element.append(child);
  }
  return element;
}

/** An HTML element; children are elements or texts. */
export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** How dates and numbers are written. */
export const locale = () => (settings.language === "de" ? "de-DE" : "en-GB");

const formats = new Map();
function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat(locale(), { timeZone: settings.zone, ...options }));
  }
  return formats.get(key);
}

/** A time in the pairs' zone. */
export function moment(iso, seconds = false) {
  if (!iso) return "";
  const options = { day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
  return format(seconds ? { ...options, second: "2-digit" } : options).format(new Date(iso));
}

/** A text whose line is never broken. */
const whole = (text) => text.replaceAll(" ", "\u00a0");

/** From one time to another; in a narrow column the line breaks between the two and nowhere else. */
const fromTo = (start, end) => `${whole(start)}\u00a0– ${whole(end)}`;

/** A window in as few words as it takes: whole days have no hours. */
export function stretch(window) {
  if (!window) return h("span", { class: "quiet" }, word("window.none"));
  const [start, end] = window.map((iso) => new Date(iso));
  const hours = format({ hour: "2-digit", minute: "2-digit", hour12: false });
  const midnight = (date) => ["00:00", "24:00"].includes(hours.format(date));
  if (midnight(start) && midnight(end)) {
    const day = format({ weekday: "short", day: "2-digit", month: "short", year: "numeric" });
    const last = new Date(end.getTime() - 1);
    return day.format(start) === day.format(last)
      ? whole(day.format(start))
      : fromTo(day.format(start), day.format(last));
  }
  return fromTo(moment(window[0]), moment(window[1]));
}

/** A length of time in its largest two units. */
export function age(seconds) {
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const written = (count, unit) =>
    new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }).format(count);
  if (days) return written(days, "day") + (hours ? ` ${written(hours, "hour")}` : "");
  return hours ? written(hours, "hour") : written(minutes, "minute");
}

export function number(value) {
  return value === null || value === undefined
    ? ""
    : Number(value).toLocaleString(locale());
}

export function badge(group, state) {
  return h("span", { class: `badge is-${state}` }, word(`${group}.${state}`));
}

/** A link to a page of Airflow itself, which must open around this frame and not inside it. */
export function outward(path, ...children) {
  const href = settings.airflow + path;
  const onclick = (event) => {
    if (parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    leave(href);
  };
  return h("a", { href, onclick, class: "outward" }, ...children);
}

export function runLink(dagId, runId, ...children) {
  const path = `/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}`;
  return outward(path, ...(children.length ? children : [runId]));
}

/** Where Airflow is served, derived from where this page is. */
const root = () => location.pathname.replace(/\/prospects\/.*$/, "");

/**
 * Call Airflow's own REST API: its permissions, its audit log, the user's own log-in.
 * @throws an error with Airflow's reason.
 */
export async function airflow(path, body) {
  const response = await fetch(`${settings.airflow}/api/v2${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    credentials: "same-origin",
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) logIn(settings.airflow);
  if (!response.ok) throw new Error(typeof answer.detail === "string" ? answer.detail : String(response.status));
  return answer;
}

/** The address under which the whole Airflow UI shows this page, to be sent to somebody. */
export function sharedAddress() {
  return `${location.origin}${settings.airflow}/plugin/prospects${location.pathname}${location.search}`;
}

/** Read from the console's own app; a failure becomes an error with the word for it. */
export async function read(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const response = await fetch(path + (query ? `?${query}` : ""), {
    headers: { Accept: "application/json" },
    credentials: "same-origin",
  });
  if (response.status === 401) logIn(settings.airflow || root());
  if (!response.ok) {
    const known = `error.${response.status}` in settings.words;
    throw new Error(known ? word(`error.${response.status}`) : word("error.other", { status: response.status }));
  }
  return response.json();
}

/** A button that puts a text into the clipboard. */
export function copyButton(text, label = word("copy")) {
  const button = h("button", { type: "button" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https there is no clipboard, and the frame may not be given it: select, copy the old way.
      const area = h("textarea", { class: "offscreen" }, text);
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = word("copied");
  });
  return button;
}
