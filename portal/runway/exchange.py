"""`portal mis …`: look at a clinic's exchange with its own system from the terminal. Says how far it is."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from typing import TextIO

from portal.mis import exchanging
from portal.mis.line import build
from portal.mis.mapping import Mapping, WrongMapping, load
from portal.mis.models import Drift
from portal.mis.ports import Finding
from portal.mis.report import COLUMNS, cells
from portal.mis.selectors import drifts, mis_roles
from portal.people.models import Location, Organization
from portal.runway.errors import RunwayError, WrongUsage

Say = Callable[[str], None]


def organization(slug: str) -> Organization:
    found = Organization.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Organization.objects.order_by("slug").values_list("slug", flat=True))
        raise WrongUsage(f"There is no organization {slug}. There are: {known}")
    return found


def mapping_of(slug: str) -> Mapping:
    try:
        return load(slug)
    except LookupError as missing:
        raise RunwayError(f"{missing}. docs/howto/connect-a-mis.md tells what stands in it.") from None
    except WrongMapping as wrong:
        raise RunwayError("\n".join(wrong.lines)) from None


def check(slug: str, say: Say) -> bool:
    """Everything that can be found out without writing anything; False when something is wrong."""
    clinic, mapping = organization(slug), mapping_of(slug)
    say(f"{slug}.yaml is well formed: {mapping.vendor} at {mapping.url}")
    try:
        mis = build(mapping)
    except WrongMapping as wrong:
        raise RunwayError("\n".join(wrong.lines)) from None
    is_good = True
    for finding in [*_of_ours(clinic, mapping), *mis.check()]:
        is_good = is_good and finding.is_good
        say(
            f"  {'ok' if finding.is_good else 'WRONG'}  {finding.what}{f': {finding.detail}' if finding.detail else ''}"
        )
    say("Nothing is wrong." if is_good else "Something is wrong: see the lines that say so.")
    return is_good


def _of_ours(clinic: Organization, mapping: Mapping) -> Iterator[Finding]:
    """What the mapping says of the portal's own things."""
    places = Location.objects.filter(organization=clinic)
    named = places.filter(slug__in=mapping.branches.values()) if mapping.branches else places
    zones = {place.zone for place in named}
    yield Finding("time zone of our branches", zones <= {mapping.timezone}, ", ".join(sorted(zones)))
    unknown = set(mapping.branches.values()) - set(places.values_list("slug", flat=True))
    yield Finding("branches of the mapping", not unknown, f"not ours: {', '.join(sorted(unknown))}" if unknown else "")


def sync(slug: str, say: Say, *, accepts_loss: bool, wrap: Callable[..., object]) -> None:
    """The directory and all times, now."""
    clinic = organization(slug)
    mapping_of(slug)
    report = exchanging.read_directory(clinic, accepts_loss=accepts_loss)
    say(f"Directory: {report.doctors} doctors, {report.added} added, {report.gone} gone.")
    for name in report.unmatched:
        say(f"  not matched: {name}")
    if report.is_alarm:
        raise RunwayError(
            "Too many doctors are missing at once: nothing is archived. If that is right: portal mis sync --accept-loss"
        )
    count = exchanging.read_all_times(clinic, wrap(mis_roles(clinic.pk), "Times"))  # type: ignore[arg-type]
    say(f"Times: {count} day sheets changed.")


def drift(slug: str, say: Say, out: TextIO | None) -> int:
    """Compare everything, follow what differs, tell what differs still. How much that is."""
    clinic = organization(slug)
    mapping_of(slug)
    count = exchanging.reconcile(clinic, say=lambda what: say(f"Comparing: {what.lower()}"))
    rows = drifts(clinic.pk)
    if out is not None:
        write_csv(rows, out)
    for row in rows if out is None else ():
        say("  " + "  ".join(str(cell) for cell in cells(row) if cell != ""))
    say("The portal and the MIS agree." if not count else f"{count} differences.")
    return count


def write_csv(rows: list[Drift], out: TextIO) -> None:
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(cells(row) for row in rows)
