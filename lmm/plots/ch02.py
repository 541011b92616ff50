"""Chapter 2, an experiment that is done again and again: its means, its intervals, its F ratios."""

import matplotlib.pyplot as plt
import numpy as np

from lmm.plots.canvas import COLORS, axes, label

READINGS = ("fixed", "random")         # colours of the two readings of "a new experiment", in order


def grand_means(means, marks, title="", xlabel=""):
    """Histograms of an estimate over repeated experiments, one below the other on one scale.

    means: dict, reading -> array with a value an experiment; marks: dict, reading -> (name, value),
    the number that this reading estimates, drawn as a dashed line.
    """
    figure, panels = _stacked(len(means))
    edges = np.linspace(*_range(np.concatenate(list(means.values()))), 61)
    each = []
    for ax, color, (reading, values) in zip(panels, READINGS, means.items()):
        ax.hist(values, edges, color=COLORS[color], alpha=0.55)
        name, value = marks[reading]
        ax.axvline(value, color=COLORS["data"], ls="--", lw=1.5, label=f"{name}: {value:.0f}")
        label(ax, "", "experiments", f"{reading}: SD {values.std():.1f}")
        ax.legend(loc="upper left")
        each.append(f"{reading}: mean {values.mean():.1f}, SD {values.std():.1f}, {name} at "
                    f"{value:.1f}")
    _finish(figure, panels, xlabel, title)
    return f"Histograms of {xlabel} over repeated experiments. {'; '.join(each)}. {title}"


def coverage(panels, title="", ylabel="", show=80):
    """Intervals of the first `show` experiments, one panel below the other; those that miss their
    target stand out.

    panels: dict, reading -> (lower, upper, target): two arrays with a value an experiment, and a
    number.
    """
    figure, places = _stacked(len(panels), sharey=True)
    each = []
    for ax, color, (reading, (lower, upper, target)) in zip(places, READINGS, panels.items()):
        lower, upper = np.asarray(lower)[:show], np.asarray(upper)[:show]
        hit = (lower <= target) & (target <= upper)
        number = np.arange(1, len(lower) + 1)
        ax.vlines(number[hit], lower[hit], upper[hit], color=COLORS["data"], lw=1.4)
        ax.vlines(number[~hit], lower[~hit], upper[~hit], color=COLORS["wrong"], lw=2.8)
        ax.axhline(target, color=COLORS[color], ls="--", lw=1.5)
        label(ax, "", ylabel, f"{reading}: {hit.sum()} of {len(hit)} hit")
        each.append(f"{reading}: {hit.sum()} of {len(hit)} intervals contain {target:.1f}")
    _finish(figure, places, "experiment", title)
    return ("Intervals of repeated experiments, those that miss are drawn thick and pink. "
            f"{'; '.join(each)}. {title}")


def f_ratios(simulated, laws, null, critical, ax=None, title="", largest=15):
    """Histograms of F ratios of simulated experiments with the law that theory says they follow.

    simulated: dict, reading -> array; laws: dict, reading -> density, a function; null: the density
    under H0, drawn dotted and cut off where it is much higher than the others; critical: the value
    beyond which H0 is rejected, drawn dashed; largest: where the axis of F ends.
    """
    ax = axes(ax)
    x = np.linspace(0.01, largest, 400)
    width = largest / 80
    each = []
    for color, (reading, F) in zip(READINGS, simulated.items()):
        counts, edges = np.histogram(F, np.arange(0, largest + width / 2, width))
        ax.stairs(counts / (len(F) * width), edges, color=COLORS[color], fill=True, alpha=0.3)
        ax.plot(x, laws[reading](x), color=COLORS[color], lw=2, label=reading)
        each.append(f"{reading}: median {np.median(F):.1f}, {np.mean(F > critical):.0%} beyond")
    ax.plot(x, null(x), color=COLORS["data"], ls=":", lw=1.8, label="both, under H0")
    ax.axvline(critical, color=COLORS["data"], ls="--", lw=1.2)
    ax.set(xlim=(0, largest), ylim=(0, 1.5 * max(law(x).max() for law in laws.values())))
    ax.legend(loc="upper right")
    label(ax, "F ratio", "density", title)
    return ("Histograms of simulated F ratios with the densities of theory, and the density under "
            f"H0, dotted, which lies further left. The dashed line at {critical:.2f} is the 5 % "
            f"limit. {'; '.join(each)}. {title}")


def _stacked(n, sharey=False):
    """A figure of n panels, one below the other, on one x axis; sharey: on one y axis too."""
    figure, panels = plt.subplots(n, 1, figsize=(5.5, 1.2 + 2.1 * n), sharex=True, sharey=sharey,
                                  layout="constrained")
    return figure, np.atleast_1d(panels)


def _range(values):
    """The smallest and the largest value, without the outermost 0.1 % at each end."""
    return np.quantile(values, [0.001, 0.999])


def _finish(figure, panels, xlabel, title):
    panels[-1].set_xlabel(xlabel)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
