"""What is invented for the demo clinic, as tables. Long lines are data, not code."""

# fmt: off
# slug, classifier name, name ru/en, plural ru/en, words, doctors, price of a first visit, youngest, oldest
SPECIALTIES = [
    ('therapist', 'Терапия', 'Терапевт', 'General practitioner', 'Терапевты', 'General practitioners', 'простуда|кашель|кашляю|температура|высокая температура|давление|слабость|справка|больничный|больничный лист|грипп|орви|озноб|ломота в теле|усталость|недомогание|что-то болит|плохо себя чувствую|отравление|диспансеризация|чекап|обследование перед операцией|семейный врач|участковый|cold|cough|fever|flu|blood pressure|fatigue|weakness|sick note|check-up|family doctor|gp', 7, 2400, 18, 120),
    ('cardiologist', 'Кардиология', 'Кардиолог', 'Cardiologist', 'Кардиологи', 'Cardiologists', 'сердце|сердечный|боль в сердце|боль в груди|давление|высокое давление|гипертония|пульс|частый пульс|аритмия|перебои в сердце|тахикардия|сердцебиение|одышка|стенокардия|инфаркт|холестерин|отёки ног|экг|кардиограмма|heart|chest pain|palpitations|high blood pressure|hypertension|arrhythmia|shortness of breath|cholesterol|ecg', 5, 2900, 18, 120),
    ('neurologist', 'Неврология', 'Невролог', 'Neurologist', 'Неврологи', 'Neurologists', 'болит голова|головная боль|голова|мигрень|болит спина|спина|боль в пояснице|поясница|шея|кружится голова|головокружение|онемение|немеют руки|невралгия|невропатолог|остеохондроз|грыжа позвоночника|позвоночник|радикулит|седалищный нерв|защемление нерва|тремор|судороги|инсульт|бессонница|прострел|headache|migraine|back pain|neck pain|dizziness|numbness|insomnia|nerve|sciatica|stroke', 5, 2800, 18, 120),
    ('endocrinologist', 'Эндокринология', 'Эндокринолог', 'Endocrinologist', 'Эндокринологи', 'Endocrinologists', 'щитовидная железа|щитовидка|диабет|сахарный диабет|сахар|высокий сахар|инсулин|гормоны|гормональный сбой|вес|лишний вес|ожирение|похудеть|узлы щитовидной железы|гипотиреоз|тиреотоксикоз|зоб|надпочечники|диетолог|обмен веществ|остеопороз|thyroid|diabetes|blood sugar|hormones|weight|overweight|obesity|insulin', 4, 2700, 18, 120),
    ('gynecologist', 'Акушерство и гинекология', 'Гинеколог', 'Gynaecologist', 'Гинекологи', 'Gynaecologists', "беременность|беременна|ведение беременности|женский врач|женская консультация|акушер|месячные|задержка месячных|цикл|нарушение цикла|климакс|менопауза|молочница|выделения|мазок|контрацепция|противозачаточные|бесплодие|эндометриоз|миома|яичники|матка|киста яичника|боль внизу живота|роды|pregnancy|pregnant|period|missed period|menopause|contraception|women's health|infertility|thrush|pap smear|ovaries", 5, 2800, 16, 120),
    ('urologist', 'Урология', 'Уролог', 'Urologist', 'Урологи', 'Urologists', "почки|камни в почках|цистит|простата|простатит|аденома|мужской врач|андролог|нефролог|мочевой пузырь|частое мочеиспускание|недержание|моча|кровь в моче|больно писать|потенция|эрекция|мужское здоровье|яички|варикоцеле|почечная колика|kidney|kidneys|kidney stones|cystitis|prostate|bladder|urination|men's health|uti", 3, 2700, 18, 120),
    ('dermatologist', 'Дерматовенерология', 'Дерматолог', 'Dermatologist', 'Дерматологи', 'Dermatologists', 'кожа|кожный врач|сыпь|родинка|родинки|акне|прыщи|угри|зуд|чешется кожа|чешется|пятна на коже|шелушение|экзема|дерматит|псориаз|грибок|грибок ногтей|ногти|волосы|выпадают волосы|перхоть|бородавка|папиллома|лишай|веснушки|венеролог|герпес|skin|rash|mole|moles|acne|pimples|itching|eczema|psoriasis|hair loss|warts|fungus', 4, 2500, 3, 120),
    ('ophthalmologist', 'Офтальмология', 'Офтальмолог', 'Eye doctor', 'Офтальмологи', 'Eye doctors', 'глаза|глаз|глазной|глазной врач|окулист|зрение|плохо вижу|падает зрение|близорукость|дальнозоркость|очки|подбор очков|линзы|катаракта|глаукома|глазное давление|конъюнктивит|ячмень|покраснел глаз|слезятся глаза|сухость глаз|соринка в глазу|сетчатка|eye|eyes|vision|sight|glasses|contact lenses|red eye|dry eyes|cataract|glaucoma|ophthalmologist|oculist', 4, 2400, 3, 120),
    ('otolaryngologist', 'Оториноларингология', 'ЛОР-врач', 'Ear, nose and throat doctor', 'ЛОР-врачи', 'Ear, nose and throat doctors', 'ухо|уши|болит ухо|ухо-горло-нос|ухогорлонос|лор|отоларинголог|оториноларинголог|горло|болит горло|боль в горле|нос|заложен нос|насморк|сопли|ангина|гайморит|синусит|отит|миндалины|тонзиллит|аденоиды|храп|слух|шум в ушах|пробка в ухе|осип голос|кровь из носа|кашель|ear|ear pain|throat|sore throat|nose|runny nose|sinusitis|tonsils|hearing|hearing loss|snoring|ent', 4, 2500, 3, 120),
    ('gastroenterologist', 'Гастроэнтерология', 'Гастроэнтеролог', 'Gastroenterologist', 'Гастроэнтерологи', 'Gastroenterologists', 'желудок|живот|болит живот|боль в животе|изжога|гастрит|язва|тошнота|рвота|тяжесть после еды|вздутие|газы|запор|понос|диарея|кишечник|печень|желчный|желчный пузырь|поджелудочная|панкреатит|колит|рефлюкс|гастроскопия|горечь во рту|stomach|stomach pain|abdominal pain|heartburn|nausea|bloating|constipation|diarrhea|liver|gastritis|reflux|ulcer', 3, 2800, 18, 120),
    ('surgeon', 'Хирургия', 'Хирург', 'Surgeon', 'Хирурги', 'Surgeons', 'рана|порез|ожог|грыжа|паховая грыжа|вены|варикоз|варикозное расширение|флеболог|перевязка|снять швы|швы|гнойник|нарыв|фурункул|вросший ноготь|липома|жировик|атерома|аппендицит|геморрой|удалить|операция|пролежни|панариций|wound|cut|burn|hernia|veins|varicose veins|stitches|abscess|ingrown nail|surgery|hemorrhoids', 3, 2600, 18, 120),
    ('traumatologist', 'Травматология и ортопедия', 'Травматолог-ортопед', 'Orthopaedist', 'Травматологи-ортопеды', 'Orthopaedists', 'колено|колени|болит колено|сустав|суставы|болят суставы|перелом|вывих|растяжение|ушиб|травма|плечо|локоть|лодыжка|голеностоп|нога|болит нога|рука|стопа|пятка|пяточная шпора|плоскостопие|артроз|артрит|мениск|связки|тазобедренный|косточка на ноге|сколиоз|осанка|knee|knee pain|joint|joint pain|fracture|sprain|shoulder|foot|flat feet|injury|broken bone|ankle', 4, 2700, 3, 120),
    ('pediatrician', 'Педиатрия', 'Педиатр', 'Paediatrician', 'Педиатры', 'Paediatricians', "ребёнок|дети|детский врач|прививка|прививки|вакцинация|осмотр ребёнка|справка в сад|справка в школу|грудничок|новорождённый|колики|патронаж|ветрянка|скарлатина|диатез|не ест|прикорм|детская простуда|насморк у ребёнка|кашель у ребёнка|child|children|kids|baby|vaccination|vaccine|newborn|chickenpox|colic|school certificate|pediatrician|children's doctor", 6, 2300, 0, 17),
    ('psychotherapist', 'Психотерапия', 'Психотерапевт', 'Psychotherapist', 'Психотерапевты', 'Psychotherapists', 'тревога|тревожность|сон|не сплю|бессонница|стресс|выгорание|депрессия|паника|паническая атака|страх|фобия|психолог|психотерапия|апатия|раздражительность|нервы|навязчивые мысли|утрата близкого|семейный конфликт|отношения|самооценка|рпп|anxiety|insomnia|stress|burnout|depression|panic attack|fear|sleep|therapy|psychologist|grief', 3, 3600, 18, 120),
    ('ultrasound', 'Ультразвуковая диагностика', 'УЗИ-диагностика', 'Ultrasound', 'Врачи УЗИ', 'Ultrasound doctors', 'узи|ультразвук|узист|сонография|узи щитовидной железы|узи брюшной полости|узи живота|узи почек|узи сердца|эхокардиография|эхо|узи сосудов|допплер|узи беременных|скрининг|узи малого таза|узи молочных желёз|узи суставов|узи печени|узи детям|ultrasound|sonography|abdominal ultrasound|thyroid ultrasound|doppler|echocardiography|pregnancy scan|scan', 4, 1900, 0, 120),
    ('allergologist', 'Аллергология и иммунология', 'Аллерголог', 'Allergist', 'Аллергологи', 'Allergists', 'аллергия|аллергик|аллерген|пыльца|поллиноз|сенная лихорадка|крапивница|чихание|чихаю|иммунолог|иммунитет|частые простуды|пищевая аллергия|аллергия на кошку|аллергия на лекарства|аллергия на пыль|отёк квинке|астма|аллергический насморк|аллергопробы|пробы на аллергию|укус осы|шерсть|цветение|allergy|allergies|hay fever|pollen|hives|sneezing|asthma|food allergy|immunity|immunologist|cat allergy', 2, 2700, 3, 120),
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
