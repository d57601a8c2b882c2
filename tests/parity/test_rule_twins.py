"""Every rule within a table against a second formulation of it in SQL, over drawn and hostile records.

pandera, the rule's own expression and DuckDB have to agree on each record: passes, broken, does not apply.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from registry_pipeline.core.settings import Settings
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, parameters_for, parameters_of
from registry_pipeline.validation.screening.within_table import Outcome, judge_table
from schemas.columns import Column
from schemas.table import Rule, columns_of, rules_of
from tests.support.staged import EXTRACT_DATE, records_of

N = 700
PARAMETERS = parameters_of(Settings(), EXTRACT_DATE)
RULES = {rule.rule_id: (name, rule) for name, model in curated().items() for rule in rules_of(model)}
HOSTILE = (
    "",
    " ",
    "C53.9\n",
    "８０７０/3",
    "8070/３",
    "80٧0/3",
    "8070/3 ",
    "c53.9",
    "ＺＺ1",
    "L\u200b",
    "x' OR 'y",
    "NULL",
)
VALUES: dict[str, tuple[Any, ...]] = {
    "topography_code": ("C53.0", "C53.9", "C54.1", "C53"),
    "morphology_code": ("8070/3", "8077/2", "8000/3", "8010/3", "8020/3", "8041/3", "8140/3", "8560/3", "9500/3", "8700/3",
                        "8701/3", "9590/3", "8070/3\n", "8070/6", "9110/3", "8720/3", "8551/3", "8089/3", "8090/3"),
    "icd10_secondary_code": ("C78.0", "c780", "C77.0", "C77.2", "C7720", "C79.3", "C78.7", "C50.9", "C78", "xC78.0"),
    "lesion_site_text": ("肺", "左锁骨上", "肝右叶", "腰椎", "near the liver, lung", "mediastinum", "nothing known", "RIB",
                         "para-aortic node", "supraclavicular"),
    "source_patient_id": ("0012", "zz7", "Test 1", "attest", "a-test", "测试", "phantom", " demo", "contest"),
    "scc_ag_ng_ml": (-0.1, 0.0, 1.5, 15.0, 15.1, 70.0, 70.1, 1000.0, 2000.0),
    "tumour_size_mm": (0.0, 18.9, 19.0, 20.0, 21.0, 21.1, 39.0, 40.9, 41.0, 41.1, 60.0),
    "long_axis_mm": (0.9, 1.0, 2.9, 3.0, 9.0, 12.0, 100.0, 100.1, 200.0, 200.1),
    "short_axis_mm": (3.0, 9.0, 12.0, 13.0),
    "third_axis_mm": (3.0, 9.0, 12.5),
    "size_lower_mm": (3.0, 9.0, 12.0),
    "size_upper_mm": (3.0, 9.0, 12.0),
    "total_dose_gy": (0.0, 19.9, 20.0, 50.0, 50.5, 50.6, 60.0, 100.0, 100.1, 200.0, 6000.0),
    "dose_per_fraction_gy": (0.4, 0.5, 2.0, 4.9, 5.0, 5.1, 10.0, 34.0, 34.1),
    "n_fractions_planned": (5, 10, 30),
    "dose_gy": (0.0, 0.1, 50.4),
    "n_fractions": (0, 1, 28),
    "n_fractions_delivered": (0, 1, 4, 5, 9, 10, 11, 27, 26, 30, 45, 46),
    "bed10_gy": (100.0, 99.9, 99.8, 72.0, 12.0),
    "eqd2_gy": (83.4, 83.33, 60.0, 83.0),
}  # fmt: skip
_NUMBER = "TRY_CAST(regexp_extract(morphology_code, '^([0-9]{4})/', 1) AS INTEGER)"
_TEXT = "replace(replace(lower(lesion_site_text), '锁骨', '@'), 'supraclavicular', '@')"
_GAP = "datediff('day', start_date, end_date)"
_LOW, _HIGH = "coalesce({0}_lower, {0})", "coalesce({0}_upper, {0})"


def _days(later: str, earlier: str, which: str) -> str:
    first, second = (_HIGH, _LOW) if which == "most" else (_LOW, _HIGH)
    return f"datediff('day', {second.format(earlier)}, {first.format(later)})"


_STAGES = "'IIIC', 'IIIC1', 'IIIC1r', 'IIIC1p', 'IIIC2', 'IIIC2r', 'IIIC2p'"
TWINS: dict[str, str] = {
    "E14": "has_consent",
    "U09": "NOT (is_alive IS NULL AND followup_source IS NULL)",
    "V25": "tumour_size_mm <> 0",
    "V26": "CASE WHEN coalesce(dose_gy, n_fractions) IS NOT NULL THEN coalesce(dose_gy, 1) <> 0 AND coalesce(n_fractions, 1) <> 0 END",
    "V02": "sex IN ('F', 'U')",
    "V06": r"NOT regexp_matches(source_patient_id, '(?i)(\A\s*(zz|test|dummy|demo|phantom)|(\A|[^a-z])test([^a-z]|\z)|测试|试验)')",
    "V07": "topography_code IN ('C53.0', 'C53.1', 'C53.8', 'C53.9')",
    "V08": r"regexp_full_match(morphology_code, '[0-9][0-9][0-9][0-9]/3')",
    "V09": f"({_NUMBER} BETWEEN 8000 AND 8700 OR {_NUMBER} IN (8980, 9110)) AND {_NUMBER} NOT BETWEEN 8041 AND 8045",
    "V10": f"""histology_group = CASE WHEN {_NUMBER} <= 8010 AND {_NUMBER} >= 8000 THEN NULL
        WHEN {_NUMBER} BETWEEN 8050 AND 8089 THEN 'scc' WHEN {_NUMBER} BETWEEN 8140 AND 8551 THEN 'adeno'
        WHEN {_NUMBER} = 8560 THEN 'adsq' WHEN {_NUMBER} IS NOT NULL THEN 'other' END""",
    "V11": f"""CASE WHEN basis_code <> '9' THEN basis_code IN ('5', '6', '7', '8') END
        OR {_NUMBER} BETWEEN 8000 AND 8010""",
    "V12": f"""(morphology_code LIKE '%/3' OR grade_code = '9') AND ({_NUMBER} >= 9590 OR grade_code NOT IN ('5', '6', '7', '8'))
        AND ({_NUMBER} NOT IN (8020, 8021) OR grade_code = '4')""",
    "V13": f"""CASE WHEN figo_stage IS NOT NULL THEN CAST(figo_edition AS INTEGER) >=
        CASE WHEN figo_stage IN ({_STAGES}, 'IB3') THEN 2018 WHEN figo_stage IN ('IIA1', 'IIA2') THEN 2009 ELSE 1994 END END""",
    "V14": "CASE WHEN figo_stage IS NOT NULL THEN figo_edition IS NOT NULL END",
    "V15": """CASE WHEN figo_edition IS NOT NULL THEN CASE
        WHEN figo_stage = 'IB1' AND figo_edition = '2018' THEN tumour_size_mm BETWEEN -1 AND 21
        WHEN figo_stage = 'IB2' AND figo_edition = '2018' THEN tumour_size_mm BETWEEN 19 AND 41
        WHEN figo_stage IN ('IB1', 'IIA1') THEN tumour_size_mm BETWEEN -1 AND 41
        WHEN figo_stage IN ('IB2', 'IB3', 'IIA2') THEN tumour_size_mm >= 39 END END""",
    "V16": f"""CASE WHEN figo_stage IN ({_STAGES}) THEN
        (right(figo_stage, 1) IN ('r', 'p') OR coalesce(figo_method IN ('r', 'p'), false))
        AND NOT coalesce(left(figo_stage, 5) = 'IIIC1' AND paraaortic_ln = 'pos', false)
        AND NOT coalesce(left(figo_stage, 5) = 'IIIC2' AND paraaortic_ln = 'neg', false) END""",
    "V19": r"""NOT (lesion_site = 'paraaortic' OR coalesce(regexp_matches(icd10_secondary_code, '^[Cc]77\.?2'), false))
        OR coalesce(lesion_status = 'regional', false)""",
    "V20": """CASE WHEN scc_ag_ng_ml IS NOT NULL THEN scc_ag_ng_ml >= 0 AND scc_ag_ng_ml <= 1000
        AND scc_ag_ng_ml <= CASE WHEN histology_group = 'adeno' THEN 15 ELSE 70 END
        AND (scc_ag_method IS NOT NULL OR (SELECT count(scc_ag_method) = 0 FROM drawn)) END""",
    "L02": """CASE WHEN lesion_site IN ('scf', 'lung') THEN coalesce(laterality IN ('L', 'R'), true)
        WHEN lesion_site IN ('mediastinal_ln', 'liver', 'paraaortic') THEN coalesce(laterality, '') NOT IN ('L', 'R') END""",
    "L03": r"""coalesce(CASE upper(regexp_extract(icd10_secondary_code, '^([Cc]7[789])\.?([0-9])', 1))
            || regexp_extract(icd10_secondary_code, '^([Cc]7[789])\.?([0-9])', 2)
            WHEN 'C770' THEN 'scf' WHEN 'C771' THEN 'mediastinal_ln' WHEN 'C772' THEN 'paraaortic' WHEN 'C780' THEN 'lung'
            WHEN 'C781' THEN 'mediastinal_ln' WHEN 'C787' THEN 'liver' WHEN 'C793' THEN 'brain' WHEN 'C795' THEN 'bone'
            WHEN 'C797' THEN 'adrenal' END = lesion_site, true)
        AND coalesce(is_node = CASE WHEN lesion_site IN ('scf', 'mediastinal_ln', 'paraaortic') THEN true
            WHEN lesion_site IN ('lung', 'liver', 'bone', 'adrenal', 'brain') THEN false END, true)""",
    "L05": f"{_days('detection_date', 'last_negative_date', 'most')} >= 1",
    "L06": f"{_days('detection_date', 'last_negative_date', 'least')} <= 24 * 30.4375",
    "M01": "long_axis_mm BETWEEN 1 AND 200",
    "M02": """CASE WHEN long_axis_mm IS NOT NULL AND coalesce(short_axis_mm, third_axis_mm) IS NOT NULL THEN
        coalesce(long_axis_mm >= short_axis_mm, true) AND coalesce(coalesce(short_axis_mm, long_axis_mm) >= third_axis_mm, true) END""",
    "M12": """CASE WHEN coalesce(size_lower_mm, size_upper_mm) IS NOT NULL THEN coalesce(size_lower_mm <= size_upper_mm, true)
        AND coalesce(size_lower_mm <= long_axis_mm, true) AND coalesce(long_axis_mm <= size_upper_mm, true) END""",
    "T03": "lrt_modality IN ('rt', 'surgery', 'ablation') AND coalesce(intent = 'definitive', true)",
    "T04": """CASE WHEN lrt_modality = 'rt' AND coalesce(n_fractions_delivered, dose_per_fraction_gy) IS NOT NULL THEN
        coalesce(n_fractions_delivered BETWEEN 1 AND 45, true) AND coalesce(dose_per_fraction_gy BETWEEN 0.5 AND 34, true)
        AND coalesce(abs(total_dose_gy - n_fractions_delivered * dose_per_fraction_gy)
            <= 0.01 * n_fractions_delivered * dose_per_fraction_gy + 1e-9, true) END""",
    "T05": "CASE WHEN lrt_modality = 'rt' THEN total_dose_gy <= 200 END",
    "T06": """CASE WHEN n_fractions_delivered * dose_per_fraction_gy IS NOT NULL AND coalesce(bed10_gy, eqd2_gy) IS NOT NULL THEN
        coalesce(abs(bed10_gy - n_fractions_delivered * dose_per_fraction_gy * (1 + dose_per_fraction_gy / 10)) <= 0.1 + 1e-9, true)
        AND coalesce(abs(eqd2_gy - n_fractions_delivered * dose_per_fraction_gy * (dose_per_fraction_gy + 10) / 12) <= 0.1 + 1e-9,
            true) END""",
    "T07": """CASE WHEN dose_per_fraction_gy IS NOT NULL AND n_fractions_delivered IS NOT NULL THEN
        NOT (coalesce(lrt_technique = 'sbrt', false) AND (dose_per_fraction_gy < 5 OR n_fractions_delivered > 10))
        AND NOT (coalesce(lrt_technique IN ('imrt', '3dcrt'), false) AND dose_per_fraction_gy > 5)
        AND NOT (coalesce(intent = 'definitive', false)
            AND n_fractions_delivered * dose_per_fraction_gy * (1 + dose_per_fraction_gy / 10) < 50) END""",
    "T08": """n_fractions_delivered >= 0.9 * n_fractions_planned
        OR (termination_reason IS NOT NULL AND termination_reason <> 'completed')""",
    "T09": f"""CASE WHEN lrt_modality = 'rt' AND coalesce(start_date_precision, 'day') = 'day'
        AND coalesce(end_date_precision, 'day') = 'day' THEN
        abs({_GAP} - (n_fractions_delivered - 1 + 2 * CAST(floor((n_fractions_delivered - 1) / 5) AS INTEGER))) <= 10 END""",
    "T11": """CASE WHEN lrt_modality IN ('surgery', 'ablation') THEN coalesce(total_dose_gy, 0) <= 0
        AND coalesce(dose_per_fraction_gy, 0) <= 0 AND coalesce(n_fractions_delivered, 0) <= 0 END""",
    "T12": f"{_days('end_date', 'start_date', 'most')} >= 0",
}  # fmt: skip
SOFTER: dict[str, str] = {
    "V02": "sex = 'F'",
    "V14": """NOT (figo_edition = '2018' AND coalesce(dx_date_upper, dx_date) < DATE '2018-10-01') OR coalesce(is_restaged, false)""",
    "L02": "NOT (lesion_site IN ('scf', 'lung') AND laterality IS NULL)",
    "L03": f"""CASE WHEN lesion_site_text IS NOT NULL AND lesion_site IS NOT NULL THEN list_contains([
            CASE WHEN contains({_TEXT}, '@') THEN 'scf' END, CASE WHEN contains({_TEXT}, '肺') OR contains({_TEXT}, 'lung') THEN 'lung' END,
            CASE WHEN contains({_TEXT}, 'para-aortic') THEN 'paraaortic' END,
            CASE WHEN contains({_TEXT}, 'mediastin') THEN 'mediastinal_ln' END,
            CASE WHEN contains({_TEXT}, '肝') OR contains({_TEXT}, 'liver') THEN 'liver' END,
            CASE WHEN contains({_TEXT}, '椎') OR {_TEXT} = 'rib' THEN 'bone' END], lesion_site)
        OR NOT (regexp_matches({_TEXT}, '@|肺|lung|para-aortic|mediastin|肝|liver|椎|^rib$')) END""",
    "L05": f"{_days('detection_date', 'last_negative_date', 'least')} >= 1",
    "M01": "long_axis_mm BETWEEN 3 AND 100",
    "T05": "CASE WHEN lrt_modality = 'rt' THEN total_dose_gy BETWEEN 20 AND 100 END",
    "T11": "CASE WHEN lrt_modality = 'surgery' THEN margin IS NOT NULL END",
    "T12": f"{_days('end_date', 'start_date', 'least')} >= 0",
}  # fmt: skip


def _value(column: Column, rng: random.Random) -> Any:
    if rng.random() < 0.15:
        return None
    if column.name in VALUES:
        own = VALUES[column.name]
        return rng.choice((*own, *HOSTILE) if column.kind == "text" and rng.random() < 0.2 else own)
    if column.codes is not None:
        return rng.choice(column.codes.codes)
    if column.kind == "date":
        return date(2018, 1, 1) + timedelta(days=rng.choice((0, 1, 29, 30, 31, 58, 272, 273, 274, 730, 731)))
    return (
        rng.choice((True, False))
        if column.kind == "boolean"
        else rng.choice(HOSTILE)
        if column.kind == "text"
        else None
    )


def _record(columns: list[Column], rng: random.Random) -> Mapping[str, Any]:
    made = {column.name: _value(column, rng) for column in columns}
    for name in [one for one in made if f"{one}_lower" in made]:
        spread = rng.choice((0, 0, 0, 15, 182))
        if made[name] is not None:
            made[f"{name}_lower"] = made[name] - timedelta(days=spread)
            made[f"{name}_upper"] = made[name] + timedelta(days=spread)
            made[f"{name}_precision"] = {0: "day", 15: "month", 182: "year"}[spread]
        else:
            made |= {f"{name}_{part}": None for part in ("lower", "upper", "precision")}
    return made


@pytest.fixture(scope="module")
def drawn() -> dict[str, pl.DataFrame]:
    """Records of every table that has rules."""
    return {name: records_drawn(name) for name in {name for name, _ in RULES.values()}}


def records_drawn(name: str) -> pl.DataFrame:
    """``N`` records of one table, always the same."""
    rng = random.Random(f"twins of {name}")
    rows = [_record(columns_of(curated()[name]), rng) for _ in range(N)]
    return records_of({name: rows})[name]


def _by_sql(records: pl.DataFrame, condition: str) -> list[bool | None]:
    with duckdb.connect() as connection:
        connection.register("given", pa.table(records.drop("_row_ids", "_origin")))
        connection.execute("CREATE TABLE drawn AS SELECT * FROM given")
        return [
            row[0] for row in connection.execute(f"SELECT {condition} FROM drawn ORDER BY _row_id").fetchall()
        ]


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_expression_pandera_and_sql_agree(drawn: dict[str, pl.DataFrame], rule_id: str) -> None:
    name, rule = RULES[rule_id]
    records = drawn[name]
    entry = catalogue().entries[rule_id]
    given = parameters_for(entry, PARAMETERS)
    own = records.select(rule.check(given).alias("own"))["own"].to_list()
    assert own == _by_sql(records, TWINS[rule_id])
    assert {True, False} <= set(own), "the drawn records do not reach both sides of the rule"
    softer = (
        [None] * N
        if rule.warning is None
        else records.select(rule.warning(given).alias("own"))["own"].to_list()
    )
    if rule.warning is not None:
        assert softer == _by_sql(records, SOFTER[rule_id])
        assert False in softer
    outcome = Outcome()
    judge_table(name, records, Catalogue({rule_id: entry}), PARAMETERS, outcome)
    found = dict(outcome.violations.whole().select("_row_id", "severity").iter_rows())
    steps = zip(own, softer, strict=True)
    wanted = {
        at: entry.severity if first is False else entry.warning_severity
        for at, (first, second) in enumerate(steps, 1)
        if first is False or second is False
    }
    assert found == wanted
    assert outcome.denominators[0][rule_id] == sum(one is not None for one in own)


def test_every_rule_has_its_twin() -> None:
    assert set(TWINS) == set(RULES)
    assert set(SOFTER) == {rule_id for rule_id, (_, rule) in RULES.items() if rule.warning is not None}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_codes_are_refused_by_both(text: str) -> None:
    """A trailing newline, digits of other scripts, full-width letters: what looks like a code is none."""
    for rule_id, column in (("V07", "topography_code"), ("V08", "morphology_code")):
        name, rule = RULES[rule_id]
        assert isinstance(rule, Rule)
        records = records_of({name: [{column: text}]})[name]
        assert records.select(rule.check({}))[:, 0].to_list() == [False], rule_id
        assert _by_sql(records, TWINS[rule_id]) == [False], rule_id
