// Notifications in this browser: which state they are in, on and off. The page's own forms do the rest.
const IPHONE = /iPhone|iPad|iPod/;

function isInstalled() {
  return matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;
}

function isIphone() {
  return IPHONE.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
}

function isAble() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function isSameKey(subscription, key) {
  const used = subscription.options?.applicationServerKey;
  return !used || String(new Uint8Array(used)) === String(bytes(key));
}

async function markOf(subscription) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subscription.endpoint));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function current() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return registration ? registration.pushManager.getSubscription() : null;
}

// The list's own row of this browser; a subscription that the list does not know is somebody else's or forgotten.
async function rowOf(box, subscription) {
  const mark = subscription && isSameKey(subscription, box.dataset.push) ? await markOf(subscription) : "";
  return mark ? box.querySelector(`[data-device="${mark}"]`) : null;
}

function show(box, state) {
  box.querySelectorAll("[data-state]").forEach((part) => { part.hidden = part.dataset.state !== state; });
}

async function look(box) {
  if (!isAble()) return show(box, isIphone() && !isInstalled() ? "iphone" : "unable");
  if (Notification.permission === "denied") return show(box, "blocked");
  const row = await rowOf(box, await current());
  row?.querySelector("[data-this]")?.removeAttribute("hidden");
  show(box, row ? "on" : "off");
}

async function subscribe(key) {
  await navigator.serviceWorker.register("/worker.js", { scope: "/" });
  const { pushManager } = await navigator.serviceWorker.ready;
  const old = await pushManager.getSubscription();
  if (old && !isSameKey(old, key)) await old.unsubscribe();
  return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
}

async function turnOn(box) {
  if (await Notification.requestPermission() !== "granted") return look(box);
  try {
    const subscription = await subscribe(box.dataset.push);
    const form = box.querySelector("form[data-turn-on]");
    form.elements.subscription.value = JSON.stringify(subscription);
    form.requestSubmit();
  } catch {
    show(box, "failed");  // the browser cannot reach its push service, or has none
  }
}

async function turnOff(box) {
  const subscription = await current();
  const row = await rowOf(box, subscription);
  await subscription?.unsubscribe();
  const registration = await navigator.serviceWorker.getRegistration("/");
  await registration?.unregister();
  row?.querySelector("form").requestSubmit();
}

// A button says that it is busy until the page is another one, or says why not.
async function press(button, act) {
  button.setAttribute("aria-busy", "true");
  try {
    await act();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

export function watchPush() {
  const box = document.querySelector("[data-push]");
  if (!box) return;
  box.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-turn]");
    if (button) press(button, () => button.dataset.turn === "on" ? turnOn(box) : turnOff(box));
  });
  look(box).catch(() => show(box, "failed"));
}
