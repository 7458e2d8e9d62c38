"""Notifications in a real Chromium with the real worker. Only the push service between is not real.

Chromium subscribes at a push service of its maker, which has to be reached over the network. So `PushManager.subscribe`
answers here with a subscription of the push service's double, and what the portal sent there is handed to the worker
by Chromium's own debugging protocol, which raises a real `push` event in it.
"""

from __future__ import annotations

import json
import time

import pytest
from django.conf import settings
from playwright.sync_api import expect

from portal.adapters.push.webpush import WebPushSender
from portal.kernel.ports import override_port
from portal.notifications import routes
from portal.notifications.ports import FakeEmail, FakeSms
from portal.notifications.tests.conftest import tell
from portal.scheduling.tests.conftest import book
from tests.cast import uid
from tests.contracts.processes import http, running
from tests.contracts.push_keys import OURS, SUBJECT, public_of, raw_of

TURN_ON = "Включить на этом устройстве"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
# The browser's part that needs the network; the rest of the page meets the real thing.
SUBSCRIBE = """
const given = %s;
const raw = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)).buffer;
const made = () => ({
  endpoint: given.endpoint,
  options: { applicationServerKey: raw(localStorage.subscribed) },
  toJSON: () => given,
  unsubscribe: async () => { delete localStorage.subscribed; return true; },
});
PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
  if (localStorage.fails) throw new DOMException("Registration failed", "AbortError");
  localStorage.subscribed = btoa(String.fromCharCode(...applicationServerKey));
  return made();
};
PushManager.prototype.getSubscription = async () => localStorage.subscribed ? made() : null;
"""
ANOTHER_KEY = """() => {
  localStorage.subscribed = localStorage.subscribed.replace(/^.{20}/, "BAAAAAAAAAAAAAAAAAAA");
}"""
DENIED = 'Object.defineProperty(Notification, "permission", { value: "denied" });'
ASKED = """
let said = "default";
Object.defineProperty(Notification, "permission", { get: () => said });
Notification.requestPermission = async () => { said = "denied"; return said; };
"""


@pytest.fixture
def browser(whole_browser):
    """Without windows Chromium shows no notifications."""
    return whole_browser


@pytest.fixture(scope="module")
def service():
    with running("doubles.push", sockets=("--fd",)) as double:
        yield double


@pytest.fixture
def gateways(service):
    """The real adapter and the push service's double; other messages stay in memory."""
    routes.forget()
    service.control("reset")
    push = WebPushSender(private_key=raw_of(OURS), subject=SUBJECT, extra_hosts=service.url)
    with override_port("push", push), override_port("sms", FakeSms()) as sms, override_port("email", FakeEmail()):
        yield sms


@pytest.fixture
def trusted(service, monkeypatch):
    """The form lets this machine's double through, as a setting does."""
    from portal import settings as typed

    monkeypatch.setattr(typed, "portal", typed.portal.model_copy(update={"push_extra_hosts": service.url}))


@pytest.fixture
def member(browser_page, client_of, site, gateways, trusted, service):
    """`member(width=390)`: Anna's page whose browser can subscribe; `may=False`: she has not allowed notifications."""

    def enter(*, may=True, prepare="", **options):
        page = browser_page(**options)
        session = client_of("anna").cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        if may:
            page.context.grant_permissions(["notifications"], origin=site)
        made = http.post(f"{service.url}/subscribe", json={"applicationServerKey": public_of(OURS)}).json()
        page.add_init_script(SUBSCRIBE % json.dumps(made) + prepare)
        page.goto("/me/messages/")
        return page

    return enter


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def turn_on(page):
    with page.expect_navigation(url="**/me/messages/"):
        button(page, TURN_ON).click()
    expect(page.get_by_text("включены в этом браузере")).to_be_visible()


@pytest.fixture
def book_and_tell(as_actor):
    def run():
        with as_actor("anna") as trail:
            visit = book(trail, "anna")
        tell({"appointment_id": visit.pk, "patient_id": uid("anna"), "recipient_id": uid("anna")})

    return run


# How many notifications the worker has brought up, without asking the browser which it shows: asked in the middle of
# bringing one up, Chromium takes it for a stale one and drops it.
COUNT = """() => {
  if (self.brought !== undefined) return self.brought;
  const show = self.registration.showNotification.bind(self.registration);
  self.brought = 0;
  self.registration.showNotification = (...what) => show(...what).then(() => { self.brought += 1; });
  return 0;
}"""


def hand_over(page, site, text):
    """What the push service would: the message, decrypted by the browser, to the worker that is there to take it.

    Returns when the worker has shown something.
    """
    protocol = page.context.new_cdp_session(page)
    seen = []
    protocol.on("ServiceWorker.workerVersionUpdated", lambda event: seen.extend(event["versions"]))
    protocol.send("ServiceWorker.enable")
    ready = until(page, lambda: [one["registrationId"] for one in seen if one["status"] == "activated"])
    (worker,) = page.context.service_workers
    before = worker.evaluate(COUNT)
    protocol.send("ServiceWorker.deliverPushMessage", {"origin": site, "registrationId": ready[-1], "data": text})
    until(page, lambda: worker.evaluate(COUNT) > before)
    protocol.detach()


def until(page, holds):
    deadline = time.monotonic() + 20
    while not (value := holds()):
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    return value


def shown(page):
    """The notifications that the browser shows now."""
    return page.evaluate("""async () => {
      const registration = await navigator.serviceWorker.getRegistration("/");
      const found = await registration.getNotifications();
      return found.map(({ title, body, tag }) => ({ title, body, tag }));
    }""")


@pytest.fixture
def states(database_url):
    import psycopg

    def ask(kind="booked"):
        with psycopg.connect(database_url("postgres")) as direct:
            rows = "SELECT channel, state FROM notifications_message WHERE kind = %s ORDER BY channel"
            return direct.execute(rows, [kind]).fetchall()

    return ask


def test_from_the_button_to_the_notification_and_back_to_the_portal(member, service, site, states, book_and_tell):
    page = member(width=390)
    turn_on(page)
    assert page.evaluate("navigator.serviceWorker.ready.then(r => new URL(r.scope).pathname)") == "/"
    book_and_tell()
    (sent,) = service.messages()
    assert ("push", "accepted") in states()
    hand_over(page, site, sent["text"])
    (found,) = shown(page)
    told = json.loads(sent["text"])
    assert found == {
        "title": "Есть новое сообщение",
        "body": "Откройте личный кабинет, чтобы прочитать.",
        "tag": told["id"],
    }
    until(page, lambda: ("push", "delivered") in states())  # the worker's word has come


def test_a_repeat_takes_the_place_of_the_notification_before(member, service, site, book_and_tell):
    page = member()
    turn_on(page)
    book_and_tell()
    (sent,) = service.messages()
    hand_over(page, site, sent["text"])
    shown(page)
    hand_over(page, site, sent["text"])
    assert len(shown(page)) == 1


@pytest.mark.parametrize("text", ["", "{", "5", "null", '{"title": 5}'])
def test_what_cannot_be_read_still_shows_something(member, site, text):
    """A browser takes the permission away from a page whose pushes show nothing."""
    page = member()
    turn_on(page)
    hand_over(page, site, text)
    (found,) = shown(page)
    assert found["title"] == site.removeprefix("http://")
    assert found["body"] == ""


def test_a_press_opens_the_account_in_a_window_of_its_own(member, site):
    page = member()
    turn_on(page)
    (worker,) = page.context.service_workers
    opened = worker.evaluate("""async () => {
      let opened = "";
      Object.defineProperty(self.clients, "openWindow", { value: async (address) => { opened = address; } });
      await self.registration.showNotification("x");
      const [notification] = await self.registration.getNotifications();
      self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
      await new Promise((go) => setTimeout(go, 100));
      return [opened, (await self.registration.getNotifications()).length];
    }""")
    assert opened == ["/me/", 0]


def test_it_is_turned_off_where_it_was_turned_on(member, service, states, book_and_tell):
    page = member()
    turn_on(page)
    with page.expect_navigation():
        button(page, "Выключить здесь").click()
    expect(button(page, TURN_ON)).to_be_visible()
    assert page.evaluate("navigator.serviceWorker.getRegistration('/').then(Boolean)") is False
    assert page.locator("[data-device]").count() == 0
    book_and_tell()
    assert service.messages() == [] and ("push", "accepted") not in states()


def test_another_browser_is_removed_from_the_list(member, service):
    page = member()
    turn_on(page)
    page.evaluate("() => { delete localStorage.subscribed; }")
    page.reload()
    expect(button(page, TURN_ON)).to_be_visible()
    assert page.locator("[data-device] [data-this]:visible").count() == 0
    page.locator("[data-device] button").click()
    expect(page.locator("[data-device]")).to_have_count(0)


def test_a_browser_of_an_old_key_of_ours_is_off(member):
    page = member()
    turn_on(page)
    page.evaluate(ANOTHER_KEY)
    page.reload()
    expect(button(page, TURN_ON)).to_be_visible()
    turn_on(page)
    expect(page.locator("[data-device]")).to_have_count(1)


STATES = {
    "unable": ("delete window.PushManager;", "Этот браузер не умеет показывать уведомления"),
    "iphone": (
        f'delete window.PushManager;Object.defineProperty(navigator, "userAgent", {{ value: "{IPHONE}" }});',
        "На iPhone и iPad сначала добавьте портал на экран",
    ),
    "blocked": (DENIED, "Уведомления этого сайта запрещены в браузере"),
    "failed": ("localStorage.fails = 1;", "Браузер не смог их включить"),
    "off": ("", TURN_ON),
    "on": ("", "включены в этом браузере"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("width", "theme", "clear"), [(390, "light", False), (1280, "dark", True)])
def test_each_state_is_told_in_words(member, axe, no_sideways, state, width, theme, clear):
    prepare, words = STATES[state]
    page = member(prepare=prepare, width=width, theme=theme, clear=clear)
    if state == "on":
        turn_on(page)
    if state == "failed":
        button(page, TURN_ON).click()
    expect(page.get_by_text(words)).to_be_visible()
    assert page.locator("[data-state]:visible").count() == 1
    no_sideways(page)
    axe(page)


def test_who_says_no_to_the_browsers_question_is_told_how_to_change_it(member):
    page = member(may=False, prepare=ASKED)
    button(page, TURN_ON).click()
    expect(page.get_by_text("Уведомления этого сайта запрещены в браузере")).to_be_visible()


def test_without_javascript_the_page_explains(member):
    page = member(js=False, may=False)
    expect(page.get_by_text("нужен JavaScript в браузере")).to_be_visible()
    assert page.locator("[data-turn]:visible").count() == 0


def test_the_page_is_kept_by_no_worker(member):
    """The worker shows notifications and nothing else: pages come from the network as before."""
    page = member()
    turn_on(page)
    page.reload()
    assert page.evaluate("performance.getEntriesByType('navigation')[0].workerStart") == 0
