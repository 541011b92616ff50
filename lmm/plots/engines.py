"""A split-plot design in one picture: main plots within blocks, sub-plots within main plots (slide 13)."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label, with_unit

GAP = 1.2                                                            # extra room between two blocks, in main plots


def strips(data, block, plot, y, ax=None, title="", unit=""):
    """One column of points a main plot, main plots side by side by blocks; marks: their means, lines: the blocks' means.

    data: table, a row a sub-plot; block, plot: column names of two factors, whose combinations are the main plots;
    y: column name, best with the treatments taken out already (yield less the mean of its treatment); unit: of y.
    Points of one column that lie close together, away from those of the next, say: sub-plots of a main plot are alike.
    """
    ax = axes(ax)
    means = data.groupby([block, plot], observed=True)[y].mean()
    blocks, places = data.groupby(block, observed=True)[y].mean(), _places(means)
    for key, values in data.groupby([block, plot], observed=True)[y]:
        ax.plot(np.full(len(values), places[key]), values, "o", color=COLORS["data"], ms=4, alpha=0.6, mew=0)
    ax.plot(list(places.values()), means, "_", color=COLORS["random"], ms=12, mew=3, label=f"mean of a {plot}")
    for row, (level, mean) in enumerate(blocks.items()):
        own = [place for key, place in places.items() if key[0] == level]
        ax.plot([own[0] - 0.6, own[-1] + 0.6], [mean, mean], color=COLORS["fixed"], lw=1.3,
                label=f"mean of a {block}" if row == 0 else None)
    ax.set_xticks([np.mean([p for key, p in places.items() if key[0] == level]) for level in blocks.index], blocks.index)
    ax.grid(False, axis="x")
    ax.legend()
    label(ax, f"{block} (a column: a {plot})", with_unit(y, unit), title)
    return _told(means, blocks, data, (block, plot, y), title)


def _places(means):
    """Where each main plot stands: a dict (block, plot) -> place, side by side, with a gap after each block."""
    places, place, before = {}, 0.0, means.index[0][0]
    for key in means.index:
        place += GAP * (key[0] != before)
        places[key], before, place = place, key[0], place + 1
    return places


def _told(means, blocks, data, names, title):
    block, plot, y = names
    apart = means.groupby(level=0, observed=True).agg(np.ptp)
    return (f"{len(data)} points in {len(means)} columns, one a {plot}, in {len(blocks)} groups, one a {block}. "
            f"Means of {y} by {block} run from {blocks.min():.4g} ({blocks.idxmin()}) to {blocks.max():.4g} "
            f"({blocks.idxmax()}); within a {block} the means of its columns are {apart.min():.4g} to "
            f"{apart.max():.4g} apart. {title}")
