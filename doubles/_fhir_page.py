"""The front desk's page: a day of every doctor, and what can be done at each time. No script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from html import escape
from urllib.parse import parse_qsl, urlencode

from doubles._fhir_clinic import CLOSES
from doubles._fhir_errors import Refusal
from doubles._fhir_rest import Clinic
from doubles._fhir_rules import HOLDING, actor_of, moment, slots_of
from doubles._fhir_store import Resource
from doubles._fhir_words import SHORT, WORDS, long_day
from doubles._pages import language, link, shell

ASKED = ("day", "lang", "slot", "move", "done", "id", "error")
ACTIONS = {
    "booked": ["arrive", "move", "noshow", "cancel"],
    "pending": ["move", "cancel"],
    "arrived": ["fulfil", "noshow", "cancel"],
    "checked-in": ["fulfil", "noshow"],
    "noshow": ["arrive"],
}
TONE = {"arrived": "ok", "fulfilled": "ok", "noshow": "bad"}


@dataclass
class View:
    """A day at the desk. `asked`: what the address says."""

    clinic: Clinic
    asked: dict[str, str]
    day: date

    @property
    def lang(self) -> str:
        return language(self.asked["lang"])

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.lang]

    @property
    def today(self) -> date:
        return self.local(self.clinic.store.now()).date()

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.clinic.store.zone)

    def found(self, kind: str, *asked: tuple[str, str]) -> list[Resource]:
        entries = self.clinic.search(kind, [*asked, ("_count", "200")]).body.get("entry", [])
        return [dict(entry["resource"]) for entry in entries]

    def here(self, **more: str) -> str:
        return link("/", lang=self.lang, day=self.day.isoformat(), **more)


def page(clinic: Clinic, asked: dict[str, str]) -> str:
    view = View(clinic, asked, date.min)
    view.day = _day(view, asked["day"])
    heading = f'<h2 class="day">{long_day(datetime.combine(view.day, time()), view.lang)}</h2>'
    parts = [f'<p class="note">{view.words["note"]}</p>', _said(view), _moving(view), _week(view), heading]
    body = "\n".join(filter(None, [*parts, _doctors(view)]))
    return shell(
        title=view.words["title"],
        lang=view.lang,
        body=body,
        pauses=False,
        day=view.day.isoformat(),
        move=asked["move"],
        slot=asked["slot"],
    )


def _day(view: View, asked: str) -> date:
    """The day asked for, or the next one on which there is still work to do."""
    try:
        return date.fromisoformat(asked)
    except ValueError:
        now = view.local(view.clinic.store.now())
        day = now.date() + timedelta(days=now.time() >= CLOSES)
        while day.weekday() > 4:
            day += timedelta(days=1)
        return day


def _week(view: View) -> str:
    """Five days, and the weeks around."""
    monday = view.day - timedelta(days=view.day.weekday())
    days = "\n".join(_day_link(view, monday + timedelta(days=number)) for number in range(5))
    before, after = (
        f'<a class="back" href="{_to(view, monday + timedelta(days=step))}">{view.words[name]}</a>'
        for name, step in (("week_before", -7), ("week_after", 7))
    )
    return f"""<nav class="week" aria-label="{view.words["days"]}">
<div class="days">{days}</div><div class="weeks">{before}{after}</div></nav>"""


def _to(view: View, day: date) -> str:
    return link("/", lang=view.lang, day=day.isoformat(), move=view.asked["move"])


def _day_link(view: View, day: date) -> str:
    current = ' aria-current="date"' if day == view.day else ""
    tone = ' class="today"' if day == view.today else ""
    shown = f"<span>{SHORT[view.lang][day.weekday()]}</span> <strong>{day.day}</strong>"
    return f'<a href="{_to(view, day)}"{current}{tone}>{shown}</a>'


# What was done, what is being done -----------------------------------------------------------------------------------


def _said(view: View) -> str:
    if error := view.asked["error"]:
        name = "error_conflict" if error == "conflict" else "error_other"
        return f'<p class="said bad" role="alert">{view.words[name]}</p>'
    found = view.clinic.store.at(f"Appointment/{view.asked['id']}")
    what = view.words.get(f"done_{view.asked['done']}")
    return (
        f'<p class="said" role="status"><strong>{what}.</strong> {_sentence(view, found)}</p>' if found and what else ""
    )


def _sentence(view: View, appointment: Resource) -> str:
    """Белова Анна, вторник, 24 ноября, 10:30 — Ахметова Лилия Рашидовна."""
    start = view.local(moment(appointment["start"])) if appointment.get("start") else None
    when = f", {long_day(start, view.lang)}, {start:%H:%M}" if start else ""
    return f"{_who(view, appointment, 'Patient')}{when} — {_who(view, appointment, 'Practitioner')}"


def _who(view: View, appointment: Resource, kind: str) -> str:
    person = view.clinic.store.at(actor_of(appointment, kind))
    return _name(person) if person else "?"


def _name(person: Resource) -> str:
    name = (person.get("name") or [{}])[0]
    return escape(name.get("text") or " ".join([name.get("family", ""), *name.get("given", [])]).strip() or "?")


def _moving(view: View) -> str:
    found = view.clinic.store.at(f"Appointment/{view.asked['move']}")
    if found is None:
        return ""
    words = view.words
    return f"""<section class="moving"><h2>{words["moving"]}</h2><p>{_sentence(view, found)}</p>
<p class="note">{words["moving_note"]}</p><a class="back" href="{view.here()}">{words["stay"]}</a></section>"""


# The day -------------------------------------------------------------------------------------------------------------


def _doctors(view: View) -> str:
    day = view.day.isoformat()
    kept = [each for each in view.found("Appointment", ("date", day)) if each["status"] in HOLDING]
    taken = {slot: each for each in kept for slot in slots_of(each)}
    columns = [_doctor(view, schedule, taken) for schedule in view.found("Schedule", ("active", "true"))]
    if any(columns):
        return f'{_jump(view)}<div class="doctors">\n{"".join(columns)}\n</div>'
    words = view.words
    return f'<section class="empty"><h2>{words["closed"]}</h2><p class="note">{words["closed_note"]}</p></section>'


def _jump(view: View) -> str:
    """Where doctors stand one under another, each is one tap away."""
    schedules = view.found("Schedule", ("active", "true"))
    names = [(schedule["id"], schedule["actor"][0].get("display", "").partition(" ")[0]) for schedule in schedules]
    links = "".join(f'<a href="#doctor-{id_}">{escape(name)}</a>' for id_, name in names)
    return f'<nav class="jump" aria-label="{view.words["jump"]}">{links}</nav>'


def _doctor(view: View, schedule: Resource, taken: dict[str, Resource]) -> str:
    asked = [("schedule", f"Schedule/{schedule['id']}"), ("start", view.day.isoformat()), ("_sort", "start")]
    slots = view.found("Slot", *asked)
    if not slots:
        return ""
    actors = {actor["reference"].partition("/")[0]: actor for actor in schedule["actor"]}
    title = (schedule.get("specialty") or [{}])[0].get("text", "")
    rows = "\n".join(_time(view, slot, taken.get(f"Slot/{slot['id']}")) for slot in slots)
    free = sum(_is_open(view, slot) for slot in slots)
    place = escape(str(actors.get("Location", {}).get("display", "")))
    who = view.clinic.store.at(str(actors.get("Practitioner", {}).get("reference", ""))) or {}
    return f"""<section class="doctor" id="doctor-{schedule["id"]}"><header><h3>{_name(who)}</h3>
<p>{escape(title)} · {place} · {view.words["of"]}: {free}</p></header><ol>{rows}</ol></section>"""


def _is_open(view: View, slot: Resource) -> bool:
    return bool(slot["status"] == "free" and moment(slot["start"]) > view.clinic.store.now())


def _time(view: View, slot: Resource, appointment: Resource | None) -> str:
    clock = f"<time>{view.local(moment(slot['start'])):%H:%M}</time>"
    if appointment is not None:
        return f'<li class="busy">{_booked(view, clock, appointment)}</li>'
    if not _is_open(view, slot):
        names = {"free": "past", "busy-unavailable": "break", "busy-tentative": "held"}
        return f'<li class="shut">{clock}<span>{view.words[names.get(slot["status"], "taken")]}</span></li>'
    if slot["id"] == view.asked["slot"]:
        return f'<li class="open asked" id="now">{clock}{_booking(view, slot)}</li>'
    return f'<li class="open">{clock}<span>{view.words["free"]}</span>{_offer(view, slot)}</li>'


def _offer(view: View, slot: Resource) -> str:
    if view.asked["move"]:
        button = _button(view, "move", view.words["here"], appointment=view.asked["move"], slot=slot["id"])
        return f'<div class="act">{button}</div>'
    return f'<a href="{view.here(slot=slot["id"])}#now">{view.words["book_here"]}</a>'


def _booked(view: View, clock: str, appointment: Resource) -> str:
    status, words = appointment["status"], view.words
    shown = words["was_noshow" if status == "noshow" else status]
    outside = f' <span class="from">{words["portal"]}</span>' if appointment.get("identifier") else ""
    pill = f'<span class="pill {TONE.get(status, "")}">{shown}</span>{outside}'
    line = f"{clock}<span><strong>{_who(view, appointment, 'Patient')}</strong>{pill}</span>"
    buttons = "".join(_action(view, what, appointment) for what in ACTIONS.get(status, []))
    return f'<details><summary>{line}</summary><div class="act">{buttons}</div></details>' if buttons else line


def _action(view: View, what: str, appointment: Resource) -> str:
    if what == "move":
        return f'<a class="button" href="{view.here(move=appointment["id"])}">{view.words["move"]}</a>'
    return _button(view, what, view.words[what], appointment=appointment["id"])


def _button(view: View, act: str, shown: str, **given: str) -> str:
    fields = {"act": act, "lang": view.lang, "day": view.day.isoformat(), **given}
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items())
    return f'<form method="post" action="/desk">{hidden}<button>{shown}</button></form>'


def _booking(view: View, slot: Resource) -> str:
    words = view.words
    people = sorted(view.found("Patient", ("active", "true")), key=_name)
    options = "".join(f'<option value="{person["id"]}">{_name(person)}{_born(person)}</option>' for person in people)
    fields = {"act": "book", "lang": view.lang, "day": view.day.isoformat(), "slot": slot["id"]}
    hidden = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
    return f"""<form method="post" action="/desk">{hidden}<label>{words["patient"]}
<select name="patient" autofocus>{options}</select></label><button>{words["book"]}</button>
<a class="back" href="{view.here()}">{words["back"]}</a></form>"""


def _born(person: Resource) -> str:
    return f", {escape(str(person['birthDate']))}" if person.get("birthDate") else ""


# Forms ---------------------------------------------------------------------------------------------------------------


def form(body: str) -> dict[str, str]:
    return dict(parse_qsl(body))


def done(given: dict[str, str], appointment: Resource) -> str:
    """Where to look after it was done: the day the visit is on."""
    return _place(given, done=given["act"], id=appointment["id"])


def refused(given: dict[str, str], refusal: Refusal) -> str:
    return _place(given, error=refusal.code, move=given.get("appointment", "") if given.get("act") == "move" else "")


def _place(given: dict[str, str], **more: str) -> str:
    told = {"lang": language(given.get("lang", "")), "day": given.get("day", ""), **more}
    return "/?" + urlencode({name: value for name, value in told.items() if value})
