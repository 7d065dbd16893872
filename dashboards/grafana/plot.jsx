// What panels over time have in common beyond @grafana/ui: the axis of time, drawing inside the plot alone, and the marks of
// annotations, which follow the published source of Grafana 13 in our own words
// (public/app/plugins/panel/timeseries/plugins/AnnotationsPlugin2.tsx).
//
// An annotation is a dashed line over the plot's height with a triangle below it; one that lasts has a line at both ends, a
// tint between them, and a bar below.

import { colorManipulator } from "@grafana/data";
import { AxisPlacement, ScaleDirection, ScaleOrientation } from "@grafana/schema";
import uPlot from "uplot";
import { ZONE } from "./fields.cjs";

const LINE = 2; // pixels
const DASH = [5, 5];
const TINT = 0.1;
const MARK = 5;

// The time shown as scale and axis of a plot that is ours.
export function addTime(builder, timeRange, theme) {
  builder.addScale({
    scaleKey: "x",
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
  });
  builder.addAxis({ scaleKey: "x", isTime: true, placement: AxisPlacement.Bottom, timeZone: ZONE, theme });
}

// Draw without touching what is around the plot.
export function inside(u, draw) {
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  u.ctx.clip();
  draw(u.ctx);
  u.ctx.restore();
}

function drawMarks(u, events) {
  const { left, top, width, height } = u.bbox;
  const bottom = top + height;
  const mark = MARK * uPlot.pxRatio;
  const across = (time) => u.valToPos(time, "x", true);
  const shown = events.filter(({ time, timeEnd }) => across(timeEnd) >= left && across(time) <= left + width);
  u.root.dataset.marks = shown.length;
  inside(u, (ctx) => {
    ctx.lineWidth = LINE * uPlot.pxRatio;
    ctx.setLineDash(DASH.map((each) => each * uPlot.pxRatio));
    for (const { time, timeEnd, color } of shown) {
      ctx.strokeStyle = color;
      for (const at of new Set([across(time), across(timeEnd)])) {
        ctx.beginPath();
        ctx.moveTo(at, top);
        ctx.lineTo(at, bottom);
        ctx.stroke();
      }
      ctx.fillStyle = colorManipulator.alpha(color, TINT);
      if (timeEnd > time) ctx.fillRect(across(time), top, across(timeEnd) - across(time), height);
    }
  });
  for (const { time, timeEnd, color } of shown) {
    const [from, to] = [time, timeEnd].map((each) => Math.min(Math.max(across(each), left), left + width));
    u.ctx.fillStyle = color;
    if (timeEnd > time) u.ctx.fillRect(from, bottom, to - from, mark);
    else {
      u.ctx.beginPath();
      u.ctx.moveTo(from - mark, bottom + mark);
      u.ctx.lineTo(from + mark, bottom + mark);
      u.ctx.lineTo(from, bottom);
      u.ctx.fill();
    }
  }
}

const marked = new WeakSet();

// Let a plot show annotations, once.
export function addMarks(builder, events) {
  if (marked.has(builder)) return;
  marked.add(builder);
  builder.addHook("draw", (u) => drawMarks(u, events));
}
