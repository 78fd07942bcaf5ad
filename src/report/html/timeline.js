// Attempts by slot on a canvas. Only what can be seen is drawn; of what falls onto one pixel, one, failures before others.

const timeline = (() => {
  const canvas = byId("lanes");
  const context = canvas.getContext("2d");
  const slots = [...new Set(attempts.map((attempt) => attempt.slot))].sort((a, b) => a - b);
  const lanes = slots.map((slot) => attempts.filter((attempt) => attempt.slot === slot).sort((a, b) => a.began - b.began));
  const lane = Math.max(5, Math.min(24, Math.floor(460 / Math.max(1, slots.length))));
  const AXIS = 22;
  const GUTTER = lane >= 12 ? 46 : 6;
  const end = Math.max(1, run.took);
  let [from, to] = [0, end];
  let chosen = null;
  let queued = false;

  canvas.style.height = `${AXIS + lane * Math.max(1, slots.length) + 4}px`;

  // asked for once a drawing: the answer costs a layout
  let known = 0;
  const width = () => known;
  const x = (ms) => GUTTER + ((ms - from) / (to - from)) * width();
  const ms = (px) => from + ((px - GUTTER) / width()) * (to - from);

  function draw() {
    queued = false;
    const ratio = devicePixelRatio || 1;
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    known = Math.max(50, w - GUTTER);
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
      [canvas.width, canvas.height] = [Math.round(w * ratio), Math.round(h * ratio)];
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colors.paper;
    context.fillRect(0, 0, w, h);
    axis(w, h);
    lanes.forEach((own, at) => row(own, at, w));
    byId("range").value = to - from < end ? `${duration(from)} to ${duration(to)} of ${duration(end)}` : duration(end);
  }

  function axis(w, h) {
    const step = niceStep((to - from) / Math.max(2, width() / 110));
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      context.fillStyle = colors.line;
      context.fillRect(Math.round(x(at)), AXIS - 4, 1, h);
      context.fillStyle = colors.soft;
      if (x(at) < w - 40) context.fillText(duration(at), x(at) + 4, AXIS / 2);
    }
    if (GUTTER > 20) slots.forEach((slot, at) => context.fillText(`slot ${slot}`, 6, AXIS + lane * (at + 0.5)));
  }

  function row(own, at, w) {
    const y = AXIS + lane * at + 1;
    const height = lane - 2;
    let last = -Infinity;
    let lastIs = false;
    for (let index = firstAfter(own, from); index < own.length && own[index].began <= to; index++) {
      const attempt = own[index];
      const left = Math.max(GUTTER, x(attempt.began));
      const right = Math.max(left + 1, Math.min(w, x(attempt.began + attempt.took)) - (lane > 8 ? 0.5 : 0));
      const state = attempt.failure ? "failed" : shade(attempt.call.state);
      const is = shown[attempt.call.at];
      if (right - last < 0.6 && state === "succeeded" && (!is || lastIs) && attempt.call !== chosen) continue;
      context.globalAlpha = is ? 1 : 0.15;
      context.fillStyle = colors[state];
      context.fillRect(left, y, Math.max(state === "failed" ? 2 : 1, right - left), height);
      if (attempt.call === chosen) {
        context.globalAlpha = 1;
        context.strokeStyle = colors.ink;
        context.lineWidth = 2;
        context.strokeRect(left, y, Math.max(3, right - left), height);
      }
      if (right - left > 46 && height > 11) {
        context.save();
        context.beginPath();
        context.rect(left, y, right - left - 3, height);
        context.clip();
        context.fillStyle = colors.paper;
        context.fillText(attempt.call.address, left + 5, y + height / 2 + 0.5);
        context.restore();
      }
      [last, lastIs] = [right, is];
    }
    context.globalAlpha = 1;
  }

  // the first attempt that may still run at a time: those of one slot follow each other
  function firstAfter(own, time) {
    let [low, high] = [0, own.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (own[middle].began + own[middle].took < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function niceStep(least) {
    const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) || 1;
  }

  function redraw() {
    if (!queued) requestAnimationFrame(draw);
    queued = true;
  }

  function show(begin, span) {
    span = Math.min(end, Math.max(span, Math.min(end, 2)));
    from = Math.max(0, Math.min(begin, end - span));
    to = from + span;
    redraw();
  }

  const zoom = (factor, middle = (from + to) / 2) => show(middle - (middle - from) * factor, (to - from) * factor);
  const move = (share) => show(from + (to - from) * share, to - from);

  function hit(event) {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const own = lanes[Math.floor((py - AXIS) / lane)];
    if (!own || py < AXIS || px < GUTTER) return null;
    const slack = (ms(px + 2) - ms(px)) || 0;
    for (let index = firstAfter(own, ms(px) - slack); index < own.length && own[index].began <= ms(px) + slack; index++) {
      return own[index];
    }
    return null;
  }

  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, from, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      drag.moved ||= Math.abs(event.clientX - drag.x) > 4;
      if (drag.moved) show(drag.from - ((event.clientX - drag.x) / width()) * (to - from), to - from);
      return tip(event, "");
    }
    const attempt = hit(event);
    tip(event, attempt && `${attempt.call.address}${attempt.number > 1 ? ` (attempt ${attempt.number})` : ""}: ${attempt.failure || attempt.call.words}, ${duration(attempt.took)}`);
  });
  canvas.addEventListener("pointerleave", (event) => tip(event, ""));
  canvas.addEventListener("pointerup", (event) => {
    const attempt = drag && !drag.moved && hit(event);
    drag = null;
    if (attempt) choose(attempt.call);
  });
  canvas.addEventListener("wheel", (event) => {
    // a plain wheel scrolls the page
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey && !event.deltaX) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, ms(event.clientX - canvas.getBoundingClientRect().left));
    else move(Math.sign(event.deltaX || event.deltaY) * 0.1);
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(0.4, ms(event.clientX - canvas.getBoundingClientRect().left)));
  canvas.addEventListener("keydown", (event) => {
    const keys = { "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), 0: () => show(0, end) };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  byId("zoom-in").onclick = () => zoom(0.5);
  byId("zoom-out").onclick = () => zoom(2);
  byId("zoom-all").onclick = () => show(0, end);
  new ResizeObserver(redraw).observe(canvas);
  listeners.push(redraw);

  return {
    redraw,
    draw,
    /// Makes a call stand out, and brings it into sight.
    choose(call) {
      chosen = call;
      const attempt = call && call.attempts[call.attempts.length - 1];
      if (attempt && (attempt.began < from || attempt.began > to)) show(attempt.began - (to - from) / 2, to - from);
      redraw();
    },
  };
})();
