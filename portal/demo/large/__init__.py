"""`portal seed --size large`: a clinic of the size the portal is measured at, written with COPY in chunks.

    run(progress=bar)        # as the role `owner`; goes on where an earlier run was broken off

Chunk n is a function of n: who meets whom when is computed, never drawn, so that no constraint can be hurt and a
chunk that was lost in a crash comes out the same again. Only keysets and what they encrypt are fresh each time.
"""

from portal.demo.large.run import Refused, run
from portal.demo.large.size import Size

__all__ = ["Refused", "Size", "run"]
