"""Bytes as text in URLs and JSON (RFC 4648, 5). Pure."""

import base64


def base64url(content: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    """With padding or without. Raises `ValueError`."""
    bare = text.rstrip("=").encode("ascii")
    return base64.b64decode(bare + b"=" * (-len(bare) % 4), b"-_", validate=True)
