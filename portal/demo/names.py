"""Names of people who do not exist, and how Russian is written in Latin letters."""

from __future__ import annotations

from random import Random

FEMALE = {
    "given": "Анна Вера Дина Мария Ольга Елена Наталья Ирина Светлана Юлия Татьяна Марина Ксения Алина Дарья Полина Гульнара Лейла Софья Людмила".split(),
    "middle": "Андреевна Игоревна Маратовна Сергеевна Павловна Викторовна Алексеевна Дмитриевна Рустамовна Николаевна Олеговна Тимуровна".split(),
    "family": "Белова Соколова Юсупова Ким Лисина Снегова Чайкина Озерова Рябинина Галеева Журавлёва Морозова Шарипова Орлова Ветрова Полякова Ершова "
    "Кузьмина Гараева Лебедева Тихонова Берёзкина Валиева Громова Зимина Котова Лугова Мельникова Никитина Павлова Речная Савина Травина Уварова Фомина".split(),
}
MALE = {
    "given": "Глеб Илья Тимур Рустам Олег Борис Павел Андрей Артём Марат Дмитрий Егор Сергей Никита Азат Роман Максим Денис Виктор Лев".split(),
    "middle": "Игоревич Андреевич Наилевич Сергеевич Маратович Павлович Викторович Алексеевич Дмитриевич Рустамович Николаевич Олегович".split(),
    "family": "Орлов Громов Азизов Галеев Соловьёв Зайцев Ким Нечаев Валеев Сафин Крылов Ушаков Родин Воронов Лапин Касымов Мельник Тарасов Шмелёв "
    "Бобров Ветров Гаврилов Дубов Ершов Жуков Зимин Ильин Котов Лугов Миронов Носов Осипов Петухов Рогов Седов".split(),
}
LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya".split(" "),
        strict=True,
    )
)


def latin(text: str) -> str:
    """Соколова → Sokolova."""
    return "".join(_letter(char) for char in text)


def _letter(char: str) -> str:
    small = LATIN.get(char.lower(), char)
    return small.capitalize() if char.isupper() else small


def person(random: Random, is_female: bool) -> tuple[str, str, str]:
    """(family, given, middle)."""
    lists = FEMALE if is_female else MALE
    return random.choice(lists["family"]), random.choice(lists["given"]), random.choice(lists["middle"])
