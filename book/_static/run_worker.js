/* Python in a thread of its own: the page stays alive whatever a cell does, and can end it.
   In:  {start: {python, packages, wheels, code}}, then {run: number, code}.
   Out: {loading: text, done, of}, {ready: version}, {failed: text}, {crashed: text};
        {cell, output: [kind, text, alt]}, {cell, ended}. */

let pyodide, run;

self.onmessage = async ({data}) => {
  if (data.start) {
    try {
      await start(data.start);
    } catch (problem) {
      postMessage({failed: String(problem.message || problem)});
    }
  } else {
    await runCell(data.run, data.code);
  }
};

async function start({python, packages, wheels, code}) {
  // what lies on the site is fetched while Python starts
  const own = wheels.map((wheel) => get(wheel).then((answer) => answer.arrayBuffer()));
  const source = get(code).then((answer) => answer.text());
  own.concat(source).forEach((promise) => promise.catch(() => {}));      // awaited below
  countPackages();
  importScripts(python + "pyodide.js");
  pyodide = await loadPyodide({indexURL: python, packages, env: {MPLBACKEND: "agg"}, stdout() {}, stderr() {}});
  const version = pyodide.runPython("import sys; '%d.%d' % sys.version_info[:2]");
  postMessage({loading: `Python ${version} has come, its packages start`});
  const modules = pyodide.runPython("import site; site.getsitepackages()[0]");
  for (const wheel of own) pyodide.unpackArchive(await wheel, "wheel", {extractDir: modules});
  const module = pyodide.toPy({__name__: "run_cell"});
  pyodide.runPython(await source, {globals: module});
  run = module.get("run");
  pyodide.runPython("import lmm, lmm.plots, tqdm; tqdm.tqdm.monitor_interval = 0");      // its monitor is a thread
  postMessage({ready: version});
}

async function get(address) {
  const answer = await fetch(address, {cache: "no-cache"});       // a wheel keeps its name when the book changes
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer;
}

/* Tell the page how many of the packages that Pyodide fetches have come. */
function countPackages() {
  const plain = self.fetch;
  let done = 0, of = 0;
  const tell = () => postMessage({loading: "Python is loading", done, of});
  self.fetch = async (...request) => {
    if (!/\.(whl|zip)$/.test(request[0].url || request[0])) return plain(...request);
    of += 1;
    tell();
    const answer = await plain(...request);
    const body = await answer.arrayBuffer();
    done += 1;
    tell();
    return new Response(body, answer);
  };
}

async function runCell(cell, code) {
  const post = (...output) => postMessage({cell, output});
  // a package that cannot be loaded is one that the cell cannot import: run() says so
  await pyodide.loadPackagesFromImports(code, {messageCallback() {}, errorCallback() {}}).catch(() => {});
  try {
    postMessage({cell, ended: run(code, cell, post)});
  } catch (problem) {                                             // not an error of the cell: Python itself has ended
    postMessage({crashed: String(problem.message || problem)});
  }
}
