"""`python -m bench [start] [search] [pages] [booking]`: all of them without a name."""

from __future__ import annotations

import sys

from bench import booking, pages, search
from bench.world import World

PARTS = {"search": search.measure, "pages": pages.measure, "booking": booking.measure}


def main(names: list[str]) -> int:
    unknown = set(names) - {"start", *PARTS}
    if unknown:
        print(f"There is no bench {', '.join(sorted(unknown))}. There are: start, {', '.join(PARTS)}", file=sys.stderr)
        return 2
    with World() as world:
        if not names or "start" in names:
            world.measure_start()
        for name, measure in PARTS.items():
            if not names or name in names:
                print(f"… {name}", file=sys.stderr)
                measure(world)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
