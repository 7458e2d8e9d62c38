"""Words of the check in `forbidden.py`. Data, not code: nothing here is shown to anyone."""

from __future__ import annotations

import re

VOWELS = "аеиоуыьюя"
LOOK = str.maketrans("ABCEHKMOPTXYaceopxykmt", "АВСЕНКМОРТХУасеорхукмт")
DOCTOR = re.compile(r"\w{2,}(?:олог|иатр|певт|ologist|iatrist)\w{0,8}")

# In all their forms, by the stem; of three letters and fewer each form that occurs.
MEDICAL = """
вич вича виче спид эко рак рака раку раком раке раки зуб зуба зубы зубов узи мрт кт экг ээг ээг лфк оак пцр ковид covid
кровь моча мочи мочу мочой кал кала мазок мазка мазки соскоб укол уколы боль боли болью болит болеть шов швы швов
тест тесты снимок снимка снимки аборт грипп орви ангина инсульт инфаркт роды рожать язва грыжа отит цистит гастрит
осмотр медосмотр рецепт диета бинт гипс протез имплант скрининг чекап лор ухо глаз глаза кожа
hiv aids std cancer blood urine stool test tests mri ct ecg eeg ivf xray dr flu covid pain surgery drug drugs
result results lab labs gp ent gyn ob birth labour labor
"""
# Beginnings: whatever follows. Written as plain() leaves words: no ё, no й.
MEDICAL_STARTS = (
    # who and where
    "врач", "доктор", "медсестр", "фельдшер", "диспансер", "лаборатор", "больничн", "роддом", "стационар", "онко",
    "психо", "психи", "нарко", "венер", "гинеколог", "акушер", "кардио", "невролог", "терапев", "терапи",
    "хирург", "педиатр", "дермат", "офтальм", "стомат", "уролог", "проктол", "эндокрин", "аллерг", "травмат", "ортопед",
    "ревмат", "гематол", "пульмон", "фтизи", "репродукт", "реаним", "анестез", "логопед",
    # what is done
    "анализ", "диагно", "диспансериз", "обследован", "исследован", "результат", "процедур", "операци", "биопси",
    "вакцин", "привив", "инъекц", "капельниц", "перевяз", "рентген", "флюорограф", "маммограф", "томограф",
    "ультразвук", "кардиограм", "эндоскоп", "гастроскоп", "колоноскоп", "лечен", "лечащ", "лечит", "вылеч", "пролеч",
    "лекарств", "препарат", "таблет", "химиотерап", "массаж", "реабилит", "анамнез", "пункци", "мазк",
    # what one has
    "беремен", "болезн", "заболева", "симптом", "опухол", "злокачеств", "туберкул", "гепатит", "сифилис", "гоноре",
    "хламид", "герпес", "инфекц", "диабет", "эпилеп", "алкогол", "наркоз", "наркот", "суицид", "бесплод", "контрацеп",
    "депресс", "шизофрен", "вирус", "простуд", "гипертон", "онколог", "травм", "перелом",
    # English
    "doctor", "physician", "surgeon", "surgical", "nurse", "laborator", "oncolog", "psych", "gynaec", "gynec", "cardio",
    "neurolog", "urolog", "dermat", "ophthalm", "paediatr", "pediatr", "therap", "dentist", "dental", "obstet",
    "analys", "diagnos", "examinat", "vaccin", "biops", "ultraso", "radiolog", "endoscop", "colonoscop", "gastroscop",
    "medicat", "prescri", "injection", "treatment", "pregnan", "abort", "disease", "illness", "symptom", "tumo",
    "hepatit", "tubercul", "syphil", "infect", "diabet", "epilep", "alcohol", "addict", "allerg", "immunis", "immuniz",
)  # fmt: skip
# Words of names of specialties, services and complaints that tell nothing by themselves.
NEUTRAL = """
первичный повторный первый второй третий общий полный расширенный базовый стандартный комплексный краткий очный заочный
дистанционный выезд дом домой взрослый взрослые мужчина мужчины женщина женщины минута минут час день неделя месяц год
год лет визит посещение видео чат звонок телефон онлайн программа пакет курс подбор подготовка ведение продление выдача
один два три четыре пять новый другой каждый после включая вечер утро ссылка заявка клиника практика центр отделение
дети ребенок семья семейный женский мужской удалить связки цикл отношения рука нога участковый
first second repeat follow up initial full extended basic standard short visit visits minutes minute hour hours day days
week weeks month months year years adult adults man men woman women general new other time home course programme package
remote consultation session each every preparation family
child children kids check cold cut period health
"""
NOT_DOCTORS = ("технолог", "хронолог", "методолог", "терминолог", "идеолог", "эколог")
ADVERTISING = (
    "скидк", "акци", "бонус", "кешбэк", "кэшбэк", "подар", "распрода", "выгод", "промо", "бесплат", "спецпредлож",
    "предложен", "дешев", "розыгрыш", "лотере", "купон", "сертификат", "успеит", "спешит", "лучшие", "новинк", "реклам",
    "discount", "sale", "bonus", "cashback", "gift", "promo", "free", "cheap", "offer", "coupon", "lottery", "hurry",
)  # fmt: skip
ENDS_OF_HOSTS = """
ru su рф рус москва com net org info biz me io co ly cc to gl gg pro app dev site online shop store clinic health med
онлайн сайт link page click top xyz name tel mobi us uk de eu by kz ua am ge uz
"""
