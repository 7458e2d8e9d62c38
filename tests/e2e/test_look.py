"""The look in a browser: every public page in every version, the menu, the hold line, the live picker."""

import re

import pytest

PAGES = ["/", "/doctors/", "/services/", "/branches/", "/sign-in/", "/staff/", "/design", "/nothing-here"]
ALWAYS = [(390, "light", False), (1280, "dark", True)]
FULL = [(w, t, c) for w in (390, 1280) for t in ("light", "dark") for c in (False, True) if (w, t, c) not in ALWAYS]


@pytest.mark.parametrize(
    ("width", "theme", "clear"), [*ALWAYS, *(pytest.param(*one, marks=pytest.mark.soak) for one in FULL)]
)
def test_public_pages_pass_axe_and_fit(browser_page, axe, no_sideways, width, theme, clear):
    page = browser_page(width=width, theme=theme, clear=clear)
    for path in PAGES:
        page.goto(path)
        no_sideways(page)
        axe(page)
        page.set_viewport_size({"width": width, "height": 900})


@pytest.mark.parametrize("width", [320, 640, 820])
@pytest.mark.parametrize("clear", [False, True])
def test_nothing_scrolls_sideways_in_either_language(browser_page, no_sideways, width, clear):
    page = browser_page(width=width, clear=clear)
    for path in [*PAGES, "/en/", "/en/doctors/", "/en/design"]:
        page.goto(path)
        no_sideways(page)


def test_the_theme_acts_at_once_and_is_remembered(browser_page):
    page = browser_page(theme="auto")
    page.goto("/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("details.menu summary").click()
    with page.expect_response("**/look/") as answer:
        page.get_by_text("Тёмная", exact=True).click()
    assert answer.value.status == 303
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_without_javascript_the_menu_is_a_form(browser_page):
    page = browser_page(js=False)
    page.goto("/doctors/?child=on")
    page.locator("details.menu summary").click()
    page.get_by_text("Версия для слабовидящих").click()
    page.get_by_text("English", exact=True).click()
    page.get_by_role("button", name="Запомнить").click()
    assert page.url.endswith("/en/doctors/?child=on")
    assert page.locator("html").get_attribute("data-clear") is not None
    assert page.locator("html").get_attribute("lang") == "en"


def test_escape_closes_the_menu_and_gives_the_focus_back(browser_page):
    page = browser_page()
    page.goto("/")
    menu = page.locator("details.menu")
    menu.locator("summary").click()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_icons_come_from_one_file_under_the_policy(browser_page):
    page = browser_page()
    page.goto("/design")
    drawn = page.evaluate("[...document.querySelectorAll('.signs .i use')].map(use => use.getBBox().width)")
    assert len(drawn) > 30
    assert all(width > 0 for width in drawn)


def test_the_hold_line_runs_by_the_servers_clock(browser_page):
    page = browser_page()
    page.clock.install()
    page.goto("/design")
    left = page.locator("#hold-1 [data-left]")
    first = left.inner_text()
    assert re.fullmatch(r"осталось 8:3\d", first)
    page.clock.run_for(61_000)
    assert (
        left.inner_text() == re.sub(r"8:3(\d)", lambda found: f"7:3{int(found[1]) - 1}", first)
        or "7:" in left.inner_text()
    )
    assert page.locator("#hold-1 progress").evaluate("line => line.value") < 460


def test_a_form_is_sent_once_and_may_be_tried_again(browser_page):
    page = browser_page()
    page.clock.install()
    page.goto("/sign-in/")
    page.fill("#id_contact", "anna@example.ru")
    page.evaluate("""() => {
      window.sent = 0;
      const count = (event) => { event.preventDefault(); window.sent += 1; };
      document.querySelector("main form").addEventListener("submit", count);
    }""")
    button = page.get_by_role("button", name="Получить код")
    button.click()
    button.click()
    assert page.evaluate("window.sent") == 1
    assert button.get_attribute("aria-busy") == "true"
    page.clock.run_for(8_500)
    assert button.get_attribute("aria-busy") is None
    button.click()
    assert page.evaluate("window.sent") == 2


def test_the_first_page_is_light(browser_page):
    """At most 100 KB over the wire, as far as this server compresses: the figure is counted with gzip."""
    import gzip

    page = browser_page()
    bodies = []
    page.on("response", lambda answer: bodies.append(answer))  # noqa: PLW0108  (playwright marks the handler)
    page.goto("/")
    page.wait_for_load_state("networkidle")
    total = 0
    for answer in bodies:
        body = answer.body()
        total += len(body) if answer.url.endswith("woff2") else len(gzip.compress(body))
    assert total < 100 * 1024, total
