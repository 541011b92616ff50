"""The summary of a fit as text, laid out like lme4's."""

import numpy as np


class Text(str):
    """A text that a notebook shows as it is, not as a quoted string."""

    def __repr__(self):
        return str(self)


def text(fit, df):
    how = ("REML" if fit.reml else "ML") if fit.terms else "least squares"
    lines = [
        f"Linear {'mixed ' if fit.terms else ''}model fit by {how}",
        f"Formula: {fit.formula}",
        f"-2 log {'restricted ' if fit.reml else ''}likelihood: {fit.criterion:.4f}"
        + ("" if fit.converged else "   NOT CONVERGED: do not trust these estimates"),
        "", "Random effects:", *_variances(fit), _sizes(fit)]
    if fit.singular:
        lines.append("A variance is estimated as exactly 0 (singular fit): the data show no such effect.")
    lines += ["", f"Fixed effects (df: {df}):", *_coefficients(fit, df)]
    if len(fit.fe_params) > 1:
        lines += ["", "Correlation of fixed effects:", *_correlation(fit)]
    return "\n".join(lines)


def _variances(fit):
    rows = [[r.group, r.name1, f"{r.variance:.6f}", f"{r.sd:.5f}"] for r in fit.variance_components.itertuples()]
    return _columns([["Group", "Name", "Variance", "Std.Dev."], *rows], left=2)


def _sizes(fit):
    groups = "".join(f", {t.name}: {len(t.levels)}" for t in fit.terms)
    dropped = f" ({fit.n_dropped} rows with missing values dropped)" if fit.n_dropped else ""
    return f"Number of observations: {fit.nobs}{groups}{dropped}"


def _coefficients(fit, df):
    rows = [[name, f"{r.estimate:.5f}", f"{r.se:.5f}", f"{r.df:.4g}", f"{r.t:.2f}", _p(r.p)]
            for name, r in fit.coef_table(df).iterrows()]
    return _columns([["", "Estimate", "Std.Error", "df", "t", "p"], *rows], left=1)


def _correlation(fit):
    sd = fit.bse_fe.to_numpy()
    corr = fit.cov_params().to_numpy() / np.outer(sd, sd)
    names = list(fit.fe_params.index)
    rows = [[name, *(f"{c:.3f}" for c in corr[i + 1, :i + 1]), *[""] * (len(names) - 2 - i)]
            for i, name in enumerate(names[1:])]
    return _columns([["", *names[:-1]], *rows], left=1)


def _p(p):
    return "<.0001" if p < 1e-4 else f"{p:.4f}"


def _columns(rows, left):
    """Rows of words in columns: the first `left` columns flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [" " + "  ".join(w.ljust(n) if i < left else w.rjust(n) for i, (w, n) in enumerate(zip(row, widths))).rstrip()
            for row in rows]
