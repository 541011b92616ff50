"""axe-core finds no fault on any page, light or dark, with all that is closed opened.

No rule is switched off. LMM_SITE is the built site, LMM_AXE a folder with the archive of npm's
axe-core 4.14.1, whose hash stands below.
"""

import hashlib
import tarfile

import pytest

from tests.site.pages import SETTLED, every_page, named, open_all, visit

ARCHIVE = "axe-core-4.14.1.tgz"
SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
RUN = """axe.run({resultTypes: ["violations"]}).then(({violations}) => violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 120)}: ` +
        [...node.any, ...node.all, ...node.none].map((why) => why.message)[0])))"""


@pytest.fixture(scope="module")
def axe():
    archive = named("LMM_AXE", f"a folder with {ARCHIVE}") / ARCHIVE
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == SHA256
    with tarfile.open(archive) as files:
        return files.extractfile("package/axe.min.js").read().decode()


def faults(tab, mode):
    tab.emulate_media(color_scheme=mode)
    theme = "document.documentElement.dataset.theme"
    tab.wait_for_function(f"[undefined, '{mode}'].includes({theme})")      # the 404 page has none
    tab.evaluate(SETTLED)                                                  # colours change slowly
    return tab.evaluate(RUN)


@every_page
def test_page_has_no_fault(tab, axe, page):
    visit(tab, page)
    open_all(tab)
    tab.evaluate(f"{axe}; 0")
    assert faults(tab, "light") == []
    assert faults(tab, "dark") == []


def test_axe_does_find_faults(tab, axe):
    visit(tab, "404")
    tab.evaluate("document.querySelector('label').remove()")
    tab.evaluate(f"{axe}; 0")
    assert any(fault.startswith("label: ") for fault in faults(tab, "dark"))
