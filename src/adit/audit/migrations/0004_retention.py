"""Old events may go, through one function and by nobody else.

The function runs as the role `adit_audit_keeper`, which nobody logs in as, and the trigger lets only that
role delete. A database account that may not make roles needs the role beforehand; `docs/admin/audit.md` says how.
"""

from django.db import migrations, models

KEEPER = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'adit_audit_keeper') THEN
        CREATE ROLE adit_audit_keeper NOLOGIN;
    END IF;
-- Another database of the same server is being set up at the same moment.
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role adit_audit_keeper is missing, and % may not make it: see docs/admin/audit.md',
            current_user;
END
$$;
GRANT SELECT, INSERT, DELETE ON audit_event TO adit_audit_keeper;
GRANT USAGE ON SEQUENCE audit_event_id_seq TO adit_audit_keeper;

CREATE OR REPLACE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'adit_audit_keeper' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION audit_prune(earliest timestamptz, whom text, whom_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    gone bigint;
BEGIN
    IF earliest > now() - interval '30 days' THEN
        RAISE EXCEPTION 'what is younger than 30 days stays in the audit trail'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM audit_event WHERE time < earliest;
    GET DIAGNOSTICS gone = ROW_COUNT;
    INSERT INTO audit_event (actor, actor_id, "group", action, outcome, patient_id, study_uid, nodes, details)
    VALUES (whom, whom_id, '', 'audit.pruned', 'done', '', '', '{}',
            jsonb_build_object('before', to_char(earliest AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                               'events', gone));
    RETURN gone;
END
$$;
REVOKE EXECUTE ON FUNCTION audit_prune(timestamptz, text, bigint) FROM PUBLIC;

DO $$
DECLARE
    place text := current_schema();
    caller text := current_user;
    -- Who is no superuser must be able to become somebody to give them something, and should not stay so. Since
    -- PostgreSQL 16 whoever makes a role is a member who cannot become it.
    joins boolean := NOT pg_has_role(
        current_user, 'adit_audit_keeper',
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END
    );
    creates boolean := NOT has_schema_privilege('adit_audit_keeper', current_schema(), 'CREATE');
BEGIN
    -- Not what a caller's search path makes of the names inside.
    EXECUTE format('ALTER FUNCTION audit_prune(timestamptz, text, bigint) SET search_path = %I, pg_temp', place);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO adit_audit_keeper', place);
    IF creates THEN
        EXECUTE format('GRANT CREATE ON SCHEMA %I TO adit_audit_keeper', place);
    END IF;
    IF joins THEN
        EXECUTE format('GRANT adit_audit_keeper TO %I', current_user);
    END IF;
    ALTER FUNCTION audit_prune(timestamptz, text, bigint) OWNER TO adit_audit_keeper;
    -- With the owner what the old one was granted went to the new one; only that one can give it back.
    SET LOCAL ROLE adit_audit_keeper;
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit_prune(timestamptz, text, bigint) TO %I', caller);
    EXECUTE format('SET LOCAL ROLE %I', caller);
    IF joins THEN
        EXECUTE format('REVOKE adit_audit_keeper FROM %I', current_user);
    END IF;
    IF creates THEN
        EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM adit_audit_keeper', place);
    END IF;
END
$$;
"""

LIFT = """
DROP FUNCTION audit_prune(timestamptz, text, bigint);
CREATE OR REPLACE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON audit_event FROM adit_audit_keeper;
REVOKE ALL ON SEQUENCE audit_event_id_seq FROM adit_audit_keeper;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_permissions")]

    operations = [
        migrations.AlterModelOptions("event", options={"ordering": ["-time", "-id"]}),
        migrations.AddIndex("event", models.Index(fields=["action", "time"], name="audit_action")),
        migrations.RunSQL(KEEPER, LIFT),
        migrations.AlterModelOptions(
            "event",
            options={
                "managed": False,
                "ordering": ["-time", "-id"],
                "permissions": [
                    ("can_view_audit", "Can read the audit trail"),
                    ("can_search_patients", "Can search the audit trail for patients and studies"),
                ],
            },
        ),
    ]
