/*
table = "event"
other_table = "death"
severity = "error"
items = ["event_date"]
message = "The event lies after the patient's death, or after her last contact. Correct the date of the event or of death, or send the later contact."
category = "plausibility/temporal"
source = "D"
[[passing]]
death = [{patient_id = "P1", death_date = 2018-04-10}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2018-01-01}]
[[failing]]
death = [{patient_id = "P1", death_date = 2018-04-10}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2018-05-01}]
[[failing]]
_severity = "warning"
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2017-05-10}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2018-05-01}]
[[passing]]
_judged = 2
death = [{patient_id = "P1", death_date = 2018-04-10}]
followup = [{followup_id = "F2", patient_id = "P2", contact_date = 2018-04-10}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2018-04-10}, {event_id = "V2", patient_id = "P2", event_type = "polymet", event_date = 2018-04-10}, {event_id = "V3", patient_id = "P3", event_type = "polymet", event_date = 2018-04-10}]
[[failing]]
_severity = "warning"
death = [{patient_id = "P1", death_date = 2018-04-01}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2018-04-15, event_date_precision = "month", event_date_lower = 2018-04-01, event_date_upper = 2018-04-30}]
*/
WITH contact AS (
    SELECT patient_id, max(contact_date_upper) AS latest FROM screened.followup
    WHERE contact_date IS NOT NULL GROUP BY patient_id
)
SELECT v._row_id,
       coalesce(v.event_date_upper > d.death_date_lower, false)
           OR (d.death_date IS NULL AND coalesce(v.event_date_lower > f.latest, false)) AS is_violated,
       CASE WHEN v.event_date_lower > d.death_date_upper THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN v.event_date_upper > d.death_date_lower THEN d._row_id END AS other_row_id
FROM screened.event AS v
LEFT JOIN screened.death AS d USING (patient_id) LEFT JOIN contact AS f USING (patient_id)
WHERE v.event_date IS NOT NULL AND (d.death_date IS NOT NULL OR f.latest IS NOT NULL)
