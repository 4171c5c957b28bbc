"""A program in tmux, driven by keys and read off its screen, and the steps of a scene: for helix.py and kakoune.py.

Each step appends "ok STEP" or "FAIL STEP: why" to SCENE/results; a failure prints the last screen.
The arguments of both: ROOT SCENE_INSIDE [--screenshots FOLDER]
ROOT is the Debian 13 root; SCENE_INSIDE the scene's folder as the programs in it see it.
With --screenshots, the screen with colours is left in FOLDER as *.ansi.
"""

import os
import pathlib
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

original = (workspace / "main.bicep").read_text()
steps = []


def step(function):
    steps.append(function)
    return function


def tmux(*arguments):
    return subprocess.run(["tmux", "-L", socket, "-f", "/dev/null", *arguments], check=True, capture_output=True, text=True).stdout


def screen():
    return tmux("capture-pane", "-p")


def colours():
    return tmux("capture-pane", "-p", "-e")


def keys(*names):
    for name in names:
        tmux("send-keys", name)


def typed(text):
    tmux("send-keys", "-l", text)


def wait(what, condition):
    end = time.monotonic() + DEADLINE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.05)


def read(file):
    path = workspace / file
    return path.read_text() if path.exists() else None


def shoot(name):
    if shots:
        time.sleep(0.5)  # A picture for people: let the last frame be drawn.
        (shots / f"{name}.ansi").write_text(colours())


def play(program):
    """Runs the program in the workspace, and the steps at it."""
    shell = f"TERM=tmux-256color '{here}/inside' '{root}' {inside_scene} sh -c 'cd {inside_scene}/workspace && exec {program}' 2>'{scene}/stderr'"
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
