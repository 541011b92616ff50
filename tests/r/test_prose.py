"""Figures of R in sentences and in code cells: R prints them, or they stand in a block R runs."""

import re

import pytest

from conftest import notebook, printed, source
from tests.r import book
from tests.r.book import BOOK, pages, text

SLOPES = "lmer(Reaction ~ Days + (Days | Subject), sleepstudy)"
OATS = "data(oats, package = 'MASS'); m <- "
NLME = OATS + "lme(Y ~ N * V, oats, ~ 1 | B/V); "
LME4 = OATS + "lmerTest::lmer(Y ~ N * V + (1 | B/V), oats); "
ONE = "m <- lme(y ~ method, random = ~ 1 | tablet, data = {}, na.action = na.omit); "
F_OF_ONE = "sprintf('%.3f', anova(m)['(Intercept)', 'F-value'])"
TEN = "m <- lmer(y ~ method + (1 | tablet), temp); "
PLANKS = "humidity ~ width * depth + (1 | plank) + (1 | plank:width) + (1 | plank:depth)"
# page, what a sentence of it says, R's code for the numbers, as they are printed there
SAID = [
    ("01_what_is_a_mixed_model", "R's lme4 (1.1.31) has 10.467, 1.546 and 1743.628.",
     f"m <- {SLOPES}; sprintf('%.3f', c(coef(summary(m))['Days', 1:2], REMLcrit(m)))"),
    ("04_software", "nlme prints p = 0.402",
     NLME + "sprintf('%.3f', summary(m)$tTable['VVictory', 'p-value'])"),
    ("04_software", "lmerTest p = 0.389",
     LME4 + "sprintf('%.3f', coef(summary(m))['VVictory', 'Pr(>|t|)'])"),
    ("04_software", "R's `ranova` has LRT = 7.661 and p = 0.0056",
     LME4 + "r <- lmerTest::ranova(m)['(1 | V:B)', ]; "
     "sprintf(c('%.3f', '%.4f'), c(r$LRT, r$'Pr(>Chisq)'))"),
    ("06_tablets_mixed", "(nlme 3.1-162 prints 9666.574)", ONE.format("temp") + F_OF_ONE),
    ("07_missing_values", "give both means 25.81, as R does (and 11.70",
     "m <- lmerTest::lmer(y ~ method + (1 | tablet), temp2t); "
     "sprintf('%.2f', c(coef(summary(m))[, 'df'], lmerTest::contest1D(m, c(1, 1))$df))"),
    ("11_henderson", "InstEval is a data set of R's lme4: 73,421 marks by 2,972 students for "
     "1,128 lecturers in 14 departments",
     "n <- c(nrow(InstEval), sapply(InstEval[c('s', 'd', 'dept')], nlevels)); "
     "format(n, big.mark = ',', trim = TRUE)"),
    ("14_planks", "and prints 114.146 for the second F.",
     f"m <- lmerTest::lmer({PLANKS}, planks); "
     "sprintf('%.3f', anova(m, ddf = 'Kenward-Roger')['depth', 'F value'])"),
    ("15_random_slopes", r"lmerTest's p for the last line, $4.99\times10^{-10}$",
     f"m <- lmerTest::{SLOPES}; "
     "sprintf('%.2f', 1e10 * lmerTest::ranova(m)[2, 'Pr(>Chisq)'])"),
    ("errata", "R's lme4 (1.1-31) prints that too, as `methodnir` 0.05.",
     "m <- lmer(y ~ relevel(method, 'hplc') + (1 | tablet), temp); sprintf('%.2f', fixef(m)[2])"),
    ("errata", "nlme 3.1-162 prints 9666.574.", ONE.format("temp") + F_OF_ONE),
    ("errata", "nlme 3.1-162 still prints 15715.981", ONE.format("temp2t") + F_OF_ONE),
    ("phrasebook", "with 16 degrees of freedom for the 18 of the fit",
     TEN + "sprintf('%d', c(merTools:::residDF.merMod(m), nobs(m) - 2L))"),
]
NAMES = (r"\bR's?\b|\blme4|\bnlme|\blmer\b|lmerTest|pbkrtest|emmeans|glmmTMB|brms|RLRsim|"
         r"merTools|gmodels|`ranova`")
VERSIONS = r"\b\d+\.\d+[-.]\d+\b|lme4"
# numbers beside R's name that are not R's
NOT_OF_R = {
    "04_software": {"0.95"},
    "06_tablets_mixed": {"9666.5736"},
    "20_bayes": {"1.4826", "2.5", "0.17"},
    "phrasebook": {"9666.573"},
}


def test_R_prints_the_figures_of_sentences(tmp_path):
    for page, sentence, _ in SAID:
        assert sentence in " ".join(text(path(page)).split()), (page, sentence)
    lines = book.run([code for *_, code in SAID], tmp_path)
    for (page, sentence, code), answer in zip(SAID, lines, strict=True):
        numbers = re.findall(r'"([^"]+)"', "\n".join(answer))
        said = set(re.findall(r"\d[\d.,]*\d|\d", sentence))
        assert numbers and set(numbers) <= said, (page, sentence, answer)


def path(page):
    return next(p for p in pages() if p.stem == page)


def sentences(page):
    """The sentences of a page that name R or a package of it, without code blocks and versions."""
    fenced = re.compile(r"^```\s*\w+ *\n.*?^``` *$", re.MULTILINE | re.DOTALL)
    plain = fenced.sub("", text(page))
    for paragraph in re.split(r"\n\s*\n|\n(?=[|-])", re.sub(r"\$[^$]*\$", "", plain)):
        for sentence in re.split(r"(?<=[.:;?!]) (?=[A-Z*`(])", " ".join(paragraph.split())):
            if re.search(NAMES, sentence):
                yield re.sub(VERSIONS, "", sentence)


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.stem)
def test_a_figure_beside_the_name_of_R_has_been_run(page):
    run = "\n".join([*re.findall(r"^#>.*$", "\n".join(book.blocks(page)), re.MULTILINE),
                     *(sentence for stem, sentence, _ in SAID if stem == page.stem)])
    known = set(re.findall(r"\d+\.\d+", run)) | NOT_OF_R.get(page.stem, set())
    for sentence in sentences(page):
        assert set(re.findall(r"\d+\.\d+", sentence)) <= known, sentence


def test_digits_of_R_in_code_cells_stand_in_a_block_that_has_been_run():
    seen = 0
    for page in sorted(BOOK.glob("[0-9]*.ipynb")):
        heading = ""
        lines = re.findall(r"^#>(.*)$", "\n".join(book.blocks(page)), re.MULTILINE)
        words = set(re.findall(r"(?<=[\s:])-?\d+\.?\d*", "\n".join(lines)))
        for cell in notebook(page)["cells"]:
            if cell["cell_type"] == "markdown":
                heading = (re.findall(r"^## (.*)$", source(cell), re.MULTILINE) or [heading])[-1]
            elif "against R" in heading:
                digits = re.findall(r'"(-?\d+\.?\d*)"', source(cell))
                assert set(digits) <= words, (page.stem, set(digits) - words)
                assert not digits or not re.search("DISAGREES|False", printed(cell))
                seen += len(digits)
    assert seen >= 35
