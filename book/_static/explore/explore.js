"use strict";
/* Explorables: a chapter holds <div class="explore" data-explore="NAME">a sentence</div>. Below the sentence this script
   puts sliders, a picture and a text that says the result. NAME.js describes them: explore.define("NAME", {...}) with
     title     of the picture
     controls  [{name, label, min, max, step, value, show}] a slider each (show: number -> text with unit),
               or [{name, label, options, value}] a list to choose from
     buttons   {label: values to set}, beside "Back to the start"
     math      pure functions, the formulas of the chapter (tests/site/test_explore.py compares them with lmm)
     draw      (svg, values, width): draws anew, begins with explore.clear
     say       values -> text
     drag      (x, y) of a pointer on the picture -> values to set (optional)
   Classic scripts, not modules: browsers refuse modules to a book that is opened from disk. */
const explore = { figures: {} };

explore.define = (name, figure) => { explore.figures[name] = figure; };

explore.number = (value, digits) => value.toFixed(digits).replace(/^-(?=.*[1-9])/, "−").replace("-", "");

// ---- drawing -------------------------------------------------------------------------------------------------------

explore.add = (parent, tag, attributes = {}, text = "") => {
  const svg = parent.namespaceURI.endsWith("svg") || tag === "svg";
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return parent.appendChild(element);
};

explore.clear = (svg, width, height) => {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
};

explore.scale = ([low, high], [from, to]) => {
  const scale = value => from + (value - low) / (high - low) * (to - from);
  scale.invert = place => low + (place - from) / (to - from) * (high - low);
  return scale;
};

/* Room for two pictures: side by side, or one below the other on a narrow screen. Returns their boxes and the height. */
explore.pair = (width, height, share = 0.5) => {
  const wide = width >= 560, first = wide ? Math.floor(width * share) : width;
  const box = (left, top, w) => ({ left: left + 44, top: top + 26, width: w - 60, height });
  const second = wide ? box(first, 0, width - first) : box(0, height + 76, width);
  return { first: box(0, 0, first), second, height: wide ? height + 72 : 2 * height + 148 };
};

/* Axes in a box: x and y are [low, high], ticks are lists of numbers. Returns the two scales. */
explore.axes = (svg, box, { x, y, xticks = [], yticks = [], xlabel = "", title = "", digits = 0 }) => {
  const { left, top, width, height } = box, bottom = top + height;
  const at = { x: explore.scale(x, [left, left + width]), y: explore.scale(y, [bottom, top]) };
  const text = (where, words) => explore.add(svg, "text", where, words);
  for (const tick of xticks) {
    explore.add(svg, "path", { class: "grid", d: `M${at.x(tick)},${top}V${bottom}` });
    text({ x: at.x(tick), y: bottom + 16, "text-anchor": "middle" }, explore.number(tick, digits));
  }
  for (const tick of yticks) {
    explore.add(svg, "path", { class: "grid", d: `M${left},${at.y(tick)}H${left + width}` });
    text({ x: left - 6, y: at.y(tick) + 4, "text-anchor": "end" }, explore.number(tick, digits));
  }
  text({ x: left + width / 2, y: bottom + 35, "text-anchor": "middle" }, xlabel);
  text({ x: left - 40, y: top - 10, class: "title" }, title);
  return at;
};

/* points: [[x, y], ...] in the units of the axes */
explore.line = (svg, at, points, name) =>
  explore.add(svg, "path", { class: `line ${name}`, d: "M" + points.map(([x, y]) => `${at.x(x)},${at.y(y)}`).join("L") });

explore.dot = (svg, at, [x, y], name, r = 4) => explore.add(svg, "circle", { class: `dot ${name}`, cx: at.x(x), cy: at.y(y), r });

// ---- controls ------------------------------------------------------------------------------------------------------

explore.build = (host, figure) => {
  const widget = explore.add(host, "div", { class: "explore-widget", role: "group", "aria-label": figure.title });
  const start = Object.fromEntries(figure.controls.map(control => [control.name, control.value]));
  const values = { ...start }, inputs = {};
  const rows = explore.add(widget, "div", { class: "explore-controls" });
  for (const control of figure.controls) inputs[control.name] = explore.control(rows, control, change);
  const buttons = explore.add(widget, "div", { class: "explore-buttons" });
  for (const [label, to] of Object.entries({ "Back to the start": start, ...figure.buttons }))
    explore.add(buttons, "button", { type: "button" }, label).addEventListener("click", () => change(to));
  const svg = explore.add(widget, "svg", { role: "img", "aria-label": figure.title });
  const said = explore.add(widget, "p", { "aria-live": "polite", "aria-atomic": "true" });

  function change(to) {
    Object.assign(values, to);
    for (const name in inputs) inputs[name](values[name]);
    said.textContent = figure.say(values);
    draw();
  }
  function draw() { figure.draw(svg, values, Math.max(240, Math.min(760, widget.clientWidth))); }

  if (figure.drag) explore.pointer(svg, (x, y) => change(figure.drag(x, y, svg)));
  change({});
  let width = widget.clientWidth;
  new ResizeObserver(() => { if (widget.clientWidth !== width) { width = widget.clientWidth; draw(); } }).observe(widget);
};

/* One labelled control; returns the function that shows a value in it. */
explore.control = (rows, { name, label, options, show, min, max, step }, change) => {
  const row = explore.add(rows, "label");
  explore.add(row, "span").innerHTML = label;              // our own text: it may hold <sub>
  if (options) {
    const list = explore.add(row, "select", { "data-name": name });
    for (const option of options) explore.add(list, "option", {}, option);
    list.addEventListener("change", () => change({ [name]: list.value }));
    return value => { list.value = value; };
  }
  const input = explore.add(row, "input", { type: "range", min, max, step, "data-name": name });
  const number = explore.add(row, "span", { class: "explore-value", "aria-hidden": "true" });
  input.addEventListener("input", () => change({ [name]: Number(input.value) }));
  return value => {
    input.value = value;
    number.textContent = show(value);
    input.setAttribute("aria-valuetext", show(value));
  };
};

/* A click anywhere, or a drag that begins on .handle, moves the point; elsewhere a finger scrolls the page. */
explore.pointer = (svg, move) => {
  const to = event => { const box = svg.getBoundingClientRect(); move(event.clientX - box.left, event.clientY - box.top); };
  svg.addEventListener("click", to);
  svg.addEventListener("pointerdown", event => {
    if (!event.target.classList.contains("handle")) return;
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", event => { if (svg.hasPointerCapture(event.pointerId)) to(event); });
};

// ---- start: load the scripts that this page needs ------------------------------------------------------------------

if (typeof document !== "undefined") {
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  for (const host of document.querySelectorAll(".explore[data-explore]")) {
    const name = host.dataset.explore, script = document.createElement("script");
    script.addEventListener("load", () => explore.build(host, explore.figures[name]));
    script.src = `${folder}${name}.js`;
    document.head.append(script);
  }
}
