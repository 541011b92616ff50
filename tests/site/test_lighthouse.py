"""Lighthouse finds nothing to complain about on eight kinds of pages, and none is slow on a phone.

LMM_SITE is the built site, LMM_LIGHTHOUSE a folder where `npm install --no-save lighthouse@12.8.2`
has been run. Lighthouse measures here and computes what a slow phone on a slow network would need.
The best of three runs counts, as the machine may be busy; `-n 0 -s` prints the figures. What a page
loads is counted by test_weight.py.
"""

import json
import os
import subprocess

import pytest

from _ext.pdf.printing import CHROMIUM
from conftest import missing_tool
from tests.site.pages import named

VERSION = "12.8.2"
PAGES = ["index", "03_shrinkage", "06_tablets_mixed", "14_planks", "appendix/notation",
         "appendix/ledger", "homework/hw1_by_hand", "appendix/status"]
METRICS = ["first-contentful-paint", "largest-contentful-paint", "total-blocking-time",
           "cumulative-layout-shift"]
FLAGS = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage"


@pytest.fixture(scope="module")
def lighthouse():
    CHROMIUM or missing_tool("Chromium is not installed")
    package = named("LMM_LIGHTHOUSE", "a folder with Lighthouse") / "node_modules" / "lighthouse"
    assert json.loads((package / "package.json").read_text(encoding="utf-8"))["version"] == VERSION
    return package / "cli" / "index.js"


def report(lighthouse, address, page, *options):
    command = ["node", lighthouse, f"{address}/book/{page}.html", "--quiet", "--output=json"]
    ran = subprocess.run([*command, f"--chrome-flags={FLAGS}", *options], capture_output=True,
                         text=True, env=os.environ | {"CHROME_PATH": CHROMIUM}, timeout=240)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report.get("runtimeError") is None
    return report


@pytest.mark.parametrize("page", PAGES)
def test_lighthouse_has_nothing_to_say(lighthouse, address, page):
    found = report(lighthouse, address, page, "--only-categories=accessibility,best-practices,seo")
    counting = {audit["id"] for category in found["categories"].values()
                for audit in category["auditRefs"] if audit["weight"]}
    faults = {name: json.dumps(audit.get("details", {}).get("items"))[:400]
              for name, audit in found["audits"].items()
              if name in counting and audit["score"] not in (None, 1)}
    assert faults == {}
    scores = {name: category["score"] for name, category in found["categories"].items()}
    assert scores == {"accessibility": 1, "best-practices": 1, "seo": 1}


@pytest.mark.parametrize("least, options", [(0.75, []), (0.95, ["--preset=desktop"])],
                         ids=["phone", "desktop"])
@pytest.mark.parametrize("page", PAGES)
def test_pages_are_fast(lighthouse, address, page, least, options):
    scores = []
    while len(scores) < 3 and max(scores, default=0) < least:
        found = report(lighthouse, address, page, "--only-categories=performance", *options)
        scores.append(found["categories"]["performance"]["score"])
    said = {name: found["audits"][name]["displayValue"].replace("\xa0", " ") for name in METRICS}
    print(f"\n{page}: {scores}, {said}")
    assert max(scores) >= least, said
