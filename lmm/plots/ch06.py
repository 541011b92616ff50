"""Chapters 6 and 7, the tablets: two readings of each, and how far an estimate may fall. Each
returns its alt text."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label, with_unit


def readings(wide, ax=None, title="", unit="", by_mean=False, mean=False):
    """Two readings of each group, joined by a line; a group may have only one.

    wide: DataFrame, a row a group and a column a condition, NaN where nothing was read. by_mean:
    order the groups by their mean, not as in the table; mean: draw the mean of all readings.
    """
    ax = axes(ax)
    order = wide.mean(axis=1).sort_values().index if by_mean else wide.index
    wide = wide.loc[order]
    places = np.arange(len(wide))
    ax.vlines(places, wide.min(axis=1), wide.max(axis=1), color=COLORS["random"], lw=1.5)
    for name, marker, filling in zip(wide, "oD", (COLORS["data"], "none")):
        ax.plot(places, wide[name], marker, ms=7, color=COLORS["data"], mfc=filling, label=name)
    if mean:
        ax.axhline(np.nanmean(wide), color=COLORS["fixed"], ls="--", lw=1.5, label="mean of all")
    every = 1 if len(wide) <= 12 else 2
    ax.set_xticks(places[::every], order[::every])
    ax.grid(axis="x", visible=False)
    ax.legend()
    label(ax, order.name or "group", with_unit("reading", unit), title)
    both = wide.dropna()
    gap = (both.max(axis=1) - both.min(axis=1)).sort_values()
    return (f"Readings of {len(wide)} groups ({order.name or 'group'}), {len(both)} of them with "
            "two, joined by a line. "
            f"Means from {wide.loc[order].mean(axis=1).min():.4g} to "
            f"{wide.mean(axis=1).max():.4g}; the two readings lie "
            f"up to {gap.iloc[-1]:.2g} apart ({gap.index[-1]}). {title}")


def draws(values, estimate, ax=None, title="", xlabel="", bins=40):
    """A histogram of what an estimate was in repeated experiments, the estimate itself as a dashed
    line."""
    ax, values = axes(ax), np.asarray(values)
    ax.hist(values, bins=bins, color=COLORS["random"], alpha=0.75)
    ax.axvline(estimate, color=COLORS["fixed"], ls="--", lw=2, label=f"estimate {estimate:.3f}")
    ax.legend(loc="upper right")
    label(ax, xlabel, "simulated experiments", title)
    low, high = np.quantile(values, [0.025, 0.975])
    return (f"Histogram of {xlabel} in {len(values)} simulated experiments: 95% lie between "
            f"{low:.2f} and {high:.2f}, "
            f"{np.mean(values < 1e-6):.1%} are zero; the estimate is {estimate:.3g}. {title}")
