"""Chapter 20, a posterior: priors side by side, chains, draws against a grid, pairs of
intervals."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label

SHADES = (COLORS["wrong"], COLORS["residual"], COLORS["random"], COLORS["fixed"])
DASHES = ("-", "--", "-.", ":")


def densities(x, curves, ax=None, title="", xlabel="", mark=None):
    """Densities of one parameter over a logarithmic axis, a line each, named at its peak.

    x: (k,), increasing; curves: dict name -> (k,) density of log x; mark: dict name -> x, a dashed
    line.
    """
    ax = axes(ax)
    for (name, y), color, dash in zip(curves.items(), SHADES, DASHES):
        ax.plot(x, y, dash, color=color, lw=2, label=name)
    for name, at in (mark or {}).items():
        ax.axvline(at, color=COLORS["data"], ls="--", lw=1.2, label=name)
    ax.set_xscale("log")
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(bottom=0, top=1.5 * max(np.max(y) for y in curves.values()))
    ax.set_yticks([])
    ax.legend(loc="upper left")
    label(ax, xlabel, "density of the logarithm", title)
    peaks = ", ".join(f"{name} at {x[np.argmax(y)]:.3g}" for name, y in curves.items())
    return (f"{len(curves)} densities over {xlabel} from {x[0]:.4g} to {x[-1]:.4g}, logarithmic. "
            f"Peaks: {peaks}. {title}")


def trace(chains, ax=None, title="", ylabel="", first=None):
    """Chains as lines over the number of the draw, logarithmic upwards.
    chains: (chains, draws); first: how many draws."""
    ax = axes(ax)
    shown = np.asarray(chains)[:, :first]
    for values, color, dash in zip(shown, SHADES, DASHES):
        ax.plot(np.arange(len(values)), values, dash, color=color, lw=1.3)
        ax.plot(0, values[0], "o", color=color, ms=6)
    ax.set_yscale("log")
    label(ax, "draw", ylabel, title)
    starts = ", ".join(f"{v:.4g}" for v in shown[:, 0])
    last = shown[:, -1]
    return (f"{len(shown)} chains of {shown.shape[1]} draws of {ylabel}, logarithmic. They start "
            f"at {starts} and end between {last.min():.3g} and {last.max():.3g}. {title}")


def posterior(draws, x, density, marks, ax=None, title="", xlabel="", upto=None):
    """A histogram of draws, a density over it, and intervals below it.

    draws: (n,); x, density: the curve; marks: dict name -> (lower, point, upper), drawn under the
    axis' zero; upto: the right end of the axis (draws beyond it are not shown, but counted in the
    heights).
    """
    ax = axes(ax)
    upto = np.max(x) if upto is None else upto
    edges = np.linspace(0, upto, 61)
    heights = np.histogram(draws, edges)[0] / len(draws) / np.diff(edges)
    ax.stairs(heights, edges, fill=True, color=COLORS["random"], alpha=0.35, label="draws")
    ax.plot(x[x <= upto], density[x <= upto], color=COLORS["data"], lw=2, label="exact, by grid")
    step = 0.11 * heights.max()
    colors = COLORS["fixed"], COLORS["random"]
    for k, ((name, (low, point, high)), color) in enumerate(zip(marks.items(), colors), start=1):
        ax.plot([low, high], [-k * step] * 2, color=color, lw=2.5)
        ax.plot(point, -k * step, "o", color=color, ms=7)
        ax.annotate(name, (high, -k * step), (6, 0), textcoords="offset points", va="center",
                    fontsize=10)
    ax.set_xlim(0, upto)
    ax.set_ylim(bottom=-(len(marks) + 0.8) * step)
    ax.set_yticks([])
    ax.legend(loc="upper right")
    label(ax, xlabel, "density", title)
    each = "; ".join(f"{name}: {p:.4g} ({a:.4g} to {b:.4g})" for name, (a, p, b) in marks.items())
    return (f"Histogram of {len(draws)} draws with the density computed on a grid over it, highest "
            f"near {x[np.argmax(density)]:.3g}. Below, a point and an interval each: {each}. "
            f"{title}")


def versus(tables, ax=None, title="", xlabel=""):
    """Two intervals a level, one above the other.
    tables: dict name -> table with estimate, lower, upper by level."""
    ax = axes(ax)
    looks = (COLORS["fixed"], -0.14, "o"), (COLORS["random"], 0.14, "s")
    for (name, table), (color, shift, marker) in zip(tables.items(), looks):
        rows = np.arange(len(table)) + shift
        ax.hlines(rows, table["lower"], table["upper"], color=color, lw=2.5)
        ax.plot(table["estimate"], rows, marker, color=color, ms=6, label=name)
    ax.axvline(0, color=COLORS["data"], ls="--", lw=1)
    ax.set_yticks(range(len(table)), table.index)
    ax.set_ylim(len(table) + 0.75, -0.6)
    ax.legend(loc="lower right", ncols=2)
    label(ax, xlabel, table.index.name or "", title)
    widths = {name: (t["upper"] - t["lower"]).mean() for name, t in tables.items()}
    each = ", ".join(f"{name} {w:.4g}" for name, w in widths.items())
    return (f"Two intervals for each of {len(table)} levels, drawn one under the other. Mean "
            f"widths: {each}. {title}")
