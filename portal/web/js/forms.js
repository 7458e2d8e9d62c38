// A pressed button says it is busy; a second press within a few seconds is swallowed, a retry after that is not.
const PATIENCE = 8000;

function free(form) {
  delete form.dataset.sent;
  form.querySelectorAll("[aria-busy=true]").forEach((button) => button.removeAttribute("aria-busy"));
}

function freeAll() {
  document.querySelectorAll("form[data-sent]").forEach(free);
}

function onSubmit(event) {
  const form = event.target;
  if (event.defaultPrevented && !form.hasAttribute("hx-post")) return;
  const sent = Number(form.dataset.sent || 0);
  if (sent && Date.now() - sent < PATIENCE) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.sent = String(Date.now());
  if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  setTimeout(() => free(form), PATIENCE);
}

function showNoConnection() {
  const box = document.getElementById("net");
  if (!box) return;
  box.innerHTML = "";
  const words = document.createElement("div");
  words.className = "notice notice--bad";
  words.setAttribute("role", "alert");
  words.append(Object.assign(document.createElement("b"), { textContent: box.dataset.text }));
  box.append(words);
  box.hidden = false;
}

function focusFirstError(root) {
  const summary = root.querySelector("[data-focus]") || root.querySelector("[aria-invalid=true]");
  if (summary) summary.focus();
}

export function watchForms() {
  document.addEventListener("submit", onSubmit, true);
  addEventListener("pageshow", freeAll);
  document.addEventListener("htmx:afterRequest", freeAll);
  document.addEventListener("htmx:afterSettle", (event) => focusFirstError(event.target));
  document.addEventListener("htmx:sendError", showNoConnection);
  document.addEventListener("htmx:timeout", showNoConnection);
  document.addEventListener("htmx:afterOnLoad", () => { document.getElementById("net")?.setAttribute("hidden", ""); });
  focusFirstError(document);
}
