"""Chapter 3, pooling (slide 9): readings of unequal groups, the regression behind w, the truth."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label, tall_axes, with_unit
from lmm.plots.shared import shrinkage


def readings_by_group(data, group, y, ax=None, title="", unit=""):
    """A row a group, ordered by mean: all readings as points, the mean as a bar.
    data: table; group, y: columns."""
    table = data.groupby(group, observed=True)[y].agg(["size", "mean"]).sort_values("mean")
    ax = tall_axes(ax, len(table))
    for row, (level, (n, mean)) in enumerate(table.iterrows()):
        ax.plot(data.loc[data[group] == level, y], [row] * int(n), "o", color=COLORS["data"],
                alpha=0.45, ms=4.5)
        ax.plot(mean, row, "|", color=COLORS["data"], ms=11, mew=2.5)
    ax.set_yticks(range(len(table)), [f"{level} (n = {n})"
                                      for level, n in zip(table.index, table["size"])])
    ax.tick_params(axis="y", labelsize=10)
    label(ax, with_unit(y, unit), group, title)
    low, high = table.iloc[0], table.iloc[-1]
    return (f"All readings of {len(table)} groups ({group}), {table['size'].min()} to "
            f"{table['size'].max()} a group, ordered by mean (bars): from {table.index[0]} with "
            f"{low['mean']:.3g} (n = {low['size']:.0f}) to {table.index[-1]} with "
            f"{high['mean']:.3g} (n = {high['size']:.0f}). {title}")


def cloud(own, u, w, ax=None, title="", unit="", shown=700):
    """Groups of a simulation as points: own deviation from the mean against the true effect u.

    Two lines through 0: slope 1 (no pooling) and slope w (partial pooling). shown: how many points
    are drawn.
    """
    ax = axes(ax)
    ax.plot(own[:shown], u[:shown], "o", color=COLORS["data"], ms=2.5, alpha=0.4)
    ends = np.array([-1, 1]) * np.abs(own[:shown]).max()
    for slope, color, dashes, name in ((1, "wrong", "--", "u = own deviation (slope 1)"),
                                       (w, "random", "-", f"regression of u (slope {w:.2f})")):
        ax.plot(ends, slope * ends, dashes, color=COLORS[color], lw=2, label=name)
    ax.set_ylim(*1.35 * np.array([-1, 1]) * np.abs(u[:shown]).max())
    ax.legend(loc="lower right")
    label(ax, with_unit("own deviation from the mean", unit), with_unit("true effect u", unit),
          title)
    return (f"{min(shown, len(own))} simulated groups: true effect against own deviation. The "
            f"deviations have standard deviation {np.std(own):.3g}, the effects {np.std(u):.3g}. A "
            f"dashed line of slope 1 is too steep for the cloud, a line of slope {w:.3g} runs "
            f"through its middle. {title}")


def shrinkage_judged(table, truth, ax=None, title="", xlabel="", centre=None):
    """Arrows from own means to BLUPs, with the truth beside them.

    table: n, no_pooling, partial_pooling by group, as from `lmm.shrinkage.pooling`; truth: Series
    by group; centre: the mean to which they are shrunk.
    """
    ax = tall_axes(ax, len(table))
    own, blup = table["no_pooling"], table["partial_pooling"]
    alt = shrinkage(own, blup, centre, ax=ax, title=title, xlabel=xlabel, n=table["n"])
    order = own.sort_values().index
    ax.plot(truth[order], range(len(order)), "x", color=COLORS["fixed"], ms=6, mew=2, label="truth")
    ax.legend(loc="lower right")
    named = [f"{level} (n = {n})" for level, n in zip(order, table["n"][order])]
    ax.set_yticks(range(len(order)), named)
    ax.set_ylabel(truth.index.name or "group")
    ax.tick_params(axis="y", labelsize=10)
    nearer = int(((blup - truth).abs() < (own - truth).abs()).sum())
    return (f"{alt.rstrip('. ')}. Crosses mark the truth: {nearer} of {len(table)} BLUPs are "
            "nearer to it than the own mean.")
