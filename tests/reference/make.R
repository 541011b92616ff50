# R's results for the models of models.json, one file a model:
#
#     Rscript tests/reference/make.R [--out FOLDER] [NAME ...]
#
# Each model is fitted at its *polished* optimum. lme4's default search (nloptwrap) stops up to 1e-5
# short of it in theta. Here bobyqa runs with rhoend = 1e-10; then Newton's method goes on with
# Richardson's derivatives (numDeriv), to about 1e-10. A theta at its bound, zero, is held there.
# nlme runs with its limits tightened (CONTROL_LME). Profiles start from lme4's own fit.
# Levels are sorted, or in the order of models.json; contrasts are R's own, treatment.

suppressPackageStartupMessages({
  library(lme4)
  library(nlme)
  library(lmerTest)
  library(pbkrtest)
  library(emmeans)
})
PACKAGES <- c("lme4", "nlme", "lmerTest", "pbkrtest", "emmeans")
options(warn = 1)
options(digits = 15)                # lmerTest rounds its type 3 contrasts to this many digits
HERE <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
MODELS <- jsonlite::fromJSON(file.path(HERE, "models.json"), simplifyVector = FALSE)
CONTROL <- lmerControl(optimizer = "bobyqa", calc.derivs = FALSE,
                       optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
CONTROL_LME <- lmeControl(msTol = 1e-12, tolerance = 1e-12, niterEM = 200,
                          msMaxIter = 500, maxIter = 500)
RICHARDSON <- list(eps = 1e-4, d = 0.01, zero.tol = 1e-9, r = 6, v = 2)


# The model's table, with factors
table_of <- function(model) {
  data <- read.csv(file.path(HERE, "..", "..", "data", paste0(model$data, ".csv")))
  for (name in names(model$factors)) {
    levels <- unlist(model$factors[[name]])
    if (is.null(levels)) levels <- sort(unique(data[[name]]))
    data[[name]] <- factor(data[[name]], levels)
  }
  data
}


# theta at the optimum: bobyqa's, then Newton's method for those that are not at their bound
polished <- function(deviance, theta, lower) {
  free <- which(theta > lower + 1e-6)
  at <- function(x) deviance(replace(theta, free, x))
  last <- Inf
  for (step in seq_len(if (length(free)) 8 else 0)) {
    gradient <- numDeriv::grad(at, theta[free], method.args = RICHARDSON)
    hessian <- numDeriv::hessian(at, theta[free], method.args = RICHARDSON)
    move <- solve(hessian, gradient)
    if (max(abs(move)) > last) break                  # nothing but rounding is left
    last <- max(abs(move))
    theta[free] <- theta[free] - move
  }
  theta
}


# lmer's fit with theta at the polished optimum; its call is one that lmerTest can refit
fit_lmer <- function(model, data, reml) {
  formula <- as.formula(model$formula)
  parts <- lFormula(formula, data, REML = reml, control = CONTROL)
  deviance <- do.call(mkLmerDevfun, parts)
  search <- optimizeLmer(deviance, optimizer = "bobyqa", control = CONTROL$optCtrl)
  theta <- polished(deviance, search$par, environment(deviance)$lower)
  best <- list(par = theta, fval = deviance(theta), conv = 0, feval = NA, message = "polished")
  call <- bquote(lme4::lmer(formula = .(formula), data = observations, REML = .(reml),
                            control = CONTROL))
  mkMerMod(environment(deviance), best, parts$reTrms, fr = parts$fr, mc = call)
}


# A table's rows as records, the row's name in the column `name`
rows <- function(table, name = "term") {
  table <- as.data.frame(table)
  if (!is.null(name)) table <- cbind(setNames(list(rownames(table)), name), table)
  rownames(table) <- NULL
  table
}


estimates <- function(fit, reml) {
  ranef <- lapply(lme4::ranef(fit, condVar = FALSE), function(u)
    list(levels = I(rownames(u)), values = unname(as.matrix(u)), cols = I(colnames(u))))
  list(
    criterion = if (reml) lme4::REMLcrit(fit) else deviance(fit),
    logLik = as.numeric(logLik(fit)),
    npar = attr(logLik(fit), "df"),
    AIC = AIC(fit),
    BIC = BIC(fit),
    theta = as.list(getME(fit, "theta")),
    sigma = sigma(fit),
    fixef = as.list(lme4::fixef(fit)),
    se = as.list(sqrt(diag(as.matrix(vcov(fit))))),
    vcov = unname(as.matrix(vcov(fit))),
    varcorr = rows(as.data.frame(lme4::VarCorr(fit)), NULL),
    singular = isSingular(fit),
    ranef = ranef)
}


tests <- function(fit, ddf) {
  table <- function(type) rows(anova(fit, type = type, ddf = ddf))
  list(coef = rows(coef(summary(fit, ddf = ddf))), anova1 = table(1), anova3 = table(3))
}


means <- function(fit, factor, df) {
  formula <- as.formula(paste("pairwise ~", factor))
  both <- suppressMessages(emmeans(fit, formula, lmer.df = df, adjust = "tukey"))
  list(
    emmeans = rows(both$emmeans, NULL),
    pairs = rows(both$contrasts, NULL),
    pairs_ci = rows(confint(both$contrasts), NULL))
}


with_nlme <- function(model) {
  call <- bquote(nlme::lme(.(as.formula(model$nlme$fixed)), data = observations,
                           random = .(str2lang(model$nlme$random)), na.action = na.omit,
                           control = CONTROL_LME))
  fit <- eval(call)
  list(
    logLik = as.numeric(logLik(fit)),
    sigma = fit$sigma,
    tTable = rows(summary(fit)$tTable),
    anova_sequential = rows(anova(fit)),
    anova_marginal = rows(anova(fit, type = "marginal")))
}


profile_limits <- function(model) {
  fit <- lme4::lmer(as.formula(model$formula), observations)
  confint(fit, oldNames = FALSE, quiet = TRUE)
}


# All of a model's results
results <- function(name) {
  model <- MODELS[[name]]
  data <- table_of(model)
  assign("observations", data, globalenv())           # where refits look for it
  fit <- fit_lmer(model, data, TRUE)
  tested <- as_lmerModLmerTest(fit)
  out <- list(
    model = name,
    R = paste(R.version$major, R.version$minor, sep = "."),
    packages = sapply(PACKAGES, function(p) format(packageVersion(p)), simplify = FALSE),
    n = nobs(fit),
    REML = estimates(fit, TRUE),
    ML = estimates(fit_lmer(model, data, FALSE), FALSE),
    satterthwaite = c(tests(tested, "Satterthwaite"), list(ranova = rows(ranova(tested)))),
    kenward_roger = c(tests(tested, "Kenward-Roger"),
                      list(vcovAdj = unname(as.matrix(vcovAdj(fit))))))
  for (factor in unlist(model$means)) for (df in c("satterthwaite", "kenward-roger"))
    out$emmeans[[paste0(factor, "|", df)]] <- means(tested, factor, df)
  if (!is.null(model$nlme)) out$nlme <- with_nlme(model)
  if (isTRUE(model$profile)) out$profile_ci <- rows(profile_limits(model), "par")
  out
}


main <- function(arguments) {
  at <- match("--out", arguments)
  folder <- if (is.na(at)) HERE else arguments[at + 1]
  names <- if (is.na(at)) arguments else arguments[-c(at, at + 1)]
  unknown <- setdiff(names, names(MODELS))
  if (length(unknown)) stop("not in models.json: ", paste(unknown, collapse = ", "))
  for (name in if (length(names)) names else names(MODELS)) {
    text <- jsonlite::toJSON(results(name), digits = I(15), auto_unbox = TRUE, null = "null",
                             na = "null", pretty = TRUE)
    writeLines(text, file.path(folder, paste0(name, ".json")))
    message(name)
  }
}

main(commandArgs(TRUE))
