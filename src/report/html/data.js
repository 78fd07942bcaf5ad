// The run as the page holds it: calls and attempts from the data block, and which calls the filter lets through.
"use strict";

const raw = JSON.parse(document.getElementById("data").textContent);
const run = raw.run;
const texts = raw.texts;
const STATES = raw.states;
const LABELS = { "not-run": "not run", unended: "no end told", forgiven: "allowed to fail" };
const SHADES = { "not-run": "skipped", unended: "forgiven" };

const tasks = raw.tasks.map(([name, variables, description, tags, line, runs]) => ({ name, variables, description, tags, line, runs, calls: [] }));

// a part of a key as an address has it
function part(text) {
  return text && text.trim() === text && !/[\x00-\x1f\x7f,[\]"'=*?]/.test(text) ? text : JSON.stringify(text);
}

// [task, key, state, words, took, value, out, err, flags], texts by their number
const calls = raw.calls.map(([task, key, state, words, took, value, out, err, flags], at) => {
  const of = tasks[task];
  const call = { at, task: of, key, state: STATES[state], words: texts[words], took, value: texts[value], out: texts[out], err: texts[err],
    kept: (flags & 1) > 0, leaked: (flags & 2) > 0, cut: (flags & 4) > 0, attempts: [], after: -1, began: Infinity };
  call.address = key.length ? `${of.name}[${key.map(part).join(",")}]` : of.name;
  of.calls.push(call);
  return call;
});

// [call, number, slot, began, took, after, command, failure, err]
const attempts = raw.attempts.map(([call, number, slot, began, took, after, command, failure, err]) => {
  const attempt = { call: calls[call], number, slot, began, took, open: took < 0, command: texts[command], failure: texts[failure], err: texts[err] };
  if (took < 0) attempt.took = Math.max(0, run.took - began);
  attempt.call.attempts.push(attempt);
  attempt.call.began = Math.min(attempt.call.began, began);
  if (after >= 0) attempt.call.after = after;
  return attempt;
});

const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
for (const call of calls) counts[call.state]++;

const shown = new Uint8Array(calls.length).fill(1);
const off = new Set();
let wanted = "";
const listeners = [];

let haystacks = null;
function haystack(call) {
  const last = call.attempts[call.attempts.length - 1];
  return `${call.address}\n${call.words}\n${last && last.command ? last.command : call.task.runs}\n${call.task.tags.map((tag) => `tag:${tag}`).join(" ")}`.toLowerCase();
}

// A word is looked for in the address, the outcome's words, the command and tags; with `*` or `?` it is a pattern for the address.
function applyFilter() {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) haystacks ??= calls.map(haystack);
  const tests = words.map((word) => {
    if (!/[*?]/.test(word)) return (call) => haystacks[call.at].includes(word);
    const source = word.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
    const pattern = new RegExp(`^${source}$`);
    return (call) => pattern.test(call.address.toLowerCase());
  });
  let count = 0;
  for (const call of calls) {
    const is = !off.has(call.state) && tests.every((test) => test(call));
    shown[call.at] = is ? 1 : 0;
    count += is ? 1 : 0;
  }
  listeners.forEach((listener) => listener(count));
}

function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1).replace(/\.0$/, "")}s`;
  const seconds = Math.round(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}h ${minutes}m` : `${minutes}m ${seconds % 60}s`;
}

const many = (count, one, more) => `${count.toLocaleString("en")} ${count === 1 ? one : more || one + "s"}`;
const label = (state) => LABELS[state] || state;
const shade = (state) => SHADES[state] || state;

let colors = {};
function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "card", "ink", "soft", "line", "focus", "succeeded", "failed", "forgiven", "blocked", "skipped",
    "quiet", "heat-low", "heat-high", "heat-ink-low", "heat-ink-high"]) {
    colors[name] = style.getPropertyValue(`--${name}`).trim();
  }
}
readColors();

/// An element with attributes, `on…` listeners, and children that are elements or texts.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const byId = (id) => document.getElementById(id);

function tip(event, words) {
  const box = byId("tip");
  box.hidden = !words;
  if (!words) return;
  box.textContent = words;
  box.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${Math.min(event.clientY + 16, innerHeight - box.offsetHeight - 8)}px`;
}
