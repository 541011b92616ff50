"""Homework 2, "Planks": what each task asks for, and the mistakes that `check` knows by name (see
hw2_analyses)."""

import numpy as np

from lmm.homework import Task
from lmm.homework.hw2_analyses import (
    DF, against, as_numbers, at_reference, cell_means, chi_square, coefficients, differences,
    ls_means_mixed, ls_means_no_plank, ls_means_of_differences, ls_means_plank_alone, ls_means_raw,
    mixed, no_plank, pairs_mixed, pairs_pooled, pairs_raw, plank_alone, readings, spread,
    spread_unpaired, squares, table, type_three, variances, variances_plank_alone,
    variances_without_depth, without_depth)

KNOWN = 1e6                     # degrees of freedom: as if the variances were known, z instead of t
NO_PLANK = "plank is not in this model: its residual holds all the variation between planks"
ALONE = ("plank is in, plank:width and plank:depth are not: planks differ in level here, but all "
         "would have the same profiles; see the plan, and 2b")
HALF = ("plank:width is in, plank:depth is not: the plan gives every plank a depth profile of its "
        "own, too")
NUMBERS = ("width or depth was taken as a number: a straight line instead of means; leave the "
           "columns categorical")
REFERENCE = ("this is type III with a treatment coding: its lines `width` and `depth` compare "
             "widths at the reference depth, and depths at the reference width, not their averages")
RAW = ("this is Tukey's HSD on raw data: it takes the variation between planks for noise, and all "
       "readings for independent")
VARIANCES = ["plank", "plank:width", "plank:depth", "residual"]

_TASKS = {
    "a": Task("a table 3 x 5 of mean humidities, a row a width and a column a depth", cell_means, [
        ("rows and columns are exchanged: a row a width, a column a depth",
         lambda s: cell_means(s).T),
        ("these are medians; the profiles of the lecture are means",
         lambda s: np.median(readings(s), axis=0)),
        ("these are the readings of the first plank, not means over planks",
         lambda s: readings(s)[0])]),
    "b": Task("a list of two standard deviations between planks: of width 3 less 1, of depth 5 "
              "less 1", spread, [
        ("the squares were divided by the number of planks; planks are a sample: divide by one "
         "less (ddof=1)",
         lambda s: spread(s, ddof=0)),
        ("these are variances; take their roots", lambda s: np.square(spread(s))),
        ("these are differences of single readings; first average each plank over the other factor",
         lambda s: [d.std(ddof=1) for d in differences(s)]),
        ("the two variances were added, as if the two levels came from different planks; take the "
         "difference plank by plank", spread_unpaired)]),
    "c": Task("a list of three F values, of width, depth and width:depth, each against the "
              "residual",
              lambda s: against(s, squares(s)["residual"]), [
        (NO_PLANK, lambda s: against(s, no_plank(s)[0])),
        (ALONE, lambda s: against(s, plank_alone(s)[0])),
        ("these are the tests of the mixed model; here every line is to be divided by the residual",
         lambda s: mixed(s)[0]),
        (REFERENCE, lambda s: type_three(s, "treatment")),
        (REFERENCE + "; and " + ALONE, lambda s: type_three(s, "treatment", interactions=False)),
        (NUMBERS, lambda s: type_three(s, "centred", ("width", "depth"))),
        (NUMBERS, lambda s: type_three(s, "centred", ("plank", "width", "depth")))]),
    "d": Task("a list of four variances: plank, plank:width, plank:depth, residual", variances, [
        ("these are standard deviations; square them", lambda s: np.sqrt(variances(s))),
        ("this is maximum likelihood, whose variances are too small here; fit by REML",
         lambda s: 0.95 * variances(s)),
        ("these are mean squares; each contains several variances, see the expected mean squares "
         "in chapter 14",
         lambda s: [squares(s)[line] for line in VARIANCES]),
        ("plank:width and plank:depth are exchanged", lambda s: variances(s)[[0, 2, 1, 3]]),
        (ALONE, variances_plank_alone),
        (HALF, variances_without_depth)]),
    "e": Task("a table 3 x 3, rows width, depth and width:depth, columns F, denominator df, p",
              lambda s: table(*mixed(s)), [
        (NO_PLANK, lambda s: table(against(s, no_plank(s)[0]), no_plank(s)[1])),
        (ALONE, lambda s: table(against(s, plank_alone(s)[0]), plank_alone(s)[1])),
        (HALF, without_depth),
        ("this is the fixed analysis again: every line against the residual, a statement about "
         "these planks only",
         lambda s: table(against(s, squares(s)["residual"]), DF["residual"])),
        ("these p-values are chi-square's (z instead of t), as if the variances were known; use F "
         "and its denominator df", lambda s: table(*mixed(s), p=chi_square(mixed(s)[0]))),
        (REFERENCE, lambda s: table(at_reference(s), mixed(s)[1])),
        (REFERENCE + "; and its p-values are chi-square's (z instead of t)",
         lambda s: table(at_reference(s), mixed(s)[1], p=chi_square(at_reference(s)))),
        (NUMBERS, as_numbers)]),
    "f": Task("a table 8 x 2, rows widths 1, 2, 3 and depths 1, 3, 5, 7, 9, columns LS mean, "
              "standard error",
              ls_means_mixed, [
        ("these are standard errors of raw means, as if all readings of a level were independent",
         ls_means_raw),
        (NO_PLANK, ls_means_no_plank),
        (ALONE, ls_means_plank_alone),
        ("these are standard errors of differences, where the level of the planks cancels; in a "
         "mean it does not",
         ls_means_of_differences),
        ("these are coefficients of a treatment coding: a mean and differences from it, all at a "
         "reference level",
         coefficients)]),
    "g": Task("a table 5 x 4, rows width 1-2, 1-3, 2-3 and depth 3-5, 5-7, columns difference (the "
              "first less the second), lower, upper, p", pairs_mixed, [
        (RAW, pairs_raw),
        (RAW + " (and its differences are the second less the first)",
         lambda s: pairs_raw(s, sign=-1)),
        ("the differences are the second less the first", lambda s: pairs_mixed(s, sign=-1)),
        ("these p-values and limits are not adjusted: each pair as if it were the only one",
         lambda s: pairs_mixed(s, "none")),
        ("this is Bonferroni's correction, not Tukey's", lambda s: pairs_mixed(s, "bonferroni")),
        ("z was taken for t (and nothing adjusted): the variances are estimates",
         lambda s: pairs_mixed(s, "none", (KNOWN, KNOWN))),
        ("z was taken for t: the variances are estimates",
         lambda s: pairs_mixed(s, df=(KNOWN, KNOWN))),
        (NO_PLANK, lambda s: pairs_pooled(s, no_plank)),
        (ALONE, lambda s: pairs_pooled(s, plank_alone))]),
}
