/*
table = "omd_episode"
no_second_record = "it asks for records that are not there"
severity = "warning"
items = ["omd_dx_date", "imaging_basis"]
message = "No PET-CT, or CT of chest, abdomen or pelvis, within {window_days} days before the local therapy. Send the staging examination."
category = "completeness"
source = "G"
version = 2
[thresholds]
window_days = 60
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10, imaging_modality = "petct"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2016-04-10, imaging_modality = "petct"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10, imaging_modality = "ct"}]
imaging_region = [{exam_id = "X1", patient_id = "P1", body_region = "neck"}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10}, {episode_id = "E2", patient_id = "P2", omd_dx_date = 2017-04-10}, {episode_id = "E3", patient_id = "P3", omd_dx_date = 2017-04-10}, {episode_id = "E4", patient_id = "P4", omd_dx_date = 2017-04-10}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}, {lrt_id = "C2", episode_id = "E2", patient_id = "P2", start_date = 2017-05-01}, {lrt_id = "C3", episode_id = "E3", patient_id = "P3", start_date = 2017-05-01}, {lrt_id = "C4", episode_id = "E4", patient_id = "P4", start_date = 2017-05-01}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-05-01, imaging_modality = "petct"}, {exam_id = "X2", patient_id = "P2", exam_date = 2017-03-02, imaging_modality = "petct"}, {exam_id = "X3", patient_id = "P3", exam_date = 2017-04-10, imaging_modality = "ct"}, {exam_id = "X4", patient_id = "P4", exam_date = 2017-04-10, imaging_modality = "ct"}]
imaging_region = [{exam_id = "X4", patient_id = "P4", body_region = "chest"}]
*/
WITH started AS (
    SELECT episode_id, min(start_date_lower) AS earliest, min(start_date_upper) AS latest
    FROM screened.lrt_course WHERE start_date IS NOT NULL GROUP BY episode_id
),
covered AS (
    SELECT exam_id, bool_or(coalesce(body_region IN ('chest', 'abdomen', 'pelvis', 'whole_body'), false)) AS is_staging
    FROM screened.imaging_region GROUP BY exam_id
),
staging AS (
    -- a CT whose regions are not said may be of the trunk
    SELECT x.patient_id, x.exam_date_lower, x.exam_date_upper
    FROM screened.imaging_exam AS x LEFT JOIN covered AS r USING (exam_id)
    WHERE x.imaging_modality = 'petct' OR (x.imaging_modality = 'ct' AND coalesce(r.is_staging, true))
)
SELECT e._row_id,
       NOT coalesce(bool_or(x.exam_date_lower <= s.latest AND x.exam_date_upper >= s.earliest - $window_days), false)
           AS is_violated
FROM screened.omd_episode AS e JOIN started AS s USING (episode_id)
LEFT JOIN staging AS x ON x.patient_id = e.patient_id
WHERE EXISTS (SELECT 1 FROM screened.imaging_exam AS i WHERE i.facility_id IS NOT DISTINCT FROM e.facility_id)
GROUP BY e._row_id
