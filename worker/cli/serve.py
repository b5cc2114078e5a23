"""`nrr serve`: the numbers in a browser, on this machine unless a token is set."""

import socket
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.common import Config, Now
from worker.cli.dates import instant_of
from worker.cli.exit_codes import Exit, Stop

if TYPE_CHECKING:
    from worker.config.settings import Settings


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but this machine's needs NRR_SERVE_TOKEN.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 8488,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name by which it is reached too, such as a proxy's.")
    ] = None,
    names: Annotated[
        bool | None,
        typer.Option("--names/--no-names", help="Customers by name, where store_names keeps them (default: if it does)."),
    ] = None,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show the numbers in a browser: retention, customers, findings and runs, for any period, segment and policy. It only reads."""
    from worker.config.load import load
    from worker.execution import log, masking
    from worker.queries.session import open_session

    settings = load(config=config).settings
    masking.keep_secret(*settings.secrets())
    log.configure(style=settings.log_format, level=log.level_of(settings.log_level))
    token = _token(settings, host, allow_host or [])
    with open_session(config=config, now=None if now is None else instant_of(now)) as session:
        from metrics.policy import PRESETS
        from worker.serve.sessions import sessions_of

        bases = {name: settings.basis(name) for name in PRESETS}
        bases.setdefault(session.basis.policy.name, session.basis)
        shown = settings.store_names if names is None else names
        _run(sessions_of(session, bases, names=shown, pretended=now is not None), host, port, allow_host or [], token)


def _token(settings: "Settings", host: str, more: list[str]) -> str | None:
    """What is asked for, if anything is. Raises Stop where it is missing or too short."""
    from worker.serve.guard import LOOPBACK, is_loopback
    from worker.wiring.setting_faults import token_fault

    token = None if settings.serve_token is None else settings.serve_token.get_secret_value()
    if token is not None and (fault := token_fault(token)):
        raise Stop(f"NRR_SERVE_TOKEN {fault}; nothing was started", Exit.USAGE)
    if token is None and not is_loopback(host):
        raise Stop(
            f"{host} can be reached from elsewhere, so a token is needed; nothing was started. Set NRR_SERVE_TOKEN (or NRR_SERVE_TOKEN_FILE) "
            "to at least 16 characters that nobody guesses, or listen on 127.0.0.1",
            Exit.USAGE,
        )
    if token is None and any(name.strip("[]").lower() not in LOOPBACK for name in more):
        raise Stop("--allow-host names another machine's name, so NRR_SERVE_TOKEN is needed; nothing was started", Exit.USAGE)
    return token


def _run(on: object, host: str, port: int, more: list[str], token: str | None) -> None:
    """Listen until somebody ends it. Raises Stop where the server isn't installed, or the address can't be had."""
    try:
        import uvicorn

        from worker.execution.tuning import collect_seldom
        from worker.serve.application import application, quiet
        from worker.serve.guard import hosts_of
        from worker.serve.sessions import Sessions
    except ModuleNotFoundError as error:
        raise Stop(f"{error.name} isn't installed; install nrr with the extra `serve`") from None
    assert isinstance(on, Sessions), "made a line before"
    bare = host.strip("[]")
    try:
        listening = socket.create_server((bare, port), family=socket.AF_INET6 if ":" in bare else socket.AF_INET)
    except OSError as error:
        raise Stop(f"{host} port {port} can't be listened on: {error.strerror or error}; name another with --port") from None
    shown = f"[{bare}]" if ":" in bare else bare
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    typer.echo(f"{address} shows the numbers; Ctrl-C ends it" + (" (a token is asked for)" if token else ""), err=True)
    quiet()
    collect_seldom()
    config = uvicorn.Config(
        application(on, hosts_of(bare, more), token),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=64,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=3,
    )
    with listening:
        uvicorn.Server(config).run(sockets=[listening])
