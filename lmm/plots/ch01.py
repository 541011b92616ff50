"""Chapter 1, why mixed models (slide 6): what groups do to errors, estimates, gaps and variances.

Each function draws on an Axes, or makes a figure of two or three panels, and returns its alt text.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lmm.plots.canvas import COLORS, axes, label, with_unit


def trajectories(data, x, y, group, highlight=(), ax=None, title="", unit="", unit_of_x=""):
    """A thin line a group over x, those in `highlight` thick and named, and the mean of all.
    data: long table."""
    ax = axes(ax)
    wide = data.pivot(index=x, columns=group, values=y)
    for name in wide:
        special = name in highlight
        ax.plot(wide.index, wide[name], color=COLORS["random" if special else "data"],
                lw=2 if special else 0.9, alpha=1 if special else 0.5, zorder=3 if special else 2)
        if special:
            ax.annotate(str(name), (wide.index[-1], wide[name].iloc[-1]), xytext=(5, 0),
                        va="center", fontsize=9, textcoords="offset points", color=COLORS["random"])
    mean = wide.mean(axis=1)
    ax.plot(mean, "--", color=COLORS["fixed"], lw=2.5, label="mean", zorder=4)
    ax.margins(x=0.1)                                                    # room for the names
    ax.legend(loc="upper left")
    label(ax, with_unit(x, unit_of_x), with_unit(y, unit), title)
    ends = [f"{name} goes from {wide[name].iloc[0]:.4g} to {wide[name].iloc[-1]:.4g}"
            for name in highlight]
    return (f"{wide.shape[1]} lines of {y} over {x}, one a {group}: {'; '.join(ends)}; the dashed "
            f"mean goes from {mean.iloc[0]:.4g} to {mean.iloc[-1]:.4g}. {title}")


def one_sided(values, group):
    """How many groups have all values but at most one on one side of zero.
    values, group: one entry a row."""
    above = (np.asarray(values) > 0).astype(int)
    table = _series(above, group).agg(["sum", "size"])
    return int((np.minimum(table["sum"], table["size"] - table["sum"]) <= 1).sum())


def sides(values, group, ax=None, title="", ylabel=""):
    """Residuals of each group as points, with their mean, in the order of means.
    values, group: an entry a row."""
    ax = axes(ax)
    groups = _series(np.asarray(values), group)
    means = groups.mean().sort_values()
    for place, name in enumerate(means.index):
        own = groups.get_group(name)
        ax.plot(np.full(len(own), place), own, "o", color=COLORS["data"], ms=3.5, alpha=0.6)
    ax.plot(range(len(means)), means, "D", color=COLORS["wrong"], ms=6, label="mean")
    ax.axhline(0, color=COLORS["fixed"], ls="--", lw=1.5)
    ax.set_xticks(range(len(means)), means.index, rotation=90, fontsize=10)
    ax.legend(loc="upper left")
    label(ax, getattr(group, "name", "group"), ylabel, title)
    return (f"Points of {ylabel} for each of {len(means)} groups. The means run from "
            f"{means.iloc[0]:.4g} to {means.iloc[-1]:.4g}; in {one_sided(values, group)} groups "
            f"all points but at most one lie on one side of zero. {title}")


def own_lines(fits, x, group, y, titles=(), unit="", unit_of_x=""):
    """A panel a fitted model: each group's line X beta + Z u over x, and the line X beta of the
    population.

    fits: one or two models whose only covariate is x; x, group, y: column names in their table.
    """
    figure, panels = plt.subplots(len(fits), 1, figsize=(5.5, 3.3 * len(fits)), sharex=True,
                                  sharey=True,
                                  layout="constrained", squeeze=False)
    alt = []
    for fit, ax, title in zip(fits, panels[:, 0], titles):
        data = fit.data.assign(line=np.asarray(fit.fittedvalues),
                               mean=fit.X.to_numpy() @ fit.fe_params.to_numpy())
        data, slopes = data.sort_values(x), []
        ax.plot(data[x], data[y], ".", color=COLORS["data"], ms=3, alpha=0.4)
        for _, own in data.groupby(group, observed=True):
            ax.plot(own[x], own["line"], color=COLORS["random"], lw=1.1, alpha=0.85)
            slopes.append(np.polyfit(own[x], own["line"], 1)[0])
        ax.plot(data[x], data["mean"], color=COLORS["fixed"], lw=3)
        label(ax, with_unit(x, unit_of_x) if ax is panels[-1, 0] else "", with_unit(y, unit), title)
        alt.append(f"{title}: {len(slopes)} lines with slopes from {min(slopes):.3g} to "
                   f"{max(slopes):.3g} around the "
                   "thick line of the population")
    return f"{'; '.join(alt)}."


def p_values(methods, level=0.05, ax=None, title="", xlabel="p-value"):
    """Histograms of p-values where the null hypothesis is true.
    methods: name -> p-values; the wrong method first."""
    ax = axes(ax)
    table = pd.DataFrame(methods)
    ax.hist(table.to_numpy(), bins=20, range=(0, 1),
            color=[COLORS["wrong"], COLORS["random"]][:table.shape[1]], label=list(table.columns))
    ax.axhline(len(table) / 20, color=COLORS["data"], ls="--", lw=1.5, label="a valid test")
    ax.legend(loc="upper right")
    label(ax, xlabel, "data sets", title)
    shares = "; ".join(f"{name} {share:.1%}" for name, share in (table < level).mean().items())
    return f"Histograms of {len(table)} p-values in 20 bins. Below {level:g}: {shares}. {title}"


def estimators(se, mark=None, ax=None, title="", xlabel="correlation within groups",
               ylabel="standard error (SDs of a reading)"):
    """Standard errors of three estimators over the correlation within groups. Without a title it
    says which is best.

    se: columns within groups, independent rows, mixed; its index is the correlation; mark: the
    correlation in the data.
    """
    ax = axes(ax)
    for name, color, line in zip(se, ("fixed", "wrong", "random"), ("--", ":", "-")):
        ax.plot(se.index, se[name], line, color=COLORS[color], lw=2.5, label=name)
    if mark is not None:
        ax.axvline(mark, color=COLORS["data"], lw=1)
    ax.legend(loc="lower left")
    best = [name for name in se if np.all(se[name] <= se.min(axis=1) * (1 + 1e-9))]
    found = f"The {best[0]} is never worse than the others" if best else "None is best everywhere"
    title = title or found
    label(ax, xlabel, ylabel, title)
    ends = "; ".join(f"{name} from {v.iloc[0]:.3g} to {v.iloc[-1]:.3g}" for name, v in se.items())
    marked = "" if mark is None else f" Marked: {mark:.2f}."
    return f"Lines of the {ylabel} over the {xlabel}: {ends}.{marked} {title}"


def population_intervals(points, table, ax=None, title="", xlabel="", points_label="own slopes"):
    """A row of points, one a group, above intervals that widen. table: estimate, lower, upper; a
    row an interval."""
    ax, points = axes(ax), np.asarray(points)
    ax.plot(points, np.zeros(len(points)), "o", color=COLORS["data"], ms=6, alpha=0.6)
    for row, ((_, r), color) in enumerate(zip(table.iterrows(), ("residual", "fixed", "random")),
                                          start=1):
        ax.plot([r["lower"], r["upper"]], [row, row], color=COLORS[color], lw=3)
        ax.plot(r["estimate"], row, "o", color=COLORS[color], ms=8)
    ax.set_yticks(range(len(table) + 1), [points_label, *table.index])
    ax.set_ylim(len(table) + 0.5, -0.6)
    inside = [int(((points >= r["lower"]) & (points <= r["upper"])).sum()) for _,
              r in table.iterrows()]
    title = title or f"Of {len(points)} {points_label} {', '.join(map(str, inside))} lie inside"
    label(ax, xlabel, "", title)
    each = "; ".join(f"{name}: {r['lower']:.3g} to {r['upper']:.3g}, with {k} of the points inside"
                     for (name, r), k in zip(table.iterrows(), inside))
    return (f"{len(points)} points between {points.min():.3g} and {points.max():.3g}, and "
            f"intervals. {each}.")


def dropout(data, x, full, seen, fits, ax=None, unit="", unit_of_x="",
            names=("complete", "regression", "mixed model")):
    """Values seen and lost, with the lines of fits to complete data, of a regression and a mixed
    model of what is seen.

    data: table; x, full, seen: its columns, `seen` with NaN where a value is lost; fits: the three,
    in this order.
    """
    ax = axes(ax)
    lost = data[seen].isna()
    ax.plot(data[x][~lost], data[full][~lost], "o", color=COLORS["data"], ms=3.5, alpha=0.7,
            label="seen")
    ax.plot(data[x][lost], data[full][lost], "x", color=COLORS["data"], ms=4, alpha=0.5,
            label="lost")
    ends = np.array([data[x].min(), data[x].max()])
    for fit, name, color, line in zip(fits, names, ("fixed", "wrong", "random"), ("--", ":", "-")):
        intercept, slope = fit.fe_params
        ax.plot(ends, intercept + slope * ends, line, color=COLORS[color], lw=2.8, label=name)
    ax.legend(loc="upper left", ncols=2)
    top = data[full].max()
    ax.set_ylim(top=top + 0.35 * (top - data[full].min()))               # room for the legend
    off = [abs(fit.fe_params.iloc[1] - fits[0].fe_params.iloc[1]) for fit in fits[1:]]
    title = f"The {names[1 + int(np.argmin(off))]} stays near the complete data"
    label(ax, with_unit(x, unit_of_x), with_unit(full, unit), title)
    slopes = "; ".join(f"{name} {fit.fe_params.iloc[1]:.4g}" for name, fit in zip(names, fits))
    return (f"{(~lost).sum()} values seen and {lost.sum()} lost, with lines of slope: {slopes}. "
            f"{title}")


def longitudinal(wide, V, scale, titles=("", ""), unit=""):
    """Two panels, one above the other: mean correlation by distance in time, and spread at each
    time; data, model, independent rows.

    wide: a row a unit, a column a time; V: the model's covariance of a row; scale: the variance of
    independent rows.
    """
    figure, (left, right) = plt.subplots(2, 1, figsize=(5.5, 6.4), layout="constrained")
    sd = np.sqrt(np.diag(V))
    own, model = (_by_lag(C) for C in (wide.corr().to_numpy(), V / np.outer(sd, sd)))
    lags = np.arange(1, len(sd))
    times = wide.columns.astype(float)
    for ax, at, seen, fitted, flat in ((left, lags, own, model, 0),
                                       (right, times, wide.std(), sd, scale**0.5)):
        ax.plot(at, seen, "o", color=COLORS["data"], label="data")
        ax.plot(at, fitted, "-", color=COLORS["random"], lw=2.3, label="mixed model")
        ax.plot(at, np.full(len(at), flat), ":", color=COLORS["wrong"], lw=2.5,
                label="independent rows")
    left.set_ylim(-0.08, 1)
    right.set_ylim(0)
    right.legend(loc="lower right")
    label(left, f"{wide.columns.name} apart", "correlation", titles[0])
    label(right, wide.columns.name, with_unit("standard deviation", unit), titles[1])
    return (f"{titles[0]}: the mean correlation falls from {own[0]:.2f} to {own[-1]:.2f} in the "
            f"data and from {model[0]:.2f} to {model[-1]:.2f} in the model. {titles[1]}: the "
            f"standard deviation goes from {wide.std().iloc[0]:.3g} to {wide.std().iloc[-1]:.3g} "
            f"in the data and from {sd[0]:.3g} to {sd[-1]:.3g} in the model. Independent rows: 0, "
            f"and always {scale**0.5:.3g}.")


def designs(fits, titles, first=30, xlabel="observation"):
    """Z transposed, a panel a model: levels (rows, a colour a term) of each of the `first`
    observations (columns)."""
    figure, panels = plt.subplots(len(fits), 1, figsize=(5.5, 6.5), layout="constrained",
                                  squeeze=False)
    alt = []
    for fit, ax, title in zip(fits, panels[:, 0], titles):
        top, parts, middles = 0, [], []
        for term, color, marker in zip(fit.terms, ("fixed", "random", "residual"), "sDo"):
            levels, codes = np.unique(np.asarray(term.codes)[:first], return_inverse=True)
            ax.plot(np.arange(1, len(codes) + 1), codes + top, marker, ms=4, color=COLORS[color])
            middles.append(top + (len(levels) - 1) / 2)
            top += len(levels)
            parts.append(f"{len(levels)} levels of {term.name}")
        ax.set(ylim=(top, -1))
        ax.set_yticks(middles, [term.name for term in fit.terms])
        ax.grid(axis="y", visible=False)
        label(ax, xlabel if ax is panels[-1, 0] else "", "", title)
        alt.append(f"{title}: {len(codes)} observations, {' and '.join(parts)}")
    return f"Which random effects each observation has. {'; '.join(alt)}."


def _series(values, group):
    return pd.Series(values).groupby(np.asarray(group))


def _by_lag(C):
    return np.array([np.diag(C, lag).mean() for lag in range(1, len(C))])


def small_panels(data, x, y, group, before=None, title="", unit="", columns=3):
    """A small panel a group: its values over x with its own least-squares line, groups ordered by
    slope.

    data: table; x, y, group: column names; before: what happens up to this x is shaded.
    """
    wide = data.pivot(index=x, columns=group, values=y)
    slopes = {name: np.polyfit(wide.index, wide[name], 1)[0] for name in wide}
    order = sorted(slopes, key=slopes.get)
    rows = -(-len(order) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(5.5, 0.6 + 1.15 * rows), sharex=True,
                                sharey=True,
                                layout="constrained", squeeze=False)
    for ax in grid.flat[len(order):]:
        ax.set_visible(False)
    for ax, name in zip(grid.flat, order):
        if before is not None:
            ax.axvspan(wide.index.min() - 0.5, before, color=COLORS["data"], alpha=0.15, lw=0)
        ax.plot(wide[name], "o-", color=COLORS["data"], ms=2.5, lw=0.8)
        slope, level = np.polyfit(wide.index, wide[name], 1)
        ax.plot(wide.index, level + slope * wide.index, color=COLORS["random"], lw=2)
        ax.set_title(name, fontsize=10, loc="center", pad=2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.supxlabel(x, fontsize=11)
    figure.supylabel(with_unit(y, unit), fontsize=11)
    shaded = "" if before is None else f" Shaded: up to {x} {before:g}."
    return (f"{len(order)} small panels of {y} over {x}, one a {group}, each with its own line; "
            "slopes from "
            f"{slopes[order[0]]:.3g} ({order[0]}) to {slopes[order[-1]]:.3g} "
            f"({order[-1]}).{shaded} {title}")
