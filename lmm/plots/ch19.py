"""Chapter 19, size: measured cost against the number of rows, and where a matrix is not zero."""

import numpy as np
import scipy

from lmm.plots.canvas import COLORS, axes, label

ROUTES = {"V": ("wrong", "o", "V, dense"), "Henderson": ("fixed", "s", "Henderson, dense"),
          "engine": ("random", "D", "lmm.fit"), "crossed": ("residual", "*", "lmm.fit, crossed")}
UNITS = {"seconds": "s", "megabytes": "MB"}


def growth(table, what, ax=None, title="", names=True):
    """Cost against rows on logarithmic axes, a line a route with its slope (the exponent of N) over
    its last two points.

    table: columns route, N and `what` ("seconds" or "megabytes"), as from lmm.load("scaling");
    names: write the legend.
    """
    ax = axes(ax)
    said = []
    for route, rows in table.groupby("route", observed=True, sort=False):
        color, marker, name = ROUTES[route]
        ax.plot(rows["N"], rows[what], marker=marker, color=COLORS[color], lw=1.8,
                ms=11 if marker == "*" else 6, label=name)
        last = rows.iloc[-1]
        slope = f", exponent {exponent(rows, what):.1f}" if len(rows) > 1 else ""
        said.append(f"{name}: {last[what]:.3g} {UNITS[what]} at {last['N']:,} rows{slope}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    if names:
        ax.legend(fontsize=10)
    label(ax, "rows N", f"{what} ({UNITS[what]})" if what == "megabytes"
          else f"time ({UNITS[what]})", title)
    return f"{what} against rows, both logarithmic. {'; '.join(said)}. {title}"


def exponent(rows, what):
    """The slope of log cost over log N between the last two sizes: cost grows as N to this
    power."""
    n, cost = np.log(rows["N"].to_numpy(float)), np.log(rows[what].to_numpy(float))
    return (cost[-1] - cost[-2]) / (n[-1] - n[-2])


def pattern(A, ax=None, title="", at=None):
    """Where a matrix is not zero: a dot an entry.
    A: dense or sparse; at: dict name -> first column of its block."""
    ax = axes(ax)
    A = scipy.sparse.coo_array(A)
    ax.plot(A.col, A.row, "s", color=COLORS["data"], ms=max(1.0, 165 / max(A.shape)), mew=0)
    ax.set(xlim=(-0.8, A.shape[1] - 0.2), ylim=(A.shape[0] - 0.2, -0.8), aspect="equal")
    at = at or {}
    for first in list(at.values())[1:]:
        ax.axhline(first - 0.5, color=COLORS["fixed"], lw=1)
        ax.axvline(first - 0.5, color=COLORS["fixed"], lw=1)
    ends = [*list(at.values())[1:], A.shape[1]]
    ax.set_xticks([(a + b - 1) / 2 for a, b in zip(at.values(), ends)], at)
    ax.set_yticks([])
    ax.grid(False)
    label(ax, "", "", title)
    return (f"Pattern of a {A.shape[0]} by {A.shape[1]} matrix: {A.nnz} of "
            f"{A.shape[0] * A.shape[1]} entries are not zero. {title}")
