"""A TCP proxy on loopback that can be cut, frozen and closed: the network between the product and its services, on demand."""

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """Forwards 127.0.0.1:`port` to `target` until told otherwise. Use as a context manager."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._flowing = threading.Event()
        self._flowing.set()
        self._accepting = True
        self._closed = False
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        """Where to connect to."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> int:
        """Break every open connection at once; new ones are let through. Returns how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        return len(pairs)

    def freeze(self) -> None:
        """Keep every connection open, but let nothing through: the network that says nothing."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let it flow again, what was held back first."""
        self._flowing.set()

    def refuse(self) -> None:
        """Drop new connections as soon as they are made, and cut the open ones."""
        self._accepting = False
        self.cut()

    def admit(self) -> None:
        """Take new connections again."""
        self._accepting = True

    def lead_to(self, target: tuple[str, int]) -> None:
        """From now on new connections go there; those that are open stay where they are until they are cut."""
        self._target = target

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed = True
        self._flowing.set()
        self._listener.close()
        self.cut()
        self._thread.join(timeout=5)

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._closed:
                if not selector.select(timeout=0.2):
                    continue
                try:
                    near, _ = self._listener.accept()
                except OSError:
                    return
                if not self._accepting:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(self._target, timeout=5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                pair = (near, far)
                with self._lock:
                    self._pairs.add(pair)
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink, pair), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        try:
            while data := source.recv(65_536):
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        finally:
            with self._lock:
                self._pairs.discard(pair)
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
