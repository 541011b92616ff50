"use strict";
/* Chapter 3: the factor w = s2u / (s2u + s2 / n) moves the twenty planks' means towards mu. */
{
  // Sums of 15 readings of humidity (%) a plank: data/planks.csv. Their means are shown as if each rested on n readings.
  const SUMS = [68.4, 72.8, 79.0, 85.2, 66.4, 86.3, 80.6, 69.1, 61.9, 110.5, 74.5, 83.9, 95.9, 89.2, 111.0, 93.0, 65.1, 98.1, 59.6, 89.4];
  const MEANS = SUMS.map(sum => sum / 15);
  // REML variances of the 300 readings, humidity ~ 1 + (1 | plank): the chapter's borrowed variances
  const S2U = 0.944486, S2 = 0.932948;

  const factor = (n, s2u, s2) => s2u / (s2u + s2 / n);
  const centre = means => means.reduce((sum, mean) => sum + mean, 0) / means.length;      // GLS, as all n are equal
  const shrink = (means, n, s2u, s2) => {
    const w = factor(n, s2u, s2), mu = centre(means);
    return means.map(mean => w * mean + (1 - w) * mu);
  };

  const squared = value => `${explore.number(value, 2)} %²`;
  const say = ({ n, s2u, s2 }) => {
    const w = factor(n, s2u, s2), blups = shrink(MEANS, n, s2u, s2), top = MEANS.indexOf(Math.max(...MEANS));
    return `The shrinkage factor is w = ${explore.number(w, 3)}: with ${n} ${n === 1 ? "reading" : "readings"} each mean keeps `
      + `${explore.number(100 * w, 0)}\u00a0% of its distance from μ = ${explore.number(centre(MEANS), 2)}\u00a0%. `
      + `The highest mean, ${explore.number(MEANS[top], 2)}\u00a0%, becomes ${explore.number(blups[top], 2)}\u00a0%. `
      + `(Shown are the means of all 15 readings, as if each came from ${n}.)`;
  };

  const draw = (svg, { n, s2u, s2 }, width) => {
    const boxes = explore.pair(width, 180, 0.6), mu = centre(MEANS);
    explore.clear(svg, width, boxes.height);
    const left = explore.axes(svg, boxes.first, {
      x: [3.6, 7.8], y: [-0.35, 1.35], xticks: [4, 5, 6, 7], xlabel: "humidity (%)", title: "Each plank: its mean, its BLUP below" });
    explore.line(svg, left, [[mu, -0.35], [mu, 1.35]], "fixed");
    explore.add(svg, "text", { x: left.x(mu) + 5, y: left.y(1.16), class: "fixed" }, "μ");
    shrink(MEANS, n, s2u, s2).forEach((blup, i) => {
      explore.line(svg, left, [[MEANS[i], 1], [blup, 0]], "data thin");
      explore.dot(svg, left, [MEANS[i], 1], "data");
      explore.dot(svg, left, [blup, 0], "random");
    });
    explore.add(svg, "text", { x: boxes.first.left - 40, y: left.y(1) + 4 }, "mean");
    explore.add(svg, "text", { x: boxes.first.left - 40, y: left.y(0) + 4 }, "BLUP");

    const right = explore.axes(svg, boxes.second, {
      x: [0, 20], y: [0, 1], xticks: [1, 5, 10, 15, 20], yticks: [0, 1], xlabel: "readings a plank, n", title: "w" });
    const steps = Array.from({ length: 96 }, (_, i) => 1 + i / 5);
    explore.line(svg, right, steps.map(k => [k, factor(k, s2u, s2)]), "random");
    explore.dot(svg, right, [n, factor(n, s2u, s2)], "random", 6);
  };

  explore.define("shrinkage", {
    title: "Twenty means and their BLUPs",
    controls: [
      { name: "n", label: "readings a plank, n", min: 1, max: 20, step: 1, value: 1, show: String },
      { name: "s2u", label: "variance between planks, σ<sub>u</sub>²", min: 0, max: 3, step: 0.05, value: S2U, show: squared },
      { name: "s2", label: "variance within a plank, σ²", min: 0.05, max: 6, step: 0.05, value: S2, show: squared },
    ],
    math: { factor, shrink, constants: () => ({ MEANS, S2U, S2 }) },
    draw, say,
  });
}
