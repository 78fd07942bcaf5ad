// The rest of the page: what failed and why, the filter, the table of calls, the chosen call.

function answer() {
  byId("title").textContent = run.name || run.manifest;
  const status = { succeeded: "succeeded", failed: "failed", conflict: "failed: calls in conflict", interrupted: "interrupted" }[run.status] || "no end told";
  const pill = byId("status");
  pill.textContent = status;
  pill.style.color = `var(--${run.status === "succeeded" ? "succeeded" : run.status ? "failed" : "forgiven"})`;
  const parts = run.parts > 1 ? `, resumed ${many(run.parts - 1, "time")}` : "";
  byId("about").textContent = `${run.manifest}, run ${run.id}, begun ${new Date(run.started).toLocaleString()}${parts}; ${many(calls.length, "call")} in ${duration(run.took)}, ${run.jobs} at a time`;
  failures();
  facts();
}

function failures() {
  const failed = calls.filter((call) => call.state === "failed" || call.state === "unended");
  const steps = raw.steps.filter(([, , state]) => state === "failed");
  const total = failed.length + steps.length;
  byId("answer-title").textContent = total ? `${many(total, "failure")}` : counts["not-run"] + counts.blocked ? "Not all calls ran" : "Nothing failed";
  const box = byId("failures");
  steps.forEach(([name, words]) => box.append(make("div", { class: "failure" }, make("b", {}, name), ` ${words.replace(/^failed: /, "")}`)));
  const held = new Map();
  for (const call of calls) {
    if (call.state === "blocked") held.set(call.words, (held.get(call.words) || 0) + 1);
  }
  const show = (some) => some.forEach((call) => {
    const blocks = held.get(`blocked by ${call.address}`);
    const tail = (call.err || call.out).trimEnd().split("\n").slice(-8).join("\n").slice(-1500);
    box.append(make("div", { class: "failure" }, make("b", {}, link(call)), ` ${call.words.replace(/^failed: /, "")}`,
      /exited|ended by/.test(call.words) && call.attempts.length ? ` after ${duration(call.took)}` : null, blocks ? `; ${many(blocks, "call")} could not run for it` : null,
      tail ? make("pre", {}, tail) : null));
  });
  show(failed.slice(0, 10));
  if (failed.length > 10) {
    const more = make("button", { type: "button", class: "link", onclick: () => { more.remove(); show(failed.slice(10, 200)); } }, `${many(failed.length - 10, "more failure")}`);
    box.append(more);
  }
  if (!total) box.append(make("p", { class: "soft" }, STATES.filter((state) => counts[state]).map((state) => `${counts[state].toLocaleString("en")} ${label(state)}`).join(", ")));
}

function link(call, words) {
  return make("button", { type: "button", class: "link", onclick: () => choose(call) }, words || call.address);
}

function facts() {
  const list = (title, items) => items.length && byId("facts").append(make("div", {}, make("h3", {}, title),
    make("ol", {}, ...items.map(([call, words]) => make("li", {}, link(call), make("span", { class: "soft" }, words))))));
  const slowest = calls.filter((call) => call.attempts.length).sort((a, b) => b.took - a.took).slice(0, 5);
  list("Slowest calls", slowest.map((call) => [call, duration(call.took)]));
  const chain = lastChain();
  if (chain.length > 1) {
    const few = chain.length > 6 ? [...chain.slice(0, 3), ...chain.slice(-3)] : chain;
    list(`Last chain of waits: ${many(chain.length, "call")}, ${duration(chain.reduce((sum, call) => sum + call.took, 0))}`, few.map((call) => [call, duration(call.took)]));
  }
  const work = attempts.reduce((sum, attempt) => sum + attempt.took, 0);
  if (work > run.took) {
    byId("facts").append(make("div", {}, make("h3", {}, "Side by side"), make("p", {}, `${duration(work)} of work in ${duration(run.took)}: ${(work / Math.max(1, run.took)).toFixed(1)} calls at a time on average`)));
  }
}

/// From the call that ended last back over what each waited for last.
function lastChain() {
  const end = (call) => (call.attempts.length ? call.began + call.took : -1);
  let call = calls.reduce((last, one) => (!last || end(one) > end(last) ? one : last), null);
  const chain = [];
  while (call && chain.length < calls.length) {
    chain.unshift(call);
    call = call.after >= 0 ? calls[call.after] : null;
  }
  return chain;
}

function tools() {
  for (const state of STATES.filter((state) => counts[state])) {
    const button = make("button", { type: "button", "aria-pressed": "true", onclick: () => {
      off.has(state) ? off.delete(state) : off.add(state);
      button.setAttribute("aria-pressed", String(!off.has(state)));
      applyFilter();
    } }, make("i", { style: `background:var(--${shade(state)})` }), `${counts[state].toLocaleString("en")} ${label(state)}`);
    byId("states").append(button);
  }
  byId("filter").addEventListener("input", (event) => {
    wanted = event.target.value;
    applyFilter();
  });
  listeners.push((count) => { byId("shown").value = count < calls.length ? `${many(count, "call")} of ${calls.length.toLocaleString("en")}` : ""; });
}

const table = (() => {
  const HEIGHT = 30;
  const COLUMNS = [["outcome", "state", (call) => STATES.indexOf(call.state)], ["call", "name", (call) => call.at], ["result", "value", (call) => call.value],
    ["took", "number", (call) => -call.took], ["slot", "number slot", (call) => (call.attempts.length ? call.attempts[call.attempts.length - 1].slot : 0)],
    ["attempts", "number attempts", (call) => -call.attempts.length]];
  let list = [];
  let chosen = -1;
  let order = { by: COLUMNS[0][2], down: false };
  const rows = byId("rows");

  function draw() {
    byId("space").style.height = `${list.length * HEIGHT}px`;
    const first = Math.max(0, Math.floor(rows.scrollTop / HEIGHT) - 3);
    const last = Math.min(list.length, first + Math.ceil(rows.clientHeight / HEIGHT) + 7);
    rows.querySelectorAll(".row").forEach((row) => row.remove());
    const fresh = document.createDocumentFragment();
    for (let at = first; at < last; at++) fresh.append(row(list[at], at));
    rows.append(fresh);
  }

  function row(call, at) {
    const last = call.attempts[call.attempts.length - 1];
    return make("div", { class: "row", role: "row", id: `row-${call.at}`, style: `top:${at * HEIGHT}px`, "aria-selected": String(at === chosen), onclick: () => { chosen = at; choose(call); } },
      make("span", { role: "gridcell" }, make("i", { class: "dot", style: `background:var(--${shade(call.state)})` }), call.kept ? "kept" : label(call.state)),
      make("span", { role: "gridcell", class: "mono", title: call.address }, call.address),
      make("span", { role: "gridcell", class: "mono value" }, call.value || (call.state === "succeeded" ? "" : call.words)),
      make("span", { role: "gridcell", class: "number" }, call.attempts.length ? duration(call.took) : ""),
      make("span", { role: "gridcell", class: "number slot" }, last ? String(last.slot) : ""),
      make("span", { role: "gridcell", class: "number attempts" }, call.attempts.length > 1 ? String(call.attempts.length) : ""));
  }

  function sort() {
    const { by, down } = order;
    const keys = new Map(list.map((call) => [call, by(call)]));
    list.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      const less = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
      return (down ? -less : less) || a.at - b.at;
    });
  }

  COLUMNS.forEach(([name, kind, by]) => byId("columns").append(make("button", { type: "button", role: "columnheader", class: kind, onclick: () => {
    order = { by, down: order.by === by && !order.down };
    sort();
    draw();
  } }, name)));
  rows.addEventListener("scroll", () => requestAnimationFrame(draw));
  rows.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Enter" && list[chosen]) return choose(list[chosen]);
    if (!step || !list.length) return;
    event.preventDefault();
    chosen = Math.max(0, Math.min(list.length - 1, chosen + step));
    const top = chosen * HEIGHT;
    if (top < rows.scrollTop) rows.scrollTop = top;
    if (top + HEIGHT > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + HEIGHT - rows.clientHeight;
    draw();
    rows.setAttribute("aria-activedescendant", `row-${list[chosen].at}`);
  });
  listeners.push(() => {
    list = calls.filter((call) => shown[call.at]);
    chosen = -1;
    rows.scrollTop = 0;
    sort();
    draw();
  });
  new ResizeObserver(draw).observe(rows);
  return { draw };
})();

let before = null;

// it has no manifest, and its commands name it otherwise
const isMap = run.manifest === "deco map";

function choose(call) {
  const box = byId("details");
  if (box.hidden) before = document.activeElement;
  const last = call.attempts[call.attempts.length - 1];
  const block = (title, text) => (text ? [make("h3", {}, title), make("pre", {}, text)] : []);
  const earlier = call.attempts.length > 1 || call.attempts.some((attempt) => attempt.failure);
  const line = (attempt) => make("tr", {}, make("td", {}, String(attempt.number)), make("td", {}, duration(attempt.began)), make("td", {}, attempt.open ? "not told" : duration(attempt.took)), make("td", {}, attempt.failure || call.words));
  const after = call.after >= 0 ? calls[call.after] : null;
  box.replaceChildren(...[
    make("button", { type: "button", class: "close", "aria-label": "close", onclick: close }, "×"),
    make("h2", {}, call.address),
    make("p", {}, make("i", { class: "dot", style: `background:var(--${shade(call.state)})` }), call.words, call.attempts.length ? ` in ${duration(call.took)}` : "", call.kept ? "; kept from an earlier part of the run" : ""),
    call.task.description ? make("p", { class: "soft" }, call.task.description) : null,
    make("p", { class: "soft" }, `${run.manifest}:${call.task.line}`, last ? `, slot ${last.slot}, begun at ${duration(last.began)}` : ""),
    after ? make("p", {}, "waited for ", link(after)) : null,
    call.leaked ? make("p", {}, "What it had started held its output open, and was ended.") : null,
    ...block(last && last.command ? "Command" : "What the task runs", (last && last.command) || call.task.runs),
    ...(earlier ? [make("h3", {}, "Attempts"), make("table", {}, make("tr", {}, ...["", "begun", "took", "outcome"].map((name) => make("th", {}, name))), ...call.attempts.map(line))] : []),
    ...block("Result", call.value),
    ...block("Standard error", call.err),
    ...block("Standard output", call.out),
    ...call.attempts.filter((attempt) => attempt.err).flatMap((attempt) => block(`Standard error of attempt ${attempt.number}`, attempt.err)),
    call.cut ? make("p", { class: "soft" }, "Only the end of what it printed is here. All of it: ", make("code", {}, `deco log ${isMap ? `--map --run ${run.id} ` : ""}${quoted(call.address)}`)) : null,
    call.state !== "succeeded" ? make("p", { class: "soft" }, "To run it again: ", isMap ? "the same command line with --resume behind deco map" : make("code", {}, `deco run --resume -t ${quoted(call.address)}`)) : null,
  ].filter(Boolean));
  box.hidden = false;
  box.querySelector(".close").focus();
  timeline.choose(call);
}

const quoted = (text) => (/^[\w-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

function close() {
  byId("details").hidden = true;
  timeline.choose(null);
  if (before) before.focus({ preventScroll: true });
}

function graph() {
  for (const group of document.querySelectorAll(".deco-graph .task")) {
    const task = tasks.find((one) => one.name === group.dataset.task);
    if (!task) continue;
    const state = ["failed", "blocked"].find((state) => task.calls.some((call) => call.state === state));
    if (state) group.classList.add(state);
    group.addEventListener("click", () => {
      byId("filter").value = wanted = `${task.name}*`;
      applyFilter();
      byId("calls").scrollIntoView();
    });
  }
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !byId("details").hidden) close();
  if (event.key === "/" && !/^(INPUT|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    byId("filter").focus();
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColors();
  applyFilter();
});

answer();
tools();
grids();
graph();
applyFilter();
