"""Who may do what stands on a page that a human reviews."""

import importlib.util
from pathlib import Path

from portal.kernel.commands import registry

ROOT = Path(__file__).resolve().parents[2]


def load():
    spec = importlib.util.spec_from_file_location("permissions", ROOT / "scripts" / "permissions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.load_commands()
    return module


def test_the_page_of_permissions_is_up_to_date():
    module = load()
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run: python scripts/permissions.py write"


def test_every_command_has_roles_and_a_docstring_or_a_name_that_says_all():
    load()
    own = [c for c in registry.values() if c.module.startswith("portal.")]
    assert len(own) >= 20
    assert all(c.roles for c in own)


def test_nobody_but_the_person_and_reception_books():
    load()
    assert {r.value for r in registry["Appointment.book"].roles} == {"patient", "registrar"}
