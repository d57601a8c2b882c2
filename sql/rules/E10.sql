/*
table = "omd_episode"
no_second_record = "it asks for records that are not there"
severity = "error"
items = ["has_concurrent_regional"]
message = "The mark of a pelvic or para-aortic recurrence treated at the same time must agree with the regional recurrences sent (treated, within {window_days} days of the episode). Send the recurrence or correct the mark."
category = "conformance/relational"
source = "A"
version = 2
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
[[failing]]
_severity = "warning"
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, has_concurrent_regional = true}]
[[failing]]
_severity = "warning"
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, has_concurrent_regional = true}]
regional_recurrence = [{regional_recurrence_id = "R1", patient_id = "P1", regional_site = "pelvic", dx_date = 2017-07-01, dx_date_precision = "year", dx_date_lower = 2017-01-01, dx_date_upper = 2017-12-31}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, has_concurrent_regional = false}]
regional_recurrence = [{regional_recurrence_id = "R1", patient_id = "P1", regional_site = "vaginal", dx_date = 2017-04-10}, {regional_recurrence_id = "R2", patient_id = "P1", regional_site = "pelvic", dx_date = 2017-04-10, is_treated = false}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, has_concurrent_regional = true}, {episode_id = "E2", patient_id = "P2", omd_dx_date = 2017-04-10, has_concurrent_regional = true}, {episode_id = "E3", patient_id = "P3", omd_dx_date = 2017-04-10, has_concurrent_regional = false}, {episode_id = "E4", patient_id = "P4", omd_dx_date = 2017-04-10}]
regional_recurrence = [{regional_recurrence_id = "R1", patient_id = "P1", regional_site = "pelvic", dx_date = 2017-07-09}, {regional_recurrence_id = "R2", patient_id = "P2", regional_site = "pelvic", dx_date = 2017-01-10}, {regional_recurrence_id = "R3", patient_id = "P3", regional_site = "pelvic", dx_date = 2016-01-10}, {regional_recurrence_id = "R4", patient_id = "P4", regional_site = "pelvic", dx_date = 2017-04-10}]
[[failing]]
_rows = 3
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, has_concurrent_regional = false}, {episode_id = "E2", patient_id = "P2", omd_dx_date = 2017-04-10, has_concurrent_regional = false}, {episode_id = "E3", patient_id = "P3", omd_dx_date = 2017-04-10, has_concurrent_regional = true}]
regional_recurrence = [{regional_recurrence_id = "R1", patient_id = "P1", regional_site = "pelvic", dx_date = 2017-07-09}, {regional_recurrence_id = "R2", patient_id = "P2", regional_site = "pelvic", dx_date = 2017-01-10}, {regional_recurrence_id = "R3", patient_id = "P3", regional_site = "pelvic", dx_date = 2016-01-10}]
*/
WITH near AS (
    SELECT e._row_id, any_value(e.has_concurrent_regional) AS is_marked, any_value(e.facility_id) AS facility_id,
           coalesce(bool_or(r.dx_date_lower <= e.omd_dx_date_upper + $window_days
                            AND r.dx_date_upper >= e.omd_dx_date_lower - $window_days), false) AS is_perhaps_near,
           coalesce(bool_or(r.dx_date_upper <= e.omd_dx_date_lower + $window_days
                            AND r.dx_date_lower >= e.omd_dx_date_upper - $window_days), false) AS is_surely_near
    FROM screened.omd_episode AS e
    LEFT JOIN screened.regional_recurrence AS r
      ON r.patient_id = e.patient_id AND r.is_treated IS DISTINCT FROM false
     AND r.regional_site IN ('paraaortic', 'pelvic')
    WHERE e.has_concurrent_regional IS NOT NULL AND e.omd_dx_date IS NOT NULL
    GROUP BY e._row_id
)
SELECT _row_id, CASE WHEN is_marked THEN NOT is_surely_near ELSE is_perhaps_near END AS is_violated,
       -- A facility that sends no regional recurrence at all is asked for it; its mark is not called wrong.
       CASE WHEN EXISTS (SELECT 1 FROM screened.regional_recurrence AS r
                         WHERE r.facility_id IS NOT DISTINCT FROM near.facility_id)
             AND CASE WHEN is_marked THEN NOT is_perhaps_near ELSE is_surely_near END
            THEN 'error' ELSE 'warning' END AS severity
FROM near
