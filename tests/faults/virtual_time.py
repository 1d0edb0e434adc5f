"""A loop whose time passes only when nothing is left to do, and processes in it that can be killed.

What a process does is known by its context, which its tasks and timers inherit. A killed process never
runs again, not even its `finally` blocks; a frozen one goes on later, when all that was due is late.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, cast

Found = TypeVar("Found")
Arguments = TypeVarTuple("Arguments")

START = 1000.0
"""Seconds of the loop's clock at its beginning."""

RESOLUTION = 1e-9
"""Seconds within which timers are due at once."""


@dataclass(eq=False)
class Process:
    """What runs in the loop as if it were a process of the machine."""

    name: str
    killed: bool = False
    frozen: bool = False
    parked: list[asyncio.Handle] = field(default_factory=list)
    """What would have run while it was frozen or dead, in order."""
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    failed: list[asyncio.Task[Any]] = field(default_factory=list)
    """The tasks that ended by raising."""

    def start(self, main: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this in the process."""
        context = contextvars.copy_context()
        context.run(RUNNING.set, self)
        return asyncio.get_running_loop().create_task(main, context=context)

    def kill(self) -> None:
        """End it, as SIGKILL does."""
        self.killed = True

    def freeze(self) -> None:
        """Halt it, as SIGSTOP does."""
        self.frozen = True

    def thaw(self) -> None:
        """Have it go on, as SIGCONT does."""
        self.frozen = False
        if not self.killed:
            self._go_on()

    async def bury(self) -> None:
        """End its tasks in order, so that nothing of it is left; nothing that they still do may matter."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        self.killed = self.frozen = False
        self._go_on()
        if tasks:
            await asyncio.wait(tasks, timeout=60)

    def note_end(self, task: asyncio.Task[Any]) -> None:
        """Take note that one of its tasks has ended."""
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failed.append(task)

    def _go_on(self) -> None:
        loop = cast("VirtualLoop", asyncio.get_running_loop())
        loop.go_on(self.parked)
        self.parked.clear()


RUNNING: ContextVar[Process | None] = ContextVar("process", default=None)
"""The process that runs now; None for the world around."""


def world_around() -> contextvars.Context:
    """The context of what is no process's, and outlives all of them."""
    context = contextvars.copy_context()
    context.run(RUNNING.set, None)
    return context


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next timer instead of waiting for it; it has no files to wait for.

    Nothing is called while its process is frozen, or once it is killed. What asyncio's own loop does for
    threads, files and those who look for faults in it is left out: these are most calls of a run.
    """

    _ready: deque[asyncio.Handle]
    _stopping: bool
    """As in every loop of asyncio."""

    def __init__(self) -> None:
        super().__init__()
        self._now = START
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        """What is called later, the next first; of two at one moment, what was asked for first."""
        self._numbers = count()
        self.set_task_factory(_owned)

    def time(self) -> float:
        """Seconds since the beginning, and `START`."""
        return self._now

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Call this as soon as what waits already was called."""
        call = asyncio.Handle(callback, args, self, context)
        self._ready.append(call)
        return call

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call this after so many seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call this at a moment of the loop's clock."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def go_on(self, calls: Iterable[asyncio.Handle]) -> None:
        """Call this, in order, now that its process goes on; whoever has a handle may still cancel it."""
        self._ready.extend(calls)

    def _run_once(self) -> None:
        timers, ready = self._timers, self._ready
        if not ready and not self._stopping:
            while timers and timers[0][2].cancelled():
                heappop(timers)
            assert timers, "everything waits, and for nothing that time will bring"
            self._now = max(timers[0][0], self._now)
        while timers and timers[0][0] < self._now + RESOLUTION:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            call: Any = ready.popleft()
            if call.cancelled():
                continue
            process = call._context.get(RUNNING)
            if process is None or not (process.killed or process.frozen):
                call._run()
            else:
                process.parked.append(call)


def _owned(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Found] | Generator[Any, None, Found],
    **options: Any,
) -> asyncio.Task[Found]:
    task: asyncio.Task[Found] = asyncio.Task(cast("Coroutine[Any, Any, Found]", coro), loop=loop, **options)
    context = options.get("context")
    process = RUNNING.get() if context is None else context.get(RUNNING)
    if process is not None:
        process.tasks.add(task)
        task.add_done_callback(process.note_end)
    return task


def played(main: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
    """What `main` returns, run in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
