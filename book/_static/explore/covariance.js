"use strict";
/* Chapter 9: V = Z G Z' + R of slide 31, two readings of each of three tablets, and its correlations. */
{
  const NAMES = ["y₁₁", "y₂₁", "y₁₂", "y₂₂", "y₁₃", "y₂₃"];        // method, tablet
  // REML estimates of the tablets, y ~ method + (1 | tablet): slide 21
  const S2B = 0.0893333, S2 = 0.0436111;

  const V = (s2B, s2) => NAMES.map((_, i) => NAMES.map((_, j) =>
    (Math.floor(i / 2) === Math.floor(j / 2) ? s2B : 0) + (i === j ? s2 : 0)));
  const icc = (s2B, s2) => s2B / (s2B + s2);
  const correlation = V => V.map((row, i) => row.map((value, j) => value / Math.sqrt(V[i][i] * V[j][j])));

  const show = value => `${explore.number(value, 3)} content²`;
  const say = ({ s2B, s2 }) =>
    `Two readings of one tablet have the covariance ${explore.number(s2B, 3)}, each has the variance `
    + `${explore.number(s2B, 3)} + ${explore.number(s2, 3)} = ${explore.number(s2B + s2, 3)}, and their correlation is `
    + `${explore.number(icc(s2B, s2), 3)}, the intraclass correlation. Readings of different tablets: 0.`;

  /* The stronger the colour of a cell, the larger its number; from `full` on it is strongest. */
  const heat = (svg, box, matrix, full, digits, title) => {
    const cell = Math.min(box.width, box.height) / 6, middle = { "text-anchor": "middle" };
    explore.add(svg, "text", { x: box.left - 40, y: box.top - 28, class: "title" }, title);
    matrix.forEach((row, i) => {
      const y = box.top + i * cell, x = box.left + i * cell + cell / 2;
      explore.add(svg, "text", { x, y: box.top - 6, ...middle }, NAMES[i]);
      explore.add(svg, "text", { x: box.left - 8, y: y + cell / 2 + 4, "text-anchor": "end" }, NAMES[i]);
      row.forEach((value, j) => {
        const place = { x: box.left + j * cell, y };
        explore.add(svg, "rect", { ...place, width: cell, height: cell, class: "cell", "fill-opacity": 0.6 * Math.min(1, value / full) });
        explore.add(svg, "text", { x: place.x + cell / 2, y: y + cell / 2 + 4, class: "small", ...middle },
          value ? explore.number(value, digits) : "0");
      });
    });
  };

  const draw = (svg, { s2B, s2 }, width) => {
    const size = Math.min(width >= 560 ? width / 2 - 60 : width - 60, 276), boxes = explore.pair(width, size);
    explore.clear(svg, width, boxes.height + 20 - (width >= 560 ? 40 : 30));
    boxes.first.top += 20, boxes.second.top += width >= 560 ? 20 : 10;
    heat(svg, boxes.first, V(s2B, s2), 0.3, size < 230 ? 2 : 3, "V (content²)");
    heat(svg, boxes.second, correlation(V(s2B, s2)), 1, 2, "the correlations that belong to V");
  };

  explore.define("covariance", {
    title: "V of six readings and its correlations",
    controls: [
      { name: "s2B", label: "variance between tablets, σ<sub>B</sub>²", min: 0, max: 0.25, step: 0.005, value: S2B, show },
      { name: "s2", label: "residual variance, σ²", min: 0.005, max: 0.25, step: 0.005, value: S2, show },
    ],
    buttons: { "Equal variances": { s2B: 0.1, s2: 0.1 }, "Tablets all alike": { s2B: 0, s2: 0.13 } },
    math: { V, icc, correlation, constants: () => ({ S2B, S2 }) },
    draw, say,
  });
}
