"""Judgements of rules that take more than a line.

Belongs here: boolean polars expressions over the columns of one table; True passes, False breaks the rule,
null does not apply. Does not belong here: the rules themselves (the table's file), doses and fractions
(``schemas/disease/therapy_expressions.py``), comparisons of partial dates (``temporal.py``).
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from schemas.disease.wording import NODAL_SITES

_SITE_OF_ICD10 = {
    "C77.0": "scf",
    "C77.1": "mediastinal_ln",
    "C77.2": "paraaortic",
    "C78.0": "lung",
    "C78.1": "mediastinal_ln",
    "C78.7": "liver",
    "C79.3": "brain",
    "C79.5": "bone",
    "C79.7": "adrenal",
}
_TAKEN_BEFORE = (
    (r"锁骨|supra-?\s?clav\w*|clavicular", "=scf="),
    (r"主动脉旁|para-?\s?aortic", "=paraaortic="),
)
_SITE_WORDS = {
    "scf": "=scf=",
    "paraaortic": "=paraaortic=",
    "lung": r"肺|\blungs?\b|\bpulmon",
    "mediastinal_ln": r"纵隔|\bmediastin",
    "liver": r"肝|\bliver\b|\bhepat",
    "bone": r"骨|椎|\bbones?\b|\bosseous\b|\bvertebra|\bspine\b|\bribs?\b",
    "adrenal": r"肾上腺|\badrenal",
    "brain": r"脑|颅内|\bbrain\b|\bcerebr|\blepto\s?mening",
}
_ORGANS = ("lung", "liver", "bone", "adrenal", "brain")
_MIDLINE = ("mediastinal_ln", "liver", "paraaortic")


def morphology_number() -> pl.Expr:
    """The four digits of the ICD-O-3 morphology."""
    return pl.col("morphology_code").str.extract(r"\A([0-9]{4})/").cast(pl.Int64)


def is_usual_cervix_morphology() -> pl.Expr:
    """Within the SEER schema for cervix uteri and none of its rare entities (small cell, melanoma, sarcoma)."""
    number = morphology_number()
    listed = number.is_between(8000, 8700) | number.is_in([8980, 9110])
    return listed & ~number.is_between(8041, 8045)


def histology_of_morphology() -> pl.Expr:
    """Histology group of the ICD-O-3 morphology; null where the code is unspecific (8000 to 8010)."""
    number = morphology_number()
    return (
        pl.when(number.is_between(8000, 8010))
        .then(None)
        .when(number.is_between(8050, 8089))
        .then(pl.lit("scc"))
        .when(number.is_between(8140, 8551))
        .then(pl.lit("adeno"))
        .when(number == 8560)
        .then(pl.lit("adsq"))
        .when(number.is_not_null())
        .then(pl.lit("other"))
    )


def has_microscopic_basis() -> pl.Expr:
    """Cytology or histology (5 to 8); null when the basis is unknown."""
    has_basis = pl.col("basis_code") != "9"
    return pl.when(has_basis).then(pl.col("basis_code").is_in(["5", "6", "7", "8"]))


def is_grade_possible() -> pl.Expr:
    """Grade against behaviour, lineage and the undifferentiated carcinomas (IARC check)."""
    grade, number = pl.col("grade_code"), morphology_number()
    is_invasive = pl.col("morphology_code").str.ends_with("/3")
    is_lymphoid = number >= 9590
    is_undifferentiated = number.is_in([8020, 8021])
    in_situ_fine = is_invasive | (grade == "9")
    lineage_fine = is_lymphoid | ~grade.is_in(["5", "6", "7", "8"])
    return in_situ_fine & lineage_fine & (~is_undifferentiated | (grade == "4"))


def is_stage_of_edition() -> pl.Expr:
    """The FIGO stage exists in the edition named."""
    stage = pl.col("figo_stage")
    since_2018 = stage.str.starts_with("IIIC") | (stage == "IB3")
    since_2009 = stage.is_in(["IIA1", "IIA2"])
    first = pl.when(since_2018).then(2018).when(since_2009).then(2009).otherwise(1994)
    return pl.when(stage.is_not_null()).then(pl.col("figo_edition").cast(pl.Int64, strict=False) >= first)


def is_edition_in_force() -> pl.Expr:
    """FIGO 2018 is not used before October 2018 unless the tumour was staged again."""
    is_early = pl.coalesce("dx_date_upper", "dx_date") < pl.date(2018, 10, 1)
    is_restaged = pl.col("is_restaged").fill_null(False)
    return ~((pl.col("figo_edition") == "2018") & is_early) | is_restaged


def does_size_fit_stage(tolerance_mm: float) -> pl.Expr:
    """Tumour size against the 20 and 40 mm limits of FIGO IB and IIA in the edition named."""
    stage, size, is_2018 = pl.col("figo_stage"), pl.col("tumour_size_mm"), pl.col("figo_edition") == "2018"
    lower = (
        pl.when((stage == "IB2") & is_2018)
        .then(20.0)
        .when(stage.is_in(["IB2", "IB3", "IIA2"]))
        .then(40.0)
        .when(stage.is_in(["IB1", "IIA1"]))
        .then(0.0)
    )
    upper = (
        pl.when((stage == "IB1") & is_2018)
        .then(20.0)
        .when(stage.is_in(["IB1", "IIA1"]) | ((stage == "IB2") & is_2018))
        .then(40.0)
        .otherwise(float("inf"))
    )
    has_edition = pl.col("figo_edition").is_not_null()
    return pl.when(has_edition).then((size >= lower - tolerance_mm) & (size <= upper + tolerance_mm))


def is_stage_iiic_consistent() -> pl.Expr:
    """IIIC carries r or p, and its digit agrees with the para-aortic nodes."""
    stage, nodes = pl.col("figo_stage"), pl.col("paraaortic_ln")
    is_noted = stage.str.contains("[rp]$") | pl.col("figo_method").is_in(["r", "p"]).fill_null(False)
    contradicts = (stage.str.starts_with("IIIC1") & (nodes == "pos")) | (
        stage.str.starts_with("IIIC2") & (nodes == "neg")
    )
    return pl.when(stage.str.starts_with("IIIC")).then(is_noted & ~contradicts.fill_null(False))


def is_scc_ag_usual(thresholds: Mapping[str, Any]) -> pl.Expr:
    """SCC antigen within the usual range, narrower for adenocarcinoma."""
    is_adeno = (pl.col("histology_group") == "adeno").fill_null(False)
    limit = pl.when(is_adeno).then(thresholds["adeno_verify_above"]).otherwise(thresholds["verify_above"])
    return pl.col("scc_ag_ng_ml").is_between(0, pl.min_horizontal(limit, thresholds["impossible_above"]))


def is_assay_named() -> pl.Expr:
    """An antigen names its assay where the facility names any; True where it names none at all."""
    is_sent = pl.col("scc_ag_method").is_not_null().any().over("facility_id")
    named = ~is_sent | pl.col("scc_ag_method").is_not_null()
    return pl.when(pl.col("scc_ag_ng_ml").is_not_null()).then(named)


def does_text_fit_site() -> pl.Expr:
    """The facility's own words name the coded site, or no site that we know; null where there are no words."""
    words = pl.col("lesion_site_text").str.to_lowercase()
    for sound, taken in _TAKEN_BEFORE:  # 锁骨 is no bone, a lung node is none of the mediastinum
        words = words.str.replace_all(sound, taken)
    named = [(pl.lit(site), words.str.contains(pattern)) for site, pattern in _SITE_WORDS.items()]
    is_any = pl.any_horizontal(is_named for _, is_named in named)
    is_own = pl.any_horizontal(is_named & (pl.col("lesion_site") == site) for site, is_named in named)
    return pl.when(words.is_not_null() & pl.col("lesion_site").is_not_null()).then(~is_any | is_own)


def is_side_possible() -> pl.Expr:
    """A side where the site has one, none where it lies in the midline."""
    side, site = pl.col("laterality"), pl.col("lesion_site")
    return (
        pl.when(site.is_in(["scf", "lung"]))
        .then(side.is_in(["L", "R"]).fill_null(True))
        .when(site.is_in(list(_MIDLINE)))
        .then(~side.is_in(["L", "R"]).fill_null(False))
    )


def site_of_icd10() -> pl.Expr:
    """The site that the ICD-10 code of the secondary neoplasm names; null where it says nothing."""
    code = pl.col("icd10_secondary_code").str.to_uppercase().str.extract(r"\A(C7[789])\.?", 1)
    digit = pl.col("icd10_secondary_code").str.extract(r"\A[Cc]7[789]\.?([0-9])", 1)
    return (code + "." + digit).replace_strict(_SITE_OF_ICD10, default=None, return_dtype=pl.String)


def does_icd10_fit_site() -> pl.Expr:
    """The ICD-10 code of the secondary neoplasm names the lesion's site; True where it says nothing."""
    return (site_of_icd10() == pl.col("lesion_site")).fill_null(True)


def does_node_fit_site() -> pl.Expr:
    """Nodal sites are nodes and organs are not; True where the mark is missing."""
    site, is_node = pl.col("lesion_site"), pl.col("is_node")
    is_expected_node = (
        pl.when(site.is_in(list(NODAL_SITES))).then(True).when(site.is_in(list(_ORGANS))).then(False)
    )
    return (is_node == is_expected_node).fill_null(True)


def is_paraaortic_regional() -> pl.Expr:
    """A para-aortic node has the status of regional disease."""
    is_paraaortic = (pl.col("lesion_site") == "paraaortic") | (
        pl.col("icd10_secondary_code").str.contains(r"\A[Cc]77\.?2").fill_null(False)
    )
    return ~is_paraaortic | (pl.col("lesion_status") == "regional").fill_null(False)


def are_axes_ordered() -> pl.Expr:
    """long >= short >= third, as far as they are given."""
    long, short, third = pl.col("long_axis_mm"), pl.col("short_axis_mm"), pl.col("third_axis_mm")
    next_longest = pl.coalesce(short, long)
    judged = (long >= short).fill_null(True) & (next_longest >= third).fill_null(True)
    return pl.when(long.is_not_null() & (short.is_not_null() | third.is_not_null())).then(judged)


def axes_in_order() -> pl.Expr:
    """The diameters from the longest to the shortest, as text."""
    axes = pl.concat_list("long_axis_mm", "short_axis_mm", "third_axis_mm").list.drop_nulls()
    ordered = axes.list.sort(descending=True)
    return ordered.list.eval(pl.element().cast(pl.String)).list.join(" x ") + " mm"


def are_bounds_ordered() -> pl.Expr:
    """lower <= size <= upper, as far as they are given."""
    lower, size, upper = pl.col("size_lower_mm"), pl.col("long_axis_mm"), pl.col("size_upper_mm")
    judged = (
        (lower <= upper).fill_null(True) & (lower <= size).fill_null(True) & (size <= upper).fill_null(True)
    )
    return pl.when(lower.is_not_null() | upper.is_not_null()).then(judged)
