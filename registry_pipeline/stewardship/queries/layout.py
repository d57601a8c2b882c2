"""What stands where in a query workbook, and in which words.

Belongs here: columns, answers, the how-to text, in English and Chinese; the seal of a row.
Does not belong here: writing and reading files.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from registry_pipeline.reporting.document.terminal import harmless

SHEET, HOW_TO, CORRECTIONS = "Queries", "How to", "Corrected by the registry"
ASKED = ("number", "patient", "file", "sheet", "row", "column", "seen", "expected", "suggested", "severity")
ANSWERED = ("answer", "value", "remark", "by")
SEALED = ("finding", "seal")
CORRECTED = ("patient", "file", "sheet", "row", "column", "seen", "used", "why")
"""Columns of the sheet of corrections."""
COLUMNS = (*ASKED, *ANSWERED, *SEALED)
WIDTHS = (6, 16, 22, 10, 7, 18, 26, 60, 18, 10, 22, 18, 30, 16, 20, 14)
ANSWERS = ("corrected", "confirmed", "not_available", "rule_wrong")
"""What a facility may answer."""

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "number": "No.",
            "patient": "Your patient number",
            "file": "File",
            "sheet": "Sheet",
            "row": "Row",
            "column": "Column",
            "seen": "What we read",
            "expected": "What is wrong, what is expected",
            "suggested": "Suggested",
            "severity": "Severity",
            "used": "What the registry uses",
            "why": "Why",
            "answer": "Your answer",
            "value": "Right value",
            "remark": "Remark",
            "by": "Answered by",
            "finding": "Query id (do not change)",
            "seal": "Seal (do not change)",
            "corrected": "corrected in our system",
            "confirmed": "correct as it is",
            "not_available": "not known to us",
            "rule_wrong": "the rule is wrong here",
            "error": "error",
            "warning": "warning",
            "info": "info",
            "pick": "Choose one of the list.",
            "how_to": "\n".join(
                (
                    "Each row of the sheet 'Queries' is a question about one record that you sent.",
                    "1. Find the record by your own patient number, or by file and row.",
                    "2. Choose an answer from the list in the column 'Your answer'.",
                    "3. Where another value is right, correct it in your system; it arrives with your next export. "
                    "You may also write it into 'Right value'.",
                    "4. Write into 'Remark' whatever helps to understand the answer, and your name into 'Answered by'.",
                    "5. Send this file back. Rows without an answer stay open.",
                    "Sort and filter as you like. The grey columns are locked: a row that was changed there is not read.",
                    "Answering changes no data: the registry takes values only from your exports.",
                    "A sheet 'Corrected by the registry' lists values that it uses in place of yours until you send others.",
                )
            ),
        },
        "zh_CN": {
            "number": "序号",
            "patient": "贵院患者编号",
            "file": "文件",
            "sheet": "工作表",
            "row": "行",
            "column": "列",
            "seen": "读到的内容",
            "expected": "问题与要求",
            "suggested": "建议",
            "severity": "级别",
            "used": "登记库采用的值",
            "why": "原因",
            "answer": "答复",
            "value": "正确值",
            "remark": "备注",
            "by": "答复人",
            "finding": "质疑编号(请勿修改)",
            "seal": "校验(请勿修改)",
            "corrected": "已在本院系统更正",
            "confirmed": "原值正确",
            "not_available": "无法查证",
            "rule_wrong": "此处规则不适用",
            "error": "错误",
            "warning": "警告",
            "info": "提示",
            "pick": "请从列表中选择。",
            "how_to": "\n".join(
                (
                    "工作表“Queries”的每一行是对贵院所报一条记录的质疑。",
                    "1. 请按贵院患者编号,或按文件与行号,找到该记录。",
                    "2. 请在“答复”一列从列表中选择。",
                    "3. 若应为其他值,请在贵院系统中更正,随下次导出报送;也可填入“正确值”。",
                    "4. 请在“备注”中写明有助于理解的说明,并在“答复人”中署名。",
                    "5. 请寄回本文件。未答复的行仍为未决。",
                    "可任意排序和筛选。灰色列已锁定:被改动的行不会被读取。",
                    "答复不会修改数据:登记库只从贵院的导出文件取值。",
                    "工作表“Corrected by the registry”列出登记库暂代贵院数值采用的值,直至贵院报送新值。",
                )
            ),
        },
    }
)


LONGEST_CELL = 2_000


def cell_text(value: object) -> str:
    """A value as it stands in a cell: what could do harm made visible, and cut where it is very long."""
    text = harmless(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def seal(facility_id: str, cells: Mapping[str, str], key: bytes) -> str:
    """Keyed hash of what is asked in a row, 24 hexadecimal digits: a changed cell is seen.

    White space is taken as one blank: spreadsheets change it when they save.
    """
    texts = [" ".join(cells[name].split()) for name in (*ASKED, "finding")]
    message = json.dumps([facility_id, *texts], ensure_ascii=False).encode()
    return hmac.new(key, b"query row" + message, hashlib.sha256).hexdigest()[:24]


def answer_code(text: str) -> str | None:
    """The code of an answer in any language, or None."""
    plain = " ".join(text.split()).casefold()
    for words in WORDS.values():
        for code in ANSWERS:
            if plain in (code, words[code]):
                return code
    return None


def labels(language: str) -> Sequence[str]:
    """The header of the sheet."""
    return [WORDS[language][name] for name in COLUMNS]
