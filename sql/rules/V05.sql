/*
table = "patient"
scope = "registry"
severity = "warning"
items = ["patient_id"]
inputs = ["quality.patient_pair", "quality.linkage_block"]
message = "Two patients are probably one woman under two numbers. Compare their records and decide: same_person merges them at the next refresh, different_persons keeps them apart."
category = "plausibility/uniqueness"
source = "Kahn uniqueness; Fellegi and Sunter 1969"
version = 3
[thresholds]
minimum_score = 0.9
[[passing]]
"quality.patient_pair" = [{pair_key = "P1|P2", facility_id = "x", other_facility_id = "x", score = 0.4, match_weight = -0.6, birth_date_agreement = "equal", dx_date_agreement = "different", histology_group_agreement = "equal", name_agreement = "unknown", national_id_agreement = "unknown"}]
"quality.linkage_block" = [{blocking_key = "date of birth", n_blocks = 3, n_pairs = 3, n_blocks_cut = 0, n_patients_cut = 0}]
[[passing]]
"quality.patient_pair" = [{pair_key = "P1|P2", facility_id = "x", other_facility_id = "x", score = 0.4, match_weight = -0.6, birth_date_agreement = "equal", dx_date_agreement = "equal", histology_group_agreement = "equal", name_agreement = "different", national_id_agreement = "unknown"}]
[[passing]]
"quality.patient_pair" = [{pair_key = "P1|P2", facility_id = "x", other_facility_id = "x", score = 0.4, match_weight = -0.6, birth_date_agreement = "equal", dx_date_agreement = "equal", histology_group_agreement = "equal", name_agreement = "unknown", national_id_agreement = "different"}]
[[failing]]
"quality.patient_pair" = [{pair_key = "P1|P2", facility_id = "x", other_facility_id = "x", score = 0.95, match_weight = 4.2, birth_date_agreement = "close", dx_date_agreement = "equal", histology_group_agreement = "equal", name_agreement = "equal", national_id_agreement = "unknown"}]
[[failing]]
"quality.patient_pair" = [{pair_key = "P1|P2", facility_id = "x", other_facility_id = "y", score = 0.9, match_weight = 3.2, birth_date_agreement = "equal", dx_date_agreement = "close", histology_group_agreement = "equal", name_agreement = "unknown", national_id_agreement = "unknown"}]
[[failing]]
"quality.patient_pair" = [{pair_key = "P1|P2", facility_id = "x", other_facility_id = "x", score = 0.4, match_weight = -0.6, birth_date_agreement = "equal", dx_date_agreement = "equal", histology_group_agreement = "equal", name_agreement = "unknown", national_id_agreement = "unknown"}]
[[failing]]
_severity = "info"
"quality.linkage_block" = [{blocking_key = "date of birth", n_blocks = 3, n_pairs = 3, n_blocks_cut = 1, n_patients_cut = 250}]
[[failing]]
"quality.linkage_block" = [{blocking_key = "date of birth", n_blocks = 3, n_pairs = 9000000, n_blocks_cut = 0, n_patients_cut = 0, n_pairs_left_out = 2400000}]
[[failing]]
_told = {facility_id = "x", submission_id = "s1", source_file = "a.csv", sheet = "S", source_row = "7"}
"quality.patient_pair" = [{pair_key = "P1|P2", facility_id = "x", other_facility_id = "x", score = 0.95, match_weight = 4.2, birth_date_agreement = "close", dx_date_agreement = "equal", histology_group_agreement = "equal", name_agreement = "equal", national_id_agreement = "unknown", submission_id = "s1", source_file = "a.csv", sheet = "S", source_row = 7, other_source_file = "b.csv", other_sheet = "", other_source_row = 9}]
[[failing]]
_told = {facility_id = "registry", source_file = ""}
"quality.patient_pair" = [{pair_key = "P1|P2", patient_id = "P1", other_patient_id = "P2", facility_id = "x", other_facility_id = "y", score = 0.95, match_weight = 4.2, birth_date_agreement = "close", dx_date_agreement = "equal", histology_group_agreement = "equal", name_agreement = "equal", national_id_agreement = "unknown", source_file = "a.csv", sheet = "", source_row = 7, other_source_file = "b.csv", other_sheet = "T", other_source_row = 9}]
*/
-- A pair within one facility is that facility's finding; one of two facilities is the registry's, for
-- neither may be shown what the other knows.
SELECT
    CASE WHEN facility_id = other_facility_id THEN facility_id ELSE 'registry' END AS facility_id,
    pair_key AS record_key,
    score >= $minimum_score OR (
        birth_date_agreement = 'equal' AND dx_date_agreement = 'equal' AND histology_group_agreement = 'equal'
        AND name_agreement IN ('equal', 'close', 'unknown') AND national_id_agreement IN ('equal', 'unknown')
    ) AS is_violated,
    'warning' AS severity,
    'patient_id' AS items,
    format(
        'score {:.3f}, {:+.1f} bits; birth date {}, diagnosis {}, histology {}, name {}, national number {}; {}',
        score, match_weight, birth_date_agreement, dx_date_agreement, histology_group_agreement, name_agreement,
        national_id_agreement, coalesce(both_places, replace(pair_key, '|', ' and '))
    ) AS detail,
    CASE WHEN facility_id = other_facility_id THEN submission_id END AS submission_id,
    CASE WHEN facility_id = other_facility_id THEN source_file END AS source_file,
    CASE WHEN facility_id = other_facility_id THEN sheet END AS sheet,
    CASE WHEN facility_id = other_facility_id THEN source_row END AS source_row,
    CASE WHEN facility_id = other_facility_id THEN other_place END AS other_row
FROM (
    SELECT *, source_file || coalesce(', sheet ' || nullif(sheet, ''), '') || ', row ' || source_row AS place,
           other_source_file || coalesce(', sheet ' || nullif(other_sheet, ''), '') || ', row ' || other_source_row
               AS other_place,
           -- The registry's finding has no row of its own: it names both in words.
           CASE WHEN facility_id <> other_facility_id
                THEN format('{} ({}: {}) and {} ({}: {})', patient_id, facility_id, place, other_patient_id, other_facility_id, other_place)
           END AS both_places
    FROM quality.patient_pair
)
UNION ALL BY NAME
-- What was not compared is said: a value that too many share recognises nobody.
SELECT
    'registry' AS facility_id,
    'blocking key: ' || blocking_key AS record_key,
    n_blocks_cut > 0 AS is_violated,
    'info' AS severity,
    'patient_id' AS items,
    format('not compared by {}: {} patients in {} groups that are too large', blocking_key, n_patients_cut, n_blocks_cut) AS detail
FROM quality.linkage_block
UNION ALL BY NAME
-- Of too many probable pairs the best are listed, and one finding speaks of the others.
SELECT
    'registry' AS facility_id,
    'probable pairs' AS record_key,
    sum(coalesce(n_pairs_left_out, 0)) > 0 AS is_violated,
    'warning' AS severity,
    'patient_id' AS items,
    format(
        '{} more probable pairs are counted and not listed, which points to one common cause: the same file sent by '
        'two facilities, numbers given twice, or a placeholder in a date',
        CAST(sum(coalesce(n_pairs_left_out, 0)) AS BIGINT)
    ) AS detail
FROM quality.linkage_block
HAVING count(*) > 0
