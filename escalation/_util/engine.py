"""Where pieces of work run: in turn, in threads, or on a Dask cluster; results in order, the same.

A piece is a function of what all pieces share and of one item; the shared part is made where it is
needed. Few pieces are under way at a time: memory is bounded by those, not by their number.
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
    """Runs ``work(made(), item)`` for every item and gives the results in the items' order."""

    def __call__(
        self,
        work: Callable[[Shared, Item], Result],
        items: Iterable[Item],
        *,
        made: Callable[[], Shared],
    ) -> Iterator[Result]:
        """Results, as they are asked for."""
        ...


def in_turn(
    work: Callable[[Shared, Item], Result], items: Iterable[Item], *, made: Callable[[], Shared]
) -> Iterator[Result]:
    """One piece after the other, each when its result is asked for.

    Parameters
    ----------
    work : callable
        Called with the shared part and one item.
    items : iterable
    made : callable
        Makes the shared part, once.

    Returns
    -------
    iterator
        Results in the order of the items.

    Examples
    --------
    >>> list(in_turn(lambda base, item: base + item, [1, 2], made=lambda: 10))
    [11, 12]
    """
    shared = made()
    return (work(shared, item) for item in items)


def in_threads(count: int) -> Engine:
    """Some pieces at a time, in threads of this process.

    Examples
    --------
    >>> list(in_threads(2)(lambda base, item: base + item, range(4), made=lambda: 10))
    [10, 11, 12, 13]
    """

    def run(
        work: Callable[[Shared, Item], Result], items: Iterable[Item], *, made: Callable[[], Shared]
    ) -> Iterator[Result]:
        shared = made()
        with ThreadPoolExecutor(count) as pool:
            yield from _in_order(lambda item: pool.submit(work, shared, item), items, lambda: count)

    return run


@contextmanager
def on_dask(
    scheduler: str | None = None, *, workers: int = 2, setup: Callable[[], object] | None = None
) -> Iterator[Engine]:
    """Pieces on Dask: on a cluster that is running, or on a local one for as long as this lasts.

    What a lost worker was doing, and what it had done, is done again by another one.

    Parameters
    ----------
    scheduler : str, optional
        Address such as ``tcp://10.0.0.1:8786``; by default worker processes are started here.
    workers : int
        How many of those, each with one thread.
    setup : callable, optional
        What every worker does first, those included that come later.

    Raises
    ------
    UsageError
        ``E-DASK`` where Dask is not installed, ``E-SCHEDULER`` where nothing answers.
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
    with ExitStack() as opened:
        cluster = None
        if scheduler is None:
            cluster = opened.enter_context(
                distributed.LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None
                )
            )
        try:
            # By way of the scheduler, results would be copied twice more; elsewhere that may be the
            # only way that there is.
            direct = scheduler is None
            client = opened.enter_context(
                distributed.Client(scheduler or cluster, direct_to_workers=direct)
            )
        except (OSError, ValueError) as error:
            raise UsageError(
                "E-SCHEDULER",
                f"no Dask scheduler answers: {error}",
                value=scheduler,
                fix="give the address that `dask scheduler` prints",
            ) from None
        if setup is not None:
            client.register_plugin(_first(distributed, setup))
        yield partial(_on_cluster, client)


def _first(distributed: Any, setup: Callable[[], object]) -> Any:
    """A worker plugin that does nothing but to run a function when a worker starts."""

    def run(_plugin: object, worker: object) -> None:
        setup()

    return type("Setup", (distributed.WorkerPlugin,), {"setup": run, "name": "escalation"})()


@contextmanager
def engine(
    name: str,
    *,
    scheduler: str | None = None,
    setup: Callable[[], object] | None = None,
    local: Engine = in_turn,
) -> Iterator[Engine]:
    """The engine of that name.

    Parameters
    ----------
    name : str
        ``local`` or ``dask``.
    scheduler, setup : optional
        As for :func:`on_dask`.
    local : Engine
        What ``local`` means for this work.

    Raises
    ------
    UsageError
        ``E-ENGINE`` for another name, and for a scheduler without Dask.

    Examples
    --------
    >>> with engine("local") as run:
    ...     list(run(pow, [1, 2, 3], made=lambda: 2))
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


def _on_cluster(
    client: Any,
    work: Callable[[Shared, Item], Result],
    items: Iterable[Item],
    *,
    made: Callable[[], Shared],
) -> Iterator[Result]:
    # A task, not data that is sent out: what a lost worker held can be made again.
    shared = client.submit(made, pure=False)

    def start(item: Item) -> Any:
        return client.submit(work, shared, item, pure=False)

    yield from _in_order(start, items, lambda: sum(client.nthreads().values()))


def _in_order(
    start: Callable[[Item], Any], items: Iterable[Item], slots: Callable[[], int]
) -> Iterator[Any]:
    """Results in order, with two pieces waiting for each that runs, so that nobody idles."""
    under_way: deque[Any] = deque()
    for item in items:
        under_way.append(start(item))
        if len(under_way) > 3 * max(slots(), 1) - 1:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()
