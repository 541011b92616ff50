"""Pictures that several chapters use. Each function draws on an Axes and returns its alt text."""

import numpy as np
import seaborn as sns

from lmm.plots.canvas import COLORS, axes, label, tall_axes, with_unit


def box(data, x, y, ax=None, title="", unit=""):
    """A box a group with all observations as points. data: table; x, y: column names; unit: of y."""
    ax = axes(ax)
    sns.boxplot(data, x=x, y=y, ax=ax, color="white", linecolor=COLORS["data"], width=0.45, showfliers=False)
    sns.swarmplot(data, x=x, y=y, ax=ax, color=COLORS["data"], size=4.5)     # points side by side, nothing random
    label(ax, x, with_unit(y, unit), title)
    medians = data.groupby(x, observed=True)[y].median()
    each = ", ".join(f"{level} {median:.4g}" for level, median in medians.items())
    return f"Box plot of {y} by {x} with all observations as points. Medians: {each}. {title}"


def paired(data, unit, condition, y, ax=None, title="", unit_of_y=""):
    """One line a unit (a tablet, say) from its value under one condition to its value under the other."""
    ax = axes(ax)
    wide = data.pivot(index=unit, columns=condition, values=y).dropna()
    for values in wide.to_numpy():
        ax.plot([0, 1], values, "o-", color=COLORS["random"], alpha=0.75, lw=1.3, ms=4)
    ax.plot([0, 1], wide.mean(), "s--", color=COLORS["fixed"], lw=2, ms=7, label="mean")
    ax.set_xticks([0, 1], wide.columns)
    ax.set_xlim(-0.3, 1.3)
    ax.legend(loc="upper right")
    label(ax, condition, with_unit(y, unit_of_y), title)
    first, second = wide.columns
    up = int((wide[second] > wide[first]).sum())
    down = int((wide[second] < wide[first]).sum())
    return (f"{len(wide)} lines, one a {unit}, from {first} to {second}: {up} rise, {down} fall, "
            f"{len(wide) - up - down} stay level; the dashed mean goes from {wide[first].mean():.4g} "
            f"to {wide[second].mean():.4g}. {title}")


def matrix(A, ax=None, title="", rows="", columns="", annotate=None):
    """A matrix as a heat map: zero is white, positive orange, negative blue. A DataFrame's names become ticks."""
    ax = axes(ax)
    values = np.asarray(A, dtype=float)
    limit = np.abs(values).max() or 1.0
    colors, low = ["white", COLORS["random"]], 0.0
    if values.min() < 0:
        colors, low = [COLORS["fixed"], *colors], -limit
    annotate = values.size <= 64 if annotate is None else annotate
    names = {"xticklabels": A.columns, "yticklabels": A.index} if hasattr(A, "columns") else {
        "xticklabels": values.shape[1] <= 20, "yticklabels": values.shape[0] <= 20}
    sns.heatmap(values, ax=ax, cmap=sns.blend_palette(colors, as_cmap=True), vmin=low, vmax=limit,
                square=len(values) == len(values.T), annot=annotate, fmt=".3g", annot_kws={"size": 8},
                linewidths=0.5 if values.size <= 400 else 0, linecolor="#dddddd", cbar=not annotate, **names)
    ax.tick_params(axis="y", labelrotation=0)
    ax.tick_params(labelsize=10 if max(values.shape) <= 12 else 7)
    label(ax, columns, rows, title)
    n, k = values.shape
    return (f"Heat map of a {n} by {k} matrix: {int((values != 0).sum())} of {values.size} entries are not zero, "
            f"the largest is {values.max():.4g}. {title}")


def surface(criterion, x, y, marks, ax=None, title="", labels=("", ""), levels=(0.1, 0.5, 1, 2, 4, 8, 16)):
    """Contours of a criterion over two variances, above its minimum on the grid.

    criterion: function of (x, y); marks: dict name -> (x, y), drawn as points (ML and REML, say).
    """
    ax = axes(ax)
    values = np.array([[criterion(a, b) for a in x] for b in y])
    lines = ax.contour(x, y, values - values.min(), levels=levels, cmap="Greys_r", linewidths=1)
    ax.clabel(lines, fontsize=7, fmt="%g")
    for (name, point), color, marker in zip(marks.items(), (COLORS["fixed"], COLORS["random"], COLORS["wrong"]), "osD"):
        ax.plot(*point, marker, color=color, ms=8, label=name)
    ax.legend()
    label(ax, *labels, title)
    places = "; ".join(f"{name} at ({a:.4g}, {b:.4g})" for name, (a, b) in marks.items())
    return f"Contour plot over {labels[0]} and {labels[1]}. Marked: {places}. {title}"


def shrinkage(raw, shrunken, centre, ax=None, title="", xlabel="", n=None):
    """Arrows from each group's own estimate to its BLUP. raw, shrunken: Series by group; n: group sizes, if unequal."""
    ax = tall_axes(ax, len(raw))
    order = raw.sort_values().index
    sizes = None if n is None else n.reindex(order)
    for row, level in enumerate(order):
        ax.annotate("", (shrunken[level], row), (raw[level], row),
                    arrowprops={"arrowstyle": "->", "color": COLORS["data"], "shrinkA": 0, "shrinkB": 0})
    most = None if n is None else n.max()
    full = [True] * len(order) if n is None else list(sizes == most)
    own, blup = raw[order].to_numpy(), shrunken[order].to_numpy()
    rows, full = np.arange(len(order)), np.array(full)
    ax.plot(own[full], rows[full], "o", color=COLORS["data"], label="own mean" + ("" if n is None else f", n = {most}"))
    if not full.all():
        fewer = ", ".join(str(k) for k in sorted(sizes[~full].unique()))
        ax.plot(own[~full], rows[~full], "o", mfc="white", mec=COLORS["data"], label=f"own mean, n = {fewer}")
    ax.plot(blup, rows, "D", color=COLORS["random"], ms=5, label="BLUP")
    ax.axvline(centre, color=COLORS["fixed"], ls="--", lw=1.5)
    ax.set_yticks(rows, order)
    ax.legend(loc="lower right")
    label(ax, xlabel, raw.index.name or "group", title)
    return (f"{len(order)} groups: an arrow from each group's own mean to its BLUP, all towards the dashed line at "
            f"{centre:.4g}. Own means run from {own.min():.4g} to {own.max():.4g}, BLUPs from {blup.min():.4g} "
            f"to {blup.max():.4g}. {title}")


def paths(x, curves, at=None, ax=None, title="", labels=("", ""), log=False, at_label=""):
    """One line a column of `curves` against x; `at` marks one x with a dashed line. log: logarithmic x."""
    ax = axes(ax)
    for values in np.asarray(curves).T:
        ax.plot(x, values, color=COLORS["random"], lw=1.3, alpha=0.8)
    if at is not None:
        ax.axvline(at, color=COLORS["fixed"], ls="--", lw=1.5, label=at_label or None)
    if at_label:
        ax.legend()
    if log:
        ax.set_xscale("log")
    label(ax, *labels, title)
    first, last = np.ptp(np.asarray(curves), axis=1)[[0, -1]]
    mark = "" if at is None else f"The dashed line marks {at:.4g}. "
    return (f"{np.asarray(curves).shape[1]} lines over {labels[0]} from {np.min(x):.3g} to {np.max(x):.3g}; their spread "
            f"goes from {first:.3g} to {last:.3g}. {mark}{title}")


def intervals(table, estimate="estimate", ax=None, title="", xlabel="", colors=None, zero=False):
    """A point and its interval a row. table: columns `estimate`, lower, upper; its index names the rows.

    colors: one name of COLORS a row; zero: draw a line at 0.
    """
    ax = axes(ax)
    colors = colors or ["fixed"] * len(table)
    for row, (name, color) in enumerate(zip(table.index, colors)):
        low, middle, high = table.loc[name, ["lower", estimate, "upper"]].astype(float)
        ax.plot([low, high], [row, row], color=COLORS[color], lw=2.5)
        ax.plot(middle, row, "o", color=COLORS[color], ms=7)
    if zero:
        ax.axvline(0, color=COLORS["data"], ls="--", lw=1)
    ax.set_yticks(range(len(table)), table.index)
    ax.set_ylim(len(table) - 0.4, -0.6)
    label(ax, xlabel, "", title)
    each = "; ".join(f"{name}: {r[estimate]:.4g} ({r['lower']:.4g} to {r['upper']:.4g})" for name, r in table.iterrows())
    return f"A point with its interval for each row. {each}. {title}"
