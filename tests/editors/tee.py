"""Stands between an editor and the server: passes every byte on, and keeps what was said.

The editor starts it as `preflight`. It writes each message as one line of a log, `>` from the editor
and `<` from the server, and the server's process id to a file, so that a scene can kill the server and
the editor sees it die. No module beyond Debian's minimal Python is used.

Usage: tee.py SERVER FOLDER ARGUMENT...
"""

import os
import signal
import subprocess
import sys
import threading

server, folder = sys.argv[1], sys.argv[2]
arguments = sys.argv[3:]
if arguments[:1] != ["server"]:
    os.execv(server, [server] + arguments)

child = subprocess.Popen([server] + arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
log = open(os.path.join(folder, "messages.log"), "ab", buffering=0)
lock = threading.Lock()


def frames(mark):
    """A sink for bytes that writes each whole message to the log."""
    held = bytearray()

    def feed(data):
        held.extend(data)
        while True:
            end = held.find(b"\r\n\r\n")
            if end < 0:
                return
            length = 0
            for line in bytes(held[:end]).split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if len(held) < end + 4 + length:
                return
            body = bytes(held[end + 4 : end + 4 + length])
            del held[: end + 4 + length]
            with lock:
                log.write(mark + b" " + body.replace(b"\r", b"").replace(b"\n", b" ") + b"\n")

    return feed


def pump(source, sink, mark):
    keep = frames(mark)
    while True:
        data = os.read(source, 65536)
        if not data:
            break
        keep(data)
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(sink, view) :]
            except BrokenPipeError:
                return


def to_server():
    pump(0, child.stdin.fileno(), b">")
    child.stdin.close()


with lock:
    log.write(b"# started\n")
threading.Thread(target=to_server, daemon=True).start()
answers = threading.Thread(target=pump, args=(child.stdout.fileno(), 1, b"<"), daemon=True)
answers.start()
# Written under another name first, so that a reader never sees half a number.
with open(os.path.join(folder, "server.pid.new"), "w") as pid:
    pid.write(str(child.pid))
os.rename(os.path.join(folder, "server.pid.new"), os.path.join(folder, "server.pid"))
code = child.wait()
answers.join(5)
with lock:
    log.write(b"# ended with %d\n" % code)
os._exit(code if code >= 0 else 128 - code)
