"use strict";
/* Chapter 15: eighteen random lines between one line for all (complete pooling) and the own lines (no pooling). */
{
  // Least-squares intercept (ms) and slope (ms per day) of each subject: data/sleepstudy.csv
  const OWN = {
    308: [244.1927, 21.7647], 309: [205.0549, 2.2618], 310: [203.4842, 6.1149], 330: [289.6851, 3.0081], 331: [285.7390, 5.2660],
    332: [264.2516, 9.5668], 333: [275.0191, 9.1420], 334: [240.1629, 12.2531], 335: [263.0347, -2.8810], 337: [290.1041, 19.0260],
    349: [215.1118, 13.4939], 350: [225.8346, 19.5040], 351: [261.1470, 6.4335], 352: [276.3721, 13.5665], 369: [254.9681, 11.3481],
    370: [210.4491, 18.0562], 371: [253.6360, 9.1884], 372: [267.0448, 11.2981],
  };
  // REML, Reaction ~ Days + (1 + Days | Subject): G of a subject and sigma^2; (Z'Z)^-1 for the days 0 to 9
  const G = [[612.0899, 9.6043], [9.6043, 35.0717]], S2 = 654.9410;
  const ZTZ_INVERSE = [[285 / 825, -45 / 825], [-45 / 825, 10 / 825]];
  const lines = Object.values(OWN), mean = k => lines.reduce((sum, line) => sum + line[k], 0) / lines.length;
  const BETA = [mean(0), mean(1)];                              // balanced: GLS is the mean of the own lines

  /* beta + r G (r G + s2 (Z'Z)^-1)^-1 (own - beta): the BLUP if G were r times what REML says */
  const blup = (own, r) => {
    const [a, b, , d] = [0, 1, 2, 3].map(k => r * G[k >> 1][k & 1] + S2 * ZTZ_INVERSE[k >> 1][k & 1]);
    const [e, f] = [own[0] - BETA[0], own[1] - BETA[1]], det = a * d - b * b;
    const [g, h] = [(d * e - b * f) / det, (a * f - b * e) / det];
    return [BETA[0] + r * (G[0][0] * g + G[0][1] * h), BETA[1] + r * (G[1][0] * g + G[1][1] * h)];
  };
  const sd = slopes => {
    const centre = slopes.reduce((a, b) => a + b) / slopes.length;
    return Math.sqrt(slopes.reduce((sum, slope) => sum + (slope - centre) ** 2, 0) / (slopes.length - 1));
  };

  const times = r => `× ${r >= 10 ? explore.number(r, 0) : r >= 0.1 ? explore.number(r, 2) : explore.number(r, 4)}`;
  const words = ([start, slope]) => `${explore.number(start, 0)} ms and ${explore.number(slope, 1)} ms per day`;
  const say = ({ power, subject }) => {
    const r = 10 ** power, spread = sd(lines.map(line => blup(line, r)[1]));
    const near = r <= 0.01 ? "Almost complete pooling" : r >= 100 ? "Almost no pooling" : Math.abs(power) < 0.01 ? "REML's random lines" : "Partial pooling";
    return `${near}: the 18 slopes have the standard deviation ${explore.number(spread, 2)} ms per day (own lines ${explore.number(sd(lines.map(line => line[1])), 2)}). `
      + `Subject ${subject}: own line ${words(OWN[subject])}, random line ${words(blup(OWN[subject], r))}; all together ${words(BETA)}.`;
  };

  const draw = (svg, { power, subject }, width) => {
    const boxes = explore.pair(width, 250), r = 10 ** power, ends = ([start, slope]) => [[0, start], [9, start + 9 * slope]];
    explore.clear(svg, width, boxes.height);
    const left = explore.axes(svg, boxes.first, {
      x: [0, 9], y: [195, 475], xticks: [0, 3, 6, 9], yticks: [200, 300, 400], xlabel: "Days", title: "reaction time (ms)" });
    const right = explore.axes(svg, boxes.second, {
      x: [195, 300], y: [-5, 24], xticks: [200, 225, 250, 275, 300], yticks: [0, 10, 20], xlabel: "intercept (ms)", title: "slope (ms per day)" });
    for (const line of lines) explore.line(svg, left, ends(line), "data thin dotted");
    for (const line of lines) explore.line(svg, left, ends(blup(line, r)), "random thin");
    explore.line(svg, left, ends(BETA), "fixed");
    explore.line(svg, left, ends(blup(OWN[subject], r)), "random thick");
    const path = Array.from({ length: 61 }, (_, i) => blup(OWN[subject], 10 ** (i / 10 - 3)));
    explore.line(svg, right, path, "random");
    for (const line of lines) explore.line(svg, right, [line, blup(line, r)], "data thin");
    for (const line of lines) explore.dot(svg, right, line, "data", 2.5);
    for (const line of lines) explore.dot(svg, right, blup(line, r), "random", 4);
    explore.dot(svg, right, blup(OWN[subject], r), "random", 7);
    explore.dot(svg, right, BETA, "fixed", 5);
  };

  explore.define("slopes", {
    title: "Eighteen lines between complete and no pooling, and their intercepts and slopes",
    controls: [
      { name: "power", label: "variances of the lines, as a multiple of REML's", min: -3, max: 3, step: 0.1, value: 0, show: power => times(10 ** power) },
      { name: "subject", label: "highlighted subject", options: Object.keys(OWN), value: "330" },
    ],
    buttons: { "Complete pooling": { power: -3 }, "No pooling": { power: 3 } },
    math: { blup: (subject, r) => blup(OWN[subject], r), constants: () => ({ OWN, G, S2, BETA }) },
    draw, say,
  });
}
