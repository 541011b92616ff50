"""Chapter 17, what `lmm.diagnostics` leaves to the caller: values by group and by a covariate."""

import matplotlib.pyplot as plt
import numpy as np

from lmm.plots.canvas import COLORS, axes, label, label_panels


def by_group(values, groups, ax=None, title="", labels=("", ""), color="residual"):
    """One row of points a group, the groups with the widest spread on top; all rows should look
    alike.

    values: Series, standardised residuals, say; groups: the group of each value; labels: of the
    values and the groups.
    """
    ax = axes(ax)
    rows = dict(list(values.groupby(np.asarray(groups))))
    spread = {level: part.std() for level, part in rows.items()}
    order = sorted(rows, key=spread.get)
    for row, level in enumerate(order):
        ax.plot(rows[level], np.full(len(rows[level]), row), "o", color=COLORS[color], ms=4,
                alpha=0.7)
    ax.axvline(0, color=COLORS["data"], ls="--", lw=1)
    ax.set_yticks(range(len(order)), [str(level) for level in order])
    ax.tick_params(axis="y", labelsize=10 if len(order) <= 24 else 7)
    label(ax, *labels, title)
    low, high = order[0], order[-1]
    return (f"{len(values)} values ({labels[0]}) in {len(order)} rows by {labels[1]}, sorted by "
            f"spread: standard deviation {spread[low]:.2f} for {low} to {spread[high]:.2f} for "
            f"{high}. {title}")


def against(values, x, ax=None, title="", labels=("", ""), color="residual"):
    """Values (residuals or BLUPs) against a covariate, with their least-squares line;
    it should lie along 0."""
    ax = axes(ax)
    x = np.asarray(x, dtype=float)
    values = np.asarray(values, dtype=float)
    slope, intercept = np.polyfit(x, values, 1)
    ends = np.array([x.min(), x.max()])
    ax.axhline(0, color=COLORS["data"], ls="--", lw=1)
    ax.plot(x, values, "o", color=COLORS[color], ms=5)
    ax.plot(ends, intercept + slope * ends, color=COLORS["fixed"], lw=2, label="least-squares line")
    ax.legend(loc="best")
    label(ax, *labels, title)
    return (f"{len(x)} points, {labels[1]} against {labels[0]} from {x.min():.3g} to "
            f"{x.max():.3g}; the least-squares line has slope {slope:.3g}, correlation "
            f"{np.corrcoef(x, values)[0, 1]:.2f}. {title}")


def runs(values, x, groups, chosen, title="", labels=("", "")):
    """A small panel a chosen group: its residuals over x, joined; independent ones would jump from
    side to side.

    values, x, groups: of the same length; chosen: groups, six fill the figure. Makes its own
    figure.
    """
    values, x, groups = np.asarray(values, dtype=float), np.asarray(x,
                                                                    dtype=float), np.asarray(groups)
    rows = -(-len(chosen) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(5.5, 0.8 + 1.5 * rows), sharex=True, sharey=True,
                                squeeze=False,
                                layout="constrained")
    said = []
    for ax, level in zip(grid.flat, chosen):
        mine = np.flatnonzero(groups == level)
        mine = mine[np.argsort(x[mine], kind="stable")]
        ax.axhline(0, color=COLORS["data"], ls="--", lw=1)
        ax.plot(x[mine], values[mine], "-o", color=COLORS["residual"], ms=4, lw=1.5)
        ax.set_title(str(level), fontsize=10)
        changes = np.sum(np.diff(np.sign(values[mine])) != 0)
        said.append(f"{level} {changes}")
    label_panels(figure, grid, len(chosen), labels, title)
    return (f"{len(chosen)} panels, {labels[1]} over {labels[0]}, joined by lines. Changes of "
            f"sign: {', '.join(said)}. "
            f"{title}")


def correlogram(lags, observed, models, ax=None, title="", labels=("", "")):
    """Mean correlation of readings a lag apart: of the data as points, of models as lines.

    models: dict name -> (one number a lag, a name of COLORS, line style).
    """
    ax = axes(ax)
    ax.plot(lags, observed, "o", color=COLORS["data"], ms=6, label="data")
    said = []
    for name, (values, color, dashes) in models.items():
        ax.plot(lags, values, dashes, color=COLORS[color], lw=2, label=name)
        said.append(f"{name} from {values[0]:.2f} to {values[-1]:.2f}")
    ax.set_ylim(0, 1)
    ax.legend(loc="lower left", fontsize=10)
    label(ax, *labels, title)
    return (f"{labels[1]} against {labels[0]} from {lags[0]} to {lags[-1]}: the data from "
            f"{observed[0]:.2f} to "
            f"{observed[-1]:.2f}, {'; '.join(said)}. {title}")
