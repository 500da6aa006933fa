"""What holds for all tests."""

import signal
from collections.abc import Iterator

import pytest

# Whoever is started in the background of a shell ignores Ctrl-C, and hands that down to all that he starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_traces_of_other_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty what Django's flush leaves alone behind a test that commits: the audit trail, and the tickets."""
    yield
    mark = request.node.get_closest_marker("django_db")
    if not (mark and mark.kwargs.get("transaction")) and "transactional_db" not in request.fixturenames:
        return
    request.getfixturevalue("django_db_blocker").unblock()
    try:
        from django.db import connection  # noqa: PLC0415  not before the settings are read

        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
            cursor.execute("TRUNCATE audit_event")
            cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
            cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
    finally:
        request.getfixturevalue("django_db_blocker").restore()
