"""Survival without covariates: Kaplan-Meier, log-rank, restricted mean, competing risks, cutpoints."""
