"""Profiles: means over the levels of one factor, a line for each level of another (slides 39 to 42)."""

import numpy as np
import seaborn as sns

from lmm.plots.canvas import COLORS, axes, label, with_unit

MOST_NAMED = 6                                                       # lines that get a marker and a label each
MARKERS = "osD^vP"


def interaction(data, x, lines, y, ax=None, title="", unit="", unit_of_x="", mark=()):
    """R's interaction.plot: the means of y by x, one line a level of `lines`; parallel lines mean no interaction.

    data: table; x, lines, y: column names, x numeric (drawn to scale) or a factor (levels side by side); unit,
    unit_of_x: of y and of x. Up to six lines have a marker and a name each, more are thin, alike and without names,
    except for those of the levels in `mark`, drawn dark and named.
    """
    ax = axes(ax)
    means = data.groupby([lines, x], observed=True)[y].mean().unstack(x)             # a row a line
    places = _places(data, means, x, ax)
    if len(means) > MOST_NAMED:
        ax.plot(places, means.T.to_numpy(), "-", color=COLORS["random"], lw=1, alpha=0.4 if mark else 0.7)
        heights = means.mean(axis=1).sort_values()
        first, last = (f"{heights.iloc[i]:.4g} ({lines} {heights.index[i]})" for i in (0, -1))
        told = f"one thin line for each of {len(means)} levels of {lines}; their averages run from {first} to {last}"
        if mark:
            marked = means.loc[list(mark)]
            ax.plot(places, marked.T.to_numpy(), "-", color="black", lw=1.8)
            _name_lines(ax, places, marked, lines)
            told += f"; drawn dark: {', '.join(f'{lines} {level}' for level in mark)}"
    else:
        shades = sns.blend_palette(["#5CADD8", COLORS["fixed"], "#00253B"], len(means))
        for (level, values), color, marker in zip(means.iterrows(), shades, MARKERS):
            ax.plot(places, values, marker=marker, color=color, lw=1.6, ms=6, label=f"{lines} {level}")
        _name_lines(ax, places, means, lines)
        told = "; ".join(f"{lines} {level}: " + ", ".join(f"{v:.4g}" for v in row) for level, row in means.iterrows())
    label(ax, with_unit(x, unit_of_x), f"mean {with_unit(y, unit)}", title)
    return (f"Interaction plot: means of {y} at {x} {', '.join(map(str, means.columns))}, {told}. {title}")


def _places(data, means, x, ax):
    """Where the levels of x stand: numbers to scale, levels of a factor side by side."""
    if data[x].dtype.kind in "iuf":
        return means.columns.to_numpy(dtype=float)
    ax.set_xticks(range(means.shape[1]), [str(level) for level in means.columns])
    return np.arange(means.shape[1], dtype=float)


def _name_lines(ax, places, means, lines):
    """The name of each line at its right end, moved apart where lines end close together."""
    span = np.ptp(places) or 1.0
    longest = max(len(f"{lines} {level}") for level in means.index)
    ax.set_xlim(places[0] - 0.06 * span, places[-1] + max(0.3, 0.12 + 0.026 * longest) * span)
    ends = means.ffill(axis=1).iloc[:, -1].sort_values()
    gap = 0.07 * np.ptp(ax.get_ylim())                              # the height of a name
    for level, height in zip(ends.index, _apart(ends.to_numpy(), gap)):
        ax.text(places[-1] + 0.05 * span, height, f"{lines} {level}", color="black", va="center", size=10,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})        # no grid line through a name


def _apart(heights, gap):
    """Sorted heights moved apart, so that neighbours are at least `gap` from each other; clusters keep their middle."""
    clusters = []                                                    # (middle, number of names)
    for height in heights:
        clusters.append((height, 1))
        while len(clusters) > 1:
            (low, n), (high, m) = clusters[-2:]
            if high - low >= gap * (n + m) / 2:
                break
            clusters[-2:] = [((low * n + high * m) / (n + m), n + m)]
    return np.concatenate([middle + gap * (np.arange(n) - (n - 1) / 2) for middle, n in clusters])
