"""The forty patients of the demo and their studies. All are invented."""

from collections.abc import Callable
from functools import cache

from adit.site.demo.description import DemoPatient, DemoSeries, DemoStudy, Kind

JAPANESE = "\\ISO 2022 IR 87"
JAPANESE_WITH_KATAKANA = "ISO 2022 IR 13\\ISO 2022 IR 87"
KOREAN = "\\ISO 2022 IR 149"
CHINESE = "GB18030"
CYRILLIC = "ISO_IR 144"
CENTRAL_EUROPEAN = "ISO_IR 101"
GREEK = "ISO_IR 126"
TURKISH = "ISO_IR 148"
UNICODE = "ISO_IR 192"

_Series = tuple[DemoSeries, ...]


def _ct_thorax(key: str, count: int = 60, edge: int = 256, number: int = 2) -> DemoSeries:
    description = "Thorax 1.0 B31f"
    return DemoSeries(f"{key} ct", Kind.CT_THORAX, number, description, "CHEST", count, edge)


def thorax(key: str) -> _Series:
    """A routine CT of the chest with its dose sheet."""
    return (_ct_thorax(key), DemoSeries(f"{key} dose", Kind.DOSE_SHEET, 501, "Patient Protocol", "CHEST", 1, 512))


def large_thorax(key: str) -> _Series:
    """300 thin slices, a dose sheet and a dose report."""
    return (
        _ct_thorax(key, 300, 512),
        DemoSeries(f"{key} sheet", Kind.DOSE_SHEET, 501, "Patient Protocol", "CHEST", 1, 512),
        DemoSeries(f"{key} report", Kind.DOSE_REPORT, 502, "Radiation Dose Report", "CHEST", 1),
    )


def head(key: str) -> _Series:
    """A CT of the head."""
    return (DemoSeries(f"{key} ct", Kind.CT_HEAD, 2, "Kopf nativ 1.0 H31s", "HEAD", 40, 256),)


def large_head(key: str) -> _Series:
    """300 slices of a head."""
    return (DemoSeries(f"{key} ct", Kind.CT_HEAD, 2, "Kopf nativ 0.6 H60s", "HEAD", 300, 256),)


def brain(key: str) -> _Series:
    """An MR of the brain, T1 and T2."""
    return (
        DemoSeries(f"{key} t1", Kind.MR_T1, 3, "T1 MPRAGE tra", "BRAIN", 32, 256),
        DemoSeries(f"{key} t2", Kind.MR_T2, 4, "T2 TSE tra", "BRAIN", 32, 256),
    )


def brain_with_names(key: str) -> _Series:
    """An MR with the patient's name where nobody looks for it."""
    return (
        DemoSeries(f"{key} t1", Kind.MR_T1, 3, "T1 MPRAGE sag Kowalska 12.3.1954", "BRAIN", 32, 256),
        DemoSeries(f"{key} t2", Kind.MR_T2, 4, "T2 TSE tra", "BRAIN", 32, 256, private_name=True),
    )


def chest(key: str) -> _Series:
    """Two chest radiographs."""
    return (DemoSeries(f"{key} cr", Kind.CHEST_RADIOGRAPH, 1, "Thorax p.a.", "CHEST", 2, 1024),)


def ultrasound(key: str) -> _Series:
    """Ultrasound with text burned into the pixels."""
    return (DemoSeries(f"{key} us", Kind.ULTRASOUND, 1, "Abdomen", "ABDOMEN", 6, 480),)


def planning(key: str) -> _Series:
    """A planning CT with structures and a segmentation that point at it."""
    ct = _ct_thorax(key, 80)
    at = (ct.key, ct.count)
    return (
        ct,
        DemoSeries(f"{key} structures", Kind.STRUCTURES, 601, "Structures", "CHEST", 1, of=at),
        DemoSeries(f"{key} seg", Kind.SEGMENTATION, 602, "Lungs", "CHEST", 1, 256, of=at),
    )


def miscounted(key: str) -> _Series:
    """412 slices, for the PACS that says success and sends fewer."""
    return (_ct_thorax(key, 412),)


_PEOPLE: tuple[tuple[str, str, str, str, tuple[tuple[Callable[[str], _Series], str, str], ...]], ...] = (
    # Name; birth date; sex; character set; studies as (series, date, description).
    ("Müller^Jürgen", "19630817", "M", "", (
        (large_thorax, "20260914", "CT Thorax"),
        (large_thorax, "20250903", "CT Thorax"))),
    ("Schröder^Käthe", "19330521", "F", "", ((chest, "20261102", "Röntgen Thorax"), (thorax, "20261103", "CT Thorax"))),
    ("Weiß^Kind von Jana", "20261112", "O", "", ((ultrasound, "20261113", "Sonographie Schädel Neugeborenes"),)),
    ("Öztürk^Selin", "19880204", "F", UNICODE, ((brain, "20260706", "MRT Kopf"),)),
    ("Kowalska^Irena", "19540312", "F", CENTRAL_EUROPEAN, (
        (brain_with_names, "20260519", "MRT Kopf"),
        (brain, "20240522", "MRT Kopf"))),
    ("Tanaka^Hanako=田中^花子=たなか^はなこ", "19710430", "F", JAPANESE, ((thorax, "20260812", "CT Chest"),)),
    ("ｻﾄｳ^ｹﾝｼﾞ=佐藤^健二=さとう^けんじ", "19591103", "M", JAPANESE_WITH_KATAKANA, ((head, "20260331", "CT Head"),)),
    ("Kim^Minji=金^珉志=김^민지", "19930625", "F", KOREAN, ((brain, "20260420", "MR Brain"),)),
    ("Park^Jiho=朴^智皓=박^지호", "19800119", "M", KOREAN, ((chest, "20260115", "Chest PA"),)),
    ("Wang^Xiaoling=王^小玲", "19760908", "F", CHINESE, ((thorax, "20260622", "CT Chest"),)),
    ("Li^Weiguo=李^卫国", "19480216", "M", CHINESE, ((head, "20261005", "CT Head"),)),
    ("Смирнова^Ольга^Петровна", "19671224", "F", CYRILLIC, ((thorax, "20260227", "CT Thorax"),)),
    ("Коваленко^Андрій", "19851010", "M", UNICODE, ((ultrasound, "20260303", "Sonographie Abdomen"),)),
    ("Папазов^Георги", "19410707", "M", CYRILLIC, ((chest, "20260928", "Thorax p.a."),)),
    ("Παπαδάκης^Νίκος", "19620402", "M", GREEK, ((planning, "20260817", "CT Bestrahlungsplanung"),)),
    ("Yılmaz^Ayşe", "19790927", "F", TURKISH, ((brain, "20260608", "MRT Kopf"),)),
    ("Dvořák^Jiří", "19560113", "M", CENTRAL_EUROPEAN, ((planning, "20261019", "CT Bestrahlungsplanung"),)),
    ("Łukasiewicz^Zofia", "19901130", "F", CENTRAL_EUROPEAN, ((ultrasound, "20260211", "Sonographie Abdomen"),)),
    ("Håkansson^Björn", "19721005", "M", "", ((large_head, "20260730", "CT Schädel"),)),
    ("Sørensen^Åse", "19840818", "F", "", ((brain, "20260407", "MRT Kopf"),)),
    ("Lefèvre^Anaïs", "20010214", "F", "", ((chest, "20260525", "Röntgen Thorax"),)),
    ("Núñez^José^María", "19690601", "M", "", ((thorax, "20260721", "CT Thorax"),)),
    ("O'Neill^Siobhán", "19820317", "F", "", ((brain, "20260112", "MRT Kopf"),)),
    ("von der Heide^Friedrich^^Prof. Dr.", "19510926", "M", "", (
        (head, "20260909", "CT Schädel"),
        (head, "20260910", "CT Schädel Kontrolle"))),
    ("Nguyễn^Thị Lan", "19950505", "F", UNICODE, ((ultrasound, "20260818", "Sonographie Abdomen"),)),
    ("Haddad^Leila=حداد^ليلى", "19870728", "F", UNICODE, ((brain, "20261026", "MRT Kopf"),)),
    ("Ben-Ami^Noa=בן־עמי^נועה", "19991231", "F", UNICODE, ((chest, "20260619", "Röntgen Thorax"),)),
    ("Schmidt^Anna", "19750410", "F", "", ((thorax, "20260504", "CT Thorax"),)),
    ("Schmidt^Anna", "19940822", "F", "", ((chest, "20260505", "Röntgen Thorax"),)),
    ("SCHMIDT^ANNA MARIA", "19750410", "F", "", ((ultrasound, "20260513", "Sonographie Abdomen"),)),
    ("Meyer^Karl-Heinz", "19440105", "M", "", (
        (chest, "20261001", "Röntgen Thorax"),
        (chest, "20251002", "Röntgen Thorax"),
        (chest, "20241003", "Röntgen Thorax"))),
    ("Fischer^Lukas", "20180523", "M", "", ((ultrasound, "20260416", "Sonographie Abdomen"),)),
    ("Braun^Emilia", "20130909", "F", "", ((brain, "20260824", "MRT Kopf"),)),
    ("Großmann^Günther", "19390228", "M", "", ((thorax, "20260131", "CT Thorax"),)),
    ("Kühn^Bärbel", "19600229", "F", "", ((head, "20260227", "CT Schädel"),)),
    ("Jäger^Sören", "19970616", "M", "", ((thorax, "20261111", "CT Thorax"),)),
    ("Zhang^Min=張^敏", "19830303", "F", UNICODE, ((chest, "20260714", "Chest PA"),)),
    ("Mbeki^Thandiwe", "19911220", "F", "", ((ultrasound, "20260306", "Sonographie Schilddrüse"),)),
    ("Silva^João^Antônio", "19580813", "M", "", ((planning, "20260209", "CT Bestrahlungsplanung"),)),
    ("D'Angelo^Chiara", "19890701", "F", "", ((brain, "20260601", "MRT Kopf"),)),
)  # fmt: skip


@cache
def studies() -> tuple[DemoStudy, ...]:
    """What the source PACS of the demo holds. The first is the one that `adit demo` transfers."""
    found: list[DemoStudy] = []
    for number, (name, birth_date, sex, character_set, examinations) in enumerate(_PEOPLE, 1):
        patient = DemoPatient(f"DEMO-{1000 + number * 7}", name, birth_date, sex, character_set or "ISO_IR 100")
        for series, date, description in examinations:
            found.append(_study(patient, series, date, description, len(found) + 1))
    return tuple(found)


@cache
def miscounted_study() -> DemoStudy:
    """What the PACS holds that says success and sends fewer: one study of 412 instances."""
    patient = DemoPatient("DEMO-4120", "Unruh^Ludwig", "19661013", "M")
    return _study(patient, miscounted, "20261120", "CT Thorax", 900)


def _study(
    patient: DemoPatient, series: Callable[[str], _Series], date: str, description: str, number: int
) -> DemoStudy:
    key = f"{patient.id} {date}"
    time = f"{8 + number % 10:02}{number * 7 % 60:02}{number * 13 % 60:02}"
    return DemoStudy(key, patient, date, time, description, f"ACC{70000 + number * 11}", series(key))
