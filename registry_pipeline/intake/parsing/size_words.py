"""The words of imaging reports that bear on a size, in Chinese, English, French and German.

Belongs here: patterns. Does not belong here: what follows from them (sizes.py).
All patterns see text after ``normalise_text`` and ``casefold``.
"""

from __future__ import annotations

import re

_NOT_IN_WORD = r"(?<![a-zäöüßàâéèêîôûç])"
_NOT_NO = r"(?<!no )(?<!not )"
_WORD_ENDS = r"(?![a-zäöüßàâéèêîôûç])"


def _words(*alternatives: str) -> re.Pattern[str]:
    """Any of the words, Latin ones whole; they are written here as ``casefold`` leaves them (``ss`` for sharp s)."""
    latin = [word for word in alternatives if re.search("[a-zà-ÿ]", word)]
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
    "前次", "前片", "上次", "既往", "原来", "原为", "原", "较前", "对比", "(?<![发出呈表])现为?", "本次", "增至", "减至", "缩小至", "增大至",
    "->", "→",
)  # fmt: skip
CHANGE = _words(
    "shr[aiu]nk(?:en|ing|age)?", "reduc(?:ed|tion)", "grew", "growth", "enlarge(?:d|ment)", "increase(?:d|s)? (?:by|of)",
    "decrease(?:d|s)? (?:by|of)", "(?:smaller|larger|bigger) by", "progress(?:ed|ion)", "regress(?:ed|ion)",
    "diminu(?:é|ée|tion)", "augment(?:é|ée|ation)", "zunahme", "abnahme", "verkleinert", "vergrössert", "gewachsen",
    "缩小", "增大", "减小", "变小", "变大", "增加", "减少", "增长", "扩大", "退缩",
)  # fmt: skip
"""How much a lesion has changed is no size of it."""
CHANGE_AFTER = re.compile(
    rf"(?:[0-9]|[cm]m) ?(?:smaller|larger|bigger|less|more|kleiner|grösser|plus (?:petit|grand)){_WORD_ENDS}(?! ?(?:than|als|que))"
)
OTHER_LENGTH = _words(
    "radius", "rayon", "halbmesser", "depth", "deep", "profondeur", "tiefe", "invasion", "circumference", "volume",
    "半径", "深", "周径", "体积", "面积", "浸润", "distance", "away", "thick(?:ness)?", "margin", "gap", "spacing", "abstand", "schichtdicke", "épaisseur", "距",
    "层厚", "壁厚", "厚约", "间隔",
)  # fmt: skip
MULTIPLE = _words(
    "multiple", "several", "numerous", "many", "multiples?", "plusieurs", "multipel", "mehrere", "zahlreiche",
    "多发", "多个", "数个", "多枚", "数枚",
)  # fmt: skip
LARGEST = _words(
    "largest(?: one)?", "larger one", "larger(?=[^0-9]*[0-9])", "biggest", "max(?:imum|imal)?\\.?", "le plus grand", "la plus grande",
    "gr(?:ö|oe)sste[rs]?", "maximal(?:e|er)?", "较大者", "大者", "最大者", "最大", "较大",
)  # fmt: skip
SHORT_AXIS = _words(
    "short[- ]?axis(?: diameter)?",
    "sad",
    "short diameter",
    "short",
    "petit axe",
    "kurzachse",
    "短径",
    "短轴",
    "短轴径",
    "短(?=[约~0-9])",
)
LONG_AXIS = _words(
    "long[- ]?axis(?: diameter)?", "longest (?:axis|diameter|dimension)", "long diameter", "long", "grand axe",
    "längsachse", "längsdurchmesser", "长径", "长轴径", "长轴", "长(?=[约~0-9])",
)  # fmt: skip
NEGATIVE = _words(
    "no", "not", "none", "nil", "negative", "absent", "without", "resolved", "disappeared", "ned", "pas de", "aucune?",
    "sans", "kein(?:e|en)?", "nicht", "ohne", "négatif", "négative", "negativ",
    "未见", "未及", "未发现", "未探及", "阴性", "消失", "无",
)  # fmt: skip
AT_MOST = _words(
    f"{_NOT_NO}(?:less|smaller) than(?: or equal to)?", "(?:no|not) (?:more|larger|greater|bigger) than", "below", "under",
    "up to", "at most", "within", "moins de", "inférieur à", "au plus", "weniger als", "kleiner als", "unter", "bis zu",
    "höchstens", "menos de", "(?<!不)小于(?:等于)?", "不足", "不到", "不满", "未满", "未达", "[不未]超过", "不大于", "少于",
)  # fmt: skip
AT_LEAST = _words(
    f"{_NOT_NO}(?:more|greater|larger|bigger) than(?: or equal to)?", "exceed(?:s|ing)?", "above", "over",
    "(?:no|not) (?:less|smaller) than", "at least", "plus de", "supérieur à", "au moins", "mehr als", "grösser als",
    "über", "mindestens", "wenigstens", "más de", "(?<!不)大于(?:等于)?", "(?<![不未])超过", "不小于", "不少于", "至少",
)  # fmt: skip
_OR = r"(?:(?:or|and|oder|und|ou|et|o) )"
AT_MOST_AFTER = re.compile(
    rf"(?<=[0-9m]) ?(?:,? ?{_OR}(?:less|smaller|below|under|lower|weniger|kleiner|moins|menos){_WORD_ENDS}"
    r"|[及或]?以[下内]|之内|[及或]更小|内(?!见))"
)
AT_LEAST_AFTER = re.compile(
    rf"(?<=[0-9m]) ?(?:,? ?{_OR}(?:more|larger|greater|bigger|above|over|mehr|grösser|plus|más){_WORD_ENDS}"
    r"|[及或]?以上|[及或]更大|[余多]|\+(?! ?[0-9]))"
)
ABOUT_AFTER = re.compile(r"(?<=[0-9m]) ?(?:左右|上下)")
ABOUT = _words(
    "approximately", "approx\\.?", "about", "around", "circa", "ca\\.?", "nearly", "environ", "env\\.?", "etwa",
    "大约", "约为", "约", "大概", "近",
)  # fmt: skip
DOUBT = re.compile(r"\?|不确定|不详|待定")
BETWEEN = re.compile(rf"{_NOT_IN_WORD}between (?=[0-9])([^a-z]*?(?:[cm]m)?) and (?=[0-9])|介于")
MILLIMETRE = re.compile(rf"毫米|{_NOT_IN_WORD}(?:millimet(?:er|re)s?|millimètres?){_WORD_ENDS}")
CENTIMETRE = re.compile(
    rf"厘米|公分|{_NOT_IN_WORD}(?:centimet(?:er|re)s?|centimètres?|zentimeter){_WORD_ENDS}"
)
BY = re.compile(r"(?<=[0-9m]) ?(?:×|✕|╳|⨯|\*|x|by|乘) ?(?=[0-9])")
TO = re.compile(r"(?<=[0-9m]) ?(?:-|~|〜|to|bis|à|至|到) ?(?=[0-9])")
TILDE_AT_START = re.compile(r"(?<![0-9m] )(?<![0-9m])[~≈〜] ?(?=[0-9])")
