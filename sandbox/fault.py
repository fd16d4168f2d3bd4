"""What can go wrong between a caller and U8, done for real on the wire."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web

JSON = "application/json;charset=UTF-8"

Good: TypeAlias = Callable[[], bytes]
Play: TypeAlias = Callable[[web.BaseRequest, Good], Awaitable[web.StreamResponse]]


def encode(reply: object) -> bytes:
    """Return `reply` as the service writes it: Chinese as UTF-8, not escaped."""
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Fault:
    """One thing going wrong, made with a constructor, ordered with ``Sandbox.fail``.

    `play` answers a request. It is handed the way to the good answer's body, and takes
    it only if it sends any of it, so that a failed log-in issues no token.
    """

    name: str
    play: Play = field(repr=False)

    @classmethod
    def reset(cls) -> Fault:
        """TCP RST instead of an answer."""
        return cls("reset", _hang_up(reset=True))

    @classmethod
    def close(cls) -> Fault:
        """Close the connection (FIN) instead of answering."""
        return cls("close", _hang_up())

    @classmethod
    def stall(cls, seconds: float) -> Fault:
        """Answer nothing for so long, then close."""
        return cls(f"stall({seconds})", _hang_up(seconds))

    @classmethod
    def cut(cls) -> Fault:
        """Send the good answer's headers and the first half of its body, then close."""
        return cls("cut", _cut)

    @classmethod
    def drip(cls, seconds: float, *, headers: bool = False) -> Fault:
        """Send the good answer a byte at a time, with so long between two of them."""

        async def play(request: web.BaseRequest, good: Good) -> web.StreamResponse:
            body = good()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
            transport, whole = request.transport, head.encode() + body
            start = 0 if headers else len(head)
            if transport is not None:
                transport.write(whole[:start])
                for byte in whole[start:]:
                    if transport.is_closing():
                        break
                    transport.write(bytes([byte]))
                    await asyncio.sleep(seconds)
                transport.abort()
            return web.Response()

        return cls(f"drip({seconds})", play)

    @classmethod
    def status(
        cls,
        code: int,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Fault:
        """Answer with this HTTP status."""

        async def play(_: web.BaseRequest, __: Good) -> web.StreamResponse:
            return web.Response(status=code, headers=headers, body=body)

        return cls(f"status({code})", play)

    @classmethod
    def body(cls, body: bytes, content_type: str = JSON) -> Fault:
        """Answer HTTP 200 with exactly these bytes."""
        return cls.status(200, {"Content-Type": content_type}, body)

    @classmethod
    def reply(cls, reply: Mapping[str, object]) -> Fault:
        """Answer HTTP 200 with this JSON object."""
        return cls.body(encode(reply))

    @classmethod
    def errcode(cls, code: str, message: str = "") -> Fault:
        """Answer HTTP 200 with an error in the vendor's shape."""
        return cls.reply({"errcode": code, "errmsg": message})

    @classmethod
    def redirect(cls, url: str) -> Fault:
        """Send the caller elsewhere (HTTP 302)."""
        return cls.status(302, {"Location": url})


def _hang_up(seconds: float = 0, *, reset: bool = False) -> Play:
    async def play(request: web.BaseRequest, _: Good) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        if (transport := request.transport) is not None:
            if reset:
                # Lingering for zero seconds is how a close becomes an RST.
                linger = struct.pack("ii", 1, 0)
                sock = transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        return web.Response()  # for aiohttp, which finds the connection gone

    return play


async def _cut(request: web.BaseRequest, good: Good) -> web.StreamResponse:
    body = good()
    headers = {"Content-Type": JSON, "Content-Length": str(len(body))}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
