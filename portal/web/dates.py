"""Days and hours in words, in the time of the branch: grammar included, markup not.

Every function takes an aware moment and the branch's IANA zone. Cases of the Russian words live in the
translation file under their own contexts, so English and Russian share one shape here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext, pgettext

NBSP = "\u00a0"
MOSCOW = ZoneInfo("Europe/Moscow")
Moment = datetime | date


def zone_of(zone: str | ZoneInfo | None) -> ZoneInfo:
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone or "Europe/Moscow")


def local(moment: datetime, zone: str | ZoneInfo | None) -> datetime:
    return moment.astimezone(zone_of(zone))


def local_day(moment: Moment, zone: str | ZoneInfo | None) -> date:
    return local(moment, zone).date() if isinstance(moment, datetime) else moment


def _weekday(day: date) -> str:
    return (
        pgettext("weekday", "Monday"),
        pgettext("weekday", "Tuesday"),
        pgettext("weekday", "Wednesday"),
        pgettext("weekday", "Thursday"),
        pgettext("weekday", "Friday"),
        pgettext("weekday", "Saturday"),
        pgettext("weekday", "Sunday"),
    )[day.weekday()]


def _weekday_short(day: date) -> str:
    return (
        pgettext("weekday, two letters", "Mon"),
        pgettext("weekday, two letters", "Tue"),
        pgettext("weekday, two letters", "Wed"),
        pgettext("weekday, two letters", "Thu"),
        pgettext("weekday, two letters", "Fri"),
        pgettext("weekday, two letters", "Sat"),
        pgettext("weekday, two letters", "Sun"),
    )[day.weekday()]


def _month(day: date) -> str:
    return (
        pgettext("month after a day", "January"),
        pgettext("month after a day", "February"),
        pgettext("month after a day", "March"),
        pgettext("month after a day", "April"),
        pgettext("month after a day", "May"),
        pgettext("month after a day", "June"),
        pgettext("month after a day", "July"),
        pgettext("month after a day", "August"),
        pgettext("month after a day", "September"),
        pgettext("month after a day", "October"),
        pgettext("month after a day", "November"),
        pgettext("month after a day", "December"),
    )[day.month - 1]


def _month_short(day: date) -> str:
    return (
        pgettext("month, short", "Jan"),
        pgettext("month, short", "Feb"),
        pgettext("month, short", "Mar"),
        pgettext("month, short", "Apr"),
        pgettext("month, short", "May"),
        pgettext("month, short", "Jun"),
        pgettext("month, short", "Jul"),
        pgettext("month, short", "Aug"),
        pgettext("month, short", "Sep"),
        pgettext("month, short", "Oct"),
        pgettext("month, short", "Nov"),
        pgettext("month, short", "Dec"),
    )[day.month - 1]


def hour(moment: datetime, zone: str | ZoneInfo | None) -> str:
    """9:00, 14:20."""
    at = local(moment, zone)
    return f"{at.hour}:{at.minute:02}"


def date_words(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """24 November; with the year when it is not this one."""
    day = local_day(moment, zone)
    words = f"{day.day}{NBSP}{_month(day)}"
    return words if day.year == today(zone).year else f"{words} {day.year}"


def full_date(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """12 March 1961, for birthdays and documents."""
    day = local_day(moment, zone)
    return f"{day.day}{NBSP}{_month(day)} {day.year}"


def day_words(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """Tuesday, 24 November."""
    return f"{_weekday(local_day(moment, zone))}, {date_words(moment, zone)}"


def short_date(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """24 Nov."""
    day = local_day(moment, zone)
    return f"{day.day}{NBSP}{_month_short(day)}"


def short_day(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """Tue 24."""
    day = local_day(moment, zone)
    return f"{_weekday_short(day)}{NBSP}{day.day}"


def weekday(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    return _weekday(local_day(moment, zone))


def weekday_name(number: int) -> str:
    """0 is Monday."""
    return _weekday(date(2024, 1, 1 + number))


def weekday_short(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    return _weekday_short(local_day(moment, zone))


def today(zone: str | ZoneInfo | None) -> date:
    return local(timezone.now(), zone).date()


def days_away(moment: Moment, zone: str | ZoneInfo | None) -> int:
    return (local_day(moment, zone) - today(zone)).days


def near_day(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """today, tomorrow, or 25 Nov.: for lists that compare days."""
    away = days_away(moment, zone)
    return {0: _("today"), 1: _("tomorrow")}.get(away) or short_date(moment, zone)


def part_day(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """A heading over times: Today; Tomorrow, Tue 24; Wednesday, 25; Friday, 4 December."""
    away, day = days_away(moment, zone), local_day(moment, zone)
    if away == 0:
        return _("Today")
    if away == 1:
        return f"{_('Tomorrow')}, {short_day(day)}"
    words = f"{day.day}" if day.month == today(zone).month else date_words(day)
    return f"{capital(_weekday(day))}, {words}"


def ticket_day(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """The day under the hour of a ticket: tomorrow, Tuesday 24 November."""
    away = days_away(moment, zone)
    near = {0: _("today"), 1: _("tomorrow")}.get(away)
    return f"{near}, {weekday(moment, zone)} {date_words(moment, zone)}" if near else day_words(moment, zone)


def visit_day(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """The beginning of a line in a list of visits: Tomorrow; 3 December; 2 September 2025."""
    away = days_away(moment, zone)
    near = {-1: _("Yesterday"), 0: _("Today"), 1: _("Tomorrow")}.get(away)
    return near or date_words(moment, zone)


def on_day(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """We expect you … today, tomorrow, on Tuesday, on 24 December (in Russian the case follows)."""
    away, day = days_away(moment, zone), local_day(moment, zone)
    near = {0: _("today"), 1: _("tomorrow")}.get(away)
    if near:
        return near
    if 1 < away < 7:
        return (
            pgettext("when?", "on Monday"),
            pgettext("when?", "on Tuesday"),
            pgettext("when?", "on Wednesday"),
            pgettext("when?", "on Thursday"),
            pgettext("when?", "on Friday"),
            pgettext("when?", "on Saturday"),
            pgettext("when?", "on Sunday"),
        )[day.weekday()].replace(" ", NBSP)
    return pgettext("when?", "on %(date)s") % {"date": date_words(day)}


def for_day(moment: Moment, zone: str | ZoneInfo | None = None) -> str:
    """Book … for Tuesday; beyond a week: for 24 December."""
    away, day = days_away(moment, zone), local_day(moment, zone)
    near = {0: pgettext("for which day?", "for today"), 1: pgettext("for which day?", "for tomorrow")}.get(away)
    if near:
        return near.replace(" ", NBSP)
    if 1 < away < 7:
        return (
            pgettext("for which day?", "for Monday"),
            pgettext("for which day?", "for Tuesday"),
            pgettext("for which day?", "for Wednesday"),
            pgettext("for which day?", "for Thursday"),
            pgettext("for which day?", "for Friday"),
            pgettext("for which day?", "for Saturday"),
            pgettext("for which day?", "for Sunday"),
        )[day.weekday()].replace(" ", NBSP)
    return pgettext("for which day?", "for %(date)s") % {"date": date_words(day)}


def until(moment: datetime, zone: str | ZoneInfo | None = None) -> str:
    """until 12:20 today; until 12:20 on Tuesday; until 12:20 on 24 December."""
    away, day = days_away(moment, zone), local_day(moment, zone)
    at = {"time": hour(moment, zone)}
    if away == 0:
        return pgettext("deadline", "until %(time)s today") % at
    if away == 1:
        return pgettext("deadline", "until %(time)s tomorrow") % at
    if 1 < away < 7:
        return (
            pgettext("deadline", "until %(time)s on Monday"),
            pgettext("deadline", "until %(time)s on Tuesday"),
            pgettext("deadline", "until %(time)s on Wednesday"),
            pgettext("deadline", "until %(time)s on Thursday"),
            pgettext("deadline", "until %(time)s on Friday"),
            pgettext("deadline", "until %(time)s on Saturday"),
            pgettext("deadline", "until %(time)s on Sunday"),
        )[day.weekday()] % at
    return pgettext("deadline", "until %(time)s on %(date)s") % {**at, "date": date_words(day)}


def left(moment: datetime, now: datetime | None = None) -> str:
    """in 25 hours, in 40 minutes, in 3 days; nothing once it has begun."""
    minutes = int((moment - (now or timezone.now())) / timedelta(minutes=1))
    if minutes < 1:
        return ""
    if minutes < 60:
        return ngettext("in %(n)s minute", "in %(n)s minutes", minutes) % {"n": minutes}
    if minutes < 48 * 60:
        hours = round(minutes / 60)
        return ngettext("in %(n)s hour", "in %(n)s hours", hours) % {"n": hours}
    days = round(minutes / 1440)
    return ngettext("in %(n)s day", "in %(n)s days", days) % {"n": days}


def minutes(count: int) -> str:
    return ngettext("%(n)s minute", "%(n)s minutes", count).replace(" ", NBSP) % {"n": count}


def years(count: int) -> str:
    """18 years of something: of work, of age."""
    return npgettext("how long", "%(n)s year", "%(n)s years", count).replace(" ", NBSP) % {"n": count}


def _ahead_of_moscow(zone: str | ZoneInfo | None, moment: datetime | None) -> str:
    at = moment or datetime.now(tz=UTC)
    offset = at.astimezone(zone_of(zone)).utcoffset() or timedelta()
    moscow = at.astimezone(MOSCOW).utcoffset() or timedelta()
    hours = (offset - moscow) / timedelta(hours=1)
    return f"{'+' if hours > 0 else '−'}{abs(hours):g}" if hours else ""


def zone_note(zone: str | ZoneInfo | None, moment: datetime | None = None) -> str:
    """Moscow time, or local time, MSK+2."""
    difference = _ahead_of_moscow(zone, moment)
    return _("local time, MSK%(difference)s") % {"difference": difference} if difference else _("Moscow time")


def zone_short(zone: str | ZoneInfo | None, moment: datetime | None = None) -> str:
    """MSK+2."""
    return _("MSK%(difference)s") % {"difference": _ahead_of_moscow(zone, moment)}


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]
