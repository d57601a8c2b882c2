/*
table = "cohort"
scope = "registry"
severity = "warning"
items = ["lesion_site_group"]
inputs = ["mart.cohort", "quality.release_metric"]
message = "The cohort has moved: the share of a site group lies more than three standard errors from the published one (supraclavicular 34, lung 59, other 7 %), or a share, the median follow-up or the deaths per person-year lie more than three standard deviations from the releases before. Check codes and dates, and whether patients are missing."
category = "plausibility/atemporal"
source = "A,Kahn"
version = 2
[thresholds]
minimum_patients = 20
scf_share = 0.34
lung_share = 0.59
other_share = 0.07
deviations = 3
# a mean and a spread need some releases; releases that hardly differ have no spread to compare with
minimum_releases = 5
least_relative_sd = 0.02
[[passing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", lesion_site_group = "scf"}]
_repeat = { table = "mart.cohort", times = 8, also = [{facility_id = "x", lesion_site_group = "lung"}, {facility_id = "x", lesion_site_group = "lung"}, {facility_id = "x", lesion_site_group = "scf"}] }
[[passing]]
"quality.release_metric" = [{facility_id = "registry", metric = "deaths_per_person_year", value = 0.21, n = 90}, {release_id = "r1", facility_id = "registry", metric = "deaths_per_person_year", value = 0.19, n = 90}, {release_id = "r2", facility_id = "registry", metric = "deaths_per_person_year", value = 0.20, n = 90}, {release_id = "r3", facility_id = "registry", metric = "deaths_per_person_year", value = 0.21, n = 90}, {release_id = "r4", facility_id = "registry", metric = "deaths_per_person_year", value = 0.20, n = 90}, {release_id = "r5", facility_id = "registry", metric = "deaths_per_person_year", value = 0.22, n = 90}]
[[passing]]
"quality.release_metric" = [{facility_id = "registry", metric = "deaths_per_person_year", value = 0.40, n = 90}, {release_id = "r1", facility_id = "registry", metric = "deaths_per_person_year", value = 0.20, n = 90}, {release_id = "r2", facility_id = "registry", metric = "deaths_per_person_year", value = 0.20, n = 90}]
_may_judge_nothing = true
[[failing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", lesion_site_group = "other"}]
_rows = 3
_repeat = { table = "mart.cohort", times = 30, also = [{facility_id = "x", lesion_site_group = "other"}] }
[[failing]]
"quality.release_metric" = [{facility_id = "registry", metric = "deaths_per_person_year", value = 0.28, n = 90}, {release_id = "r1", facility_id = "registry", metric = "deaths_per_person_year", value = 0.19, n = 90}, {release_id = "r2", facility_id = "registry", metric = "deaths_per_person_year", value = 0.20, n = 90}, {release_id = "r3", facility_id = "registry", metric = "deaths_per_person_year", value = 0.21, n = 90}, {release_id = "r4", facility_id = "registry", metric = "deaths_per_person_year", value = 0.20, n = 90}, {release_id = "r5", facility_id = "registry", metric = "deaths_per_person_year", value = 0.22, n = 90}]
[[failing]]
"quality.release_metric" = [{facility_id = "x", metric = "median_observed_follow_up_months", value = 31.0, n = 90}, {release_id = "r1", facility_id = "x", metric = "median_observed_follow_up_months", value = 40.0, n = 90}, {release_id = "r2", facility_id = "x", metric = "median_observed_follow_up_months", value = 40.0, n = 90}, {release_id = "r3", facility_id = "x", metric = "median_observed_follow_up_months", value = 40.0, n = 90}, {release_id = "r4", facility_id = "x", metric = "median_observed_follow_up_months", value = 40.0, n = 90}, {release_id = "r5", facility_id = "x", metric = "median_observed_follow_up_months", value = 40.0, n = 90}]
[[passing]]
_parameters = {scf_share = 0.5, lung_share = 0.5, other_share = 0.0, deviations = 0}
"mart.cohort" = []
_repeat = { table = "mart.cohort", times = 10, also = [{facility_id = "x", lesion_site_group = "lung"}, {facility_id = "x", lesion_site_group = "scf"}] }
[[passing]]
_parameters = {deviations = 0}
"quality.release_metric" = [{facility_id = "x", metric = "median_observed_follow_up_months", value = 40.0, n = 20}]
_repeat = { table = "quality.release_metric", times = 5, also = [{release_id = "r", facility_id = "x", metric = "median_observed_follow_up_months", value = 40.0, n = 20}] }
[[failing]]
_rows = 3
"mart.cohort" = []
_repeat = { table = "mart.cohort", times = 20, also = [{facility_id = "x", lesion_site_group = "other"}] }
[[failing]]
"quality.release_metric" = [{facility_id = "x", metric = "median_observed_follow_up_months", value = 31.0, n = 20}]
_repeat = { table = "quality.release_metric", times = 5, also = [{release_id = "r", facility_id = "x", metric = "median_observed_follow_up_months", value = 40.0, n = 20}] }
*/
WITH expected(lesion_site_group, share) AS (
    VALUES ('scf', $scf_share), ('lung', $lung_share), ('other', $other_share)
),
n AS (SELECT count(*) AS total FROM mart.cohort),
history AS (
    SELECT facility_id, metric, count(*) AS n_releases, avg(value) AS mean,
           greatest(stddev_samp(value), $least_relative_sd * abs(avg(value))) AS deviation
    FROM quality.release_metric WHERE release_id IS NOT NULL GROUP BY facility_id, metric
)
SELECT 'registry' AS facility_id, e.lesion_site_group AS record_key,
       abs(count(c.patient_id) / any_value(n.total) - e.share)
           > $deviations * sqrt(e.share * (1 - e.share) / any_value(n.total)) AS is_violated,
       format('{} of {}', count(c.patient_id), any_value(n.total)) AS detail
FROM expected AS e CROSS JOIN n LEFT JOIN mart.cohort AS c USING (lesion_site_group)
WHERE n.total >= $minimum_patients
GROUP BY e.lesion_site_group, e.share
UNION ALL BY NAME
SELECT m.facility_id, m.metric AS record_key, abs(m.value - h.mean) > $deviations * h.deviation AS is_violated,
       format('{}: {:.3f}, before {:.3f} ± {:.3f}', m.metric, m.value, h.mean, h.deviation) AS detail
FROM quality.release_metric AS m JOIN history AS h USING (facility_id, metric)
WHERE m.release_id IS NULL AND h.n_releases >= $minimum_releases AND m.n >= $minimum_patients
