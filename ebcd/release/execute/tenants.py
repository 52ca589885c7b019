"""The tenant gate: tenants' own hosts, probed at an environment's address or at live's. A release that serves the
smoke test may still fail a tenant.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from ebcd.documents import json_of
from ebcd.errors import UsageError
from ebcd.model import Stage, Tenants
from ebcd.model.kinds import Shape
from ebcd.release.execute.context import Services
from ebcd.release.execute.http import ProbeResult
from ebcd.release.execute.polling import Heartbeat
from ebcd.release.state.address import PublicAddress

AT_ONCE = 16
"""Connections that are open at the same time."""
SHOWN = 3
"""Failures that are told one by one."""
_HOST = Shape(r"[A-Za-z0-9.:_\[\]-]{1,260}", "a host")
REJECTED = 404
"""What a host that is no tenant's must be answered."""


def require_token(services: Services, stage: Stage) -> None:
    """Raises UsageError (code `no-token`) where the tenant gate needs a token and there is none to send."""
    missing = token_missing(services, stage.tenants)
    if missing and stage.tenants:
        raise UsageError(
            f"The tenants of the stage {stage.name} cannot be asked for: {missing}.",
            why=f"{stage.tenants.url} wants a bearer token, and tenants.token_env says where it is.",
            hint=f"export {stage.tenants.token_env}=…, or in a workflow env: with a secret.",
            code="no-token",
        )


def token_missing(services: Services, tenants: Tenants | None) -> str:
    """Why the token that the tenants' url needs cannot be sent; empty where it can, or none is needed."""
    if tenants is None or not tenants.token_env:
        return ""
    token = services.variables.get(tenants.token_env, "")
    if not token:
        return f"{tenants.token_env} is not set"
    plain = token.isascii() and token.isprintable() and " " not in token
    return "" if plain else f"{tenants.token_env} holds no token: a space or a line break is in it"


def tenants_failure(
    services: Services, heartbeat: Heartbeat, tenants: Tenants, front: PublicAddress, address: str = ""
) -> str:
    """Why the tenants do not pass now; empty when they do. address: a candidate's own; empty: live is asked."""
    hosts = tenants.hosts
    if tenants.url:
        if missing := token_missing(services, tenants):
            return missing
        found = named_hosts(services, tenants, front, address)
        if isinstance(found, str):
            return found
        hosts = found
    told = _each(heartbeat, hosts, lambda host: _failure(services, tenants, front, address, host))
    failures = [failure for failure in told if failure]
    if len(failures) > tenants.budget:
        more = f" and {len(failures) - SHOWN} more" if len(failures) > SHOWN else ""
        return f"{len(failures)} of {len(hosts)} tenants failed: {'; '.join(failures[:SHOWN])}{more}"
    return _unknown_failure(services, tenants, front, address)


def _each(heartbeat: Heartbeat, hosts: tuple[str, ...], probe: Callable[[str], str]) -> list[str]:
    """What a probe of each host brought, AT_ONCE at a time. Hosts that hang may take longer than the lock's lease."""
    pool = ThreadPoolExecutor(max_workers=AT_ONCE)
    try:
        asked = [pool.submit(probe, host) for host in hosts]
        waiting = set(asked)
        while waiting:
            heartbeat()
            waiting = wait(waiting, timeout=1.0).not_done
        return [answer.result() for answer in asked]
    finally:
        pool.shutdown(cancel_futures=True)


def named_hosts(services: Services, tenants: Tenants, front: PublicAddress, address: str = "") -> tuple[str, ...] | str:
    """The hosts that the application names at an address; what is wrong otherwise. There may be none, unless live
    names some: before the first sign-up there are no tenants, and that must not keep a first release away.
    """
    token = services.variables.get(tenants.token_env, "")
    found = hosts_of(services.ask(front, tenants.url, address=address, token=token), tenants.url)
    if found == () and address:
        on_live = hosts_of(services.ask(front, tenants.url, token=token), tenants.url)
        if isinstance(on_live, tuple) and on_live:
            return f"{tenants.url} named no tenants, and on live it names some"
    return found


def hosts_of(answer: ProbeResult, url: str) -> tuple[str, ...] | str:
    """The hosts that the application itself names, as a JSON list or as `{"hosts": […]}`; what is wrong otherwise."""
    if answer.status != 200:
        return f"{url} named no tenants: {answer.error or f'it answered {answer.status}'}"
    try:
        told = json_of(answer.body)
    except ValueError:
        return f"{url} named no tenants: its answer is no JSON"
    hosts = told.get("hosts") if isinstance(told, dict) else told
    if not isinstance(hosts, list) or not all(map(_HOST.fits, hosts)):
        return f"{url} named no tenants: its answer is no list of hosts"
    return tuple(hosts)


def _failure(services: Services, tenants: Tenants, front: PublicAddress, address: str, host: str) -> str:
    answer = services.ask(front, tenants.path, address=address, host=host)
    if answer.status == tenants.status:
        return ""
    return f"{host} {f'answered {answer.status}' if answer.status else f'did not answer ({answer.error})'}"


def _unknown_failure(services: Services, tenants: Tenants, front: PublicAddress, address: str) -> str:
    if not tenants.unknown:
        return ""
    answer = services.ask(front, tenants.path, address=address, host=tenants.unknown)
    if answer.status == REJECTED:
        return ""
    said = f"answered {answer.status}" if answer.status else f"not answered ({answer.error})"
    return f"the unknown host {tenants.unknown} was {said}, not {REJECTED}"
