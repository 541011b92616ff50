"""Chapter 18, power: two worlds and a critical value, power curves, the power of planned
studies."""

import numpy as np
import scipy

from lmm.plots.canvas import COLORS, axes, label


def two_worlds(shift, df, level=0.05, ax=None, title="", xlabel="t"):
    """The t statistic without and with a difference, and the part beyond the critical value: the
    power.

    shift: the noncentrality, true difference over its standard error; df: degrees of freedom;
    level: two-sided.
    """
    ax = axes(ax)
    critical = scipy.stats.t.ppf(1 - level / 2, df)
    x = np.linspace(-2 * critical, shift + 3 * critical, 400)
    nothing, something = scipy.stats.t.pdf(x, df), scipy.stats.nct.pdf(x, df, shift)
    ax.plot(x, nothing, "--", color=COLORS["data"], label="no difference")
    ax.plot(x, something, color=COLORS["random"], label="the difference planned for")
    for beyond in (x >= critical, x <= -critical):
        ax.fill_between(x[beyond], something[beyond], color=COLORS["random"], alpha=0.3)
    for edge in (-critical, critical):
        ax.axvline(edge, color=COLORS["data"], ls=":", lw=1.5)
    ax.set_ylim(0, 1.35 * nothing.max())
    ax.legend(loc="upper right")
    power = scipy.stats.nct.sf(critical, df, shift) + scipy.stats.nct.cdf(-critical, df, shift)
    label(ax, xlabel, "density", title)
    return (f"Two densities of t with {df:g} df: centred at 0 without a difference, around "
            f"{shift:.3g} with it. Dotted lines at plus and minus {critical:.3g}; the shaded area "
            f"beyond them is the power, {power:.2g}. {title}")


def power_curves(curves, target=0.8, points=None, ax=None, title="", xlabel="", log=False):
    """Power as lines over a design variable, and simulated power as points with two standard
    errors.

    curves: DataFrame, index the design variable, a column a line; points: DataFrame with columns
    line, x, power, se (line names a column of curves); target: a dotted line; log: logarithmic x
    with the curves' own ticks.
    """
    ax = axes(ax)
    names = list(curves.columns)
    colors = dict(zip(names, [COLORS[c] for c in ("fixed", "random", "residual", "wrong", "data")]))
    for name, style in zip(names, ("-", "--", "-.", ":", "-")):
        ax.plot(curves.index, curves[name], style, color=colors[name], lw=2, label=name)
    if points is not None:
        for name, group in points.groupby("line", sort=False):
            ax.errorbar(group["x"], group["power"], yerr=2 * group["se"], fmt="o", capsize=3,
                        color=colors[name])
    if target is not None:
        ax.axhline(target, color=COLORS["data"], ls=":", lw=1.5)
    if log:
        ax.set_xscale("log")
        ax.set_xticks(curves.index, [f"{x:g}" for x in curves.index])
        ax.minorticks_off()
    ax.set_ylim(0, 1.03)
    ax.legend(loc="best")
    label(ax, xlabel, "power", title)
    each = "; ".join(f"{name} from {curves[name].iloc[0]:.2g} to {curves[name].iloc[-1]:.2g}, "
                     f"highest {curves[name].max():.2g} at {curves[name].idxmax():g}"
                     for name in names)
    dots = ""
    if points is not None:
        dots = f" {len(points)} simulated points with bars of two standard errors."
    return (f"Power over {xlabel} from {curves.index[0]:g} to {curves.index[-1]:g}: {each}.{dots} "
            f"{title}")


def planned_power(powers, target=0.8, ax=None, title="", xlabel="real power of the planned study"):
    """A histogram of the power that studies planned from pilots have, with the power that was
    promised."""
    ax = axes(ax)
    powers = np.asarray(powers)
    ax.hist(powers, bins=np.linspace(0, 1, 21), color=COLORS["random"], alpha=0.75)
    ax.axvline(target, color=COLORS["data"], ls="--", lw=2, label=f"promised: {target:g}")
    ax.set_xlim(0, 1)
    ax.legend(loc="upper left")
    label(ax, xlabel, "studies", title)
    tenth, half = np.quantile(powers, [0.1, 0.5])
    return (f"Histogram of the power of {len(powers)} planned studies: a tenth lie below "
            f"{tenth:.2g}, half below {half:.2g}, and {np.mean(powers < target):.0%} below the "
            f"promised {target:g}, a dashed line. {title}")
