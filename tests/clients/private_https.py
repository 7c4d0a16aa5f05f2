"""Owns https at a private address of this machine, behind the fence: the address, an authority of its own, and a front that
passes everything on to a service, as a reverse proxy does.

For clients that take nothing from loopback, or nothing without https.
"""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import ipaddress
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import hdrs, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

ADDRESS = "10.99.0.1"

_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C  # linux/sockios.h
_HOP = {hdrs.CONNECTION, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_LENGTH, hdrs.DATE, hdrs.SERVER, hdrs.KEEP_ALIVE}


@asynccontextmanager
async def front(listening: socket.socket, context: ssl.SSLContext, to: str) -> AsyncIterator[None]:
    """What a reverse proxy does: https outside, the same requests to the service inside."""
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def pass_on(request: web.Request) -> web.Response:
            url = URL(f"{to}{request.raw_path}", encoded=True)
            headers = {name: value for name, value in request.headers.items() if name not in _HOP}
            async with session.request(request.method, url, headers=headers, allow_redirects=False) as answer:
                kept = [(name, value) for name, value in answer.headers.items() if name not in _HOP]
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)

        application = web.Application()
        application.router.add_route(hdrs.METH_ANY, "/{tail:.*}", pass_on)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.SockSite(runner, listening, ssl_context=context).start()
            yield
        finally:
            await runner.cleanup()


def authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate for the address that vouches for itself, and where Claude Code is told of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the clients")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(str(folder).encode()).digest()[:8]) or 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, secret = folder / "authority.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, secret)
    return context, public


def have_address() -> None:
    """Give the fence's loopback a second, private address. Raises: OSError where this may not be done."""
    if sys.platform != "linux":
        raise OSError("there are fences on Linux only")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for request, address in ((_SIOCSIFADDR, ADDRESS), (_SIOCSIFNETMASK, "255.255.255.255")):
            interface = struct.pack("16sH2s4s8x", b"lo:1", socket.AF_INET, b"\0\0", socket.inet_aton(address))
            fcntl.ioctl(any_socket, request, interface)
    with socket.create_server((ADDRESS, 0)):
        pass
