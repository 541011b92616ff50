"""What `lmm` says of a case held against what R says: a list of differences."""

import traceback
import warnings
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd

import lmm
from tests.r_dense import Dense
from tests.r_excused import excused

Verdict = namedtuple("Verdict", "kind reason wrong checks notes")    # kind: right, refused, r_refused, wrong
Difference = namedtuple("Difference", "quantity ours theirs")

TOLERANCE = 1e-5
CRITERION = 1e-6


def judge(case, answer):
    """The verdict on one case, given R's answer."""
    try:
        fit, said = quietly(lambda: lmm.fit(case.formula, case.table, case.reml, case.weights, case.offset))
    except Exception as error:                                       # noqa: BLE001  whatever it is
        if meant(error):
            return Verdict("refused", str(error), [], 0, [])
        return Verdict("wrong", "", [Difference("fit", repr(error), "")], 0, [])
    wrong, notes = [], [text for text in said if "not converged" not in text]
    vague = not Dense(fit).told_apart()
    if vague and not notes:
        wrong.append(Difference("variances that cannot be told apart, fitted without a word", fit.criterion, ""))
    dense = fit.criterion if vague else textbook(fit, case, fit.gamma, fit.scale)
    if not abs(fit.criterion - dense) <= 1e-7 * (1 + abs(dense)):
        wrong.append(Difference("criterion by slide 34's formula", fit.criterion, dense))
    if "error" in answer:
        return Verdict("wrong" if wrong else "r_refused", answer["error"], wrong, 1, notes)
    best = min(answer["criteria"])
    A = _coding(case, fit, answer)
    if A is None:
        wrong.append(Difference("columns of X", list(fit.X.columns), f"{answer['dropped']} dropped"))
        return Verdict("wrong", "", wrong, 1, notes)
    shift = 2 * np.linalg.slogdet(A)[1] if fit.reml else 0           # log |X'V^-1 X| in R's coding
    if case.r_table is not None:
        shift += np.log(case.table[case.weights]).sum()
    gap = fit.criterion + shift - best
    if gap > CRITERION * max(1, abs(best) * 1e-4):
        wrong.append(Difference("criterion", fit.criterion + shift, best))
    if not fit.converged and np.ptp(answer["criteria"][:2]) < CRITERION:
        wrong.append(Difference("converged", fit.converged, True))
    if abs(gap) > CRITERION or vague or answer["left"] > 1e-10:
        if not wrong and not vague:
            notes.append("R is not at the optimum")
        return Verdict("wrong" if wrong else "right", "", wrong, 2, notes)
    checks = 2
    for name, ours, theirs, tolerance in quantities(case, fit, answer, A, wrong, notes):
        checks += 1
        ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
        if ours.shape != theirs.shape:
            wrong.append(Difference(name, ours.shape, theirs.shape))
            continue
        known = np.isfinite(theirs)
        if not known.all():
            notes.append(f"R has no value: {name.split(' ')[0]}")
        bad = known & ~(np.abs(ours - theirs) <= tolerance)
        if bad.any():
            i = np.unravel_index(np.argmax(bad), bad.shape)
            why = excused(case, fit, answer, name, ours, theirs, bad)
            if why:
                notes.append(why)
            else:
                wrong.append(Difference(name, ours[i], theirs[i]))
    return Verdict("wrong" if wrong else "right", "", wrong, checks, notes)


def meant(error):
    """Is it a ValueError that lmm itself raises, not one that numpy or pandas raise inside?"""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return isinstance(error, ValueError) and Path(lmm.__file__).parent in Path(last.filename).parents and "raise" in last.line


def quietly(call):
    """The result of a call and the warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, [f"{w.category.__name__}: {w.message}" for w in caught]


def textbook(fit, case, gamma, scale):
    """-2 log (restricted) likelihood by the formula of slide 34, with lme4's constant, for Gamma_k (a list) and sigma^2."""
    X, y = fit.X.to_numpy(), np.asarray(fit.y)
    V = scale * (np.eye(len(y)) if case.weights is None else np.diag(1 / case.table[case.weights].to_numpy(dtype=float)))
    for term, g in zip(fit.terms, gamma):
        same = term.codes[:, None] == term.codes                     # Z (I x Gamma) Z', without the engine's Z
        V = V + scale * same * (term.x @ (g + g.T) @ term.x.T) / 2
    if case.offset is not None:
        y = y - case.table[case.offset].to_numpy(dtype=float)
    if fit.reml:
        return 2 * lmm.likelihood.reml(y, X, V) - X.shape[1] * np.log(2 * np.pi)
    return 2 * lmm.likelihood.ml(y, X, lmm.likelihood.gls(y, X, V), V)


def quantities(case, fit, answer, A, wrong, notes):
    """Everything that is compared: name, ours, R's, tolerance. A: R's X is ours times A."""
    yield "sigma2", fit.scale, answer["sigma2"], TOLERANCE * fit.scale
    if case.r_table is None:
        w, V = np.sin(np.arange(1, fit.nobs + 1)), fit.V()
        yield "V", V @ w, np.array(answer["Vw"]), TOLERANCE * np.abs(V).max() * 3
        sd = np.sqrt(fit.scale)
        yield "fitted", fit.fittedvalues, answer["fitted"], TOLERANCE * sd
        yield "predict", fit.predict(), answer["fitted"], TOLERANCE * sd
        yield from _blups(fit, answer, TOLERANCE * sd)
    beta = fit.contrast(np.linalg.inv(A))
    yield "beta", beta["estimate"], answer["beta"], TOLERANCE * beta["se"]
    same = (np.sort(np.abs(A), axis=0)[:-1] < 1e-9).all() and (np.abs(A).max(axis=0) - 1 < 1e-9).all()
    for method, theirs in answer["coefs"].items():
        if same:
            ours = _asked(lambda: fit.coef_table(df=method), f"coef_table({method})", theirs, wrong, notes)
            ours = None if ours is None else ours.iloc[np.abs(A).argmax(axis=0)]
        else:
            ours = _asked(lambda: fit.contrast(np.linalg.inv(A), df=method), f"contrast({method})", theirs, wrong, notes)
        if ours is not None:
            yield from _table(f"coef {method}", ours, theirs, "estimate se df t p".split(), ours["se"].to_numpy())
    if case.r_table is not None:
        return
    for asked, theirs in answer["anova"].items():
        kind, method = asked.split(" ")
        ours = _asked(lambda: fit.anova(type=3 if kind == "joint" else int(kind), df=method), f"anova({asked})", theirs, wrong, notes)
        if ours is not None:
            yield from _anova(asked, ours, theirs, same, notes)
    for asked, theirs in answer.get("means", {}).items():
        factors, method = asked.rsplit(" ", 1)
        yield from _means(fit, factors, method, theirs, wrong, notes)


def _asked(call, name, theirs, wrong, notes):
    """The result of a call of lmm, or None with a word about it in `wrong` or `notes`."""
    try:
        result, said = quietly(call)
    except Exception as error:                                       # noqa: BLE001
        if meant(error):
            notes.append(f"refused: {name.split('(')[0]}: {error}")
        else:
            wrong.append(Difference(name, repr(error), ""))
        return None
    for text in said:
        if text.startswith("RuntimeWarning"):
            wrong.append(Difference(name, text, ""))
        else:
            notes.append(text)
    if "error" in theirs:
        notes.append(f"R refuses {name.split('(')[0]}: {theirs['error']}")
        return None
    return result


def _coding(case, fit, answer):
    """The matrix A of R's X = X A; None where the columns of the one do not give those of the other."""
    X, theirs = fit.X.to_numpy(), np.array(answer["X"], dtype=float).T
    if case.r_table is not None:
        X = np.sqrt(case.table[case.weights].to_numpy(dtype=float))[:, None] * X
    if X.shape != theirs.shape:
        return None
    A, *_ = np.linalg.lstsq(X, theirs)
    near = np.round(A)
    A = np.where(np.abs(A - near) < 1e-9, near, A)
    return A if np.allclose(X @ A, theirs, rtol=0, atol=1e-8 * np.abs(theirs).max()) else None


def _blups(fit, answer, tolerance):
    theirs = {frozenset(name.split(":")): matrix for name, matrix in answer["blups"].items()}
    ours = {}
    for term, u in zip(fit.terms, fit.u):
        ours.setdefault(frozenset(term.name.split(":")), []).append(u[term.codes])
    for name, parts in ours.items():
        columns = np.concatenate(parts, axis=1).T
        his = np.array(theirs[name], dtype=float).reshape(columns.shape)
        if len(parts) > 1:                                           # R has the terms of a group in another order
            columns = columns[np.abs(columns - his[:, None]).sum(axis=2).argmin(axis=1)]
        size = np.abs(columns).max(axis=1, keepdims=True)
        yield f"blups {':'.join(sorted(name))}", columns, his, tolerance + TOLERANCE * size


def p_tolerance(p, size, df):
    """What an error of 1e-5 in a statistic (t squared, F) and in its df makes of p."""
    with np.errstate(divide="ignore", invalid="ignore"):
        steep = 1 + np.abs(np.log(np.maximum(p, 1e-300))) + np.minimum(size, np.where(np.isfinite(df), df, size))
    return TOLERANCE * np.minimum(steep, 1e3) * p + 1e-12


def _table(name, ours, theirs, columns, se):
    theirs = {c: np.atleast_1d(np.array(theirs[c], dtype=float)) for c in columns}
    t, df = ours["t"].to_numpy(), ours["df"].to_numpy()
    tolerance = {"estimate": TOLERANCE * se, "se": TOLERANCE * ours["se"].to_numpy(), "df": TOLERANCE * df,
                 "t": TOLERANCE * (1 + np.abs(t)), "p": p_tolerance(ours["p"].to_numpy(), t**2, df)}
    for c in columns:
        yield f"{name} {c}", ours[c].to_numpy(), theirs[c], tolerance[c]


def _anova(asked, ours, theirs, same, notes):
    ours = ours.drop(index="Intercept", errors="ignore")
    terms = [_term(name) for name in np.atleast_1d(theirs["term"])]
    known = {_term(name): name for name in ours.index}
    if set(terms) != set(known):
        yield f"anova {asked} terms {sorted(map(sorted, terms))} {sorted(map(sorted, known))}", np.zeros(len(ours)), np.ones(len(ours)), 0
        return
    ours = ours.loc[[known[t] for t in terms]]
    F, df = ours["F"].to_numpy(), ours["den_df"].to_numpy()
    tolerance = {"num_df": 0, "den_df": TOLERANCE * df, "F": TOLERANCE * (1 + F), "p": p_tolerance(ours["p"].to_numpy(), F, df)}
    several = ours["num_df"].to_numpy() > 1
    if not same and several.any():                                   # Fai and Cornelius' df depend on the rows of L
        notes.append("df of a test of several rows depend on the coding, and R has another: not compared")
        tolerance["den_df"] = np.where(several, np.inf, tolerance["den_df"])
        tolerance["p"] = np.where(several, np.inf, tolerance["p"])
    for c in tolerance:
        yield f"anova {asked} {c}", ours[c].to_numpy(dtype=float), np.atleast_1d(np.array(theirs[c], dtype=float)), tolerance[c]


def _term(name):
    """A term's factors, however the term is written: `C(f, contr.sum):x`, "x:f"."""
    plain = name.replace("`", "").replace(" ", "").replace("**", "^").replace("C(f,contr.sum)", "f")
    plain = plain.replace("C(f,contr.helmert)", "f").replace("C(f,contr.poly)", "f")
    return frozenset(plain.split(":"))


def _means(fit, factors, method, theirs, wrong, notes):
    ours = _asked(lambda: fit.ls_means(factors, method), f"ls_means({factors}, {method})", theirs, wrong, notes)
    pairs = _asked(lambda: fit.pairs(factors, df=method), f"pairs({factors}, {method})", theirs, wrong, notes)
    if ours is None or pairs is None:
        return
    names = ours[factors.split(":")].astype(str).replace({"True": "TRUE", "False": "FALSE"})
    level = ["|".join(row) for row in names.to_numpy()]
    at = [level.index(name) if name in level else -1 for name in np.atleast_1d(theirs["level"])]
    if min(at) < 0 or len(at) != len(level):
        wrong.append(Difference(f"levels of {factors}", level, theirs["level"]))
        return
    se = ours["se"].to_numpy()[at]
    yield f"means {factors} {method} mean", ours["mean"].to_numpy()[at], np.atleast_1d(theirs["mean"]), TOLERANCE * se
    yield f"means {factors} {method} se", se, np.atleast_1d(theirs["se"]), TOLERANCE * se
    df = ours["df"].to_numpy()[at]
    yield f"means {factors} {method} df", df, np.atleast_1d(np.array(theirs["df"], dtype=float)), TOLERANCE * df
    # pairs of R: by its own order of the levels
    first, second = np.triu_indices(len(at), 1)
    number = pd.Series(np.arange(len(first)), index=pd.MultiIndex.from_arrays([first, second]))
    at = np.array(at)
    swapped = np.where(at[first] < at[second], 1, -1)
    rows = [number[min(at[i], at[j]), max(at[i], at[j])] for i, j in zip(first, second)]
    pairs = pairs.iloc[rows].assign(estimate=lambda d: swapped * d["estimate"], t=lambda d: swapped * d["t"])
    theirs = {c.removeprefix("pair_"): values for c, values in theirs.items() if c.startswith("pair_")}
    yield from _table(f"pairs {factors} {method}", pairs, theirs, "estimate se df t p".split(), pairs["se"].to_numpy())
