/*
grain = "one row per facility (and one for the registry) and metric of the cohort that is being made"
inputs = ["mart.cohort", "mart.survival_time"]
parameters = ["days_per_month"]
*/
WITH patient AS (
    SELECT c.patient_id, c.lesion_site_group, s.duration_days, s.event,
           unnest([c.facility_id, 'registry']) AS facility_id
    FROM mart.cohort AS c
    LEFT JOIN mart.survival_time AS s
      ON s.patient_id = c.patient_id AND s.endpoint = 'os' AND s.origin = 'lrt_start'
),
counted AS (
    SELECT facility_id, count(*) AS n,
           avg(CAST(lesion_site_group = 'scf' AS INTEGER)) AS share_scf,
           avg(CAST(lesion_site_group = 'lung' AS INTEGER)) AS share_lung,
           avg(CAST(lesion_site_group = 'other' AS INTEGER)) AS share_other,
           -- the definition 'observed' of result.follow_up: of all patients, dead or alive
           median(duration_days) / $days_per_month AS median_observed_follow_up_months,
           sum(CAST(event = 1 AS INTEGER)) / nullif(sum(duration_days) / 365.25, 0) AS deaths_per_person_year
    FROM patient GROUP BY facility_id
)
SELECT CAST(NULL AS VARCHAR) AS release_id, facility_id, metric, value, n
FROM (UNPIVOT counted ON share_scf, share_lung, share_other, median_observed_follow_up_months, deaths_per_person_year
      INTO NAME metric VALUE value)
