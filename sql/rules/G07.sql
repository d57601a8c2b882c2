/*
table = "cohort"
scope = "registry"
severity = "warning"
items = ["lesion_site_group"]
inputs = ["mart.cohort"]
message = "The share of a site group lies more than three standard errors from that of the published cohort (supraclavicular 34, lung 59, other 7 %). Check site codes and whether patients are missing."
category = "plausibility/atemporal"
source = "A,Kahn"
[thresholds]
minimum_patients = 20
scf_share = 0.34
lung_share = 0.59
other_share = 0.07
[[passing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", lesion_site_group = "scf"}]
_repeat = { table = "mart.cohort", times = 8, also = [{facility_id = "x", lesion_site_group = "lung"}, {facility_id = "x", lesion_site_group = "lung"}, {facility_id = "x", lesion_site_group = "scf"}] }
[[failing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", lesion_site_group = "other"}]
_rows = 3
_repeat = { table = "mart.cohort", times = 30, also = [{facility_id = "x", lesion_site_group = "other"}] }
*/
WITH expected(lesion_site_group, share) AS (
    VALUES ('scf', $scf_share), ('lung', $lung_share), ('other', $other_share)
),
n AS (SELECT count(*) AS total FROM mart.cohort)
SELECT 'registry' AS facility_id, e.lesion_site_group AS record_key,
       abs(count(c.patient_id) / any_value(n.total) - e.share)
           > 3 * sqrt(e.share * (1 - e.share) / any_value(n.total)) AS is_violated,
       format('{} of {}', count(c.patient_id), any_value(n.total)) AS detail
FROM expected AS e CROSS JOIN n LEFT JOIN mart.cohort AS c USING (lesion_site_group)
WHERE n.total >= $minimum_patients
GROUP BY e.lesion_site_group, e.share
