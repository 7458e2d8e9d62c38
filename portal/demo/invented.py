"""What is invented for the demo clinic, as tables. Long lines are data, not code."""

# fmt: off
# slug, classifier name, name ru/en, plural ru/en, words, doctors, price of a first visit, youngest, oldest
SPECIALTIES = [
    ('therapist', 'Терапия', 'Терапевт', 'General practitioner', 'Терапевты', 'General practitioners', 'простуда кашель температура давление слабость справка больничный', 7, 2400, 18, 120),
    ('cardiologist', 'Кардиология', 'Кардиолог', 'Cardiologist', 'Кардиологи', 'Cardiologists', 'сердце давление пульс аритмия одышка', 5, 2900, 18, 120),
    ('neurologist', 'Неврология', 'Невролог', 'Neurologist', 'Неврологи', 'Neurologists', 'болит голова|болит спина|головная боль|мигрень|спина|онемение|головокружение', 5, 2800, 18, 120),
    ('endocrinologist', 'Эндокринология', 'Эндокринолог', 'Endocrinologist', 'Эндокринологи', 'Endocrinologists', 'щитовидная железа|диабет|сахар|гормоны|вес', 4, 2700, 18, 120),
    ('gynecologist', 'Акушерство и гинекология', 'Гинеколог', 'Gynaecologist', 'Гинекологи', 'Gynaecologists', 'беременность|женская консультация|осмотр', 5, 2800, 16, 120),
    ('urologist', 'Урология', 'Уролог', 'Urologist', 'Урологи', 'Urologists', 'почки|цистит|простата', 3, 2700, 18, 120),
    ('dermatologist', 'Дерматовенерология', 'Дерматолог', 'Dermatologist', 'Дерматологи', 'Dermatologists', 'кожа|сыпь|родинка|акне|зуд', 4, 2500, 3, 120),
    ('ophthalmologist', 'Офтальмология', 'Офтальмолог', 'Eye doctor', 'Офтальмологи', 'Eye doctors', 'глаза|зрение|очки|линзы|окулист', 4, 2400, 3, 120),
    ('otolaryngologist', 'Оториноларингология', 'ЛОР-врач', 'Ear, nose and throat doctor', 'ЛОР-врачи', 'Ear, nose and throat doctors', 'ухо|горло|нос|насморк|ангина|лор', 4, 2500, 3, 120),
    ('gastroenterologist', 'Гастроэнтерология', 'Гастроэнтеролог', 'Gastroenterologist', 'Гастроэнтерологи', 'Gastroenterologists', 'желудок|живот|изжога|гастрит', 3, 2800, 18, 120),
    ('surgeon', 'Хирургия', 'Хирург', 'Surgeon', 'Хирурги', 'Surgeons', 'рана|грыжа|вены|перевязка', 3, 2600, 18, 120),
    ('traumatologist', 'Травматология и ортопедия', 'Травматолог-ортопед', 'Orthopaedist', 'Травматологи-ортопеды', 'Orthopaedists', 'колено|сустав|перелом|вывих|плечо', 4, 2700, 3, 120),
    ('pediatrician', 'Педиатрия', 'Педиатр', 'Paediatrician', 'Педиатры', 'Paediatricians', 'ребёнок|ребенок|дети|прививка|осмотр ребёнка', 6, 2300, 0, 17),
    ('psychotherapist', 'Психотерапия', 'Психотерапевт', 'Psychotherapist', 'Психотерапевты', 'Psychotherapists', 'тревога|сон|стресс|выгорание', 3, 3600, 18, 120),
    ('ultrasound', 'Ультразвуковая диагностика', 'УЗИ-диагностика', 'Ultrasound', 'Врачи УЗИ', 'Ultrasound doctors', 'узи|ультразвук', 4, 1900, 0, 120),
    ('allergologist', 'Аллергология и иммунология', 'Аллерголог', 'Allergist', 'Аллергологи', 'Allergists', 'аллергия|пыльца|крапивница|чихание', 2, 2700, 3, 120),
]
# slug, name, city, metro, hours, directions (each ru, en), zone, latitude, longitude
LOCATIONS = [
    ('rechnaya', 'Речная, 12', 'Rechnaya 12', 'Казань', 'Kazan', '«Суконная слобода», 4 минуты пешком', 'Sukonnaya Sloboda, 4 minutes on foot', 'Пн–сб 7:30–21:00, вс 9:00–18:00', 'Mon–Sat 7:30–21:00, Sun 9:00–18:00', 'Вход без ступеней, лифт слева от входа.', 'Step-free entrance, the lift is on the left.', 'Europe/Moscow', 55.7769, 49.1428),
    ('parkovaya', 'Парковая, 3', 'Parkovaya 3', 'Казань', 'Kazan', '', '', 'Каждый день 8:00–20:00', 'Every day 8:00–20:00', 'Автобусы 10 и 22, вход со двора.', 'Buses 10 and 22, entrance from the courtyard.', 'Europe/Moscow', 55.8204, 49.101),
    ('uralskaya', 'Уральская, 40', 'Uralskaya 40', 'Екатеринбург', 'Yekaterinburg', '«Геологическая», 7 минут пешком', 'Geologicheskaya, 7 minutes on foot', 'Пн–сб 8:00–20:00', 'Mon–Sat 8:00–20:00', 'Первый этаж, вход с улицы.', 'Ground floor, entrance from the street.', 'Asia/Yekaterinburg', 56.8266, 60.6031),
]
TITLES = [
    ('', ''),
    ('врач высшей категории', 'senior physician'),
    ('кандидат медицинских наук', 'PhD in medicine'),
    ('врач первой категории', 'physician of the first category'),
]
# Doctors of the demo accounts: (specialty, number) → (family, given, middle)
CAST = {
    ('therapist', 0): ('Соколова', 'Вера', 'Андреевна'),
    ('therapist', 1): ('Орлов', 'Глеб', 'Игоревич'),
    ('endocrinologist', 0): ('Юсупова', 'Дина', 'Маратовна'),
}
ABOUT_RU = {
    'therapist': 'Простуда и кашель, давление, слабость без понятной причины, обследование перед операцией, справки и больничные листы.',
    'cardiologist': 'Боли и перебои в сердце, высокое давление, одышка, подбор лечения и наблюдение после больницы.',
    'neurologist': 'Головная боль, боль в спине и шее, головокружение, онемение, нарушения сна.',
    'endocrinologist': 'Щитовидная железа, сахарный диабет, вес, гормональные нарушения.',
    'gynecologist': 'Плановый осмотр, нарушения цикла, подготовка к беременности и её ведение.',
    'urologist': 'Цистит, камни в почках, простата, профилактический осмотр.',
    'dermatologist': 'Сыпь и зуд, акне, осмотр родинок, волосы и ногти.',
    'ophthalmologist': 'Снижение зрения, подбор очков и линз, сухость и усталость глаз, контроль глазного давления.',
    'otolaryngologist': 'Насморк, боль в ухе и горле, снижение слуха, частые ангины.',
    'gastroenterologist': 'Изжога, боль в животе, тяжесть после еды, подготовка к исследованиям.',
    'surgeon': 'Грыжи, вены, небольшие операции, перевязки, наблюдение после операции.',
    'traumatologist': 'Боль в суставах, травмы, плоскостопие, восстановление после переломов.',
    'pediatrician': 'Наблюдение ребёнка с рождения, простуды, прививки, справки в сад и школу.',
    'psychotherapist': 'Тревога, бессонница, выгорание, трудные времена. Разговор остаётся между вами.',
    'ultrasound': 'Исследования органов живота, щитовидной железы, сосудов, сердца. Заключение сразу после приёма.',
    'allergologist': 'Сезонный насморк, крапивница, пищевая аллергия, пробы и подбор лечения.',
}
ABOUT_EN = {
    'therapist': 'Colds and cough, blood pressure, weakness without a clear cause, check-ups before surgery, certificates.',
    'cardiologist': 'Chest pain and palpitations, high blood pressure, shortness of breath, care after hospital.',
    'neurologist': 'Headache, back and neck pain, dizziness, numbness, trouble sleeping.',
    'endocrinologist': 'Thyroid, diabetes, weight, hormones.',
    'gynecologist': 'Regular check-ups, cycle disorders, planning and care of pregnancy.',
    'urologist': 'Cystitis, kidney stones, prostate, preventive check-ups.',
    'dermatologist': 'Rash and itching, acne, moles, hair and nails.',
    'ophthalmologist': 'Weak sight, glasses and lenses, dry and tired eyes, eye pressure.',
    'otolaryngologist': 'Runny nose, ear and throat pain, hearing loss, frequent sore throat.',
    'gastroenterologist': 'Heartburn, stomach pain, heaviness after meals, preparing for examinations.',
    'surgeon': 'Hernias, veins, small operations, dressings, care after surgery.',
    'traumatologist': 'Joint pain, injuries, flat feet, recovery after fractures.',
    'pediatrician': 'Care from birth, colds, vaccinations, certificates for nursery and school.',
    'psychotherapist': 'Anxiety, insomnia, burnout, hard times. What you say stays between you.',
    'ultrasound': 'Abdomen, thyroid, vessels, heart. The report is ready right after the visit.',
    'allergologist': 'Seasonal runny nose, hives, food allergy, tests and treatment.',
}
