// The page: `?pair=`, `?held=`, `?find=` or the overview. Links are plain, so Airflow's address bar follows and can be shared.
import { copyButton, h, read, settings, sharedAddress, word } from "./dom.js";
import { overview } from "./overview.js";
import { pairPage } from "./pair.js";
import { findPage } from "./find.js";
import { heldPage } from "./held.js";

const main = document.getElementById("main");

function header(query) {
  return h(
    "header",
    {},
    h("h1", {}, h("a", { href: "./" }, word("title"))),
    h(
      "form",
      { class: "find", role: "search", action: "./", method: "get" },
      h("input", {
        name: "find",
        type: "search",
        required: true,
        maxlength: 250,
        value: query.get("find") ?? "",
        placeholder: word("find.label"),
        "aria-label": word("find.label"),
      }),
      h("button", { class: "primary" }, word("find.button")),
    ),
    copyButton(sharedAddress(), word("share")),
  );
}

async function content(query) {
  if (query.get("find")) return findPage(query.get("find"));
  if (query.has("held")) return heldPage(query);
  if (query.get("pair")) return pairPage(query);
  return overview(query);
}

/** The language of the Airflow UI around this page, which keeps its choice in localStorage. */
const LANGUAGE = "i18nextLng";
function languageOfAirflow() {
  try {
    return localStorage.getItem(LANGUAGE) ?? "";
  } catch {
    return "";
  }
}
addEventListener("storage", (event) => {
  if (event.key === LANGUAGE) location.reload();
});

async function show() {
  const query = new URLSearchParams(location.search);
  Object.assign(settings, await read("api/start", { language: languageOfAirflow() }));
  document.documentElement.lang = settings.language;
  document.title = word("title");
  const body = h("div", { class: "body" }, h("p", { class: "quiet" }, word("loading")));
  main.replaceChildren(header(query), body);
  try {
    body.replaceChildren(...[await content(query)].flat(Infinity).filter(Boolean));
  } catch (error) {
    body.replaceChildren(h("p", { class: "notice bad", role: "alert" }, error.message));
  }
  main.dataset.ready = "true";
}

show().catch((error) => {
  main.replaceChildren(h("p", { class: "notice bad", role: "alert" }, error.message));
  main.dataset.ready = "true";
});
