"""What statsmodels, lme4, nlme and broom call the parts of a fit, and what `lmm` calls them."""

NAMES = {
    "params": "fe_params", "fixef": "fe_params", "fixed_effects": "fe_params",
    "coefficients": "fe_params", "beta": "fe_params",
    "bse": "bse_fe", "vcov": "cov_params()", "normalized_cov_params": "cov_params()",
    "ranef": "random_effects", "VarCorr": "variance_components", "vcomp": "variance_components",
    "cov_re": "variance_components, or G", "sigma": "scale, which is sigma^2",
    "summary_frame": "coef_table()", "tidy": "coef_table()", "confint": "conf_int()",
    "glance": "aic, bic, llf, nobs, scale, converged", "t_test": "contrast(L)",
    "augment": "fittedvalues, resid and lmm.influence", "wald_test": "f_test(L)",
    "logLik": "llf", "loglike": "llf", "AIC": "aic", "BIC": "bic", "deviance": "criterion",
    "isSingular": "singular", "REML": "reml", "fitted": "fittedvalues", "residuals": "resid",
    "get_prediction": "predict(new_data, interval=0.95)", "emmeans": "ls_means()",
    "lsmeans": "ls_means()", "emtrends": "trends()", "joint_tests": "anova(by=)",
    "cld": "letters()", "rand": "ranova()", "getME": "X, Z, G, R", "update": "refit()",
    "model_matrix": "X", "exog": "X", "endog": "y",
}
OTHER_ARGUMENTS = {
    "family": "lmm fits normal responses only; for others take glmmTMB or brms in R, or bambi in "
              "Python",
    "REML": "lmm calls it reml",
    "groups": "write the groups into the formula, (1 | g)",
    "re_formula": "write the random effects into the formula, (1 + x | g)",
    "vc_formula": "write the random effects into the formula, (1 | a) + (1 | b)",
    "random": "write the random effects into the formula, (1 + x | g)",
    "subset": "give the rows themselves, data[condition]",
}


def attribute(kind, name):
    """AttributeError for a name that a fit has not, with the right one where it is known."""
    hint = f"; lmm calls it {NAMES[name]}" if name in NAMES else ""
    raise AttributeError(f"{kind!r} object has no attribute {name!r}{hint}")


def arguments(others):
    """TypeError for an argument that lmm.fit has not, ValueError where there is more to say."""
    for name in others:
        if name in OTHER_ARGUMENTS:
            raise ValueError(f"{name}=: {OTHER_ARGUMENTS[name]}")
        raise TypeError(f"fit() got an unexpected keyword argument {name!r}")
