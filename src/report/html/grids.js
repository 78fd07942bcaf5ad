// Results where the keys make a grid: the last variable across, those before it down. Small grids are tables, large ones canvases.

const CELLS = 3000;

function grids() {
  for (const task of tasks) {
    if (task.variables.length > 1 && task.calls.length > 3) grid(task);
  }
  byId("grids").hidden = !byId("grids").querySelector(".grid");
}

function grid(task) {
  const [down, across] = [new Map(), new Map()];
  const cells = new Map();
  for (const call of task.calls) {
    const row = call.key.slice(0, -1).join(", ");
    const column = call.key[call.key.length - 1];
    if (!down.has(row)) down.set(row, down.size);
    if (!across.has(column)) across.set(column, across.size);
    cells.set(down.get(row) * 1e6 + across.get(column), call);
  }
  const [rows, columns] = [inOrder([...down.keys()]), inOrder([...across.keys()])];
  // keys that hardly meet make no grid
  if (rows.length < 2 || columns.length < 2 || rows.length * columns.length > 3 * task.calls.length) return;
  const at = (row, column) => cells.get(down.get(rows[row]) * 1e6 + across.get(columns[column]));
  const numbers = task.calls.filter((call) => call.value !== "" && !isNaN(call.value)).length;
  const kinds = ["outcome", "duration"];
  if (task.calls.some((call) => call.value !== "")) kinds.unshift("result");
  const select = make("select", { "aria-label": `what of ${task.name} is shown` }, ...kinds.map((kind) => make("option", { value: kind }, kind)));
  select.value = numbers * 2 > task.calls.length || kinds.length === 2 ? kinds[0] : "outcome";
  const scale = make("span", { class: "scale" });
  const names = `${task.variables.slice(0, -1).join(", ")} ↓  ${task.variables[task.variables.length - 1]} →`;
  const body = make("div", { class: "scroll" });
  const whole = make("div", { class: "grid" }, make("h3", {}, task.name, make("span", { class: "soft" }, names), select, scale), body);
  byId("grids").append(whole);
  const paint = rows.length * columns.length > CELLS ? canvasGrid : tableGrid;
  const again = paint(body, { task, rows, columns, at, kind: () => select.value, scale });
  select.onchange = again;
  listeners.push(again);
  again();
}

// numbers by value, versions part by part, else as they came
function inOrder(keys) {
  if (keys.every((key) => String(Number(key)) === key)) return keys.sort((a, b) => a - b);
  const areVersions = keys.every((key) => /^[0-9]+(\.[0-9]+)*$/.test(key));
  return areVersions ? keys.sort(new Intl.Collator("en", { numeric: true }).compare) : keys;
}

/// How cells look: a number's place between the least and the most, or a state's colour.
function look(of) {
  const value = (call) => (of.kind() === "duration" ? (call.attempts.length ? call.took : NaN) : of.kind() === "result" && call.value !== "" ? Number(call.value) : NaN);
  const known = of.task.calls.map(value).filter((number) => isFinite(number));
  const [least, most] = known.reduce(([low, high], number) => [Math.min(low, number), Math.max(high, number)], [Infinity, -Infinity]);
  const words = (number) => (of.kind() === "duration" ? duration(number) : String(+number.toPrecision(6)));
  of.scale.replaceChildren(...(known.length ? [words(least), make("i"), words(most)] : []));
  const [low, high] = ["heat-low", "heat-high"].map((name) => colors[name].split(" ").map(Number));
  return (call) => {
    if (!call) return { fill: "transparent", ink: colors.soft, text: "" };
    const number = value(call);
    if (call.state !== "succeeded" || !isFinite(number)) {
      const text = call.state === "succeeded" ? (of.kind() === "result" ? call.value : "✓") : { failed: "✗", blocked: "⊘" }[call.state] || "–";
      const plain = call.state === "succeeded";
      return { fill: plain ? colors.card : colors[shade(call.state)], ink: plain ? colors.ink : colors.paper, text, solid: plain ? colors.succeeded : null };
    }
    const share = most > least ? (number - least) / (most - least) : 0.5;
    const mixed = low.map((part, i) => Math.round(part + (high[i] - part) * share));
    return { fill: `rgb(${mixed})`, ink: share > 0.55 ? colors["heat-ink-high"] : colors["heat-ink-low"], text: words(number) };
  };
}

function tableGrid(body, of) {
  const buttons = [];
  const head = make("tr", {}, make("td"), ...of.columns.map((name) => make("th", { scope: "col" }, name)));
  const lines = of.rows.map((name, row) => make("tr", {}, make("th", { scope: "row" }, name), ...of.columns.map((_, column) => {
    const call = of.at(row, column);
    if (!call) return make("td");
    const button = make("button", { type: "button", tabindex: buttons.length ? -1 : 0, onclick: () => choose(call) });
    buttons.push({ call, button, row, column });
    return make("td", {}, button);
  })));
  body.append(make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)));
  const places = new Map(buttons.map((one) => [`${one.row},${one.column}`, one]));
  body.addEventListener("keydown", (event) => {
    const here = buttons.find((one) => one.button === event.target);
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const next = here && step && places.get(`${here.row + step[0]},${here.column + step[1]}`);
    if (!next) return;
    event.preventDefault();
    here.button.tabIndex = -1;
    next.button.tabIndex = 0;
    next.button.focus();
  });
  return () => {
    const paint = look(of);
    for (const { call, button } of buttons) {
      const { fill, ink, text } = paint(call);
      button.style.background = fill;
      button.style.color = ink;
      button.textContent = text;
      button.title = `${call.address}: ${call.words}${call.value !== "" ? `, ${call.value}` : ""}`;
      button.setAttribute("aria-label", button.title);
      button.parentElement.classList.toggle("dim", !shown[call.at]);
    }
  };
}

function canvasGrid(body, of) {
  const size = Math.max(2, Math.min(14, Math.floor(1100 / of.columns.length)));
  const canvas = make("canvas", { role: "img", "aria-label": `${of.task.name}: ${of.rows.length} by ${of.columns.length} cells; the table below has the same calls` });
  [canvas.width, canvas.height] = [of.columns.length * size, of.rows.length * size];
  const context = canvas.getContext("2d");
  const under = (event) => {
    const box = canvas.getBoundingClientRect();
    return of.at(Math.floor((event.clientY - box.top) / size), Math.floor((event.clientX - box.left) / size));
  };
  canvas.onpointermove = (event) => {
    const call = under(event);
    tip(event, call && `${call.address}: ${call.words}${call.value !== "" ? `, ${call.value}` : ""}`);
  };
  canvas.onpointerleave = (event) => tip(event, "");
  canvas.onclick = (event) => under(event) && choose(under(event));
  body.append(canvas);
  return () => {
    const paint = look(of);
    const gap = size > 4 ? 1 : 0;
    context.clearRect(0, 0, canvas.width, canvas.height);
    of.rows.forEach((_, row) => of.columns.forEach((_, column) => {
      const call = of.at(row, column);
      if (!call) return;
      const { fill, solid } = paint(call);
      context.globalAlpha = shown[call.at] ? 1 : 0.15;
      context.fillStyle = solid || fill;
      context.fillRect(column * size, row * size, size - gap, size - gap);
    }));
  };
}
