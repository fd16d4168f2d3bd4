"""What can go wrong, and what each `errcode` means.

The vendor publishes no list of error codes. `ERRCODES` holds what is attested; everything
else is shown with its code and message as they came.
"""

from __future__ import annotations

from typing import Final

from singer_sdk.exceptions import FatalAPIError, SingerSDKError

#: Fine. A reply without an `errcode` counts as this one if its rows are there.
OK: Final = "0"
#: 未检索到匹配的[…]: nothing matches, which is an answer and no error.
NO_MATCH: Final = "20002"

#: What to do about an `errcode`, where that is known (source: the vendor's page, real replies).
ERRCODES: Final = {
    "30012": "the token was not accepted; check that `token`, or `app_key` and `app_secret`, "
    "belong to this app and to `from_account`",
    "30021": "the app is not published, or the enterprise account has not approved it: publish it "
    "in the developer account and have it approved, then run again",
}


class TapError(SingerSDKError):
    """An error a person can act on.

    Its text is the whole story in one line and holds neither a secret nor a value of a record.
    """


class SettingsError(TapError):
    """The configuration, the catalog or the state cannot be used; nothing was requested."""


class U8Error(TapError, FatalAPIError):
    """U8 or the gateway answered, and the answer ends the run."""


def errcode_text(errcode: str, errmsg: str) -> str:
    """Word an `errcode` for a log line.

    Args:
        errcode: The code as the reply has it.
        errmsg: The message beside it, which may be empty.

    Returns:
        For example `errcode 30021 (此应用未上线): the app is not published, …`.
    """
    text = f"errcode {one_line(errcode)}"
    if errmsg:
        text += f" ({one_line(errmsg)})"
    return f"{text}: {ERRCODES[errcode]}" if errcode in ERRCODES else text


def one_line(text: str, limit: int = 200) -> str:
    """Shorten a text of the server to what fits a log line.

    Args:
        text: Any text.
        limit: The most characters to keep.

    Returns:
        The text in one line, cut after `limit` characters.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= limit else f"{text[:limit]}…"
