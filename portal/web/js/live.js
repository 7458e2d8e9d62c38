// Free times change while a person looks at them. The page listens (EventSource); when it cannot, it asks every 15 s.
const POLL = 15000;
const TOGETHER = 300;
let source = null;
let listening = "";
let polling = 0;
let soon = 0;

function part() {
  return document.querySelector("[data-live]");
}

function isBusy(element) {
  return element.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")
    || element.querySelector("[aria-busy=true]") !== null;
}

function refresh() {
  const element = part();
  if (!element || document.hidden || isBusy(element) || !window.htmx) return;
  window.htmx.ajax("GET", element.dataset.refresh || location.href, { target: `#${element.id}`, swap: "outerHTML" });
}

function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(refresh, TOGETHER);
}

function poll(isOn) {
  clearInterval(polling);
  polling = isOn ? setInterval(refresh, POLL) : 0;
}

function stop() {
  source?.close();
  source = null;
  listening = "";
  poll(false);
}

function listen(url) {
  stop();
  listening = url;
  if (!window.EventSource) return poll(true);
  source = new EventSource(url);
  source.addEventListener("open", () => poll(false));
  source.addEventListener("message", refreshSoon);
  source.addEventListener("slots", refreshSoon);
  source.addEventListener("error", () => { if (!polling) poll(true); });
}

function follow() {
  const url = part()?.dataset.live || "";
  if (url && url !== listening) listen(url);
  if (!url && listening) stop();
}

export function watchLive() {
  follow();
  document.addEventListener("htmx:afterSettle", follow);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refreshSoon(); });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", follow);
}
