"""Measured figures of this machine, one a line: `bench <name> <value> <unit>`. Run with `make bench`.

Ratios matter, not absolutes: the same slot search is asked of pgbench and of the pages in one go, so a slow machine
is slow for both.
"""
