"""The words of imaging reports that bear on a size, in Chinese, English, French and German.

Belongs here: patterns. Does not belong here: what follows from them (sizes.py).
All patterns see text after ``normalise_text`` and ``casefold``.
"""

from __future__ import annotations

import re

_NOT_IN_WORD = r"(?<![a-zäöüßàâéèêîôûç])"
_WORD_ENDS = r"(?![a-zäöüßàâéèêîôûç])"


def _words(*alternatives: str) -> re.Pattern[str]:
    latin = [word for word in alternatives if word[0].isascii() or word[0] in "éèàâäöü"]
    other = [word for word in alternatives if word not in latin]
    parts = [rf"{_NOT_IN_WORD}(?:{'|'.join(latin)}){_WORD_ENDS}"] if latin else []
    return re.compile("|".join(parts + other))


SERIES = re.compile(
    rf"{_NOT_IN_WORD}(?:se|ser|series|im|img|image|slice|sl)\.? ?[:#]? ?[0-9]+(?: ?[-/] ?[0-9]+)?(?![0-9.]*[ ]?[cm]m)"
    r"|(?:序列|层面|图像) ?[:#]? ?[0-9]+"
)
SUVMAX = re.compile(
    r"suv ?[-_]? ?max\.? ?(?:[:=]|of|was|is|为|值|约|值为|值约)? ?([0-9]+(?:[.,][0-9]+)?)(?![0-9.,]*[0-9])"
)
OTHER_SUV = re.compile(r"suv ?[-_]?(?:mean|peak|avg|bw|lbm)\.? ?[:=]? ?[0-9]+(?:\.[0-9]+)?")
ANY_SUV = re.compile("suv")
DATE = re.compile(
    r"[0-9]{4} ?(?:[-/.] ?[0-9]{1,2}(?:[-/.] ?[0-9]{1,2})?|年)|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}(?![0-9.])"
    r"|[0-9]{1,2} ?月"
)
COMPARISON = _words(
    "was", "were", "previous(?:ly)?", "prior", "before", "formerly", "now", "currently", "compared", "versus", "vs",
    "from", "since", "increased?", "decreased?", "grown", "unchanged", "stable", "vorher", "zuvor", "voruntersuchung",
    "aktuell", "jetzt", "auparavant", "précédemment", "antérieur(?:e|ement)?", "contre", "avant", "actuellement",
    "前次", "前片", "上次", "既往", "原来", "原为", "原", "较前", "对比", "现为", "现", "本次", "增至", "减至", "缩小至", "增大至",
    "->", "→",
)  # fmt: skip
OTHER_LENGTH = _words(
    "distance", "away", "thick(?:ness)?", "margin", "gap", "spacing", "abstand", "schichtdicke", "épaisseur", "距",
    "层厚", "壁厚", "厚约", "间隔",
)  # fmt: skip
MULTIPLE = _words(
    "multiple", "several", "numerous", "many", "multiples?", "plusieurs", "multipel", "mehrere", "zahlreiche",
    "多发", "多个", "数个", "多枚", "数枚",
)  # fmt: skip
LARGEST = _words(
    "largest(?: one)?", "larger(?: one)?", "biggest", "max(?:imum|imal)?\\.?", "le plus grand", "la plus grande",
    "gr(?:ö|oe)(?:ß|ss)te[rs]?", "maximal(?:e|er)?", "较大者", "大者", "最大者", "最大", "较大",
)  # fmt: skip
SHORT_AXIS = _words(
    "short[- ]?axis(?: diameter)?",
    "sad",
    "short diameter",
    "petit axe",
    "kurzachse",
    "短径",
    "短轴",
    "短轴径",
)
LONG_AXIS = _words(
    "long[- ]?axis(?: diameter)?", "longest (?:axis|diameter|dimension)", "long diameter", "grand axe",
    "längsachse", "längsdurchmesser", "长径", "长轴", "长轴径",
)  # fmt: skip
NEGATIVE = _words(
    "no", "not", "none", "nil", "negative", "absent", "without", "resolved", "disappeared", "ned", "pas de", "aucune?",
    "sans", "kein(?:e|en)?", "nicht", "ohne", "négatif", "négative", "negativ",
    "未见", "未及", "未发现", "未探及", "阴性", "消失", "无",
)  # fmt: skip
AT_MOST = _words(
    "less than", "smaller than", "below", "under", "up to", "at most", "moins de", "inférieur à", "weniger als",
    "kleiner als", "unter", "bis zu", "(?<!不)小于", "不足", "不超过", "不大于", "少于",
)  # fmt: skip
AT_LEAST = _words(
    "more than", "greater than", "larger than", "above", "over", "at least", "plus de", "supérieur à", "mehr als",
    "größer als", "über", "mindestens", "(?<!不)大于", "(?<!不)超过", "不小于",
)  # fmt: skip
ABOUT = _words(
    "approximately", "approx\\.?", "about", "around", "circa", "ca\\.?", "nearly", "environ", "env\\.?", "etwa",
    "大约", "约为", "约", "大概", "近",
)  # fmt: skip
BETWEEN = re.compile(rf"{_NOT_IN_WORD}between (?=[0-9])([^a-z]*?(?:[cm]m)?) and (?=[0-9])|介于")
MILLIMETRE = re.compile(rf"毫米|{_NOT_IN_WORD}(?:millimet(?:er|re)s?|millimètres?){_WORD_ENDS}")
CENTIMETRE = re.compile(
    rf"厘米|公分|{_NOT_IN_WORD}(?:centimet(?:er|re)s?|centimètres?|zentimeter){_WORD_ENDS}"
)
BY = re.compile(r"(?<=[0-9m]) ?(?:×|✕|╳|⨯|\*|x|by|乘) ?(?=[0-9])")
TO = re.compile(r"(?<=[0-9m]) ?(?:-|~|〜|to|bis|à|至|到) ?(?=[0-9])")
TILDE_AT_START = re.compile(r"(?<![0-9m] )(?<![0-9m])[~≈〜] ?(?=[0-9])")
