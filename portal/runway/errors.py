"""What can go wrong before the portal is up. Each error is one plain sentence for the person at the terminal."""

from __future__ import annotations


class RunwayError(Exception):
    """Something the person who typed the command can put right; `str(error)` tells what and how."""

    exit_code = 1


class WrongUsage(RunwayError):
    """A command or a setting that cannot mean anything."""

    exit_code = 2


class NoSpace(RunwayError):
    """The disk is full, or too full to begin."""


class DamagedCluster(RunwayError):
    """The data folder exists, but PostgreSQL cannot work with it."""


class ClusterFailed(RunwayError):
    """PostgreSQL did not start or stop for a reason outside the data folder."""


class PortTaken(RunwayError):
    """Another program listens where the portal should."""
