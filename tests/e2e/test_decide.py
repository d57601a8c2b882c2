"""Decisions from the command to the release: two records of one woman merged and parted, an error waived.

One home through four refreshes: as sent, after decisions, after opposite decisions, and once more. Two
hospitals; in the northern one a woman stands under two numbers, another is known to both hospitals, and a
third has an impossible sex that a steward waives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl
import pytest

from registry_pipeline.cli.context import run
from registry_pipeline.cli.main import registry as command
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.stewardship.decide import ledger_entries
from tests.support.registry_home import (
    HOSPITAL_MAPPING,
    N_PATIENTS,
    ask,
    good_files,
    patient_row,
    patients_csv,
    registry,
    send_all,
    small_home,
    without_estimates,
)

pytestmark = pytest.mark.slow

DECIDED = "SELECT status FROM quality.finding WHERE finding_id = '{}'"
STEWARD = ("--by", "A. Steward", "--reason", "compared both charts")


@dataclass
class Story:
    """A home after four refreshes.

    Attributes:
        releases: their ids; a refresh without news repeats the one before.
        within, between, waived: ids of the findings that were decided.
    """

    home: Home
    releases: list[str] = field(default_factory=list)
    within: str = ""
    between: str = ""
    waived: str = ""

    def ask(self, number: int, query: str) -> pl.DataFrame:
        """The answer of a release, counted from 0."""
        return ask(self.home, query, self.releases[number])

    def refresh(self) -> None:
        """One more release."""
        self.releases.append(refresh(self.home).release_id)

    def decide(self, finding: str, state: str) -> None:
        """By the command."""
        done = registry(self.home, "decide", finding, "--as", state, *STEWARD)
        assert done.returncode == 0, done.stderr
        assert "takes effect at the next refresh" in done.stdout


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    made = Story(small_home(tmp_path_factory.mktemp("decide") / "home"))
    files = good_files()
    rows = [patient_row(number, **({"sex": "male"} if number == 5 else {})) for number in range(N_PATIENTS)]
    files["patients_1.csv"] = patients_csv([*rows, patient_row(1).replace("K0001", "K9001")])
    send_all(made.home, files)
    _send_south(made.home)
    with without_estimates():
        made.refresh()
        pairs = made.ask(0, "SELECT finding_id, facility_id FROM quality.finding WHERE rule_id = 'V05'")
        found = {facility: finding for finding, facility in pairs.iter_rows()}
        made.within, made.between = found["north"], found["registry"]
        made.waived = made.ask(0, "SELECT finding_id FROM quality.finding WHERE rule_id = 'V02'").item()
        for finding, state in (
            (made.within, "same_person"),
            (made.between, "same_person"),
            (made.waived, "waived"),
        ):
            made.decide(finding, state)
        made.refresh()
        for finding, state in (
            (made.within, "different_persons"), (made.between, "different_persons"), (made.waived, "withdrawn"),
        ):  # fmt: skip
            made.decide(finding, state)
        made.refresh()
        made.refresh()
    yield made


def _send_south(home: Home) -> None:
    mapping = HOSPITAL_MAPPING.replace('id = "north"', 'id = "south"')
    (home.facilities / "south.toml").write_text(mapping, encoding="utf-8")
    inbox = home.inbox / "south"
    inbox.mkdir()
    alone = patient_row(3, born="1931-07-07", diagnosed="2011-11-11").replace("K0003", "S2")
    both = patient_row(0, region="").replace("K0000", "S1")
    (inbox / "patients_1.csv").write_text(patients_csv([both, alone]))
    (inbox / "deaths_1.csv").write_text("number,died\nS1,2018-06-20\n")


def _patients(story: Story, number: int) -> dict[str, str]:
    """Number at the hospital -> pseudonym in a release."""
    xref = story.ask(number, "SELECT DISTINCT source_patient_id, patient_id FROM curated.patient_xref")
    return dict(xref.iter_rows())


def test_two_records_of_one_woman_are_a_finding_with_a_score(story: Story) -> None:
    found = story.ask(0, f"SELECT * FROM quality.finding WHERE finding_id = '{story.within}'").row(
        0, named=True
    )
    patients = _patients(story, 0)
    assert found["record_key"] == "|".join(sorted((patients["K0001"], patients["K9001"])))
    assert (found["severity"], found["status"], found["source_file"]) == ("warning", "open", "patients_1.csv")
    assert found["source_row"] == N_PATIENTS + 2 and "score 1.000" in found["message"]
    assert found["message"].endswith(" The other row: patients_1.csv, row 3.")
    pair = story.ask(0, f"SELECT * FROM quality.patient_pair WHERE pair_key = '{found['record_key']}'").row(
        0, named=True
    )
    assert pair["score"] > 0.99 and pair["birth_date_agreement"] == pair["dx_date_agreement"] == "equal"


def test_a_pair_of_two_hospitals_is_the_registry_s_which_reads_both_rows(story: Story) -> None:
    found = story.ask(0, f"SELECT * FROM quality.finding WHERE finding_id = '{story.between}'").row(
        0, named=True
    )
    patients = _patients(story, 0)
    assert set(found["record_key"].split("|")) == {patients["K0000"], patients["S1"]}
    assert found["source_file"] is None and found["source_row"] is None and found["facility_id"] == "registry"
    assert (
        "(north: patients_1.csv, row 2)" in found["message"]
        and "(south: patients_1.csv, row 2)" in found["message"]
    )


def test_one_person_is_one_patient_with_all_her_records(story: Story) -> None:
    patients = _patients(story, 1)
    assert (
        patients["K0001"] == patients["K9001"] == min(_patients(story, 0)[one] for one in ("K0001", "K9001"))
    )
    assert patients["K0000"] == patients["S1"] == min(_patients(story, 0)[one] for one in ("K0000", "S1"))
    count = "SELECT count(*), count(DISTINCT patient_id) FROM curated.patient"
    assert story.ask(0, count).row(0) == (
        N_PATIENTS + 2,
        N_PATIENTS + 2,
    )  # the one with the wrong sex is kept out
    assert story.ask(1, count).row(0) == (N_PATIENTS + 1, N_PATIENTS + 1)  # two fewer, and she is in
    followups = f"SELECT count(*) FROM curated.followup WHERE patient_id = '{patients['K0001']}'"
    assert story.ask(1, followups).item() == 2
    region = f"SELECT residence_region FROM curated.patient WHERE patient_id = '{patients['S1']}'"
    assert story.ask(1, region).item() == "District 0", "what one hospital does not know the other fills in"
    manual = "SELECT count(*) FROM curated.patient_xref WHERE match_method = 'manual'"
    assert story.ask(0, manual).item() == 0 < story.ask(1, manual).item()
    own = "SELECT DISTINCT source_patient_id, own_patient_id FROM curated.patient_xref"
    assert dict(story.ask(1, own).iter_rows()) == _patients(story, 0)


def test_what_her_records_say_differently_is_an_ordinary_finding(story: Story) -> None:
    query = "SELECT facility_id, table_name, record_key, severity, status FROM quality.finding WHERE rule_id = 'H03'"
    her = _patients(story, 1)["S1"]
    assert story.ask(0, query).is_empty()
    assert story.ask(1, query).rows() == [("registry", "death", her, "warning", "open")]
    assert story.ask(2, query)["status"].to_list() == ["corrected"]
    said = story.ask(
        1, "SELECT message FROM quality.finding WHERE rule_id = 'H03' AND source_file IS NULL"
    ).item()
    assert re.search(
        r"\(two facilities differ: \w+: deaths_1\.csv, row 2; \w+: deaths_1\.csv, row 2\)", said
    ), said
    assert "north: " in said and "south: " in said
    death = f"SELECT count(*), min(death_date)::VARCHAR FROM curated.death WHERE patient_id = '{her}'"
    wanted = "2018-01-20" if her == _patients(story, 0)["K0000"] else "2018-06-20"
    assert story.ask(1, death).row(0) == (1, wanted)


def test_a_merge_is_no_patient_who_disappeared(story: Story) -> None:
    for number in (1, 2):
        assert story.ask(number, "SELECT count(*) FROM quality.finding WHERE rule_id = 'G04'").item() == 0


def test_a_waived_error_no_longer_keeps_its_record_out(story: Story) -> None:
    held = "SELECT count(*) FROM quality.quarantine WHERE cause = 'V02'"
    assert [story.ask(number, held).item() for number in range(3)] == [1, 0, 1]
    sex = "SELECT count(*) FROM curated.patient WHERE sex = 'M'"
    assert [story.ask(number, sex).item() for number in range(3)] == [0, 1, 0]
    states = [story.ask(number, DECIDED.format(story.waived)).item() for number in range(3)]
    assert states == ["open", "waived", "open"]


def test_statuses_follow_the_ledger_and_opposite_decisions_part_them_again(story: Story) -> None:
    for finding in (story.within, story.between):
        states = [story.ask(number, DECIDED.format(finding)).item() for number in range(3)]
        assert states == ["open", "same_person", "different_persons"]
    assert _patients(story, 2) == _patients(story, 0)
    assert story.ask(2, "FROM curated.patient").equals(story.ask(0, "FROM curated.patient"))


def test_a_refresh_without_news_does_nothing_and_new_decisions_are_news(story: Story) -> None:
    assert len(set(story.releases)) == 3 and story.releases[2] == story.releases[3]


def test_the_ledger_is_published_as_it_was(story: Story) -> None:
    rows = story.ask(
        2, "SELECT decision_no, finding_id, state, is_in_force FROM quality.decision ORDER BY 1"
    ).rows()
    ledger = ledger_entries(story.home)
    assert [row[:3] for row in rows] == [(one.decision_no, one.finding_id, one.state) for one in ledger]
    assert [row[3] for row in rows] == [False, False, False, True, True, False]
    assert story.ask(0, "FROM quality.decision").is_empty()
    assert story.home.decisions.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("F0", "--as", "waived"), "there is no finding 'F0'"),
        (("{within}x", "--as", "waived"), "did you mean '{within}'?"),
        (("{within}", "--as", "same_persn"), "did you mean 'same_person'?"),
        (("{within}", "--as", "waived", "--until", "2020-01-01"), "has passed already"),
        (("{within}", "--as", "waived", "--until", "next week"), "is no date"),
        (("{within}", "--as", "waived", "--reason", " \t"), "reason must not be blank"),
        (("{waived}", "--as", "same_person"), "is for pairs of patients"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_one_line(
    story: Story, arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"within": story.within, "waived": story.waived}
    given = [one.format(**names) for one in arguments]
    n_before = len(ledger_entries(story.home))
    code = run(command, ["--home", str(story.home.root), "decide", *given[:3], *STEWARD, *given[3:]])
    said = capsys.readouterr().err
    assert code == 2 and told.format(**names) in said
    assert len(said.strip().splitlines()) == 1 and "Traceback" not in said
    assert len(ledger_entries(story.home)) == n_before
