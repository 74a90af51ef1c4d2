"""A headless Chromium to look at pages with, over its DevTools pipe: no driver, no port, no package.

Does: opens files, evaluates scripts (axe-core among them, past a page's own Content Security Policy), presses keys,
sets the size of the window, prints and takes pictures.
Touches: a process of Debian's `chromium`, a profile in the folder it is given.
Does not: judge; see test_pages.

The protocol (Chrome DevTools Protocol over --remote-debugging-pipe): JSON messages ended by a NUL, commands on the
browser's descriptor 3, answers and events on 4.
"""

import base64
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe", "--mute-audio",
)  # fmt: skip
ABOVE = 20


def needed() -> list[str]:
    """What is missing here, and how to get it."""
    found = []
    if shutil.which("chromium") is None:
        found.append("chromium (apt-get install chromium)")
    if not AXE.exists():
        found.append("axe-core (npm ci --prefix tests/browser)")
    return found


class Browser:
    """A running browser; closes with its block."""

    def __init__(self, profile: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # Away from 3 and 4, which are what they become.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, ABOVE) for end in (theirs_in, theirs_out)]
        actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_DUP2, ends[0], 3), (os.POSIX_SPAWN_DUP2, ends[1], 4)]
        actions += [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        command = shutil.which("chromium") or "chromium"
        arguments = [command, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._pid = os.posix_spawn(command, arguments, os.environ, file_actions=actions)
        for end in (theirs_in, theirs_out, *ends):
            os.close(end)
        self._number = 0
        self._rest = b""
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.kill(self._pid, signal.SIGTERM)
        os.close(self._out)
        os.waitpid(self._pid, 0)
        os.close(self._in)

    def command(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The answer to one command; RuntimeError when it is an error."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        self._write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, event: str, session: str) -> None:
        """Return when the event came (since the last command that waited)."""
        while not any(each.get("method") == event and each.get("sessionId") == session for each in self._events):
            self._events.append(self._read())
        self._events.clear()

    def _write(self, message: bytes) -> None:
        while message:
            message = message[os.write(self._out, message) :]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._in, 1 << 16)
            if not piece:
                raise RuntimeError("the browser ended")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


class Tab:
    """One page in a browser."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, height: int = 800, zoom: float = 1) -> None:
        self._browser = browser
        target = browser.command("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._target = target
        # Zoom leaves fewer CSS pixels in the same window.
        size = {"width": int(width / zoom), "height": int(height / zoom), "deviceScaleFactor": zoom, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.command("Page.enable")
        self.command("Page.navigate", url=path.as_uri())
        browser.wait("Page.loadEventFired", self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._browser.command("Target.closeTarget", targetId=self._target)

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command to this page."""
        return self._browser.command(method, self._session, **parameters)

    def evaluate(self, script: str) -> Any:
        """The value of an expression, or of the promise that it is."""
        answer = self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def violations(self) -> list[Mapping[str, Any]]:
        """What axe-core has against the page, all its rules on."""
        self.evaluate(AXE.read_text(encoding="utf-8") + ";null")
        found = self.evaluate(
            "axe.run({resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice']}).then(r => r.violations.map(v => ({id: v.id, help: v.help,"
            " nodes: v.nodes.slice(0, 3).map(n => n.html)})))"
        )
        return list(found)

    def press(self, key: str) -> None:
        """One key, down and up."""
        code = {"Tab": 9, "Enter": 13}[key]
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of what is on the screen, or of the whole page."""
        data = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        return base64.b64decode(data)

    def printed(self) -> bytes:
        """The page as PDF on A4."""
        data = self.command("Page.printToPDF", printBackground=False, paperWidth=8.27, paperHeight=11.69)["data"]
        return base64.b64decode(data)
