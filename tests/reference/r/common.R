# What every script here needs: reading a data set, keeping numbers by name, writing them as JSON without a package.
suppressPackageStartupMessages(library(survival))
arguments <- commandArgs(trailingOnly = TRUE)
numbers <- list()

data_set <- function(name) read.csv(file.path(arguments[1], paste0(name, ".csv")), stringsAsFactors = TRUE)

# keep one number, or each of several under the name with their own names behind it
keep <- function(name, value) {
  if (length(value) == 1 && !is.list(value)) value <- unname(value)
  value <- unlist(value)
  if (length(value) == 1 && is.null(names(value))) names(value) <- ""
  for (part in seq_along(value)) {
    own <- names(value)[part]
    key <- if (is.null(own)) paste(name, part, sep = ".") else if (own == "") name else paste(name, own, sep = ".")
    numbers[[key]] <<- unname(value[part])
  }
}

write_numbers <- function(file) {
  keys <- sort(names(numbers), method = "radix")
  values <- vapply(numbers[keys], function(x) if (is.na(x)) "null" else trimws(formatC(x, digits = 15, format = "g")), "")
  lines <- paste0("  \"", keys, "\": ", values)
  writeLines(c("{", paste(lines, collapse = ",\n"), "}"), file.path(arguments[2], file))
}
