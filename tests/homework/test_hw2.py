"""Homework 2: right answers by lmm.fit and statsmodels, known mistakes as students make them."""

import re
import time
import warnings
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lmm
from lmm import homework
from lmm.homework import hw2

smf = pytest.importorskip("statsmodels.formula.api")
from statsmodels.stats.anova import anova_lm                        # noqa: E402
from statsmodels.stats.multicomp import pairwise_tukeyhsd           # noqa: E402

IDS = ["solution", "novakjan", "novotny3", "x1"]
FIXED, MIXED = ["width", "depth", "width:depth"], "humidity ~ width * depth"
TERMS = [" + (1 | plank)", " + (1 | plank:width)", " + (1 | plank:depth)"]
MANY = [f"student{i}" for i in range(60)]


@lru_cache(maxsize=None)
def data(student):
    return homework.data("planks", student)


def numbers(student, *names):
    return data(student).astype({name: int for name in names})


@lru_cache(maxsize=None)
def fit(student, terms=3, reml=True):
    return lmm.fit(MIXED + "".join(TERMS[:terms]), data(student), reml)


@lru_cache(maxsize=None)
def fixed(student, formula="(plank + width + depth) ** 2", type=1, coded=()):
    ols = smf.ols(f"humidity ~ {formula}", numbers(student, *coded)).fit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anova_lm(ols, typ=type)


def f_tests(model, df="satterthwaite"):
    return model.anova(type=3, df=df)[["F", "den_df", "p"]]


def pairs(model, adjust="tukey", df="kenward-roger"):
    found = pd.concat([model.pairs("width", adjust, df),
                       model.pairs("depth", adjust, df).iloc[[4, 7]]])
    return found[["estimate", "lower", "upper", "p"]].to_numpy()


def turned(table):
    """The other sign: differences, lower and upper limits of the second less the first."""
    return np.column_stack([-table[:, 0], -table[:, 2], -table[:, 1], table[:, 3]])


def hsd(student):
    """statsmodels' differences are the second less the first."""
    table, rows = data(student), []
    for factor, which in ("width", [0, 1, 2]), ("depth", [4, 7]):
        found = pairwise_tukeyhsd(table["humidity"], table[factor])
        rows.append(np.column_stack([found.meandiffs, found.confint, found.pvalues])[which])
    return np.vstack(rows)


def known(student, adjust):
    """Pairs by z: the standard errors of the mixed model, and infinite degrees of freedom."""
    rows = []
    for factor, k, which in ("width", 3, [0, 1, 2]), ("depth", 5, [4, 7]):
        p = fit(student).pairs(factor, "none").iloc[which]
        if adjust == "none":
            wide, tail = stats.norm.ppf(0.975), 2 * stats.norm.sf(p["t"].abs())
        else:
            wide = stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
            tail = stats.studentized_range.sf(np.sqrt(2) * p["t"].abs(), k, np.inf)
        limits = p["estimate"] - wide * p["se"], p["estimate"] + wide * p["se"]
        rows.append(np.column_stack([p["estimate"], *limits, tail]))
    return np.vstack(rows)


@lru_cache(maxsize=None)
def wald(student):
    """The mixed model's Wald tests in a treatment coding: chi-square / df.

    As statsmodels' wald_test_terms has them.
    """
    model = fit(student)
    found = {"width": [], "depth": [], "width:depth": []}
    for i, name in enumerate(model.fe_params.index):
        term = ":".join(part.split("[")[0] for part in name.split(":"))
        if term in found:
            found[term].append(i)
    b, C = model.fe_params.to_numpy(), model.cov_params().to_numpy()
    return [b[i] @ np.linalg.solve(C[np.ix_(i, i)], b[i]) / len(i) for i in found.values()]


def planks_profiles(student):
    w = data(student).groupby(["plank", "width"], observed=True)["humidity"].mean().unstack()
    d = data(student).groupby(["plank", "depth"], observed=True)["humidity"].mean().unstack()
    return w, d


def single(student):
    wide = data(student).set_index(["plank", "width", "depth"])["humidity"]
    return [(wide.xs(3, level="width") - wide.xs(1, level="width")).std(),
            (wide.xs(5, level="depth") - wide.xs(1, level="depth")).std()]


def right(task, student):
    """Each answer from the fitted model or from the table itself."""
    model, (w, d) = fit(student), planks_profiles(student)
    cells = data(student).groupby(["width", "depth"], observed=True)
    return {"a": lambda: cells["humidity"].mean().unstack(),
            "b": lambda: [(w[3] - w[1]).std(), (d[5] - d[1]).std()],
            "c": lambda: fixed(student).loc[FIXED, "F"],
            "d": lambda: model.variance_components["variance"],
            "e": lambda: f_tests(model, "kenward-roger"),
            "f": lambda: ls_means(model),
            "g": lambda: pairs(model)}[task]()


@pytest.mark.parametrize("student", IDS)
@pytest.mark.parametrize("task", hw2._TASKS)
def test_right_answers(task, student):
    value = right(task, student)
    np.testing.assert_allclose(np.asarray(value, float), hw2._TASKS[task].right(student),
                               rtol=1e-5, atol=1e-9)
    assert homework.score("2" + task, value, student) == 1
    assert homework.verdict("2" + task, value, student) == "right"


def chi_square_p(F):
    return stats.chi2.sf(np.multiply(F, [2, 4, 8]), [2, 4, 8])


def column(table, i, values):
    table = np.array(table, dtype=float)
    table[:, i] = values
    return table


def ls_means(model):
    return pd.concat([model.ls_means(factor, "kenward-roger")[["mean", "se"]]
                      for factor in ("width", "depth")])


def first_pairs(model):
    """Standard errors of differences, one for each LS mean."""
    return [model.pairs(factor)["se"].iloc[0] for factor, n in (("width", 3), ("depth", 5))
            for _ in range(n)]


def in_treatment_coding(model):
    """Intercept, width[T.2], width[T.3] and Intercept, depth[T.3] ... of the coefficients."""
    names = ["Intercept", "width[T.2]", "width[T.3]", "Intercept",
             *(f"depth[T.{k}]" for k in (3, 5, 7, 9))]
    return model.coef_table().loc[names, ["estimate", "se"]]


# (task, words of the message): the mistake as it is made
MISTAKES = {
    ("a", "exchanged"): lambda s: right("a", s).T,
    ("a", "medians"):
        lambda s: data(s).groupby(["width", "depth"], observed=True)["humidity"].median().unstack(),
    ("a", "first plank"):
        lambda s: data(s).query("plank == 1").pivot(index="width", columns="depth",
                                                    values="humidity"),
    ("b", "ddof"): lambda s: [np.std(planks_profiles(s)[0].to_numpy() @ [-1, 0, 1]),
                              np.std(planks_profiles(s)[1].to_numpy() @ [-1, 0, 1, 0, 0])],
    ("b", "variances; take"): lambda s: np.square(right("b", s)),
    ("b", "single readings"): single,
    ("b", "plank by plank"): lambda s: [np.hypot(w[a].std(), w[b].std())
                                        for w, a, b in zip(planks_profiles(s), (3, 5), (1, 1))],
    ("c", "plank is not in"): lambda s: fixed(s, "width * depth").loc[FIXED, "F"],
    ("c", "plank is in, plank:width and plank:depth are not"):
        lambda s: fixed(s, "plank + width * depth").loc[FIXED, "F"],
    ("c", "tests of the mixed model"): lambda s: f_tests(fit(s))["F"],
    ("c", "type III"): lambda s: fixed(s, type=3).loc[FIXED, "F"],
    ("c", "type III with a treatment coding: its lines `width` and `depth` compare widths at "
          "the reference depth, and depths at the reference width, not their averages; and plank "
          "is in"):
        lambda s: fixed(s, "plank + width * depth", 3).loc[FIXED, "F"],
    ("c", "taken as a number"): lambda s: fixed(s, coded=("width", "depth")).loc[FIXED, "F"],
    ("c", "width or depth was taken as a number"):
        lambda s: fixed(s, coded=("plank", "width", "depth")).loc[FIXED, "F"],
    ("d", "standard deviations"): lambda s: fit(s).variance_components["sd"],
    ("d", "maximum likelihood"): lambda s: fit(s, reml=False).variance_components["variance"],
    ("d", "mean squares"):
        lambda s: fixed(s).loc[["plank", "plank:width", "plank:depth", "Residual"], "mean_sq"],
    ("d", "plank:width and plank:depth are exchanged"):
        lambda s: np.asarray(right("d", s))[[0, 2, 1, 3]],
    ("d", "plank is in, plank:width and plank:depth are not"):
        lambda s: fit(s, 1).variance_components["variance"],
    ("d", "plank:depth is not"): lambda s: fit(s, 2).variance_components["variance"],
    ("e", "plank is not in"): lambda s: f_tests(fit(s, 0)),
    ("e", "plank is in, plank:width and plank:depth are not"): lambda s: f_tests(fit(s, 1)),
    ("e", "plank:depth is not"): lambda s: f_tests(fit(s, 2)),
    ("e", "fixed analysis again"): lambda s: np.column_stack([
        fixed(s).loc[FIXED, "F"], [152] * 3, fixed(s).loc[FIXED, "PR(>F)"]]),
    ("e", "z instead of t"): lambda s: column(f_tests(fit(s)), 2,
                                              chi_square_p(f_tests(fit(s))["F"])),
    ("e", "type III"): lambda s: np.column_stack([
        wald(s), f_tests(fit(s))["den_df"],
        stats.f.sf(wald(s), [2, 4, 8], f_tests(fit(s))["den_df"])]),
    ("e", "type III with a treatment coding: its lines `width` and `depth` compare widths at "
          "the reference depth, and depths at the reference width, not their averages; and its "
          "p-values are chi-square's"):
        lambda s: np.column_stack([wald(s), f_tests(fit(s))["den_df"], chi_square_p(wald(s))]),
    ("e", "taken as a number"): lambda s: f_tests(
        lmm.fit(MIXED + "".join(TERMS), numbers(s, "width", "depth"))),
    ("f", "raw means"): lambda s: pd.concat([
        data(s).groupby(factor, observed=True)["humidity"].agg(["mean", "sem"])
        for factor in ("width", "depth")]),
    ("f", "plank is not in"): lambda s: ls_means(fit(s, 0)),
    ("f", "plank is in, plank:width and plank:depth are not"): lambda s: ls_means(fit(s, 1)),
    ("f", "errors of differences"): lambda s: column(ls_means(fit(s)), 1, first_pairs(fit(s))),
    ("f", "coefficients"): lambda s: in_treatment_coding(fit(s)),
    ("g", "Tukey's HSD on raw data"): lambda s: turned(hsd(s)),
    ("g", "independent (and its differences"): hsd,
    ("g", "the differences are the second less the first"): lambda s: turned(pairs(fit(s))),
    ("g", "not adjusted"): lambda s: pairs(fit(s), "none"),
    ("g", "Bonferroni"): lambda s: pairs(fit(s), "bonferroni"),
    ("g", "z was taken for t (and nothing adjusted)"): lambda s: known(s, "none"),
    ("g", "z was taken for t: the"): lambda s: known(s, "tukey"),
    ("g", "plank is not in"): lambda s: pairs(fit(s, 0)),
    ("g", "plank is in, plank:width and plank:depth are not"): lambda s: pairs(fit(s, 1)),
}


@pytest.mark.parametrize("student", IDS[:2])
@pytest.mark.parametrize("task, words", MISTAKES)
def test_mistakes_are_named(task, words, student):
    value = MISTAKES[task, words](student)
    text = homework.verdict("2" + task, value, student)
    assert text.startswith("not right: ") and words in text, text
    assert homework.score("2" + task, value, student) < 1


def test_every_mistake_is_made():
    assert len(MISTAKES) == sum(len(task.wrong) for task in hw2._TASKS.values())


def test_the_order_of_treatment_coding_in_statsmodels():
    """What `wald` builds from lmm's fit is what statsmodels itself reports, up to its optimiser."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smf.mixedlm(MIXED, data("novakjan"), groups="plank", re_formula="1", vc_formula={
            "w": "0 + C(width)", "d": "0 + C(depth)"}).fit()
        found = model.wald_test_terms(scalar=True).table.loc[FIXED]
    np.testing.assert_allclose(found["statistic"] / [2, 4, 8], wald("novakjan"), rtol=1e-3)
    value = np.column_stack([found["statistic"] / [2, 4, 8], [38, 76, 152], found["pvalue"]])
    text = homework.verdict("2e", value, "novakjan")
    assert "treatment coding" in text and "chi-square" in text


def test_no_mistake_coincides_with_the_answer_and_none_tells_it():
    for student in MANY:
        for name, task in hw2._TASKS.items():
            answer = task.right(student)
            shown = np.asarray(answer, dtype=float).ravel()
            forms = {f"{v:.{k}g}" for v in shown for k in (3, 4, 5)}
            forms |= {f"{v:.{k}f}" for v in shown for k in (2, 3, 4)}
            forms = {form for form in forms if len(form) > 1}
            values = [wrong(student) for _, wrong in task.wrong]
            for value in values:
                assert np.isfinite(np.asarray(value, dtype=float)).all()
                assert homework.score("2" + name, value, student) < 1, (student, name)
            for value in [*values, 1.3 * np.asarray(answer), shown, "a word"]:
                text = homework.verdict("2" + name, value, student)
                share = f"{homework.score('2' + name, value, student):.0%} of its entries"
                told = set(re.findall(r"-?\d+\.?\d*", text.replace(share, "")))
                assert not told & forms, (student, name, text)


def test_each_student_has_the_lectures_design_and_data_of_their_own():
    planks = lmm.load("planks")
    for student in MANY[:10]:
        table = homework.data("planks", student)
        assert list(table) == ["plank", "width", "depth", "humidity"]
        pd.testing.assert_frame_equal(table[["plank", "width", "depth"]],
                                      planks[["plank", "width", "depth"]])
        assert (table["humidity"] == table["humidity"].round(2)).all()
        assert table["humidity"].between(0.5, 12).all()
        assert homework.data("planks", f" {student.upper()} ").equals(table)
    assert len({tuple(homework.data("planks", s)["humidity"]) for s in MANY}) == len(MANY)
    tables = [homework.data("planks", s).groupby("width", observed=True) for s in MANY]
    driest = {by_width["humidity"].mean().idxmin() for by_width in tables}
    significant = [hw2._TASKS["e"].right(s)[2, 2] < 0.05 for s in MANY]
    assert driest == {1, 2, 3} and 0.25 < np.mean(significant) < 0.75


def test_the_variances_are_near_the_lectures():
    real = [0.888, 0.300, 0.041, 0.155]
    found = np.array([hw2._TASKS["d"].right(s) for s in MANY])
    assert (found > 0).all() and (np.abs(np.log(found.mean(axis=0) / real)) < np.log(2)).all()


def test_a_class_is_checked_quickly():
    for cached in (hw2.readings, hw2.squares, hw2.variances, hw2.as_numbers, hw2.pairs_raw):
        cached.cache_clear()
    start = time.perf_counter()
    for student in MANY[:30]:
        for name, task in hw2._TASKS.items():
            homework.verdict("2" + name, 1.3 * np.asarray(task.right(student)), student)
    assert time.perf_counter() - start < 20
