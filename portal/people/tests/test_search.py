"""The directory search: on the specialties, branches and names of the demo clinic, in memory."""

from __future__ import annotations

import itertools
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.demo.invented import CAST, LOCATIONS, SPECIALTIES
from portal.demo.names import latin, person
from portal.people.models import HealthcareService, Location, Practitioner, PractitionerRole, Specialty
from portal.people.search import Found, build, plain, stem, swapped

NAME = ("family_name_ru", "given_name_ru", "middle_name_ru", "family_name_en", "given_name_en")
FIELD = ("slug", "nsi_name", "name_ru", "name_en", "plural_ru", "plural_en")
PLACE = ("slug", "name_ru", "name_en", "city_ru", "city_en", "metro_ru", "metro_en")
SERVICES = [
    ("first", "Первый приём", "First visit", ["in-person"]),
    ("repeat", "Повторный приём", "Repeat visit", ["in-person"]),
    ("video", "Консультация по видео", "Video consultation", ["video"]),
]
SCANS = [
    ("abdomen", "УЗИ брюшной полости", "Abdominal ultrasound", ["in-person"]),
    ("thyroid", "УЗИ щитовидной железы", "Thyroid ultrasound", ["in-person"]),
]
NAMED = CAST | {
    ("neurologist", 0): ("Крылова", "Вера", "Павловна"),
    ("neurologist", 1): ("Крылова", "Анна", "Олеговна"),
    ("cardiologist", 0): ("Петров", "Илья", "Наилевич"),
    ("surgeon", 0): ("Речная", "Наталья", "Игоревна"),
    ("urologist", 0): ("Носов", "Моисей", "Сергеевич"),
    ("dermatologist", 0): ("Крылова", "Наталья", "Юрьевна"),
    ("allergologist", 0): ("Щербаков-Юрьев", "Артём", "Львович"),
}


def make_specialty(row):
    return Specialty(**dict(zip(FIELD, row, strict=False)), words=row[6].split("|"))


def make_services(specialty):
    for slug, ru, en, modes in SCANS if specialty.slug == "ultrasound" else SERVICES:
        slug = f"{specialty.slug}-{slug}"
        yield HealthcareService(specialty=specialty, slug=slug, name_ru=ru, name_en=en, modes=modes)


def make_doctor(specialty, location, name, ages):
    english = [latin(part) for part in name]
    doctor = Practitioner(**dict(zip(NAME, (*name, *english[:2]), strict=True)), min_age=ages[0], max_age=ages[1])
    doctor.slug = f"{english[1]}-{english[0]}".lower()
    role = PractitionerRole(practitioner=doctor, location=location, specialty=specialty)
    doctor._prefetched_objects_cache = {"roles": [role]}
    return doctor


def make_doctors(row, specialty, position, places, random, taken, most):
    for n in range(most or row[7]):
        known = NAMED.get((specialty.slug, n))
        name = known or person(random, random.random() < 0.6)
        while not known and name[:2] in taken:
            name = person(random, random.random() < 0.6)
        taken.add(name[:2])
        yield make_doctor(specialty, places[(n + position) % 3 if n else 0], name, row[9:11])


def make_directory(most=0, rows=SPECIALTIES):
    """What `build` takes: the demo clinic, or one with `most` doctors in every specialty."""
    random, taken = Random(7), {name[:2] for name in NAMED.values()}
    places = [Location(**dict(zip(PLACE, row, strict=False))) for row in LOCATIONS]
    specialties = [make_specialty(row) for row in rows]
    doctors = [
        doctor
        for position, (row, specialty) in enumerate(zip(rows, specialties, strict=True))
        for doctor in make_doctors(row, specialty, position, places, random, taken, most)
    ]
    return specialties, doctors, [s for specialty in specialties for s in make_services(specialty)], places


# the first answer ← what is typed
FIRST = {
    "therapist": "терапевт|Терапевта|к терапевту|терапевты|запись к терапевту|"
    "хочу записаться к хорошему терапевту|семейный врач|температура|у меня температура|простудился простуда|грипп|"
    "справка|больничный лист|слабость|cold|fever|sick note|general practitioner|family doctor|терапевт!!!|ТЕРАПЕВТ|"
    "nthfgtdn|ntrhfgtdn|nthfgtdne|Ntrhfgtdn|terapevt|тирапевт|терпаевт|терапвет|теропевт|давление",
    "cardiologist": "кардиолог|кардиолога|к кардиологу|кардиологии|кардиология|кард|кардио|сердце|боли в сердце|"
    "болит сердце|одышка|аритмия|тахикардия|экг|высокое давление|гипертония|cardiologist|cardiology|chest pain|heart|"
    "palpitations|rfhlbjkju|r rfhlbjkjue|сфквшщдщпшые|сфквщщдщпшые|kardiolog|kardiologu|k kardiologu|кардеолог|"
    "кордиолог|кардилог|каридолог|врач-кардиолог|кардиологический|доктор кардиолог|нужен кардиолог срочно",
    "neurologist": "невролог|неврологу|неврология|невропатолог|болит голова|головная боль|головные боли|"
    "голова болит|болит спина|боли в спине|боль в спине|спину|спина|поясница|в пояснице боль|кружится голова|"
    "голова кружится|головокружение|мигрень|остеохондроз|онемение|шея|back pain|headache|dizziness|nevrolog|ytdhjkju|"
    "нивролог|невралог|неролог|golovnaya bol|мигрени",
    "endocrinologist": "эндокринолог|эндокринологу|диабет|сахарный диабет|щитовидка|щитовидная железа|"
    "щитовидной железой|гормоны|лишний вес|diabetes|thyroid|эндокриолог|ендокринолог|endokrinolog|'yljrhbyjkju|сахар|"
    "гормонов",
    "gynecologist": "гинеколог|гинеколога|женский врач|беременность|беременна|ведение беременности|месячные|"
    "задержка месячных|акушер|pregnancy|gynaecologist|gynecologist|гениколог|гинеколг|ginekolog|ubytrjkju|молочница|"
    "климакс",
    "urologist": "уролог|урологу|цистит|простата|почки|камни в почках|мужской врач|urolog|ehjkju|kidney|нефролог|"
    "больно писать|простатит",
    "dermatologist": "дерматолог|дерматологу|кожный врач|кожа|сыпь|сыпи|прыщи|прыщей|акне|родинка|родинки|зуд|"
    "чешется|экзема|rash|acne|дермотолог|дерматалог|dermatolog|cksgm|чешется кожа|выпадают волосы|грибок ногтей",
    "ophthalmologist": "офтальмолог|глазной|глазной врач|глаза|окулист|зрение|зрением|очки|линзы|катаракта|"
    "eye doctor|vision|red eye|офтольмолог|офтальмлог|oftalmolog|jrekbcn|плохо вижу",
    "otolaryngologist": "лор|лора|ЛОР-врач|лор врач|ухо-горло-нос|ухо горло нос|ухогорлонос|отоларинголог|горло|"
    "болит горло|боль в горле|нос|насморк|ухо|болит ухо|уши|гайморит|ангина|sore throat|ent|ear nose throat|lor|kjh|"
    "отолоринголог|на прием к лору|храп",
    "gastroenterologist": "гастроэнтеролог|гастроентеролог|желудок|живот|болит живот|боли в животе|изжога|изжогу|"
    "гастрит|тошнота|heartburn|stomach pain|gastroenterolog|;bdjn|bp;juf|гастроэнтерлог|печень|запор",
    "surgeon": "хирург|хирургу|хирурга|хирургия|варикоз|варикоза|вены|грыжа|рана|вросший ноготь|hirurg|khirurg|"
    "[bhehu|surgeon|hernia|хируг|херург|геморрой",
    "traumatologist": "травматолог|ортопед|ортопеду|травматолог-ортопед|колено|колени|болит колено|в колене боль|"
    "сустав|суставы|болят суставы|перелом|плечо|knee pain|knee|ortoped|травмотолог|артапед ортапед|плоскостопие|"
    "суставов",
    "pediatrician": "педиатр|педиатру|детский врач|детский доктор|ребенок|ребёнок|ребёнку|врач для ребенка|"
    "прививка|прививку ребенку|грудничок|pediatr|gtlbfnh|педиатор|vaccination|child|ребенок кашляет|"
    "температура у ребенка|справка в сад|paediatrician",
    "psychotherapist": "психотерапевт|психотерапевту|тревога|тревогу|стресс|выгорание|депрессия|паническая атака|"
    "anxiety|stress|психатерапевт|психолог|psihoterapevt|сон|не сплю",
    "ultrasound": "узи|сделать узи|врач узи|ультразвук|ultrasound|eppb eps uzi|uzi|узист|узи сердца|узи почек",
    "allergologist": "аллерголог|аллергологу|аллергия|на аллергию|аллергии|пыльца|крапивница|аллергия на кошку|"
    "allergy|hay fever|алерголог|алергия|аллерголог-иммунолог|чихание|укус осы|отек квинке",
    "ultrasound-thyroid": "узи щитовидной железы|щитовидной железы узи|thyroid ultrasound",
    "ultrasound-abdomen": "узи брюшной полости|abdominal ultrasound",
    "vera-krylova": "вера крылова|крылова вера|Крылова В.|Крылова В. П.|В. Крылова|вера павловна крылова|"
    "krylova vera|vera krylova|крыловой вере|крилова вера|вера крыловна крылова|rhskjdf dthf|крылова вера павловна|"
    "доктор вера крылова|крылова веа",
    "anna-krylova": "анна крылова|крылова а|крылова анна олеговна|к анне крыловой|Anna Krylova",
    "natalya-krylova": "ната кры|кры ната|наталья крылова|крылова дерматолог|natalia krylova",
    "ilya-petrov": "петров|петрову|petrov|gtnhjd|илья петров|петров кардиолог|петров илья наилевич|петров и.н.",
    "artem-shcherbakov-yurev": "щербаков|щербаков-юрьев|юрьев|sherbakov|shcherbakov|щербокав",
    "moisey-nosov": "носов|носову|моисей|vjbctq|моисеи|носов моисей|nosov",
    "uralskaya": "екатеринбург|в екатеринбурге|екб|уральская|на уральской|метро геологическая|yekaterinburg|"
    "trfnthby,ehu|екатеринбрг",
    "parkovaya": "парковая|на парковой|парковая 3|parkovaya|казань парковая",
    "rechnaya": "суконная слобода|метро суконная слобода|казань суконная",
}  # fmt: skip
CASES = [(words, slug) for slug, text in FIRST.items() for words in text.split("|")]
NEVER = [
    ("уролог", "neurologist"), ("невролог", "urologist"), ("хирург", "urologist"), ("нефролог", "neurologist"),
    ("терапевт", "psychotherapist"), ("гематолог", "dermatologist"), ("ревматолог", "traumatologist"),
    ("nephrologist", "neurologist"), ("стоматолог", "dermatologist"), ("онколог", "urologist"),
    ("нос", "moisey-nosov"), ("болит спина", "therapist"), ("болит горло", "neurologist"),
    ("психиатр", "pediatrician"), ("лор", "surgeon"), ("глазное давление", "cardiologist"),
    ("ребенок кашляет", "therapist"),
]  # fmt: skip
NOTHING = (
    "|   |врач|доктор|хороший врач|запись|%_|<script>|<script>alert(1)</script>|' OR 1=1 --|../../etc/passwd|"
    "\x00\x01\x02|\u202e\u200b|😀😀😀|???|.|,|«»|стол|окно|погода|купить машину|рецепт борща|ремонт телефона|"
    "доставка пиццы|qwerty|asdfgh|йцукен|0000|зубной|стоматолог|ревматолог|онколог|кардиохирург|dentist|"
    "нейрохирург|зуб болит|в|к"
)
LONG = ["😀" * 100, "й" * 10_000, "a " * 5_000, "\u0301" * 500, "ﷺ" * 100, "болит" * 500]
KAZAN, URAL, NONE = {"rechnaya", "parkovaya"}, {"uralskaya"}, set()
PARTS = [
    # typed, specialty, place, way of meeting, for a child
    ("лор казань", "otolaryngologist", KAZAN, "", False), ("невролог в казани", "neurologist", KAZAN, "", False),
    ("узи екатеринбург", "ultrasound", URAL, "", False),
    ("терапевт на парковой", "therapist", {"parkovaya"}, "", False),
    ("болит спина речная", "neurologist", {"rechnaya"}, "", False),
    ("детский лор", "otolaryngologist", NONE, "", True), ("лор ребёнку", "otolaryngologist", NONE, "", True),
    ("детский окулист казань", "ophthalmologist", KAZAN, "", True), ("педиатр", "pediatrician", NONE, "", True),
    ("детский педиатр", "pediatrician", NONE, "", True), ("терапевт онлайн", "therapist", NONE, "video", False),
    ("невролог по видео", "neurologist", NONE, "video", False),
    ("jykfqy ytdhjkju", "neurologist", NONE, "video", False), ("чат с терапевтом", "therapist", NONE, "chat", False),
    ("онлайн педиатр", "pediatrician", NONE, "video", True),
    ("дерматолог видеоконсультация екатеринбург", "dermatologist", URAL, "video", False),
]  # fmt: skip
CORRECTED = [
    ("nthfgtdn", "терапевт"), ("r rfhlbjkjue", "кардиологу"), ("сфквшщдщпшые", "cardiologist"),
    ("кардеолог", "кардиолог"), ("terapevt", "терапевт"), ("лор козань", "лор казань"), ("vjbctq", "моисей"),
    ("терапевт", None), ("боли в спине", None), ("к кардиологу", None), ("кард", None), ("Vera Krylova", None),
    ("зубной", None), ("ЁЖ", None),
]  # fmt: skip
SUGGESTED = [
    # typed so far, then the first line: kind and title in Russian
    ("кард", "specialty", "Кардиолог"), ("кардеол", "specialty", "Кардиолог"), ("rfhl", "specialty", "Кардиолог"),
    ("kard", "specialty", "Кардиолог"), ("запись к карди", "specialty", "Кардиолог"),
    ("уз", "specialty", "УЗИ-диагностика"), ("болит сп", "complaint", "болит спина"),
    ("боль в жив", "complaint", "болит живот"), ("изж", "complaint", "изжога"),
    ("кружится г", "complaint", "кружится голова"), ("back", "complaint", "back pain"), ("ревм", "", ""),
    ("к", "", ""), ("ната кры", "practitioner", "Наталья Крылова"), ("петр", "practitioner", "Илья Петров"),
    ("", "", ""), ("крылова дер", "practitioner", "Наталья Крылова"), ("лор екат", "specialty", "ЛОР-врач"),
    ("%_", "", ""), ("екат", "location", "Уральская, 40"), ("узи щит", "service", "УЗИ щитовидной железы"),
    ("онлайн нев", "specialty", "Невролог"),
]  # fmt: skip


@pytest.fixture(scope="module")
def index():
    return build(*make_directory())


@pytest.fixture(scope="module")
def crowd():
    """512 doctors."""
    directory = make_directory(most=32)
    return directory, build(*directory)


def slug(index, kind, row):
    return index.rows[kind, row].slug


def first(index, words):
    found = index.find(words).first
    return slug(index, found[0], found[1].id) if found else None


def everything(index, found):
    kinds = ("specialty", "practitioner", "service", "location")
    lists = (found.specialties, found.practitioners, found.services, found.locations)
    return {slug(index, kind, hit.id) for kind, hits in zip(kinds, lists, strict=True) for hit in hits}


@pytest.mark.parametrize(("words", "expected"), CASES)
def test_the_first_answer_is_what_the_person_meant(index, words, expected):
    assert first(index, words) == expected


@pytest.mark.parametrize(("words", "unwanted"), NEVER)
def test_a_resembling_word_does_not_lead_to_another_doctor(index, words, unwanted):
    found = index.find(words)
    named = {slug(index, "specialty", hit.id) for hit in found.specialties}
    assert unwanted not in named | {slug(index, "practitioner", hit.id) for hit in found.practitioners}


@pytest.mark.parametrize("words", [*NOTHING.split("|"), *LONG], ids=itertools.count())
def test_noise_finds_nothing(index, words):
    found = index.find(words)
    assert found.is_empty and found.first is None, everything(index, found)


@pytest.mark.parametrize(("words", "specialty", "places", "mode", "is_child"), PARTS)
def test_a_query_of_several_kinds_is_taken_apart(index, words, specialty, places, mode, is_child):
    found = index.find(words)
    assert slug(index, "specialty", found.specialties[0].id) == specialty
    assert {slug(index, "location", hit.id) for hit in found.locations} == places
    assert (found.mode, found.is_child) == (mode, is_child)


def test_specialty_and_place_intersect(index):
    found = index.find("терапевт на парковой")
    wanted = found.specialties[0].id, found.locations[0].id
    assert found.practitioners and all(wanted in index.doctors[hit.id].roles for hit in found.practitioners)


def test_a_doctor_is_cut_down_to_the_specialty_named_beside(index):
    found = index.find("крылова дерматолог")
    assert [slug(index, "practitioner", hit.id) for hit in found.practitioners] == ["natalya-krylova"]


def test_a_doctor_of_another_specialty_is_not_lost(index):
    found = index.find("петров уролог")
    assert "ilya-petrov" in everything(index, found) and "urologist" in everything(index, found)


def test_a_word_that_is_a_name_and_a_street_finds_both(index):
    assert {"rechnaya", "natalya-rechnaya"} <= everything(index, index.find("речная"))


def test_a_child_sees_only_doctors_who_see_children(index):
    for words in ("детский кардиолог", "ребенок кашляет", "сыпь у ребенка"):
        found = index.find(words)
        assert found.practitioners and all(index.doctors[hit.id].is_for_children for hit in found.practitioners)


def test_only_video_services_of_the_specialty_answer_a_way_of_meeting(index):
    found = index.find("невролог онлайн")
    assert [slug(index, "service", hit.id) for hit in found.services] == ["neurologist-video"]


def test_a_service_is_cut_down_to_the_specialty_named_beside(index):
    found = index.find("повторный приём кардиолог")
    assert [slug(index, "service", hit.id) for hit in found.services] == ["cardiologist-repeat"]


@pytest.mark.parametrize(("words", "because"), [("боли в спине", "болит спина"), ("окулист", ""), ("лор", "")])
def test_the_complaint_that_led_there_is_told(index, words, because):
    assert index.find(words).specialties[0].because == because


@pytest.mark.parametrize(("words", "corrected"), CORRECTED)
def test_what_was_understood_is_told_when_it_differs(index, words, corrected):
    assert index.find(words).corrected == corrected


def test_words_that_found_nothing_are_told(index):
    assert index.find("лор на Невском").ignored == ("невском",)
    assert index.find("ревматолог казань").ignored == ("ревматолог",)


def test_an_exact_name_ranks_above_a_resembling_one(index):
    scores = [hit.score for words in ("кардиолог", "карди", "кардеолог") for hit in index.find(words).specialties[:1]]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 3


@pytest.mark.parametrize(("words", "kind", "title"), SUGGESTED)
def test_the_first_suggestion_is_what_is_being_typed(index, words, kind, title):
    lines = index.suggest(words)
    assert [(line.kind, line.title) for line in lines[:1]] == ([(kind, title)] if kind else [])


def test_suggestions_are_limited_and_speak_the_language(index):
    assert len(index.suggest("кр", limit=2)) == 2
    line = index.suggest("krylova derm", language="en")[0]
    assert (line.title, line.specialties) == ("Natalya Krylova", ("dermatologist",)) and line.detail == "Dermatologist"


def test_a_suggestion_carries_what_a_link_needs(index):
    line = index.suggest("узи екат")[0]
    assert (line.slug, line.location, line.detail) == ("ultrasound", "uralskaya", "Екатеринбург, Уральская, 40")
    line = index.suggest("давлен")[0]
    assert line.kind == "complaint" and set(line.specialties) == {"therapist", "cardiologist"} and not line.slug


def test_a_clinic_with_a_dentist_finds_the_dentist():
    row = (
        "dentist",
        "Стоматология",
        "Стоматолог",
        "Dentist",
        "Стоматологи",
        "Dentists",
        "зубной|болит зуб",
        2,
        1,
        18,
        120,
    )
    index = build(*make_directory(rows=[*SPECIALTIES, row]))
    assert {first(index, words) for words in ("зубной", "стоматолог", "зуб болит", "stamatolog", "dentist")} == {
        "dentist"
    }


def test_a_doctor_without_an_active_role_is_not_found():
    specialties, doctors, services, places = make_directory()
    gone = make_doctor(specialties[0], places[0], ("Уходящий", "Лука", ""), (18, 120))
    gone.roles.all()[0].is_active = False
    assert build(specialties, [*doctors, gone], services, places).find("уходящий").is_empty


@settings(max_examples=150, deadline=None)
@given(words=st.text(max_size=200) | st.text("абвлорсп еь.,-ntrhk12", max_size=60))
def test_any_text_is_answered_with_few_tokens(index, words):
    assert isinstance(index.find(words), Found)
    assert len(index.suggest(words)) <= 8
    assert len(index._understand(words, is_typing=True).tokens) <= 10


def edited(word, random):
    """One slip of the fingers in a word, as people make it."""
    n, letter = random.randrange(len(word)), random.choice("абвгдеиклмнопрстуя")
    middle = max(n, 1)
    swap = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return random.choice(
        [word[:n] + word[n + 1 :], word[:n] + letter + word[n:], word[:n] + letter + word[n + 1 :], swap]
    )


def recall(index, kind, names, random):
    right = 0
    for row, name in names:
        found = index.find(edited(name.lower(), random))
        hits = found.specialties if kind == "specialty" else found.practitioners
        right += row in {hit.id for hit in hits[:3]}
    return right / len(names)


@pytest.mark.parametrize("seed", [1, 2, 42])
def test_one_slip_of_the_fingers_still_finds_the_right_one(crowd, seed):
    directory, index, random = *crowd, Random(seed)
    doctors = random.sample(directory[1], 100)
    names = [(doctor.pk, f"{doctor.given_name_ru} {doctor.family_name_ru}") for doctor in doctors]
    assert recall(index, "specialty", [(s.pk, s.name_ru) for s in directory[0]] * 10, random) >= 0.95
    assert recall(index, "practitioner", names, random) >= 0.95


def test_five_hundred_doctors_are_indexed_and_searched_at_once(crowd):
    start = time.process_time()
    build(*crowd[0])
    built = time.process_time() - start
    for words, _ in CASES:
        crowd[1].find(words)
    each = (time.process_time() - start - built) / len(CASES)
    assert built < 1.5 and each < 0.025, "many times what was measured on a small machine"


def test_stems_join_the_forms_of_a_word():
    forms = "спина спины спине спину спиной|кардиолог кардиолога кардиологу кардиологом|боль боли болит болят"
    assert [len({stem(plain(word)) for word in line.split()}) for line in forms.split("|")] == [1, 1, 1]


def test_the_other_layout_is_its_own_inverse():
    assert swapped(swapped("терапевт")) == "терапевт" == swapped("nthfgtdn")
