"""Pictures with one language of colours. Each function draws on an Axes and returns its alt text.

    canvas.py       the palette, the book's look
    shared.py       drawn in several chapters
    diagnostics.py  checks of a fitted model, `lmm.diagnostics`
    ch01.py ...     drawn in one chapter only

All are reached from here, as `lmm.plots.box`; those of diagnostics.py as `lmm.diagnostics.qq`.
"""

from lmm.plots.canvas import COLORS, style
from lmm.plots.ch01 import (designs, dropout, estimators, longitudinal, one_sided, own_lines,
                            p_values, population_intervals, sides, small_panels, trajectories)
from lmm.plots.ch02 import coverage, f_ratios, grand_means
from lmm.plots.ch03 import cloud, readings_by_group, shrinkage_judged
from lmm.plots.ch04 import main_plots, mean_lines
from lmm.plots.ch06 import draws, readings
from lmm.plots.ch10 import surface
from lmm.plots.ch11 import paths
from lmm.plots.ch13 import half_means, pair_distances
from lmm.plots.ch15 import fan, panels, plane, variance_curves
from lmm.plots.ch16 import half_widths, profile_curve, replicates, tail
from lmm.plots.ch17 import against, by_group, correlogram, runs
from lmm.plots.ch18 import planned_power, power_curves, two_worlds
from lmm.plots.ch19 import exponent, growth, pattern
from lmm.plots.ch20 import densities, posterior, trace, versus
from lmm.plots.ch21 import correlations, means_over_visits
from lmm.plots.shared import (box, error_curves, interaction, intervals, matrix, paired, shrinkage,
                              strips)

__all__ = [
    "COLORS", "style",
    "box", "error_curves", "interaction", "intervals", "matrix", "paired", "shrinkage", "strips",
    "designs", "dropout", "estimators", "longitudinal", "one_sided", "own_lines", "p_values",
    "population_intervals", "sides", "small_panels", "trajectories",                     # chapter 1
    "coverage", "f_ratios", "grand_means",                                          # 2
    "cloud", "readings_by_group", "shrinkage_judged",                               # 3
    "main_plots", "mean_lines", "draws", "readings",                                # 4, 6
    "surface", "paths",                                                             # 10, 11
    "half_means", "pair_distances",                                                 # 13
    "fan", "panels", "plane", "variance_curves",                                    # 15
    "half_widths", "profile_curve", "replicates", "tail",                                     # 16
    "against", "by_group", "correlogram", "runs",                                        # 17
    "planned_power", "power_curves", "two_worlds",                                  # 18
    "exponent", "growth", "pattern",                                                # 19
    "densities", "posterior", "trace", "versus",                                    # 20
    "correlations", "means_over_visits",                                            # 21
]
