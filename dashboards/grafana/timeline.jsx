// State timelines, which no library has: the rules of Grafana 13's published source in our own words
// (public/app/core/components/TimelineChart/{timeline,utils}.ts, public/app/plugins/panel/barchart/distribute.ts).
// Alignment in time, gaps, axes and the legend are @grafana/ui's own.
//
// A row for each series, from the top; rows share out rowHeight of the height, and the gaps the rest. A state's box goes on
// while the next value is equal or only another series has a sample there, and to the end of the panel after the last one.
// Its word is cut to the letters that have room; where there is none for two, there is no word.

import { colorManipulator, FieldType, getFieldDisplayName } from "@grafana/data";
import { AxisPlacement, ScaleDirection, ScaleOrientation } from "@grafana/schema";
import { FIXED_UNIT, GraphNG, UPlotConfigBuilder, VizLayout, VizLegend } from "@grafana/ui";
import uPlot from "uplot";
import { stateOf, ZONE } from "./fields.cjs";
import { addMarks, addTime, inside } from "./plot.jsx";

const PADDING = 2; // pixels before a word
const SPARE = 2.5; // pixels that a letter has more than it needs on average

// Where each of several rows begins and how high it is, as shares of the height.
function rows(count, rowHeight) {
  const gap = count > 1 ? (1 - rowHeight) / (count - 1) : 0;
  return Array.from({ length: count }, (_, row) => ({ top: row * (rowHeight / count + gap), height: rowHeight / count }));
}

// The boxes of one series: [first sample, the sample before which it ends].
function* boxes(values) {
  for (let at = 0; at < values.length; ) {
    let end = at + 1;
    if (values[at] != null) {
      while (end < values.length && (values[end] === undefined || values[end] === values[at])) end += 1;
      yield [at, end];
    }
    at = end;
  }
}

function letterWidth(context) {
  const letters = String.fromCharCode(...Array.from({ length: 95 }, (_, at) => 32 + at));
  return Math.ceil((context.measureText(letters).width / letters.length) * uPlot.pxRatio) + SPARE;
}

function drawRow(u, panel, field, number, place, theme) {
  const { bbox } = u;
  const [times, values] = [u.data[0], u.data[number]];
  const [top, height] = [Math.round(bbox.top + place.top * bbox.height), Math.round(place.height * bbox.height)];
  const across = (time) => Math.round(u.valToPos(time, "x", true));
  inside(u, (ctx) => {
    ctx.font = `500 ${Math.round(12 * uPlot.pxRatio)}px ${theme.typography.fontFamily}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    const letter = letterWidth(ctx);
    for (const [begin, end] of boxes(values)) {
      const left = across(times[begin]);
      const width = Math.max(1, (end < times.length ? across(times[end]) : bbox.left + bbox.width) - left);
      const { text, color } = stateOf(panel, field, values[begin]);
      ctx.fillStyle = colorManipulator.alpha(color, field.config.custom.fillOpacity / 100);
      const behind = ctx.fillStyle;
      ctx.fillRect(left, top, width, height);
      const room = Math.floor(width / letter);
      if (room >= 2) {
        ctx.fillStyle = theme.colors.getContrastText(behind, 3);
        ctx.fillText(text.slice(0, room), left + PADDING, Math.round(top + height / 2));
      }
    }
  });
}

function config(panel, aligned, events, timeRange, theme) {
  const builder = new UPlotConfigBuilder(ZONE);
  const fields = aligned.fields.slice(1);
  const places = rows(fields.length, panel.options.rowHeight);
  builder.setPrepData(([frame]) => frame.fields.map((field) => field.values));
  addTime(builder, timeRange, theme);
  builder.addScale({
    scaleKey: FIXED_UNIT,
    isTime: false,
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: [0, 1],
  });
  builder.addAxis({
    scaleKey: FIXED_UNIT,
    isTime: false,
    placement: AxisPlacement.Left,
    splits: () => places.map(({ top, height }) => 1 - top - height / 2),
    values: () => fields.map((field) => getFieldDisplayName(field, aligned)),
    grid: { show: false },
    ticks: { show: false },
    gap: 16,
    theme,
  });
  fields.forEach((field, number) => {
    builder.addSeries({
      scaleKey: FIXED_UNIT,
      theme,
      pathBuilder: (u) => {
        drawRow(u, panel, field, number + 1, places[number], theme);
        return null;
      },
      pointsBuilder: false,
      lineWidth: 0,
    });
  });
  addMarks(builder, events);
  return builder;
}

// Each word that is shown, once, with its colour.
function legend(panel, found) {
  const states = new Map();
  for (const frame of found) {
    for (const field of frame.fields.filter(({ type }) => type === FieldType.number)) {
      for (const value of field.values) {
        const { text, color } = stateOf(panel, field, value);
        states.set(text, color);
      }
    }
  }
  return [...states].map(([label, color]) => ({ label, color, yAxis: 1 }));
}

export function StateTimeline({ panel, found, events, theme, width, height, timeRange }) {
  const { placement, displayMode } = panel.options.legend;
  // Gaps stay gaps: @grafana/ui would widen them for lines.
  const frames = found.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => ({ ...field, config: { ...field.config, custom: { ...field.config.custom, spanNulls: -1 } } })),
  }));
  return (
    <GraphNG
      frames={frames}
      timeRange={timeRange}
      timeZone={ZONE}
      legend={panel.options.legend}
      prepConfig={(aligned) => config(panel, aligned, events, timeRange, theme)}
      renderLegend={() => (
        <VizLayout.Legend placement={placement}>
          <VizLegend placement={placement} displayMode={displayMode} items={legend(panel, found)} />
        </VizLayout.Legend>
      )}
      width={width}
      height={height}
      theme={theme}
    />
  );
}
