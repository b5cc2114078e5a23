"""What reading, workers and alerts would refuse of the settings, all of it at once and before anything is connected."""

from typing import Final

from worker.config.load import Loaded, account_key
from worker.config.settings import BadSettings, Settings

SHORTEST_TOKEN: Final = 16
"""Signs of the token that `nrr serve` asks for: fewer could be guessed."""


def setting_faults(loaded: Loaded) -> list[str]:
    """Every fault beyond those that loading finds: keys that are none, channels that can't work, rules that can't be watched, a token that is too short."""
    return [*key_faults(loaded.settings), *_channels(loaded.settings), *_rules(loaded), *_token(loaded.settings)]


def key_faults(settings: Settings) -> list[str]:
    """The keys that can't read Stripe, each with why."""
    from integrations.stripe.credentials import what_key

    out: list[str] = []
    for name, table in settings.accounts.items():
        try:
            key = account_key(name, table)
        except BadSettings as error:
            out += error.faults
        else:
            out += [f"accounts.{name}: {why}"] if (why := what_key(key)) else []
    if settings.stripe_api_key is not None and (why := what_key(settings.stripe_api_key.get_secret_value())):
        out.append(f"STRIPE_API_KEY: {why}")
    return out


def _channels(settings: Settings) -> list[str]:
    from worker.wiring.channels import open_channels

    try:
        open_channels(settings, lambda _seconds: None)
    except BadSettings as error:
        return list(error.faults)
    return []


def _rules(loaded: Loaded) -> list[str]:
    from worker.config.alert_rules import BadRules, load_watch

    try:
        load_watch(
            loaded.settings.alerts, loaded.config, dimensions=loaded.settings.dimensions, channels=tuple(loaded.settings.channels)
        )
    except BadRules as error:
        return list(error.faults)
    return []


def _token(settings: Settings) -> list[str]:
    fault = None if settings.serve_token is None else token_fault(settings.serve_token.get_secret_value())
    return [f"NRR_SERVE_TOKEN {fault}"] if fault else []


def token_fault(token: str) -> str | None:
    """Why the window in a browser doesn't start with it, None where it does."""
    if len(token) >= SHORTEST_TOKEN:
        return None
    return f"has fewer than {SHORTEST_TOKEN} characters; a good one: openssl rand -hex 24"
