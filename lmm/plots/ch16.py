"""Chapter 16, tests and intervals: degrees of freedom, a null distribution, a profile."""

import matplotlib.pyplot as plt
import numpy as np

from lmm.plots.canvas import COLORS, axes, label

METHOD_COLORS = {"z": "wrong", "containment": "data", "satterthwaite": "fixed",
                 "kenward-roger": "random"}
MARKS = (COLORS["wrong"], COLORS["random"], COLORS["data"])


def half_widths(tables, ax=None, title="", xlabel="half the interval's width"):
    """How far each 95 % interval reaches from its estimate, method by method.

    tables: dict method -> DataFrame with columns lower, upper, df (as fit.contrast gives; df is inf
    for z); the indexes name the estimates and are the same in all tables.
    """
    ax = axes(ax) if ax is not None else plt.subplots(figsize=(5.5, 5))[1]
    names = list(next(iter(tables.values())).index)
    ticks, row, said = {}, 0, []
    for name in names:
        ax.text(0.01, row, name, transform=ax.get_yaxis_transform(), va="center", weight="bold",
                fontsize=10)
        for method, table in tables.items():
            row += 1
            half = (table.loc[name, "upper"] - table.loc[name, "lower"]) / 2
            df = table.loc[name, "df"]
            color = COLORS[METHOD_COLORS.get(method, "data")]
            ax.plot(half, row, "o", color=color, ms=7)
            note = "z" if np.isinf(df) else f"{df:.{0 if df == round(df) else 2}f} df"
            ax.annotate(note, (half, row), (7, 0), textcoords="offset points", va="center",
                        fontsize=10, color=color)
            ticks[row] = method
            said.append(f"{name}, {method}: {half:.4f} ({note})")
        row += 1
    ax.set_yticks(list(ticks), list(ticks.values()), fontsize=10)
    ax.set_ylim(row - 0.4, -0.7)
    ax.margins(x=0.2)
    label(ax, xlabel, "", title)
    return f"Half widths of 95 % intervals as points. {'; '.join(said)}. {title}"


def tail(draws, references, observed=None, ax=None, title="", xlabel="statistic"):
    """The share of simulated statistics at or beyond each value, on a logarithmic scale, with
    reference curves.

    draws: array of statistics simulated under the hypothesis; references: dict name -> function of
    x, a tail probability, or (function, colour name); observed: the statistic of the data.
    """
    ax = axes(ax)
    x = np.linspace(0.01, max(8.0, 1.3 * (observed or 0)), 200)
    share = tail_share(draws, x)
    ax.plot(x, share, color=COLORS["data"], lw=4, alpha=0.5, label="simulated")
    for (name, reference), style in zip(references.items(), ("-", "--", ":")):
        function, color = reference if isinstance(reference, tuple) else (reference, "fixed")
        ax.plot(x, function(x), style, color=COLORS[color], label=name)
    mark = ""
    if observed is not None:
        ax.axvline(observed, color=COLORS["data"], ls=":", lw=1.5)
        mark = f"At the observed {observed:.4g}: {tail_share(draws, [observed])[0]:.2g} simulated. "
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 1.2)
    ax.legend(loc="lower left")
    label(ax, xlabel, "share at or beyond", title)
    zero = np.mean(np.asarray(draws) <= 0)
    return (f"Tail shares of {len(draws)} simulated statistics, {zero:.0%} of them zero, and "
            f"{len(references)} reference curves: {', '.join(references)}. {mark}{title}")


def tail_share(draws, x):
    """For each x the share of draws that are at least x."""
    draws = np.sort(draws)
    return 1 - np.searchsorted(draws, x, side="left") / len(draws)


def profile_curve(x, rise, limits, cut, wald=None, ax=None, title="", xlabel=""):
    """How far -2 log likelihood rises when a parameter is held at x, and the interval that a rise
    of `cut` gives.

    x, rise: the curve; limits: the profile interval; wald: (estimate, standard error), drawn as the
    parabola that estimate +- z SE takes the curve for.
    """
    ax = axes(ax)
    (low, high) = limits
    ax.plot(x, rise, color=COLORS["random"], lw=2, label="profile")
    ax.plot([low, high], [cut, cut], "o", color=COLORS["random"], ms=7)
    said = f"The profile reaches {cut:.4g} at {low:.4g} and {high:.4g}. "
    if wald is not None:
        estimate, se = wald
        ends = estimate - np.sqrt(cut) * se, estimate + np.sqrt(cut) * se
        ax.plot(x, ((x - estimate) / se) ** 2, "--", color=COLORS["wrong"], label="Wald's parabola")
        ax.plot(ends, [cut, cut], "D", color=COLORS["wrong"], ms=6)
        said += f"Wald's parabola, dashed, reaches it at {ends[0]:.4g} and {ends[1]:.4g}. "
    ax.axhline(cut, color=COLORS["data"], ls=":", lw=1.5)
    ax.set_ylim(0, 2 * cut)
    ax.legend(loc="upper center")
    label(ax, xlabel, "rise of −2 log likelihood", title)
    return f"Rise of the criterion against {xlabel}. {said}{title}"


def replicates(draws, estimate, marks, ax=None, title="", xlabel=""):
    """A histogram of estimates from simulated data, the estimate of the real data, and intervals
    below.

    draws: (n,); estimate: a dashed line; marks: dict name -> (lower, upper), drawn under the axis'
    zero.
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
        ax.annotate(name, (high, -k * step), (6, 0), textcoords="offset points", va="center",
                    fontsize=10)
    ax.set_ylim(bottom=-(len(marks) + 0.8) * step)
    ax.set_yticks([])
    ax.legend(loc="upper right", fontsize=10)
    label(ax, xlabel, "number of refits", title)
    each = "; ".join(f"{name} from {low:.3g} to {high:.3g}" for name, (low, high) in marks.items())
    return (f"Histogram of {len(draws)} estimates from simulated data, half of them below "
            f"{np.median(draws):.3g}, the "
            f"dashed estimate at {estimate:.3g}. Intervals below: {each}. {title}")
