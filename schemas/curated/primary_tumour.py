"""The cervical cancer that the metastases came from."""

from datetime import date

import polars as pl

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, integer, partial_date, real, text
from schemas.disease import expressions as judge
from schemas.table import Rule, table

MODEL = table(
    "curated.primary_tumour",
    "One row per primary tumour of a patient.",
    key=["tumour_id"],
    columns=[
        c.tumour_id,
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        *partial_date("dx", "Date of diagnosis of the primary tumour", is_required=True),
        integer(
            "age_at_diagnosis_years",
            "Age at diagnosis as stored by the facility",
            "years",
            minimum=0,
            maximum=130,
            is_quasi_identifier=True,
        ),
        text(
            "topography_code",
            "ICD-O-3 topography, C53.0, C53.1, C53.8 or C53.9 (rule V07)",
            is_identifying=True,
        ),
        text("morphology_code", "ICD-O-3 morphology with behaviour, 8070/3", is_identifying=True),
        text("morphology_text", "Histology in the facility's words", is_free_text=True),
        coded("histology_group", codes.HISTOLOGY_GROUP, "Histology, grouped"),
        coded("grade_code", codes.GRADE, "Differentiation grade"),
        coded("basis_code", codes.DIAGNOSIS_BASIS, "Most valid basis of diagnosis"),
        coded("figo_stage", codes.FIGO_STAGE, "FIGO stage as recorded"),
        coded("figo_edition", codes.FIGO_EDITION, "Edition of FIGO that the stage was given by"),
        coded("figo_method", codes.FIGO_METHOD, "Clinical, imaging or pathological stage"),
        boolean("is_restaged", "The stage was given again by a later edition"),
        real("tumour_size_mm", "Largest diameter of the primary tumour", "mm", minimum=0, maximum=300),
        coded("pelvic_ln", codes.NODE_STATUS, "Pelvic lymph nodes"),
        coded("paraaortic_ln", codes.NODE_STATUS, "Para-aortic lymph nodes"),
        real(
            "scc_ag_ng_ml",
            "Squamous cell carcinoma antigen at diagnosis",
            "ng/mL",
            minimum=0,
            maximum=100_000,
        ),
        text("scc_ag_method", "Assay that the antigen was measured with", is_identifying=True),
        *partial_date("scc_ag", "Date of the squamous cell carcinoma antigen"),
        coded("lvsi", codes.PRESENCE, "Lymphovascular space invasion"),
        coded("hpv", codes.NODE_STATUS, "Human papillomavirus"),
    ],
    rules=[
        Rule(
            "V07",
            "error",
            ("topography_code",),
            "The topography is not the cervix. Write C53.0, C53.1, C53.8 or C53.9, or leave the patient out.",
            lambda _: pl.col("topography_code").is_in(list(codes.TOPOGRAPHY.codes)),
            "conformance/value",
            "A,J",
            passing=({"topography_code": "C53.9"},),
            failing=({"topography_code": "C54.1"},),
        ),
        Rule(
            "V08",
            "error",
            ("morphology_code",),
            "The morphology is not an invasive ICD-O-3 code. Write four digits, a slash and behaviour 3 (8070/3);"
            " in-situ tumours (/2) do not belong here.",
            lambda _: pl.col("morphology_code").str.contains(r"\A[0-9]{4}/3\z"),
            "conformance/value",
            "J,C; IARC/ENCR check behaviour/histology",
            passing=({"morphology_code": "8070/3"},),
            failing=(
                {"morphology_code": "8077/2"},
                {"morphology_code": "807/3"},
                {"morphology_code": "8070/3\n"},
            ),
        ),
        Rule(
            "V09",
            "warning",
            ("morphology_code",),
            "The morphology does not occur in the cervix or is very rare there (small cell, melanoma, sarcoma)."
            " Confirm it against the pathology report.",
            lambda _: judge.is_usual_cervix_morphology(),
            "plausibility/atemporal",
            "C Rare; IARC/ENCR check site/histology",
            passing=({"morphology_code": "8140/3"},),
            failing=({"morphology_code": "8041/3"}, {"morphology_code": "9500/3"}),
        ),
        Rule(
            "V10",
            "warning",
            ("histology_group", "morphology_code"),
            "Histology group and morphology code disagree. Correct one of them.",
            lambda _: pl.col("histology_group") == judge.histology_of_morphology(),
            "plausibility/atemporal",
            "P",
            suggest=lambda _: judge.histology_of_morphology(),
            passing=({"histology_group": "scc", "morphology_code": "8071/3"},),
            failing=({"histology_group": "scc", "morphology_code": "8560/3"},),
        ),
        Rule(
            "V11",
            "error",
            ("basis_code", "morphology_code"),
            "A specific morphology needs a microscopic basis of diagnosis (5 to 8); without one only 8000/3 or"
            " 8010/3 can be coded.",
            lambda _: judge.has_microscopic_basis() | judge.morphology_number().is_between(8000, 8010),
            "conformance/relational",
            "C basis; IARC/ENCR check basis of diagnosis/histology",
            passing=(
                {"basis_code": "7", "morphology_code": "8070/3"},
                {"basis_code": "1", "morphology_code": "8010/3"},
            ),
            failing=({"basis_code": "1", "morphology_code": "8070/3"},),
        ),
        Rule(
            "V12",
            "error",
            ("grade_code", "morphology_code"),
            "The grade does not fit the morphology: grades 1 to 4 or 9 for carcinomas, 4 for undifferentiated ones"
            " (8020, 8021), none for in-situ tumours, 5 to 8 only for lymphomas.",
            lambda _: judge.is_grade_possible(),
            "conformance/relational",
            "C; IARC/ENCR check grade/histology",
            passing=(
                {"grade_code": "2", "morphology_code": "8070/3"},
                {"grade_code": "4", "morphology_code": "8020/3"},
            ),
            failing=(
                {"grade_code": "6", "morphology_code": "8070/3"},
                {"grade_code": "2", "morphology_code": "8020/3"},
                {"grade_code": "1", "morphology_code": "8077/2"},
            ),
        ),
        Rule(
            "V13",
            "error",
            ("figo_stage", "figo_edition"),
            "The FIGO stage does not exist in the edition named: IB3 and IIIC only since 2018, IIA1 and IIA2 only"
            " since 2009. Correct the stage or the edition.",
            lambda _: judge.is_stage_of_edition(),
            "conformance/relational",
            "F",
            passing=({"figo_stage": "IIIC1r", "figo_edition": "2018"},),
            failing=(
                {"figo_stage": "IIIC1r", "figo_edition": "2009"},
                {"figo_stage": "IIA1", "figo_edition": "1994"},
            ),
        ),
        Rule(
            "V14",
            "error",
            ("figo_edition", "dx_date"),
            "The stage needs the edition of FIGO that it was given by (1994, 2009 or 2018); a stage by FIGO 2018"
            " before October 2018 needs the mark that it was given again.",
            lambda _: pl.when(pl.col("figo_stage").is_not_null()).then(pl.col("figo_edition").is_not_null()),
            "completeness",
            "F",
            passing=(
                {"figo_stage": "IB1", "figo_edition": "2009", "dx_date": date(2015, 1, 1)},
                {
                    "figo_stage": "IB3",
                    "figo_edition": "2018",
                    "dx_date": date(2015, 1, 1),
                    "is_restaged": True,
                },
            ),
            failing=(
                {"figo_stage": "IB1"},
                {
                    "figo_stage": "IB3",
                    "figo_edition": "2018",
                    "dx_date": date(2015, 1, 1),
                    "_severity": "warning",
                },
            ),
            warning=lambda _: judge.is_edition_in_force(),
        ),
        Rule(
            "V15",
            "warning",
            ("tumour_size_mm", "figo_stage", "figo_edition"),
            "Tumour size and FIGO stage disagree (limits 20 and 40 mm, tolerance {tolerance_mm} mm). Check size,"
            " unit, stage and edition.",
            lambda parameters: judge.does_size_fit_stage(parameters["tolerance_mm"]),
            "plausibility/atemporal",
            "F",
            passing=(
                {"tumour_size_mm": 41.0, "figo_stage": "IB2", "figo_edition": "2018"},
                {"tumour_size_mm": 38.0, "figo_stage": "IB1", "figo_edition": "2009"},
            ),
            failing=(
                {"tumour_size_mm": 38.0, "figo_stage": "IB1", "figo_edition": "2018"},
                {"tumour_size_mm": 30.0, "figo_stage": "IIA2", "figo_edition": "2018"},
            ),
            thresholds={"tolerance_mm": 1.0},
        ),
        Rule(
            "V16",
            "warning",
            ("figo_stage", "paraaortic_ln", "figo_method"),
            "Stage IIIC needs the notation r or p; IIIC1 means negative, IIIC2 positive para-aortic nodes. Complete"
            " or correct the stage.",
            lambda _: judge.is_stage_iiic_consistent(),
            "conformance/relational",
            "F",
            passing=(
                {"figo_stage": "IIIC2p", "paraaortic_ln": "pos"},
                {"figo_stage": "IIIC1", "figo_method": "r"},
            ),
            failing=(
                {"figo_stage": "IIIC1"},
                {"figo_stage": "IIIC1r", "paraaortic_ln": "pos"},
                {"figo_stage": "IIIC2r", "paraaortic_ln": "neg"},
            ),
        ),
        Rule(
            "V20",
            "warning",
            ("scc_ag_ng_ml",),
            "The squamous cell carcinoma antigen cannot be (below 0 or above {impossible_above} ng/mL), is unusual"
            " (above {verify_above} ng/mL, above {adeno_verify_above} in adenocarcinoma), or has no assay named"
            " although other patients' have. Check value and unit, and name the assay.",
            lambda parameters: judge.is_scc_ag_usual(parameters) & judge.is_assay_named(),
            "plausibility/atemporal",
            "P",
            passing=(
                {"scc_ag_ng_ml": 12.5},
                {"scc_ag_ng_ml": 3.0, "histology_group": "adeno"},
                {"scc_ag_ng_ml": 3.0, "scc_ag_method": "CLIA"},
            ),
            failing=(
                {"scc_ag_ng_ml": -1.0},
                {"scc_ag_ng_ml": 120.0},
                {"scc_ag_ng_ml": 4000.0},
                {"scc_ag_ng_ml": 40.0, "histology_group": "adeno"},
                {"scc_ag_ng_ml": 3.0, "_others": [{"scc_ag_ng_ml": 3.0, "scc_ag_method": "CLIA"}]},
            ),
            thresholds={"verify_above": 70.0, "adeno_verify_above": 15.0, "impossible_above": 1000.0},
            version=2,
        ),
        Rule(
            "V25",
            "warning",
            ("tumour_size_mm",),
            "A tumour size of 0 mm says that there was no mass, or that nobody measured it. Give the size, or map 0 as"
            " unknown.",
            lambda _: pl.col("tumour_size_mm") > 0,
            "plausibility/atemporal",
            "N: tumour size 000",
            passing=({"tumour_size_mm": 0.5},),
            failing=({"tumour_size_mm": 0.0},),
        ),
    ],
)
