/*
grain = "one row per analysed patient, at the index episode"
inputs = [
    "mart.registry_patient", "mart.index_episode", "mart.index_lesion", "curated.omd_episode",
    "curated.primary_tumour", "curated.regional_recurrence",
]
parameters = ["cutpoint_mm", "days_per_month", "synchronous_months"]
*/
WITH lesions AS (
    SELECT
        patient_id,
        count(diameter_mm) AS n_lesions_measured,
        max(diameter_mm) AS max_diameter_mm,
        CASE WHEN count(diameter_mm) = count(*) THEN sum(diameter_mm) END AS sum_diameter_mm,
        list(DISTINCT lesion_site_group) AS site_groups
    FROM mart.index_lesion
    GROUP BY patient_id
),

tumour AS (
    SELECT patient_id, min(dx_date) AS primary_dx_date FROM curated.primary_tumour GROUP BY patient_id
),

joined AS (
    SELECT
        index_episode.*,
        registry_patient.* EXCLUDE (patient_id, facility_id),
        lesions.* EXCLUDE (patient_id),
        tumour.primary_dx_date,
        omd_episode.lesion_site_group AS stated_site_group,
        omd_episode.history_polymet,
        omd_episode.history_omd,
        omd_episode.active_systemic,
        omd_episode.has_progressive_lesion,
        coalesce(
            omd_episode.has_concurrent_regional,
            EXISTS (
                FROM curated.regional_recurrence AS recurrence
                WHERE
                    recurrence.patient_id = index_episode.patient_id
                    AND recurrence.is_treated
                    AND abs(recurrence.dx_date - index_episode.omd_dx_date) <= 90
            )
        ) AS has_concurrent_regional,
        (index_episode.omd_dx_date - tumour.primary_dx_date) / $days_per_month AS months_primary_to_omd
    FROM mart.registry_patient
    INNER JOIN mart.index_episode USING (patient_id)
    INNER JOIN lesions USING (patient_id)
    INNER JOIN curated.omd_episode USING (episode_id)
    LEFT JOIN tumour ON tumour.patient_id = index_episode.patient_id
    WHERE registry_patient.is_in_cohort
),

grouped AS (
    SELECT
        *,
        -- The group that the facility states, if a lesion lies there; else supraclavicular when all
        -- lesions are, lung when any is, other.
        CASE
            WHEN list_contains(site_groups, stated_site_group) THEN stated_site_group
            WHEN site_groups = ['scf'] THEN 'scf'
            WHEN list_contains(site_groups, 'lung') THEN 'lung'
            ELSE 'other'
        END AS lesion_site_group,
        CASE
            WHEN history_polymet = 'yes' THEN 'induced'
            WHEN history_polymet = 'no' AND history_omd = 'yes' THEN 'repeat'
            WHEN history_polymet = 'no' AND history_omd = 'no' THEN 'de_novo'
        END AS omd_history,
        -- Stable lesions under therapy persist; a first oligometastatic disease cannot, it is new.
        CASE
            WHEN active_systemic = 'no' THEN 'oligorecurrence'
            WHEN active_systemic = 'yes' AND (has_progressive_lesion OR omd_history = 'de_novo') THEN 'oligoprogression'
            WHEN active_systemic = 'yes' AND NOT has_progressive_lesion THEN 'oligopersistence'
        END AS omd_course
    FROM joined
)

SELECT
    patient_id,
    facility_id,
    episode_id,
    lesion_site_group,
    CASE WHEN lesion_site_group = 'scf' THEN 'scf' ELSE 'non_scf' END AS scf_vs_other,
    n_lesions,
    max_diameter_mm,
    sum_diameter_mm,
    n_lesions_measured,
    max_diameter_mm <= $cutpoint_mm AS is_small,
    CASE WHEN max_diameter_mm <= $cutpoint_mm THEN 'small' WHEN max_diameter_mm > $cutpoint_mm THEN 'large' END
        AS size_group,
    age_years,
    age_group,
    figo_stage,
    figo_group,
    histology_group,
    lrt_modality,
    months_primary_to_omd,
    has_concurrent_regional,
    CASE
        WHEN omd_history = 'de_novo' AND months_primary_to_omd <= $synchronous_months THEN 'de_novo_synchronous'
        WHEN omd_history = 'de_novo' AND months_primary_to_omd IS NOT NULL THEN 'metachronous_' || omd_course
        WHEN omd_history IN ('repeat', 'induced') THEN omd_history || '_' || omd_course
    END AS omd_class,
    bed10_gy,
    primary_dx_date,
    omd_dx_date,
    lrt_start_date
FROM grouped
