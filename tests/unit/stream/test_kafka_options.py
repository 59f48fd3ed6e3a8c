"""Options that librdkafka does not take: one error that names the option and shows no value."""

from __future__ import annotations

import pytest

from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings
from arbkit.stream import open_stream


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ('{"sasl.passwrd": "hunter2"}', "sasl.passwrd"),
        ('{"security.protocol": "hunter2"}', "security.protocol"),
        ('{"plugin.library.paths": "/nowhere/hunter2.so"}', ""),
        ('{"session.timeout.ms": "hunter2"}', "session.timeout.ms"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(options: str, named: str) -> None:
    settings = Settings.load(_env_file=None, log="kafka://127.0.0.1:9", kafka_options=options)
    with pytest.raises(ConfigError, match="ARBKIT_KAFKA_OPTIONS: librdkafka does not take") as caught:
        open_stream(settings)
    assert named in str(caught.value)
    assert "hunter2" not in str(caught.value)
