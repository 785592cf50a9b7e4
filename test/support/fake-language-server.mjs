/**
 * A language server of the smallest kind, over stdio as LSP 3.17 has it: it knows functions (`fn name`) by regular expression.
 * `panic!("now")` in a text makes it end by itself; `@error` in a text is a diagnostic. Words beginning with `FAKE` in the
 * environment change its ways: FAKE_DEAF never answers, FAKE_GARBAGE says what is no LSP.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { stdin, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';

if (process.argv.includes('--version')) {
  console.log('fake-language-server 1.0');
  process.exit(0);
}

const texts = new Map();
let buffer = Buffer.alloc(0);

function send(message) {
  const content = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
  stdout.write(`Content-Length: ${content.length}\r\n\r\n`);
  stdout.write(content);
}

const at = (text, offset) => {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length - 1, character: before.at(-1).length };
};
const rangeOf = (text, start, end) => ({ start: at(text, start), end: at(text, end) });

function functions(text) {
  return [...text.matchAll(/\bfn (\w+)[^{\n]*\{[^}]*\}/g)].map((match) => ({
    name: match[1],
    kind: 12,
    detail: 'fn()',
    range: rangeOf(text, match.index, match.index + match[0].length),
    selectionRange: rangeOf(text, match.index + 3, match.index + 3 + match[1].length),
  }));
}

function wordAt({ textDocument: { uri }, position }) {
  const line = (texts.get(uri) ?? '').split('\n')[position.line] ?? '';
  for (const match of line.matchAll(/\w+/g))
    if (match.index <= position.character && position.character <= match.index + match[0].length) return match[0];
  return '';
}

/** The open texts, and beside them the Rust files on disk that lie where one of them does. */
function everything() {
  const all = new Map(texts);
  for (const uri of texts.keys())
    for (const name of readdirSync(new URL('.', uri)).filter((it) => it.endsWith('.rs'))) {
      const other = new URL(name, uri);
      if (!all.has(other.href)) all.set(other.href, readFileSync(other, 'utf8'));
    }
  return all;
}

/** Every place of a word. */
function occurrences(word, where = texts) {
  return [...where].flatMap(([uri, text]) =>
    [...text.matchAll(new RegExp(`\\b${word}\\b`, 'g'))].map((match) => ({
      uri,
      range: rangeOf(text, match.index, match.index + word.length),
    })),
  );
}

const answers = {
  initialize: ({ rootUri }) => ({ capabilities: {}, serverInfo: { name: 'fake' }, rootUri }),
  'textDocument/hover': (params) => ({ contents: { kind: 'markdown', value: `about **${wordAt(params)}**` } }),
  'textDocument/completion': ({ textDocument: { uri } }) =>
    functions(texts.get(uri) ?? '').map(({ name }) => ({
      label: name,
      kind: 3,
      insertText: `${name}($0)`,
      insertTextFormat: 2,
    })),
  'completionItem/resolve': (item) => ({ ...item, documentation: `documentation of ${item.label}` }),
  'textDocument/definition': (params) => {
    const word = wordAt(params);
    if (word === 'Option') return { uri: pathToFileURL(process.execPath).href, range: rangeOf('', 0, 0) };
    for (const [uri, text] of texts) {
      const found = functions(text).find(({ name }) => name === word);
      if (found !== undefined) return { uri, range: found.selectionRange };
    }
    return null;
  },
  'textDocument/references': (params) => occurrences(wordAt(params)),
  'textDocument/prepareRename': (params) => (wordAt(params) === '' ? null : occurrences(wordAt(params))[0].range),
  'textDocument/rename': (params) => {
    const changes = {};
    for (const { uri, range } of occurrences(wordAt(params), everything())) {
      changes[uri] ??= [];
      changes[uri].push({ range, newText: params.newName });
    }
    return { changes };
  },
  'textDocument/documentSymbol': ({ textDocument: { uri } }) => functions(texts.get(uri) ?? ''),
  'workspace/symbol': ({ query }) =>
    [...texts].flatMap(([uri, text]) =>
      functions(text)
        .filter(({ name }) => name.includes(query))
        .map(({ name, kind, selectionRange }) => ({ name, kind, location: { uri, range: selectionRange } })),
    ),
  'textDocument/formatting': ({ textDocument: { uri } }) => {
    const text = texts.get(uri) ?? '';
    return [{ range: rangeOf(text, 0, text.length), newText: text.replace(/[ \t]+$/gm, '') }];
  },
  'textDocument/codeAction': ({ textDocument: { uri } }) => [{ title: 'Add a line', kind: 'refactor', data: { uri } }],
  'codeAction/resolve': (action) => ({
    ...action,
    edit: { changes: { [action.data.uri]: [{ range: rangeOf('', 0, 0), newText: '// added\n' }] } },
  }),
};

function take({ id, method, params }) {
  const document = params?.textDocument;
  if (method === 'textDocument/didOpen') opened(document.uri, document.text);
  else if (method === 'textDocument/didChange') opened(document.uri, params.contentChanges.at(-1).text);
  else if (method === 'textDocument/didClose') texts.delete(document.uri);
  else if (method === 'initialized') {
    send({ id: 'ask-1', method: 'window/workDoneProgress/create', params: { token: 'index' } });
    send({
      method: '$/progress',
      params: { token: 'index', value: { kind: 'begin', title: 'Indexing', percentage: 50 } },
    });
    send({ method: '$/progress', params: { token: 'index', value: { kind: 'end' } } });
    send({ method: 'window/logMessage', params: { type: 3, message: 'ready to serve' } });
  } else if (id !== undefined && method !== undefined) {
    const answer = answers[method];
    if (answer === undefined) send({ id, error: { code: -32601, message: `no method ${method}` } });
    else send({ id, result: answer(params) });
  }
}

function opened(uri, text) {
  texts.set(uri, text);
  if (text.includes('panic!("now")')) {
    console.error("thread 'main' panicked at 'now'");
    process.exit(101);
  }
  const diagnostics = [...text.matchAll(/@error/g)].map((match) => ({
    range: rangeOf(text, match.index, match.index + 6),
    severity: 1,
    code: 'fake',
    message: 'there is an @error',
  }));
  send({ method: 'textDocument/publishDiagnostics', params: { uri, diagnostics } });
}

stdin.on('data', (bytes) => {
  if (process.env.FAKE_DEAF) return;
  if (process.env.FAKE_GARBAGE) stdout.write('Hello, this is not LSP.\r\n\r\n');
  buffer = Buffer.concat([buffer, bytes]);
  for (;;) {
    const end = buffer.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end).toString())[1]);
    if (buffer.length < end + 4 + length) return;
    const message = JSON.parse(buffer.subarray(end + 4, end + 4 + length).toString());
    buffer = buffer.subarray(end + 4 + length);
    take(message);
  }
});
stdin.on('end', () => process.exit(0));
