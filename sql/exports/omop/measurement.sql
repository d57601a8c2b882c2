/*
grain = "one row per number or finding measured of a lesion, primary tumour, episode, course or adverse effect"
inputs = [
    "omop.person", "omop.condition_occurrence", "omop.procedure_occurrence", "curated.measurement",
    "curated.imaging_exam", "curated.primary_tumour", "curated.omd_episode", "curated.lrt_course", "curated.toxicity",
]
*/
WITH measured AS (
    SELECT
        'measurement' AS registry_table, measurement_id AS registry_id, measurement.patient_id, exam_date AS day,
        'lesion' AS of_table, lesion_id AS of_id,
        unnest([
            {'source': 'long_axis_mm', 'number': long_axis_mm, 'unit': 'mm', 'operator': size_qualifier, 'code': NULL},
            {'source': 'short_axis_mm', 'number': short_axis_mm, 'unit': 'mm', 'operator': NULL, 'code': NULL},
            {'source': 'third_axis_mm', 'number': third_axis_mm, 'unit': 'mm', 'operator': NULL, 'code': NULL},
            {'source': 'suvmax', 'number': suvmax, 'unit': NULL, 'operator': NULL, 'code': NULL}
        ]) AS result
    FROM curated.measurement
    LEFT JOIN curated.imaging_exam USING (exam_id)
    UNION ALL
    SELECT
        'primary_tumour', tumour_id, patient_id, dx_date, 'primary_tumour', tumour_id,
        unnest([
            {'source': 'tumour_size_mm', 'number': tumour_size_mm, 'unit': 'mm', 'operator': NULL, 'code': NULL},
            {'source': 'figo_stage', 'number': NULL, 'unit': NULL, 'operator': NULL, 'code': figo_stage},
            {'source': 'grade_code', 'number': NULL, 'unit': NULL, 'operator': NULL, 'code': grade_code},
            {'source': 'pelvic_ln', 'number': NULL, 'unit': NULL, 'operator': NULL, 'code': pelvic_ln},
            {'source': 'paraaortic_ln', 'number': NULL, 'unit': NULL, 'operator': NULL, 'code': paraaortic_ln},
            {'source': 'lvsi', 'number': NULL, 'unit': NULL, 'operator': NULL, 'code': lvsi},
            {'source': 'hpv', 'number': NULL, 'unit': NULL, 'operator': NULL, 'code': hpv}
        ])
    FROM curated.primary_tumour
    UNION ALL
    SELECT
        'primary_tumour', tumour_id, patient_id, coalesce(scc_ag_date, dx_date), 'primary_tumour', tumour_id,
        {'source': 'scc_ag_ng_ml', 'number': scc_ag_ng_ml, 'unit': 'ng/mL', 'operator': NULL, 'code': NULL}
    FROM curated.primary_tumour
    UNION ALL
    SELECT
        'omd_episode', episode_id, patient_id, omd_dx_date, NULL, NULL,
        unnest([
            {'source': 'ecog', 'number': CAST(ecog AS DOUBLE), 'unit': NULL, 'operator': NULL, 'code': NULL},
            {'source': 'scc_ag_ng_ml', 'number': scc_ag_ng_ml, 'unit': 'ng/mL', 'operator': NULL, 'code': NULL}
        ])
    FROM curated.omd_episode
    UNION ALL
    SELECT
        'lrt_course', lrt_id, patient_id, start_date, 'lrt_course', lrt_id,
        unnest([
            {'source': 'total_dose_gy', 'number': total_dose_gy, 'unit': 'Gy', 'operator': NULL, 'code': NULL},
            {'source': 'margin', 'number': NULL, 'unit': NULL, 'operator': NULL, 'code': margin}
        ])
    FROM curated.lrt_course
    UNION ALL
    SELECT
        'toxicity', toxicity_id, patient_id, onset_date, 'toxicity', toxicity_id,
        {'source': 'grade', 'number': CAST(grade AS DOUBLE), 'unit': NULL, 'operator': NULL, 'code': NULL}
    FROM curated.toxicity
),

event AS (
    SELECT registry_table, registry_id, condition_occurrence_id AS id, concept('field:condition_occurrence') AS field
    FROM omop.condition_occurrence
    UNION ALL
    SELECT registry_table, registry_id, procedure_occurrence_id, concept('field:procedure_occurrence')
    FROM omop.procedure_occurrence
    WHERE registry_table = 'lrt_course'
)

SELECT
    CAST(row_number() OVER (ORDER BY measured.registry_table, measured.registry_id, result.source) AS INTEGER)
        AS measurement_id,
    person_id,
    concept(result.source) AS measurement_concept_id,
    day AS measurement_date,
    concept('record_type:registry') AS measurement_type_concept_id,
    CASE WHEN result.operator IN ('=', '<', '>') THEN concept('size_qualifier:' || result.operator) END
        AS operator_concept_id,
    result.number AS value_as_number,
    CASE WHEN result.code IS NOT NULL THEN concept(result.source || ':' || result.code) END AS value_as_concept_id,
    CASE WHEN result.unit IS NOT NULL THEN concept('unit:' || result.unit) END AS unit_concept_id,
    result.source AS measurement_source_value,
    'unit:' || result.unit AS unit_source_value,
    result.source || ':' || result.code AS value_source_value,
    event.id AS measurement_event_id,
    event.field AS meas_event_field_concept_id,
    measured.registry_table,
    measured.registry_id
FROM measured
INNER JOIN omop.person ON person.registry_id = patient_id
LEFT JOIN event ON event.registry_table = of_table AND event.registry_id = of_id
WHERE day IS NOT NULL AND (result.number IS NOT NULL OR result.code IS NOT NULL)
