"""A real browser against a real server: pages by width, theme, clear version, with or without JavaScript."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"], "iframes": False}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
Open = Callable[..., Page]


def noted(name: str) -> str | None:
    """What `scripts/chromium.py` found."""
    file = ROOT / ".cache" / name
    return file.read_text().strip() if file.exists() else None


@pytest.fixture(scope="session")
def launched() -> Iterator[Callable[..., Browser]]:
    """`launched(path, …)`: a browser at the first of these paths that exists, kept for the whole run."""
    started: dict[str, Browser] = {}
    with sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread; Django's guard against async callers would refuse every query
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

        def launch(*paths: str | None) -> Browser:
            path = next((path for path in paths if path and Path(path).exists()), None)
            if path is None:
                pytest.fail("No Chromium: run scripts/chromium.py, or set CHROMIUM to the path of one.")
            if path not in started:
                started[path] = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            return started[path]

        yield launch
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        for browser in started.values():
            browser.close()


@pytest.fixture(scope="session")
def whole_browser(launched: Callable[..., Browser]) -> Browser:
    """With windows and notifications."""
    return launched(os.environ.get("CHROMIUM"), noted("chromium-path"), *map(shutil.which, NAMES))


@pytest.fixture
def browser(launched: Callable[..., Browser]) -> Browser:
    """Chromium without windows of its own: the same pages for a third of the time."""
    found = (os.environ.get("CHROMIUM"), noted("chromium-shell-path"), noted("chromium-path"))
    return launched(*found, *map(shutil.which, NAMES))


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Pytest's output is for tests."""


@pytest.fixture
def site(db: str) -> Iterator[str]:
    """The address of the portal on this test's own database, with style sheets and scripts."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.wsgi import get_wsgi_application

    server = make_server("127.0.0.1", 0, StaticFilesHandler(get_wsgi_application()), _Threads, _Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser_page(browser: Browser, site: str) -> Iterator[Open]:
    """`browser_page(width=390, theme="dark", clear=True, js=False)` → a page; errors in its console fail the test."""
    contexts, trouble = [], []

    def open_page(
        *,
        width: int = 1280,
        theme: str = "light",
        clear: bool = False,
        js: bool = True,
        lang: str = "ru",
        height: int = 900,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, base_url=site, java_script_enabled=js, color_scheme="light"
        )
        contexts.append(context)
        cookies = {"portal_theme": theme, "portal_clear": "1" if clear else "0", "portal_lang": lang}
        context.add_cookies([{"name": name, "value": value, "url": site} for name, value in cookies.items()])
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda line: trouble.append(line.text) if _is_trouble(line) else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not trouble


def _is_trouble(line: Any) -> bool:
    """Anything the policy blocked, anything a script threw; not an answer of 4xx, not the live process that is away."""
    return line.type == "error" and "Failed to load resource" not in line.text and "/live/" not in line.text


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], None]:
    """`axe(page)`: no violation of WCAG A, AA, 2.2 AA or best practice on the page as it stands, whole."""
    runner = Axe()

    def check(page: Page) -> None:
        page.wait_for_load_state()  # a page that only begins has no height yet
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": page.viewport_size["width"], "height": height})  # nothing under a sticky bar
        found = runner.run(page, options=OPTIONS).response["violations"]
        said = [f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found for node in v["nodes"][:3]]
        assert not said, f"{page.url}\n" + "\n".join(said)

    return check


@pytest.fixture(scope="session")
def no_sideways() -> Callable[[Page], None]:
    """`no_sideways(page)`: nothing is wider than the window."""

    def check(page: Page) -> None:
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= page.viewport_size["width"], f"{page.url} is {wide} px wide"

    return check


@pytest.fixture
def sql(database_url: Callable[[str], str]) -> Callable[..., None]:
    """A statement by the superuser: what no page of ours can do."""

    def run(statement: str, **values: object) -> None:
        with psycopg.connect(database_url("postgres")) as direct:
            direct.execute(statement, values)

    return run


@pytest.fixture
def member(browser_page: Open, client_of: Callable[[str], Any], site: str) -> Open:
    """`member("anna", width=390)`: a page signed in as a member of the cast."""

    def enter(name: str, **options: Any) -> Page:
        page = browser_page(**options)
        session = client_of(name).cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        return page

    return enter
