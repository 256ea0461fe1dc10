// To Airflow's log-in and back. The frame's sandbox forbids leading the window elsewhere; the outer document may do it
// for itself.
function outer() {
  try {
    return parent.location.href ? parent : window;
  } catch {
    return window; // framed by another origin
  }
}

/** Open an address in the whole window. */
export function leave(href) {
  const link = outer().document.createElement("a");
  link.href = href;
  outer().document.body.append(link);
  link.click();
  link.remove();
}

/** Log in, and come back to where the whole window is now. */
export function logIn(airflow) {
  leave(`${airflow}/api/v2/auth/login?next=${encodeURIComponent(outer().location.href)}`);
}

const anonymous = document.querySelector("main[data-airflow]");
if (anonymous) {
  document.getElementById("login").addEventListener("click", () => logIn(anonymous.dataset.airflow));
  logIn(anonymous.dataset.airflow);
}
