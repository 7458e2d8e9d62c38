"""How many one-time codes may be asked for, by whom; what an SMS costs makes half of these limits.

What is counted of one phone or e-mail are its own codes of the last day. Everything else has a counter.
Nothing here asks whether an address belongs to somebody: the limits say nothing of accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import takewhile
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from portal.kernel import crypto
from portal.kernel.errors import TooMany
from portal.people.contacts import Address
from portal.people.models import Contact, OneTimeCode, SmsBlock
from portal.people.rates import Limit, first_over

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PAUSES = [timedelta(seconds=seconds) for seconds in (60, 120, 300)]
PER_ADDRESS = [(5, HOUR), (10, DAY)]
PER_BROWSER = PER_ACCOUNT = 5
PREFIX_ALWAYS, TIMES_USUAL_OF_PREFIX = 30, 10
TIMES_USUAL_OF_SITE = 5
WEEK = 7
REMEMBERED = timedelta(days=WEEK, hours=1)


class CodesExhausted(TooMany):
    text = _("Too many codes have been asked for. Try again in an hour, or call the clinic.")


class CodeTooSoon(CodesExhausted):
    """A code is on its way, and it was asked for elsewhere or does not work any more."""

    text = _("A code has gone there only just now. You can ask for a new one in %(time)s.")

    def __init__(self, left: timedelta) -> None:
        minutes, seconds = divmod(max(1, round(left.total_seconds())), 60)
        super().__init__(self.text % {"time": f"{minutes}:{seconds:02}"})


class PhoneLocked(CodesExhausted):
    text = _(
        "For a day no codes go to this number by SMS: there were too many wrong ones, or its SIM card has been"
        " replaced. This protects the account. Use an e-mail instead, or call the clinic."
    )


class SmsPaused(CodesExhausted):
    text = _("Codes by SMS are not going through at the moment. Use your e-mail, or try again in an hour.")


def refuse_blocked(address: Address) -> None:
    """`PhoneLocked` or `SmsPaused` while codes by SMS to this phone, or to numbers like it, are stopped."""
    if address.kind != Contact.Kind.PHONE:
        return
    keys = [address.digest, prefix_digest(prefix_of(address))]
    reasons = set(SmsBlock.objects.filter(key__in=keys, until__gt=Now()).values_list("reason", flat=True))
    if reasons - {SmsBlock.Reason.PUMPING}:
        raise PhoneLocked
    if reasons:
        raise SmsPaused


def pause_after(earlier: Sequence[OneTimeCode], now: datetime) -> timedelta:
    """How long to wait after the next code: longer with each that nobody has entered within the hour."""
    unanswered = takewhile(lambda code: code.used_at is None and code.created_at > now - HOUR, earlier)
    return PAUSES[min(len(list(unanswered)), len(PAUSES) - 1)]


def refuse_too_many(
    address: Address, earlier: Sequence[OneTimeCode], now: datetime, *, ip: str, session: str, user_id: UUID | None
) -> None:
    """Count this code everywhere. A refusal rolls the counts back: whoever is refused uses up nobody's share."""
    for most, window in PER_ADDRESS:
        if sum(code.created_at > now - window for code in earlier) >= most:
            raise CodesExhausted
    limits = _limits_of_asker(ip, session, user_id)
    if address.kind == Contact.Kind.PHONE:
        limits += [*_limits_of_prefix(prefix_of(address)), *_limits_of_site()]
    over = first_over(limits)
    if over:
        raise SmsPaused if over.kind.startswith("code-sms") else CodesExhausted


def _limits_of_asker(ip: str, session: str, user_id: UUID | None) -> list[Limit]:
    """The account only of somebody signed in: to look it up for a visitor would be work that tells of accounts."""
    network = wide_network(ip)
    limits = [
        Limit("code-network", network, HOUR, settings.PORTAL.codes_per_network_hour),
        Limit("code-network", network, DAY, settings.PORTAL.codes_per_network_day),
    ]
    if session:
        limits.append(Limit("code-browser", session, HOUR, PER_BROWSER))
    if user_id:
        limits.append(Limit("code-account", str(user_id), HOUR, PER_ACCOUNT))
    return limits


def _limits_of_prefix(prefix: str) -> list[Limit]:
    daily = Limit("code-sms-prefix", prefix, DAY, keep=REMEMBERED)
    usual = daily.counted_in(daily.starts_before(WEEK)) / (WEEK * 24)
    most = max(PREFIX_ALWAYS, int(TIMES_USUAL_OF_PREFIX * usual))
    return [Limit("code-sms-prefix", prefix, HOUR, most), daily]


def _limits_of_site() -> list[Limit]:
    hourly = Limit("code-sms-site", "", HOUR)
    usual = hourly.counted_in(hourly.starts_before(WEEK)) / WEEK
    allowed = max(settings.PORTAL.sms_codes_usual, int(TIMES_USUAL_OF_SITE * usual))
    return [
        Limit("code-sms-site", "", HOUR, min(allowed, settings.PORTAL.sms_codes_per_hour), keep=REMEMBERED),
        Limit("code-sms-site", "", DAY, settings.PORTAL.sms_codes_per_day),
    ]


def is_site_used_up() -> bool:
    """Whether the next code by SMS will be refused to everybody."""
    return any(limit.is_used_up() for limit in _limits_of_site())


def prefix_of(address: Address) -> str:
    """The first six digits: a hundred thousand numbers of one operator."""
    return address.value[1:7]


def prefix_digest(prefix: str) -> bytes:
    return crypto.blind_index("phone-prefix", prefix)


def wide_network(ip: str) -> str:
    """The /24, or the /56 of IPv6: what one customer of a provider can move about in."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, IPv6Address) and not address.ipv4_mapped:
        return str(IPv6Network((int(address), 56), strict=False))
    return str(IPv4Network((int(getattr(address, "ipv4_mapped", None) or address), 24), strict=False))
