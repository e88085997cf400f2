"""An OpenID Connect provider on loopback for tests."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from urllib.parse import parse_qs

from tests.kube.servers import Authority, serving


def jwt(expires: datetime, name: str = "t") -> str:
    """A token with an expiry that nobody signed."""

    def part(content: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'exp': expires.timestamp(), 'sub': name})}.c2ln"


class Provider:
    """Answers discovery and one refresh token at a time; each answer brings the next."""

    def __init__(self, next_token: str, *, rotates: bool = True) -> None:
        self.authority = Authority()
        self.next_token = next_token
        self.refresh_token = "refresh-1"
        self.rotates = rotates
        self.methods: list[str] | None = None
        self.secret: str | None = None
        self.discovered = 0
        self.asked: list[dict[str, str]] = []
        self.logins: list[str] = []
        self.endpoint: str | None = None
        self.url = ""

    @contextlib.asynccontextmanager
    async def running(self, certificate: Authority | None = None) -> AsyncIterator[Provider]:
        context = (certificate or self.authority).server()
        async with serving(self._serve, context) as port:
            self.url = f"https://127.0.0.1:{port}/realm"
            yield self

    def settings(self, **more: str) -> dict[str, str]:
        """What a kubeconfig's auth-provider section says."""
        return {
            "client-id": "kubernetes",
            "idp-issuer-url": self.url,
            "idp-certificate-authority-data": base64.b64encode(self.authority.pem).decode(),
            "refresh-token": "refresh-1",
            **more,
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            status, answer = await self._answer(head, reader)
            body = json.dumps(answer).encode()
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            writer.write(body)

    async def _answer(self, head: str, reader: asyncio.StreamReader) -> tuple[int, object]:
        if head.startswith("GET /realm/.well-known/openid-configuration "):
            self.discovered += 1
            document = {"token_endpoint": self.endpoint or f"{self.url}/token"}
            if self.methods is not None:
                return 200, {**document, "token_endpoint_auth_methods_supported": self.methods}
            return 200, document
        assert head.startswith("POST /realm/token ")
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
        form = parse_qs((await reader.readexactly(int(headers["Content-Length"]))).decode())
        asked = {key: values[0] for key, values in form.items()}
        self.asked.append(asked)
        self.logins.append(headers.get("Authorization", ""))
        if asked["refresh_token"] != self.refresh_token:
            return 400, {"error": "invalid_grant", "error_description": "Session not active"}
        if not self.rotates:
            return 200, {"id_token": self.next_token}
        self.refresh_token = f"refresh-{len(self.asked) + 1}"
        return 200, {"id_token": self.next_token, "refresh_token": self.refresh_token}
