/*
grain = "one row: what the database is"
inputs = []
parameters = ["release", "created", "statement", "vocabulary"]
*/
SELECT
    'Registry of oligometastatic cervical cancer' AS cdm_source_name,
    'OMCC registry' AS cdm_source_abbreviation,
    'Not stated' AS cdm_holder,
    'Release ' || $release || '. ' || $statement AS source_description,
    CAST($created AS DATE) AS source_release_date,
    CAST($created AS DATE) AS cdm_release_date,
    'v5.4' AS cdm_version,
    concept('cdm_version:5.4.0') AS cdm_version_concept_id,
    left($vocabulary, 20) AS vocabulary_version
