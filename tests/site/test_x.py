from django.db import connection
def test_x(db):
    connection.ensure_connection()
