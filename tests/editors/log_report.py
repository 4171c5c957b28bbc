"""Reports from a log of tee.py what an editor advertised and what it got.

Usage: log_report.py MESSAGES_LOG
"""

import collections
import json
import sys

sent = collections.Counter()
received = collections.Counter()
client = result = None
registered = []
initialize = None

for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
    mark, _, body = line.partition(" ")
    if mark not in "<>":
        continue
    message = json.loads(body)
    method = message.get("method")
    if method:
        (sent if mark == ">" else received)[method] += 1
    if mark == ">" and method == "initialize":
        initialize, client = message["id"], message["params"]
    if mark == "<" and not method and message.get("id") == initialize and "result" in message:
        result = message["result"]
    if mark == "<" and method == "client/registerCapability":
        registered += [r["method"] for r in message["params"]["registrations"]]


def at(value, path):
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def show(label, value):
    if value is None:
        value = "–"
    if isinstance(value, (dict, list, bool)):
        value = json.dumps(value, ensure_ascii=False)
    print(f"  {label:34} {value}")


if client is None:
    print("  no initialize was seen")
    sys.exit()
capabilities = client["capabilities"]
info = client.get("clientInfo") or {}
show("client", f"{info.get('name', '–')} {info.get('version', '')}".strip())
folders = client.get("workspaceFolders")
show("roots", f"{len(folders)} folders" if folders else "rootUri" if client.get("rootUri") else "rootPath" if client.get("rootPath") else "none")
for label, path in [
    ("position encodings", "general.positionEncodings"),
    ("publishDiagnostics", "textDocument.publishDiagnostics"),
    ("pull diagnostics", "textDocument.diagnostic"),
    ("workspace/diagnostic/refresh", "workspace.diagnostics"),
    ("workspace edit", "workspace.workspaceEdit"),
    ("code action kinds", "textDocument.codeAction.codeActionLiteralSupport.codeActionKind.valueSet"),
    ("code action resolve", "textDocument.codeAction.resolveSupport.properties"),
    ("code action isPreferred, data", "textDocument.codeAction.isPreferredSupport"),
    ("workspace/configuration", "workspace.configuration"),
    ("didChangeWatchedFiles", "workspace.didChangeWatchedFiles"),
    ("workspace folders", "workspace.workspaceFolders"),
    ("work-done progress", "window.workDoneProgress"),
    ("experimental", "experimental"),
]:
    show("offers " + label, at(capabilities, path))
show("offers initializationOptions", client.get("initializationOptions"))
for key, value in ((result or {}).get("capabilities") or {}).items():
    show("got " + key, value)
show("got serverInfo", (result or {}).get("serverInfo"))
show("got registrations", ", ".join(dict.fromkeys(registered)) or None)
show("editor said", ", ".join(f"{m} {n}" for m, n in sorted(sent.items())))
show("server said", ", ".join(f"{m} {n}" for m, n in sorted(received.items())))
