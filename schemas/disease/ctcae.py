"""CTCAE v5.0 terms of what radiotherapy, surgery, ablation and systemic therapy of these patients cause.

Belongs here: the terms as the Common Terminology Criteria for Adverse Events v5.0 (National Cancer Institute,
November 2017) spell them, by system organ class. Does not belong here: grades, other code lists (``codes.py``).

The list is a part of the CTCAE: thorax, abdomen, pelvis, skin, nerves, blood, general and laboratory. A term
of the CTCAE that is missing here is added here; every class ends with its own "Other, specify".
"""

_CLASSES: dict[str, str] = {
    "Blood and lymphatic system disorders": "Anemia; Bone marrow hypocellular; Febrile neutropenia; Leukocytosis;"
    " Thrombotic thrombocytopenic purpura",
    "Cardiac disorders": "Atrial fibrillation; Chest pain - cardiac; Heart failure; Myocardial infarction;"
    " Myocarditis; Palpitations; Pericardial effusion; Pericarditis; Sinus tachycardia",
    "Ear and labyrinth disorders": "Hearing impaired; Tinnitus; Vertigo",
    "Endocrine disorders": "Adrenal insufficiency; Hyperthyroidism; Hypophysitis; Hypothyroidism",
    "Gastrointestinal disorders": "Abdominal distension; Abdominal pain; Anal fistula; Anal mucositis; Anal pain;"
    " Ascites; Bloating; Colitis; Colonic fistula; Colonic hemorrhage; Colonic obstruction; Colonic perforation;"
    " Constipation; Diarrhea; Dry mouth; Duodenal ulcer; Dyspepsia; Dysphagia; Enterocolitis;"
    " Enterovesical fistula; Esophageal fistula; Esophageal pain; Esophageal stenosis; Esophageal ulcer;"
    " Esophagitis; Fecal incontinence; Flatulence; Gastric ulcer; Gastritis; Gastroesophageal reflux disease;"
    " Gastrointestinal pain; Hemorrhoids; Ileus; Mucositis oral; Nausea; Pancreatitis; Proctitis; Rectal fistula;"
    " Rectal hemorrhage; Rectal mucositis; Rectal obstruction; Rectal pain; Rectal perforation; Rectal stenosis;"
    " Rectal ulcer; Small intestinal obstruction; Small intestinal perforation; Vomiting",
    "General disorders and administration site conditions": "Chills; Edema limbs; Fatigue; Fever;"
    " Flu like symptoms; Generalized edema; Infusion related reaction; Localized edema; Malaise;"
    " Multi-organ failure; Neck edema; Non-cardiac chest pain; Pain",
    "Hepatobiliary disorders": "Bile duct stenosis; Biliary fistula; Cholecystitis; Hepatic failure;"
    " Hepatic hemorrhage; Hepatic necrosis",
    "Immune system disorders": "Allergic reaction; Anaphylaxis; Autoimmune disorder; Cytokine release syndrome",
    "Infections and infestations": "Abdominal infection; Bladder infection; Catheter related infection; Lung infection;"
    " Lymph gland infection; Pelvic infection; Pleural infection; Sepsis; Skin infection; Soft tissue infection;"
    " Urinary tract infection; Vaginal infection; Wound infection",
    "Injury, poisoning and procedural complications": "Dermatitis radiation; Fracture; Intestinal stoma leak;"
    " Intraoperative hemorrhage; Postoperative hemorrhage; Postoperative thoracic procedure complication;"
    " Radiation recall reaction (dermatologic); Rectal anastomotic leak; Seroma; Tracheal obstruction;"
    " Ureteric anastomotic leak; Vascular access complication; Wound complication; Wound dehiscence",
    "Investigations": "Alanine aminotransferase increased; Alkaline phosphatase increased;"
    " Aspartate aminotransferase increased; Blood bilirubin increased; Carbon monoxide diffusing capacity decreased;"
    " Creatinine increased; Ejection fraction decreased; Forced expiratory volume decreased; GGT increased;"
    " Lipase increased; Lymphocyte count decreased; Neutrophil count decreased; Platelet count decreased;"
    " Serum amylase increased; Weight gain; Weight loss; White blood cell decreased",
    "Metabolism and nutrition disorders": "Anorexia; Dehydration; Hyperglycemia; Hyperkalemia; Hypernatremia;"
    " Hypoalbuminemia; Hypocalcemia; Hypokalemia; Hypomagnesemia; Hyponatremia; Hypophosphatemia",
    "Musculoskeletal and connective tissue disorders": "Arthralgia; Arthritis; Avascular necrosis; Back pain;"
    " Bone pain; Chest wall pain; Chest wall necrosis; Fibrosis deep connective tissue; Muscle weakness lower limb;"
    " Muscle weakness upper limb; Myalgia; Myositis; Neck pain; Osteonecrosis; Osteoporosis; Pain in extremity;"
    " Soft tissue necrosis lower limb; Superficial soft tissue fibrosis",
    "Neoplasms benign, malignant and unspecified (incl cysts and polyps)": "Treatment related secondary malignancy;"
    " Tumor hemorrhage; Tumor pain",
    "Nervous system disorders": "Brachial plexopathy; Dizziness; Dysesthesia; Dysgeusia; Encephalopathy; Headache;"
    " Hoarseness; Myelitis; Neuralgia; Paresthesia; Peripheral motor neuropathy; Peripheral sensory neuropathy;"
    " Phrenic nerve disorder; Recurrent laryngeal nerve palsy; Spinal cord compression; Syncope",
    "Psychiatric disorders": "Anxiety; Depression; Insomnia",
    "Renal and urinary disorders": "Acute kidney injury; Bladder perforation; Bladder spasm; Chronic kidney disease;"
    " Cystitis noninfective; Dysuria; Hematuria; Proteinuria; Renal hemorrhage; Urinary fistula;"
    " Urinary frequency; Urinary incontinence; Urinary retention; Urinary tract obstruction; Urinary tract pain;"
    " Urinary urgency",
    "Reproductive system and breast disorders": "Dyspareunia; Female genital tract fistula; Menorrhagia; Ovarian rupture;"
    " Pelvic pain; Perineal pain; Premature menopause; Uterine fistula; Uterine hemorrhage; Uterine obstruction;"
    " Uterine perforation; Vaginal dryness; Vaginal fistula; Vaginal hemorrhage; Vaginal inflammation;"
    " Vaginal obstruction; Vaginal pain; Vaginal perforation; Vaginal stricture",
    "Respiratory, thoracic and mediastinal disorders": "Aspiration; Atelectasis; Bronchial fistula;"
    " Bronchial obstruction; Bronchial stricture; Bronchopleural fistula; Bronchopulmonary hemorrhage; Chylothorax;"
    " Cough; Dyspnea; Hiccups; Hypoxia; Laryngeal edema; Mediastinal hemorrhage; Pharyngolaryngeal pain;"
    " Pleural effusion; Pleural hemorrhage; Pleuritic pain; Pneumonitis; Pneumothorax; Productive cough;"
    " Pulmonary edema; Pulmonary fibrosis; Pulmonary fistula; Respiratory failure; Tracheal fistula;"
    " Tracheal stenosis",
    "Skin and subcutaneous tissue disorders": "Alopecia; Dry skin; Erythema multiforme; Hypertrichosis;"
    " Palmar-plantar erythrodysesthesia syndrome; Pruritus; Rash acneiform; Rash maculo-papular;"
    " Skin atrophy; Skin hyperpigmentation; Skin induration; Skin ulceration; Telangiectasia; Urticaria",
    "Vascular disorders": "Arterial thromboembolism; Hematoma; Hot flashes; Hypertension; Hypotension; Lymphedema;"
    " Lymphocele; Lymph leakage; Phlebitis; Superior vena cava syndrome; Thromboembolic event; Vasculitis",
}
CTCAE_TERMS: dict[str, str] = {
    term: organ_class
    for organ_class, terms in _CLASSES.items()
    for term in (*terms.split("; "), f"{organ_class} - Other, specify")
}
"""Term -> system organ class."""
