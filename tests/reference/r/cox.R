# Cox models, their tests and predictions, frailty, Fine and Gray. Run: Rscript cox.R DATA_FOLDER NUMBERS_FOLDER
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(here, "common.R"))
suppressPackageStartupMessages(library(cmprsk))
tight <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)

model <- function(name, fit, robust = FALSE) {
  for (term in names(coef(fit))) {
    j <- match(term, names(coef(fit)))
    keep(paste(name, term, "coefficient", sep = "."), coef(fit)[[j]])
    keep(paste(name, term, "error", sep = "."), sqrt(diag(vcov(fit)))[[j]])
  }
  keep(paste0(name, ".log_likelihood_null"), fit$loglik[1]); keep(paste0(name, ".log_likelihood"), fit$loglik[2])
  keep(paste0(name, ".concordance"), unname(fit$concordance["concordance"]))
  keep(paste0(name, ".concordance_error"), unname(fit$concordance["std"]))
}
tests <- function(name, fit, d) {
  for (transform in c("km", "rank", "identity")) {
    single <- cox.zph(fit, transform, terms = FALSE)$table
    for (term in rownames(single)) keep(paste(name, "ph", transform, term, sep = "."), single[term, "chisq"])
  }
  whole <- cox.zph(fit, "km")$table
  for (term in setdiff(rownames(whole), "GLOBAL")) keep(paste(name, "ph_factor", term, sep = "."), whole[term, "chisq"])
  dropped <- drop1(fit, test = "Chisq")
  for (term in rownames(dropped)[-1]) keep(paste(name, "ratio", term, sep = "."), dropped[term, "LRT"])
  for (term in names(fit$assign)) {
    at <- fit$assign[[term]]
    keep(paste(name, "wald", term, sep = "."), drop(coef(fit)[at] %*% solve(vcov(fit)[at, at], coef(fit)[at])))
  }
}
predicted <- function(name, fit, rows, times) {
  s <- summary(survfit(fit, newdata = rows), times = times)
  for (k in seq_len(nrow(rows))) for (i in seq_along(times)) {
    at <- paste(name, "predicted", k - 1, times[i], sep = ".")
    keep(paste0(at, ".survival"), as.matrix(s$surv)[i, k]); keep(paste0(at, ".error"), as.matrix(s$std.err)[i, k])
    keep(paste0(at, ".lower"), as.matrix(s$lower)[i, k]); keep(paste0(at, ".upper"), as.matrix(s$upper)[i, k])
  }
}

lung <- data_set("lung"); gbsg <- data_set("gbsg2"); larynx <- data_set("larynx"); d <- data_set("registry")
fits <- list(
  lung = coxph(Surv(time, event) ~ age + sex + ecog, lung, control = tight),
  gbsg2 = coxph(Surv(time, event) ~ age + nodes + size + grade + hormone, gbsg, control = tight),
  larynx = coxph(Surv(time, event) ~ age + stage, larynx, control = tight),
  registry = coxph(Surv(time, event) ~ x + group, d, control = tight)
)
frames <- list(lung = lung, gbsg2 = gbsg, larynx = larynx, registry = d)
for (name in names(fits)) { model(name, fits[[name]]); tests(name, fits[[name]], frames[[name]]) }
model("breslow", coxph(Surv(time, event) ~ x + group, d, ties = "breslow", control = tight))
model("strata", coxph(Surv(time, event) ~ x + group + strata(facility), d, control = tight))
model("entry", coxph(Surv(entry, time, event) ~ x + group, d, control = tight))
model("cluster", coxph(Surv(time, event) ~ x + group, d, cluster = patient, control = tight))
model("weighted", coxph(Surv(time, event) ~ x + group, d, weights = weight, robust = TRUE, control = tight))
model("weighted_cluster", coxph(Surv(time, event) ~ x + group, d, weights = weight, cluster = patient, control = tight))
model("weighted_breslow", coxph(Surv(time, event) ~ x + group, d, weights = weight, robust = TRUE, ties = "breslow", control = tight))
dfbeta <- residuals(fits$registry, "dfbeta"); for (i in c(1, 50, 400)) keep(paste0("registry.dfbeta.", i - 1), dfbeta[i, 1])
scaled <- cox.zph(fits$registry, "identity", terms = FALSE); keep("registry.schoenfeld_first", scaled$y[1, 1])

rows <- data.frame(age = c(60, 75), sex = c(1, 2), ecog = factor(c("e0", "e2"), levels(lung$ecog)))
predicted("lung", fits$lung, rows, c(200, 400))
stratified <- coxph(Surv(time, event) ~ age + ecog + strata(sex), lung, control = tight)
predicted("lung_strata", stratified, data.frame(age = 60, ecog = factor("e1", levels(lung$ecog)), sex = 2), c(200, 400))
late <- coxph(Surv(entry, time, event) ~ x + group, d, control = tight)
predicted("entry", late, data.frame(x = c(-1, 1), group = c("a", "b")), c(200, 400))
for (name in levels(lung$ecog)) {
  everybody <- lung; everybody$ecog <- factor(name, levels(lung$ecog))
  keep(paste0("lung.standardised.", name), mean(summary(survfit(fits$lung, newdata = everybody), times = 400)$surv))
}
# Brier score and area under the curve with censoring weights, written down from their definitions
surv <- drop(summary(survfit(fits$lung, newdata = lung), times = 400)$surv)
g <- survfit(Surv(time, 1 - event) ~ 1, lung)
before <- function(t) c(1, g$surv)[findInterval(t, g$time, left.open = TRUE) + 1]
weight <- ifelse(lung$time > 400, 1 / summary(g, times = 400)$surv, ifelse(lung$event == 1, 1 / before(lung$time), 0))
keep("lung.brier", mean(weight * ((lung$time > 400) - surv)^2))
case <- lung$time <= 400 & lung$event == 1; control <- lung$time > 400
pair <- outer(weight[case], weight[control])
win <- outer(surv[case], surv[control], function(a, b) (a < b) + 0.5 * (a == b))
keep("lung.auc", sum(pair * win) / sum(pair))

frailty_fit <- coxph(Surv(time, event) ~ x + group + frailty(facility, distribution = "gamma", method = "em", eps = 1e-11),
  d, control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 500, outer.max = 200))
keep("frailty.variance", frailty_fit$history[[1]]$theta)
keep("frailty.log_likelihood", frailty_fit$history[[1]]$c.loglik)
keep("frailty.effect", setNames(exp(frailty_fit$frail), levels(d$facility)))

x <- cbind(x = d$x, b = as.numeric(d$group == "b"))
for (cause in 1:2) {
  fg <- crr(d$first, d$cause, x, failcode = cause, gtol = 1e-12, maxiter = 100)
  for (j in 1:2) {
    keep(paste("fine_gray", cause, colnames(x)[j], "coefficient", sep = "."), fg$coef[[j]])
    keep(paste("fine_gray", cause, colnames(x)[j], "error", sep = "."), sqrt(fg$var[j, j]))
  }
}
d$what <- factor(d$cause, 0:2)
for (cause in 1:2) {
  long <- finegray(Surv(entry, first, what) ~ x + group + id, d, id = id, etype = cause)
  fg <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x + group, long, weights = fgwt, cluster = id, ties = "breslow", control = tight)
  for (j in 1:2) {
    at <- paste("fine_gray_entry", cause, c("x", "b")[j], sep = ".")
    keep(paste0(at, ".coefficient"), coef(fg)[[j]]); keep(paste0(at, ".error"), sqrt(vcov(fg)[j, j]))
  }
}
write_numbers("cox.json")
