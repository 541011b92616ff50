"""Lighthouse finds nothing to complain about in accessibility, good practice and search engines on eight kinds of pages.

LMM_SITE is the built site, LMM_LIGHTHOUSE a folder where `npm install --no-save lighthouse@12.8.2` has been run. Speed is
not demanded here, it depends on the machine: tests/test_site_weight.py counts bytes. To see it, leave out --only-categories.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from browser import CHROMIUM, serve
from conftest import missing_tool

VERSION = "12.8.2"
PAGES = ["index", "03_shrinkage", "06_tablets_mixed", "14_planks", "appendix/notation", "appendix/ledger",
         "homework/hw1_by_hand", "appendix/status"]
FLAGS = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage"


@pytest.fixture(scope="module")
def lighthouse():
    folder = os.environ.get("LMM_LIGHTHOUSE") or missing_tool("LMM_LIGHTHOUSE, a folder with Lighthouse, is not given")
    package = Path(folder, "node_modules", "lighthouse")
    assert json.loads((package / "package.json").read_text(encoding="utf-8"))["version"] == VERSION
    return package / "cli" / "index.js"


@pytest.fixture(scope="module")
def address():
    if CHROMIUM is None:
        missing_tool("there is no Chromium")
    with serve(os.environ.get("LMM_SITE") or missing_tool("LMM_SITE does not name a built site")) as address:
        yield address


@pytest.mark.parametrize("page", PAGES)
def test_lighthouse_has_nothing_to_say(lighthouse, address, page):
    ran = subprocess.run(
        ["node", lighthouse, f"{address}/book/{page}.html", "--quiet", "--output=json", f"--chrome-flags={FLAGS}",
         "--only-categories=accessibility,best-practices,seo"],
        env=os.environ | {"CHROME_PATH": CHROMIUM}, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report.get("runtimeError") is None
    faults = {audit["id"]: json.dumps(report["audits"][audit["id"]].get("details", {}).get("items"))[:400]
              for category in report["categories"].values() for audit in category["auditRefs"]
              if audit["weight"] and report["audits"][audit["id"]]["score"] not in (None, 1)}
    assert faults == {}
    assert {name: category["score"] for name, category in report["categories"].items()} == {
        "accessibility": 1, "best-practices": 1, "seo": 1}
