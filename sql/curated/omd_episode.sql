/*
grain = "One row per episode of oligometastatic disease of a patient."
inputs = ["screened.omd_episode"]
parameters = []
*/
SELECT
    episode_id,
    patient_id,
    facility_id,
    episode_number,
    is_index,
    omd_dx_date, omd_dx_date_precision, omd_dx_date_lower, omd_dx_date_upper, omd_dx_date_reason,
    n_lesions_stated,
    lesion_site_group,
    omd_class,
    primary_status,
    active_systemic,
    history_polymet,
    history_omd,
    has_progressive_lesion,
    has_concurrent_regional,
    imaging_basis,
    ecog,
    scc_ag_ng_ml
FROM screened.omd_episode
