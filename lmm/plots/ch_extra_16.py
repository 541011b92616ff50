"""A picture for chapter 16: what a parametric bootstrap draws, and the intervals that three methods make of one fit."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label

MARKS = (COLORS["wrong"], COLORS["random"], COLORS["data"])


def replicates(draws, estimate, marks, ax=None, title="", xlabel=""):
    """A histogram of estimates from simulated data, the estimate of the real data, and intervals below.

    draws: (n,); estimate: a dashed line; marks: dict name -> (lower, upper), drawn under the axis' zero.
    """
    ax = axes(ax)
    draws = np.asarray(draws, dtype=float)
    ends = [end for interval in marks.values() for end in interval]
    edges = np.linspace(min(0, draws.min()), max(draws.max(), *ends), 41)
    heights, _ = np.histogram(draws, edges)
    ax.stairs(heights, edges, fill=True, color=COLORS["data"], alpha=0.35, label="refits")
    ax.axvline(estimate, color=COLORS["fixed"], ls="--", lw=2, label="estimate")
    step = 0.14 * heights.max()
    for k, ((name, (low, high)), color) in enumerate(zip(marks.items(), MARKS), start=1):
        ax.plot([low, high], [-k * step] * 2, color=color, lw=3)
        ax.annotate(name, (high, -k * step), (6, 0), textcoords="offset points", va="center", fontsize=10)
    ax.set_ylim(bottom=-(len(marks) + 0.8) * step)
    ax.set_yticks([])
    ax.legend(loc="upper right", fontsize=10)
    label(ax, xlabel, "number of refits", title)
    each = "; ".join(f"{name} from {low:.3g} to {high:.3g}" for name, (low, high) in marks.items())
    return (f"Histogram of {len(draws)} estimates from simulated data, half of them below {np.median(draws):.3g}, the "
            f"dashed estimate at {estimate:.3g}. Intervals below: {each}. {title}")
