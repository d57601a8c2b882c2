/*
table = "omd_episode"
severity = "warning"
items = ["primary_status", "omd_class"]
message = "A metachronous oligometastatic disease with an uncontrolled primary is unusual. Confirm the status of the primary and the class."
category = "plausibility/atemporal"
source = "G"
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_class = "metachronous_oligorecurrence", primary_status = "controlled"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_class = "metachronous_oligorecurrence", primary_status = "residual"}]
[[passing]]
_judged = 1
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_class = "metachronous_oligorecurrence", primary_status = "controlled"}, {episode_id = "E2", patient_id = "P2", omd_class = "de_novo_synchronous", primary_status = "residual"}]
*/
SELECT _row_id, primary_status = 'residual' AS is_violated
FROM screened.omd_episode
WHERE omd_class LIKE 'metachronous%' AND primary_status IN ('controlled', 'residual')
