"""`adit transfer` and `adit download` under pseudonyms, against an ADIT that runs."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import pytest
from pydicom import dcmread

from .pseudonymous import OTHER, STUDY, ULTRASOUND, Site


class TestATransferUnderAPseudonym:
    def test_arrives_so_and_says_so(self, site: Site) -> None:
        told = site.json(*site.transfer(STUDY, "--pseudonym", "P-01", "--wait"))

        assert (told["status"], told["profile"].split()[0], told["project"]) == ("success", "research", None)
        assert told["tasks"][0]["pseudonym"] == "P-01"
        found = site.arrived()
        assert {(str(data.PatientID), str(data.PatientName)) for data in found} == {("P-01", "P-01")}
        assert {data.PatientIdentityRemoved for data in found} == {"YES"}
        assert not {str(data.SOPInstanceUID) for data in found} & STUDY.instances

    def test_of_a_project_is_the_same_again(self, site: Site) -> None:
        site.json("project", "add", "Again")
        site.json(*site.transfer(STUDY, "--project", "Again", "--generate", "--wait"))
        site.json(*site.transfer(STUDY, "--project", "again", "--wait"))

        found = [(str(d.PatientID), str(d.StudyInstanceUID), str(d.SOPInstanceUID)) for d in site.arrived()]
        assert len(found) == 12
        assert len(set(found)) == 6

    def test_says_before_it_is_sent_what_stays_behind(self, site: Site) -> None:
        done = site(*site.transfer(ULTRASOUND, "--pseudonym", "P-01", "--wait"))

        assert done.returncode == 0, done
        assert done.stderr.startswith("adit: 1 of 2 series stays behind: ultrasound may show names")
        assert "2 excluded" in done.stdout
        assert len(site.arrived()) == 2

    def test_carries_its_trial_with_and_without_pseudonym(self, site: Site) -> None:
        trial = ("--trial-protocol-id", "PROT", "--trial-protocol-name", "A trial", "--wait")
        site.json(*site.transfer(STUDY, "--pseudonym", "P-01", *trial))
        site.json(*site.transfer(OTHER, *trial))

        found = {(str(d.PatientID), d.ClinicalTrialProtocolID, d.ClinicalTrialProtocolName) for d in site.arrived()}
        assert found == {("P-01", "PROT", "A trial"), (OTHER.patient_id, "PROT", "A trial")}

    @pytest.mark.parametrize(
        ("options", "code", "words"),
        [
            (("--pseudonym", ""), 2, "--pseudonym is empty"),
            (("--project", " "), 2, "--project is empty"),
            (("--profile", "basic"), 2, "--profile needs --project"),
            (("--unchecked-pixels",), 2, "--unchecked-pixels needs"),
            (("--pseudonym", "P", "--generate"), 2, "not both"),
            (("--pseudonym", "4711-0815"), 1, "holds the PatientID"),
            (("--pseudonym", "Mueller-1"), 1, "part of the patient's name"),
            (("--pseudonym", "a^b"), 1, "cannot be a pseudonym"),
            (("--pseudonym", "P-01", "--profile", "nonsense"), 1, "no profile 'nonsense'"),
            (("--generate", "--profile", "trial"), 1, "from a list only"),
            (("--trial-protocol-id", ""), 2, "--trial-protocol-id is empty"),
            (("--trial-protocol-name", "ä"), 2, "plain characters"),
        ],
        ids=lambda value: None,
    )
    def test_that_cannot_be_is_refused_and_nothing_is_sent(
        self, site: Site, options: tuple[str, ...], code: int, words: str
    ) -> None:
        assert words in site.refused(*site.transfer(STUDY, *options), code=code)
        assert site.arrived() == []

    def test_of_two_patients_under_one_is_refused(self, site: Site) -> None:
        both = site.file("both.txt", f"{STUDY.uid}\n{OTHER.uid}\n")

        sentence = site.refused("transfer", "--from", "Source", "--to", "Target", "--studies", both, "--pseudonym", "P")

        assert "4711-0815 and 4711-0816" in sentence

    def test_to_a_node_that_takes_identified_studies_only_is_refused(self, site: Site) -> None:
        site.json("node", "edit", "Target", "--accepts", "identified")
        try:
            assert "Target takes only studies" in site.refused(*site.transfer(STUDY, "--pseudonym", "P-01"))
        finally:
            site.json("node", "edit", "Target", "--accepts", "anything")


class TestADownloadUnderAPseudonym:
    def test_is_a_whole_zip_file_that_names_nothing_original(self, site: Site) -> None:
        path = site.room / "study.zip"

        manifest = site.json("download", "Source", "--study", STUDY.uid, "--to", str(path), "--pseudonym", "P-01")

        with zipfile.ZipFile(path) as opened:
            assert json.loads(opened.read("MANIFEST.json")) == manifest
            names = [name for name in opened.namelist() if name.endswith(".dcm")]
            found = [dcmread(BytesIO(opened.read(name))) for name in names]
        told = f"{names}{manifest}"
        assert {str(data.PatientID) for data in found} == {"P-01"}
        assert not any(uid in told for uid in (STUDY.uid, *STUDY.series, STUDY.patient_id, *STUDY.instances))

    def test_of_what_may_not_go_leaves_no_file(self, site: Site) -> None:
        path = site.room / "nothing.zip"

        refused = site("download", "Source", "--study", ULTRASOUND.uid, "--series", ULTRASOUND.series[1],
                       "--to", str(path), "--pseudonym", "P-01")  # fmt: skip

        assert refused.returncode == 1
        assert "nothing of it may go: 2 instances excluded" in refused.stderr
        assert not path.exists()


class TestARelease:
    def test_is_for_jobs_that_pseudonymise(self, site: Site) -> None:
        job = site.json(*site.transfer(OTHER, "--pseudonym", "P-02", "--wait"))["id"]
        as_it_is = site.json(*site.transfer(OTHER, "--wait"))["id"]

        assert site.json("job", "release", str(job), "--attribute", "(0008,103E)")["released"] == ["(0008,103E)"]
        assert "does not pseudonymise" in site.refused("job", "release", str(as_it_is), "--attribute", "(0008,103E)")
        assert "is no attribute" in site.refused("job", "release", str(job), "--attribute", "x")
