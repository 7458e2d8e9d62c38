"""A clinic with a system of its own, in a browser: what is pressed on one side appears on the other."""

from __future__ import annotations

import re
from datetime import datetime

import psycopg
import pytest
from playwright.sync_api import expect

from tests.contracts.processes import http, running_fhir
from tests.e2e.person import button, title
from tests.servers import eventually, worker

TIME = "button.time:enabled"
SOON = 30_000  # milliseconds: the worker, the system and the page's own look, on a busy machine
MAPPING = """\
vendor: fhir_r4
url: {url}/fhir
token_file: {token}
timezone: Europe/Moscow
when_down: {when_down}
branches: {{"Речная, 12": shore-place, "Садовая, 5": shore-place}}
specialties: {{Эндокринолог: therapist, Офтальмолог: cardiologist, Уролог: cardiologist}}
timeouts: {{read: 3, write: 3, unknown: 1}}
fresh: {{changes: 0.5, near: 5, overlap: 60}}
"""


@pytest.fixture(scope="module")
def process():
    with running_fhir() as double:
        yield double


@pytest.fixture
def mis(process, db, database_url, site, settings, tmp_path, sql):
    """Clinic «Shore» beside its system: `mis.start(when_down=…)` runs the worker until its doctors are here."""
    process.control("down", down=False)
    process.control("reset")
    with Clinic(process, database_url, tmp_path, settings, sql) as clinic:
        yield clinic


class Clinic:
    """Both sides, and the worker between them."""

    def __init__(self, double, database_url, folder, settings, sql):
        self.double, self.folder, self.sql, self.database = double, folder, sql, database_url("postgres")
        self.environment = {
            "DATABASE_URL": database_url("app"),
            "MIS_FOLDER": str(folder / "mis"),
            "PORTAL_HOME": str(folder),
        }
        self._worker = None
        settings.PORTAL = settings.PORTAL.model_copy(update={"mis_folder": folder / "mis"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._worker:
            self._worker.__exit__(None, None, None)

    def start(self, when_down="request"):
        token, mapping = self.folder / "token", self.folder / "mis" / "shore.yaml"
        token.write_text("demo")
        mapping.parent.mkdir(exist_ok=True)
        mapping.write_text(MAPPING.format(url=self.double.url, token=token, when_down=when_down))
        self._worker = worker(self.environment, self.folder / "worker.log")
        self._worker.__enter__()
        eventually(lambda: self.count("scheduling_daysheet s JOIN people_practitionerrole r ON r.id = s.role_id", MIS))
        return self

    def count(self, rows, where="true"):
        """By the superuser: a wall stands before the patients' rows."""
        with psycopg.connect(self.database) as direct:
            return direct.execute(f"SELECT count(*) FROM {rows} WHERE {where}").fetchone()[0]

    def held_since(self):
        """When the only time that is held now begins."""
        from portal.scheduling.models import Occupancy

        return Occupancy.objects.get(kind=Occupancy.Kind.HOLD).start

    def down(self, is_down=True):
        self.double.control("down", down=is_down)
        eventually(lambda: self.count("scheduling_misline", f"down_since IS {'NOT ' if is_down else ''}NULL"))

    def newest(self):
        """The appointment that was written down there last."""
        return http.get(f"{self.double.url}/messages.json").json()["appointments"][0]

    def desk(self, act, **what):
        return http.post(f"{self.double.url}/control/desk", json={"act": act, **what}).raise_for_status().json()


MIS = "r.master = 'mis'"
DOCTOR = "/doctors/liliia-akhmetova/"
VISIT = re.compile(r"/me/visits/[0-9a-f-]+/")
LOOKS = [(390, "light", "ru"), (1280, "dark", "en")]


def choose(page, n=0):
    """A time of the system's doctor, held; the page before the last press."""
    page.goto(DOCTOR)
    page.locator(TIME).nth(n).click()
    page.wait_for_url("**/book/*/")


def book(page, n=0):
    choose(page, n)
    page.locator("main .btn--main").click()
    page.wait_for_url(VISIT)


def hour_of(appointment):
    """As a page writes it."""
    start = datetime.fromisoformat(appointment["start"])
    return f"{start.hour}:{start.minute:02}"


def test_what_is_pressed_on_one_side_appears_on_the_other(mis, member, browser_page):
    mis.start()
    mis.double.order("slow:2", on="transaction")
    page = member("anna", width=390)
    book(page)
    expect(title(page)).to_contain_text("Почти готово")
    expect(title(page)).to_contain_text("Ждём вас", timeout=SOON)  # nobody reloads

    there, desk = mis.newest(), browser_page()
    desk.goto(f"{mis.double.url}/?day={there['start'][:10]}")
    expect(desk.get_by_text("Annaова").first).to_be_visible()

    moved = mis.desk("move", appointment=there["id"])
    eventually(lambda: (page.reload(), hour_of(moved) in page.locator(".ticket").first.inner_text())[1])
    mis.desk("cancel", appointment=there["id"])
    eventually(lambda: (page.reload(), "отменена" in title(page).inner_text())[1])


def test_a_time_taken_at_the_front_desk_meanwhile_is_told_with_regret(mis, member, axe, no_sideways):
    mis.start()
    page = member("anna", width=390)
    choose(page)
    mis.double.order("slow:1", on="transaction")
    _take_at_the_desk(mis, page)
    page.locator("main .btn--main").click()
    page.wait_for_url(VISIT)
    expect(title(page)).to_contain_text("занял кто-то другой", timeout=SOON)
    no_sideways(page)
    axe(page)


def _take_at_the_desk(mis, page):
    """Somebody rings about the very time that is held here."""
    key, wanted = {"Authorization": "Bearer demo"}, mis.held_since()
    asked = {"start": wanted.isoformat(), "_include": "Slot:schedule"}
    found = http.get(f"{mis.double.url}/fhir/Slot", params=asked, headers=key).json()["entry"]
    mis.desk("book", slot=_at(found, "Ахметова")["id"])


def _at(found, name):
    """The Slot in this answer of the doctor with this name."""
    schedules = {
        f"Schedule/{one['resource']['id']}"
        for one in found
        if any(name in actor.get("display", "") for actor in one["resource"].get("actor", []))
    }
    return next(r for one in found if (r := one["resource"]).get("schedule", {}).get("reference") in schedules)


def test_down_with_requests_the_booking_is_taken_and_confirmed_later(mis, member, axe):
    mis.start("request").down()
    page = member("anna", width=390)
    choose(page)
    expect(page.get_by_text("Система клиники сейчас не отвечает")).to_be_visible()
    page.locator("main .btn--main").click()
    page.wait_for_url(VISIT)
    expect(page.get_by_text("клиника подтвердит его сообщением")).to_be_visible()
    axe(page)
    mis.down(is_down=False)
    eventually(lambda: (page.reload(), "Ждём вас" in title(page).inner_text())[1])
    assert mis.newest()["status"] == "booked"


def test_down_with_later_nothing_is_booked_and_the_time_stays_held(mis, member):
    mis.start("later").down()
    page = member("anna", width=390)
    choose(page)
    page.locator("main .btn--main").click()
    expect(page.get_by_text("время держим за вами")).to_be_visible()
    assert mis.count("scheduling_occupancy", "kind = 'hold' AND expires_at > now()") == 1
    mis.down(is_down=False)
    page.go_back()
    page.locator("main .btn--main").click()
    page.wait_for_url(VISIT)
    expect(title(page)).to_contain_text("Ждём вас", timeout=SOON)


def test_the_administrator_sees_it_is_down_what_is_dead_and_whose_word_counts(mis, member):
    mis.start()
    page = member("alla")
    book_of = member("anna", width=390)
    book(book_of)
    expect(title(book_of)).to_contain_text("Ждём вас", timeout=SOON)
    eventually(lambda: mis.count("mis_incoming", "state = 'done'"))
    one = "id = (SELECT id FROM mis_incoming LIMIT 1)"
    mis.sql(f"UPDATE mis_incoming SET state = 'dead', code = 'SlotTaken', attempts = 8 WHERE {one}")
    mis.down()
    page.goto("/manage/mis/")
    expect(page.get_by_text(re.compile("^Система не отвечает с "))).to_be_visible()
    button(page, "Попробовать снова").first.click()
    expect(page.get_by_text("Нужно посмотреть")).to_have_count(0)
    row = page.get_by_role("row", name=re.compile("Ахметова"))
    row.get_by_role("button").click()
    expect(page.get_by_role("row", name=re.compile("Ахметова"))).to_contain_text("портал")
    page.get_by_role("row", name=re.compile("Ахметова")).get_by_role("button").click()
    expect(page.get_by_role("row", name=re.compile("Ахметова"))).to_contain_text("система")


def test_without_javascript_it_is_booked_too(mis, member):
    mis.start()
    page = member("anna", js=False)
    book(page)
    eventually(lambda: (page.reload(), "Ждём вас" in title(page).inner_text())[1])


@pytest.mark.parametrize(("width", "theme", "lang"), LOOKS)
def test_every_page_of_the_exchange_passes_axe_and_fits(mis, member, axe, no_sideways, width, theme, lang):
    mis.start()
    look = {"width": width, "theme": theme, "lang": lang}

    def check(page):
        no_sideways(page)
        axe(page)
        page.set_viewport_size({"width": width, "height": 900})

    mis.double.order("slow:4", on="transaction")
    page = member("boris", **look)
    book(page)
    check(page)
    eventually(lambda: mis.count("mis_patientref", "state = 'unverified'"))
    mis.down()
    for path in (page.url, "/me/visits/", DOCTOR):
        page.goto(path)
        check(page)
    mis.sql("UPDATE mis_outgoing SET state = 'dead', code = 'time-taken', attempts = 8")
    for name, path in (("alla", "/manage/mis/"), ("rita", "/manage/mis/"), ("rita", "/desk/mis/patients/")):
        staff = member(name, **look)
        staff.goto(path)
        check(staff)
