"""The summary as text and as HTML: what it says, and that both say the same."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

import lmm
from conftest import ROOT, notebook, printed, reference, source
from lmm import summary

SLEEP = lmm.load("sleepstudy")
SLOPES = lmm.fit("Reaction ~ Days + (Days | Subject)", SLEEP)
PLANKS = lmm.fit("humidity ~ width * depth + (1 | plank) + (1 | plank:width)", lmm.load("planks"))
ADDITIVE = lmm.fit("humidity ~ width + depth + (1 | plank) + (1 | plank:width)", lmm.load("planks"))
TABLETS = lmm.fit("y ~ method + (1 | tablet)", lmm.load("tablets_missing"))
WEIGHTED = lmm.fit("Reaction ~ Days + (Days || Subject)", SLEEP, weights=np.linspace(0.5, 2, 180),
                   offset=np.ones(180))


def singular_slopes():
    """Six groups with one line: the slopes add nothing to the intercepts but a correlation of 1."""
    x, g = np.tile(np.arange(5.0), 6), np.repeat(np.arange(6), 5)
    noise = np.tile([0.3, -0.5, 0.1, 0.4, -0.3, 0.2, -0.2], 5)[:30]
    return lmm.fit("y ~ x + (x | g)",
                   pd.DataFrame({"x": x, "g": g, "y": (1 + 0.1 * x) * (g - 2.5) + noise}))


@pytest.mark.parametrize("chapter,table",
                         [("06_tablets_mixed", "tablets"),
                          ("07_missing_values", "tablets_missing")])
def test_the_books_stored_outputs(chapter, table):
    cells = notebook(ROOT / "book" / f"{chapter}.ipynb")["cells"]
    stored = next(printed(c) for c in cells if c["cell_type"] == "code"
                  and "fit.summary(" in source(c))
    assert summary.text(lmm.fit("y ~ method + (1 | tablet)", lmm.load(table)),
                        "containment") == stored


def test_random_slopes_read_like_lme4s():
    lines = summary.text(SLOPES, "satterthwaite").splitlines()
    assert lines[:6] == ["Linear mixed model fit by REML",
                         "Formula: Reaction ~ Days + (Days | Subject)",
                         "-2 log restricted likelihood: 1743.6283", "", "Random effects:",
                         " Group     Name       Variance  Std.Dev.  Corr"]
    # lme4 1.1-31, polished
    intercept, days, _, residual = reference("sleep_corr")["REML"]["varcorr"]
    words = [line.split() for line in lines[6:9]]
    first = [words[0][:2], words[1][0], words[2][0]]
    assert first == [["Subject", "Intercept"], "Days", "Residual"]
    numbers = [float(w) for w in words[0][2:] + words[1][1:3] + words[2][1:]]
    expected = [value for row in (intercept, days, residual)
                for value in (row["vcov"], row["sdcor"])]
    assert numbers == pytest.approx(expected, abs=6e-3) and words[1][3] == "0.07"   # lme4: 0.0655
    assert lines[9:12] == ["Number of observations: 180, Subject: 18", "",
                           "Fixed effects (df: satterthwaite):"]
    # lmerTest: 17 df, t 6.7715
    assert "Days 10.467 1.546 17 6.77 <.0001".split() in [line.split() for line in lines]


def test_three_columns_have_a_triangle_of_correlations():
    data = SLEEP.assign(half=np.where(SLEEP["Days"] < 5, -0.5, 0.5))
    fit = lmm.fit("Reaction ~ Days + (Days + half | Subject)", data)
    rows = summary._variances(fit)
    table = fit.variance_components
    corr = table[(table["name2"] != "")].set_index(["name1", "name2"])["sd"]
    assert [len(r) for r in rows] == [6] * 5
    assert rows[0][4:] == ["Corr", ""]
    assert rows[1][4:] == ["", ""]
    assert rows[2][4:] == [f"{corr['Intercept', 'Days']:.2f}", ""]
    assert rows[3][4:] == [f"{corr['Intercept', 'half']:.2f}", f"{corr['Days', 'half']:.2f}"]


def test_uncorrelated_terms_weights_and_offset_are_said():
    text = summary.text(WEIGHTED, "satterthwaite")
    assert "Corr" not in text.split("Correlation of fixed")[0]
    assert [line.split()[:2] for line in text.splitlines() if line.startswith(" Subject")] == [
        ["Subject", "Intercept"], ["Subject", "Days"]]
    assert "Number of observations: 180, Subject: 18\n" in text
    assert ("Weights: from 0.5 to 2; a row's error variance is the residual variance / its weight\n"
            in text)
    assert "Offset: added to the fixed part\n" in text
    assert "Weights" not in summary.text(SLOPES, "containment")
    assert "Offset" not in summary.text(SLOPES, "containment")


def test_only_the_methods_name_varies():
    texts = {df: summary.text(TABLETS, df).splitlines()
             for df in ("containment", "satterthwaite", "kenward-roger")}
    for df, lines in texts.items():
        assert f"Fixed effects (df: {df}):" in lines
        assert [line for line in lines[:9]] == texts["containment"][:9]
        assert f"  {TABLETS.coef_table(df)['df'].iloc[1]:.4g}  " in "\n".join(lines)
    with pytest.raises(ValueError, match="df must be one of"):
        summary.text(TABLETS, "magic")


def test_singular_fits_are_explained():
    always = "A variance is estimated as exactly 0 (singular fit): the data show no such effect."
    assert always in summary.text(lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff2")),
                                  "containment").splitlines()
    fit = singular_slopes()
    assert fit.singular
    text = summary.text(fit, "satterthwaite")
    assert ("The covariance matrix of Intercept, x by g is singular (singular fit): "
            "a correlation is 1 or -1") in text
    assert always not in text and text.splitlines()[7].split()[3] == "1.00"
    assert "singular" not in summary.text(SLOPES, "satterthwaite")


def test_a_correlation_with_a_variance_of_zero_is_a_dash():
    flat = lmm.fit("Reaction ~ Days + (Days | Subject)", SLEEP)
    flat.gamma, flat.singular = [np.diag([0.9, 1e-30])], True
    line = summary.text(flat, "containment").splitlines()[7]
    assert line.split() == ["Days", "0.00", "0.000", "-"]


def test_not_converged_comes_first_and_loud(monkeypatch):
    fit = lmm.fit("y ~ method + (1 | tablet)", lmm.load("tablets"))
    monkeypatch.setattr(fit, "converged", False)
    text, page = summary.text(fit, "containment"), summary.html(fit)
    assert text.startswith(
        f"NOT CONVERGED after {fit.n_evaluations} evaluations: do not trust these estimates")
    assert page.startswith("<div>\n<p><strong>NOT CONVERGED after")
    assert "NOT CONVERGED" not in summary.text(SLOPES, "containment") + summary.html(SLOPES)


def test_correlations_of_many_fixed_effects_are_left_out():
    text = summary.text(PLANKS, "containment")
    assert text.endswith("\n\nCorrelations of the 15 fixed effects are not shown; "
                         "fit.cov_params() gives their covariances.")
    assert "Correlation of fixed effects" not in text
    assert "\nCorrelation of fixed effects:\n" in summary.text(ADDITIVE, "containment")
    one = summary.text(lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff")), "containment")
    assert "Correlation" not in one


def test_numbers_too_small_for_the_columns_are_not_shown_as_zero():
    data = SLEEP.assign(Reaction=SLEEP["Reaction"] * 1e-6, Days=SLEEP["Days"] * 86400.0)
    lines = summary.text(lmm.fit("Reaction ~ Days + (1 | Subject)", data),
                         "containment").splitlines()
    slope = next(line.split() for line in lines if line.startswith(" Days"))
    assert float(slope[1]) == pytest.approx(10.467286e-6 / 86400, rel=1e-5) and float(slope[2]) > 0
    assert float(lines[6].split()[2]) == pytest.approx(1378.1785e-12, rel=1e-4)


def test_least_squares_has_the_residual_df():
    text = summary.text(lmm.fit("y ~ method", lmm.load("tablets")), "satterthwaite")
    assert text.startswith("Linear model fit by least squares\n")
    assert "Fixed effects (df: residual):" in text
    assert "Number of observations: 20\n" in text


# HTML ------------------------------------------------------------------------------------------

FITS = {"slopes": SLOPES, "weights": WEIGHTED, "15 effects": PLANKS, "7 effects": ADDITIVE,
        "dropped rows": TABLETS,
        "singular": singular_slopes(), "least squares": lmm.fit("y ~ method", lmm.load("tablets"))}


@pytest.mark.parametrize("name", FITS)
def test_html_says_what_the_text_says(name):
    fit = FITS[name]
    page, text = summary.html(fit, "satterthwaite"), summary.text(fit, "satterthwaite")
    words = " ".join(ElementTree.fromstring(page).itertext()).split()
    # the name of a group stands on each of its rows in HTML, and the captions have no colon
    repeated = [t.name for t in fit.terms for _ in t.columns[1:]]
    assert sorted(w.rstrip(":") for w in words) == sorted(
        [w.rstrip(":") for w in text.split()] + repeated)


@pytest.mark.parametrize("name", FITS)
def test_html_is_accessible_plain_and_the_same_each_time(name):
    page = summary.html(FITS[name])
    tree = ElementTree.fromstring(page)                              # well-formed
    tables = tree.findall("table")
    assert len(tables) == 3 - (name == "15 effects")
    assert [t.find("caption").text for t in tables][:2] == [
        "Random effects",
        f"Fixed effects (df: {'satterthwaite' if FITS[name].terms else 'residual'})"]
    for table in tables:
        assert all(th.get("scope") == "col" for th in table.findall("thead/tr/th"))
        for row in table.findall("tbody/tr"):
            assert row[0].tag == "th" and row[0].get("scope") == "row" and row[0].text
            assert all(td.get("align") == "right"
                       for td in row if re.fullmatch(r"[-<.\d]+", td.text or ""))
    assert not re.search(r"<script|style|color|\bid=|class=", page)
    assert summary.html(FITS[name]) == page


def test_names_are_escaped():
    data = lmm.load("tablets").assign(
        method=lambda d: d["method"].astype(str).map({"nir": "&", "hplc": "<b>&"}))
    page = summary.html(lmm.fit("y ~ method + (1 | tablet)", data))
    assert "method[T.&lt;b&gt;&amp;]" in page and "<b>" not in page
