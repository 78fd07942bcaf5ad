// A worker for deco in Node: makes the calls that it is sent, one after the other. docs/worker-protocol.md tells what is said.
//
// `handlers` is all that is of this example; the rest serves for any.

"use strict";

const fs = require("fs");

const handlers = {
  // {"do": "area", "width": 3, "height": 4} → 12
  area: ({ width, height }) => width * height,
  // what is printed lands in the log of the call
  shout: ({ text }) => {
    console.log(`shouting ${text}`);
    return text.toUpperCase();
  },
};

function make(request) {
  const handler = handlers[request.do];
  if (!handler) throw new Error(`there is no handler \`${request.do}\``);
  const result = handler(request);
  return result === undefined ? null : result;
}

const incoming = Number(process.env.DECO_WORKER_IN);
const outgoing = Number(process.env.DECO_WORKER_OUT);

function answer(message) {
  let bytes = Buffer.from(JSON.stringify(message) + "\n");
  while (bytes.length) bytes = bytes.subarray(fs.writeSync(outgoing, bytes));
}

function batch({ calls, variables, names = [] }) {
  Object.assign(process.env, variables);
  calls.forEach((one) => call(one, names));
}

function call({ id, request, env }, names) {
  names.forEach((name, at) => (process.env[name] = env[at]));
  try {
    answer({ id, result: make(request) });
  } catch (error) {
    answer({ id, error: { type: error.name, message: error.message, traceback: error.stack } });
  }
}

function take(line) {
  const message = JSON.parse(line);
  if (message.protocol !== undefined) answer({ protocol: 1 });
  // one call at a time is under way, since this worker does not ask for calls ahead
  else if (message.calls) batch(message);
}

let rest = Buffer.alloc(0);
const chunk = Buffer.alloc(1 << 16);
for (;;) {
  const count = fs.readSync(incoming, chunk);
  if (count === 0) break;
  rest = Buffer.concat([rest, chunk.subarray(0, count)]);
  for (let end; (end = rest.indexOf("\n")) >= 0; rest = rest.subarray(end + 1)) take(rest.toString("utf8", 0, end));
}
