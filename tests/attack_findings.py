"""What an attack has found and not mended; each test fails. Run it by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import Fault, Sandbox, rows
from tap_yonyou.check import check
from tap_yonyou.u8.wire import Wire
from tests.in_process import InProcess
from tests.orders import settled

if TYPE_CHECKING:
    import pytest

    from tests.conftest import Read, RunTap


def test_a_filter_that_hides_the_other_document_with_a_code(tap: RunTap) -> None:
    """Lines of the receipt are written as those of the payment, with exit code 0."""
    with Sandbox(tables={"accept": settled(rows("accept", 1))}) as u8:
        receipt = u8.tables["accept"][0] | {"vouchtype": "48", "vouchdate": "2024-01-01"}
        payment = receipt | {"vouchtype": "49", "vouchdate": "2026-06-01"}
        u8.tables["accept"] = [receipt, payment]
        later = {"accept": {"vouchdate_begin": "2025-01-01"}}
        run = tap(streams=["accept_entry"], api_url=u8.url, filters=later, max_attempts=1)
        assert run.code == 1, [(one["vouchcode"], one["vouchtype"]) for one in run.records]


def test_a_document_that_could_not_be_read_is_not_unchanged(read: Read) -> None:
    """Of two new documents one fails: tap_yonyou_reads counts it as unchanged."""
    with Sandbox(tables={"saleorder": settled(rows("saleorder", 3))}) as u8:
        given: dict[str, Any] = {"streams": ["saleorder_entry", "tap_yonyou_reads"]}
        given |= {"api_url": u8.url, "max_attempts": 1}
        table, u8.tables["saleorder"] = u8.tables["saleorder"], u8.tables["saleorder"][:1]
        read(**given)
        u8.tables["saleorder"] = table
        u8.fail(Fault.errcode("20006"), endpoint="get", document=str(table[2]["code"]))
        (one,) = [r for r in read(**given).records if "run_id" in r]
        assert (one["rows_new"], one["rows_unchanged"]) == (1, 1)


def test_a_check_survives_a_date_without_a_zone(
    u8: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Date: … -0000` is naive, another text is none: no report, and the error of a bug."""
    get = Wire.get

    def dated(self: Wire, *args: Any) -> bytes:
        body = get(self, *args)
        self.date = "Fri, 27 Nov 2026 22:00:00 -0000"
        return body

    monkeypatch.setattr(Wire, "get", dated)
    _, failed = check(InProcess(u8, "customercontacts").tap.config)
    assert failed == []
