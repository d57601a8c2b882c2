/*
table = "omd_episode"
no_second_record = "it counts records of the patient"
severity = "error"
items = ["lesion_site_group"]
message = "The dominant site of the episode is not among the sites of its lesions, or its lesions lie in several site groups. Correct the site, or confirm which group the patient belongs to."
category = "conformance/relational"
source = "A"
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", lesion_site_group = "scf"}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "scf"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", lesion_site_group = "lung"}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "scf"}]
[[failing]]
_severity = "warning"
omd_episode = [{episode_id = "E1", patient_id = "P1", lesion_site_group = "lung"}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "scf"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_site = "lung"}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", lesion_site_group = "scf"}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "scf"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_site = "lung", lesion_status = "new"}]
[[failing]]
_told = {suggestion = "scf"}
omd_episode = [{episode_id = "E1", patient_id = "P1", lesion_site_group = "other"}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "scf"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_site = "paraaortic"}]
*/
WITH site AS (
    SELECT episode_id,
           list_sort(list(DISTINCT CASE WHEN lesion_site IN ('scf', 'lung') THEN lesion_site ELSE 'other' END)) AS groups
    FROM screened.lesion
    WHERE coalesce(lesion_status, 'index') = 'index' AND lesion_site <> 'paraaortic'
    GROUP BY episode_id
)
SELECT e._row_id,
       NOT list_contains(s.groups, e.lesion_site_group) OR len(s.groups) > 1 AS is_violated,
       CASE WHEN list_contains(s.groups, e.lesion_site_group) THEN 'warning' ELSE 'error' END AS severity,
       'lesions: ' || array_to_string(s.groups, ', ') AS detail,
       CASE WHEN len(s.groups) = 1 THEN s.groups[1] END AS suggestion
FROM screened.omd_episode AS e JOIN site AS s USING (episode_id)
WHERE e.lesion_site_group IS NOT NULL
