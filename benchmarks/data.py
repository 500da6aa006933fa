"""What is moved: A is large slices, B many small ones, C one very large image, S many small studies."""

from tests.peers.data import MR_IMAGE, Study, ct_study
from tests.peers.large import large_study


def a() -> Study:
    """400 CT instances of 0.5 MB."""
    return ct_study(1, 400, size=512 * 1024, name="benchmark A")


def b() -> Study:
    """2,000 MR instances of 35 KB."""
    return ct_study(4, 500, size=35 * 1024, name="benchmark B", sop_class=MR_IMAGE)


def c() -> Study:
    """One multi-frame image of 300 MB."""
    return large_study(300_000_000, name="benchmark C")


def s() -> list[Study]:
    """50 studies of 10 small instances."""
    return [ct_study(1, 10, size=8 * 1024, name=f"benchmark S{number}") for number in range(50)]
