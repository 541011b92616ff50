"use strict";
/* Chapter 12: 2l of the tablets over the two variances, by ML (slide 32) and by REML (slide 34), with the slides' constant. */
{
  // Sums of squares of data/tablets.csv, ten tablets read twice: between tablets, and residual (chapter 10's closed form)
  const SS_TABLET = 2.0005, SS_RESIDUAL = 0.3925;
  const TABLETS = 10, N = 20;

  /* V has the eigenvalues s2 and s2 + 2 s2B, ten times each. With beta by GLS: */
  const ml = (s2B, s2) => {
    const l2 = s2 + 2 * s2B;
    return N * Math.log(2 * Math.PI) + TABLETS * Math.log(s2) + SS_RESIDUAL / s2 + TABLETS * Math.log(l2) + SS_TABLET / l2;
  };
  /* |X'V^-1 X| = 100 / (s2 (s2 + 2 s2B)) in the reference coding */
  const reml = (s2B, s2) => ml(s2B, s2) + Math.log(100 / (s2 * (s2 + 2 * s2B)));
  /* Each sum of squares over 10 (ML) or 9 (REML) */
  const lowest = df => ({ s2B: (SS_TABLET - SS_RESIDUAL) / df / 2, s2: SS_RESIDUAL / df });
  const criteria = [
    { name: "ML", l: ml, best: lowest(TABLETS), style: "wrong" },
    { name: "REML", l: reml, best: lowest(TABLETS - 1), style: "random" },
  ];
  const rise = ({ l, best }, { s2B, s2 }) => l(s2B, s2) - l(best.s2B, best.s2);

  /* Where a criterion is `level` above its minimum: [s2B, s2] on 240 rays from there. Along a ray s2 and s2 + 2 s2B both
     move away from their best values, so the criterion only rises and halving finds the place. */
  const contour = (one, level) => Array.from({ length: 241 }, (_, i) => {
    const dx = 0.3 * Math.cos(i * Math.PI / 120), dy = 0.1 * Math.sin(i * Math.PI / 120);
    const at = t => ({ s2B: one.best.s2B + t * dx, s2: one.best.s2 + t * dy });
    const under = ({ s2B, s2 }) => s2 > 0 && s2 + 2 * s2B > 0 && rise(one, { s2B, s2 }) < level;
    let low = 0, high = 1;
    while (under(at(high))) high *= 2;
    for (let k = 0; k < 40; k++) if (under(at((low + high) / 2))) low = (low + high) / 2; else high = (low + high) / 2;
    return [at(low).s2B, at(low).s2];
  });

  const X = [0, 0.3], Y = [0.015, 0.11], LEVELS = [0.5, 2, 4];
  const contours = criteria.map(one => LEVELS.map(level => contour(one, level)));
  const within = ([low, high], value) => low <= value && value <= high;
  const inside = ([low, high], value) => Math.min(high, Math.max(low, value));

  const show = value => `${explore.number(value, 3)} content²`;
  const say = values => {
    const [byML, byREML] = criteria.map(one =>
      `2l by ${one.name} is ${explore.number(one.l(values.s2B, values.s2), 3)}, ${explore.number(rise(one, values), 3)} above its minimum`);
    return `Tablet variance ${explore.number(values.s2B, 4)}, residual variance ${explore.number(values.s2, 4)}: ${byML}; ${byREML}.`;
  };

  let at;                                                      // the scales of the last picture, for the pointer
  const draw = (svg, values, width) => {
    const height = width >= 560 ? 340 : 280, box = { left: 44, top: 68, width: width - 60, height };
    explore.clear(svg, width, height + 114);
    at = explore.axes(svg, box, {
      x: X, y: Y, xticks: [0, 0.1, 0.2, 0.3], yticks: [0.02, 0.04, 0.06, 0.08, 0.1], digits: 2,
      xlabel: "tablet variance (content²)", title: "residual variance (content²)" });
    contours.forEach((levels, i) => levels.forEach(points => {
      const drawn = points.map(([x, y]) => within(X, x) && within(Y, y));       // the pen is up outside of the picture
      const steps = points.map(([x, y], k) => drawn[k] ? `${drawn[k - 1] ? "L" : "M"}${at.x(x)},${at.y(y)}` : "");
      explore.add(svg, "path", { class: `line thin ${criteria[i].style}`, d: steps.join("") });
    }));
    const legend = explore.add(svg, "text", { x: 4, y: 16 });
    for (const [mark, words, style] of [["●", "ML, dashed", "wrong"], ["■", "REML", "random"], ["○", "your point", ""]]) {
      explore.add(legend, "tspan", { class: `mark ${style}` }, mark);
      explore.add(legend, "tspan", {}, `\u00a0${words}\u2003`);
    }
    explore.add(svg, "text", { x: 4, y: 34 }, "contours 0.5, 2 and 4 above each minimum");
    const place = criteria.map(({ best }) => [at.x(best.s2B), at.y(best.s2)]);
    explore.add(svg, "circle", { class: "dot wrong", cx: place[0][0], cy: place[0][1], r: 6 });
    explore.add(svg, "rect", { class: "dot random", x: place[1][0] - 5, y: place[1][1] - 5, width: 10, height: 10 });
    explore.add(svg, "circle", { class: "ring", cx: at.x(values.s2B), cy: at.y(values.s2), r: 8 });
    explore.add(svg, "circle", { class: "handle", cx: at.x(values.s2B), cy: at.y(values.s2), r: 22 });
  };

  explore.define("likelihood", {
    title: "Contours of 2l by ML and by REML, 0.5, 2 and 4 above each minimum",
    controls: [
      { name: "s2B", label: "tablet variance, σ<sub>B</sub>²", min: X[0], max: X[1], step: 0.001, value: 0.2, show },
      { name: "s2", label: "residual variance, σ²", min: Y[0], max: Y[1], step: 0.001, value: 0.08, show },
    ],
    buttons: { "To the minimum of ML": criteria[0].best, "To the minimum of REML": criteria[1].best },
    math: { ml, reml, lowest, contours: () => contours, constants: () => ({ SS_TABLET, SS_RESIDUAL }) },
    draw, say,
    drag: (x, y) => ({ s2B: inside(X, at.x.invert(x)), s2: inside(Y, at.y.invert(y)) }),
  });
}
