"""F tests of the terms of the fixed part."""

import itertools
import warnings

import numpy as np
import pandas as pd
import scipy
from formulaic.parser.types import Factor

from lmm.engine import rank
from lmm.inference import degrees, means
from lmm.inference.degrees import containment


def table(fit, type, df):
    """F tests of the terms: index term; num_df, den_df, F, p.

    type 3: each term adjusted for all others, whatever the coding of X; the intercept is not
    listed.
    type 2: each term adjusted for all others but those that contain it (the same covariates and
    more factors).
    type 1, sequential, as on slide 21: each term after those before it.
    Where columns of the fixed part were dropped, a term that has nothing left to test is NaN, and
    a warning names it.
    """
    if isinstance(type, bool) or type not in (1, 2, 3):
        raise ValueError("type must be 1 (sequential), 2 (adjusted for all terms but those that "
                         f"contain it) or 3 (adjusted for all others), not {type!r}")
    if type == 1:
        L = sequential(fit, df)
    else:
        L = hierarchical(fit) if type == 2 else marginal(fit)
    rows = {name: degrees.f_test(fit, rows, df) if len(rows) else degrees.Test(0, np.nan, np.nan)
            for name, rows in L.items()}
    nothing = [name for name, test in rows.items() if test.num_df == 0]
    if nothing:
        warnings.warn(f"nothing of {', '.join(nothing)} can be tested: the columns are given by "
                      "other terms", RuntimeWarning, stacklevel=3)
    if df == "containment":                        # nlme: the smallest df of the term's own effects
        own = containment.of_coefficients(fit)
        for name, test in rows.items():
            if test.num_df:
                rows[name] = test._replace(den_df=own.iloc[_columns_of_terms(fit)[name]].min())
    result = pd.DataFrame.from_dict(rows, orient="index",
                                    columns=["num_df", "den_df", "F"]).astype(float)
    result["p"] = scipy.stats.f.sf(result["F"], result["num_df"], result["den_df"])
    return result.astype({"num_df": int}).rename_axis("term")


def by_group(fit, by, df):
    """F tests of the other factors, their interactions, and slopes of covariates, in each group of
    `by`, as emmeans' joint_tests(by=): of all contrasts of the LS means there.

    Returns a DataFrame with index (by, term): num_df, den_df, F, p.
    """
    within = means.split(by)
    others = [c for c in means.variables(fit) if c not in within]
    levels = means.levels_of(fit)
    if not within or not others:
        raise ValueError(f"by={by!r}: nothing is left to test in groups of it; the fixed part has "
                         f"{', '.join(means.variables(fit))}")
    groups = means.mean_rows(fit, within).index
    terms = [set().union(*(means.variables_of(fit, factor) for factor in term.factors))
             for term in fit.model_spec.terms]
    out = {}
    for size in range(1, len(others) + 1):
        for names in itertools.combinations(others, size):
            covariates = [c for c in names if c not in levels]
            if len(covariates) > 1 or not any(set(names) <= inside for inside in terms):
                continue
            factors = [c for c in names if c in levels]
            rows = means.mean_rows(fit, within + factors, slope=(covariates or [None])[0])
            D = np.ones((1, 1))
            for c in factors:
                D = np.kron(D, np.diff(np.eye(len(levels[c])), axis=0))
            for group, part in zip(groups, np.split(rows.to_numpy(), len(groups))):
                key = group if isinstance(group, tuple) else (group,)
                out[(*key, ":".join(names))] = _joint(fit, D @ part, df)
    table = pd.DataFrame.from_dict(
        {key: test for key, test in out.items() if test.num_df}, orient="index",
        columns=["num_df", "den_df", "F"])
    place = {group: i for i, group in enumerate(groups)}
    keys = sorted(table.index, key=lambda key: place[key[:-1] if len(key) > 2 else key[0]])
    table = table.loc[keys]
    table["p"] = scipy.stats.f.sf(table["F"], table["num_df"], table["den_df"])
    table.index = pd.MultiIndex.from_tuples(keys, names=[*within, "term"])
    return table


def _joint(fit, L, df):
    """The F test of those rows of L that can be estimated; num_df 0 where there is none."""
    L, can = rank.functions(fit.frame.rank, L)
    L = L[can]
    L = L[np.abs(L).max(axis=1, initial=0) > 1e-9]
    if not len(L):
        return degrees.Test(0, np.nan, np.nan)
    return degrees.f_test(fit, L[sorted(rank.independent(L.T, range(len(L)), 1e-7))], df)


def sequential(fit, df):
    """For each term the rows L of its type 1 test: the term's rows of U in U'DU = X'X, with D
    diagonal and ones on U's diagonal, as in lmerTest and SAS; with containment U'DU = X'V^-1 X, as
    in nlme (slide 21).

    Where all effects are balanced the two ask the same.
    """
    if df == "containment":
        U = np.linalg.cholesky(np.linalg.inv(fit.cov_params())).T
    else:
        U = np.linalg.qr(fit.X, mode="r")
    U = U / np.diag(U)[:, None]
    return {name: U[columns] for name, columns in _columns_of_terms(fit).items()}


def hierarchical(fit):
    """For each term the rows L of its type 2 test, as in lmerTest and SAS: its rows of type 1 where
    it stands behind all terms that do not contain it, and before those that do."""
    columns = _columns_of_terms(fit)
    out = {}
    if len(set(columns) - {"Intercept"}) == 1:              # here lmerTest takes the rows of type 1
        return {name: rows for name, rows in sequential(fit, "").items() if name != "Intercept"}
    terms = {"Intercept" if str(term) == "1" else str(term): term
             for term in fit.model_spec.term_slices}
    for name in terms:
        if name == "Intercept":
            continue
        own = np.arange(fit.X.shape[1])[columns[name]]
        above = [other for other in terms if _contains(fit, terms[other], terms[name])]
        if not above:                      # adjusted for all: its own effects, as lmerTest has them
            out[name] = np.eye(fit.X.shape[1])[own]
            continue
        last = np.concatenate([own, *(np.arange(fit.X.shape[1])[columns[other]]
                                      for other in above)])
        order = np.append(np.setdiff1d(np.arange(fit.X.shape[1]), last), last)
        U = np.linalg.qr(fit.X.to_numpy()[:, order], mode="r")
        L = np.zeros((len(own), len(order)))
        L[:, order] = (U / np.diag(U)[:, None])[np.isin(order, own)]
        out[name] = L
    return out


def _columns_of_terms(fit):
    """The columns of X of each term, by its name."""
    return {"Intercept" if str(term) == "1" else str(term): rank.places(fit.frame.rank, columns)
            for term, columns in fit.model_spec.term_slices.items()}


def marginal(fit):
    """For each term the rows L of its type 3 test, as in lmerTest and SAS ("The Four Types of
    Estimable Functions").

    They are the functions of the fixed effects that involve only the term and the terms that
    contain it (its factors and more factors, the same covariates), and are orthogonal to those that
    involve the latter alone. So other factors are averaged with equal weights, and a covariate that
    interacts with the term stands at 0. Without an intercept a factor that no other factor
    accompanies is tested against 0.

    All this is asked of the full coding of X (slide 27), where each level has its column, so that
    the coding of the fitted X plays no part.
    """
    if not len(fit.fe_params):
        return {}
    slices, A, reference, to_fit = _full_coding(fit)
    terms = [term for term in slices if str(term) != "1"]
    out = {str(term): np.zeros((0, fit.X.shape[1])) for term in fit.model_spec.term_slices
           if str(term) != "1"}
    for term in terms:
        own = _mask(slices, [term])
        above = _mask(slices, [other for other in terms if _contains(fit, other, term)])
        allowed = _null_space(A[:, ~own & ~above])
        higher = _null_space(A[:, ~above])
        L = _null_space(allowed @ A @ A.T @ higher.T) @ allowed if len(allowed) else allowed
        if not len(L):
            continue
        # lmerTest's choice of rows, one for each level but the first; Satterthwaite's df depend on
        # it, if little
        corner = (L @ A)[:, own & reference][:, -len(L):]
        if np.linalg.matrix_rank(corner) == len(L):
            L = np.linalg.solve(corner, L)
        if len(terms) == 1:                                 # here lmerTest takes the rows of type 1
            U = np.linalg.qr(fit.X @ np.linalg.inv(to_fit), mode="r")
            L = (U / np.diag(U)[:, None])[own[reference]]
        out[str(term)] = L @ to_fit
    return out


def _contains(fit, outer, inner):
    """Has the term `outer` all the factors of `inner`, and more factors, but no more covariates?"""
    more = set(outer.factors) - set(inner.factors)
    states = fit.model_spec.encoder_state
    return (set(inner.factors) < set(outer.factors)
            and all(states[factor.expr][0] is Factor.Kind.CATEGORICAL for factor in more))


def _full_coding(fit):
    """The fixed part in full coding (P columns), and its relation to the fitted one (p columns of
    the same space).

    Returns the columns of each term; A (p, P), the full coding as a function of reference coding; a
    mask (P,) of the columns that make the reference coding; the matrix (p, p) that takes functions
    of reference-coded effects to functions of the fitted ones.
    """
    spec = fit.model_spec.update(ensure_full_rank=False, structure=None)
    first = ~fit.X.duplicated().to_numpy()
    full = spec.get_model_matrix(fit.data[first])
    slices = _kept(fit, full.model_spec.term_slices)
    full = full.to_numpy(dtype=float)[:, np.concatenate([[], *slices.values()]).astype(int)]
    ends = np.cumsum([0, *map(len, slices.values())])
    slices = {term: slice(start, end) for term, start, end in zip(slices, ends, ends[1:])}
    Q, R = np.linalg.qr(fit.X[first])
    B = Q.T @ full                                              # in coordinates of X's column space
    for columns in slices.values():
        B[:, columns] /= np.linalg.norm(B[:, columns])
    reference = _independent(B, slices)
    A = np.linalg.solve(B[:, reference], B)
    A[np.abs(A) < 1e-9] = 0
    return slices, A, reference, np.linalg.solve(B[:, reference], R)


def _kept(fit, slices):
    """The columns of the terms of which X has any, as lists."""
    return {term: range(columns.start, columns.stop) for term, columns in slices.items()
            if len(fit.X.columns[rank.places(fit.frame.rank, fit.model_spec.term_slices[term])])}


def _independent(B, slices):
    """Mask of the columns that those before do not give, the last level of each term first."""
    order = [j for columns in slices.values() for j in reversed(range(columns.start, columns.stop))]
    mask = np.zeros(B.shape[1], dtype=bool)
    mask[rank.independent(B, order, 1e-11)] = True
    return mask


def _mask(slices, terms):
    """Which of the P columns belong to the terms?"""
    mask = np.zeros(max(columns.stop for columns in slices.values()), dtype=bool)
    for term in terms:
        mask[slices[term]] = True
    return mask


def _null_space(M):
    """An orthonormal basis, in rows, of the c with cM = 0."""
    R = np.linalg.qr(np.vstack([M.T, np.zeros(len(M))]), mode="r")
    _, values, right = np.linalg.svd(R)
    return right[(values > 1e-9 * values[0]).sum():]
