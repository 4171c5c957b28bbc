#!/usr/bin/env python3
"""Writes the seeds of each fuzz target from the project's own fixtures."""
import argparse, bisect, hashlib, json, pathlib, random, re

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('folder', type=pathlib.Path, help='where the seeds are written, a folder for each target')
parser.add_argument('--templates', type=pathlib.Path, help='real templates: those under 8 KB are seeds too')
parser.add_argument('--mutants', type=int, default=0, help='so many changed seeds for each target, the same ones each time')
args = parser.parse_args()

here = pathlib.Path(__file__).resolve().parent
repo = here.parent.parent
out = args.folder
extra = args.templates
rng = random.Random(2)


def seed(target, text):
    data = text if isinstance(text, bytes) else text.encode()
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def script(length):
    return b'\n=====\n' + bytes(rng.randrange(256) for _ in range(length))


def template(path, text):
    kind = 'bicep' if path.endswith(('.bicep', '.bicepparam')) else 'arm'
    seed(kind, text)
    seed('edits', text.encode() + script(30))
    if kind == 'arm':
        for found in re.findall(r'"(\[[^\[][^"]*\])"', text):
            seed('expression', found)


def scene(files):
    text = ''.join(f'//- /{name}\n{body}' for name, body in files)
    for target in ('evaluation', 'fixes'):
        seed(target, text)
    seed('session', text.encode() + script(24))


for rules in sorted((repo / 'tests/rules').glob('*.md')):
    for case in re.split(r'^## ', rules.read_text(), flags=re.M)[1:]:
        files = []
        for info, body in re.findall(r'^```([^\n]*)\n(.*?)^```$', case, flags=re.M | re.S):
            words = info.split()
            if words and words[0] == 'fix':
                break
            if len(words) > 1 and '.' in words[1]:
                files.append((words[1], body))
                if words[0] in ('yaml', 'jsonc') or 'bicepconfig' in words[1] or 'parameters' in words[1]:
                    seed('configuration', body)
                if words[0] != 'yaml':
                    template(words[1], body)
        if files:
            scene(files)
for path in sorted((repo / 'tests/examples').rglob('*')):
    if path.suffix in ('.bicep', '.bicepparam', '.json'):
        template(str(path), path.read_text())
for grammar in ('bicep', 'json'):
    for path in sorted((repo / 'grammars' / grammar / 'test/corpus').rglob('*.txt')):
        for text in re.findall(r'={20,}\n[^=]*={20,}\n(.*?)\n-{3,}\n', path.read_text(), flags=re.S):
            template('x.bicep' if grammar == 'bicep' else 'x.json', text)
for text in ("[concat('a''b', parameters('x').y[0], -1.5)]", "[[literal]", "[if(equals(1, 2), null(), createObject('a', 1))]",
             "[format('{0,5:X}{{', copyIndex('l', 2))]", "[reference(resourceId('a/b', 'c')).x.y]", "[ns.f()[variables('k')]]"):
    seed('expression', text)
for path in (here / 'fixtures').rglob('*'):
    if path.is_file():
        seed(path.parent.name, path.read_bytes())

uri = 'untitled:a'
change = {'textDocument': {'uri': uri, 'version': 2}, 'contentChanges': [
    {'range': {'start': {'line': 0, 'character': 0}, 'end': {'line': 0, 'character': 3}}, 'text': 'param'}]}
place = {'textDocument': {'uri': uri}, 'position': {'line': 0, 'character': 5}}
whole = {'start': {'line': 0, 'character': 0}, 'end': {'line': 9, 'character': 0}}
messages = [
    {'method': 'textDocument/didChange', 'params': change},
    {'method': 'textDocument/didClose', 'params': {'textDocument': {'uri': uri}}},
    {'method': 'textDocument/didSave', 'params': {'textDocument': {'uri': uri}}},
    {'id': 1, 'method': 'textDocument/hover', 'params': place},
    {'id': 2, 'method': 'textDocument/codeAction', 'params': {'textDocument': {'uri': uri}, 'range': whole, 'context': {'diagnostics': []}}},
    {'id': 3, 'method': 'textDocument/diagnostic', 'params': {'textDocument': {'uri': uri}, 'previousResultId': 'x'}},
    {'id': 4, 'method': 'workspace/diagnostic', 'params': {'previousResultIds': []}},
    {'id': 5, 'method': 'workspace/executeCommand', 'params': {'command': 'preflight.scan', 'arguments': []}},
    {'id': 6, 'method': 'preflight/status'},
    {'id': 7, 'method': 'preflight/inventory', 'params': {'textDocument': {'uri': uri}}},
    {'id': 8, 'method': 'preflight/syntaxTree', 'params': {'textDocument': {'uri': uri}}},
    {'id': 9, 'method': 'codeAction/resolve', 'params': {'title': 'x', 'data': {'id': 'x'}}},
    {'id': 'z9', 'method': 'shutdown'}, {'method': 'exit'}, {'method': '$/cancelRequest', 'params': {'id': 1}},
    {'method': '$/setTrace', 'params': {'value': 'verbose'}},
    {'method': 'workspace/didChangeConfiguration', 'params': {'settings': {'preflight': {'coverage': 'elsewhere'}}}},
    {'method': 'workspace/didChangeWatchedFiles', 'params': {'changes': [{'uri': 'file:///nowhere/ps-rule.yaml', 'type': 2}]}},
    {'method': 'workspace/didChangeWorkspaceFolders', 'params': {'event': {'added': [], 'removed': [{'uri': 'file:///nowhere', 'name': 'x'}]}}},
    {'id': 0, 'result': [{'coverage': 'deployment', 'plan': None}]},
    {'id': 99, 'error': {'code': 1, 'message': 'no'}},
]
lines = [json.dumps({'jsonrpc': '2.0', **message}) for message in messages]
for line in lines:
    seed('protocol', line)
for _ in range(40):
    seed('protocol', '\n'.join(rng.sample(lines, rng.randrange(2, 9))))
seed('protocol', '\n'.join(lines))
seed('protocol', '@' + '\n'.join(lines))
seed('protocol', '!Content-Length: 5\r\n\r\n{}\n!rubbish\n[]\n{"jsonrpc":"2.0"}\n\n"x"')

settings = '{"coverage": "deployment", "hints": false, "plan": "any", "exclude": ["*"]}'
for text in (settings, 'x\n}\n// note\n\'Free\'\n\'Standard\'\nmodule q \'acr.bicep\' = {\n  name: \'q\'\n}\n'):
    for _ in range(20):
        seed('conversation', text.encode() + script(rng.randrange(20, 200)))
seed('conversation', ''.join(f'Content-Length: {len(line)}\r\n\r\n{line}' for line in lines))
seed('conversation', 'lines\n' + '\n'.join(lines))

if extra:
    for path in sorted(extra.rglob('*')):
        if path.suffix in ('.bicep', '.bicepparam', '.json') and path.is_file() and path.stat().st_size < 8000:
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            template(path.name, text)
            if len(text) < 4000:
                scene([(f'main{path.suffix}', text)])

# Pieces that a template can hold and a random byte will not make.
WORDS = [word.encode() for word in (
    "'", "\'\'\'", '${', '}', '{', '[', ']', '(', ')', '"', '\\', '\n', '\r\n', '\r', '//', '/*', '*/', '\ufeff', '\U0001f600', '\0',
    'null', 'true', '-9223372036854775808', 'existing', 'for i in range(0, 3): ', "if (", "parent: ", "'Standard'", "'Free'",
    '#disable-next-line AZR-000002\n', "[parameters('x')]", "[copyIndex()]", '"copy": ', '"resources": [', "module m 'main.bicep' = ",
    "resource r 'Microsoft.ContainerRegistry/registries@2023-07-01' = ", "resource p 'Microsoft.Security/pricings@2024-01-01' = ")]


def mutant(data, other):
    """The data with one to four changes; `other` is what is spliced in."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 4, 16, 64)))
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = data[at:end] * rng.choice((1, 1, 2, 30))
        elif kind == 3:
            data[at:at] = rng.choice(WORDS)
        elif kind == 4:
            data[at:end] = rng.choice(WORDS)
        else:
            start = rng.randrange(len(other) + 1)
            data[at:at] = other[start:start + rng.choice((4, 30, 200))]
    return bytes(data)


# Which seeds are changed hangs on their names, which are hashes of what is in them, so that a seed more or less leaves
# nearly all mutants as they were.
for folder in sorted(out.iterdir()) if args.mutants else ():
    names = sorted(path.name for path in folder.iterdir())

    def pick():
        wanted = f'{rng.getrandbits(160):040x}'
        return (folder / names[bisect.bisect(names, wanted) % len(names)]).read_bytes()

    for number in range(args.mutants):
        rng.seed(f'{folder.name} {number}')
        seed(folder.name, mutant(pick(), pick()))
