// A WebAssembly module behind lines of JSON: see NodeMachine in web_machine.py.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

let wasm = null;
try {
  wasm = (await WebAssembly.instantiate(readFileSync(process.argv[2]), {})).instance.exports;
  wasm._initialize?.();
} catch (error) {
  if (!(error instanceof WebAssembly.CompileError)) throw error;
}

function numberOf(given) {
  return { nan: NaN, inf: Infinity, '-inf': -Infinity }[given] ?? Number(given);
}

function answer(question) {
  if (question.ready) return wasm !== null;
  if (question.call) return wasm[question.call](...question.arguments.map(numberOf)) ?? 0;
  if (question.write !== undefined) {
    const bytes = Buffer.from(question.write, 'base64');
    const where = wasm.pw_alloc(bytes.length);
    new Uint8Array(wasm.memory.buffer).set(bytes, where);
    return where;
  }
  return Buffer.from(wasm.memory.buffer, question.read, question.size).toString('base64');
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
}
