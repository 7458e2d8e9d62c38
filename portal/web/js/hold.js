// The hold line runs by the server's clock: the page says when the server drew it, we add what has passed since.
import { fill, say } from "./say.js";

const SOON = 120;
const drawn = new WeakMap();
let ticking = 0;
let hadFocus = "";

function remaining(hold) {
  if (!drawn.has(hold)) drawn.set(hold, Date.parse(hold.dataset.now) - Date.now());
  const now = Date.now() + drawn.get(hold);
  return Math.max(0, Math.ceil((Date.parse(hold.dataset.deadline) - now) / 1000));
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function once(hold, name, act) {
  if (hold.dataset[name]) return;
  hold.dataset[name] = "1";
  act();
}

function renew(hold) {
  say(hold.dataset.wordsOver);
  const url = hold.dataset.renew || location.href;
  if (!window.htmx || !hold.id) return location.assign(url);
  return window.htmx.ajax("GET", url, { target: `#${hold.id}`, swap: "outerHTML", select: `#${hold.id}` });
}

// The answer must bring a hold line of its own; when it does not, the whole page tells why.
function onBeforeSwap(event) {
  const hold = event.detail.target;
  hadFocus = hold.matches?.("[data-hold]") && hold.contains(document.activeElement) ? hold.id : "";
  if (!hold.matches?.("[data-hold]") || event.detail.serverResponse.includes(`id="${hold.id}"`)) return;
  event.detail.shouldSwap = false;
  location.reload();
}

// The pressed button is gone with its line: the line that came instead takes the focus.
function keepFocus() {
  const hold = document.activeElement === document.body && hadFocus && document.getElementById(hadFocus);
  hadFocus = "";
  if (!hold) return;
  hold.tabIndex = -1;
  hold.focus();
}

// A time that ran out under what was typed: the nearest one is another page, and in this tab the words go along, once.
const TYPED = ["id_comment", "id_referral"];

function takeAlong(event) {
  if (!event.target.closest?.("#hold")) return;
  TYPED.forEach((id) => {
    const field = document.getElementById(id);
    if (field?.value) sessionStorage.setItem(id, field.value);
  });
}

function bringBack() {
  TYPED.forEach((id) => {
    const field = document.getElementById(id);
    if (field && !field.value) field.value = sessionStorage.getItem(id) ?? "";
    if (field || !document.querySelector("[data-hold]")) sessionStorage.removeItem(id);
  });
}

function draw(hold) {
  const left = remaining(hold);
  const words = hold.querySelector("[data-left]");
  const line = hold.querySelector("progress");
  if (words) words.textContent = fill(hold.dataset.wordsLeft, { time: clock(left) });
  if (line) line.value = left;
  hold.querySelectorAll("[data-soon]").forEach((part) => { part.hidden = left > SOON; });
  if (left <= SOON && left > 0) once(hold, "saidSoon", () => say(hold.dataset.wordsSoon));
  if (left === 0) once(hold, "isOver", () => renew(hold));
}

function tick() {
  document.querySelectorAll("[data-hold]").forEach(draw);
}

export function watchHold() {
  const start = () => {
    tick();
    if (!ticking && document.querySelector("[data-hold]")) ticking = setInterval(tick, 1000);
  };
  start();
  bringBack();
  document.addEventListener("submit", takeAlong, true);
  document.addEventListener("htmx:beforeSwap", onBeforeSwap);
  document.addEventListener("htmx:afterSettle", start);
  document.addEventListener("htmx:afterSettle", keepFocus);
  document.addEventListener("visibilitychange", tick);
  addEventListener("pageshow", tick);
}
