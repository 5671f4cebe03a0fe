"""Reach an object store, and say what is wrong, with its cure, where it cannot be reached.

Endpoint and credentials stand in the environment of every process (AWS_ENDPOINT_URL,
AWS_ACCESS_KEY_ID, …), under the names that deltalake reads as well, and nowhere else.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore, from_url

from headrace.failures import DataFailure, PlaceFailure

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_SAME = {"s3": "s3", "s3a": "s3", "gs": "gs", "az": "az", "abfs": "abfss", "abfss": "abfss"}
"""Schemes, and the one that all of a kind are known by."""

# Somebody waits at the first contact and for a lock; elsewhere a store that is down for a while is waited for.
_BRIEFLY: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=8)}

_reached: dict[str, tuple[ObjectStore, ObjectStore]] = {}  # one that waits, and one that does not


class Place(NamedTuple):
    """Where an object stands."""

    store: ObjectStore
    key: str


def parts_of(uri: str) -> tuple[str, list[str]]:
    """Scheme and bucket, in the spelling that is used here, and the parts of the key.

    >>> parts_of("s3a://lake/shop/_lock")
    ('s3://lake', ['shop', '_lock'])

    Raises:
        PlaceFailure: no such kind of store is known.
    """
    scheme, _, rest = uri.partition("://")
    bucket, *key = rest.rstrip("/").split("/")
    if scheme not in _SAME or not bucket:
        raise PlaceFailure(
            f"{uri}: no object store is reached by {scheme}://{bucket}; known are {', '.join(_SAME)}, with a bucket "
            "behind them. A file system that is mounted here is written as a folder, without a scheme"
        )
    return f"{_SAME[scheme]}://{bucket}", key


def place_of(uri: str, *, patient: bool = True) -> Place:
    """The store and the key; in a process's first contact with a bucket, both are tried out.

    A store that does not answer is waited for up to three minutes, or seconds where one is not `patient`.

    Raises:
        PlaceFailure: it cannot be reached; said within seconds.
    """
    root, key = parts_of(uri)
    if root not in _reached:
        with reaching_store(uri):
            client: ClientConfig = {"connect_timeout": "5s", "timeout": "10s", "allow_http": _http_is_allowed()}
            briefly = from_url(root, client_options=client, retry_config=_BRIEFLY)
            next(iter(obstore.list(briefly, "/".join(key[:-1]) or None, chunk_size=1)), None)
            _reached[root] = from_url(root), briefly
    return Place(_reached[root][0 if patient else 1], "/".join(key))


@contextmanager
def reaching_store(uri: str) -> Iterator[None]:
    """Inside, what a store refuses is told as this project tells things.

    Raises:
        FileNotFoundError: there is no such object.
        AlreadyExistsError, PreconditionError: a condition does not hold, as the caller has asked.
        PlaceFailure: the store cannot be reached, or lets nobody in.
        DataFailure: an object has a name that no path can have.
    """
    try:
        yield
    except (AlreadyExistsError, PreconditionError):
        raise  # what a condition is for
    except FileNotFoundError as gone:
        if "NoSuchBucket" in str(gone):
            raise _no_bucket(uri) from gone
        raise FileNotFoundError(errno.ENOENT, "there is no such object", uri) from gone
    except InvalidPathError as odd:
        raise DataFailure(
            f"{uri}: {_plainly(odd)}; an object there has a name that is no path (empty parts, `.` or `..`): rename it"
        ) from odd
    except (BaseError, OSError) as fault:
        raise _failure(uri, fault) from fault


def _http_is_allowed() -> bool:
    # Options of a client that are given in the code take the place of those in the environment.
    return os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("true", "1")


def _failure(uri: str, fault: Exception) -> PlaceFailure:
    told = str(fault)
    if "NoSuchBucket" in told:
        return _no_bucket(uri)
    if "region" in told.lower() or "PermanentRedirect" in told:
        return PlaceFailure(f"{uri}: the bucket is in another region: set AWS_REGION ({_plainly(fault)})")
    if "169.254.169.254" in told or "credential" in told.lower():
        return PlaceFailure(
            f"{uri}: there are no credentials for this store: {_CREDENTIALS} (profiles of ~/.aws are not read); "
            "on every worker as well"
        )
    if isinstance(fault, UnauthenticatedError | PermissionDeniedError) or _REFUSED.search(told):
        code = re.search(r"<Code>(\w+)</Code>", told)
        return PlaceFailure(
            f"{uri}: {_where(uri)} refuses these credentials ({code[1] if code else type(fault).__name__}); they must "
            f"be allowed to list, read, write and delete there: {_CREDENTIALS}"
        )
    return PlaceFailure(
        f"{uri}: {_where(uri)} does not answer as an object store does ({_plainly(fault)}); set AWS_ENDPOINT_URL, and "
        "AWS_ALLOW_HTTP=true for one that begins with http:, or wait until it is back; nothing half-written is visible"
    )


_REFUSED = re.compile(r"\b40[13] |<Code>(Expired|Invalid)Token")
_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN) in the environment"


def _no_bucket(uri: str) -> PlaceFailure:
    root, _ = parts_of(uri)
    return PlaceFailure(
        f"{uri}: {_where(uri)} has no bucket {root.partition('://')[2]}; make it, or mend the root in the place file "
        "or source.path; AWS_ENDPOINT_URL and AWS_REGION say where it is looked for"
    )


def _where(uri: str) -> str:
    return (
        os.environ.get("AWS_ENDPOINT_URL")
        or os.environ.get("AWS_ENDPOINT")
        or f"the cloud of {uri.split(':', maxsplit=1)[0]}://"
    )


def _plainly(fault: Exception) -> str:
    """The first line: behind it obstore shows its insides."""
    return str(fault).strip().splitlines()[0].partition("<?xml")[0].strip()[:400]
