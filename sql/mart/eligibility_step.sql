/*
grain = "one row per reason for leaving the study, in the order in which reasons are looked for"
inputs = []
parameters = ["omd_max_lesions", "window_date", "window_start", "window_end"]
*/
-- Eligibility is not validity: except for steps 0 and 1 these patients' records are correct.
SELECT step, rule_id, reason
FROM (VALUES
    (0, NULL, 'The patient''s own record is in quarantine'),
    (1, NULL, 'A record that the analysis rests on is in quarantine'),
    (2, 'E14', 'Consent refused or withdrawn'),
    (3, 'E01', 'No oligometastatic episode on record'),
    (4, 'E01', 'Not exactly one index episode'),
    (5, 'E04', 'Intracranial metastasis'),
    (6, 'E03', 'No index lesion on record'),
    (7, 'E03', 'More than ' || $omd_max_lesions || ' index lesions'),
    (8, 'T03', 'No definitive radiotherapy, surgery or ablation'),
    (
        9,
        'E05',
        CASE $window_date WHEN 'omd_dx' THEN 'Diagnosis of the episode' ELSE 'Start of locoregional therapy' END
        || ' outside ' || CAST($window_start AS DATE) || ' to ' || CAST($window_end AS DATE)
    ),
    (10, 'G01', 'Observation ends before it starts, or a death has no date')
) AS flow (step, rule_id, reason)
