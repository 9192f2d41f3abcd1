"""Whether the interceptor's URL is reached from here, and its certificate would be trusted."""

import http.client
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from runner.finding import Finding

LIMIT_S = 5.0
SERVER_ERROR = 500


def reach(url: str) -> Finding:
    """Ask the URL's server for anything: whatever it answers, it is reached."""
    if url.startswith("replay:"):
        file = Path(url.removeprefix("replay:"))
        there = file.is_file()
        return Finding(
            "inference", "ok" if there else "missing", f"{file} {'is' if there else 'is not'} there"
        )
    try:
        status = _ask(url)
    except ValueError as error:
        return Finding("inference", "missing", f"{url} is no URL: {error}", "give it as https://host/path")
    except ssl.SSLCertVerificationError as error:
        text = f"{url}: its certificate is not trusted here: {error.verify_message}"
        return Finding("inference", "missing", text, "install ca-certificates, or the proxy's own")
    except (OSError, http.client.HTTPException) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        text = f"{url} is not reached: {why}"
        return Finding("inference", "missing", text, "allow the sandbox to reach that host")
    return Finding(
        "inference",
        "warning" if status >= SERVER_ERROR else "ok",
        f"{urlsplit(url).netloc} answers (HTTP {status})",
    )


def _ask(url: str) -> int:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it has no http:// or https:// host")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=LIMIT_S)
    try:
        connection.request("HEAD", parts.path or "/")
        return connection.getresponse().status
    except socket.gaierror as error:
        raise OSError(error.errno, f"no address for {parts.hostname}") from None
    finally:
        connection.close()


def certificates() -> Finding:
    """Say whether there is anything to check a server's certificate against."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return Finding("certificates", "ok", paths.cafile)
    if paths.capath and any(Path(paths.capath).iterdir()):
        return Finding("certificates", "ok", paths.capath)
    text = f"none at {paths.openssl_cafile} or in {paths.openssl_capath}: no https URL will be trusted"
    return Finding("certificates", "warning", text, "install ca-certificates in the image")
