"""Run tasks one after another, in threads or on a Dask cluster; same results in the same order.

A task is a function of a shared object and of one item. The shared object is created where the
tasks run. Few tasks are pending at a time, so memory does not grow with their number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from typing import Any, Protocol, TypeVar

from escalation.errors import UsageError

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")
NAMES = ("local", "dask")


class Engine(Protocol):
    """Yields ``work(make_shared(), item)`` for every item, in the items' order."""

    def __call__(
        self,
        work: Callable[[Shared, Item], Result],
        items: Iterable[Item],
        *,
        make_shared: Callable[[], Shared],
    ) -> Iterator[Result]:
        """Results, lazily."""
        ...


def in_turn(
    work: Callable[[Shared, Item], Result],
    items: Iterable[Item],
    *,
    make_shared: Callable[[], Shared],
) -> Iterator[Result]:
    """Run one task after another, each when its result is requested.

    Parameters
    ----------
    work : callable
        Called with the shared object and one item.
    items : iterable
    make_shared : callable
        Creates the shared object, once.

    Examples
    --------
    >>> list(in_turn(lambda base, item: base + item, [1, 2], make_shared=lambda: 10))
    [11, 12]
    """
    shared = make_shared()
    return (work(shared, item) for item in items)


def in_threads(count: int) -> Engine:
    """An engine that runs ``count`` tasks at a time in threads of this process."""

    def run(work: Any, items: Iterable[Any], *, make_shared: Any) -> Iterator[Any]:
        shared = make_shared()
        with ThreadPoolExecutor(count) as pool:
            yield from _in_order(lambda item: pool.submit(work, shared, item), items, lambda: count)

    return run


@contextmanager
def on_dask(
    scheduler: str | None = None, *, workers: int = 2, setup: Callable[[], object] | None = None
) -> Iterator[Engine]:
    """An engine that runs tasks on a Dask cluster: a running one, or a temporary local one.

    Tasks of a lost worker, finished or not, are repeated by another one.

    Parameters
    ----------
    scheduler : str, optional
        Address such as ``tcp://10.0.0.1:8786``; by default worker processes are started here.
    workers : int
        Number of local worker processes, each with one thread.
    setup : callable, optional
        Run by every worker when it starts, including workers that join later.

    Raises
    ------
    UsageError
        ``E-DASK`` if Dask is not installed, ``E-SCHEDULER`` if the scheduler does not answer.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise UsageError(
            "E-DASK",
            "Dask is not installed",
            value="--engine dask",
            fix="pip install '.[dask]' in the project's folder",
        ) from None
    with ExitStack() as stack:
        cluster = None
        if scheduler is None:
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None
                )
            )
        try:
            # Through the scheduler, results are copied twice more, but a remote cluster may allow
            # no other way.
            client = stack.enter_context(
                distributed.Client(scheduler or cluster, direct_to_workers=scheduler is None)
            )
        except (OSError, ValueError) as error:
            raise UsageError(
                "E-SCHEDULER",
                f"no Dask scheduler answers: {error}",
                value=scheduler,
                fix="give the address that `dask scheduler` prints",
            ) from None
        if setup is not None:
            client.register_plugin(_setup_plugin(distributed, setup))
        yield partial(_on_cluster, client)


def _setup_plugin(distributed: Any, setup: Callable[[], object]) -> Any:
    """A worker plugin that runs a function when a worker starts."""
    members = {"setup": lambda _plugin, worker: setup(), "name": "escalation"}
    return type("Setup", (distributed.WorkerPlugin,), members)()


@contextmanager
def engine(
    name: str,
    *,
    scheduler: str | None = None,
    setup: Callable[[], object] | None = None,
    local: Engine = in_turn,
) -> Iterator[Engine]:
    """The engine with this name.

    Parameters
    ----------
    name : str
        ``local`` or ``dask``.
    scheduler, setup : optional
        As for :func:`on_dask`.
    local : Engine
        The engine for ``local``.

    Raises
    ------
    UsageError
        ``E-ENGINE`` for another name, or for a scheduler without Dask.

    Examples
    --------
    >>> with engine("local") as run:
    ...     list(run(pow, [1, 2, 3], make_shared=lambda: 2))
    [2, 4, 8]
    """
    if name not in NAMES or (scheduler is not None and name != "dask"):
        raise UsageError(
            "E-ENGINE",
            f"expected one of {', '.join(NAMES)}, and a scheduler for dask only",
            value=name,
        )
    if name == "local":
        yield local
        return
    with on_dask(scheduler, setup=setup) as run:
        yield run


def _on_cluster(client: Any, work: Any, items: Iterable[Any], *, make_shared: Any) -> Iterator[Any]:
    # A task rather than scattered data: if its worker is lost, it is computed again.
    shared = client.submit(make_shared, pure=False)
    yield from _in_order(
        lambda item: client.submit(work, shared, item, pure=False),
        items,
        lambda: sum(client.nthreads().values()),
    )


def _in_order(
    start: Callable[[Any], Any], items: Iterable[Any], slots: Callable[[], int]
) -> Iterator[Any]:
    """Results in order; two tasks are queued for each that runs, so no slot idles."""
    pending: deque[Any] = deque()
    for item in items:
        pending.append(start(item))
        if len(pending) > 3 * max(slots(), 1) - 1:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
