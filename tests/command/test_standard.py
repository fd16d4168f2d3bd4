"""The SDK's standard suite, and what it does not ask."""

from __future__ import annotations

from typing import Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from singer_sdk.testing.suites import SingerTestSuite
from singer_sdk.testing.templates import StreamTestTemplate

from sandbox import ACCOUNTS, Sandbox
from tap_yonyou.compat import override
from tap_yonyou.tap import TapYonyou


class KeysAreUniqueAndNotNull(StreamTestTemplate):
    """The SDK's own test of keys passes duplicates and nulls."""

    name = "keys_are_unique_and_not_null"

    @override
    def test(self) -> None:
        keys = [
            tuple(record[key] for key in self.stream.primary_keys) for record in self.stream_records
        ]
        assert len(set(keys)) == len(keys) == 225
        assert all(value for key in keys for value in key)


class EveryFieldIsSeen(StreamTestTemplate):
    name = "every_field_is_seen"

    @override
    def test(self) -> None:
        seen = {
            name
            for record in self.stream_records
            for name, value in record.items()
            if value is not None
        }
        assert seen == self.stream.schema["properties"].keys()


# The suite builds a tap when the class is made, so that the server is up before any fixture.
_u8 = Sandbox().__enter__()


@pytest.fixture(scope="session", autouse=True)
def _shut_down() -> Any:
    yield
    _u8.__exit__()


TestTap = get_tap_test_class(
    TapYonyou,
    config={**ACCOUNTS._asdict(), "api_url": _u8.url, "page_size": 50},
    suite_config=SuiteConfig(max_records_limit=None),
    custom_suites=[SingerTestSuite("tap_stream", [KeysAreUniqueAndNotNull, EveryFieldIsSeen])],
    parse_env_config=False,
)
