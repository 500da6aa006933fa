"""A batch query of a file against Orthanc, with one worker: `python -m benchmarks.batch_query`.

Prints rows a second from the start of the job to its end; at least 25 are wanted. Rows know patients by their ids, by
names and birth dates, or by accession numbers; with `--series` they look for series.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

from benchmarks.pairs import running
from tests.peers.data import Study, ct_study

WANTED = 25.0
"""Rows a second."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch_query", description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    studies = [_study(number) for number in range(chosen.rows)]
    with tempfile.TemporaryDirectory(prefix="adit-benchmark-") as temporary:
        place = Path(temporary)
        with running(place, *studies) as (adit, _pacs):
            for name, columns in _FILES.items():
                file = place / f"{name.replace(' ', '-')}.csv"
                _write(file, studies, columns)
                rates = []
                for number in range(chosen.repeats):
                    out = place / f"{file.stem}-{number}.xlsx"
                    told = adit("batch", "query", str(file), "--from", "source", "--out", str(out))
                    assert told["lines"] == {"found": len(studies)}, told
                    rates.append(len(studies) / told["seconds"])
                rate = sorted(rates)[len(rates) // 2]
                print(f"{len(studies)} rows {name:<24}{rate:7.0f} rows a second (at least {WANTED:.0f})", flush=True)


def _study(number: int) -> Study:
    return ct_study(1, 1, size=128, name=f"batch {number}", patient_name=f"Patient^Number {number:05}")


_FILES: dict[str, tuple[str, ...]] = {
    "by PatientID": ("PatientID",),
    "by name and birth date": ("PatientName", "PatientBirthDate"),
    "for series": ("PatientID", "SeriesNumber"),
}


def _write(file: Path, studies: list[Study], columns: tuple[str, ...]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        table = csv.writer(opened)
        table.writerow(columns)
        for study in studies:
            values = {
                "PatientID": study.patient_id,
                "PatientName": study.patient_name,
                "PatientBirthDate": "1954-03-12",
                "SeriesNumber": "1",
            }
            table.writerow([values[column] for column in columns])


if __name__ == "__main__":
    main()
