# Curves, medians, means, tests, causes, states, delayed entry. Run: Rscript survival.R DATA_FOLDER NUMBERS_FOLDER
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(here, "common.R"))
suppressPackageStartupMessages(library(cmprsk))

curve <- function(name, fit, times) {
  s <- summary(fit, times = times)
  for (i in seq_along(times)) {
    at <- paste0(name, ".", times[i], ".")
    keep(paste0(at, "survival"), s$surv[i]); keep(paste0(at, "lower"), s$lower[i]); keep(paste0(at, "upper"), s$upper[i])
  }
}
median_of <- function(name, fit) {
  q <- quantile(fit, 0.5)
  keep(paste0(name, ".median"), unname(q$quantile)); keep(paste0(name, ".lower"), unname(q$lower))
  keep(paste0(name, ".upper"), unname(q$upper))
}
test_of <- function(name, fit) {
  keep(paste0(name, ".chi_square"), fit$chisq)
  groups <- if (is.matrix(fit$obs)) nrow(fit$obs) else length(fit$obs)
  keep(paste0(name, ".p"), pchisq(fit$chisq, groups - 1, lower.tail = FALSE))
}
mean_of <- function(name, fit, tau) {
  row <- summary(fit, rmean = tau)$table
  keep(paste0(name, ".mean"), row[["rmean"]]); keep(paste0(name, ".error"), row[["se(rmean)"]])
}

sets <- list(
  lung = list(d = data_set("lung"), g = "ecog", s = "sex", tau = 700, at = c(180, 365, 730)),
  gbsg2 = list(d = data_set("gbsg2"), g = "grade", s = "hormone", tau = 2000, at = c(365, 1000, 2000)),
  larynx = list(d = data_set("larynx"), g = "stage", s = "stage", tau = 6, at = c(1, 3, 6)),
  registry = list(d = data_set("registry"), g = "facility", s = "group", tau = 730, at = c(180, 365, 1000))
)
for (name in names(sets)) {
  one <- sets[[name]]; d <- one$d; d$g <- d[[one$g]]; d$s <- d[[one$s]]
  for (type in c("log-log", "log", "plain"))
    curve(paste0(name, ".km.", type), survfit(Surv(time, event) ~ 1, d, conf.type = type), one$at)
  curve(paste0(name, ".km90"), survfit(Surv(time, event) ~ 1, d, conf.type = "log-log", conf.int = 0.9), one$at)
  median_of(paste0(name, ".median"), survfit(Surv(time, event) ~ 1, d, conf.type = "log-log"))
  median_of(paste0(name, ".reverse"), survfit(Surv(time, 1 - event) ~ 1, d, conf.type = "log-log"))
  mean_of(paste0(name, ".mean"), survfit(Surv(time, event) ~ 1, d), one$tau)
  test_of(paste0(name, ".logrank"), survdiff(Surv(time, event) ~ g, d))
  test_of(paste0(name, ".peto"), survdiff(Surv(time, event) ~ g, d, rho = 1))
  if (one$g != one$s) test_of(paste0(name, ".stratified"), survdiff(Surv(time, event) ~ g + strata(s), d))
}

d <- sets$registry$d
late <- survfit(Surv(entry, time, event) ~ 1, d, conf.type = "log-log")
curve("registry.entry", late, c(180, 365, 1000))
mean_of("registry.mean_entry", survfit(Surv(entry, time, event) ~ 1, d), 730)
# Gray's score with delayed entry from its definition, over R's curves; finegray's weights of a group hold at its own events only
d$what <- factor(d$cause, 0:2)
for (cause in 1:2) {
  at <- sort(unique(d$first[d$cause == cause]))
  remaining <- sapply(c("a", "b"), function(g) {
    fit <- survfit(Surv(entry, first, what) ~ 1, d[d$group == g, ], id = id)
    before <- findInterval(at, fit$time, left.open = TRUE)
    left <- c(1, fit$pstate[, 1])[before + 1]; gone <- c(0, fit$pstate[, cause + 1])[before + 1]
    sapply(at, function(t) sum(d$group == g & d$entry < t & d$first >= t)) * (1 - gone) / left
  })
  events <- sapply(at, function(t) c(all = sum(d$cause == cause & d$first == t), b = sum(d$cause == cause & d$first == t & d$group == "b")))
  keep(paste0("registry.gray_entry.", cause, ".score"), sum(events["b", ] - events["all", ] * remaining[, "b"] / rowSums(remaining)))
}
d$facility_group <- d$group
ci <- cuminc(d$first, d$cause, d$group)
for (cause in 1:2) for (g in c("a", "b")) {
  own <- timepoints(ci[paste(g, cause)], c(180, 365, 1000))
  for (k in 1:3) {
    keep(paste("registry.incidence", g, cause, colnames(own$est)[k], "estimate", sep = "."), own$est[1, k])
    keep(paste("registry.incidence", g, cause, colnames(own$est)[k], "variance", sep = "."), own$var[1, k])
  }
}
for (cause in 1:2) keep(paste0("registry.gray.", cause, ".chi_square"), ci$Tests[cause, "stat"])
facility <- cuminc(d$first, d$cause, d$facility)
for (cause in 1:2) keep(paste0("registry.gray_facility.", cause, ".chi_square"), facility$Tests[cause, "stat"])
delayed <- survfit(Surv(entry, first, factor(cause, 0:2)) ~ 1, d, id = id)
s <- summary(delayed, times = c(180, 365, 1000))
for (i in 1:3) keep(paste0("registry.incidence_entry.", s$time[i]), s$pstate[i, 2])

# states: treated, progressed, death; the intervals of course_intervals
progressed <- d$cause == 1 & (d$progressed < d$time | (d$progressed == d$time & d$event == 0))
first <- data.frame(
  id = d$id, start = 0, stop = ifelse(progressed, d$progressed, d$time), state = "treated",
  entered = ifelse(progressed, "progressed", ifelse(d$event == 1, "death", "censored"))
)
later <- with(d[progressed & d$progressed < d$time, ], data.frame(
  id = id, start = progressed, stop = time, state = "progressed", entered = ifelse(event == 1, "death", "censored")))
course <- rbind(first, later)
course$entered <- factor(course$entered, c("censored", "progressed", "death"))
states <- survfit(Surv(start, stop, entered) ~ 1, course, id = id, istate = state)
s <- summary(states, times = c(180, 365, 1000))
for (i in 1:3) for (k in 1:3) {
  keep(paste("registry.state", states$states[k], s$time[i], "probability", sep = "."), s$pstate[i, k])
  keep(paste("registry.state", states$states[k], s$time[i], "error", sep = "."), s$std.err[i, k])
}
table <- summary(states, rmean = 730)$table
for (k in 1:3) keep(paste("registry.time_in_state", rownames(table)[k], sep = "."), table[k, "rmean"])

for (pair in list(c(0, 19), c(19, 22), c(7, 56))) {
  exact <- binom.test(pair[1], pair[2])$conf.int
  keep(paste("proportion", pair[1], pair[2], "lower", sep = "."), exact[1])
  keep(paste("proportion", pair[1], pair[2], "upper", sep = "."), exact[2])
}
for (count in c(0, 3, 17)) {
  exact <- poisson.test(count, 4.5)$conf.int
  keep(paste("rate", count, "lower", sep = "."), exact[1]); keep(paste("rate", count, "upper", sep = "."), exact[2])
}
keep("fdr", p.adjust(c(0.001, 0.02, 0.021, 0.3, 0.9), "BH"))
write_numbers("survival.json")
