/* Run this page: a bar under the title whose button starts Python (run_worker.js), and a Run button at each cell.
   Outputs of a run replace the stored ones. Nothing is loaded before the reader presses a button. */

(() => {
  const bar = document.querySelector(".run-page");
  if (!bar) return;
  const here = document.currentScript.src;
  const python = () => new URL(bar.dataset.python.replace(/\/*$/, "/"), new URL("../../", here));
  const cells = [...document.querySelectorAll(".cell")].filter((cell) => cell.querySelector(".cell_input pre")).map(makeCell);
  let worker = null, ready = false, current = null, queue = [], skipped = 0, mathjax = null;

  /* ---- the bar ---- */

  const runAll = bar.querySelector("button");
  const status = bar.querySelector(".run-status");                  // a polite live region
  const stop = add(bar, "button", {type: "button", className: "btn btn-sm", textContent: "Stop", hidden: true});
  const progress = add(bar, "progress", {hidden: true});
  progress.setAttribute("aria-label", "Loading Python");
  runAll.after(stop, progress);
  runAll.onclick = () => run(cells);
  stop.onclick = end;

  function say(text) {
    status.textContent = text;
    stop.hidden = !worker || (ready && !current);
    runAll.disabled = !stop.hidden;
    progress.hidden = !worker || ready;
  }

  /* ---- Python ---- */

  function run(list) {
    if (!worker && !start()) return;
    skipped = 0;
    queue.push(...list.filter((cell) => cell !== current && !queue.includes(cell)));
    next();
  }

  function start() {
    const why = cannot();
    if (why) return say(why);
    worker = new Worker(new URL("run_worker.js", here));
    worker.onmessage = ({data}) => hear(data);
    worker.onerror = (event) => fail(event.message || "its script could not be loaded");
    worker.postMessage({start: {
      python: python().href, packages: bar.dataset.packages.split(" "), code: new URL("run_cell.py", here).href,
      wheels: bar.dataset.wheels.split(" ").map((name) => new URL(`../wheels/${name}`, here).href)}});
    cells.forEach(makeEditable);
    say("Python is loading.");
    return true;
  }

  function cannot() {
    if (location.protocol === "file:") {
      return "A page that was opened as a file cannot start Python. Open the book on its site, or serve its folder: " +
        "python -m http.server.";
    }
    if (!window.WebAssembly || !window.Worker) {
      return "This browser cannot run Python: it has no WebAssembly or no workers, or they are switched off.";
    }
  }

  function hear(data) {
    if (data.failed) return fail(data.failed);
    if (data.crashed) return end(null, `Python has broken down (${data.crashed}).`);
    if (data.loading) {
      progress.max = data.of || 1;
      progress.value = data.of ? data.done : 1;
      return say(data.of ? `${data.loading}: packages ${data.done} of ${data.of}.` : `${data.loading}.`);
    }
    if (data.ready) {
      ready = true;
      say(`Python ${data.ready} is ready.`);
      return next();
    }
    if (data.output) return current.show(...data.output);
    ended(data.ended);
  }

  function next() {
    if (!ready || current) return;
    current = queue.shift();
    if (!current) return;
    current.begin();
    say(`Cell ${current.number} of ${cells.length} is running.`);
    worker.postMessage({run: current.number, code: current.code});
  }

  function ended(how) {
    const cell = current, before = cells.slice(0, cell.number - 1).some((other) => !other.hasRun);
    current = null;
    skipped += how === "skipped";
    cell.finish(how);
    if (how === "failed") {
      const left = queue.length ? " The cells after it have not run." : "";
      const hint = before ? " Cells above it have not run since Python started: Run this page runs all." : "";
      queue = [];
      return say(`Cell ${cell.number} stopped with an error, shown below it.${left}${hint}`);
    }
    if (queue.length) return next();
    const last = cell.number === cells.length ? `All ${cells.length} cells have run` : `Cell ${cell.number} has run`;
    say(skipped ? `${last}; skipped: ${skipped}, each with the reason below it.` : `${last}. Change any, and run it again.`);
  }

  function end(event, why = "Stopped.") {
    worker.terminate();
    worker = null;
    ready = false;
    queue = [];
    if (current) current.finish("stopped");
    current = null;
    cells.forEach((cell) => { cell.hasRun = false; });
    say(`${why} Python has ended and what the cells had computed is lost; Run this page starts it anew.`);
    if (event) runAll.focus();
  }

  function fail(why) {
    end(null, "");
    const host = python().host === location.host ? "this site" : python().host;
    say(`Python could not be loaded from ${host}. Is the network off, or does it block that address? ` +
      `The outputs on this page are the stored ones. (${why})`);
  }

  /* ---- a cell ---- */

  function makeCell(element, index) {
    const input = element.querySelector(".cell_input"), pre = input.querySelector("pre");
    const cell = {element, input, pre, number: index + 1, code: pre.textContent, hasRun: false};
    cell.stored = element.querySelector(".cell_output") || make("div", {className: "cell_output docutils container"});
    cell.output = cell.stored;
    cell.begin = () => {
      cell.button.textContent = "Stop";
      cell.put(make("div", {className: "cell_output docutils container"}));
    };
    cell.put = (output) => {
      if (cell.output.isConnected) cell.output.replaceWith(output);
      else element.append(output);
      cell.output = output;
    };
    cell.show = (kind, text, alt) => draw(cell.output, kind, text, alt);
    cell.finish = (how) => {
      cell.button.textContent = "Run";
      cell.hasRun = how !== "stopped";
      if (how === "stopped") cell.show("note", "Stopped.");
      if (how !== "skipped") return;
      const note = cell.output.lastElementChild;                    // why; the stored outputs come back above it
      cell.stored.querySelector(".run-note")?.remove();
      cell.put(cell.stored);
      cell.output.append(note);
    };
    return cell;
  }

  function makeEditable(cell) {
    if (cell.button) return;
    const {pre, number} = cell;
    try {
      pre.contentEditable = "plaintext-only";
    } catch {
      pre.contentEditable = "true";                                 // an older browser
    }
    const attributes = {role: "textbox", "aria-multiline": "true", "aria-label": `Code of cell ${number}`,
      spellcheck: "false", autocapitalize: "off", tabindex: "0"};
    Object.entries(attributes).forEach(([name, value]) => pre.setAttribute(name, value));
    const stored = pre.innerHTML;
    pre.oninput = () => {
      cell.code = pre.innerText;
      reset.hidden = false;
    };
    pre.onkeydown = (event) => {
      if (event.key !== "Enter" || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      run([cell]);
    };
    const buttons = add(cell.input, "div", {className: "run-buttons"});
    cell.button = add(buttons, "button", {type: "button", className: "btn btn-sm run-cell", textContent: "Run"});
    cell.button.setAttribute("aria-describedby", pre.id);
    const reset = add(buttons, "button", {type: "button", className: "btn btn-sm run-cell", textContent: "Reset", hidden: true});
    reset.setAttribute("aria-label", `Give cell ${number} the book's code again`);
    reset.onclick = () => {
      pre.innerHTML = stored;
      cell.code = pre.textContent;
      reset.hidden = true;
      pre.focus();
    };
    cell.button.onclick = () => (current === cell ? end() : run([cell]));
  }

  /* ---- outputs, as the book shows the stored ones ---- */

  function draw(output, kind, text, alt) {
    if (kind === "png") {
      add(output, "img", {src: `data:image/png;base64,${text}`, alt});
    } else if (kind === "html") {
      add(output, "div", {className: "output text_html", innerHTML: text});
    } else if (kind === "latex") {
      const formula = `\\[${text.replace(/^\$+|\$+$/g, "")}\\]`;
      const box = add(output, "div", {className: "output text_latex math notranslate nohighlight", textContent: formula});
      typeset(box);
    } else if (kind === "note") {
      add(output, "p", {className: "output run-note", textContent: text});
    } else {
      print(output, kind, text);
    }
  }

  /* The book's own formulas are set already (book/_ext/site/formulas.py); MathJax is loaded when a
     cell has the first new one. */
  function typeset(box) {
    mathjax ||= new Promise((resolve, reject) => {
      window.MathJax ||= {startup: {typeset: false}};
      if (window.MathJax.typesetPromise) return resolve();
      add(document.head, "script", {src: new URL("../mathjax/tex-chtml.js", here), onload: resolve, onerror: reject});
    }).then(() => window.MathJax.startup.promise);
    mathjax.then(() => window.MathJax.typesetPromise([box])).catch(() => {});          // then the TeX is there to read
  }

  function print(output, kind, text) {
    let box = output.lastElementChild;
    if (box?.dataset.kind !== kind || kind === "text") {
      const name = {stdout: "stream", text: "text_plain", error: "traceback"}[kind] || kind;
      box = add(output, "div", {className: `output ${name} highlight-myst-ansi notranslate`});
      box.dataset.kind = kind;
      add(add(box, "div", {className: "highlight"}), "pre", {tabIndex: 0});
    }
    const pre = box.querySelector("pre");
    const whole = (text.includes("\r") ? pre.textContent : "") + text;       // a progress bar writes over its line
    if (text.includes("\r")) pre.textContent = whole.replace(/[^\n]*\r(?!\n)/g, "");
    else pre.append(text);
  }

  function make(name, properties) {
    return Object.assign(document.createElement(name), properties);
  }

  function add(parent, name, properties) {
    const element = make(name, properties);
    parent.append(element);
    return element;
  }
})();
