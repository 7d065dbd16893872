"use strict";
// Whether boards are what Grafana's own types say, told by its compiler: node types.cjs <REQUEST >ANSWER, both JSON.
//
// The request: {name: text of the board}. The answer: {name: [{line, message}]}, where the line is the text's own, from 1.

const path = require("node:path");
const ts = require("typescript");

const BEFORE = 'import type { Board } from "./board"; export const board: Board = ';
const OPTIONS = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
};

function check(boards) {
  const texts = new Map(Object.entries(boards).map(([name, text]) => [path.join(__dirname, `${name}.board.ts`), BEFORE + text]));
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (name) => texts.has(name) || fileExists.call(host, name);
  host.getSourceFile = (name, ...more) =>
    texts.has(name) ? ts.createSourceFile(name, texts.get(name), OPTIONS.target) : getSourceFile.call(host, name, ...more);
  const program = ts.createProgram([...texts.keys()], OPTIONS, host);
  const answer = Object.fromEntries(Object.keys(boards).map((name) => [name, []]));
  for (const found of ts.getPreEmitDiagnostics(program)) {
    const message = ts.flattenDiagnosticMessageText(found.messageText, "\n");
    const name = found.file && path.basename(found.file.fileName, ".board.ts");
    if (!(name in answer)) throw new Error(`${found.file?.fileName}: ${message}`);
    answer[name].push({ line: found.file.getLineAndCharacterOfPosition(found.start).line + 1, message });
  }
  return answer;
}

const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => process.stdout.write(JSON.stringify(check(JSON.parse(Buffer.concat(chunks).toString())))));
