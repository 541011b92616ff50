"""Chapter 11, Henderson's equations: what a growing penalty does to the BLUPs."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label


def paths(x, curves, at=None, ax=None, title="", labels=("", ""), log=False, at_label=""):
    """One line a column of `curves` against x; `at` marks one x with a dashed line.
    log: logarithmic x."""
    ax = axes(ax)
    for values in np.asarray(curves).T:
        ax.plot(x, values, color=COLORS["random"], lw=1.3, alpha=0.8)
    if at is not None:
        ax.axvline(at, color=COLORS["fixed"], ls="--", lw=1.5, label=at_label or None)
    if at_label:
        ax.legend()
    if log:
        ax.set_xscale("log")
    label(ax, *labels, title)
    first, last = np.ptp(np.asarray(curves), axis=1)[[0, -1]]
    mark = "" if at is None else f"The dashed line marks {at:.4g}. "
    return (f"{np.asarray(curves).shape[1]} lines over {labels[0]} from {np.min(x):.3g} to "
            f"{np.max(x):.3g}; their spread goes from {first:.3g} to {last:.3g}. {mark}{title}")
