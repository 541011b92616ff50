"""Chapter 10, maximum likelihood: a criterion as a landscape over two variances."""

import numpy as np

from lmm.plots.canvas import COLORS, axes, label


def surface(criterion, x, y, marks, ax=None, title="", labels=("", ""),
            levels=(0.1, 0.5, 1, 2, 4, 8, 16)):
    """Contours of a criterion over two variances, above its minimum on the grid.

    criterion: function of (x, y); marks: dict name -> (x, y), drawn as points (ML and REML, say).
    """
    ax = axes(ax)
    values = np.array([[criterion(a, b) for a in x] for b in y])
    lines = ax.contour(x, y, values - values.min(), levels=levels, cmap="Greys_r", linewidths=1)
    ax.clabel(lines, fontsize=10, fmt="%g")
    for (name, point), color, marker in zip(marks.items(), ("fixed", "random", "wrong"), "osD"):
        ax.plot(*point, marker, color=COLORS[color], ms=8, label=name)
    ax.legend()
    label(ax, *labels, title)
    places = "; ".join(f"{name} at ({a:.4g}, {b:.4g})" for name, (a, b) in marks.items())
    return f"Contour plot over {labels[0]} and {labels[1]}. Marked: {places}. {title}"
