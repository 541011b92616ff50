"""Small panels, one a group. Returns its alt text."""

import matplotlib.pyplot as plt
import numpy as np

from lmm.plots.canvas import COLORS, with_unit


def small_panels(data, x, y, group, before=None, title="", unit="", columns=3):
    """A small panel a group: its values over x with its own least-squares line, groups ordered by slope.

    data: table; x, y, group: column names; before: what happens up to this x is shaded.
    """
    wide = data.pivot(index=x, columns=group, values=y)
    slopes = {name: np.polyfit(wide.index, wide[name], 1)[0] for name in wide}
    order = sorted(slopes, key=slopes.get)
    rows = -(-len(order) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(5.5, 0.6 + 1.15 * rows), sharex=True, sharey=True,
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
    return (f"{len(order)} small panels of {y} over {x}, one a {group}, each with its own line; slopes from "
            f"{slopes[order[0]]:.3g} ({order[0]}) to {slopes[order[-1]]:.3g} ({order[-1]}).{shaded} {title}")
