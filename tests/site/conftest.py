"""The built site, served, and tabs of the installed Chromium, which reaches no other host."""

import pytest
from playwright.sync_api import sync_playwright

from _ext.pdf.printing import CHROMIUM
from conftest import missing_tool
from tests.site.pages import folder
from tests.site.server import serve

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def site():
    """The folder of the built site."""
    return folder()


@pytest.fixture(scope="module")
def address(site):
    with serve(site) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    program = CHROMIUM or missing_tool("Chromium is not installed")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage", OFFLINE]
        yield playwright.chromium.launch(executable_path=program, args=flags)


@pytest.fixture
def tab(chromium, address):
    """An empty tab (Playwright's Page), with `errors` and `requested`, those of its workers too."""
    with opened(chromium, address) as context:
        yield watched(context)


@pytest.fixture
def still(chromium, address):
    """A tab whose pages run no script; `evaluate` works nevertheless."""
    with opened(chromium, address, java_script_enabled=False) as context:
        yield watched(context)


def opened(chromium, address, **options):
    size = {"width": 1200, "height": 900}
    return chromium.new_context(base_url=address, viewport=size, **options)


def watched(context):
    """A new tab that keeps uncaught exceptions, console errors, and each URL asked for."""
    context.set_default_timeout(120_000)
    tab = context.new_page()
    tab.errors = []
    tab.requested = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.on("console", lambda said: said.type == "error" and tab.errors.append(
        f"{said.text} {said.location['url']}"))
    tab.on("request", lambda request: tab.requested.append(request.url))
    return tab
