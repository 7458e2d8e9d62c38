"""`python -m bench [start] [pages] [mis] [large_pages] [search] [growth] [booking] [reminders]
[waitlist]`: all of them without a name.

`start`, `pages` and `mis` measure the demo; the others the large clinic, whose seed takes most of the time: keep it
with BENCH_HOME=<folder>, or be quick and rough with BENCH_SIZE=small.
"""

from __future__ import annotations

import signal
import sys

from bench import booking, mis, pages, reminders, search, waitlist
from bench.world import LargeWorld, World, load_average, report, tell

DEMO = {"pages": pages.measure, "mis": mis.measure}
LARGE = {
    "large_pages": pages.measure_large,
    "search": search.measure,
    "growth": search.growth,
    "booking": booking.measure,
    "reminders": reminders.measure,
    "waitlist": waitlist.measure,
}


def main(names: list[str]) -> int:
    known = ["start", *DEMO, *LARGE]
    if unknown := set(names) - set(known):
        print(f"There is no bench {', '.join(sorted(unknown))}. There are: {', '.join(known)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the portals started here are stopped
    wanted = set(names or known)
    report("load_before", load_average(), "1min")
    if wanted & {"start", *DEMO}:
        with World() as world:
            if "start" in wanted:
                world.measure_start()
            for name in wanted & set(DEMO):
                tell(name)
                DEMO[name](world)
    if wanted & set(LARGE):
        with LargeWorld() as world:
            for name in [name for name in LARGE if name in wanted]:
                tell(name)
                LARGE[name](world)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
