// Free times change while a person looks at them. The page listens (EventSource); when it cannot, it asks every 15 s.
import { fill } from "./say.js";

const POLL = 15000;
const AGAIN = 60000;
const TOGETHER = 300;
let source = null;
let listening = "";
let polling = 0;
let soon = 0;
let later = 0;
let wanted = null;
let latest = null;
let hasMissed = false;
let hadFocus = false;

function part() {
  return document.querySelector("[data-live]");
}

function isBusy(element) {
  return element.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")
    || element.querySelector("[aria-busy=true]") !== null;
}

function refresh() {
  const element = part();
  if (!element || document.hidden || latest || isBusy(element) || !window.htmx) return;
  const url = element.dataset.refresh || location.href;
  window.htmx.ajax("GET", url, { source: element, target: `#${element.id}`, swap: "outerHTML" }).catch(() => {});
}

// Answers come in any order. What was asked last is what is wanted, even if it has to wait for its turn.
function onAsked(event) {
  if (event.detail.target?.id === "picker") wanted = event.detail.elt;
}

function onBeforeRequest(event) {
  if (event.detail.target?.id !== "picker") return;
  latest = event.detail.xhr;
  latest.addEventListener("loadend", onAnswered);
}

function onBeforeOnLoad(event) {
  if (event.detail.target?.id === "picker" && event.detail.elt !== wanted) event.preventDefault();
}

function onAnswered(event) {
  if (event.target !== latest) return;
  latest = null;
  if (hasMissed) refreshSoon();
  hasMissed = false;
}

// Most news is about another day or service: a short answer tells whether the times shown are still the free ones.
async function refreshIfChanged() {
  const element = part();
  if (!element || document.hidden) return;
  if (latest) { hasMissed = true; return; }  // what is on its way may have been written before this news
  const free = element.dataset.times && await freeTimes(element.dataset.times);
  if (latest) { hasMissed = true; return; }
  if (part() !== element || isBusy(element)) return;  // another day was opened meanwhile; or the form is on its way
  if (!free || strikeOut(element, free)) refresh();
}

async function freeTimes(url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    return answer.ok && (await answer.json()).times.map((time) => Date.parse(time.start));
  } catch {
    return false;
  }
}

// Whether anything has changed. What is taken says so at once, before the days around it have been asked for.
function strikeOut(element, free) {
  const shown = [...element.querySelectorAll("button.time:enabled")];
  const isFree = (chip) => free.includes(Date.parse(chip.value.split("|")[1]));
  const gone = shown.filter((chip) => !isFree(chip));
  gone.filter((chip) => chip !== document.activeElement).forEach((chip) => markGone(chip, element));
  return gone.length > 0 || free.length !== shown.length;
}

function markGone(chip, element) {
  chip.type = "button";
  chip.disabled = true;
  chip.setAttribute("aria-label", fill(element.dataset.wordsTaken, { time: chip.querySelector("time")?.textContent ?? "" }));
}

function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(refreshIfChanged, TOGETHER);
}

function poll(isOn) {
  if (isOn === Boolean(polling)) return;
  clearInterval(polling);
  polling = isOn ? setInterval(refreshIfChanged, POLL) : 0;
}

function stop() {
  source?.close();
  source = null;
  listening = "";
  clearTimeout(later);
  poll(false);
}

function onError() {
  poll(true);
  if (source?.readyState !== EventSource.CLOSED) return;
  const url = listening;
  later = setTimeout(() => listen(url), AGAIN);
}

function listen(url) {
  stop();
  listening = url;
  if (!window.EventSource) return poll(true);
  source = new EventSource(url);
  source.addEventListener("open", () => poll(false));
  source.addEventListener("message", refreshSoon);
  source.addEventListener("resync", refreshSoon);
  source.addEventListener("error", onError);
}

function follow() {
  const url = part()?.dataset.live || "";
  if (url && url !== listening) listen(url);
  if (!url && listening) stop();
}

// A time that went away while the page was open stays in its place, struck out: the others do not move under a finger.
function keepPlaces(before, after) {
  if (before.dataset.refresh !== after.dataset.refresh) return;
  before.querySelectorAll(".time[id]").forEach((old) => {
    if (after.querySelector(`#${CSS.escape(old.id)}`)) return;
    const label = old.closest("[role=group]")?.querySelector(".part")?.textContent;
    const group = [...after.querySelectorAll("[role=group]")].find((one) => one.querySelector(".part")?.textContent === label);
    if (!group) return;
    const gone = old.cloneNode(true);
    markGone(gone, before);
    const next = [...group.querySelectorAll(".time[id]")].find((one) => one.id > old.id);
    group.querySelector(".times").insertBefore(gone, next ?? null);
  });
}

function onBeforeSwap(event) {
  const before = event.detail.target;
  hadFocus = Boolean(before.matches?.("[data-live]") && before.contains(document.activeElement));
  if (event.detail.requestConfig?.elt !== before || !before.matches?.("[data-live]")) return;
  if (event.detail.xhr.status >= 400) { event.detail.shouldSwap = false; return; }  // a hiccup is no reason to lose the page
  const template = document.createElement("template");
  template.innerHTML = event.detail.serverResponse;
  const after = template.content.querySelector("[data-live]");
  if (!after) return;
  keepPlaces(before, after);
  event.detail.serverResponse = after.outerHTML;
}

// What had the focus may be gone (no earlier week, the nearest day reached): the day now shown takes it.
function keepFocus() {
  const isLost = hadFocus && document.activeElement === document.body;
  hadFocus = false;
  if (isLost) part()?.querySelector(".days [aria-current]")?.focus({ preventScroll: true });
}

export function watchLive() {
  follow();
  document.addEventListener("htmx:confirm", onAsked);
  document.addEventListener("htmx:beforeRequest", onBeforeRequest);
  document.addEventListener("htmx:beforeOnLoad", onBeforeOnLoad);
  document.addEventListener("htmx:beforeSwap", onBeforeSwap);
  document.addEventListener("htmx:afterSettle", follow);
  document.addEventListener("htmx:afterSettle", keepFocus);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refreshSoon(); });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", follow);
}
