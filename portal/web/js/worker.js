// The service worker: shows a notification, tells that it was shown, opens the account when it is pressed.
// It keeps nothing and stands between no page and the network. The words come with the message, in the person's language.
const ACCOUNT = "/me/";
const SHOWN = "/push/shown/";
const TRIES = [0, 2000, 10000];

function read(data) {
  try {
    const { id, title, text } = data.json();
    if ([id, title, text].every((part) => typeof part === "string")) return { id, title, text };
  } catch {
    // said below
  }
  return { id: "", title: self.location.host, text: "" };  // a browser punishes a push that shows nothing
}

// A repeat carries the same id, so it takes the place of the one before it.
async function show({ id, title, text }) {
  await self.registration.showNotification(title, { body: text, tag: id || "unreadable", icon: "/static/look/mark-192.png" });
  if (id) await tell(id);
}

async function tell(id) {
  for (const pause of TRIES) {
    await new Promise((go) => setTimeout(go, pause));
    if (await isTold(id)) return;
  }
}

async function isTold(id) {
  try {
    const body = new URLSearchParams({ id });
    const answer = await fetch(SHOWN, { method: "POST", body, credentials: "omit", redirect: "error" });
    return answer.status < 500;
  } catch {
    return false;
  }
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", (event) => event.waitUntil(show(read(event.data))));

// A window of its own: a page that is open may hold what somebody has typed.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(ACCOUNT));
});
