/*
table = "omd_episode"
severity = "error"
items = ["has_concurrent_regional"]
message = "The mark of a pelvic or para-aortic recurrence treated at the same time must agree with the regional recurrences sent (treated, within {window_days} days of the episode). Send the recurrence or correct the mark."
category = "conformance/relational"
source = "A"
[thresholds]
window_days = 90
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, has_concurrent_regional = true}]
regional_recurrence = [{regional_recurrence_id = "R1", patient_id = "P1", regional_site = "pelvic", dx_date = 2017-04-01, is_treated = true}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, has_concurrent_regional = true}]
regional_recurrence = [{regional_recurrence_id = "R1", patient_id = "P2", regional_site = "pelvic", dx_date = 2017-04-01, is_treated = true}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, has_concurrent_regional = false}]
regional_recurrence = [{regional_recurrence_id = "R1", patient_id = "P1", regional_site = "paraaortic", dx_date = 2017-04-01, is_treated = true}]
*/
SELECT e._row_id,
       e.has_concurrent_regional <> EXISTS (
           SELECT 1 FROM screened.regional_recurrence AS r WHERE r.patient_id = e.patient_id
             AND r.is_treated IS DISTINCT FROM false AND r.regional_site IN ('paraaortic', 'pelvic')
             AND r.dx_date_lower <= e.omd_dx_date_upper + $window_days
             AND r.dx_date_upper >= e.omd_dx_date_lower - $window_days
       ) AS is_violated
FROM screened.omd_episode AS e
WHERE e.has_concurrent_regional IS NOT NULL AND e.omd_dx_date IS NOT NULL
  AND EXISTS (SELECT 1 FROM screened.regional_recurrence)
