"""Pictures for checking a model that lmm.diagnostics leaves to the caller: values by group, and against a covariate."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label


def by_group(values, groups, ax=None, title="", labels=("", ""), color="residual"):
    """One row of points a group, the groups with the widest spread on top; all rows should look alike.

    values: Series, standardised residuals, say; groups: the group of each value; labels: of the values and the groups.
    """
    ax = axes(ax)
    rows = dict(list(values.groupby(np.asarray(groups))))
    spread = {level: part.std() for level, part in rows.items()}
    order = sorted(rows, key=spread.get)
    for row, level in enumerate(order):
        ax.plot(rows[level], np.full(len(rows[level]), row), "o", color=COLORS[color], ms=4, alpha=0.7)
    ax.axvline(0, color=COLORS["data"], ls="--", lw=1)
    ax.set_yticks(range(len(order)), [str(level) for level in order])
    ax.tick_params(axis="y", labelsize=10 if len(order) <= 24 else 7)
    label(ax, *labels, title)
    low, high = order[0], order[-1]
    return (f"{len(values)} values ({labels[0]}) in {len(order)} rows by {labels[1]}, sorted by spread: standard "
            f"deviation {spread[low]:.2f} for {low} to {spread[high]:.2f} for {high}. {title}")


def against(values, x, ax=None, title="", labels=("", ""), color="residual"):
    """Values (residuals or BLUPs) against a covariate, with their least-squares line; it should lie along 0."""
    ax, x, values = axes(ax), np.asarray(x, dtype=float), np.asarray(values, dtype=float)
    slope, intercept = np.polyfit(x, values, 1)
    ends = np.array([x.min(), x.max()])
    ax.axhline(0, color=COLORS["data"], ls="--", lw=1)
    ax.plot(x, values, "o", color=COLORS[color], ms=5)
    ax.plot(ends, intercept + slope * ends, color=COLORS["fixed"], lw=2, label="least-squares line")
    ax.legend(loc="best")
    label(ax, *labels, title)
    return (f"{len(x)} points, {labels[1]} against {labels[0]} from {x.min():.3g} to {x.max():.3g}; the least-squares "
            f"line has slope {slope:.3g}, correlation {np.corrcoef(x, values)[0, 1]:.2f}. {title}")
