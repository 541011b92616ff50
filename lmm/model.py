"""lmm.fit: a linear mixed model from a formula and a table."""

import warnings
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from lmm import summary, tables
from lmm.engine import (blocks, columns, coordinates, criterion, joint_search, products, rank,
                        search, start, state,
                        structure)
from lmm.engine.errors import Errors
from lmm.engine.frame import new_response, read, with_response
from lmm.inference import (anova, contrasts, lrt, means, names, prediction, profile,
                           simulation)
from lmm.inference.degrees import kenward_roger, observed, satterthwaite

MOST_ROWS_DENSE = 5000
ALL_EXPLAINED = 1e-13
ALMOST_ALL_EXPLAINED = 1e-9


def fit(formula, data, reml=True, weights=None, offset=None, rank_deficient="error",
        correlation=None, variance=None, **others):
    """Fit y = X beta + Z u + e by REML, or by ML with `reml=False` (slides 32 and 34).

    formula: lme4's syntax, "y ~ x * z + (1 + x | g)": `(1 | g)`, `(x | g)`, `(0 + x | g)`,
    `(x || g)`, `(1 | a:b)`, `(1 | a/b)`, any number of them. Without a random term it is ordinary
    least squares. The left side may be arithmetic, "post - pre". Text, categories and truth values
    are factors, in treatment coding, ordered ones too (R takes polynomials for these: C(f, Poly));
    other codings are C(f, Sum), C(f, contr.custom({"b - a": [-1, 1, 0], ...})). A name with a space
    stands in backticks.
    data: DataFrame, or a table of polars or Arrow; rows with missing values in the formula's
    columns are dropped and counted. Results that have a row for each of the others carry their
    labels.
    weights: Var(e_i) = sigma^2 / weight_i; offset: added to X beta. Each a column's name or one
    number a row.
    rank_deficient: "drop" leaves out the columns of the fixed part that those before them give, as
    lmer does, and a warning names them; what then cannot be estimated is NaN or refused. With
    "error" such a fixed part is refused.

    correlation: of the errors of one subject, "ar1(visit | patient)": ar1 (whole times, gaps
    allowed), car1 (any times), cs (equal, may be negative), toep (one for each distance) or us (one
    for each pair of visits). variance: a factor whose levels have residual variances of their own;
    `scale` is that of its first level. With either R = sigma^2 Lambda; without random terms it is
    generalised least squares, as nlme's gls and mmrm fit it.

    Returns a Fit. Raises ValueError for a column that is unknown, not numeric or infinite, a fixed
    part that has not full rank, and a random term whose variance cannot be told from the residual's
    or from the fixed effects.
    """
    names.arguments(others)
    if rank_deficient not in ("error", "drop"):
        raise ValueError(f"rank_deficient must be 'error' or 'drop', not {rank_deficient!r}")
    frame = read(formula, columns.table(data), weights, offset, correlation, variance)
    if rank_deficient == "drop":
        X, found = rank.reduced(frame.X)
        frame = replace(frame, X=X, rank=found)
        if found:
            warnings.warn(f"the fixed part of {formula!r} has {len(found.names)} columns but only "
                          f"rank {X.shape[1]}; dropped: {', '.join(rank.dropped(found))}",
                          RuntimeWarning, stacklevel=2)
    n, p = frame.X.shape
    if n <= p:
        raise ValueError(f"{n} rows and {p} fixed effects: nothing is left for the variances")
    return from_frame(formula, frame, reml)


def from_frame(formula, frame, reml):
    """Fit a model that has been read already."""
    if frame.structure is not None:
        return _with_structure(formula, frame, reml)
    problem = criterion.of_frame(frame, reml)
    moments = start.moments(problem)
    if moments:
        start.told_apart(moments, problem.coordinates.in_order(frame.terms))
    optimum = search.optimum(problem, moments)
    _some_residual(formula, optimum.point.scale)
    if not optimum.converged:
        warnings.warn(f"{formula!r} has not converged after {optimum.n_evaluations} evaluations; "
                      "do not trust it", RuntimeWarning, stacklevel=3)
    return Fit(formula, frame, problem, optimum, Errors(None, frame.weights))


def _with_structure(formula, frame, reml):
    """The same where R has a structure: T and the parameters of R together, then the rows times
    L^-1."""
    structure.fits(frame.structure, frame.terms, frame.X.to_numpy())
    found = joint_search.optimum(frame, reml)
    _some_residual(formula, found.point.scale)
    if found.at_end:
        warnings.warn(f"{formula!r}: the criterion still falls where "
                      f"{structure.ends(found.errors)}, so there is no optimum "
                      "within its range; do not trust it, ask for a simpler structure or fewer "
                      "random effects",
                      RuntimeWarning, stacklevel=4)
    elif not found.converged:
        warnings.warn(f"{formula!r} has not converged after {found.n_evaluations} evaluations; "
                      "do not trust it", RuntimeWarning, stacklevel=4)
    problem, optimum = joint_search.at(frame, reml, found.errors, found.coordinates.gamma(found.T))
    optimum = replace(optimum, converged=found.converged, n_evaluations=found.n_evaluations)
    return Fit(formula, frame, problem, optimum, found.errors, found)


def _some_residual(formula, scale):
    """ValueError where (almost) no residual variance is left; a warning where little is. scale: of
    the engine's y."""
    if scale < ALL_EXPLAINED:
        raise ValueError("the model gives the response (almost) exactly: the residual variance is "
                         f"{scale:.1e} of the whole, too little to be estimated; a random term may "
                         "be the response in disguise")
    if scale < ALMOST_ALL_EXPLAINED:
        warnings.warn(f"the residual variance of {formula!r} is {scale:.1e} of the whole: rounding "
                      "leaves few digits of it, of degrees of freedom and of small variances",
                      RuntimeWarning, stacklevel=4)


class Fit:
    """A fitted model; the names are those of statsmodels' results and, for matrices, the
    lecture's."""

    def __init__(self, formula, frame, problem, optimum, errors, found=None):
        self.frame = frame                         # what the model takes of the table
        self.errors = errors                       # Var(e) / sigma^2, see engine.errors
        self.found = found                        # where R has a structure: see engine.joint_search
        self.problem = problem                     # what the search was given, see engine.state
        self.optimum = optimum                     # and where it has ended

        self.formula = formula                     # its text
        self.reml = problem.reml                   # True: by REML, False: by ML
        self.data = frame.data                     # the formula's columns, rows that are complete
        self.terms = frame.terms                   # the random terms, see engine.terms
        self.model_spec = frame.model_spec         # formulaic's, of the fixed part
        self.X = frame.X                           # (nobs, p), a DataFrame
        self.y = frame.y                           # (nobs,)
        self.nobs = len(frame.y)                   # rows
        self.n_dropped = frame.n_dropped           # rows with missing values
        self.dropped = rank.dropped(frame.rank)    # columns of the fixed part that others give

        estimates = coordinates.estimates(problem, optimum.T, optimum.point)
        effects = frame.X.columns
        self.fe_params = pd.Series(estimates.beta, index=effects)
        self._cov = pd.DataFrame(estimates.cov_beta, index=effects, columns=effects)
        self.scale = estimates.scale                   # sigma^2
        self.gamma = estimates.gamma                   # Var(u_k) / sigma^2, a term each, (m, m)
        self.u = estimates.u                           # the BLUPs, a term each, (levels, m)

        self.criterion = estimates.criterion + errors.logdet()
        self.llf = -self.criterion / 2
        self.converged = optimum.converged
        self.n_evaluations = optimum.n_evaluations
        self.singular = any(map(blocks.is_singular,
                                optimum.T))   # is a variance, or a phi, 0; a matrix singular
        if found is not None:
            self.singular = self.singular or found.nothing or found.at_end
        self.n_params = len(effects) + len(state.parameters(optimum.T)) + errors.n_params
        self.aic = self.criterion + 2 * self.n_params
        self.bic = self.criterion + np.log(self.nobs) * self.n_params

    def refit(self, y=None, reml=None):
        """The same model on new responses, or by the other criterion, as lme4's refit: a new Fit.

        y: an array with one number for each row of the fit, (nobs,), in the units of the response;
        or a Series with the labels of the table, of which the fit's rows are taken. Without it the
        response stays.
        reml: True or False; without it the criterion stays. Weights and offset stay.
        Raises ValueError for another number of rows, other labels, and values that are not finite
        numbers.
        """
        if reml not in (None, True, False):
            raise ValueError("reml must be True or False, or None to keep the criterion, not "
                             f"{reml!r}")
        if y is None:
            return self._changed(reml)
        y = new_response(y, self.X.index)
        data = with_response(self.data, self.formula, y)
        return self._changed(reml, y=y, data=data)

    def _changed(self, reml=None, **parts):
        """A fit of the model with some of its parts (y, X, terms ...) replaced; the formula's text
        stays."""
        reml = self.reml if reml is None else reml
        return from_frame(self.formula, replace(self.frame, **parts), reml)

    # Estimates ------------------------------------------------------------------------------------

    def cov_params(self):
        """Var(beta_hat) = (X'V^-1 X)^-1 (slide 32)."""
        return self._cov.copy()

    @property
    def bse_fe(self):
        """Standard errors of the fixed effects."""
        return pd.Series(np.sqrt(np.diag(self._cov)), index=self.fe_params.index)

    @property
    def tvalues(self):
        return self.fe_params / self.bse_fe

    @property
    def pvalues(self):
        return self.coef_table()["p"]

    def conf_int(self, df: str = "satterthwaite", *, alpha: float = 0.05) -> pd.DataFrame:
        """Confidence intervals of the fixed effects.

        Parameters
        ----------
        df : "satterthwaite", "kenward-roger" or "containment"
        alpha : 1 - coverage: 0.05 gives intervals of 95 %

        Returns
        -------
        A table with an effect a row: lower, upper.
        """
        if not isinstance(df, str):
            raise ValueError(f"df must be a method, not {df!r}; the coverage is conf_int(alpha=)")
        if not (isinstance(alpha, float) and 0 < alpha < 1):
            raise ValueError(f"alpha must lie between 0 and 1 (0.05, say), not {alpha!r}")
        return self.coef_table(df, 1 - alpha)[["lower", "upper"]]

    @property
    def variance_components(self):
        """Variances and covariances, columns group, name1, name2, variance, sd; the last row is the
        residual.

        Where name2 is not empty, the row is a covariance and `sd` a correlation.
        """
        rows = []
        for term, gamma in zip(self.terms, self.gamma):
            G = self.scale * gamma
            sd = np.sqrt(np.maximum(np.diag(G), 0))
            rows += [(term.name, a, "", G[i, i], sd[i]) for i, a in enumerate(term.columns)]
            with np.errstate(invalid="ignore"):
                rows += [(term.name, term.columns[i], term.columns[j], G[i, j],
                          G[i, j] / (sd[i] * sd[j]))
                         for j in range(len(sd)) for i in range(j)]
        rows.append(("Residual", "", "", self.scale, np.sqrt(self.scale)))
        table = pd.DataFrame(rows, columns=["group", "name1", "name2", "variance", "sd"])
        return tables.table(table, "Variances and covariances")

    @property
    def random_effects(self):
        """The BLUPs (slide 33), a dict, group -> DataFrame with a row a level and a column a
        name."""
        out = {}
        for term, u in zip(self.terms, self.u):
            table = pd.DataFrame(u, index=pd.Index(term.levels, name=term.name),
                                 columns=term.columns)
            if term.name in out:
                table = pd.concat([out[term.name], table], axis=1)
            out[term.name] = table
        return out

    def coef(self, group: str | None = None) -> pd.DataFrame:
        """The coefficients of each level of a grouping factor: fixed effects plus BLUPs, as lme4's
        coef.

        Parameters
        ----------
        group : the grouping factor, "subject" or "a:b"; not needed where there is only one

        Returns
        -------
        A table with a level a row: the fixed effects, and random effects that have no fixed one.

        Raises
        ------
        ValueError
            For a group that has no random effects.
        """
        blups = self.random_effects
        if group is None and len(blups) == 1:
            group = next(iter(blups))
        if group not in blups:
            raise ValueError(f"group must be one of the grouping factors, {', '.join(blups)}, not "
                             f"{group!r}" if blups else f"{self.formula!r} has no random effects")
        u = blups[group].T.groupby(level=0, sort=False).sum().T
        columns = [*self.fe_params.index, *u.columns.difference(self.fe_params.index, sort=False)]
        fixed = self.fe_params.reindex(columns).fillna(0)
        table = u.reindex(columns=columns).fillna(0) + fixed
        return tables.table(table, f"Fixed effects plus those of {group}")

    @property
    def fittedvalues(self):
        """X beta + Z u, the conditional mean (slide 29)."""
        mean = self.X.to_numpy() @ self.fe_params.to_numpy()
        for term, u in zip(self.terms, self.u):
            mean = mean + (term.x * u[term.codes]).sum(axis=1)
        return pd.Series(mean + self.frame.offset, index=self.X.index)

    @property
    def resid(self):
        """y - X beta - Z u."""
        return self.y - self.fittedvalues

    # The lecture's matrices -----------------------------------------------------------------------

    @property
    def Z(self):
        """The design matrix of the random effects, sparse (n, q), term by term, level by level."""
        parts = [products.indicators(t.codes, t.x) for t in self.terms]
        return sparse.hstack(parts).tocsr() if parts else sparse.csr_array((self.nobs, 0))

    @property
    def G(self):
        """Var(u), block-diagonal and sparse, (q, q)."""
        parts = [sparse.kron(sparse.eye_array(len(t.levels)), self.scale * g)
                 for t, g in zip(self.terms, self.gamma)]
        return sparse.block_diag(parts, format="csr") if parts else sparse.csr_array((0, 0))

    @property
    def R(self):
        """Var(e), sparse; sigma^2 I, sigma^2 / weights, or with a structure block-diagonal by
        subject."""
        return (self.scale * self.errors.matrix()).tocsr()

    @property
    def residual_correlation(self):
        """The parameters of `correlation`, rho (ar1, cs), phi (car1, at distance 1), rho1, ...
        (toep), rho(a, b) (us)."""
        structure = self.frame.structure
        if structure is None:
            return pd.Series(dtype=float)
        return pd.Series(self.errors.natural(), index=structure.names, dtype=float)

    @property
    def residual_variances(self):
        """The residual variance of each level of `variance`, or of "all" rows; of a row of weight
        1."""
        structure = self.frame.structure
        levels = ["all"] if structure is None or structure.variance is None else structure.levels
        return pd.Series(self.scale * self.errors.ratios()**2, index=levels)

    def V(self):
        """Var(y) = Z G Z' + R as a dense matrix (slide 29)."""
        if self.nobs > MOST_ROWS_DENSE:
            raise ValueError(f"V would be a dense {self.nobs} x {self.nobs} matrix; above "
                             f"{MOST_ROWS_DENSE} rows use fit.Z, fit.G and fit.R, which are sparse")
        V = (self.Z @ self.G @ self.Z.T + self.R).toarray()
        return (V + V.T) / 2                                         # symmetric to the last digit

    # Inference ------------------------------------------------------------------------------------

    @cached_property
    def _satterthwaite(self):
        return (satterthwaite if self.found is None else observed).pieces(self)

    @cached_property
    def _kenward_roger(self):
        return kenward_roger.pieces(self) if self.found is None else observed.kenward_roger(self)

    def _how(self, df):
        return df if self.terms or self.found else "residual"

    def coef_table(self, df: str = "satterthwaite", level: float = 0.95) -> tables.Table:
        """Fixed effects: estimate, se, df, t, p, lower, upper (of coverage `level`)."""
        each = pd.DataFrame(np.eye(len(self.fe_params)), self.fe_params.index)
        return tables.table(contrasts.contrast(self, each, df, level),
                            f"Fixed effects (df: {self._how(df)}{_coverage(level)})")

    def contrast(self, L, df: str = "satterthwaite", level: float = 0.95) -> tables.Table:
        """Any linear function L beta of the fixed effects, the lecture's `estimable` (slide 26).

        Parameters
        ----------
        L : (p,) or (k, p), or a DataFrame whose index names the rows, or a dict name -> row
        df : "satterthwaite", "kenward-roger" or "containment"
        level : coverage of lower and upper
        """
        return tables.table(contrasts.contrast(self, L, df, level),
                            f"Linear functions of the fixed effects (df: {self._how(df)}"
                            f"{_coverage(level)})")

    def f_test(self, L, df: str = "satterthwaite") -> tables.Table:
        """F test of L beta = 0: one row, num_df, den_df, F, p.

        L : as in `contrast`; rows that the others give are left out.
        df : "satterthwaite" and "kenward-roger" as lmerTest's contestMD and pbkrtest, "containment"
        """
        return tables.table(contrasts.f_test(self, L, df), f"F test (df: {self._how(df)})")

    def ls_means(self, factors: str | list, df: str = "satterthwaite", *,
                 by: str | list | None = None, at: dict | None = None, level: float = 0.95,
                 weights: str = "equal") -> tables.Table:
        """Least-squares means of a factor, or of "a:b" (slide 26), as emmeans computes them.

        Parameters
        ----------
        factors : a factor of the fixed part, "a:b", or a list
        df : "satterthwaite", "kenward-roger" or "containment"
        by : factors within whose levels the means are given, ls_means("a", by="b")
        at : values of covariates and levels of factors in place of the mean and of all levels,
            {"x": 5}; a covariate with a list of values may stand in `factors` and `by`
        level : coverage of lower and upper
        weights : of the other factors' levels: "equal"; "proportional" to their rows in the table;
            "cells", to the rows of each combination. Rows count with the weights of the fit

        Returns
        -------
        A table: by and the factors, mean, se, df, lower, upper. Its `attrs["note"]` says where
        means are averaged over an interaction in the model.

        Raises
        ------
        ValueError
            For a factor that is not in the fixed part, and values that `at` cannot have.
        """
        what = means.split(factors) + means.split(by)
        table = means.ls_means(self, factors, df, by, at, level, weights)
        caption = f"Least-squares means (df: {self._how(df)}{_coverage(level)})"
        return tables.table(table, caption, note=means.note(self, what, [], at))

    def trends(self, x: str, df: str = "satterthwaite", *, by: str | list | None = None,
               at: dict | None = None, level: float = 0.95,
               weights: str = "equal") -> tables.Table:
        """The slope of the mean in a covariate, for each level of `by`, as emmeans' emtrends.

        Parameters
        ----------
        x : a covariate of the fixed part; of a curve the slope is that at its mean, or `at` a value
        df, by, at, level, weights : as in `ls_means`

        Returns
        -------
        A table: by, slope, se, df, t, p, lower, upper. Their differences: `pairs(by, slopes=x)`.
        """
        table = means.trends(self, x, df, by, at, level, weights)
        caption = f"Slopes of {x} (df: {self._how(df)}{_coverage(level)})"
        return tables.table(table, caption, note=means.note(self, [x], means.split(by), at))

    def pairs(self, factors: str | list, adjust: str | None = None, df: str = "satterthwaite", *,
              by: str | list | None = None, at: dict | None = None, level: float = 0.95,
              weights: str = "equal", reference=None, interaction: bool = False,
              slopes: str | None = None) -> tables.Table:
        """All differences of two LS means, the first level less the second.

        Parameters
        ----------
        factors, df, by, at, weights : as in `ls_means`; each level of `by` is a family of its own
        adjust : how p and limits allow for the number of differences: "tukey", "sidak", "holm",
            "bonferroni", "none"; or "dunnett": each level less the reference, by the multivariate t
            of these differences (emmeans' "mvt"). Without it "tukey", and "none" for interactions,
            as in emmeans. The limits of Holm are Bonferroni's
        level : coverage of lower and upper, simultaneous
        reference : the level that Dunnett's tests compare with; without it the first
        interaction : True: differences of differences, of "a:b" or more factors
        slopes : a covariate: differences of its slopes, not of means

        Returns
        -------
        A table: by, contrast, estimate, se, df, t, p, lower, upper.

        Raises
        ------
        ValueError
            For arguments that do not exist, and differences that are 0 by construction.
        """
        adjust = adjust or ("none" if interaction else "tukey")
        table = means.pairs(self, factors, adjust, df, by, at, level, weights, reference,
                            interaction, slopes)
        of = f"slopes of {slopes}" if slopes else "least-squares means"
        caption = (f"{'Interactions' if interaction else 'Differences'} of {of} (p: {adjust}; "
                   f"df: {self._how(df)}{_coverage(level)})")
        compared = [slopes] if slopes else means.split(factors)
        held = means.split(factors) + means.split(by)
        return tables.table(table, caption, note=means.note(self, compared, held, at))

    def letters(self, factors, adjust="tukey", df="satterthwaite", level=0.05):
        """LS means with letters: two means that share a letter do not differ at `level`."""
        caption = (f"Means that share a letter do not differ at {level} (p: {adjust}; "
                   f"df: {self._how(df)})")
        return tables.table(means.letters(self, factors, adjust, df, level), caption,
                            note=means.note(self, means.split(factors), []))

    def anova(self, type: int = 3, df: str = "satterthwaite", *,
              by: str | list | None = None) -> tables.Table:
        """F tests of the terms: num_df, den_df, F, p.

        Parameters
        ----------
        type : 1 is sequential, 3 adjusts each term for all others, 2 for all but those that contain
            it
        df : "satterthwaite", "kenward-roger" or "containment"
        by : factors in each group of which the others are tested, as emmeans' joint_tests(by=):
            all contrasts of the LS means there (other factors count equally, covariates stand at
            their mean), with index (by, term)
        """
        if by is None:
            return tables.table(anova.table(self, type, df),
                                f"Analysis of variance, type {'I' * type} (df: {self._how(df)})")
        if type != 3:
            raise ValueError("tests by group are of type 3, as those of emmeans' joint_tests")
        return tables.table(anova.by_group(self, by, df),
                            f"Tests in each group of {':'.join(means.split(by))} "
                            f"(df: {self._how(df)})")

    def ranova(self):
        """One likelihood-ratio test a random term."""
        return tables.table(lrt.ranova(self),
                            "Likelihood-ratio tests of the random terms")

    def profile(self, level=0.95):
        """Likelihood profile intervals of the variance parameters and fixed effects."""
        return tables.table(profile.profile(self, level),
                            f"Likelihood profile, {level:.0%} intervals")

    def bootstrap(self, n, seed, executor=None, level=0.95):
        """Parametric bootstrap intervals: n data sets simulated from the fit and fitted again."""
        return simulation.bootstrap(self, n, seed, executor, level)

    def simulate(self, n, seed, new_data=None, fe_params=None, sd=None):
        """n responses drawn from the model, new random effects and errors each time: (rows, n);
        for other rows and with other parameters on request."""
        return simulation.simulate(self, n, seed, new_data, fe_params, sd)

    def predict(self, new_data=None, random="conditional", interval=None, df="satterthwaite"):
        """The mean for new rows, with the BLUPs ("conditional"), without ("marginal") or with those
        of some grouping factors (a list), and an interval on request."""
        return prediction.predict(self, new_data, random, interval, df)

    def summary(self, df="satterthwaite"):
        """All of it as text, laid out like lme4's summary, with df and p."""
        return summary.Text(summary.text(self, df))

    def _repr_html_(self):
        return summary.html(self)

    def __getattr__(self, name):
        """Asked only for names that a fit has not."""
        names.attribute(type(self).__name__, name)

    def __repr__(self):
        how = "REML" if self.reml else "ML"
        return f"<Fit {self.formula!r} by {how}: {self.nobs} rows, criterion {self.criterion:.4f}>"


def _coverage(level):
    """Words on the coverage of limits, where it is not 95 %."""
    return "" if level == 0.95 else f"; limits: {100 * level:.4g} %"
