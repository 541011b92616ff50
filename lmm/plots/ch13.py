"""Chapter 13, takeaways (slide 37): how far means of halves scatter, how far apart pairs lie."""

import numpy as np
import scipy

from lmm.plots.canvas import COLORS, axes, label


def half_means(halves, se, ax=None, title="", xlabel=""):
    """Histograms of the means of halves of the data, each with the normal curve of an analysis' own
    standard error.

    halves: dict, what was halved -> means of the halves, the wrong way first; se: a standard error
    each, in the same order. The mean of half the units deviates from the mean of all with the
    variance of the latter, so that histogram and curve agree where the analysis is right about what
    is drawn anew.
    """
    ax = axes(ax)
    everything = np.concatenate(list(halves.values()))
    edges = np.linspace(everything.min(), everything.max(), 22)
    x = np.linspace(edges[0], edges[-1], 300)
    told = []
    for (name, means), claimed, color in zip(halves.items(), se, ("wrong", "random")):
        ax.hist(means, edges, density=True, color=COLORS[color], alpha=0.4,
                label=f"{name}: SD {np.std(means):.2f}")
        ax.plot(x, scipy.stats.norm.pdf(x, np.mean(means), claimed), color=COLORS[color], lw=2.3,
                label=f"standard error {claimed:.2f}")
        told.append(f"{name}: SD {np.std(means):.3g} of {len(means)} means around "
                    f"{np.mean(means):.4g}, curve with standard error {claimed:.3g}")
    ax.set_ylim(top=1.55 * ax.get_ylim()[1])                                   # room for the legend
    ax.legend(loc="upper left", fontsize=10)
    ax.set_yticks([])
    label(ax, xlabel, "density", title)
    return f"Histograms of means of halves, each with a normal curve. {'; '.join(told)}. {title}"


def pair_distances(kinds, model, ax=None, title="", xlabel=""):
    """For each kind of pair the share of pairs that are less than x apart: steps for the data,
    dashed for a model.

    kinds: dict, name -> differences of the two readings of a pair (three kinds at most); model: for
    each kind half the mean squared difference by the model, which is the variance less the
    covariance of the two readings.
    """
    ax = axes(ax)
    longest = max(np.abs(d).max() for d in kinds.values())
    x = np.linspace(0, longest, 300)
    told = []
    for (name, d), half, color in zip(kinds.items(), model, ("residual", "random", "data")):
        distances = np.sort(np.abs(d))
        ax.step([0, *distances], np.arange(len(d) + 1) / len(d), where="post", color=COLORS[color],
                lw=1.8, label=name)
        # differences ~ N(0, 2 half)
        ax.plot(x, scipy.special.erf(x / (2 * half**0.5)), "--", color=COLORS[color], lw=1.6)
        told.append(f"{name}: {len(d)} pairs, median {np.median(distances):.3g} apart, "
                    f"model {0.9539 * half**0.5:.3g}")                       # 0.6745 * sqrt(2 half)
    ax.set_xlim(0, longest)
    steps, names = ax.get_legend_handles_labels()
    ax.legend([*steps, ax.lines[-1]], [*names, "dashed: the model"], loc="lower right")
    label(ax, xlabel, "share of pairs", title)
    return ("Share of pairs that are less than x apart, steps for data, dashed lines for the "
            f"model. {'; '.join(told)}. {title}")
