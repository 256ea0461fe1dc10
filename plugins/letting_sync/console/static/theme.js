// Light or dark as the Airflow UI around us is: its root element has the class, its choice is in localStorage.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let outer = null;
  try {
    if (parent !== window) outer = parent.document.documentElement;
  } catch {
    outer = null; // framed by another origin
  }
  function stored() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  }
  function isDark() {
    if (outer && outer.classList.contains("dark")) return true;
    if (outer && outer.classList.contains("light")) return false;
    const theme = stored();
    return theme === "dark" || (theme !== "light" && system.matches);
  }
  function apply() {
    root.dataset.theme = isDark() ? "dark" : "light";
  }
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  if (outer) new MutationObserver(apply).observe(outer, { attributes: true, attributeFilter: ["class"] });
})();
