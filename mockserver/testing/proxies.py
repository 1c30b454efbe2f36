"""Whether a proxy of the environment is in the way of requests to this machine."""

from __future__ import annotations

from mockserver.settings import without_password


def proxies_in_the_way(host: str = "127.0.0.1") -> str:
    """Return which variables send requests for a host elsewhere and what to do, "" if none does."""
    # Imported here: it is needed where something failed.
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    named = {f"{kind.upper()}_PROXY": url for kind, url in proxies.items() if kind in ("http", "all")}
    if not named or proxy_bypass(host):
        return ""
    shown = ", ".join(f"{name}={without_password(url)}" for name, url in named.items())
    return f"{shown} may take requests to {host} elsewhere: set NO_PROXY=127.0.0.1,localhost"
