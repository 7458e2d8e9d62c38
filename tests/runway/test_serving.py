"""Processes that serve people do not start without what keeps people's data closed."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["DATABASE_URL", "SECRET_KEY", "KEK_URI"])
def test_pages_do_not_start_without_a_key_or_a_database(missing):
    given = {"DATABASE_URL": "postgresql://app@/x", "SECRET_KEY": "x" * 50, "KEK_URI": "file:///nowhere"}
    given.pop(missing)
    answer = subprocess.run(
        [sys.executable, "-c", "import portal.wsgi"],
        env={"PATH": os.environ["PATH"]} | given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"{missing}: expected ")
    assert len(answer.stderr.splitlines()) == 1
