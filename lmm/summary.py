"""The summary of a fit, laid out like lme4's: as text, and as HTML tables for notebooks."""

from html import escape

import numpy as np

from lmm.engine import structure

MOST_TIMES = 10                               # of a subject whose errors are shown
MOST_CORRELATED = 8                                   # fixed effects whose correlations are printed


class Text(str):
    """A text that a notebook shows as it is, not as a quoted string."""

    def __repr__(self):
        return str(self)


def text(fit, df):
    """The summary as text; df: the method for the tests of the fixed effects."""
    lines = [*_head(fit), "", "Random effects:", *_aligned(_variances(fit), left=2)]
    for caption, rows in _errors(fit):
        lines += ["", f"{caption}:", *_aligned(rows, left=1)]
    lines += [_sizes(fit), *_singular(fit)]
    if len(fit.fe_params):
        lines += ["", _caption(fit, df) + ":", *_aligned(_coefficients(fit, df), left=1)]
    if 1 < len(fit.fe_params) <= MOST_CORRELATED:
        lines += ["", "Correlation of fixed effects:", *_aligned(_correlation(fit), left=1)]
    return "\n".join([*lines, *_many(fit)])


def html(fit, df="satterthwaite"):
    """The same content as HTML: paragraphs and tables with captions and header cells, the same at
    each call."""
    parts = [_paragraph(line, strong="NOT CONVERGED" in line) for line in _head(fit)]
    parts.append(_table("Random effects", _variances(fit), left=2))
    parts += [_table(caption, rows, left=1) for caption, rows in _errors(fit)]
    parts += [_paragraph(line) for line in [_sizes(fit), *_singular(fit)]]
    if len(fit.fe_params):
        parts.append(_table(_caption(fit, df), _coefficients(fit, df), left=1))
    if 1 < len(fit.fe_params) <= MOST_CORRELATED:
        parts.append(_table("Correlation of fixed effects", _correlation(fit), left=1))
    return "\n".join(["<div>", *parts, *(_paragraph(line) for line in _many(fit) if line),
                      "</div>"])


# Content: lines, and tables as rows of words ------------------------------------------------------

def _head(fit):
    how = ("REML" if fit.reml else "ML") if fit.terms or fit.found else "least squares"
    lines = [] if fit.converged else [
        f"NOT CONVERGED after {fit.n_evaluations} evaluations: do not trust these estimates, "
        "their standard errors or tests. Try a simpler model."]
    kind = "Linear mixed model" if fit.terms else "Linear model"
    lines.append(f"{kind} fit by {how}" if fit.terms or not fit.found
                 else f"Generalised least squares fit by {how}")
    lines.append(f"Formula: {fit.formula}")
    if fit.found:
        lines.append(f"Errors: {structure.said(fit.frame.structure)}")
    weights = fit.frame.weights
    if "weights" in fit.frame.given:
        lines.append(f"Weights: from {weights.min():.4g} to {weights.max():.4g}; "
                     "a row's error variance is the residual variance / its weight")
    if "offset" in fit.frame.given:
        lines.append("Offset: added to the fixed part")
    if not len(fit.fe_params):
        lines.append("No fixed effects")
    if fit.dropped:
        lines.append("Dropped from the fixed part, whose other columns give them: "
                     f"{', '.join(fit.dropped)}")
    return [*lines, f"-2 log {'restricted ' if fit.reml else ''}likelihood: {fit.criterion:.4f}"]


def _variances(fit):
    """Group, Name, Variance, Std.Dev. and, where a term has several columns, Corr with those
    before."""
    widest = max((len(t.columns) for t in fit.terms), default=1)
    corr = ["Corr", *[""] * (widest - 2)] if widest > 1 else []
    rows = [["Group", "Name", "Variance", "Std.Dev.", *corr]]
    largest = max([fit.scale, *(fit.scale * v for gamma in fit.gamma for v in np.diag(gamma))])
    digits = _decimals(largest, 5)
    digits_sd = _decimals(np.sqrt(largest), 5)
    for term, gamma in zip(fit.terms, fit.gamma):
        sd = _sd(term, gamma)
        for i, name in enumerate(term.columns):
            corr = [f"{gamma[i, j] / (sd[i] * sd[j]):.2f}".replace("-0.00", "0.00")
                    if sd[i] * sd[j] > 0 else "-" for j in range(i)]
            variance = fit.scale * gamma[i, i] * (sd[i] > 0)
            sizes = [_number(variance, digits), _number(np.sqrt(variance), digits_sd)]
            empty = [""] * (widest - 1 - i)
            rows.append(["" if i else term.name, name, *sizes, *corr, *empty])
    sigma = _number(np.sqrt(fit.scale), digits_sd)
    first = fit.residual_variances.index[0] if fit.found and fit.frame.structure.variance else ""
    rows.append(["Residual", str(first), _number(fit.scale, digits), sigma, *[""] * (widest - 1)])
    return rows


def _sd(term, gamma):
    """Standard deviations of a term's random effects over sigma; 0 where only rounding is left of a
    variance."""
    return np.sqrt(np.where(np.diag(gamma) * (term.x**2).mean(axis=0) > 1e-14, np.diag(gamma), 0))


def _errors(fit):
    """Where the errors have a structure: captions and rows of the residual variances by level, and
    of the correlations of the errors of one subject, one of those with most rows."""
    if fit.found is None:
        return []
    asked = fit.frame.structure
    tables = []
    if asked.variance is not None:
        digits = _decimals(fit.residual_variances.max(), 5)
        rows = [[str(level), _number(v, digits), _number(np.sqrt(v), digits)]
                for level, v in fit.residual_variances.items()]
        tables.append((f"Residual variances by {asked.variance}",
                       [["", "Variance", "Std.Dev."], *rows]))
    if asked.kind is not None:
        subject = np.bincount(asked.subjects).argmax()
        own = np.flatnonzero(asked.subjects == subject)
        own = own[np.argsort(asked.at[own], kind="stable")][:MOST_TIMES]
        R = fit.R[own][:, own].toarray()
        sd = np.sqrt(R.diagonal())
        times = fit.data[asked.time] if asked.time != "1" else fit.data[asked.group.split(":")[0]]
        digits = _decimals(sd.max(), 5)
        rows = [[str(times.iloc[row]), _number(sd[i], digits),
                 *(f"{R[i, j] / (sd[i] * sd[j]):.3f}" for j in range(i)),
                 *[""] * (len(own) - 1 - i)] for i, row in enumerate(own)]
        named = ", ".join(f"{name} {value:.4f}" for name, value in
                          fit.residual_correlation.items()) if len(asked.names) == 1 else ""
        caption = f"Errors of {asked.group} {asked.labels[subject]}"
        head = [asked.time if asked.time != "1" else "", "Std.Dev.", "Corr"]
        tables.append((f"{caption} ({named})" if named else caption,
                       [[*head, *[""] * (len(own) - 2)], *rows]))
    return tables


def _sizes(fit):
    levels = {t.name: len(t.levels) for t in fit.terms}
    if fit.found and fit.frame.structure.kind:
        levels[fit.frame.structure.group] = len(fit.frame.structure.labels)
    groups = "".join(f", {name}: {number}" for name, number in levels.items())
    dropped = f" ({fit.n_dropped} rows with missing values dropped)" if fit.n_dropped else ""
    return f"Number of observations: {fit.nobs}{groups}{dropped}"


def _singular(fit):
    """What is singular, a line for the variances and one for each covariance matrix."""
    variances = False
    lines = []
    for term, gamma in zip(fit.terms, fit.gamma):
        sd = _sd(term, gamma)
        unit = np.where(sd > 0, sd, 1)
        if len(sd) == 1:
            variances |= sd[0] == 0
        elif fit.singular and np.linalg.eigvalsh(gamma / np.outer(unit, unit))[0] < 1e-7:
            lines.append(f"The covariance matrix of {', '.join(term.columns)} by {term.name} is "
                         "singular (singular fit): a correlation is 1 or -1, or a variance 0. "
                         "The data tell fewer random effects apart than asked for; leave one out "
                         "or write || for |.")
    always = "A variance is estimated as exactly 0 (singular fit): the data show no such effect."
    if fit.found and fit.found.nothing:
        lines.append("phi is estimated as 0 (singular fit): the data show no correlation of the "
                     "errors.")
    if fit.found and fit.found.at_end:
        lines.append(f"The criterion still falls where {structure.ends(fit.errors)}.")
    if fit.singular and not lines and not variances:
        lines = ["A variance is estimated as almost 0 (singular fit): the data hardly show such "
                 "an effect."]
    return [always] * bool(variances) + lines


def _caption(fit, df):
    return f"Fixed effects (df: {df if fit.terms or fit.found else 'residual'})"


def _coefficients(fit, df):
    table = fit.coef_table(df)
    digits = _decimals(table["se"].min(), 4)
    rows = [["", "Estimate", "Std.Error", "df", "t", "p"]]
    for name, r in table.iterrows():
        nu = f"{r.df:.4g}" if r.df < 9999.5 else f"{r.df:.0f}"
        estimate = _number(r.estimate, digits, r.se)
        rows.append([name, estimate, _number(r.se, digits), nu, f"{r.t:.2f}", _p(r.p)])
    return rows


def _correlation(fit):
    sd = fit.bse_fe.to_numpy()
    corr = fit.cov_params().to_numpy() / np.outer(sd, sd)
    names = list(fit.fe_params.index)
    rows = [[name, *(f"{c:.3f}" for c in corr[i + 1, :i + 1]), *[""] * (len(names) - 2 - i)]
            for i, name in enumerate(names[1:])]
    return [["", *names[:-1]], *rows]


def _many(fit):
    p = len(fit.fe_params)
    if p <= MOST_CORRELATED:
        return []
    return ["", f"Correlations of the {p} fixed effects are not shown; fit.cov_params() gives "
                "their covariances."]


def _p(p):
    return "<.0001" if p < 1e-4 else f"{p:.4f}"


def _decimals(value, significant):
    """Decimals that show so many digits of a value: as many as are the same on every machine."""
    if not (np.isfinite(value) and value > 0):
        return 5
    return int(np.clip(significant - 1 - np.floor(np.log10(value)), 2, 6))


def _number(value, decimals, size=None):
    """With so many decimals, or as 1.23457e-07 where these would show fewer than three digits of
    `size` (its error)."""
    size = abs(value if size is None else size)
    if size == 0 or 10.0**(2 - decimals) <= size < 1e9:
        return f"{value:.{decimals}f}"
    return f"{value:.5e}"


# Layout -------------------------------------------------------------------------------------------

def _aligned(rows, left):
    """Rows of words in columns: the first `left` columns flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    padded = [[w.ljust(n) if i < left else w.rjust(n) for i, (w, n) in enumerate(zip(row, widths))]
              for row in rows]
    return [" " + "  ".join(words).rstrip() for words in padded]


def _paragraph(line, strong=False):
    return f"<p><strong>{escape(line)}</strong></p>" if strong else f"<p>{escape(line)}</p>"


def _table(caption, rows, left):
    """An HTML table: the first row and the first column are headers, numbers to the right, no
    colours."""
    def cell(word, i, scope):
        tag, scope = ("th", f' scope="{scope}"') if scope and word else ("td", "")
        return f'<{tag}{scope} align="{"left" if i < left else "right"}">{escape(word)}</{tag}>'
    lines = []
    name = ""
    for k, row in enumerate(rows):
        name = row[0] or name                       # each row says whose it is, for a screen reader
        first, others = ("row", "") if k else ("col", "col")
        cells = [cell(name, 0, first), *(cell(word, i, others) for i, word in enumerate(row) if i)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([f"<table>\n<caption>{escape(caption)}</caption>",
                      f"<thead>{lines[0]}</thead>", "<tbody>",
                      *lines[1:], "</tbody>\n</table>"])
