import pytest
from django.core.management import call_command
@pytest.mark.django_db
def test_mm():
    call_command("makemigrations", "--check", "--dry-run")
