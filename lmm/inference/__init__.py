"""Inference on a fit.

    degrees/       degrees of freedom: containment, Satterthwaite, Kenward and Roger; observed:
                   the last two where the errors have a structure
    contrasts      L beta, with its error, df, t and p; F of any L
    means          least-squares means, slopes, their pairs and letters;  multiplicity: Tukey ...
    anova          F tests of the terms, types 1, 2 and 3, and by group
    names          what other packages call the parts of a fit
    lrt            likelihood-ratio tests of fixed effects and variances
    profile        intervals from the likelihood (profile_structured: with a structure;
                   profile_tools);  parameters: their names, as lme4's
    simulation     responses drawn from a fit, and bootstrap intervals
    prediction     new rows, with intervals;  neighbours: what correlated errors say of them
    influence      residuals, leverage, Cook's distance, BLUPs with their errors
"""
