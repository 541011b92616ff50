"""Pictures with one language of colours. Each function draws on an Axes and returns its alt text.

A module a subject; all names are to be had from here: lmm.plots.box(...).
"""

from lmm.plots.basic import box, intervals, matrix, paired, paths, shrinkage, surface       # noqa: F401
from lmm.plots.bayes import densities, posterior, trace, versus                                # noqa: F401
from lmm.plots.canvas import COLORS, style                                                  # noqa: F401
from lmm.plots.engines import strips                                                    # noqa: F401
from lmm.plots.pooling import cloud, error_curves, readings_by_group, shrinkage_judged    # noqa: F401
from lmm.plots.profiles import interaction                                                  # noqa: F401
from lmm.plots.reasons import (designs, dropout, estimators, longitudinal, one_sided, own_lines, p_values,  # noqa: F401
                               population_intervals, sides, trajectories)                     # noqa: F401
from lmm.plots.repeated import coverage, f_ratios, grand_means                              # noqa: F401
from lmm.plots.power import planned_power, power_curves, two_worlds                         # noqa: F401
from lmm.plots.testing import half_widths, profile_curve, tail                              # noqa: F401
from lmm.plots.slopes import fan, panels, plane, variance_curves                            # noqa: F401
from lmm.plots.checking import against, by_group                                            # noqa: F401
from lmm.plots.scaling import exponent, growth, pattern                                        # noqa: F401
from lmm.plots.takeaways import half_means, pair_distances                                   # noqa: F401
from lmm.plots.ch_extra_01 import small_panels                                              # noqa: F401
from lmm.plots.ch_extra_04 import main_plots, mean_lines                                      # noqa: F401
from lmm.plots.ch_extra_06 import draws, readings                                           # noqa: F401
