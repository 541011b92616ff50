"""What a formula may say, and that it means what R means by it."""

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

import lmm
from conftest import missing_tool

SLEEP, PLANKS = lmm.load("sleepstudy"), lmm.load("planks")
PAIR = SLEEP.assign(post=SLEEP["Reaction"], pre=SLEEP["Days"] + 1.5, yi=SLEEP["Reaction"] / 7)
PAIR = PAIR.rename(columns={"yi": "yield"})


def refuses(formula, data, message):
    with pytest.raises(ValueError, match=message):
        lmm.fit(formula, data)


# The left side ---------------------------------------------------------------------------------

LEFT = ["post", "post - pre", "log(post) - log(pre)", "1 / post", "post + 1", "post - 200", "-post",
        "(post)",
        "post * pre", "post / pre", "sqrt(post)", "I(post - pre)", "0 + post", "2 * post + 3 * pre",
        "log(yield)",
        "exp(post / 100)", "abs(post - 300)", "(post + pre) / 2", "log10(post)", "log1p(pre)",
        "post - mean", "`my y`"]


def test_left_sides_are_arithmetic_as_in_R(tmp_path):
    program = shutil.which("Rscript") or missing_tool("R computes the left sides; it is not "
                                                      "installed")
    data = PAIR.assign(mean=300.0, **{"my y": SLEEP["Reaction"]})
    data.drop(columns="Subject").to_csv(tmp_path / "data.csv", index=False)
    code = ['library(jsonlite)', f'd <- read.csv("{tmp_path}/data.csv", check.names = FALSE)']
    code += [f"cat(toJSON(as.numeric(model.response(model.frame({left} ~ Days, d))), digits = "
             "NA), '\\n')" for left in LEFT]
    out = subprocess.run([program, "-e", "\n".join(code)], capture_output=True, text=True,
                         check=True).stdout
    for left, line in zip(LEFT, out.splitlines(), strict=True):
        got = lmm.fit(f"{left} ~ Days + (1 | Subject)", data).y
        np.testing.assert_allclose(got, json.loads(line), rtol=1e-12, err_msg=left)


def test_a_difference_on_the_left_is_a_difference():
    fit = lmm.fit("post - pre ~ Days + (1 | Subject)", PAIR)
    # lme4: fixef(lmer(Reaction - (Days + 1.5) ~ Days + (1 | Subject), sleepstudy))
    assert list(fit.fe_params) == pytest.approx([249.905104848485, 9.46728595959596], rel=1e-9)


@pytest.mark.parametrize("left, message", {
    "post^2": r"a power is written x\*\*2",
    "cbind(post, pre)": "one response; fit one model for each",
    "poly(post, 2)": "gives 2 columns; it must be one", "1": "names no column",
    "post > 300": "not allowed in a formula",
    "post:pre": "cannot read 'post:pre'", "Subject": "the response 'Subject' is not numeric",
    "log(Subject)": "the response 'Subject' is not numeric", "post +": "cannot read",
    "y ~ x": "needs one '~'",
}.items())
def test_left_sides_that_are_none(left, message):
    refuses(f"{left} ~ Days", PAIR.assign(Subject=PAIR["Subject"].astype(str)), message)


# Operators -------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", ["I(Days^2)", "I(Days | 2)", "I(Days & 2)", "I(Days << 1)",
                                  "I(Days @ Days)", "{Days^2}"])
@pytest.mark.parametrize("place", ["Reaction ~ Days + {} + (1 | Subject)",
                                   "Reaction ~ Days + (0 + {} | Subject)"])
def test_bits_are_no_arithmetic(text, place):
    for data in (SLEEP, SLEEP.assign(Days=SLEEP["Days"].astype(float))):
        refuses(place.format(text), data, r"a power is written x\*\*2")


def test_powers():
    square = lmm.fit("Reaction ~ Days + I(Days**2) + (1 | Subject)", SLEEP)
    # lme4: REMLcrit(lmer(Reaction ~ Days + I(Days^2) + (1 | Subject), sleepstudy))
    assert square.criterion == pytest.approx(1785.79527202737, abs=1e-8)
    two = lmm.fit("humidity ~ (width + depth)^2 + (1 | plank)",
                  PLANKS)            # of terms, a power is R's
    assert two.criterion == lmm.fit("humidity ~ width * depth + (1 | plank)", PLANKS).criterion


@pytest.mark.parametrize("text, message", {
    "factor(Days)": r"factor\(\) is not available in .*C\(x\) makes a factor",
    "as.factor(Days)": r"as.factor\(\) is not available in .*C\(x\) makes a factor",
    "offset(Days)": r"offset='x'", "ns(Days)": "cr",
    ".": "'.', all other columns, .* name the columns",
    "I(Days > 4)": "not allowed in a formula", "I(Days, lambda: 3)": "cannot read|not allowed",
    "cube(Days)": "not allowed",
    "I(Subject + 1)": r"'I\(Subject \+ 1\)' needs numbers, but 'Subject' is a factor",
    "log(Subject)": "needs numbers, but 'Subject' is a factor",
    "`Days": "a backtick without its partner",
}.items())
def test_what_a_formula_cannot_say(text, message):
    data = SLEEP.assign(Subject=SLEEP["Subject"].astype(str), g=SLEEP["Subject"])
    refuses(f"Reaction ~ {text} + (1 | g)", data, message)


# Random terms ----------------------------------------------------------------------------------

@pytest.mark.parametrize("text, message", {
    "diag(1 + Days | Subject)": r"structure 'diag': write \(1 \+ x \|\| g\)",
    "us(Days | Subject)": r"structure 'us': write \(1 \+ x \| g\)",
    "cs(Days | Subject)": r"structure 'cs': it is not available",
    "ar1(0 + Days | "
    "Subject)": r"ar1\(0 \+ Days \| Subject\) asks for a covariance of the structure 'ar1': it is "
                r"not available",
    "exp(Days + 0 | Subject)": "structure 'exp': it is not available",
    "rr(Days | Subject, d=2)": "cannot read|structure",
    "(1 | my group)": r"cannot read the grouping factor 'my group'.*in backticks",
    "(1 | factor(Subject))": r"write \(1 \| group\)",
    "(1 | Subject + Days)": "cannot read the grouping factor",
    "(1 | `a:b`)": "has a ':' or '/' in its name; rename",
}.items())
def test_random_terms_that_are_none(text, message):
    refuses(f"Reaction ~ Days + {text}", SLEEP, message)


# Names -----------------------------------------------------------------------------------------

NAMES = ["log", "log2", "log10", "log1p", "exp", "sqrt", "abs", "sin", "center", "scale",
         "standardize", "poly", "bs", "cr",
         "cs", "cc", "C", "I", "Q", "contr", "np", "Treatment", "Sum", "Helmert", "Poly", "Diff",
         "hashed", "lag", "yield",
         "lambda", "class", "my.x", "my x", "é t é", "1a", "_", "in", "None", "True", "a-b", "a~b",
         "a|b", "(a)"]
rng = np.random.default_rng(0)
GROUP = np.repeat(np.arange(20), 9)
PLAIN = pd.DataFrame({"y": rng.normal(size=180) + GROUP % 7, "g": GROUP, "x": rng.normal(size=180),
                      "f": pd.Categorical(np.tile(list("abc"), 60))})
USES = {                                          # a formula, the same in plain names, whose column
    "covariate": ("y ~ {0} + ({0} | g)", "y ~ x + (x | g)", "x"),
    "factor": ("y ~ {0} * x + (0 + {0} | g)", "y ~ f * x + (0 + f | g)", "f"),
    "group": ("y ~ x + (1 | {0}) + (1 | {0}:f)", "y ~ x + (1 | g) + (1 | g:f)", "g"),
    "nested": ("y ~ x + (1 | {0}/f)", "y ~ x + (1 | g/f)", "g"),
    "response": ("{0} ~ x + (1 | g)", "y ~ x + (1 | g)", "y"),
    "in calls": ("y ~ I({0}**2) + scale({0}) + C(f, Sum) + (1 | g)",
                 "y ~ I(x**2) + scale(x) + C(f, Sum) + (1 | g)", "x"),
    "coded": ("y ~ C({0}, Treatment('b')) + (1 | g)", "y ~ C(f, Treatment('b')) + (1 | g)", "f"),
}
EXPECTED = {use: lmm.fit(plain, PLAIN) for use, (_, plain, _) in USES.items()}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", NAMES)
def test_a_column_may_have_any_name(name, use):
    formula, _, column = USES[use]
    data, expected = PLAIN.assign(**{name: PLAIN[column]}), EXPECTED[use]
    backticks = [f"`{name}`"]
    if name.isidentifier() and name not in ("in", "None", "True") or name == "my.x":
        backticks.append(name)
    for written in backticks:
        got = lmm.fit(formula.format(written), data)
        assert got.criterion == pytest.approx(expected.criterion, rel=1e-13)
        np.testing.assert_allclose(got.predict(data.head(4)), expected.predict(PLAIN.head(4)),
                                   rtol=1e-12)
        assert list(got.anova()["F"]) == pytest.approx(list(expected.anova()["F"]), rel=1e-9)
        statistics = [list(fit.ranova()["statistic"]) for fit in (got, expected)]
        assert statistics[0] == pytest.approx(statistics[1], rel=1e-6)
        if use == "factor":
            pd.testing.assert_frame_equal(got.ls_means([name]).rename(columns={name: "f"}),
                                          expected.ls_means("f"))


def test_names_as_they_are_printed():
    data = PLAIN.assign(**{"my.x": PLAIN["x"], "my x": PLAIN["x"]**2, "Treatment": PLAIN["f"]})
    fit = lmm.fit("y ~ my.x + `my x` + exp(my.x) + exp(`my x`) + Treatment + (1 | g)", data)
    assert list(fit.fe_params.index) == ["Intercept", "my.x", "my x", "exp(my.x)", "exp(`my x`)",
                                         "Treatment[T.b]",
                                         "Treatment[T.c]"]


def test_Q_is_backticks():
    data = PLAIN.assign(**{"a.b": PLAIN["x"], "a b": PLAIN["g"]})
    fit = lmm.fit("""y ~ Q('a.b') + I(Q("a.b")**2) + (Q('a.b') | Q('a b'))""", data)
    assert fit.criterion == lmm.fit("y ~ x + I(x**2) + (x | g)", PLAIN).criterion
    assert list(fit.fe_params.index) == ["Intercept", "a.b", "I(a.b ** 2)"]


def test_a_function_and_a_column_of_one_name():
    data = PLAIN.assign(log=np.exp(PLAIN["x"]), C=PLAIN["f"])
    assert lmm.fit("y ~ log(log) + C(C) + (1 | g)", data).criterion == pytest.approx(
        lmm.fit("y ~ x + f + (1 | g)", PLAIN).criterion, rel=1e-12)


def test_two_effects_of_one_name():
    refuses("y ~ Intercept + (1 | g)", PLAIN.assign(Intercept=PLAIN["x"]),
            "gives two effects the name 'Intercept'; rename")
    refuses("y ~ x + (Intercept | g)", PLAIN.assign(Intercept=PLAIN["x"]),
            "gives two effects the name 'Intercept'; rename")
    fit = lmm.fit("y ~ 0 + Intercept + (1 | g)", PLAIN.assign(Intercept=PLAIN["x"]))
    assert list(fit.anova().index) == ["Intercept"]
    fit = lmm.fit("y ~ x*f + `x:f` + (1 | g)", PLAIN.assign(**{"x:f": PLAIN["x"] ** 2}))
    assert len(fit.anova()) == 4


# Codings ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("coding", [
    "contr.treatment('3')", "contr.sum", "contr.helmert", "contr.poly", "contr.diff", "contr.SAS",
    "Sum", "Poly",
    "contr.custom({'second': [-1, 1, 0], 'third': [-1, 0, 1]})",
    "contr.custom([[-1, 0], [1, -1], [0, 1]])", "Helmert()",
    "Treatment(reference='2')"])
def test_codings(coding):
    data = PLANKS.assign(w=PLANKS["width"].astype(str))
    got = lmm.fit(f"humidity ~ C(w, {coding}) * depth + (1 | plank)", data, reml=False)
    plain = lmm.fit("humidity ~ w * depth + (1 | plank)", data, reml=False)
    assert got.criterion == pytest.approx(plain.criterion, rel=1e-12)
    np.testing.assert_allclose(got.anova()["F"], plain.anova()["F"], rtol=1e-9)
    np.testing.assert_allclose(got.ls_means("w")["mean"], plain.ls_means("w")["mean"], rtol=1e-10)
    np.testing.assert_allclose(got.predict(data.head(9)), plain.predict(data.head(9)), rtol=1e-10)


def test_a_custom_coding_is_R_s():
    data = SLEEP.assign(f=np.array(["a", "b", "c"])[np.arange(180) % 3])
    fit = lmm.fit("Reaction ~ C(f, contr.custom({'ba': [-0.5, 0.5, 0], 'c': [-0.3, -0.3, 0.6]})) "
                  "+ (1 | Subject)", data)
    assert list(fit.fe_params.index)[1:] == [
        f"C(f, contr.custom({{'ba': [-0.5, 0.5, 0], 'c': [-0.3, -0.3, 0.6]}}))[{name}]"
        for name in ("ba", "c")]
    # lme4: contrasts(d$f) <- cbind(c(-.5, .5, 0), c(-.3, -.3, .6))
    # fixef(lmer(Reaction ~ f + (1 | Subject), d))
    assert list(fit.fe_params) == pytest.approx([298.507891666666, -1.42160127599994,
                                                 2.88095187232980], rel=2e-8)


def test_brackets_in_brackets():
    """As R reads them: a power of a difference as a slope, three deep."""
    plain = SLEEP.assign(q=(SLEEP["Days"] - 4.5) ** 2)
    expected = lmm.fit("Reaction ~ Days + q + (Days + q || Subject)", plain)
    got = lmm.fit("Reaction ~ Days + I((Days - 4.5)**2) + (Days + I((Days - 4.5)**2) || Subject)",
                  SLEEP)
    assert got.criterion == pytest.approx(expected.criterion, rel=1e-9)
    deep = lmm.fit("Reaction ~ Days + (0 + I(((Days) - 4.5)**2) | Subject)", SLEEP)
    assert deep.terms[0].x[:, 0] == pytest.approx(plain["q"])
