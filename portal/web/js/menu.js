// The look menu acts at once and is remembered without leaving the page; the language reloads it.
function remember(form) {
  fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual", credentials: "same-origin" });
}

function onChange(event) {
  const form = event.target.closest("form[data-look]");
  if (!form) return;
  if (event.target.name === "lang") return form.requestSubmit();
  const root = document.documentElement;
  const theme = new FormData(form).get("theme");
  if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
  root.toggleAttribute("data-clear", form.elements.clear.checked);
  remember(form);
}

function closeOthers(event) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
}

export function watchLook() {
  document.addEventListener("change", onChange);
  document.addEventListener("click", closeOthers);
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
