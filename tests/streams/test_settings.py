"""Settings: one reader of the environment, every problem at once, no secret told."""

import pytest

from streams.errors import Misconfigured
from streams.settings import LOCAL_SENDGRID_SIGNING_KEY, Settings, table

GOOD = {"LEADSTREAM_IDENTITY_KEY": "0123456789abcdef"}


def refusal(environ) -> str:
    with pytest.raises(Misconfigured) as caught:
        Settings.load(environ)
    return str(caught.value)


def test_defaults_suit_the_local_stack_and_only_the_identity_key_must_be_given():
    settings = Settings.load(GOOD)
    assert (settings.kafka, settings.collector_port, settings.body_bytes_max) == ("127.0.0.1:19092", 8080, 1 << 20)
    assert (settings.identity_key, settings.write_keys, settings.names.prefix) == (b"0123456789abcdef", frozenset(), "")
    assert "LEADSTREAM_IDENTITY_KEY" in refusal({})
    assert "LEADSTREAM_IDENTITY_KEY" in refusal({"LEADSTREAM_IDENTITY_KEY": " "})


def test_every_setting_is_read_from_its_variable():
    settings = Settings.load(GOOD | {
        "LEADSTREAM_KAFKA": "one:9092, [::1]:9093", "LEADSTREAM_PREFIX": "eu.", "LEADSTREAM_WRITE_KEYS": "a, b ,,", "LEADSTREAM_IMPORT_KEY": "i",
        "LEADSTREAM_COLLECTOR_HOST": "0.0.0.0", "LEADSTREAM_COLLECTOR_PORT": "0", "LEADSTREAM_ACK_TIMEOUT_S": "2.5",
        "LEADSTREAM_SENDGRID_CRM_ID_ARGUMENTS": "contact", "LEADSTREAM_CLICKHOUSE_PASSWORD": "p", "PATH": "/bin",
    })  # fmt: skip
    assert (settings.kafka, settings.prefix, settings.write_keys, settings.import_key) == ("one:9092,[::1]:9093", "eu.", frozenset({"a", "b"}), "i")
    assert (settings.collector_host, settings.collector_port, settings.ack_timeout_s) == ("0.0.0.0", 0, 2.5)
    assert (settings.sendgrid_crm_id_arguments, settings.clickhouse_password) == (("contact",), "p")
    assert settings.names.topic("touchpoints.web") == "eu.touchpoints.web"


def test_all_problems_are_told_at_once_and_no_value():
    told = refusal({
        "LEADSTREAM_IDENTITY_KEY": "short-secret", "LEADSTREAM_KAFKA": "nowhere-secret", "LEADSTREAM_COLLECTOR_PORT": "99999", "LEADSTREAM_OPS_PORT": "-1",
        "LEADSTREAM_ACK_TIMEOUT_S": "nan", "LEADSTREAM_EVENTS_SECRET": "whsec_secret", "LEADSTREAM_SENDGRID_PUBLIC_KEY": "secret",
        "LEADSTREAM_PREFIX": "a secret", "LEADSTREAM_BODY_BYTES_MAX": "1e6", "LEADSTREAM_WRITE_KEY": "secret", "LEADSTREAM_QQQ": "secret",
    })  # fmt: skip
    for name in ("IDENTITY_KEY", "KAFKA", "COLLECTOR_PORT", "OPS_PORT", "ACK_TIMEOUT_S", "EVENTS_SECRET", "SENDGRID_PUBLIC_KEY", "PREFIX", "BODY_BYTES_MAX", "QQQ"):
        assert f"LEADSTREAM_{name} " in told
    assert "did you mean LEADSTREAM_WRITE_KEYS?" in told
    assert "secret" not in told.replace("EVENTS_SECRET", "").replace("whsec_ and base64", "")


@pytest.mark.parametrize("name", ["COLLECTOR_PORT", "REPLICATION", "REQUESTS_MAX", "BODY_BYTES_MAX", "EVENTS_WINDOW_S"])
@pytest.mark.parametrize("said", ["x", "1.5", "-3", "１２", "9" * 400, "0x10"])
def test_a_number_that_is_none_is_told_with_its_bounds(name, said):
    assert f"LEADSTREAM_{name} must be a whole number from" in refusal(GOOD | {f"LEADSTREAM_{name}": said})


def test_a_body_is_never_larger_than_what_a_dead_letter_can_keep():
    assert "LEADSTREAM_BODY_BYTES_MAX" in refusal(GOOD | {"LEADSTREAM_BODY_BYTES_MAX": str(5 << 20)})


def test_secrets_do_not_show():
    secrets = {"IDENTITY_KEY": "secret-0123456789", "WRITE_KEYS": "secret-1", "IMPORT_KEY": "secret-2", "GOOGLE_ADS_KEY": "secret-3", "CLICKHOUSE_PASSWORD": "secret-4"}
    settings = Settings.load({f"LEADSTREAM_{name}": value for name, value in secrets.items()})
    assert "secret" not in repr(settings)
    assert "secret" not in str(settings)


def test_local_settings_open_every_door_and_take_other_values():
    settings = Settings.local(collector_port=0)
    assert settings.write_keys
    assert all((settings.import_key, settings.google_ads_key, settings.events_secret, settings.sendgrid_public_key, settings.identity_key))
    assert settings.collector_port == 0
    assert LOCAL_SENDGRID_SIGNING_KEY


def test_the_table_names_every_setting_once_with_its_use():
    names = [name for name, _, _ in table()]
    assert len(set(names)) == len(names)
    assert all(about for _, _, about in table())
    assert {"LEADSTREAM_KAFKA", "LEADSTREAM_IDENTITY_KEY", "LEADSTREAM_COMMIT_EVERY_S"} <= set(names)
