# Growth curves by nls and lme. Run: Rscript growth.R DATA_FOLDER NUMBERS_FOLDER
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(here, "common.R"))
suppressPackageStartupMessages(library(nlme))
d <- data_set("lesions"); tight <- nls.control(maxiter = 500, tol = 2e-7, minFactor = 1e-12)
forms <- list(
  exponential = list(additive = size ~ 15 * exp(k * (months - t)), log = log(size) ~ log(15) + k * (months - t), start = list(t = 8, k = 0.1)),
  linear = list(additive = size ~ 15 + 15 * k * (months - t) , log = log(size) ~ log(15 + 15 * k * (months - t)), start = list(t = 8, k = 0.08)),
  power = list(additive = size ~ 15 * (months / exp(l))^k, log = log(size) ~ log(15) + k * (log(months) - l), start = list(l = 2, k = 0.5))
)
for (form in names(forms)) for (error in c("additive", "log")) {
  fit <- nls(forms[[form]][[error]], d, start = forms[[form]]$start, control = tight)
  months <- if (form == "power") exp(coef(fit)[["l"]]) else coef(fit)[["t"]]
  keep(paste(form, error, "months", sep = "."), months)
  keep(paste(form, error, "residual_sd", sep = "."), summary(fit)$sigma)
  jacobian <- if (error == "log") sum(log(d$size)) else 0
  keep(paste(form, error, "log_likelihood", sep = "."), as.numeric(logLik(fit)) - jacobian)
  error_of <- summary(fit)$coefficients[1, 2]
  keep(paste(form, error, "error", sep = "."), if (form == "power") months * error_of else error_of)
}
s <- data_set("series")
mixed <- lme(log(size) ~ months, s, random = ~ months | lesion, method = "ML",
  control = lmeControl(maxIter = 500, msMaxIter = 500, tolerance = 1e-12, msTol = 1e-14, niterEM = 200, opt = "optim", reltol = 1e-14))
keep("mixed.rate", fixef(mixed)[["months"]]); keep("mixed.log_likelihood", as.numeric(logLik(mixed)))
keep("mixed.rate_error", sqrt(vcov(mixed)[2, 2]))
write_numbers("growth.json")
