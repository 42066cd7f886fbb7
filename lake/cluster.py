"""Work on a Ray cluster: functions called in its processes, with a Future for each answer.

RAY_ADDRESS names the cluster, as for any program of Ray's. Without it, this machine is one while
the command runs, and listens on loopback alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from pairlake.lake.errors import JobFailed, PairlakeError, first_line
from pairlake.lake.settings import PREFIX, settings

Answer = TypeVar("Answer")

# How often work is done again whose process or machine has died under it.
RETRIES = 3
# Of the command's own settings: the processes have neither the lake nor what opens it.
_WITHHELD = ("CATALOG", "DATA", "ENGINE")
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # 0: as Ray has it on those two, on loopback
# Ray would wait seven minutes for an answer of whom the network has lost, and do again for ever
# what takes more memory than there is.
_PATIENCE = {
    "RAY_grpc_client_keepalive_time_ms": "20000",
    "RAY_grpc_client_keepalive_timeout_ms": "10000",
    "RAY_task_oom_retries": str(RETRIES),
}


class WorkLost(JobFailed):
    """Work was lost with the process or the machine that was at it, and so were its retries."""


class Tasks:
    """Calls of functions that any process of the cluster may answer, wherever Ray finds room.

    The face of `lake.processes.WorkerPool`. What is lost with a machine is done again on another.
    """

    def __init__(self, *, cpus: int = 1, gpus: int = 0) -> None:
        """Each call has so many processors and GPUs to itself."""
        self._ray = connected()
        self._needs = {"CPU": cpus, "GPU": gpus}
        # A process that has loaded a model is to be called again, also where it is on a GPU.
        self._options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": RETRIES, "max_calls": 0}
        self._remote: dict[Callable[..., Any], Any] = {}
        self._under_way: set[Any] = set()

    @property
    def workers(self) -> int:
        """How many calls the cluster has room for, as it is now."""
        has = self._ray.cluster_resources()
        return max(1, min(int(has.get(name, 0) // n) for name, n in self._needs.items() if n))

    def room(self, under_way: int) -> int:
        """How many calls more keep it busy: one waits, unless a machine has died with its room."""
        return max(self.workers + 1 - under_way, 0)

    def submit(self, function: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """Call a function, which must be importable there as it is here."""
        if function not in self._remote:
            self._remote[function] = self._ray.remote(**self._options)(function)
        call = self._remote[function].remote(*arguments)
        self._under_way.add(call)
        answer: Future[Answer] = _answer_to(call)
        answer.add_done_callback(lambda _: self._under_way.discard(call))
        return answer

    def end(self) -> None:
        """Give up the calls that are under way."""
        for call in list(self._under_way):
            self._ray.cancel(call, force=True)


class Worker:
    """One process of the cluster, which keeps what it knows from call to call.

    Where it dies, Ray starts it anew, on another machine if need be, and calls again what it had
    not answered. So that there is always room for it, it takes no processor of Ray's account.
    """

    def __init__(self, name: str, node: str) -> None:
        ray = connected()
        strategies = ray.util.scheduling_strategies
        self._actor = (
            ray.remote(_Process)
            .options(
                name=name,
                num_cpus=0,
                max_restarts=-1,
                max_task_retries=RETRIES,
                scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(node, soft=True),
            )
            .remote()
        )

    def submit(
        self, function: Callable[..., Coroutine[Any, Any, Answer]], *arguments: Any
    ) -> Future[Answer]:
        """Call a coroutine function; those under way share the loop of the process."""
        return _answer_to(self._actor.call.remote(function, *arguments))

    def end(self) -> None:
        """End the process; what it is at is dropped."""
        connected().kill(self._actor)


class _Process:
    """What a Worker is in the cluster."""

    async def call(
        self, function: Callable[..., Coroutine[Any, Any, Answer]], *arguments: Any
    ) -> Answer:
        return await function(*arguments)


async def ask(
    worker: str, function: Callable[..., Coroutine[Any, Any, Answer]], *arguments: Any
) -> Answer:
    """From one Worker to another, by its name; WorkLost where that one does not live."""
    import ray

    try:
        answer: Answer = await ray.get_actor(worker).call.remote(function, *arguments)
    except (ValueError, ray.exceptions.RayActorError) as error:
        raise _lost(error) from error
    return answer


class Shared:
    """A value that is put into the cluster once, however many calls name it."""

    def __init__(self, value: Any) -> None:
        self._ref = connected().put(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shared) and self._ref == other._ref

    def __hash__(self) -> int:
        return hash(self._ref)

    async def get(self) -> Any:
        """The value, in a Worker."""
        return await self._ref

    def value(self) -> Any:
        """The value, in a call of Tasks."""
        return connected().get(self._ref)


def connected() -> Any:
    """Ray, connected to its cluster; PairlakeError, with the next step, where it cannot be."""
    # Read when Ray is imported.
    ours = {"RAY_USAGE_STATS_ENABLED": "0", **_PATIENCE}
    if not os.environ.get("RAY_ADDRESS"):
        ours[_LOOPBACK] = "0"
    for name, value in ours.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise PairlakeError(
            "PAIRLAKE_ENGINE is ray, and Ray is not installed; run: pip install -e '.[ray]'"
        ) from error
    if not ray.is_initialized():
        try:
            ray.init(
                # Not that of the last `ray start` on this machine, which is Ray's own way.
                address=os.environ.get("RAY_ADDRESS") or "local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level="error",
                runtime_env={"env_vars": _environment()},
            )
        except (ConnectionError, OSError, RuntimeError) as error:
            where = os.environ.get("RAY_ADDRESS") or "this machine"
            raise PairlakeError(
                f"Ray does not answer at {where} ({_named(error)}); "
                "see whether `ray status` answers, and what RAY_ADDRESS says."
            ) from error
    return ray


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine of the cluster: Ray's name for it, its processors and its GPUs."""

    name: str
    cpus: int
    gpus: int


def machines() -> list[Machine]:
    """The machines that live and have processors to work with; JobFailed where there is none."""
    found = [
        Machine(
            name=node["NodeID"],
            cpus=int(node["Resources"].get("CPU", 0)),
            gpus=int(node["Resources"].get("GPU", 0)),
        )
        for node in connected().nodes()
        if node["Alive"]
    ]
    at_hand = [machine for machine in found if machine.cpus]
    if not at_hand:
        raise JobFailed("The Ray cluster has no processors; add a machine with `ray start`.")
    return at_hand


def given_gpu() -> str:
    """The GPU that Ray has given to this call, as torch names it."""
    import ray

    [number] = ray.get_runtime_context().get_accelerator_ids()["GPU"]
    seen = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return f"cuda:{seen.index(number) if seen else number}"


def _environment() -> dict[str, str]:
    """What the processes get: the command's settings, but for those of the lake."""
    withheld = {PREFIX + name for name in _WITHHELD}
    own = {n: v for n, v in os.environ.items() if n.startswith(PREFIX) and n not in withheld}
    return {
        **own,
        # These may be named from the folder in which the command runs.
        f"{PREFIX}HOME": str(settings().home),
        f"{PREFIX}MODELS": str(settings().models.absolute()),
        # There are as many processes as processors; polars reads this when it is imported.
        "POLARS_MAX_THREADS": "1",
        # A process keeps its model, and may be given another GPU with its next call.
        "RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }


def _answer_to(call: Any) -> Future[Any]:
    """The Future of a call: what its function returned or raised, or WorkLost."""
    answer: Future[Any] = Future()

    def settle(settled: Future[Any]) -> None:
        error = settled.exception()
        if error is None:
            answer.set_result(settled.result())
        else:
            # An error of Ray's around that of the function has the function's as its cause.
            cause = getattr(error, "cause", None)
            answer.set_exception(cause if isinstance(cause, Exception) else _lost(error))

    call.future().add_done_callback(settle)
    return answer


def _lost(error: BaseException) -> WorkLost:
    return WorkLost(
        f"Work was lost with the process or machine that was at it, {RETRIES + 1} times "
        f"({_named(error)}). What has landed is kept; run it again."
    )


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {first_line(error)}"[:300]
