"""What `lmm` says of a case held against what R says: a verdict, with each difference."""

import re
import traceback
import warnings
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd

import lmm
from tests.r.dense import Dense
from tests.r.excused import dense_agrees, excused

# kind: right, refused (by lmm), refused by R only, wrong; reason: of a refusal
Verdict = namedtuple("Verdict", "kind reason wrong checks notes", defaults=["", (), 0, ()])
Difference = namedtuple("Difference", "quantity ours theirs")

TOLERANCE = 1e-5                                           # of a standard error, or relative
CRITERION = 1e-6
TIGHT = 1e-10                                              # what R's search may leave on the table


def judge(case, answer):
    """The verdict on one case, given R's answer."""
    try:
        fit, said = quietly(lambda: fitted(case))
    except Exception as error:                             # noqa: BLE001  whatever it is
        if meant(error):
            return Verdict("refused", str(error))
        return Verdict("wrong", wrong=[Difference("fit", repr(error), "")])
    held = Comparison(case, fit, answer)
    held.notes += [text for text in said if "not converged" not in text]
    told_apart = Dense(fit).told_apart()
    if not told_apart and not held.notes:
        held.differ("variances that cannot be told apart, fitted without a word", fit.criterion, "")
    if told_apart:
        dense = textbook(fit, case, fit.gamma, fit.scale)
        held.hold("slide 34's formula", fit.criterion, dense, 1e-7 * (1 + abs(dense)))
    if "error" in answer:
        kind = "wrong" if held.wrong else "refused by R only"
        return Verdict(kind, answer["error"], held.wrong, held.checks, held.notes)
    if held.A is None:
        held.differ("columns of X", list(fit.X.columns), f"{answer['dropped']} dropped")
    else:
        gap = held.criterion()
        if told_apart and abs(gap) < CRITERION and answer["left"] < TIGHT:
            held.everything()
        elif told_apart:
            held.notes.append("R is not at the optimum: the dense formulas are compared instead")
            held.formulas()
    kind = "wrong" if held.wrong else "right"
    return Verdict(kind, "", held.wrong, held.checks, held.notes)


def fitted(case):
    return lmm.fit(case.formula, case.table, case.reml, case.weights, case.offset,
                   rank_deficient=case.rank_deficient)


def quietly(call):
    """The result of a call and the warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, [f"{w.category.__name__}: {w.message}" for w in caught]


def meant(error):
    """Is it a ValueError that lmm itself raises, not one that numpy or pandas raise inside?"""
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(lmm.__file__).parent in Path(last.filename).parents
    return isinstance(error, ValueError) and ours and "raise" in last.line


def textbook(fit, case, gamma, scale):
    """-2 log (restricted) likelihood by slide 34's formula, for Gamma_k (a list) and sigma^2.

    With lme4's constant. V = Z G Z' + R comes from the levels and covariates, not from the engine.
    """
    y, X = np.asarray(fit.y), fit.X.to_numpy()
    weights = np.ones(len(y)) if case.weights is None else case.table[case.weights].to_numpy(float)
    V = scale * np.diag(1 / weights)
    for term, g in zip(fit.terms, gamma):
        same = term.codes[:, None] == term.codes
        V = V + scale * same * (term.x @ (g + g.T) @ term.x.T) / 2
    if case.offset is not None:
        y = y - case.table[case.offset].to_numpy(float)
    if fit.reml:
        return 2 * lmm.likelihood.reml(y, X, V) - X.shape[1] * np.log(2 * np.pi)
    return 2 * lmm.likelihood.ml(y, X, lmm.likelihood.gls(y, X, V), V)


def array(values):
    """Numbers of R, where one alone is no list and a missing one is null."""
    return np.atleast_1d(np.array(values, dtype=float))


class Comparison:
    """A fit and R's answer, with the differences found so far."""

    def __init__(self, case, fit, answer):
        self.case, self.fit, self.answer = case, fit, answer
        self.wrong, self.notes, self.checks = [], [], 0
        self.A = None if "error" in answer else self._coding()

    def _coding(self):
        """The matrix A of R's X = X A; None where the columns of the one do not give the other."""
        X, theirs = self.fit.X.to_numpy(), np.array(self.answer["X"], dtype=float).T
        if self.case.r_table is not None:
            X = np.sqrt(self.case.table[self.case.weights].to_numpy(float))[:, None] * X
        if X.shape != theirs.shape:
            return None
        A, *_ = np.linalg.lstsq(X, theirs)
        near = np.round(A)
        A = np.where(np.abs(A - near) < 1e-9, near, A)
        close = np.allclose(X @ A, theirs, rtol=0, atol=1e-8 * np.abs(theirs).max())
        return A if close else None

    @property
    def _same_columns(self):
        """Are R's columns of X ours, perhaps in another order?"""
        others = np.sort(np.abs(self.A), axis=0)[:-1]
        return (others < 1e-9).all() and (np.abs(self.A).max(axis=0) - 1 < 1e-9).all()

    # What is compared ----------------------------------------------------------------------

    def criterion(self):
        """Ours less R's best, in R's coding of X."""
        ours, best = self.fit.criterion, min(self.answer["criteria"])
        if self.fit.reml:
            ours += 2 * np.linalg.slogdet(self.A)[1]       # log |X'V^-1 X|
        if self.case.r_table is not None:
            ours += np.log(self.case.table[self.case.weights]).sum()
        self.checks += 1
        if ours - best > CRITERION * max(1, abs(best) * 1e-4):
            self.differ("criterion", ours, best)
        agree = np.ptp(self.answer["criteria"][:2]) < CRITERION
        if not self.fit.converged and agree:
            self.differ("converged", False, True)
        return ours - best

    def everything(self):
        sd = np.sqrt(self.fit.scale)
        self.hold("sigma2", self.fit.scale, self.answer["sigma2"], TOLERANCE * self.fit.scale)
        if self.case.r_table is None:
            w, V = np.sin(np.arange(1, self.fit.nobs + 1)), self.fit.V()
            self.hold("V", V @ w, self.answer["Vw"], 3 * TOLERANCE * np.abs(V).max())
            ours, theirs = np.asarray(self.fit.fittedvalues), self.answer["fitted"]
            self.hold("fitted", ours[np.isfinite(ours)], theirs, TOLERANCE * sd)
            ours = np.asarray(self.fit.predict())
            self.hold("predict", ours[np.isfinite(ours)], theirs, TOLERANCE * sd)
            self._blups(TOLERANCE * sd)
        self._coefficients()
        if self.case.r_table is None:
            self._anova()
            self._means()

    def formulas(self):
        """Standard errors, df and F by dense matrices, where R's are of another point."""
        for method in ("satterthwaite", "kenward-roger")[:1 + self.fit.reml]:
            for asked in ("coef", "anova 1", "anova 3"):
                kind, *about = f"{asked} {method}".split(" ")
                self.checks += 1
                if not dense_agrees(self.fit, kind, about):
                    self.differ(f"{asked} {method}, dense formulas", "", "")

    def _blups(self, tolerance):
        """Row by row, so that names of levels play no part."""
        theirs = {}                                        # R calls a/b/c "c:(b:a)"
        for name, matrix in self.answer["blups"].items():
            theirs[_term(name)] = matrix
        ours = {}
        for term, u in zip(self.fit.terms, self.fit.u):
            ours.setdefault(_term(term.name), []).append(u[term.codes])
        for name, parts in ours.items():
            columns = np.concatenate(parts, axis=1).T
            his = np.array(theirs[name], dtype=float).reshape(columns.shape)
            if len(parts) > 1:                             # R has a group's terms in another order
                distance = np.abs(columns - his[:, None]).sum(axis=2)
                columns = columns[distance.argmin(axis=1)]
            size = np.abs(columns).max(axis=1, keepdims=True)
            self.hold(f"blups {':'.join(sorted(name))}", columns, his, tolerance + TOLERANCE * size)

    def _coefficients(self):
        L = np.linalg.inv(self.A)
        beta = self.fit.contrast(L)
        self.hold("beta", beta["estimate"], self.answer["beta"], TOLERANCE * beta["se"])
        for method, theirs in self.answer["coefs"].items():
            if self._same_columns:
                ours = self.ask("coef_table", lambda: self.fit.coef_table(df=method), theirs)
                ours = None if ours is None else ours.iloc[np.abs(self.A).argmax(axis=0)]
            else:
                ours = self.ask("contrast", lambda: self.fit.contrast(L, df=method), theirs)
            if ours is not None:
                self._table(f"coef {method}", ours, theirs)

    def _anova(self):
        for asked, theirs in self.answer["anova"].items():
            kind, method = asked.split(" ")
            kind = 3 if kind == "joint" else int(kind)
            ours = self.ask("anova", lambda: self.fit.anova(type=kind, df=method), theirs)
            if ours is None:
                continue
            ours = ours.drop(index="Intercept", errors="ignore")
            terms = [_term(name) for name in np.atleast_1d(theirs["term"])]
            known = {_term(name): name for name in ours.index}
            if set(terms) != set(known):
                self.differ(f"terms of anova {asked}", list(ours.index), theirs["term"])
                continue
            self._f_tests(f"anova {asked}", ours.loc[[known[t] for t in terms]], theirs)

    def _f_tests(self, name, ours, theirs):
        ours = ours.astype(float)
        F, df = ours["F"], ours["den_df"]
        tolerance = {"num_df": 0 * F, "den_df": TOLERANCE * df, "F": TOLERANCE * (1 + F),
                     "p": p_tolerance(ours["p"], F, df)}
        other = not self._same_columns or name == "anova joint satterthwaite"
        several = (ours["num_df"] > 1) & other
        if several.any():                                  # Fai and Cornelius: L's rows count
            self.notes.append("df of tests of several rows, where R has other rows: left out")
            tolerance["den_df"] += np.where(several, np.inf, 0)
            tolerance["p"] += np.where(several, np.inf, 0)
        for column, wide in tolerance.items():
            self.hold(f"{name} {column}", ours[column], theirs[column], wide)

    def _means(self):
        for asked, theirs in self.answer.get("means", {}).items():
            factors, method = asked.rsplit(" ", 1)
            means = self.ask("ls_means", lambda: self.fit.ls_means(factors, method), theirs)
            pairs = self.ask("pairs", lambda: self.fit.pairs(factors, df=method), theirs)
            if means is None or pairs is None:
                continue
            names = means[factors.split(":")].astype(str)
            level = ["|".join(row) for row in names.to_numpy()]
            his = [name.replace("TRUE", "True").replace("FALSE", "False")
                   for name in np.atleast_1d(theirs["level"])]
            if sorted(level) != sorted(his):
                self.differ(f"levels of {factors}", level, his)
                continue
            at = np.array([level.index(name) for name in his])
            means = means.iloc[at]
            wide = {"mean": means["se"], "se": means["se"], "df": means["df"]}
            for column, size in wide.items():
                name = f"means {asked} {column}"
                self.hold(name, means[column], theirs[column], TOLERANCE * size)
            theirs = {name[5:]: values for name, values in theirs.items() if name[:5] == "pair_"}
            self._table(f"pairs {asked}", _in_order(pairs, at), theirs)

    def _table(self, name, ours, theirs):
        """Estimates with their standard errors, df, t and p."""
        tolerance = {"estimate": TOLERANCE * ours["se"], "se": TOLERANCE * ours["se"],
                     "df": TOLERANCE * ours["df"], "t": TOLERANCE * (1 + ours["t"].abs()),
                     "p": p_tolerance(ours["p"], ours["t"]**2, ours["df"])}
        for column, wide in tolerance.items():
            self.hold(f"{name} {column}", ours[column], theirs[column], wide)

    # How ----------------------------------------------------------------------------------

    def differ(self, quantity, ours, theirs):
        self.wrong.append(Difference(quantity, ours, theirs))

    def hold(self, name, ours, theirs, tolerance):
        """Note a difference beyond the tolerance, unless R is known to be the one that errs."""
        self.checks += 1
        ours, theirs, tolerance = array(ours), array(theirs), array(tolerance)
        if ours.shape != theirs.shape:
            self.differ(name, ours.shape, theirs.shape)
            return
        known = np.isfinite(theirs)
        if not known.all():
            self.notes.append(f"R has no value: {name.split(' ')[0]}")
        bad = known & ~(np.abs(ours - theirs) <= tolerance)
        if not bad.any():
            return
        why = excused(self.case, self.fit, self.answer, name, ours, theirs, bad)
        if why:
            self.notes.append(why)
        else:
            self.differ(name, ours[bad][0], theirs[bad][0])

    def ask(self, name, call, theirs):
        """The result of a call of lmm, or None: lmm refuses, or breaks, or R has no answer."""
        try:
            result, said = quietly(call)
        except Exception as error:                         # noqa: BLE001
            if meant(error):
                self.notes.append(f"refused: {name}: {error}")
            else:
                self.differ(name, repr(error), "")
            return None
        for text in said:
            if "encountered" in text:                      # numpy's: nobody has thought of this
                self.differ(name, text, "")
            else:
                self.notes.append(text)
        if "error" in theirs:
            self.notes.append(f"R refuses {name}: {theirs['error']}")
            return None
        return result


def p_tolerance(p, size, df):
    """What an error of 1e-5 in a statistic (t squared, F) and in its df makes of p."""
    steep = 1 + np.abs(np.log(np.maximum(p, 1e-300))) + np.minimum(size, df)
    return TOLERANCE * np.minimum(steep, 1e3) * p + 1e-12


def _term(name):
    """A term's factors, however it is written: "`a b`:x", "C(f, contr.sum):x", "c:(b:a)"."""
    plain = name.replace("`", "").replace(" ", "").replace("**", "^")
    for coding in ("sum", "helmert", "poly"):
        plain = plain.replace(f"C(f,contr.{coding})", "f")
    return frozenset(re.sub(r":\((.*)\)$", r":\1", plain).split(":"))


def _in_order(pairs, at):
    """Our pairs of levels, as R lists them; at: the place among ours of each of R's levels."""
    first, second = np.triu_indices(len(at), 1)
    number = pd.Series(np.arange(len(first)), pd.MultiIndex.from_arrays([first, second]))
    low, high = np.minimum(at[first], at[second]), np.maximum(at[first], at[second])
    sign = np.where(at[first] < at[second], 1, -1)
    pairs = pairs.iloc[[number[i, j] for i, j in zip(low, high)]]
    return pairs.assign(estimate=sign * pairs["estimate"], t=sign * pairs["t"])
