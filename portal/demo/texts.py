"""Published texts of the demo clinic. A real clinic's lawyer writes their own; the program keeps versions and hashes."""

CONSENT_RU = """Я свободно, своей волей и в своём интересе даю согласие ООО «Берег» (ИНН 1655000009, 420000, Казань, ул. Речная, 12) на обработку моих персональных данных.

Для чего: завести учётную запись на портале, записывать меня на приём, подтверждать записи и напоминать о них.

Какие данные: фамилия, имя, отчество, дата рождения, пол, телефон, адрес электронной почты, сведения о моих записях на приём, технические сведения о входах (адрес в сети, вид браузера).

Что с ними делают: сбор, запись, систематизация, накопление, хранение, уточнение, извлечение, использование, передача по поручению оператору связи для отправки сообщений, блокирование, удаление, уничтожение. Обработка смешанная, базы данных находятся в России.

Сколько: пока есть учётная запись и три года после её удаления. Медицинские документы клиника хранит по своей обязанности, на них это согласие не распространяется.

Как отозвать: написать на hello@bereg.example или по адресу клиники. Отзыв не сложнее, чем само согласие."""
CONSENT_EN = """Of my own free will and in my own interest I consent to the processing of my personal data by Bereg LLC (INN 1655000009, 12 Rechnaya St., Kazan 420000).

Why: to make an account on the portal, book visits for me, confirm them and remind me of them.

Which data: family name, given name, patronymic, date of birth, sex, phone, e-mail address, my bookings, technical facts about sign-ins (network address, kind of browser).

What is done: collecting, recording, organising, accumulating, storing, correcting, retrieving, using, passing to the messaging operator that acts for the clinic, blocking, erasing, destroying. Databases are in Russia.

How long: while the account exists and three years after it is deleted. Medical documents are kept by the clinic's own duty and are not covered by this consent.

How to withdraw: write to hello@bereg.example or to the clinic's address. Withdrawing is no harder than consenting. The Russian text is the binding one."""
POLICY_RU = """Здесь сказано, как ООО «Берег» обращается с вашими данными.

Что мы храним. Фамилию, имя, отчество, дату рождения, пол, телефон и почту, ваши записи на приём и медицинские документы. Имена, контакты и медицинские сведения лежат в базе зашифрованными, у каждого пациента свой ключ.

Кто их видит. Вы сами, ваши врачи и их отделение, регистратура клиники, в которой вы лечитесь. Каждый просмотр записывается: кто, когда, что и зачем. Без такой записи данные не открываются, так устроена программа.

Кому передаём. Оператору связи, чтобы отправить СМС или письмо. В сообщениях нет ни врача, ни специальности, ни результата. За границу данные не передаются.

Сколько храним. Учётную запись, пока она вам нужна. Медицинскую карту 25 лет, так велит закон.

Ваши права. Узнать, что мы храним, исправить, отозвать согласие, получить копии документов. Напишите на hello@bereg.example или приходите в клинику, ответим в течение 10 рабочих дней."""
POLICY_EN = """This is how Bereg LLC treats your data.

What we keep. Your names, date of birth, sex, phone and e-mail, your visits and medical documents. Names, contacts and medical facts are encrypted in the database, each patient has a key of their own.

Who sees them. You, your doctors and their department, the reception of the clinic that treats you. Each look is written down: who, when, what and why. Without that record the data do not open; the program is built so.

Whom we give them to. The messaging operator, to send an SMS or an e-mail. Messages name neither a doctor nor a specialty nor a result. Nothing is sent abroad.

How long. Your account as long as you need it. The medical record for 25 years, as the law requires.

Your rights. To know what we keep, to correct it, to withdraw consent, to get copies. Write to hello@bereg.example or come to the clinic; we answer within 10 working days."""
RULES_RU = """Запись. Выбранное время десять минут за вами, пока вы проверяете запись. Запись действует, как только портал показал её в ваших визитах.

Отмена. Бесплатно в любое время до начала приёма, на странице визита. Время сразу увидят другие.

Если опаздываете. Позвоните, мы постараемся принять. Если опоздание больше 15 минут, врач может предложить другое время.

Оплата. В клинике после приёма: картой или наличными. Цена на странице записи окончательная. О бесплатной помощи по полису ОМС спросите в поликлинике по месту прикрепления.

При угрозе жизни звоните 103 или 112, портал для этого не подходит."""
RULES_EN = """Booking. The time you choose is yours for ten minutes while you check the booking. It is valid as soon as it appears among your visits.

Cancelling. Free at any time before the visit begins, on the visit's page. Others see the time at once.

If you are late. Call us, we will try to see you. If it is more than 15 minutes, the doctor may offer another time.

Paying. At the clinic after the visit, by card or in cash. The price on the booking page is final. Ask your state polyclinic about free care under compulsory insurance.

If a life is in danger call 103 or 112; the portal is not for that."""
DOCUMENTS = [
    (
        "consent-account",
        "Согласие на обработку персональных данных",
        "Consent to the processing of personal data",
        CONSENT_RU,
        CONSENT_EN,
    ),
    ("policy", "Как мы храним ваши данные", "How we keep your data", POLICY_RU, POLICY_EN),
    ("rules", "Правила записи и отмены", "Rules of booking and cancelling", RULES_RU, RULES_EN),
]
