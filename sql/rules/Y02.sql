/*
table = "systemic_line"
severity = "warning"
items = ["line_number", "start_date"]
message = "The numbers of the lines after progression do not rise with their dates. Correct the number or the date."
category = "plausibility/temporal"
source = "P"
[[passing]]
systemic_line = [{line_id = "S1", patient_id = "P1", line_number = 1, start_date = 2017-01-01}, {line_id = "S2", patient_id = "P1", line_number = 2, start_date = 2018-01-01}]
[[failing]]
systemic_line = [{line_id = "S1", patient_id = "P1", line_number = 2, start_date = 2017-01-01}, {line_id = "S2", patient_id = "P1", line_number = 1, start_date = 2018-01-01}]
*/
WITH ordered AS (
    SELECT _row_id, line_number, lag(line_number) OVER (PARTITION BY patient_id ORDER BY start_date, _row_id) AS earlier
    FROM screened.systemic_line
    WHERE line_number IS NOT NULL AND start_date IS NOT NULL
      AND coalesce(systemic_setting, 'post_progression') = 'post_progression'
)
SELECT _row_id, line_number < earlier AS is_violated, format('line {} after line {}', line_number, earlier) AS detail
FROM ordered WHERE earlier IS NOT NULL
