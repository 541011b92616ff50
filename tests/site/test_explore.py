"""The explorables of chapters 3, 9, 12 and 15.

Their formulas are lmm's, and they work by keyboard and by pointer (without JavaScript:
test_reader.py).
"""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

import lmm
from conftest import CHAPTERS, ROOT, missing_tool, notebook, source, tablets_model
from tests.site.pages import visit

FOLDER = ROOT / "book" / "_static" / "explore"
PLACES = {name: (path, cell["source"]) for path in CHAPTERS for cell in notebook(path)["cells"]
          for name in re.findall(r'data-explore="(\w+)"', source(cell))}
explorables = pytest.mark.parametrize("name", PLACES)
RUN = """
const fs = require("fs"), vm = require("vm"), [folder, calls] = JSON.parse(fs.readFileSync(0));
const run = name => vm.runInThisContext(fs.readFileSync(`${folder}/${name}.js`, "utf8"));
run("explore");
const figures = vm.runInThisContext("explore").figures;
const answer = ([name, what, ...values]) => {
  if (!figures[name]) run(name);
  return (figures[name].math[what] || figures[name][what])(...values);
};
console.log(JSON.stringify(calls.map(answer)));
"""


def node(*calls):
    """Results of the scripts' functions; a call is (explorable, function, *arguments)."""
    program = shutil.which("node") or missing_tool("Node runs the formulas; it is not installed")
    done = subprocess.run([program, "-e", RUN], input=json.dumps([str(FOLDER), calls]), text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_explorable_has_a_place_a_script_and_a_sentence():
    assert set(PLACES) == {path.stem for path in FOLDER.glob("*.js")} - {"explore"}
    for name, (_, cell) in PLACES.items():
        place = re.search(r'<div class="explore" data-explore="\w+">(.*?)</div>', "".join(cell))
        assert len(place[1].split()) > 10, name
        assert "$" not in place[1], name                   # Markdown leaves HTML alone: no formulas
    for path in FOLDER.glob("*.js"):
        text = path.read_text().replace('"http://www.w3.org/2000/svg"', "")
        assert len(text.splitlines()) <= 200, path.name
        assert not re.search(r"https?://|fetch\(|import\(", text), path.name


def test_shrinkage_is_slide_9():
    [given] = node(("shrinkage", "constants"))
    planks = lmm.load("planks")
    fit = lmm.fit("humidity ~ 1 + (1 | plank)", planks)
    means = planks.groupby("plank", observed=True)["humidity"].mean()
    np.testing.assert_allclose(given["MEANS"], means)
    variances = fit.variance_components["variance"]
    np.testing.assert_allclose([given["S2U"], given["S2"]], variances, rtol=1e-6)
    settings = [(n, s2u, s2) for n in (1, 3, 20) for s2u in (0, 0.5, 3) for s2 in (0.05, 6)]
    for got, (n, s2u, s2) in zip(node(*[("shrinkage", "factor", *s) for s in settings]), settings):
        assert got == pytest.approx(lmm.shrinkage.factor(n, s2u, s2))
    [blups] = node(("shrinkage", "shrink", given["MEANS"], 15, given["S2U"], given["S2"]))
    expected = fit.fe_params.iloc[0] + fit.random_effects["plank"]["Intercept"]
    np.testing.assert_allclose(blups, expected, rtol=1e-6)


def test_covariance_is_slide_31():
    [given] = node(("covariance", "constants"))
    fit = lmm.fit("y ~ method + (1 | tablet)", lmm.load("tablets"))
    variances = fit.variance_components["variance"]
    np.testing.assert_allclose([given["S2B"], given["S2"]], variances, rtol=1e-5)
    for s2B, s2 in ((given["S2B"], given["S2"]), (0, 0.13), (0.25, 0.005)):
        V, icc = node(("covariance", "V", s2B, s2), ("covariance", "icc", s2B, s2))
        Z = np.kron(np.eye(3), np.ones((2, 1)))
        np.testing.assert_allclose(V, lmm.moments.V(Z, s2B * np.eye(3), s2 * np.eye(6)))
        [correlation] = node(("covariance", "correlation", V))
        np.testing.assert_allclose(correlation, lmm.moments.correlation(V))
        assert icc == pytest.approx(lmm.moments.icc(s2B, s2))


def test_likelihood_is_slides_32_and_34():
    y, X, Z = tablets_model()
    grid = [(s2B, s2) for s2B in np.linspace(0, 0.3, 7) for s2 in np.linspace(0.015, 0.11, 6)]
    js = node(*[("likelihood", name, *at) for at in grid for name in ("ml", "reml")])
    for (s2B, s2), ml, reml in zip(grid, js[::2], js[1::2]):
        V = s2 * np.eye(len(y)) + s2B * Z @ Z.T
        beta = lmm.likelihood.gls(y, X, V)
        assert ml == pytest.approx(2 * lmm.likelihood.ml(y, X, beta, V), abs=1e-9)
        assert reml == pytest.approx(2 * lmm.likelihood.reml(y, X, V), abs=1e-9)


def test_likelihood_has_lmm_s_optima_and_true_contours():
    *best, contours = node(("likelihood", "lowest", 10), ("likelihood", "lowest", 9),
                           ("likelihood", "contours"))
    for where, name, lines in zip(best, ("ml", "reml"), contours):
        fit = lmm.fit("y ~ method + (1 | tablet)", lmm.load("tablets"), reml=name == "reml")
        lowest = (where["s2B"], where["s2"])
        np.testing.assert_allclose(lowest, fit.variance_components["variance"], rtol=1e-5)
        for level, line in zip((0.5, 2, 4), lines):
            low, *heights = node(*[("likelihood", name, *at) for at in (lowest, *line)])
            np.testing.assert_allclose(np.array(heights) - low, level, atol=1e-6)


def test_slopes_are_chapter_15_s_blups():
    sleep = lmm.load("sleepstudy")
    [given] = node(("slopes", "constants"))
    Z = np.column_stack([np.ones(10), np.arange(10)])
    own = sleep.pivot(index="Subject", columns="Days", values="Reaction") @ np.linalg.pinv(Z).T
    assert [int(k) for k in given["OWN"]] == own.index.tolist()
    np.testing.assert_allclose(list(given["OWN"].values()), own, atol=5.1e-5)
    fit = lmm.fit("Reaction ~ Days + (1 + Days | Subject)", sleep)
    np.testing.assert_allclose(given["G"], fit.G.toarray()[:2, :2], atol=1e-4)
    np.testing.assert_allclose(given["S2"], fit.scale, atol=1e-4)
    np.testing.assert_allclose(given["BETA"], fit.fe_params, atol=1e-4)
    for r in (1, 0.001, 0.3, 1000):
        js = node(*[("slopes", "blup", str(subject), r) for subject in own.index])
        G = r * np.array(given["G"])
        V = Z @ G @ Z.T + given["S2"] * np.eye(10)
        beta = own.mean().to_numpy()
        y = sleep.pivot(index="Subject", columns="Days", values="Reaction").to_numpy()
        np.testing.assert_allclose(js, beta + (y - Z @ beta) @ np.linalg.solve(V, Z @ G), atol=1e-3)
        if r == 1:
            blups = fit.fe_params.to_numpy() + fit.random_effects["Subject"]
            np.testing.assert_allclose(js, blups, atol=1e-3)


def test_what_is_said_agrees_with_the_chapters():
    said = node(("shrinkage", "say", {"n": 1, "s2u": 0.944486, "s2": 0.932948}),
                ("covariance", "say", {"s2B": 0.0893333, "s2": 0.0436111}),
                ("likelihood", "say", {"s2B": 0.0804, "s2": 0.03925}),
                ("slopes", "say", {"power": 0, "subject": "330"}))
    words = ("w = 0.503", "0.672, the intraclass", "2l by ML is 8.288, 0.000 above",
             "all together 251 ms and 10.5 ms")
    assert all(part in text for text, part in zip(said, words, strict=True)), said


# ---- in the built site ----

SAID = "document.querySelector('.explore-widget p').textContent"
CENTRE = """(() => {
  const {x, y, width, height} = document.querySelector(".explore .handle").getBoundingClientRect();
  return [x + width / 2, y + height / 2];
})()"""
OUTSIDE = """(() => {
  const svg = document.querySelector(".explore svg"), box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text, .dot, .cell")].map((part) => part.getBoundingClientRect())
    .filter((part) => part.left < box.left - 1 || part.right > box.right + 1 ||
      part.top < box.top - 1 || part.bottom > box.bottom + 1).length;
})()"""


def explore(tab, name, width=1100):
    visit(tab, f"book/{PLACES[name][0].stem}", width)
    tab.locator(".explore-widget p").wait_for()
    loaded = {found[1] for url in tab.requested if (found := re.search(r"/explore/([^/?]*)", url))}
    assert loaded == {"explore.js", f"{name}.js"}


@explorables
def test_arrow_keys_move_every_slider_and_the_text_follows(tab, name):
    explore(tab, name)
    for slider in tab.locator(".explore input").all():
        before = tab.evaluate(SAID)
        value = slider.get_attribute("aria-valuetext")
        slider.press("ArrowRight")
        slider.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") != value and tab.evaluate(SAID) != before
        assert slider.evaluate("(input) => document.activeElement === input")
        assert slider.evaluate("(input) => input.labels[0].textContent.trim().length > 5")
    tab.locator(".explore button").first.click()           # back to the start
    assert not [error for error in tab.errors if "explore" in error]


@explorables
def test_fits_a_phone(tab, name):
    explore(tab, name, width=320)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    assert tab.evaluate(OUTSIDE) == 0


def test_the_point_on_the_likelihood_is_dragged(tab):
    explore(tab, "likelihood")
    tab.locator(".explore .handle").evaluate(
        "(handle) => handle.scrollIntoView({block: 'center', behavior: 'instant'})")
    x, y = tab.evaluate(CENTRE)
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x - 60, y)
    tab.mouse.up()
    assert tab.evaluate(CENTRE) == pytest.approx([x - 60, y], abs=2)
    assert tab.evaluate("Number(document.querySelector('.explore input').value)") < 0.19
