"""Requests for storage commitment, and reports on it (PS3.4 J.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset

from adit.dicom.commitment import Report, commitment_request, read_report
from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData
from adit.dicom.identifier import decode, encode
from adit.dicom.refs import UID

CT = UID("1.2.840.10008.5.1.4.1.1.2")
A, B, C = UID("1.2.1"), UID("1.2.2"), UID("1.2.3")
UIDS = st.from_regex(r"[0-9][0-9.]{0,63}", fullmatch=True).map(UID)
SYNTAXES = st.sampled_from([IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN])


def told(transaction, committed=(), failed=()):
    dataset = commitment_request(transaction, dict.fromkeys(committed, CT))
    sequence = commitment_request(transaction, dict.fromkeys((uid for uid, _ in failed), CT)).ReferencedSOPSequence
    for item, (_, reason) in zip(sequence, failed, strict=True):
        if reason is not None:
            item.FailureReason = reason
    dataset.FailedSOPSequence = sequence
    return dataset


class TestARequest:
    @given(UIDS, st.dictionaries(UIDS, UIDS, min_size=1, max_size=5), SYNTAXES)
    def test_names_its_transaction_and_every_instance_with_its_class(self, transaction, instances, syntax):
        dataset = decode(encode(commitment_request(transaction, instances), syntax), syntax)

        assert dataset.TransactionUID == transaction
        assert {
            item.ReferencedSOPInstanceUID: item.ReferencedSOPClassUID for item in dataset.ReferencedSOPSequence
        } == instances


class TestAReport:
    @given(
        UIDS,
        st.frozensets(UIDS, max_size=5),
        st.dictionaries(UIDS, st.none() | st.integers(0, 0xFFFF), max_size=5),
        SYNTAXES,
    )
    def test_is_the_same_after_encoding_and_decoding(self, transaction, committed, failed, syntax):
        committed -= failed.keys()
        dataset = decode(encode(told(transaction, committed, failed.items()), syntax), syntax)

        assert read_report(dataset) == Report(transaction, committed, tuple(failed.items()))

    @given(st.binary(max_size=300), SYNTAXES)
    def test_of_arbitrary_bytes_is_read_or_called_bad(self, encoded, syntax):
        try:
            assert read_report(decode(encoded, syntax)).transaction
        except BadData:
            return

    def test_believes_a_failure_more_than_a_success(self):
        assert read_report(told(A, [B, C], [(C, 0x0110)])) == Report(A, frozenset({B}), ((C, 0x0110),))

    def test_may_lack_its_sequences(self):
        dataset = Dataset()
        dataset.TransactionUID = A

        assert read_report(dataset) == Report(A)

    def test_passes_over_what_is_named_by_no_uid(self):
        dataset = told(A, [B])
        dataset.ReferencedSOPSequence.append(Dataset())

        assert read_report(dataset).committed == {B}

    @pytest.mark.parametrize("transaction", [None, "", "*", "a/b"])
    def test_without_a_transaction_is_bad(self, transaction):
        dataset = told(A, [B])
        del dataset.TransactionUID
        if transaction is not None:
            dataset.add(DataElement(0x00081195, "LO", transaction))

        with pytest.raises(BadData, match="names no transaction"):
            read_report(dataset)
