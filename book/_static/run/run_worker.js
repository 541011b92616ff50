/* Python in a thread of its own: the page stays alive whatever a cell does, and can end it.
   In:  {start: {python, packages, wheels, code}}, then {run: number, code}.
   Out: {loading: text, done, of}, {ready: version}, {failed: text}, {crashed: text};
        {cell, output: [kind, text, alt]}, {cell, ended}. */

const plainFetch = self.fetch.bind(self);
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
  const early = fetchEarly(python, packages);
  countPackages(early);
  importScripts(python + "pyodide.js");
  pyodide = await loadPyodide({indexURL: python, packages, env: {MPLBACKEND: "agg"}, stdout() {}, stderr() {}});
  const version = pyodide.runPython("import sys; '%d.%d' % sys.version_info[:2]");
  postMessage({loading: `Python ${version} has come, its packages start`});
  const modules = pyodide.runPython("import site; site.getsitepackages()[0]");
  for (const wheel of own) pyodide.unpackArchive(await wheel, "wheel", {extractDir: modules});
  const module = pyodide.toPy({__name__: "run_cell"});
  pyodide.runPython(await source, {globals: module});
  run = module.get("run");
  module.get("warm_up")();
  postMessage({ready: version});
}

async function get(address) {
  const answer = await fetch(address, {cache: "no-cache"});       // a wheel keeps its name when the book changes
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer;
}

/* Fetch the packages, and what they need, while Python itself still starts: address -> promise of the answer. */
async function fetchEarly(python, names) {
  const {packages} = await (await fetch(python + "pyodide-lock.json")).json();
  const wanted = new Set(names);                                  // grows while it is walked
  for (const name of wanted) packages[name].depends.forEach((other) => wanted.add(other));
  return new Map([...wanted].map((name) => {
    const {file_name, sha256} = packages[name];
    const hash = btoa(String.fromCharCode(...sha256.match(/../g).map((byte) => parseInt(byte, 16))));
    const answer = plainFetch(new URL(file_name, python), {integrity: `sha256-${hash}`});
    answer.catch(() => {});                                       // awaited when Pyodide asks for it
    return [new URL(file_name, python).href, answer];
  }));
}

/* Hand Pyodide what is under way, and tell the page how many of the packages have come. */
function countPackages(early) {
  early.catch(() => {});                                          // then Pyodide fetches them itself, and says what is wrong
  let done = 0, of = 0;
  const tell = () => postMessage({loading: "Python is loading", done, of});
  self.fetch = async (...request) => {
    const address = String(request[0].url || request[0]);
    if (!/\.(whl|zip)$/.test(address)) return plainFetch(...request);
    of += 1;
    tell();
    const underWay = (await early.catch(() => new Map())).get(address);
    const answer = await (underWay || plainFetch(...request));
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
