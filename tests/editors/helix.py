"""The scene in Helix: types into the real program in tmux and reads its screen.

Run by `run` with the configuration of editors/helix as pasted. Each step appends "ok STEP" or
"FAIL STEP: why" to SCENE/results; a failure leaves the last screen beside it.

Usage: helix.py ROOT SCENE_INSIDE [--screenshots FOLDER]
ROOT is the Debian 13 root; SCENE_INSIDE the scene's folder as the programs in it see it.
With --screenshots, the screen with colours is left in FOLDER as *.ansi.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

root, inside_scene = sys.argv[1], sys.argv[2]
shots = pathlib.Path(sys.argv[4]) if sys.argv[3:4] == ["--screenshots"] else None
scene = pathlib.Path(root + inside_scene)
workspace = scene / "workspace"
here = pathlib.Path(__file__).parent
socket = f"preflight-{os.getpid()}"
DEADLINE = 60  # seconds; only a failure lasts as long


def tmux(*arguments):
    return subprocess.run(["tmux", "-L", socket, "-f", "/dev/null", *arguments], check=True, capture_output=True, text=True).stdout


def screen():
    return tmux("capture-pane", "-p")


def keys(*names):
    for name in names:
        tmux("send-keys", name)


def command(line):
    """Types a command. No Escape goes before it: together with the colon it would read as one key, Alt-colon."""
    wait("normal mode", lambda: re.match(r"\s+NOR\s", status()))
    keys(":")
    wait("the prompt", lambda: screen().rstrip("\n").splitlines()[-1].startswith(":"))
    tmux("send-keys", "-l", line)
    wait("the command typed", lambda: screen().rstrip("\n").splitlines()[-1].startswith(":" + line))
    keys("Enter")


def wait(what, condition):
    end = time.monotonic() + DEADLINE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.05)


def status():
    """The status line: mode, file, findings of the file, selections, place."""
    for line in reversed(screen().splitlines()):
        if re.match(r"\s+(NOR|INS|SEL)\s", line):
            return line
    return ""


def findings(n):
    """Whether the status line counts n findings for the file in view."""
    line = status()
    return f"● {n}" in line if n else bool(line) and "●" not in line


def visit(file):
    command(f"open {file}")
    wait(f"{file} in view", lambda: re.search(rf"(NOR)\s+{re.escape(file)}\b", status()))


def read(file):
    path = workspace / file
    return path.read_text() if path.exists() else None


def shoot(name):
    if shots:
        time.sleep(0.5)  # A picture for people: let the last frame be drawn.
        (shots / f"{name}.ansi").write_text(tmux("capture-pane", "-p", "-e"))


def to_registry():
    """Selects what the finding covers, from the top of main.bicep."""
    keys("g", "g", "]", "d")
    wait("the finding selected", lambda: re.search(r"\s6:77\s*$", status()))


def chosen(title):
    """Whether the menu's chosen entry, which Helix's own theme draws on white, begins with the title."""
    return f"\x1b[48;2;255;255;255m {title}" in tmux("capture-pane", "-p", "-e")


def take(title, picture=None):
    """Opens the menu of code actions, goes to the one that begins with the title, and takes it."""
    keys("Space", "a")
    wait(f"the action “{title}”", lambda: title in screen())
    if picture:
        shoot(picture)
    for _ in range(12):
        if chosen(title):
            break
        before = tmux("capture-pane", "-p", "-e")
        keys("Down")
        wait("the menu to move", lambda: tmux("capture-pane", "-p", "-e") != before)
    else:
        raise AssertionError(f"“{title}” could not be chosen")
    keys("Enter")


steps = []


def step(function):
    steps.append(function)
    return function


original = (workspace / "main.bicep").read_text()


@step
def own_grammar_and_queries():
    """Debian's Helix has no grammar for Bicep: what is coloured is coloured by this project's."""
    wait("main.bicep in view", lambda: "param location" in screen())

    def colour_of(word):
        found = re.search(r"((?:\x1b\[[0-9;:]*m)+)" + word, tmux("capture-pane", "-p", "-e"))
        inks = re.findall(r"38;2;[0-9;]*", found.group(1)) if found else []
        return inks[-1] if inks else None

    wait("keywords and names in different colours", lambda: colour_of("param") != colour_of("registryName"))
    colours = {colour_of(word) for word in ("param", "registryName", "'acr", "resourceGroup")}
    assert len(colours) >= 3, f"only {len(colours)} colours"


@step
def finding_at_the_registry():
    wait("the finding", lambda: findings(1))
    to_registry()
    # The literal is 51 characters long; Helix shows the place of the selection's moving end.
    keys("M-\\;")  # tmux would take a bare semicolon for its own.
    wait("the finding to begin at 6:27", lambda: re.search(r"\s6:27\s*$", status()))
    wait("the message", lambda: "AZR-000002" in screen())
    shoot("finding")


@step
def finding_in_a_file_that_is_not_open():
    keys("Space", "D")
    wait("the file in the workspace's list", lambda: re.search(r"AZR-000002.*azuredeploy\.json|azuredeploy\.json.*AZR-000002", screen()))
    keys("Escape")
    wait("the list to close", lambda: "azuredeploy.json" not in screen())


@step
def fix_that_creates_a_file():
    to_registry()
    take("Enable Defender for Containers (Standard)", picture="fix")
    wait("the module in main.bicep", lambda: "'defender-for-containers.bicep'" in screen())
    command("write-all")
    wait("main.bicep on disk", lambda: "'defender-for-containers.bicep'" in (read("main.bicep") or ""))
    wait("the new file on disk", lambda: "Microsoft.Security/pricings" in (read("defender-for-containers.bicep") or ""))


@step
def finding_gone():
    wait("no finding", lambda: findings(0))


@step
def undo():
    keys("u")
    visit("defender-for-containers.bicep")
    keys("u")
    command("write-all")
    wait("main.bicep as it was", lambda: read("main.bicep") == original)
    wait("the new file without its plan", lambda: "pricings" not in read("defender-for-containers.bicep"))
    visit("main.bicep")


@step
def finding_back():
    wait("the finding", lambda: findings(1))


@step
def an_edit_in_another_file_clears_it():
    visit("platform.bicep")
    keys("g", "e")
    command(f"append-output cat {inside_scene}/plan.bicep")
    wait("the plan", lambda: "'Microsoft.Security/pricings@2024-01-01'" in screen())
    visit("main.bicep")
    wait("no finding in main.bicep", lambda: findings(0))
    visit("platform.bicep")
    keys("u")
    visit("main.bicep")
    wait("the finding again", lambda: findings(1))


@step
def suppress():
    to_registry()
    take("Suppress")
    wait("the pragma", lambda: "#disable-next-line AZR-000002" in screen())
    wait("no finding", lambda: findings(0))
    visit("azuredeploy.json")
    wait("the finding of azuredeploy.json", lambda: findings(1))
    visit("main.bicep")
    keys("u")
    wait("the finding again", lambda: findings(1))


@step
def server_killed_and_back():
    pid = (scene / "server.pid").read_text()
    os.kill(int(pid), signal.SIGKILL)
    wait("the client to see it", lambda: findings(0))
    command("lsp-restart")
    wait("another server", lambda: (scene / "server.pid").read_text() != pid)
    wait("the finding of the new server", lambda: findings(1))


def main():
    shell = f"TERM=tmux-256color '{here}/inside' '{root}' {inside_scene} sh -c 'cd {inside_scene}/workspace && exec hx main.bicep' 2>'{scene}/stderr'"
    tmux("new-session", "-d", "-x", "120", "-y", "34", shell)
    try:
        for function in steps:
            name = function.__name__.replace("_", " ")
            try:
                function()
            except Exception as why:
                print_result(f"FAIL {name}: {why}")
                try:
                    print(screen(), file=sys.stderr)
                except subprocess.CalledProcessError:
                    print((scene / "stderr").read_text(), file=sys.stderr)
                return 1
            print_result(f"ok {name}")
        print_result("end")
        return 0
    finally:
        subprocess.run(["tmux", "-L", socket, "kill-server"], capture_output=True)


def print_result(line):
    with open(scene / "results", "a") as results:
        results.write(line + "\n")


sys.exit(main())
