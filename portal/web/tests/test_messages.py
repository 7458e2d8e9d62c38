"""scripts/messages.py: what it finds, what it keeps, what it refuses."""

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "scripts" / "messages.py"


@pytest.fixture
def messages(tmp_path, monkeypatch):
    """The script, pointed at a small project of its own."""
    spec = importlib.util.spec_from_file_location("messages_script", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    portal = tmp_path / "portal"
    (portal / "templates").mkdir(parents=True)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "PORTAL", portal)
    monkeypatch.setattr(module, "PO", portal / "locale" / "ru" / "LC_MESSAGES" / "django.po")
    (portal / "a.py").write_text(
        "from django.utils.translation import gettext as _, ngettext, pgettext\n"
        'A = _("Hello, %(name)s")\nB = ngettext("%(n)s day", "%(n)s days", 2)\nC = pgettext("month", "May")\n'
    )
    (portal / "templates" / "a.html").write_text(
        '{% load i18n %}<p>{% translate "It\'s here" %}</p>\n'
        '{% include "b" with title=_("A title") %}\n'
        "{% blocktranslate count n=n trimmed %}{{ n }} visit{% plural %}{{ n }} visits{% endblocktranslate %}\n"
    )
    return module


def translate(module, **words):
    catalog = module.stored()
    for (identifier, _context), message in module.entries(catalog).items():
        if message.pluralizable:
            message.string = ("%(n)s а", "%(n)s б", "%(n)s в")
        else:
            message.string = words.get(identifier, "да %(name)s" if "name" in identifier else "да")
    module.save(catalog)


def test_it_finds_python_and_templates(messages):
    messages.update()
    found = set(messages.entries(messages.stored()))
    assert found == {
        ("Hello, %(name)s", None),
        ("%(n)s day", None),
        ("May", "month"),
        ("It's here", None),
        ("A title", None),
        ("%(n)s visit", None),
    }


def test_a_complete_catalogue_passes_and_updating_keeps_it(messages, capsys):
    messages.update()
    translate(messages)
    assert messages.check() == 0
    before = messages.PO.read_text()
    messages.update()
    assert messages.PO.read_text() == before
    assert "POT-Creation-Date" not in before
    assert "#:" not in before


def test_what_is_missing_is_named(messages, capsys):
    messages.update()
    assert messages.check() == 1
    said = capsys.readouterr().out
    assert "not translated: 'A title'" in said
    assert "not translated: '%(n)s visit'" in said


def test_new_fuzzy_and_obsolete_words_are_named(messages, capsys):
    messages.update()
    translate(messages)
    text = messages.PO.read_text()
    messages.PO.write_text(
        text.replace('msgid "A title"', '#, fuzzy\nmsgid "A title"') + '\nmsgid "Gone"\nmsgstr "Нет"\n'
    )
    (messages.PORTAL / "b.py").write_text('from x import gettext\nD = gettext("Fresh")\n')
    assert messages.check() == 1
    said = capsys.readouterr().out
    assert "fuzzy: 'A title'" in said
    assert "obsolete: 'Gone'" in said
    assert "missing: 'Fresh'" in said


def test_a_lost_placeholder_is_named(messages, capsys):
    messages.update()
    translate(messages, **{"Hello, %(name)s": "Здравствуйте"})
    assert messages.check() == 1
    assert "placeholders differ: 'Hello, %(name)s'" in capsys.readouterr().out


def test_raw_russian_is_named_but_not_in_comments_tests_and_demo(messages, capsys):
    messages.update()
    translate(messages)
    (messages.PORTAL / "templates" / "b.html").write_text("{# Привет #}\n<p>Привет</p>\n")
    (messages.PORTAL / "b.py").write_text('"""Привет."""\nA = "Привет"  # привет\nB = re.compile("[А-Яа-я]")\n')
    for folder in ("tests", "demo"):
        (messages.PORTAL / folder).mkdir()
        (messages.PORTAL / folder / "c.py").write_text('A = "Привет"\n')
    assert messages.check() == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("raw")]
    assert [line.split(": ")[1] for line in lines] == ["portal/templates/b.html:2", "portal/b.py:2"]


def test_the_compiled_catalogue_counts_in_russian(messages):
    import gettext

    messages.update()
    translate(messages)
    messages.compile_catalogue()
    with messages.PO.with_suffix(".mo").open("rb") as file:
        words = gettext.GNUTranslations(file)
    forms = [words.ngettext("%(n)s day", "%(n)s days", n)[-1] for n in (1, 2, 5, 11, 12, 21, 22, 25, 111)]
    assert "".join(forms) == "абвввабвв"
