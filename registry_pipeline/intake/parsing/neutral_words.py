"""Words that may stand around a size without changing it: where the lesion lies, what it is, how it looks.

Belongs here: the vocabulary in English, French, German and Chinese. Does not belong here: words that change a size
(``size_words.py``), what follows from an unknown word (``sizes.py``).

A word that stands neither here nor there makes a question, for it might be "shrunk by", "radius" or "depth".
"""

from __future__ import annotations

import re

_ENGLISH = """
a an and are as at be been by in is it its of on or that the this these there to up with which per via et al
seen noted identified demonstrated found shows showing shown measure measures measured measuring measurement size
sized sizes dimension dimensions dimensional diameter diameters diam d max maximum axial transverse longitudinal
craniocaudal sagittal coronal plane cross section sectional craniocaudally target index dominant representative
lesion lesions nodule nodules nodular mass masses tumour tumours tumor tumors node nodes lymph lymphatic adenopathy
lymphadenopathy metastasis metastases metastatic met mets focus foci deposit deposits implant implants recurrence
recurrent spot opacity area region cyst cystic necrosis necrotic solid subsolid ground glass part calcified soft
tissue density hypodense hyperdense enhancing enhancement heterogeneous homogeneous irregular smooth round rounded
oval spiculated lobulated well ill defined small large single solitary new suspicious suspected indeterminate likely
consistent malignant benign avid fdg pet ct mr mri cect ultrasound us scan contrast image series t1 t2 dwi w hrct
left right bilateral upper middle lower mid lobe lobes segment apical anterior posterior lateral medial superior
inferior central peripheral proximal distal basal l r lul lll rul rml rll
lung lungs pulmonary pleura pleural hilum hilar mediastinum mediastinal liver hepatic spleen splenic adrenal kidney
renal pancreas bone rib ribs vertebra vertebral body spine spinal sacrum sacral iliac ilium femur pelvis pelvic
sternum clavicle skull humerus scapula brain cerebral cerebellar frontal parietal temporal occipital neck cervical
supraclavicular scf infraclavicular axilla axillary inguinal para aortic paraaortic retroperitoneal retrocrural
abdominal abdomen peritoneum peritoneal omentum omental mesenteric bowel colon rectum rectal bladder ureter vagina
vaginal vault vulva vulvar cervix uterus uterine ovary ovarian adnexa adnexal parametrium parametrial skin
subcutaneous muscle breast thyroid chest wall thoracic thorax station level fossa virchow station common external
internal obturator presacral stump remnant scar bed
"""
_FRENCH = """
le la les l un une des du de d au aux en et est sur dans avec par mesure mesurant mesuré mesurée mesurent taille
diamètre grand axe dimension dimensions nodule nodules nodulaire lésion lésions masse masses tumeur tumeurs
ganglion ganglions ganglionnaire adénopathie adénopathies adénomégalie métastase métastases récidive poumon pulmonaire
pulmonaires foie hépatique os osseuse rachis vertèbre bassin pelvien pelvienne sus claviculaire claviculaires
inguinal inguinale lomboaortique lombo aortique iliaque médiastin médiastinal médiastinale hilaire cerveau gauche droit
droite supérieur supérieure inférieur inférieure moyen moyenne lobe segment col utérus vagin paroi suspect suspecte
"""
_GERMAN = """
der die das dem den des ein eine einer eines und im in am an mit von bei zum zur ist misst gemessen messend grösse
gross durchmesser dm herd herde herdes läsion läsionen rundherd rundherde knoten lymphknoten lk tumor tumore
raumforderung raumforderungen metastase metastasen filia filiae rezidiv lunge lungen leber knochen wirbel wirbelsäule
becken hals zervikal supraklavikulär paraaortal inguinal iliakal mediastinal hilär gehirn links rechts linke linker
linken rechte rechter rechten linksseitig rechtsseitig ober unter mittel lappen oberlappen unterlappen mittellappen
segment weichteil weichteile verdächtig neu
"""
_CHINESE = """
大小 径 直径 最大径 最长径 横径 径线 横断面 轴位 断面 尺寸 测量 测得 可见 见 示 显示 提示 考虑 发现 探及 扫及 呈 为 约为 一枚 一个 单发 单个
孤立 局部 散在 病灶 病变 结节 肿块 包块 占位 转移 转移灶 转移瘤 淋巴结 肿大 淋巴 软组织 团块 块 影 结节影 肿块影 团块影 密度影 密度 低密度
高密度 磨玻璃 实性 囊性 囊实性 混杂 等密度 信号 强化 明显 轻度 中度 均匀 不均匀 环形 坏死 钙化 边界清 边界欠清 边界不清 边界 边缘 清晰
欠清 不清 清 光滑 毛刺 分叶 分叶状 类圆形 圆形 椭圆形 卵圆形 不规则 不规则形 形 形态 状 左 右 左侧 右侧 双侧 两侧 左右 上 中 下 前 后 内 外 旁 部
左肺 右肺 双肺 肺 肺门 上叶 中叶 下叶 舌叶 舌段 叶 段 尖段 前段 后段 基底段 背段 纵隔 胸膜 胸壁 胸 肝 肝脏 肝右叶 肝左叶 脾 肾 肾上腺
胰腺 骨 椎体 腰椎 胸椎 颈椎 骶骨 髂骨 肋骨 股骨 骨盆 盆腔 盆壁 盆底 腹腔 腹膜 腹膜后 腹主动脉 主动脉 腔静脉 血管 髂 髂内 髂外 髂总 闭孔
腹股沟 锁骨 锁骨上 锁骨上区 颈 颈部 腋窝 腋下 脑 额叶 顶叶 颞叶 枕叶 小脑 宫颈 子宫 阴道 阴道残端 残端 断端 宫旁 附件 卵巢 直肠 膀胱 输尿管
皮下 肌肉 乳腺 甲状腺 区 区域 处 侧 腔 壁 者 其 其中 较 的 及 与 和 伴 并 于 在 有 一 内见 可及 代谢 增高 代谢增高 摄取 摄取增高 放射性 浓聚
疑似 可疑 新发 新增 复发 恶性 良性 增强 平扫 扫描 超声 磁共振
"""
_LATIN = frozenset(" ".join((_ENGLISH, _FRENCH, _GERMAN)).split())
_HAN = re.compile("|".join(sorted(map(re.escape, _CHINESE.split()), key=len, reverse=True)))
_LATIN_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+(?:\.(?=\W|\Z))?")
_PUNCTUATION = re.compile(r"[\s.,;:()\[\]{}/|\"'’`´“”、，。；：（）【】·&_=-]")


def is_neutral(text: str) -> bool:
    """Whether a text that was folded (``normalise_text``, ``casefold``) says nothing that bears on a size.

    Args:
        text: what stands around the number, words with a meaning of their own taken out.
    """
    latin = _LATIN_WORD.findall(text)
    rest = _PUNCTUATION.sub("", _LATIN_WORD.sub("", text))
    return all(word.removesuffix(".") in _LATIN for word in latin) and not _HAN.sub("", rest)
