"""Chapter 15, random slopes: lines of groups, drawn together, and the variance they make."""

import matplotlib.pyplot as plt
import numpy as np
import scipy

from lmm.plots.canvas import COLORS, axes, label, label_panels


def fan(lines, x, ax=None, title="", labels=("", ""), color="data"):
    """One line a group over x, and the mean line, dashed.

    lines: table with a row a group and two columns, intercept and slope; x: the places to draw, two
    are enough.
    """
    ax = axes(ax)
    x = np.asarray(x, dtype=float)
    intercepts, slopes = lines.to_numpy(float).T
    for a, b in zip(intercepts, slopes):
        ax.plot(x, a + b * x, color=COLORS[color], lw=1.1, alpha=0.75)
    ax.plot(x, intercepts.mean() + slopes.mean() * x, "--", color=COLORS["fixed"], lw=2.5,
            label="mean line")
    ax.legend(loc="upper left")
    label(ax, *labels, title)
    return (f"{len(lines)} lines over {labels[0]} from {x.min():.4g} to {x.max():.4g}, slopes from "
            f"{slopes.min():.3g} to {slopes.max():.3g}; the dashed mean line has intercept "
            f"{intercepts.mean():.4g} and slope {slopes.mean():.4g}. {title}")


def panels(data, x, y, group, own, random, common, chosen, title="", labels=("", "")):
    """A small panel a chosen group: its readings, its own line, its random line and the common
    line.

    own, random: tables with a row a group and two columns, intercept and slope; common: one pair of
    them; chosen: groups, six fill the figure. Makes its own figure, two panels a row, all on the
    same axes.
    """
    rows = -(-len(chosen) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(5.5, 1.1 + 1.8 * rows), sharex=True, sharey=True,
                                squeeze=False, layout="constrained")
    ends = np.array([data[x].min(), data[x].max()], dtype=float)
    common = np.asarray(common, dtype=float)
    lines = [("its own line", own, "data", ":"), ("its random line", random, "random", "-")]
    for ax, level in zip(grid.flat, chosen):
        rows_of = data[data[group] == level]
        ax.plot(rows_of[x], rows_of[y], "o", color=COLORS["data"], ms=3.5)
        ax.plot(ends, common[0] + common[1] * ends, "--", color=COLORS["fixed"], lw=1.3,
                label="common line")
        for name, table, color, dashes in lines:
            a, b = table.loc[level]
            ax.plot(ends, a + b * ends, dashes, color=COLORS[color], lw=2, label=name)
        ax.set_title(f"{group} {level}", fontsize=10)
    label_panels(figure, grid, len(chosen), labels, title)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3,
                  frameon=False)
    before, after = own.iloc[:, 1], random.iloc[:, 1]
    each = "; ".join(f"{level} from {before[level]:.3g} to {after[level]:.3g}" for level in chosen)
    return (f"{len(chosen)} panels with the readings of a {group}, its own line, its random line "
            f"and the common line of slope {common[1]:.4g}. Slopes, own to random: {each}. {title}")


def plane(own, random, ax=None, title="", labels=("", ""), names=2):
    """Arrows in the plane of intercept and slope, from each group's own line to its random line.

    own, random: tables with a row a group and two columns, intercept and slope. The square is the
    mean line. The `names` groups whose slopes move furthest are named.
    """
    ax = axes(ax)
    for level in own.index:
        ax.annotate("", random.loc[level], own.loc[level],
                    arrowprops={"arrowstyle": "->", "color": COLORS["data"], "shrinkA": 0,
                                "shrinkB": 0})
    ax.plot(*own.to_numpy().T, "o", color=COLORS["data"], ms=5, label="own line")
    ax.plot(*random.to_numpy().T, "D", color=COLORS["random"], ms=5, label="random line")
    ax.plot(*own.mean(), "s", color=COLORS["fixed"], ms=8, label="mean line")
    moves = (random - own).iloc[:, 1].abs().sort_values(ascending=False, kind="stable")
    for level in moves.index[:names]:
        ax.annotate(str(level), own.loc[level], xytext=(6, 0), textcoords="offset points",
                    va="center", size=10)
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=3, frameon=False)
    label(ax, *labels, title)
    sds = [f"{table.iloc[:, 1].std():.3g}" for table in (own, random)]
    return (f"{len(own)} arrows in the plane of {labels[0]} and {labels[1]}, from own lines to "
            f"random lines, around the mean line at ({own.iloc[:, 0].mean():.4g}, "
            f"{own.iloc[:, 1].mean():.4g}). The standard deviation of the slopes goes from "
            f"{sds[0]} to {sds[1]}; {moves.index[0]} moves furthest. {title}")


def variance_curves(x, variances, df, curves, ax=None, title="", labels=("", "")):
    """Variances at each x, with 95 % intervals, and curves of models.

    variances: one number a place of x; df: their degrees of freedom (groups less one); curves: dict
    name -> (function of x, a name of COLORS, line style).
    """
    ax = axes(ax)
    x = np.asarray(x, dtype=float)
    variances = np.asarray(variances, dtype=float)
    low, high = (df * variances / scipy.stats.chi2.ppf(q, df) for q in (0.975, 0.025))
    ax.vlines(x, low, high, color=COLORS["data"], lw=1.2, alpha=0.6)
    ax.plot(x, variances, "o", color=COLORS["data"], ms=5, label="readings")
    grid = np.linspace(x.min(), x.max(), 101)
    said = []
    for name, (curve, color, dashes) in curves.items():
        values = curve(grid) + 0 * grid
        ax.plot(grid, values, dashes, color=COLORS[color], lw=2, label=name)
        inside = ((low < curve(x)) & (curve(x) < high)).sum()
        said.append(f"{name} goes from {values[0]:.4g} to {values[-1]:.4g} and meets {inside} of "
                    f"{len(x)} intervals")
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left")
    label(ax, *labels, title)
    return (f"Variance of the readings at each of {len(x)} places of {labels[0]}, from "
            f"{variances[0]:.4g} to {variances[-1]:.4g}, with 95 % intervals ({df} df). "
            f"{'; '.join(said)}. {title}")
