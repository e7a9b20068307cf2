"""An embedded cloud reached the way AWS is: one host name for each service and Region, over TLS.

A proxy on loopback takes `CONNECT HOST:443` for AWS's own host names, answers TLS as that host with
a certificate of an authority made for the run, and passes on to the cloud what it reads. Whatever
honours `HTTPS_PROXY` and `AWS_CA_BUNDLE`, as every AWS SDK and the Terraform provider do, then runs
as it runs against real accounts, with no endpoint of its own. Every other host is refused.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html
https://docs.aws.amazon.com/general/latest/gr/rande.html
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import shutil
import ssl
import tempfile
import threading
from collections import Counter
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.cloud.http_server import HOST

_AWS = re.compile(r"(?:[a-z0-9-]+\.)+(?:amazonaws\.com|api\.aws)")
_LIFETIME = datetime.timedelta(days=7)
_HEAD = 16 * 1024
_CHUNK = 64 * 1024


class Authority:
    """A certificate authority that lives as long as its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bulkhead embedded cloud")])
        self._contexts: dict[str, ssl.SSLContext] = {}
        certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self._pem = folder / "leaf.key"
        self._pem.touch(mode=0o600)
        self._pem.write_bytes(
            self._leaf_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def context(self, host: str) -> ssl.SSLContext:
        """What serves TLS as this host."""
        if host not in self._contexts:
            common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
            issuer = self._key.public_key()
            certificate = (
                self._builder(common, self._leaf_key.public_key())
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(_usage(signs=False), critical=True)
                .add_extension(
                    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
                )
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
                )
                .sign(self._key, hashes.SHA256())
            )
            file = self._folder / f"{host}.pem"
            file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file, self._pem)
            self._contexts[host] = context
        return self._contexts[host]

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + _LIFETIME)
        )


class Front:
    """The proxy in front of one cloud. A context: within, it serves in a thread."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is the URL of the cloud, on loopback."""
        _, _, port = endpoint.rpartition(":")
        self._cloud_port = int(port)
        self._folder = Path(tempfile.mkdtemp(prefix="bulkhead-front-"))
        self._authority = Authority(self._folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="front")
        self._ready = threading.Event()
        self._port = 0
        self.hosts: Counter[str] = Counter()
        """How many connections there were, by host."""
        self.refused: list[str] = []
        """Hosts that are not AWS's, which somebody asked for."""

    def __enter__(self) -> Front:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def ca_bundle(self) -> Path:
        """The certificate to trust."""
        return self._authority.bundle

    def environ(self) -> dict[str, str]:
        """What a process needs to take the cloud for AWS, beside profiles."""
        proxy = f"http://{HOST}:{self._port}"
        return {
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
            "AWS_CA_BUNDLE": str(self.ca_bundle),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, HOST, 0))
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever closes first, and whenever, is no news; nor is the end of all.
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError
        ):
            host = await _asked_for(reader)
            if not _AWS.fullmatch(host):
                self.refused.append(host)
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
            else:
                self.hosts[host] += 1
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.drain()
                await writer.start_tls(self._authority.context(host))
                inner_reader, inner_writer = await asyncio.open_connection(HOST, self._cloud_port)
                await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        writer.close()


async def _asked_for(reader: asyncio.StreamReader) -> str:
    """The host of a CONNECT to port 443; empty for whatever else was sent."""
    head = (await reader.readuntil(b"\r\n\r\n"))[:_HEAD].decode("latin-1")
    method, _, rest = head.partition(" ")
    host, _, port = rest.split(" ")[0].rpartition(":")
    return host.lower() if method == "CONNECT" and port == "443" else ""


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    finally:
        # TLS knows no half-closed connection, and HTTP needs none.
        writer.close()


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
