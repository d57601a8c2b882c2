/*
grain = "one row per patient who did not refuse consent and whose year of birth is known or follows from her age"
inputs = ["curated.patient", "curated.primary_tumour", "mart.registry_patient", "omop.location", "omop.care_site"]
*/
WITH tumour AS (
    SELECT
        patient_id,
        min(year(dx_date)) AS dx_year,
        min(year(dx_date) - age_at_diagnosis_years) AS birth_year
    FROM curated.primary_tumour
    GROUP BY patient_id
),

birth AS (
    SELECT
        patient.*,
        CAST(
            coalesce(year(birth_date), tumour.birth_year, tumour.dx_year - floor(registry_patient.age_years)) AS INTEGER
        ) AS birth_year
    FROM curated.patient
    LEFT JOIN tumour USING (patient_id)
    LEFT JOIN mart.registry_patient USING (patient_id)
    WHERE patient.has_consent IS DISTINCT FROM false
)

SELECT
    CAST(row_number() OVER (ORDER BY patient_id) AS INTEGER) AS person_id,
    concept('sex:' || sex) AS gender_concept_id,
    birth_year AS year_of_birth,
    CASE WHEN birth_date_precision IN ('day', 'month') THEN month(birth_date) END AS month_of_birth,
    CASE WHEN birth_date_precision = 'day' THEN day(birth_date) END AS day_of_birth,
    0 AS race_concept_id,
    0 AS ethnicity_concept_id,
    location_id,
    care_site_id,
    left(patient_id, 50) AS person_source_value,
    'sex:' || sex AS gender_source_value,
    'patient' AS registry_table,
    patient_id AS registry_id
FROM birth
LEFT JOIN omop.location ON location.registry_id = residence_region
LEFT JOIN omop.care_site ON care_site.registry_id = facility_id
WHERE birth_year IS NOT NULL
