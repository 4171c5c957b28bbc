"""The scene in Helix: types into the real program in tmux and reads its screen.

Run by `run` with the configuration of editors/helix as pasted; terminal.py has the arguments.
"""

import os
import re
import signal
import sys

from terminal import colours, inside_scene, keys, original, play, read, scene, screen, shoot, step, typed, wait


def command(line):
    """Types a command. No Escape goes before it: together with the colon it would read as one key, Alt-colon."""
    wait("normal mode", lambda: re.match(r"\s+NOR\s", status()))
    keys(":")
    wait("the prompt", lambda: screen().rstrip("\n").splitlines()[-1].startswith(":"))
    typed(line)
    wait("the command typed", lambda: screen().rstrip("\n").splitlines()[-1].startswith(":" + line))
    keys("Enter")


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


def to_registry():
    """Selects what the finding covers, from the top of main.bicep."""
    keys("g", "g", "]", "d")
    wait("the finding selected", lambda: re.search(r"\s6:77\s*$", status()))


def chosen(title):
    """Whether the menu's chosen entry, which Helix's own theme draws on white, begins with the title."""
    return f"\x1b[48;2;255;255;255m {title}" in colours()


def take(title, picture=None):
    """Opens the menu of code actions, goes to the one that begins with the title, and takes it."""
    keys("Space", "a")
    wait(f"the action “{title}”", lambda: title in screen())
    if picture:
        shoot(picture)
    for _ in range(12):
        if chosen(title):
            break
        before = colours()
        keys("Down")
        wait("the menu to move", lambda: colours() != before)
    else:
        raise AssertionError(f"“{title}” could not be chosen")
    keys("Enter")


@step
def own_grammar_and_queries():
    """Debian's Helix has no grammar for Bicep: what is coloured is coloured by this project's."""
    wait("main.bicep in view", lambda: "param location" in screen())

    def colour_of(word):
        found = re.search(r"((?:\x1b\[[0-9;:]*m)+)" + word, colours())
        inks = re.findall(r"38;2;[0-9;]*", found.group(1)) if found else []
        return inks[-1] if inks else None

    wait("keywords and names in different colours", lambda: colour_of("param") != colour_of("registryName"))
    inks = {colour_of(word) for word in ("param", "registryName", "'acr", "resourceGroup")}
    assert len(inks) >= 3, f"only {len(inks)} colours"


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
    take("Turn on Defender for Containers (paid)", picture="fix")
    # The menu names the new file, too.
    wait("the module in main.bicep", lambda: "module defenderForContainers" in screen())
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


sys.exit(play("hx main.bicep"))
