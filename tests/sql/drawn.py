"""The drawn patients that the mart tests start from. Each test redraws the tables that it is about."""

PATIENTS = """
patient_id | sex | birth_date
P1         | F   | 1970-03-10
P2         | F   | 1960-01-01
"""
TUMOURS = """
tumour_id | patient_id | dx_date    | figo_stage | histology_group
T1        | P1         | 2018-03-09 | IIB        | scc
T2        | P2         | 2015-01-01 | IVB        | adeno
"""
EPISODES = """
episode_id | patient_id | is_index | omd_dx_date
E1         | P1         | yes      | 2020-01-01
E2         | P2         | yes      | 2020-06-01
"""
LESIONS = """
lesion_id | episode_id | patient_id | lesion_site | detection_date | lesion_status
L1        | E1         | P1         | lung        | 2020-01-01     | index
L2        | E1         | P1         | scf         | 2020-01-01     | index
L3        | E2         | P2         | scf         | 2020-06-01     | index
"""
EXAMS = """
exam_id | patient_id | exam_date  | imaging_modality
X1      | P1         | 2020-01-01 | ct
X2      | P2         | 2020-06-01 | petct
"""
MEASUREMENTS = """
measurement_id | exam_id | lesion_id | patient_id | long_axis_mm | short_axis_mm | series_role
M1             | X1      | L1        | P1         | 15.0         | 11            | baseline
M2             | X1      | L2        | P1         | 12.0         | 9             | baseline
M3             | X2      | L3        | P2         | 15.1         | 14            | baseline
"""
COURSES = """
lrt_id | episode_id | patient_id | lrt_modality | intent     | start_date | n_fractions_delivered | dose_per_fraction_gy
R1     | E1         | P1         | rt           | definitive | 2020-02-01 | 5                     | 6
R2     | E2         | P2         | surgery      |            | 2020-07-01 |                       |
"""
FOLLOWUPS = """
followup_id | patient_id | contact_date | followup_source | is_alive | disease_status
F1          | P1         | 2021-02-01   | visit           | yes      | ned
F2          | P2         | 2021-07-01   | visit           | yes      | ned
"""
ELIGIBLE = {
    "patient": PATIENTS,
    "primary_tumour": TUMOURS,
    "omd_episode": EPISODES,
    "lesion": LESIONS,
    "imaging_exam": EXAMS,
    "measurement": MEASUREMENTS,
    "lrt_course": COURSES,
    "followup": FOLLOWUPS,
}
