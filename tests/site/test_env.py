"""The configuration, the keys, the state file and the mask of the logs."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest
from django.test import RequestFactory
from environs import Env

from adit.site.database import create_once, free_port, is_free
from adit.site.env import Config, Misconfigured, read
from adit.site.keys import secret_keys
from adit.site.state import State, django_database, excluded_modalities, read_state, remove_state, write_state
from adit.site.wiring import configure_logging, mask


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("ADIT_HOME", str(tmp_path / "home"))
    return read(Env())


class TestAConfig:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("ADIT_WEB_PORT", "70000"),
            ("ADIT_WORKERS", "0"),
            ("ADIT_RECEIVER_PORT", "0"),
            ("ADIT_RECEIVER_TLS_PORT", "0"),
            ("ADIT_RECEIVER_TLS_PORT", "11112"),
            ("ADIT_RECEIVER_TLS_CA", "/etc/ssl/ca.pem"),
            ("ADIT_RECEIVER_PLAIN", "false"),
            ("ADIT_RECEIVER_WAITING", "0"),
            ("ADIT_RECEIVER_QUARANTINE_DAYS", "-1"),
            ("ADIT_RECEIVER_NETWORKS", "10.0.0.0/8,pacs.example.org"),
            ("ADIT_LEASE", "5"),
            ("ADIT_AE_TITLE", "A\\B"),
            ("ADIT_AE_TITLE", "SEVENTEENLETTERS!"),
            ("ADIT_FOLDER_ROOTS", "relative"),
            ("ADIT_NO_PROGRESS", "soon"),
            ("ADIT_LOG_FORMAT", "xml"),
        ],
    )
    def test_names_the_variable_that_it_cannot_use(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv(name, value)

        with pytest.raises(Misconfigured, match=name):
            read(Env())

    def test_excludes_modalities_in_capitals_and_each_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ADIT_EXCLUDED_MODALITIES", "pr, SR,,PR")

        assert read(Env()).excluded_modalities == ("PR", "SR")

    def test_keeps_every_state_below_its_home(self, config: Config) -> None:
        assert {path.parent for path in (config.spool, config.keys, config.logs, config.run)} == {config.home}


class TestTheKeys:
    def test_are_made_once(self, config: Config) -> None:
        assert secret_keys(config) == secret_keys(config)

    def test_two_who_create_the_same_file_get_the_same_content(self, tmp_path: Path) -> None:
        assert create_once(tmp_path / "key", "first") == create_once(tmp_path / "key", "second") == "first"


class TestTheState:
    def test_tells_what_stays_behind_where_the_environment_does_not(self, config: Config) -> None:
        assert excluded_modalities(config) == ()
        write_state(config, State(os.getpid(), "postgresql://x", "http://x", excluded_modalities=["PR", "SR"]))

        assert excluded_modalities(config) == ("PR", "SR")
        assert excluded_modalities(replace(config, excluded_modalities=("US",))) == ("US",)

    def test_counts_only_while_its_supervisor_lives(self, config: Config) -> None:
        gone = os.spawnlp(os.P_NOWAIT, "true", "true")
        os.waitpid(gone, 0)

        write_state(config, State(os.getpid(), "postgresql://a/b", "http://x/"))
        assert read_state(config) is not None
        write_state(config, State(gone, "postgresql://a/b", "http://x/"))
        assert read_state(config) is None
        remove_state(config)
        assert read_state(config) is None


class TestADatabaseURL:
    def test_may_hold_escaped_characters_and_options(self) -> None:
        found = django_database("postgresql://us%40er:p%2Fw@db:6543/adit?sslmode=require")

        assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("us@er", "p/w", "db", "6543")
        assert found["OPTIONS"]["sslmode"] == "require"

    @pytest.mark.parametrize("url", ["mysql://a/b", "postgresql://host", "nonsense"])
    def test_of_another_kind_is_refused(self, url: str) -> None:
        with pytest.raises(Misconfigured, match="DATABASE_URL"):
            django_database(url)


class TestALog:
    def test_holds_no_patient_above_debug(self) -> None:
        assert mask(None, "info", {"event": "e", "patient_id": "4711"}) == {"event": "e", "patient_id": "…"}
        assert mask(None, "debug", {"patient_id": "4711"}) == {"patient_id": "4711"}

    def test_holds_the_address_of_a_request_without_what_was_searched_for(self) -> None:
        asked = RequestFactory().get("/batch/query/jobs/3/?q=Kowalska")

        assert mask(None, "warning", {"request": asked})["request"] == "GET /batch/query/jobs/3/"

    @pytest.mark.parametrize("log_format", ["console", "json"])
    def test_holds_no_row_that_the_database_did_not_take(
        self, config: Config, log_format: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        refused = 'null value in column "work"\nDETAIL:  Failing row contains (1, DEMO-4711,\nKowalska).\n'
        try:
            configure_logging(replace(config, log_format=log_format))
            broken = RuntimeError(refused)
            broken.__cause__ = ValueError(refused)
            logging.getLogger("adit.test").error("It broke off", exc_info=broken)
        finally:
            root.handlers[:], root.level = handlers, level

        shown = capsys.readouterr().err
        assert "4711" not in shown
        assert "Kowalska" not in shown
        assert shown.count("null value in column") == 2
        assert shown.count("DETAIL:") == 2


def test_a_free_port_is_free() -> None:
    assert is_free(free_port())
