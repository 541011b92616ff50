"""Is the fit to be trusted? One plot a question; each draws on an Axes, says in its title what it
shows, and returns its alt text. The values come from `lmm.inference.influence`, and are to be had
from here too."""

import numpy as np
import pandas as pd
import scipy

from lmm.inference.influence import (_column, _is_zero, blups, cooks_distance, leverage,
                                     residuals)
from lmm.plots.canvas import COLORS, axes, label

__all__ = ["acf", "blups", "by_distance", "caterpillar", "cooks_distance", "influence", "leverage",
           "qq", "qq_blups", "residual_plot", "residuals", "scale_location", "variogram"]

MOST_SHOWN = 20                       # levels in a figure 3.7 inches high
MOST_NAMED = 30                       # levels whose names can be read there
MOST_DISTANCES = 20                   # different distances in time drawn one by one
NORMAL_95 = scipy.stats.norm.ppf(0.975)


def residual_plot(fit, ax=None):
    """Standardised residuals against fitted values, with medians of tenths of the data: they should
    lie along 0."""
    ax = axes(ax)
    e = residuals(fit, "standardised")
    x = fit.fittedvalues
    k = e.abs().argmax()
    worst = e.index[k]
    ax.axhline(0, color=COLORS["data"], ls="--", lw=1)
    ax.plot(x, e, "o", color=COLORS["residual"], ms=4, alpha=0.7)
    ax.annotate(str(worst), (x.iloc[k], e.iloc[k]), xytext=(5, 0), textcoords="offset points",
                va="center", size=10)
    drift = _medians(ax, x, e)
    title = f"Largest standardised residual: row {worst}, {e.iloc[k]:.1f}"
    label(ax, "fitted value", "standardised residual", title)
    return (f"{e.count()} standardised residuals from {e.min():.2f} to {e.max():.2f} against "
            f"fitted values from {x.min():.4g} to {x.max():.4g}.{drift} {title}.")


def scale_location(fit, ax=None):
    """Root of the absolute standardised residual against the fitted value: level if the variance is
    constant."""
    ax = axes(ax)
    x = fit.fittedvalues
    size = np.sqrt(residuals(fit, "standardised").abs())
    ax.plot(x, size, "o", color=COLORS["residual"], ms=4, alpha=0.7)
    drift = _medians(ax, x, size)
    title = "All fitted values are equal: nothing to compare"
    if np.ptp(x) > 1e-10 * np.abs(x).max():
        rho, p = scipy.stats.spearmanr(x, size, nan_policy="omit")
        says = "Spread rises with the fit" if rho > 0 else "Spread falls with the fit"
        if p > 0.05:
            says = "No clear trend of the spread"
        title = f"{says}: rank correlation {rho:.2f}, p = {p:.2g}"
    label(ax, "fitted value", "root of |standardised residual|", title)
    return (f"{size.count()} points, root of the absolute standardised residual against fitted "
            f"values from {x.min():.4g} to {x.max():.4g}.{drift} {title}.")


def qq(fit, ax=None):
    """Standardised residuals against normal quantiles, with a pointwise 95 % band."""
    return _qq(residuals(fit, "standardised").dropna(), ax, "residual", "standardised residual",
               "row ")


def qq_blups(fit, group, ax=None, column=None):
    """Standardised BLUPs of one column of a grouping factor against normal quantiles, with a
    pointwise 95 % band."""
    k, a = _column(fit, group, column)
    name = fit.terms[k].columns[a]
    if _is_zero(fit, k, a):
        raise ValueError(f"the variance of {name!r} for {group!r} is estimated as 0, so is every "
                         "BLUP: nothing to plot")
    return _qq(blups(fit, group, name)["standardised"], ax, "random",
               f"standardised BLUP of {name}", "")


def caterpillar(fit, group, ax=None, column=None, title=None):
    """BLUPs of one column of a grouping factor with 95 % intervals (prediction errors), sorted.
    title: None counts the intervals without 0."""
    k, a = _column(fit, group, column)
    ax = axes(ax)
    name = fit.terms[k].columns[a]
    table = blups(fit, group, name).sort_values("blup", kind="stable")
    rows = range(len(table))
    half = NORMAL_95 * table["se"]
    low, high = table["blup"] - half, table["blup"] + half
    ax.hlines(rows, low, high, color=COLORS["random"], lw=2 if len(table) <= MOST_NAMED else 0.6)
    ax.plot(table["blup"], rows, "o", color=COLORS["random"],
            ms=5 if len(table) <= MOST_NAMED else 2)
    ax.axvline(0, color=COLORS["data"], ls="--", lw=1)
    _name_rows(ax, table.index)
    if title is None:
        title = f"{((low > 0) | (high < 0)).sum()} of {len(table)} intervals leave out 0"
    if _is_zero(fit, k, a):
        title = "The variance is estimated as 0: every BLUP is 0"
    label(ax, f"BLUP of {name}, 95 % interval", group, title)
    first, last = (f"{table.index[i]} ({table['blup'].iloc[i]:.4g})" for i in (0, -1))
    return (f"BLUPs of {name} by {group}: {len(table)} with 95 % intervals, sorted from {first} to "
            f"{last}. {title}.")


def influence(fit, group, ax=None):
    """Cook's distance of the fixed effects for the most influential levels of a grouping factor (20
    at most)."""
    distance = cooks_distance(fit, group)
    found = distance.dropna().sort_values(kind="stable")
    if found.empty:
        raise ValueError(f"no level of {group!r} can be left out: each alone determines a fixed "
                         "effect")
    ax = axes(ax)
    shown = found.iloc[-MOST_SHOWN:]
    ax.hlines(range(len(shown)), 0, shown, color=COLORS["fixed"], lw=2)
    ax.plot(shown, range(len(shown)), "o", color=COLORS["fixed"], ms=5)
    ax.set_xlim(left=0)
    _name_rows(ax, shown.index)
    title = f"Most influential {group}: {shown.index[-1]}, {shown.iloc[-1]:.2g}"
    title += f" (next {shown.index[-2]}, {shown.iloc[-2]:.2g})" if len(shown) > 1 else ""
    label(ax, "Cook's distance of the fixed effects", group, title)
    missing = distance.isna().sum()
    without = ""
    if missing:
        without = f" {missing} levels cannot be left out: a fixed effect depends on each."
    return (f"Cook's distance, the {len(shown)} largest of {len(distance)} levels of {group}. "
            f"{title}.{without}")


def by_distance(fit, time=None, subject=None):
    """How alike two normalised residuals of one subject are, by their distance in time.

    time, subject: names of columns of the fit's data, or Series with the table's labels; by default
    those of the fit's `correlation`. With more than 20 different distances their pairs are put into
    20 classes of equal size. Columns, a row a distance: distance (the class' mean), pairs,
    correlation = mean(r_i r_j) / mean(r^2), as nlme's ACF, semivariance = mean((r_i - r_j)^2) / 2,
    as its Variogram. Raises ValueError where a column is not known or no subject has two rows.
    """
    r = residuals(fit, "normalised").to_numpy()
    time = _times(fit, time)
    subject = _subjects(fit, subject)
    rows = pd.Series(np.arange(len(r))).groupby(pd.factorize(subject)[0])
    pairs = [part.to_numpy()[np.array(np.triu_indices(len(part), 1))] for _, part in rows]
    i, j = np.concatenate(pairs, axis=1)
    if not len(i):
        raise ValueError("no subject has two rows, so there are no pairs of residuals to compare")
    table = pd.DataFrame({"distance": np.abs(time[i] - time[j]).round(9), "product": r[i] * r[j],
                          "semivariance": (r[i] - r[j]) ** 2 / 2})
    place = table["distance"]
    if place.nunique() > MOST_DISTANCES:
        place = pd.qcut(place, MOST_DISTANCES, labels=False, duplicates="drop")
    groups = table.groupby(place.rename("class"))
    out = groups.mean().assign(pairs=groups.size())
    out["correlation"] = out["product"] / (r**2).mean()
    return out[["distance", "pairs", "correlation", "semivariance"]].reset_index(drop=True)


def acf(fit, ax=None, time=None, subject=None):
    """Correlation of normalised residuals of one subject over their distance in time; a right
    structure leaves it near 0. time, subject: as in `by_distance`."""
    table = by_distance(fit, time, subject)
    table = table[table["distance"] > 0]
    ax = axes(ax)
    x, value = table["distance"], table["correlation"]
    half = NORMAL_95 / np.sqrt(table["pairs"])
    ax.fill_between(x, -half, half, color=COLORS["data"], alpha=0.15, lw=0,
                    label="95 %, if independent")
    ax.axhline(0, color=COLORS["data"], ls="--", lw=1)
    ax.vlines(x, 0, value, color=COLORS["residual"], lw=2)
    ax.plot(x, value, "o", color=COLORS["residual"], ms=5)
    ax.margins(y=0.2)
    ax.legend(loc="best")
    first = table.iloc[0]
    title = (f"Residuals {first['distance']:g} apart: correlation {first['correlation']:.2f} "
             f"({first['pairs']:.0f} pairs)")
    label(ax, _distance(fit, time), "correlation of residuals", title)
    outside = (value.abs() > half).sum()
    return (f"Correlations of normalised residuals of one subject at {len(table)} distances from "
            f"{x.iloc[0]:g} to {x.iloc[-1]:g}, between {value.min():.2f} and {value.max():.2f}; "
            f"{outside} lie outside the 95 % band of independent ones. {title}.")


def variogram(fit, ax=None, time=None, subject=None):
    """Semivariance of normalised residuals of one subject over their distance in time, with the
    number of pairs; a right structure leaves it level at 1. time, subject: as in `by_distance`."""
    table = by_distance(fit, time, subject)
    ax = axes(ax)
    x, value = table["distance"], table["semivariance"]
    ax.axhline(1, color=COLORS["data"], ls="--", lw=1)
    ax.plot(x, value, "o-", color=COLORS["residual"], ms=5, lw=1)
    for _, row in table.iterrows():
        ax.annotate(f"{row['pairs']:.0f}", (row["distance"], row["semivariance"]), xytext=(0, 5),
                    textcoords="offset points", ha="center", size=9)
    ax.set_ylim(0, max(1.2, 1.15 * value.max()))
    title = (f"Semivariance {value.iloc[0]:.2f} at distance {x.iloc[0]:g}, {value.iloc[-1]:.2f} "
             f"at {x.iloc[-1]:g}")
    label(ax, _distance(fit, time), "semivariance of residuals", title)
    return (f"Semivariances of normalised residuals of one subject at {len(table)} distances, "
            f"between {value.min():.2f} and {value.max():.2f}, of {table['pairs'].min()} to "
            f"{table['pairs'].max()} pairs each; 1 is that of independent ones. {title}.")


# Small pieces -------------------------------------------------------------------------------------

def _medians(ax, x, y):
    """Medians of y in tenths of the data, by x; nothing below 50 rows. Says how far they go."""
    if len(x) < 50:
        return ""
    tenths = np.array_split(np.argsort(x.to_numpy(), kind="stable"), 10)
    middle = np.array([[x.iloc[rows].median(), y.iloc[rows].median()] for rows in tenths])
    ax.plot(*middle.T, "-", color=COLORS["random"], lw=2, label="medians of tenths")
    ax.legend(loc="best")
    return (f" The medians of tenths of the data lie between {middle[:, 1].min():.2f} and "
            f"{middle[:, 1].max():.2f}.")


def _qq(values, ax, color, name, what):
    ax = axes(ax)
    sorted_ = values.sort_values(kind="stable")
    n = len(values)
    i = np.arange(1, n + 1)
    expected = scipy.stats.norm.ppf((i - 0.5) / n)
    # of the i-th smallest of n
    low, high = scipy.stats.norm.ppf(scipy.stats.beta.ppf([[0.025], [0.975]], i, n + 1 - i))
    ax.fill_between(expected, low, high, color=COLORS["data"], alpha=0.15, lw=0,
                    label="pointwise 95 %, if normal")
    ax.plot(expected, expected, "--", color=COLORS["data"], lw=1)
    ax.plot(expected, sorted_, "o", color=COLORS[color], ms=4)
    ax.legend(loc="upper left")
    worst = np.abs(sorted_.to_numpy() - expected).argmax()
    title = (f"Furthest from normal: {what}{sorted_.index[worst]}, {sorted_.iloc[worst]:.1f} "
             f"for {expected[worst]:.1f} expected")
    label(ax, "normal quantile", name, title)
    outside = ((sorted_ < low) | (sorted_ > high)).sum()
    return (f"Normal QQ plot of {n} values ({name}) from {sorted_.iloc[0]:.2f} to "
            f"{sorted_.iloc[-1]:.2f}; {outside} lie outside the pointwise 95 % band. {title}.")


def _name_rows(ax, names):
    """Names of levels as ticks, as long as they can be read."""
    if len(names) > MOST_NAMED:
        ax.set_yticks([])
        return
    ax.set_yticks(range(len(names)), [str(name) for name in names])
    ax.tick_params(axis="y", labelsize=10 if len(names) <= 24 else 7)
    ax.set_ylim(-0.6, len(names) - 0.4)


def _times(fit, time):
    """The times of the fit's rows, (nobs,)."""
    asked = fit.frame.structure
    if time is None and asked is not None and asked.kind is not None and asked.time != "1":
        return asked.at * asked.unit
    values = _named(fit, time, "time")
    if not pd.api.types.is_numeric_dtype(values):
        raise ValueError(f"time must be numbers, and {values.name!r} is {values.dtype}; give the "
                         "visit's number")
    return values.to_numpy(dtype=float)


def _subjects(fit, subject):
    """A label for each row: of one column, or of the combinations of "a:b"."""
    asked = fit.frame.structure
    if subject is None and asked is not None and asked.kind is not None:
        return asked.subjects
    if not isinstance(subject, str):
        return _named(fit, subject, "subject")
    parts = [_named(fit, part, "subject").astype(str) for part in subject.split(":")]
    return pd.Series(list(zip(*parts)))


def _named(fit, column, what):
    """The fit's rows of a column of its data, or of a Series given."""
    if isinstance(column, pd.Series):
        return column.loc[fit.X.index]
    if column is None:
        raise ValueError(f"the fit has no correlation that names the {what}; give {what}=, the "
                         "name of a column of the formula, or a Series with the table's labels")
    if column not in fit.data.columns:
        raise ValueError(f"no column {column!r} in the fit's data; there are: "
                         f"{', '.join(fit.data.columns)}. A Series with the table's labels does "
                         "too")
    return fit.data[column]


def _distance(fit, time):
    """What the axis of distances says."""
    asked = fit.frame.structure
    if time is None and asked is not None:
        time = asked.time
    return f"distance in {getattr(time, 'name', time)}"
