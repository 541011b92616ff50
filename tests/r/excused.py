"""Faults of R that the differential tests have met, each judged by a computation of its own."""

import numpy as np
from scipy import stats

from lmm.inference import anova, means
from tests.r.dense import Dense

LITTLE = 2e-3                                              # what numerical derivatives may cost


def excused(case, fit, answer, name, ours, theirs, bad):
    """Why R's values `theirs`, where `bad`, are not to be believed, or None."""
    kind, *about = name.split(" ")
    column = about.pop() if about else ""
    if case.joint and name.startswith("anova 3 "):
        return "lmerTest's type 3 depends on the coding here: emmeans' joint tests are compared"
    overlooked = case.joint or "`" in case.formula         # a factor without main effect; backticks
    if overlooked and name.startswith("anova 2 ") and type_2_is_least_squares(fit):
        return "lmerTest overlooks here which terms contain others; lmm's type 2 is the textbook's"
    if kind == "pairs" and column == "p" and _tukey(answer["means"][" ".join(about)], ours, bad):
        return "ptukey is not exact: scipy's studentized range agrees with lmm"
    if about and about[-1] in ("satterthwaite", "kenward-roger"):
        if dense_agrees(fit, kind, about):
            far = np.abs(ours - theirs)[bad] > LITTLE * np.maximum(np.abs(ours[bad]), 1e-2)
            if not far.any():
                return f"R's digits: {kind} {about[-1]}; the dense formulas agree with lmm"
            if about[-1] == "kenward-roger" and not far_from_0(answer["smallest"]):
                return "pbkrtest takes ginv for an eigenvalue below 1e-10, in units of y"
            if about[-1] == "satterthwaite" and condition(answer) > 1e12:
                return "lmerTest's Hessian, in the units of y and x, has no digits left"
            if about[-1] == "kenward-roger" and two_df(fit, kind, about, answer):
                return "pbkrtest's df near 2 are 0 / 0; the dense limit agrees with lmm"
    return None


def type_2_is_least_squares(fit):
    """Are lmm's functions of type 2 those of a least-squares fit without what contains the term?

    Without these terms E b_1 = (X_1'X_1)^-1 X_1'X beta; the term's rows of it, up to their basis.
    """
    X, spec = fit.X.to_numpy(), fit.model_spec
    factors = {str(term): {f.expr for f in term.factors} for term in spec.term_slices}
    numbers = {name: {f for f in fs if f in fit.data and fit.data[f].dtype.kind in "iuf"}
               for name, fs in factors.items()}
    for name, L in anova.hierarchical(fit).items():
        above = [other for other in factors if factors[name] < factors[other]
                 and numbers[name] == numbers[other]]
        places = {str(term): np.arange(X.shape[1])[at] for term, at in spec.term_slices.items()}
        low = [j for other, at in places.items() if other not in above for j in at]
        rows = np.linalg.lstsq(X[:, low], X)[0][[low.index(j) for j in places[name]]]
        both, one = (np.linalg.matrix_rank(M, tol=1e-8) for M in (np.vstack([L, rows]), rows))
        if both != one:
            return False
    return True


def condition(answer):
    """Of lmerTest's covariance of the variance parameters; infinite where it is singular."""
    number = answer["condition"]
    return number if isinstance(number, (int, float)) else np.inf


def far_from_0(eigenvalue):
    """Of the information of the variances; pbkrtest may fail to find it."""
    return not isinstance(eigenvalue, dict) and eigenvalue > 1e-10


def two_df(fit, kind, about, answer):
    """Is one of R's df of this table 2, or nearly so?"""
    part, column = {"coef": ("coefs", "df"), "anova": ("anova", "den_df"), "means": ("means", "df"),
                    "pairs": ("means", "pair_df")}[kind]
    df = np.atleast_1d(answer[part][" ".join(about)][column])
    return (np.abs(np.array(df, dtype=float) - 2) < 0.05).any()


def _tukey(table, ours, bad):
    """R's ptukey has 6 digits at best; scipy integrates to the end, with R's own t and df."""
    k = len(np.atleast_1d(table["mean"]))
    t, df = (np.atleast_1d(np.array(table[c], dtype=float))[bad] for c in ("pair_t", "pair_df"))
    exact = stats.studentized_range.sf(np.sqrt(2) * np.abs(t), k, df)
    return (np.abs(ours[bad] - exact) <= 1e-4 * (1 + t**2) * exact + 1e-9).all()


def dense_agrees(fit, kind, about):
    """Does lmm say what the formulas say, written out with dense matrices?"""
    judge, method = Dense(fit), about[-1]
    if kind == "anova":
        L = anova.marginal(fit) if about[0] in ("3", "joint") else anova.sequential(fit, method)
        if about[0] == "2":
            L = anova.hierarchical(fit)
        ours = fit.anova(type=3 if about[0] == "joint" else int(about[0]), df=method)
        exact = np.array([judge.test(L[term], method) for term in ours.index])
        return np.allclose(ours[["den_df", "F"]], exact, rtol=1e-5, atol=1e-9)
    if kind == "coef":
        table, L = fit.coef_table(method), np.eye(len(fit.fe_params))
    else:
        L = means.mean_rows(fit, about[0]).to_numpy()
        table = fit.ls_means(about[0], method)
        if kind == "pairs":
            first, second = np.triu_indices(len(L), 1)
            table, L = fit.pairs(about[0], df=method), L[first] - L[second]
    return np.allclose(table[["se", "df"]], np.column_stack(judge.table(L, method)), rtol=1e-5)
