"""The tags that templates are written with."""

from decimal import Decimal

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from portal.web import samples, words
from portal.web.templatetags import look


def drawn(source, language="ru", **values):
    with translation.override(language):
        return Template(source).render(Context(values))


@pytest.mark.parametrize(
    ("amount", "russian"),
    [
        (2400, "2 400 ₽"),
        (0, "цена в клинике"),
        (Decimal("1250.50"), "1 250,50 ₽"),
        (1234567, "1 234 567 ₽"),
        (None, ""),
    ],
)
def test_money(amount, russian):
    with translation.override("ru"):
        assert look.money(amount).replace("\u00a0", " ") == russian


def test_contacts_are_shown_so_that_only_their_owner_knows_them():
    assert look.masked_phone("+79001234517").replace("\u00a0", " ") == "+7 900 •••-••-17"
    assert look.masked_phone("112") == "•••"
    assert look.masked_email("anna@mail.ru") == "a•••@mail.ru"
    assert look.masked_email("nonsense") == "•••"
    assert look.phone_words("+79001234517").replace("\u00a0", " ") == "+7 900 123-45-17"


def test_an_avatar_is_the_same_for_the_same_person_and_escapes_names():
    first, again = look.avatar("a-1", "Вера Андреевна Соколова"), look.avatar("a-1", "Вера Андреевна Соколова")
    assert first == again
    assert ">ВС</text>" in first
    assert "<script" not in look.avatar("a-1", "<script> X")
    assert len({look.avatar(n, "A B") for n in range(50)}) > 40


@pytest.mark.parametrize(
    ("name", "letters"), [("Анна Белова", "АБ"), ("Madonna", "M"), ("", ""), ("Анна-Мария 2 Ли", "АЛ")]
)
def test_initials(name, letters):
    assert words.initials(name) == letters


def test_what_a_doctor_speaks_and_sees():
    with translation.override("ru"):
        assert words.speaks([]) == ""
        assert words.speaks(["tt"]) == "Говорит по-татарски"
        assert words.speaks(["tt", "en"]) == "Говорит по-татарски и по-английски"
        assert words.speaks(["xx"]) == ""
        assert words.audience(18, 120) == "Принимает взрослых"
        assert words.audience(0, 17) == "Принимает детей"
        assert words.audience(3, 120) == "Принимает взрослых и детей с 3 лет"


class Form(forms.Form):
    name = forms.CharField(label="Имя", help_text="как в паспорте")
    note = forms.CharField(label="Заметка", required=False)
    sex = forms.ChoiceField(label="Пол", choices=[("f", "Ж"), ("m", "М")], widget=forms.RadioSelect)
    agree = forms.BooleanField(label="Согласие")


def test_a_wrong_field_is_joined_with_its_hint_and_error():
    html = drawn("{% field form.name autocomplete='name' data_x='1' %}", form=Form({}))
    assert 'aria-describedby="id_name-hint id_name-error"' in html
    assert 'aria-invalid="true"' in html
    assert 'autocomplete="name"' in html
    assert 'data-x="1"' in html
    assert 'id="id_name-error"' in html


def test_a_field_in_order_has_no_word_of_an_error():
    html = drawn("{% field form.note %}", form=Form())
    assert "aria-invalid" not in html
    assert "error" not in html
    assert "по желанию" in html


def test_what_was_typed_is_kept_and_escaped():
    html = drawn("{% field form.name %}", form=Form({"name": '"><script>'}))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_summary_appears_when_more_than_one_field_is_wrong():
    assert drawn("{% errors form %}", form=Form({"name": "А", "sex": "f"})) == ""
    html = drawn("{% errors form %}", form=Form({"sex": "f"}))
    assert "Проверьте 2 поля" in html
    assert 'href="#id_name"' in html


def test_radio_buttons_are_cards_under_a_legend():
    html = drawn("{% field form.sex %}", form=Form({"sex": "f"}))
    assert html.count('class="choice"') == 2
    assert "<legend>Пол" in html
    assert "checked" in html


def test_a_ticket_shows_where_and_when_and_strikes_out_what_is_cancelled():
    visit = samples.visit(samples.at(1, 14, 20))
    html = drawn('{% ticket visit %}<a href="/x">go</a>{% endticket %}', visit=visit)
    assert "14:20" in html
    assert '<a href="/x">go</a>' in html
    assert "214" in html
    visit.status = "cancelled"
    assert "<s>14:20</s>" in drawn("{% ticket visit %}{% endticket %}", visit=visit)


def test_a_trail_marks_where_the_person_is():
    html = drawn('{% trail "Врачи" "/doctors/" "Вера" %}')
    assert '<a href="/doctors/">Врачи</a>' in html
    assert '<li aria-current="step">Вера</li>' in html


def test_an_address_with_one_parameter_changed():
    request = RequestFactory().get("/doctors/?mode=video&page=3")
    html = drawn('{% here_with page="" location="river" as url %}{{ url }}', request=request)
    assert html == "/doctors/?mode=video&amp;location=river"
    assert drawn('{% here_with page="" mode="" as url %}{{ url }}', request=request) == "/doctors/"


def test_a_notice_of_trouble_is_announced():
    assert 'role="alert"' in drawn('{% notice "bad" "Занято" %}Ближайшее: 14:40{% endnotice %}')
    assert "role" not in drawn('{% notice "ok" "Сохранено" %}{% endnotice %}')
