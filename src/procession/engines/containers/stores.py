"""What the site needs beside it: PRODUCTION_STACK["SERVICES"] -> services of images made by others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from procession.engines.text.docker import Data, Joined, Variable
from procession.errors import Problem
from procession.stack.declared import Declared
from procession.stack.fields import build, read_mapping
from procession.stack.model import Stack, setting

STORE_STOP_SECONDS: Final = 60


class StoreType(StrEnum):
    POSTGRESQL = "postgresql"
    REDIS = "redis"
    RABBITMQ = "rabbitmq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One entry of SERVICES."""

    type: StoreType | None = setting("postgresql, redis or rabbitmq")
    image: str = setting("Another image than the pinned one", default="")
    database: str = setting("postgresql: the database; the stack's name if not said", default="")
    user: str = setting("postgresql, rabbitmq: the user; the stack's name if not said", default="")
    variable: str | None = setting(
        "The variable in which processes that do not set it get the address; DATABASE_URL, REDIS_URL or AMQP_URL if "
        "not said, empty: none"
    )
    memory_bytes: int = setting("Memory that it may use; 0 is no limit", default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is known about one type. `data` is the directory that must outlive the container."""

    image: str
    data: str
    test: Callable[[Store], tuple[str, ...]]  # the health check
    variable: str
    url: Callable[[str, Store], Data]
    environment: Callable[[str, Store], Mapping[str, Data]]
    command: tuple[str, ...] = ()
    password: str = ""  # the end of the variable's name that holds it: DB_PASSWORD of "db"


def read_stores(stack: Stack, problems: list[Problem]) -> dict[str, Store]:
    """SERVICES, complete; what is wrong with it goes to `problems`."""
    place = Declared(source="settings", file="", stack_key="PRODUCTION_STACK").common().at("SERVICES")
    stores = {}
    for name, raw in stack.services.items():
        here = place.named(name)
        given = read_mapping(Store, raw, here, problems)
        given = {"database": stack.name, "user": stack.name, **given}
        if given.get("type") is None:
            problems.append(here.problem("E120", "has no TYPE", 'write: {"TYPE": "postgresql"}'))
        elif stack.process(name) is not None:
            problems.append(here.problem("E120", "is also the name of a process", "give one of them another name"))
        else:
            stores[name] = build(Store, given)
    return stores


def kind_of(store: Store) -> Kind:
    assert store.type is not None, "read_stores lets none through"
    return KINDS[store.type]


def store_service(name: str, store: Store) -> dict[str, Data]:
    """The service; what Compose and Swarm say differently (restart, limits) is not in it."""
    kind = kind_of(store)
    service: dict[str, Data] = {"image": store.image or kind.image}
    if store.type is StoreType.RABBITMQ:
        service["hostname"] = name  # Its data are kept under the name of the host.
    if kind.command:
        service["command"] = list(kind.command)
    if environment := kind.environment(name, store):
        service["environment"] = environment
    service["volumes"] = [f"{name}:{kind.data}"]
    service["healthcheck"] = {
        "test": ["CMD", *kind.test(store)],
        "interval": "5s",
        "timeout": "10s",
        "retries": 5,
        "start_period": "60s",
    }
    service["stop_grace_period"] = f"{STORE_STOP_SECONDS}s"
    return service


def addresses(stores: Mapping[str, Store]) -> dict[str, Data]:
    """The variables that tell processes where the stores are."""
    found: dict[str, Data] = {}
    for name, store in stores.items():
        kind = kind_of(store)
        variable = kind.variable if store.variable is None else store.variable
        if variable:
            found.setdefault(variable, kind.url(name, store))
    return found


def password(name: str) -> Variable:
    """The variable that holds a store's password. Part of an address, it must need no escape there."""
    variable = f"{name.upper().replace('-', '_')}_PASSWORD"
    return Variable(variable, f"the password of {name}, letters and digits")


def _postgresql_environment(name: str, store: Store) -> dict[str, Data]:
    return {"POSTGRES_USER": store.user, "POSTGRES_PASSWORD": password(name), "POSTGRES_DB": store.database}


def _rabbitmq_environment(name: str, store: Store) -> dict[str, Data]:
    return {"RABBITMQ_DEFAULT_USER": store.user, "RABBITMQ_DEFAULT_PASS": password(name)}


# A tag is a version whose data the next one of its kind reads; postgres 18 moved its directory.
KINDS: Final[Mapping[StoreType, Kind]] = {
    StoreType.POSTGRESQL: Kind(
        image="postgres:17",
        data="/var/lib/postgresql/data",
        test=lambda store: ("pg_isready", "-q", "-h", "127.0.0.1", "-U", store.user, "-d", store.database),
        variable="DATABASE_URL",
        url=lambda name, store: Joined(
            (f"postgres://{store.user}:", password(name), f"@{name}:5432/{store.database}"),
        ),
        environment=_postgresql_environment,
    ),
    StoreType.REDIS: Kind(
        image="redis:7.4",
        data="/data",
        # Not every image lets others than its own container in; its network has nobody but the site.
        command=("redis-server", "--appendonly", "yes", "--protected-mode", "no"),
        test=lambda _: ("redis-cli", "ping"),
        variable="REDIS_URL",
        url=lambda name, _: f"redis://{name}:6379/0",
        environment=lambda _, __: {},
    ),
    StoreType.RABBITMQ: Kind(
        image="rabbitmq:4.1",
        data="/var/lib/rabbitmq",
        test=lambda _: ("rabbitmq-diagnostics", "-q", "check_running"),
        variable="AMQP_URL",
        url=lambda name, store: Joined((f"amqp://{store.user}:", password(name), f"@{name}:5672//")),
        environment=_rabbitmq_environment,
    ),
}
