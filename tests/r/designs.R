# What lme4, lmerTest, pbkrtest and emmeans say of many models, in one process.
#   Rscript tests/r/designs.R FILE
# A line of FILE is a model as JSON (`as_json` in designs.py); a line of the output is its answer.

suppressPackageStartupMessages({
  library(lme4)
  library(lmerTest)
  library(pbkrtest)
  library(emmeans)
})
options(warn = -1, show.error.messages = FALSE, contrasts = c("contr.treatment", "contr.poly"))
emm_options(msg.interaction = FALSE, msg.nesting = FALSE)

column <- function(given) {
  if (given$kind == "factor") factor(given$values, levels = given$levels)
  else if (given$kind == "ordered") factor(given$values, levels = given$levels, ordered = TRUE)
  else if (given$kind == "logical") as.logical(given$values)
  else as.numeric(given$values)
}

table_of <- function(columns) {
  values <- lapply(columns, column)
  structure(values, row.names = seq_along(values[[1]]), class = "data.frame")
}

# The arguments of lmer, without its control.
arguments <- function(model) {
  data <- table_of(model$data)
  out <- list(as.formula(model$formula, env = globalenv()), data = data, REML = model$reml)
  if (!is.null(model$weights)) out$weights <- data[[model$weights]]
  if (!is.null(model$offset)) out$offset <- data[[model$offset]]
  if (length(model$contrasts)) out$contrasts <- as.list(model$contrasts)
  out
}

control <- function(...) lmerControl(..., calc.derivs = FALSE, check.conv.singular = "ignore")

criterion <- function(fit) unname(fit@devcomp$cmp[if (isREML(fit)) "REML" else "dev"])

# Newton's method with numerical derivatives, from the better of two optima to the last digits.
# It minds no bounds: a column of T and its negative are the same covariance.
# `left` is what a further step promises.
polished <- function(deviance, theta, lower) {
  best <- deviance(theta)
  for (i in 1:12) {
    H <- numDeriv::hessian(deviance, theta)
    unit <- 1 / sqrt(pmax(abs(diag(H)), 1e-8 * max(abs(H))))
    parts <- eigen((H + t(H)) / 2 * outer(unit, unit))
    keep <- parts$values > 1e-7 * max(parts$values)
    vectors <- parts$vectors[, keep, drop = FALSE]
    along <- crossprod(vectors, unit * numDeriv::grad(deviance, theta))
    step <- as.vector(-unit * (vectors %*% (along / parts$values[keep])))
    left <- sum(along^2 / parts$values[keep])
    if (left < 1e-15) break
    lengths <- c(1, 0.5, 0.1)
    there <- sapply(lengths, function(length) deviance(theta + length * step))
    if (!any(there <= best + 1e-10)) break
    theta <- theta + lengths[which.min(there)] * step
    best <- min(there)
  }
  column <- cumsum(lower == 0)
  list(theta = theta * ifelse(theta[lower == 0] < 0, -1, 1)[column], left = left)
}

optimum <- function(given) {
  default <- do.call(lmerTest::lmer, c(given, list(control = control())))
  tight <- control(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
  other <- do.call(lmerTest::lmer, c(given, list(control = tight)))
  best <- if (criterion(default) < criterion(other)) default else other
  deviance <- do.call(lme4::lmer, c(given, list(control = control(), devFunOnly = TRUE)))
  end <- polished(deviance, best@theta, best@lower)
  there <- list(start = end$theta, control = control(optimizer = NULL))
  fit <- do.call(lmerTest::lmer, c(given, there))
  criteria <- c(criterion(default), criterion(other), criterion(fit))
  if (criteria[3] > min(criteria) + 1e-8) fit <- best
  list(fit = fit, criteria = criteria, left = end$left)
}

or_error <- function(what) {
  tryCatch(suppressMessages(what), error = function(e) list(error = conditionMessage(e)))
}

# V w without V.
times_V <- function(fit, w) {
  weights <- weights(fit)
  ZL <- getME(fit, "Lambdat") %*% getME(fit, "Zt")
  sigma(fit)^2 * as.vector(crossprod(ZL, ZL %*% w) + w / weights)
}

coefficients <- function(fit, ddf) {
  out <- summary(fit, ddf = ddf)$coefficients
  list(estimate = out[, 1], se = out[, 2], df = out[, 3], t = out[, 4], p = out[, 5])
}

tests <- function(fit, type, ddf) {
  out <- anova(fit, type = type, ddf = ddf)
  list(term = rownames(out), num_df = out$NumDF, den_df = out$DenDF, F = out$`F value`,
       p = out$`Pr(>F)`)
}

# Type 3 tests by the functions of emmeans, which do not depend on the coding; covariates at 0.
# (Its own F has 3 decimals.)
joint <- function(fit, ddf) {
  L <- attr(joint_tests(fit, cov.reduce = function(x) c(-1, 1)), "est.fcns")
  out <- do.call(rbind, lapply(L, function(rows) contestMD(fit, rows, ddf = ddf)))
  list(term = names(L), num_df = out$NumDF, den_df = out$DenDF, F = out$`F value`, p = out$`Pr(>F)`)
}

means <- function(fit, factors, df) {
  spec <- as.formula(paste("~", paste0("`", factors, "`", collapse = " + ")))
  grid <- emmeans(fit, spec, lmer.df = df, cov.keep = character(0))
  table <- as.data.frame(summary(grid))
  labels <- do.call(paste, c(lapply(table[seq_along(factors)], as.character), sep = "|"))
  pairwise <- as.data.frame(summary(pairs(grid), infer = c(FALSE, TRUE)))
  list(level = labels, mean = table$emmean, se = table$SE, df = table$df,
       pair_estimate = pairwise$estimate, pair_se = pairwise$SE, pair_df = pairwise$df,
       pair_t = pairwise[[grep("ratio", names(pairwise))]], pair_p = pairwise$p.value)
}

blups <- function(fit) {
  effects <- ranef(fit, condVar = FALSE)
  groups <- getME(fit, "flist")
  lapply(setNames(nm = names(effects)), function(g) {
    as.matrix(effects[[g]])[as.integer(groups[[g]]), , drop = FALSE]
  })
}

answer <- function(model) {
  found <- optimum(arguments(model))
  fit <- found$fit
  w <- sin(seq_len(nobs(fit)))
  methods <- c("satterthwaite", if (model$reml && is.null(model$weights)) "kenward-roger")
  ddf <- c(satterthwaite = "Satterthwaite", `kenward-roger` = "Kenward-Roger")
  X <- getME(fit, "X")
  out <- list(criteria = found$criteria, left = found$left, X = unname(X),
              dropped = length(attr(X, "col.dropped")), sigma2 = sigma(fit)^2, Vw = times_V(fit, w),
              beta = I(unname(fixef(fit))), fitted = unname(fitted(fit)), blups = blups(fit))
  out$condition <- or_error(kappa(fit@vcov_varpar, exact = TRUE))
  if (length(methods) > 1) out$smallest <- or_error(attr(vcovAdj(fit), "condi"))
  for (method in methods) {
    out$coefs[[method]] <- or_error(coefficients(fit, ddf[[method]]))
    types <- if (method == "satterthwaite") 1:3 else model$kr_types
    for (type in types) {
      out$anova[[paste(type, method)]] <- or_error(tests(fit, type, ddf[[method]]))
    }
    if (model$joint) out$anova[[paste("joint", method)]] <- or_error(joint(fit, ddf[[method]]))
    for (factors in model$means) out$means[[paste(factors, method)]] <-
      or_error(means(fit, strsplit(factors, ":", fixed = TRUE)[[1]], method))
  }
  out
}

lines <- file(commandArgs(TRUE)[1], "r", encoding = "UTF-8")
while (length(line <- readLines(lines, 1))) {
  model <- jsonlite::fromJSON(line)
  out <- or_error(answer(model))
  cat(jsonlite::toJSON(out, auto_unbox = TRUE, digits = NA, na = "null", matrix = "columnmajor"))
  cat("\n")
  flush(stdout())
}
