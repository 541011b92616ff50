# Run pieces of R code one after the other in one session, and write what each prints:
#
#     Rscript tests/r/run.R PIECES.json PRINTED.json        (lists of texts; the folder is data/)
#
# Messages and warnings stand where they come. An error is printed as "Error: ...", and ends its
# piece.

options(width = 80, warn = 1)
pdf(NULL)                                             # pictures are drawn, never kept
paths <- commandArgs(TRUE)

attempt <- function(expression) {
  value <- withVisible(eval(expression, globalenv()))
  if (value$visible) print(value$value)
}

printed <- function(code) capture.output(tryCatch(
  withCallingHandlers(
    for (expression in parse(text = code, keep.source = FALSE)) attempt(expression),
    message = function(m) {
      if (!inherits(m, "packageStartupMessage")) cat(conditionMessage(m))
      invokeRestart("muffleMessage")
    },
    warning = function(w) {
      cat("Warning: ", conditionMessage(w), "\n", sep = "")
      invokeRestart("muffleWarning")
    }),
  error = function(e) cat("Error: ", conditionMessage(e), "\n", sep = "")))

pieces <- jsonlite::fromJSON(paths[1])
writeLines(jsonlite::toJSON(lapply(pieces, printed)), paths[2])
