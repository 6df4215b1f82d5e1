"""Settings: one reader of the environment, every problem at once, no secret told."""

import pytest

from streams.collecting.doors import doors
from streams.errors import Misconfigured
from streams.settings import LOCAL_SENDGRID_SIGNING_KEY, Settings, environ_of, table

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


def test_a_setting_is_read_from_the_file_that_its_variable_names(tmp_path):
    key, keys = tmp_path / "key", tmp_path / "keys"
    key.write_text("0123456789abcdef\n")
    keys.write_text("site local-1 until=2026-12-31\nbackend local-2 sources=segment\n")
    settings = Settings.load({"LEADSTREAM_IDENTITY_KEY_FILE": str(key), "LEADSTREAM_WRITE_KEYS_FILE": str(keys)})
    assert settings.identity_key == b"0123456789abcdef"
    assert settings.write_keys == frozenset({"site local-1 until=2026-12-31", "backend local-2 sources=segment"})


def test_a_file_that_cannot_be_used_is_told_by_its_variable_and_not_by_what_it_holds(tmp_path):
    empty, large = tmp_path / "empty", tmp_path / "large"
    empty.write_text(" \n")
    large.write_bytes(b"secret" * (1 << 18))
    told = refusal(GOOD | {
        "LEADSTREAM_IMPORT_KEY_FILE": str(tmp_path / "missing"), "LEADSTREAM_GOOGLE_ADS_KEY_FILE": str(empty), "LEADSTREAM_EVENTS_SECRET_FILE": str(large),
        "LEADSTREAM_WRITE_KEYS": "secret", "LEADSTREAM_WRITE_KEYS_FILE": str(empty), "LEADSTREAM_NOTHING_FILE": str(empty),
    })  # fmt: skip
    assert "LEADSTREAM_IMPORT_KEY cannot be read from the file that LEADSTREAM_IMPORT_KEY_FILE names: No such file" in told
    assert "LEADSTREAM_GOOGLE_ADS_KEY_FILE, that is empty" in told
    assert "LEADSTREAM_EVENTS_SECRET_FILE, that is larger than" in told
    assert "LEADSTREAM_WRITE_KEYS is set twice" in told
    assert "LEADSTREAM_NOTHING_FILE is no setting" in told
    assert "secret" not in told


def test_write_keys_have_names_of_their_own_and_are_told_without_themselves():
    assert "a name of its own" in refusal(GOOD | {"LEADSTREAM_WRITE_KEYS": "site secret-1, site secret-2"})
    told = refusal(GOOD | {"LEADSTREAM_WRITE_KEYS": "site sha256:secret"})
    assert "LEADSTREAM_WRITE_KEYS must have 64 hex digits" in told
    assert "secret" not in told


def test_what_the_environment_says_goes_before_what_the_local_stack_has(monkeypatch, tmp_path):
    key = tmp_path / "key"
    key.write_text("another-import-key")
    monkeypatch.setenv("LEADSTREAM_IMPORT_KEY_FILE", str(key))
    monkeypatch.setenv("LEADSTREAM_GOOGLE_ADS_KEY", "another")
    settings = Settings.load_local()
    assert (settings.import_key, settings.google_ads_key) == ("another-import-key", "another")


def test_proxies_are_addresses_and_networks():
    assert Settings.load(GOOD | {"LEADSTREAM_PROXIES": "10.0.0.0/8, 2001:db8::1"}).proxies == ("10.0.0.0/8", "2001:db8::1")
    assert "LEADSTREAM_PROXIES must be addresses or networks" in refusal(GOOD | {"LEADSTREAM_PROXIES": "10.0.0.0/8, localhost"})


def test_what_questions_and_forms_mean_is_read_and_a_misspelt_meaning_is_told():
    read = Settings.load(GOOD | {"LEADSTREAM_TYPEFORM_ANSWERS": "What = how much?=budget, ref-1=timeframe", "LEADSTREAM_TYPEFORM_KINDS": "F1=demo_booked,F2=custom_quiz"})
    assert read.typeform_answers == ("What = how much?=budget", "ref-1=timeframe")
    assert read.typeform_kinds == ("F1=demo_booked", "F2=custom_quiz")
    assert Settings.load(environ_of(read)) == read
    for said in ("budget", "=budget", "x=budgett", "???=budget"):
        assert "LEADSTREAM_CALENDLY_ANSWERS must be question=attribute" in refusal(GOOD | {"LEADSTREAM_CALENDLY_ANSWERS": said})
    for said in ("F1", "=demo_booked", "F1=demo_boked"):
        assert "LEADSTREAM_TYPEFORM_KINDS must be form=kind" in refusal(GOOD | {"LEADSTREAM_TYPEFORM_KINDS": said})


@pytest.mark.parametrize("said", ["Nowhere/Land", "America", "../etc/passwd", "/etc/localtime"])
def test_a_time_zone_is_one_that_exists(said):
    assert Settings.load(GOOD | {"LEADSTREAM_CALLRAIL_TIME_ZONE": "America/New_York"}).callrail_time_zone == "America/New_York"
    assert "LEADSTREAM_CALLRAIL_TIME_ZONE must be" in refusal(GOOD | {"LEADSTREAM_CALLRAIL_TIME_ZONE": said})


def test_several_secrets_of_a_sender_are_read_and_do_not_show():
    settings = Settings.load(GOOD | {f"LEADSTREAM_{name}_SECRETS": "hidden-1, hidden-2" for name in ("STRIPE", "CALENDLY", "ZOOM", "TYPEFORM", "CALLRAIL")})
    assert settings.stripe_secrets == settings.zoom_secrets == ("hidden-1", "hidden-2")
    assert "hidden" not in repr(settings)
    assert Settings.load(GOOD | {"LEADSTREAM_ZOOM_OWN_DOMAINS": "@Initech.com, initech.de"}).zoom_own_domains == ("initech.com", "initech.de")


def test_a_table_of_channels_is_read_at_start_and_all_that_is_wrong_in_it_is_told_with_the_rest(tmp_path):
    table = tmp_path / "channels.yaml"
    table.write_text("channels: [review_site]\nreferrers: {review_site: [g2.com]}\n")
    settings = Settings.load(GOOD | {"LEADSTREAM_CHANNELS": str(table)})
    assert settings.roads.road(referrer="https://www.g2.com/").channel == "review_site"
    assert settings.roads.road(referrer="https://www.google.com/").channel == "organic_search"
    table.write_text("mediums: {emial: [x]}\nsources: {email: x, odd: y}\n")
    told = refusal(GOOD | {"LEADSTREAM_CHANNELS": str(table), "LEADSTREAM_OPS_PORT": "-1"})
    assert "LEADSTREAM_CHANNELS must name a table of channels: 2 problems" in told
    assert f'{table}:1:11: mediums.emial: the channel "emial" is not known (did you mean email?)' in told
    assert f"{table}:2:21: sources.odd: " in told
    assert "LEADSTREAM_OPS_PORT " in told
    assert "cannot be read (No such file" in refusal(GOOD | {"LEADSTREAM_CHANNELS": str(tmp_path / "none.yaml")})
    assert "LEADSTREAM_CHANNELS must be the name of a table's file" in refusal(GOOD | {"LEADSTREAM_CHANNELS_FILE": str(table)})


@pytest.mark.parametrize("path", sorted({*(path for door in doors(Settings.local()) for path in door.paths), "/live", "/metrics", "/leadstream.js", "/v1/imports/x/reached"}))
def test_the_snippet_takes_no_path_that_something_else_has(path):
    assert "LEADSTREAM_SNIPPET_PATHS must be paths that no other door has" in refusal(GOOD | {"LEADSTREAM_SNIPPET_PATHS": f"/shop/basket.js, {path}"})


@pytest.mark.parametrize("said", ["shop.js", "/shop/", "/a b", "/shop/page", "//x", "/{x}", "/é"])
def test_a_path_for_the_snippet_is_plain(said):
    assert Settings.load(GOOD | {"LEADSTREAM_SNIPPET_PATHS": "/shop/basket.js,/x"}).snippet_paths == ("/shop/basket.js", "/x")
    assert "LEADSTREAM_SNIPPET_PATHS must be paths" in refusal(GOOD | {"LEADSTREAM_SNIPPET_PATHS": said})
