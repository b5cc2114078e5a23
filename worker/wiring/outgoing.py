"""From settings to the way out: the proxy and the authorities that every connection to another machine goes by."""

from integrations.outgoing import Outgoing
from worker.config.settings import Settings


def outgoing(settings: Settings) -> Outgoing:
    """The way out that is set; without NRR_PROXY the one that the environment names for everything (HTTPS_PROXY), and NO_PROXY in any case."""
    from urllib.request import getproxies_environment  # with a client for HTTP, which who asks nobody does without

    found = getproxies_environment()
    proxy = settings.proxy.get_secret_value() if settings.proxy is not None else found.get("https")
    return Outgoing(proxy, None if settings.ca_file is None else str(settings.ca_file), found.get("no", ""))
