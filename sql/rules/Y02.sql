/*
table = "systemic_line"
severity = "warning"
items = ["line_number", "start_date"]
message = "The numbers of the lines after progression do not rise with their dates. Correct the number or the date."
category = "plausibility/temporal"
source = "P"
version = 2
[[passing]]
systemic_line = [{line_id = "S1", patient_id = "P1", line_number = 1, start_date = 2017-01-01}, {line_id = "S2", patient_id = "P1", line_number = 2, start_date = 2018-01-01}]
[[failing]]
systemic_line = [{line_id = "S1", patient_id = "P1", line_number = 2, start_date = 2017-01-01}, {line_id = "S2", patient_id = "P1", line_number = 1, start_date = 2018-01-01}]
[[passing]]
systemic_line = [{line_id = "S1", patient_id = "P1", line_number = 2, start_date = 2017-07-01, start_date_precision = "year", start_date_lower = 2017-01-01, start_date_upper = 2017-12-31}, {line_id = "S2", patient_id = "P1", line_number = 1, start_date = 2017-08-01}]
[[passing]]
_judged = 4
systemic_line = [{line_id = "S1", patient_id = "P1", line_number = 3, start_date = 2016-01-01, systemic_setting = "neo"}, {line_id = "S2", patient_id = "P1", line_number = 1, start_date = 2017-01-01}, {line_id = "S3", patient_id = "P1", line_number = 1, start_date = 2018-01-01}, {line_id = "S4", patient_id = "P2", line_number = 2, start_date = 2017-01-01}, {line_id = "S5", patient_id = "P2", line_number = 1, start_date = 2017-01-01}, {line_id = "S6", patient_id = "P3", line_number = 1, start_date = 2017-01-01}]
*/
WITH line AS (
    SELECT _row_id, patient_id, line_number, start_date_lower, start_date_upper FROM screened.systemic_line
    WHERE line_number IS NOT NULL AND start_date IS NOT NULL
      AND coalesce(systemic_setting, 'post_progression') = 'post_progression'
)
SELECT later._row_id, coalesce(max(earlier.line_number) > any_value(later.line_number), false) AS is_violated,
       format('line {} after line {}', any_value(later.line_number), max(earlier.line_number)) AS detail,
       arg_max(earlier._row_id, earlier.line_number) AS other_row_id
FROM line AS later
LEFT JOIN line AS earlier
  ON earlier.patient_id = later.patient_id AND earlier.start_date_upper < later.start_date_lower
WHERE later.patient_id IN (SELECT patient_id FROM line GROUP BY patient_id HAVING count(*) > 1)
GROUP BY later._row_id
