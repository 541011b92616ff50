"""Chapter 4, the oats: lines of means with one legend, and main plots with their varieties named.
Each returns its alt text."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label
from lmm.plots.shared import MARKERS, side_by_side, strips


def mean_lines(means, ax=None, title="", labels=("", "")):
    """One line of means a row over the columns, which are numbers. means: DataFrame; labels: of
    both axes."""
    ax = axes(ax)
    for (name, row), shade, marker in zip(means.iterrows(), ("#5CADD8", COLORS["fixed"], "#00253B"),
                                          MARKERS):
        ax.plot(means.columns, row, marker=marker, color=shade, label=name)
    ax.set_xticks(means.columns)
    ax.legend(loc="lower right")
    label(ax, *labels, title)
    each = "; ".join(f"{name}: {', '.join(f'{x:.4g}' for x in row)}"
                     for name, row in means.iterrows())
    at = ", ".join(f"{x:g}" for x in means.columns)
    return f"Lines of {labels[1]} over {labels[0]} {at}. {each}. {title}"


def main_plots(data, block, plot, y, ax=None, title="", xlabel="", ylabel=""):
    """`strips` with the first letter of the level of `plot` below each column, and the block below
    its columns."""
    ax = axes(ax)
    alt = strips(data, block, plot, y, ax=ax, title=title)
    places = side_by_side(data.groupby([block, plot], observed=True)[y].mean())
    middle = {b: np.median([place for (other, _), place in places.items() if other == b]) for b,
              _ in places}
    words = [f"{name[0]}\n{b}" if place == middle[b] else f"{name[0]}\n " for (b, name),
             place in places.items()]
    ax.set_xticks(list(places.values()), words)
    ax.legend(ax.get_legend_handles_labels()[0], ["mean of a main plot", f"mean of a {block}"])
    label(ax, xlabel or f"{plot}, {block}", ylabel, title)
    return alt
