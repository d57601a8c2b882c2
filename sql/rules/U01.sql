/*
table = "followup"
other_table = "death"
severity = "error"
items = ["contact_date", "is_alive"]
message = "A contact with a living patient cannot lie after her death, and follow-up begins with the local therapy. Correct the date of the contact or of death, or the vital status."
category = "plausibility/temporal"
source = "N,C; dates as in CCR IF743"
[thresholds]
administrative_days = 7
[[passing]]
death = [{patient_id = "P1", death_date = 2018-04-10}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-01-10, is_alive = true}, {followup_id = "F2", patient_id = "P1", contact_date = 2018-05-10, is_alive = false}]
[[failing]]
death = [{patient_id = "P1", death_date = 2018-04-10}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-05-10, is_alive = true}]
[[failing]]
_severity = "warning"
death = [{patient_id = "P1", death_date = 2018-04-10}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-04-12}]
[[failing]]
_severity = "warning"
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2016-05-01, is_alive = true}]
[[passing]]
death = [{patient_id = "P1", death_date = 2018-04-10}]
lrt_course = [{lrt_id = "C1", patient_id = "P2", start_date = 2017-05-01}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-04-10, is_alive = true}, {followup_id = "F2", patient_id = "P2", contact_date = 2017-05-01, is_alive = true}]
[[failing]]
death = [{patient_id = "P1", death_date = 2018-04-10}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-04-12, is_alive = true}]
[[failing]]
_severity = "warning"
_rows = 2
death = [{patient_id = "P1", death_date = 2018-04-01}, {patient_id = "P2", death_date = 2018-04-10}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-04-15, contact_date_precision = "month", contact_date_lower = 2018-04-01, contact_date_upper = 2018-04-30, is_alive = true}, {followup_id = "F2", patient_id = "P2", contact_date = 2018-04-17}]
*/
WITH started AS (
    SELECT patient_id, min(start_date_lower) AS first_day FROM screened.lrt_course
    WHERE start_date IS NOT NULL GROUP BY patient_id
)
SELECT f._row_id,
       coalesce(f.contact_date_upper > d.death_date_lower, false) AND f.is_alive IS DISTINCT FROM false
           OR coalesce(f.contact_date_upper < s.first_day, false) AS is_violated,
       CASE WHEN f.contact_date_lower > d.death_date_upper
             AND (f.is_alive OR f.contact_date_lower > d.death_date_upper + $administrative_days)
            THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN f.contact_date_upper > d.death_date_lower THEN d._row_id END AS other_row_id
FROM screened.followup AS f
LEFT JOIN screened.death AS d USING (patient_id) LEFT JOIN started AS s USING (patient_id)
WHERE f.contact_date IS NOT NULL
