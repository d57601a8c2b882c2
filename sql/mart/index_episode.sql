/*
grain = "one row per patient with exactly one index episode, in the study or not"
inputs = ["curated.omd_episode", "curated.lesion", "curated.lrt_course"]
parameters = ["alpha_beta_gy"]
*/
WITH episode AS (
    -- An only episode is the index unless the facility says that it is not.
    SELECT *
    FROM curated.omd_episode
    QUALIFY coalesce(is_index, count(*) OVER (PARTITION BY patient_id) = 1)
),

only_index AS (
    SELECT * FROM episode QUALIFY count(*) OVER (PARTITION BY patient_id) = 1
),

lesions AS (
    -- Para-aortic nodes are regional (FIGO 2018, TNM 8) and do not count as oligometastases.
    SELECT
        episode_id,
        count(*) FILTER (coalesce(lesion_status, 'index') = 'index' AND lesion_site <> 'paraaortic') AS n_lesions,
        bool_or(lesion_site = 'brain' OR starts_with(coalesce(icd10_secondary_code, ''), 'C79.3'))
            FILTER (coalesce(lesion_status, 'index') <> 'new') AS has_intracranial
    FROM curated.lesion
    GROUP BY episode_id
),

course AS (
    -- Surgery and ablation are definitive unless stated otherwise; radiotherapy has to say so.
    SELECT
        *,
        coalesce(n_fractions_delivered, n_fractions_planned) AS n_fractions,
        coalesce(dose_per_fraction_gy, total_dose_gy / nullif(n_fractions, 0)) AS fraction_gy
    FROM curated.lrt_course
    WHERE
        (lrt_modality = 'rt' AND intent = 'definitive')
        OR (lrt_modality IN ('surgery', 'ablation') AND coalesce(intent, 'unk') IN ('definitive', 'unk'))
),

therapy AS (
    SELECT
        episode_id,
        min(start_date) AS lrt_start_date,
        first(lrt_modality ORDER BY start_date, source_record_id, lrt_id) AS lrt_modality,
        max(n_fractions * fraction_gy * (1 + fraction_gy / $alpha_beta_gy)) FILTER (lrt_modality = 'rt') AS bed10_gy
    FROM course
    GROUP BY episode_id
)

SELECT
    only_index.patient_id,
    only_index.facility_id,
    only_index.episode_id,
    only_index.omd_dx_date,
    coalesce(lesions.n_lesions, 0) AS n_lesions,
    coalesce(lesions.has_intracranial, false) AS has_intracranial,
    therapy.lrt_start_date,
    therapy.lrt_modality,
    therapy.bed10_gy
FROM only_index
LEFT JOIN lesions USING (episode_id)
LEFT JOIN therapy USING (episode_id)
