"""The tables that translate R: both columns run, and random parts of all packages are one model."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lmm
from tests.r import book
from tests.r.book import BOOK, PHRASEBOOK, text

SOFTWARE = BOOK / "04_software.ipynb"
# row of the table: R's table as y, x, g, h; ours
SLEEP = "with(sleepstudy, data.frame(y = Reaction, x = Days, g = Subject))"
ROWS = {
    "intercept": ("with(sleepstudy, data.frame(y = Reaction, g = Subject))", "sleepstudy"),
    "and slope": (SLEEP, "sleepstudy"),
    "uncorrelated (x a number)": (SLEEP, "sleepstudy"),
    "nested": ("with(Pastes, data.frame(y = strength, g = batch, h = cask))", "pastes"),
}
OURS = {"Reaction": "y", "strength": "y", "Days": "x", "Subject": "g", "batch": "g", "cask": "h"}


def rows(page, heading):
    """The cells of the first table behind a heading: lists of texts, without the table's head."""
    below = text(page).split(f"\n## {heading}\n", 1)[1]
    found = re.search(r"^\|[-|]+\|$\n((?:^\|[^\n]*\n?)+)", below, re.MULTILINE).group(1)
    table = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in found.splitlines()]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in table]


def code(cell):
    """The code of a cell, without words around it."""
    return ", ".join(re.findall(r"`([^`]+)`", cell))


def reml(model):
    return f"sprintf('%.9f', -2 * as.numeric(logLik({model})))"


def number(lines):
    return float(lines[-1].split('"')[1])


def test_who_writes_what(tmp_path):
    table = {row[0]: row[1:] for row in rows(SOFTWARE, "Who writes what")}
    assert list(table) == list(ROWS)
    asked = []
    for row, (data, _) in ROWS.items():
        asked += [f"d <- {data}; fixed <- if ('x' %in% names(d)) y ~ x else y ~ 1"]
        asked += [reml(f"lmer(update(fixed, ~ . + {code(table[row][0])}), d)")]
        asked += [reml(f"lme(fixed, d, random = {code(table[row][1])})")]
    printed = book.run(asked, tmp_path)
    pairs = zip(printed[1::3], printed[2::3])
    for (row, (_, name)), (theirs, nlmes) in zip(ROWS.items(), pairs, strict=True):
        data = lmm.load(name).rename(columns=OURS)
        fixed = "y ~ x" if "x" in data and row != "intercept" else "y ~ 1"
        fit = lmm.fit(f"{fixed} + {code(table[row][0])}", data)
        assert [number(theirs), number(nlmes)] == pytest.approx([fit.criterion] * 2, rel=1e-7), row


def test_crossed_effects_in_nlme(tmp_path):
    block = text(SOFTWARE).split("\nnlme  ", 1)[1].split("\nstatsmodels  ")[0].strip()
    data = "d <- with(Penicillin, data.frame(y = diameter, g = plate, h = sample, one = 1))"
    asked = [data, reml(f"lme(y ~ 1, d, {block})"), reml("lmer(y ~ 1 + (1 | g) + (1 | h), d)")]
    _, nlmes, theirs = book.run(asked, tmp_path)
    assert number(nlmes) == pytest.approx(number(theirs), rel=1e-7)


def test_one_line_each_runs_on_both_sides(tmp_path):
    table = rows(PHRASEBOOK, "One line each")
    model = "model <- lmer(y ~ method + (1 | tablet), data = temp)"
    asked = [code(theirs) for theirs, _ in table]
    printed = book.run([model, *asked], tmp_path)
    for line, lines in zip(asked, printed[1:], strict=True):
        assert not [x for x in lines if x.startswith(("Error", "Warning"))], (line, lines)
    names = {"lmm": lmm, "np": np, "pd": pd, "stats": stats, "tablets": lmm.load("tablets")}
    names["fit"] = lmm.fit("y ~ method + (1 | tablet)", names["tablets"])
    for _, ours in table:
        assert eval(code(ours), names) is not None, ours


def test_one_line_each_says_the_same(tmp_path):
    tablets, sleep = lmm.load("tablets"), lmm.load("sleepstudy")
    fit = lmm.fit("y ~ method + (1 | tablet)", tablets)
    square = lmm.fit("Reaction ~ Days + I(Days**2)", sleep, reml=False)
    cooks = lmm.influence.cooks_distance(fit, "tablet")
    asked = {
        "c(fixef(model), logLik(model), AIC(model), BIC(model))":
            [*fit.fe_params, fit.llf, fit.aic, fit.bic],
        "vcov(model)[1:4]": fit.cov_params().to_numpy().ravel(),
        "cooks.distance(influence(model, 'tablet'))": (10 - 2) / 10 * cooks,      # (n - p) / n
        "unlist(lmerTest::ranova(lmerTest::as_lmerModLmerTest(model))[2, c('LRT', 'Pr(>Chisq)')])":
            fit.ranova().loc[0, ["statistic", "p_chi2"]],
        "logLik(lm(Reaction ~ Days + I(Days^2), sleepstudy))": [square.llf],
    }
    model = "model <- lmer(y ~ method + (1 | tablet), data = temp)"
    codes = [model, *(f"sprintf('%.12f', {code})" for code in asked)]
    printed = book.run(codes, tmp_path)
    for (code, ours), lines in zip(asked.items(), printed[1:], strict=True):
        theirs = [float(x) for x in re.findall(r'"([^"]+)"', "\n".join(lines))]
        np.testing.assert_allclose(theirs, np.asarray(ours, float), rtol=1e-6, err_msg=code)
