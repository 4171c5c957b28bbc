"""The scene in Kakoune with kak-lsp: types into the real program in tmux, and has it print what it shows.

Run by `run` with the configuration of editors/kakoune as pasted; terminal.py has the arguments.
"""

import os
import re
import signal
import subprocess
import sys

from terminal import here, inside_scene, keys, original, play, read, root, scene, screen, step, typed, wait

session = f"preflight{os.getpid()}"


def run(line):
    """Has the session run a command, whatever its client shows."""
    subprocess.run([here / "inside", root, inside_scene, "kak", "-p", session], input=line, text=True, check=True)


def tell(expression, buffer="main.bicep"):
    """What Kakoune makes of an expression in a buffer."""
    answer = scene / "answer"
    answer.unlink(missing_ok=True)
    line = f"try %{{ evaluate-commands -buffer {buffer} %{{ echo -to-file {inside_scene}/answer -- {expression} }} }} catch %{{ echo -to-file {inside_scene}/answer none }}"
    run(line)
    return wait(f"{expression} answer", lambda: answer.exists() and answer.read_text())


def command(line):
    keys(":")
    typed(line)
    keys("Enter")


def findings(n, buffer="main.bicep"):
    return tell("%opt{lsp_diagnostic_warning_count}", buffer).strip() == str(n)


def visit(file):
    command(f"edit {file}")
    wait(f"{file} in view", lambda: re.search(rf"\b{re.escape(file)} \d+:\d+", screen()))


def to_registry():
    visit("main.bicep")
    command("select 6.30,6.80")
    wait("the registry selected", lambda: re.search(r"main\.bicep 6:\d+", screen()))


def take(title):
    """Opens the menu of code actions, and takes the one that begins with the title once nothing else is left in it."""
    to_registry()
    command("lsp-code-actions")
    wait(f"the action “{title}”", lambda: title in screen())
    typed(title)
    wait("the menu to hold only that", lambda: "managed elsewhere" not in screen() and screen().count(title) >= 2)
    keys("Enter")


@step
def finding_at_the_registry():
    wait("main.bicep in view", lambda: "param location" in screen())
    wait("the finding", lambda: findings(1))
    # Columns of Kakoune are bytes: the whale before it has four.
    place = tell("%opt{lsp_inline_diagnostics}")
    assert "6.30,6.80|DiagnosticWarning" in place, place


@step
def what_hover_says():
    to_registry()
    command("lsp-hover")
    wait("the verdict and the finding", lambda: "Images are not scanned" in screen() and "AZR-000002" in screen())


@step
def finding_in_a_file_that_is_not_open():
    command("lsp-diagnostics")
    wait("the file in the workspace's list", lambda: re.search(r"azuredeploy\.json:\d+", screen()))
    visit("main.bicep")


@step
def fix_that_creates_a_file():
    take("Turn on Defender for Containers (paid)")
    # The menu names the new file, too.
    wait("the module in main.bicep", lambda: "module defenderForContainers" in screen())
    run("write-all")
    wait("main.bicep on disk", lambda: "'defender-for-containers.bicep'" in (read("main.bicep") or ""))
    wait("the new file on disk", lambda: "Microsoft.Security/pricings" in (read("defender-for-containers.bicep") or ""))


@step
def finding_gone():
    wait("no finding", lambda: findings(0))


@step
def undo():
    visit("main.bicep")
    keys("u")
    # kak-lsp writes the new file to disk before it opens it, so that there is nothing to undo in it; and it does not say
    # when a buffer is deleted. So the plan is deleted from the buffer.
    visit("defender-for-containers.bicep")
    keys("%", "d")
    wait("an empty buffer", lambda: "pricings" not in screen())
    run("write-all")
    wait("main.bicep as it was", lambda: read("main.bicep") == original)
    wait("the new file without its plan", lambda: "pricings" not in read("defender-for-containers.bicep"))


@step
def finding_back():
    # kak-lsp sends a change once its buffer is idle in view, so the buffer stays in view until then.
    wait("the finding", lambda: findings(1))
    visit("main.bicep")


@step
def an_edit_in_another_file_clears_it():
    visit("platform.bicep")
    command(f"execute-keys ge<a-!>cat<space>{inside_scene}/plan.bicep<ret>")
    wait("the plan", lambda: "'Microsoft.Security/pricings@2024-01-01'" in screen())
    wait("no finding in main.bicep", lambda: findings(0))
    keys("u")
    wait("the finding again", lambda: findings(1))


@step
def suppress():
    take("Suppress")
    wait("the pragma", lambda: "#disable-next-line AZR-000002" in screen())
    wait("no finding", lambda: findings(0))
    visit("azuredeploy.json")
    wait("the finding of azuredeploy.json", lambda: findings(1, "azuredeploy.json"))
    visit("main.bicep")
    keys("u")
    wait("the finding again", lambda: findings(1))


@step
def server_killed_and_back():
    pid = (scene / "server.pid").read_text()
    os.kill(int(pid), signal.SIGKILL)
    command("lsp-restart")
    wait("another server", lambda: (scene / "server.pid").read_text() != pid)
    take("Suppress")
    wait("no finding of the new server", lambda: findings(0))
    keys("u")
    wait("the finding of the new server", lambda: findings(1))


sys.exit(play(f"kak -s {session} main.bicep"))
