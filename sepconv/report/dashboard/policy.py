"""What a browser may do with our pages: nothing but show them."""

from __future__ import annotations

FILE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
"""Of one file: what stands in it may run; nothing else is loaded from anywhere."""

DIRECTORY_POLICY = FILE_POLICY.replace("script-src ", "script-src 'self' ")
"""Of a folder: the scripts that lie beside the page may run too."""

LIVE_POLICY = f"{FILE_POLICY}; connect-src 'self'"
"""Of a page that asks the server that it came from whether there is anything new."""

LIVE_HEADERS = {
    "Content-Security-Policy": (
        f"{LIVE_POLICY}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer of the server says: no other site may frame, load or read it."""

NAMES = ("127.0.0.1", "localhost", "[::1]")
HTTP_PORT = 80  # which a browser leaves out


def own_hosts(port: int) -> frozenset[str]:
    """The `Host` headers of requests that are meant for a server on this machine's `port`.

    A site elsewhere can give its own name the address 127.0.0.1 and so have a browser ask us
    (DNS rebinding); the browser then sends that name.
    """
    ports = [f":{port}", *([""] if port == HTTP_PORT else [])]
    return frozenset(name + end for name in NAMES for end in ports)


def own_origins(port: int) -> frozenset[str]:
    """The `Origin` headers of requests that our own pages make."""
    return frozenset(f"http://{host}" for host in own_hosts(port))
