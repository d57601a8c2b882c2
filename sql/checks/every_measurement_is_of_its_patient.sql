/*
sentence = "A measurement, its lesion and its examination belong to the same patient"
inputs = ["curated.measurement", "curated.lesion", "curated.imaging_exam"]
*/
SELECT
    count(*) FILTER (
        measurement.patient_id IS DISTINCT FROM lesion.patient_id
        OR measurement.patient_id IS DISTINCT FROM imaging_exam.patient_id
    ) AS n_violated,
    count(*) AS n_denominator
FROM curated.measurement
LEFT JOIN curated.lesion USING (lesion_id)
LEFT JOIN curated.imaging_exam USING (exam_id)
