#!/usr/bin/env bash
# Installs the editors that `run` drives, and nothing into the repository.
#
# Every editor is the real program from a package registry: Neovim, Helix, Emacs and Kakoune of Debian 13
# in a small root of their own (an older Debian has no Helix and an older Neovim), kak-lsp from crates.io,
# since Debian has none, VS Code as code-server from npm under Node 24 from npm, Chromium of this Debian. A finished step leaves a stamp in the cache
# and is not done again; raise a step's number below when what it installs changes.
#
# Needs root and a Debian (or Ubuntu) machine. PREFLIGHT_EDITORS_CACHE moves the cache.
# Usage: install.sh [neovim|helix|emacs|kakoune|vscode]...   (all when none is named)
set -euo pipefail

cache=${PREFLIGHT_EDITORS_CACHE:-$HOME/.cache/preflight-editors}
code_server=4.139.1
playwright=1.65.1
kak_lsp=18.1.3
node_major=24
mkdir -p "$cache/log"

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=(neovim helix emacs kakoune vscode)
wants() { local e; for e in "${wanted[@]}"; do [ "$e" = "$1" ] && return 0; done; return 1; }

say() { printf 'install: %s\n' "$*" >&2; }

# step NAME COMMAND...: runs COMMAND once; its output goes to a log that is shown when it fails.
step() {
  local name=$1 stamp="$cache/$1.done" log="$cache/log/$1.log" begin=$SECONDS
  shift
  if [ -e "$stamp" ]; then return 0; fi
  if ! "$@" >"$log" 2>&1 </dev/null; then
    say "$name failed; the end of $log:"
    tail -n 40 "$log" >&2
    exit 1
  fi
  touch "$stamp"
  say "$name: $((SECONDS - begin)) s"
}

# The system packages are checked by name each time, not by stamp: a kept cache can meet a new machine.
apt_needed=()
need() { local p; for p in "$@"; do dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || apt_needed+=("$p"); done; }

need ca-certificates python3-minimal
in_trixie() { wants neovim || wants helix || wants emacs || wants kakoune; }
if in_trixie; then need debootstrap; fi
if wants helix || wants kakoune; then need tmux; fi
if wants vscode; then
  need libkrb5-dev pkg-config libx11-dev libxkbfile-dev libsecret-1-dev g++ make python3
fi
if { wants vscode || wants helix; }; then need fonts-dejavu-core fonts-noto-color-emoji; fi
if ! command -v npm >/dev/null; then need npm; fi
if ! command -v chromium >/dev/null && { wants vscode || wants helix; }; then need chromium; fi
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install -y --no-install-recommends "$@"
}
if [ ${#apt_needed[@]} -gt 0 ]; then
  begin=$SECONDS
  if ! apt_install "${apt_needed[@]}" >"$cache/log/apt.log" 2>&1 </dev/null; then
    say "apt-get could not install: ${apt_needed[*]}"
    tail -n 20 "$cache/log/apt.log" >&2
    exit 1
  fi
  say "system packages (${apt_needed[*]}): $((SECONDS - begin)) s"
fi

# Debian 13 in a folder. Left half done it is thrown away, since debootstrap does not resume.
trixie() {
  rm -rf "$cache/trixie"
  debootstrap --variant=minbase \
    --include=neovim,hx,emacs-nox,kakoune,python3-minimal,ncurses-term,locales \
    trixie "$cache/trixie"
  mkdir -p "$cache/trixie/srv"
}

node24() {
  mkdir -p "$cache/node"
  (cd "$cache/node" && npm install --no-save --no-audit --no-fund --prefix . "node-linux-$(node_arch)@$node_major")
  "$cache/node/node_modules/node-linux-$(node_arch)/bin/node" --version
}
node_arch() { case $(uname -m) in aarch64) echo arm64 ;; *) echo x64 ;; esac; }

with_node24() {
  local home="$cache/node/node_modules/node-linux-$(node_arch)"
  PATH="$home/bin:$PATH" npm_config_nodedir="$home" "$@"
}

playwright_core() {
  mkdir -p "$cache/playwright"
  (cd "$cache/playwright" && npm install --no-save --no-audit --no-fund --prefix . "playwright-core@$playwright")
}

# code-server builds native modules against Node 24's headers, which come with the binary, and with
# this machine's compiler.
code_server() {
  mkdir -p "$cache/code-server"
  cd "$cache/code-server"
  with_node24 npm install --no-save --no-audit --no-fund --prefix . --unsafe-perm "code-server@$code_server"
  with_node24 node_modules/.bin/code-server --version
}

# Unoptimized: it is quick enough, and built in half the time.
kak_lsp() {
  CARGO_PROFILE_DEV_DEBUG=0 cargo install kak-lsp --version "$kak_lsp" --locked --debug --root "$cache/kak-lsp" --target-dir "$cache/kak-lsp/target"
  rm -rf "$cache/kak-lsp/target"
}

if in_trixie; then step trixie-2 trixie; fi
if wants kakoune; then step kak-lsp-1 kak_lsp; fi
if wants vscode || wants helix; then
  step node-1 node24
  step playwright-1 playwright_core
fi
if wants vscode; then step code-server-1 code_server; fi
say "ready in $cache"
