"""Each guard is shown a planted mistake and must find it: import contracts, system checks, the lint of the doors."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import models
from django.test.utils import isolate_apps

from portal.kernel.base import PatientRecord, PortalModel
from portal.kernel.checks import check_installation, check_model, check_models

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources that may be spoiled."""
    root = tmp_path_factory.mktemp("planted")
    ignore = shutil.ignore_patterns("__pycache__", "static", "templates", "locale", "tests")
    shutil.copytree(ROOT / "portal", root / "portal", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def lint_imports(root):
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_contracts_hold_as_the_sources_are(tree):
    answer = lint_imports(tree)
    assert answer.returncode == 0, answer.stdout
    assert "4 kept, 0 broken" in answer.stdout


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("people/selectors.py", "from portal.scheduling.models import Appointment", "1. Everything points down"),
        ("scheduling/models/occupancy.py", "from portal.scheduling.services import hold_time", "2. Inside a room"),
        ("adapters/sms/smsc.py", "from portal.people.models import Contact", "3. Adapters see ports only"),
        ("scheduling/views/public.py", "from portal.kernel.system_door import system_door", "4. Only jobs use"),
    ],
)
def test_a_planted_import_breaks_its_contract(tree, file, line, broken):
    path = tree / "portal" / file
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        answer = lint_imports(tree)
    finally:
        path.write_text(before)
    assert answer.returncode != 0
    assert any(broken in said and "BROKEN" in answer.stdout for said in answer.stdout.splitlines())


def findings(model):
    return {message.id for message in check_model(model)}


def test_the_models_as_they_are_pass():
    assert check_models() == []


@isolate_apps("portal.people")
def test_system_checks_find_planted_models():
    class Loose(models.Model):
        class Meta:
            app_label = "people"

    class Careless(PatientRecord):
        name = models.TextField()
        facts = models.JSONField()
        born = models.DateField()
        scan = models.FileField()
        clinic = models.ForeignKey("people.Organization", models.PROTECT, related_name="careless")
        since = models.DateTimeField(db_default=models.functions.Now())

        class Meta:
            app_label = "people"

    class Careful(PatientRecord):
        retention = "ACCOUNT"
        public_fields = {"state": "a code"}
        state = models.CharField(max_length=10)
        at = models.DateTimeField()

        class Meta:
            app_label = "people"

    assert findings(Loose) == {"portal.E001"}
    assert findings(Careless) == {"portal.E002", "portal.E003", "portal.E004", "portal.E005"}
    plain = [m.obj.name for m in check_model(Careless) if m.id == "portal.E003"]
    assert plain == ["name", "facts", "born", "scan"]
    assert findings(Careful) == set()


def test_deploy_checks_find_a_demo_and_open_settings(db, settings, as_actor):
    from portal.kernel.actor import Role
    from portal.kernel.commands import command
    from portal.people.models import User

    settings.SECRET_KEY, settings.KEK_URI, settings.IS_TLS = "short", "", False

    @command("Test.demo", roles={Role.SYSTEM})
    def make(*, actor):
        User(is_demo=True).save()

    with as_actor("job") as trail:
        make(actor=trail.actor)
    found = check_installation()
    assert {m.id for m in found} == {"portal.E010", "portal.E011"}
    said = " ".join(str(m.msg) for m in found)
    assert all(name in said for name in ("SECRET_KEY", "PUBLIC_URL", "KEK_URI", "demo accounts"))


def test_deploy_checks_find_a_channel_that_is_half_set_up(db, settings):
    half = {"push_vendor": "webpush", "chat_vendor": "max", "push_extra_hosts": "http://127.0.0.1:8030"}
    half |= {"dkim_selector": "s1", "bounces_vendor": "imap"}
    settings.PORTAL = settings.PORTAL.model_copy(update=half)
    said = " ".join(str(found.msg) for found in check_installation())
    wanted = ("VAPID_PRIVATE_KEY", "PUSH_EXTRA_HOSTS", "MAX_HOOK_SECRET", "DKIM_KEY", "IMAP_PASSWORD")
    assert all(name in said for name in wanted)


def test_a_role_that_walks_around_the_wall_is_found(db):
    from django.db import connections

    entry = connections.settings["default"]
    connections["default"].close()
    before, entry["USER"] = entry["USER"], "postgres"
    try:
        assert "portal.E012" in {m.id for m in run_checks(databases=["default"])}
    finally:
        connections["default"].close()
        entry["USER"] = before
    assert "portal.E012" not in {m.id for m in run_checks(databases=["default"])}


def test_every_model_of_the_portal_is_guarded_or_named():
    from portal.kernel.checks import UNGUARDED

    own = [m for m in apps.get_models() if m.__module__.startswith("portal.")]
    loose = {m._meta.label for m in own if not issubclass(m, PortalModel)}
    assert loose == set(UNGUARDED)


def doors():
    spec = importlib.util.spec_from_file_location("doors", ROOT / "scripts" / "doors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("file", "source", "says"),
    [
        ("portal/people/views/x.py", "connection.cursor()", "selectors_sql.py"),
        ("portal/people/selectors.py", "Patient.objects.raw('SELECT 1')", "selectors_sql.py"),
        ("portal/scheduling/services/x.py", "task.defer(appointment_id=1)", "emit"),
        ("portal/web/desk.py", "Patient._base_manager.all()", "guarded managers"),
    ],
)
def test_the_lint_of_the_doors_finds(file, source, says):
    assert says in " ".join(sentence for _, sentence in doors().findings(Path(file), source))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("portal/people/selectors_sql.py", "connection.cursor()"),
        ("portal/kernel/outbox.py", "task.defer(appointment_id=1)"),
        ("portal/people/selectors.py", "rows.defer('body_ru')"),
    ],
)
def test_the_lint_of_the_doors_lets_the_doors_be(file, source):
    assert not list(doors().findings(Path(file), source))


def test_nobody_goes_around_the_doors():
    assert doors().check(ROOT) == []
