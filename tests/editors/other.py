"""A second language server on the same buffer, as Microsoft's own is for most who write Bicep.

It only takes part: it answers every request with null and publishes one hint at each file's first
character, so that a scene fails if the editor or Preflight cannot bear company.
"""

import json
import sys


def read():
    length = 0
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            sys.exit(0)
        if not line.strip():
            return json.loads(sys.stdin.buffer.read(length))
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])


def send(**message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


while True:
    message = read()
    method = message.get("method")
    if method == "initialize":
        send(id=message["id"], result={"capabilities": {"textDocumentSync": 1, "hoverProvider": True, "codeActionProvider": True}})
    elif method == "textDocument/didOpen":
        start = {"line": 0, "character": 0}
        hint = {"range": {"start": start, "end": {"line": 0, "character": 1}}, "severity": 4, "code": "other", "source": "other", "message": "Company."}
        send(method="textDocument/publishDiagnostics", params={"uri": message["params"]["textDocument"]["uri"], "diagnostics": [hint]})
    elif method == "exit":
        sys.exit(0)
    elif method and "id" in message:
        send(id=message["id"], result=None)
