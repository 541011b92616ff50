"""Chapter 21, errors with a structure: correlations over the distance in time, means by visit."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label

SHADES = (COLORS["fixed"], COLORS["random"], COLORS["residual"], COLORS["wrong"])
DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^"
APART = 0.12                                    # between the arms at one visit, in visits


def correlations(curves, points=None, ax=None, title="", xlabel=""):
    """Correlations of two readings of one subject over their distance, a line a model.

    curves: dict name -> Series by distance; points: a Series by distance, drawn as dots, or None.
    """
    ax = axes(ax)
    for (name, curve), color, dash in zip(curves.items(), SHADES, DASHES):
        ax.plot(curve.index, curve, dash, color=color, lw=2, label=name)
    if points is not None:
        ax.plot(points.index, points, "o", color=COLORS["data"], ms=5, label="observed")
    ax.axhline(0, color=COLORS["data"], ls="--", lw=1)
    ax.set_ylim(top=1.05)
    ax.legend(loc="best")
    label(ax, xlabel, "correlation of two readings", title)
    said = "; ".join(f"{name} from {curve.iloc[0]:.2f} to {curve.iloc[-1]:.2f}"
                     for name, curve in curves.items())
    first, last = (next(iter(curves.values())).index[k] for k in (0, -1))
    seen = ""
    if points is not None:
        seen = f" Observed from {points.iloc[0]:.2f} to {points.iloc[-1]:.2f}."
    return (f"Correlation of two readings of one subject over {xlabel} from {first:g} to {last:g}: "
            f"{said}.{seen} {title}")


def means_over_visits(table, visit, arm, ax=None, title="", labels=("", "")):
    """Means with their intervals at each visit, a line an arm.

    table: with the columns mean, lower, upper, as `fit.ls_means` returns them; visit, arm: names of
    two more columns.
    """
    ax = axes(ax)
    visits = list(dict.fromkeys(table[visit]))
    arms = list(dict.fromkeys(table[arm]))
    said = []
    for k, (name, color, marker) in enumerate(zip(arms, SHADES, MARKERS)):
        rows = table[(table[arm] == name).to_numpy()]
        x = np.array([visits.index(level) for level in rows[visit]])
        x = x + APART * (k - (len(arms) - 1) / 2)
        mean, lower, upper = rows[["mean", "lower", "upper"]].to_numpy(dtype=float).T
        ax.errorbar(x, mean, [mean - lower, upper - mean], fmt=f"{marker}-", color=color,
                    ms=5, lw=1.5, capsize=3, label=str(name))
        each = ", ".join(f"{value:.1f}" for value in mean)
        said.append(f"{name} {each}")
    ax.set_xticks(range(len(visits)), [str(level) for level in visits])
    ax.legend(loc="upper left", title=arm, title_fontsize=9)
    label(ax, *labels, title)
    return (f"Means of {labels[1]} with 95 % intervals at {len(visits)} visits: "
            f"{'; '.join(said)}. {title}")
