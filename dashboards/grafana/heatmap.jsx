// Heat maps, which no library has: the rules of Grafana 13's published source in our own words
// (public/app/features/transformers/calculateHeatmap/heatmap.ts, public/app/plugins/panel/heatmap/{fields,palettes,utils}.ts).
// Axes and layout are @grafana/ui's own.
//
// Of a histogram's buckets each has a row, all alike in height, with its upper bound at the top and zero below the first.
// A cell ends at its sample's time. Its colour is by its share of the way from the smallest to the largest count, of those
// above the filter; in a dark theme a single hue's scheme runs from dark to light, so that more is farther from the ground.

import { FieldType, formattedValueToString, getValueFormat } from "@grafana/data";
import { AxisPlacement, ScaleDirection, ScaleOrientation } from "@grafana/schema";
import { UPlotChart, UPlotConfigBuilder, VizLayout } from "@grafana/ui";
import * as schemes from "d3-scale-chromatic";
import uPlot from "uplot";
import { ZONE } from "./fields.cjs";
import { addMarks, addTime, inside } from "./plot.jsx";

const LEAST = 10; // pixels that a label of the axis has at least

function palette({ scheme, steps, reverse }, theme) {
  const interpolate = schemes[`interpolate${scheme}`];
  const colors = Array.from({ length: steps }, (_, step) => interpolate(step / (steps - 1)));
  return reverse || theme.isDark ? colors.reverse() : colors;
}

function config(panel, times, buckets, colors, [least, most], events, timeRange, theme) {
  const { yAxis, cellGap, filterValues } = panel.options;
  const builder = new UPlotConfigBuilder(ZONE);
  const write = (value) => formattedValueToString(getValueFormat(yAxis.unit)(value));
  const bounds = [write(0), ...buckets.map(({ name }) => (name === "+Inf" ? name : write(Number(name))))];
  addTime(builder, timeRange, theme);
  builder.addScale({
    scaleKey: "y",
    isTime: false,
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: [0, buckets.length],
  });
  builder.addAxis({
    scaleKey: "y",
    isTime: false,
    placement: AxisPlacement.Left,
    splits: (u) => {
      let splits = bounds.map((_, row) => row);
      while (splits.length > 3 && (u.height - 15) / splits.length < LEAST) splits = splits.filter((_, at) => at % 2 === 0);
      return splits;
    },
    values: (_, splits) => splits.map((row) => bounds[row]),
    theme,
  });
  builder.addSeries({ scaleKey: "y", theme, pathBuilder: () => null, pointsBuilder: false });
  builder.addHook("draw", (u) => {
    const gap = Math.round(cellGap * uPlot.pxRatio);
    const across = (time) => u.valToPos(time, "x", true);
    const width = Math.max(1, across(times[1]) - across(times[0]) - gap);
    const height = Math.max(1, u.bbox.height / buckets.length - gap);
    inside(u, (ctx) => {
      buckets.forEach(({ values }, row) => {
        values.forEach((count, at) => {
          if (!(count > filterValues.le)) return;
          const step = Math.floor((colors.length * (count - least)) / (most - least || 1));
          ctx.fillStyle = colors[Math.min(step, colors.length - 1)];
          ctx.fillRect(across(times[at]) - width, u.valToPos(row + 1, "y", true), width, height);
        });
      });
    });
  });
  addMarks(builder, events);
  return builder;
}

function Legend({ colors, ends, unit, theme }) {
  const write = (value) => formattedValueToString(getValueFormat(unit)(value));
  return (
    <div style={{ width: 300, paddingLeft: 8, fontSize: 12, color: theme.colors.text.primary }}>
      <div style={{ height: 8, borderRadius: 2, background: `linear-gradient(90deg, ${colors.join(", ")})` }} />
      <div style={{ display: "flex", justifyContent: "space-between" }}>
        {ends.map((end) => (
          <span key={end}>{write(end)}</span>
        ))}
      </div>
    </div>
  );
}

export function Heatmap({ panel, found, events, theme, width, height, timeRange }) {
  const { fields } = found.find((frame) => frame.length);
  const times = fields[0].values;
  const buckets = fields.filter(({ type }) => type === FieldType.number);
  const counts = buckets.flatMap(({ values }) => values).filter((count) => count > panel.options.filterValues.le);
  const ends = [Math.min(...counts), Math.max(...counts)];
  const colors = palette(panel.options.color, theme);
  const builder = config(panel, times, buckets, colors, ends, events, timeRange, theme);
  const legend = (
    <VizLayout.Legend placement="bottom">
      <Legend colors={colors} ends={ends} unit={panel.options.cellValues.unit} theme={theme} />
    </VizLayout.Legend>
  );
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(innerWidth, innerHeight) => (
        <UPlotChart config={builder} data={[times, times.map(() => null)]} width={innerWidth} height={innerHeight} />
      )}
    </VizLayout>
  );
}
