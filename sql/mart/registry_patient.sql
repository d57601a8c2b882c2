/*
grain = "one row per curated patient, in the study or not"
inputs = ["curated.patient", "curated.primary_tumour", "mart.vital_status", "mart.exclusion"]
parameters = []
*/
WITH tumour AS (
    -- Of several primary tumours the first.
    SELECT *
    FROM curated.primary_tumour
    QUALIFY row_number() OVER (PARTITION BY patient_id ORDER BY dx_date, source_record_id, tumour_id) = 1
),

described AS (
    SELECT
        patient.patient_id,
        patient.facility_id,
        -- Completed years; the age that the facility stored only where a date is missing.
        coalesce(date_sub('year', patient.birth_date, tumour.dx_date), tumour.age_at_diagnosis_years) AS age_years,
        tumour.figo_stage,
        regexp_extract(tumour.figo_stage, '^(IV|III|II|I)', 1) AS figo_group,
        tumour.histology_group,
        tumour.dx_date,
        coalesce(tumour.dx_date_lower, tumour.dx_date) AS dx_date_lower,
        patient.has_consent,
        vital_status.is_dead,
        vital_status.end_date,
        patient.patient_id NOT IN (SELECT patient_id FROM mart.exclusion) AS is_in_cohort
    FROM curated.patient
    LEFT JOIN tumour USING (patient_id)
    LEFT JOIN mart.vital_status USING (patient_id)
),

judged AS (
    SELECT
        *,
        CASE
            WHEN NOT has_consent THEN 'Consent refused or withdrawn'
            WHEN dx_date IS NULL THEN 'No diagnosis of a primary tumour on record'
            WHEN end_date IS NULL AND is_dead THEN 'The death has no date'
            WHEN end_date IS NULL THEN 'No evidence of life after the diagnosis on record'
            WHEN end_date < dx_date_lower THEN 'Observation ends before the diagnosis'
        END AS exclusion_reason
    FROM described
)

SELECT
    patient_id,
    facility_id,
    age_years,
    CASE WHEN age_years < 50 THEN '<50' WHEN age_years < 65 THEN '50-64' WHEN age_years >= 65 THEN '65+' END
        AS age_group,
    figo_stage,
    figo_group,
    histology_group,
    year(dx_date) AS dx_year,
    is_dead,
    -- A diagnosis known to the year may have its middle after the end: at most day 0 is claimed then.
    CASE WHEN exclusion_reason IS NULL THEN greatest(end_date - dx_date, 0) END AS last_known_days,
    exclusion_reason,
    is_in_cohort
FROM judged
