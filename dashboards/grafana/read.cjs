"use strict";
// What a person reads on dashboards, told by Grafana's own code: node read.cjs <REQUEST >ANSWER, both JSON.
//
// The request: {now, dashboards: {name: [{panel, answers: {A: ...}, step}]}, annotations: [{annotation, answer, step}]},
// where times are Unix seconds and answers are Prometheus' own. The answer: {dashboards: {name: [reading]}, events}, with
// for each panel its words, their colours and links, and for each event of an annotation when it was and its words.
// Transformations, overrides, mappings, thresholds, units and reducers are @grafana/data's. What a kind of panel makes
// of them is said below in our own words, from the published source of Grafana 13 (public/app/plugins/panel/*,
// public/app/core/components/TimelineChart, packages/grafana-ui): state timelines and tables are not in a library.

// What the libraries find in every browser: its languages, which Node has from 21 on, and, once loaded, a window.
globalThis.navigator ??= { language: "en-US", languages: ["en-US"] };
const data = require("@grafana/data");
const { eventsOf } = require("./annotations.cjs");
const { fieldsOf, noDataOf, stateOf, tilesOf } = require("./fields.cjs");
globalThis.window = globalThis;

const THEME = data.createTheme({ colors: { mode: "dark" } });

function word(display) {
  return { text: data.formattedValueToString(display), color: display.color };
}

// Columns are not drawn for an empty table; a cell without a value has the column's noValue; a cell's colour is seen
// where its background is coloured.
function table(panel, found) {
  const [frame] = found;
  if (!frame || !frame.fields.length || !frame.length) return { nothing: noDataOf(panel) };
  const shown = frame.fields.filter((field) => !field.config.custom?.hidden && !field.config.custom?.hideFrom?.viz);
  const rows = Array.from({ length: frame.length }, (_, row) => row);
  const [order] = panel.options.sortBy ?? [];
  const by = order && shown.find((field) => data.getFieldDisplayName(field, frame, found) === order.displayName);
  if (by) {
    const compare = data.fieldReducers && ((one, other) => {
      const [left, right] = [by.values[one], by.values[other]];
      if (typeof left === "string" || typeof right === "string") return String(left ?? "").localeCompare(String(right ?? ""), undefined, { numeric: true });
      return (left ?? -Infinity) - (right ?? -Infinity);
    });
    rows.sort((one, other) => (order.desc ? -1 : 1) * compare(one, other));
  }
  return {
    columns: shown.map((field) => data.getFieldDisplayName(field, frame, found)),
    rows: rows.map((row) =>
      shown.map((field) => {
        const display = field.display(field.values[row]);
        const painted = field.config.custom?.cellOptions?.type === "color-background";
        const links = field.getLinks?.({ valueRowIndex: row }).map((link) => link.href);
        return {
          text: data.formattedValueToString(display),
          ...(painted ? { color: display.color } : {}),
          ...(links?.length ? { links } : {}),
        };
      }),
    ),
  };
}

function stat(panel, found, replaceVariables) {
  const values = tilesOf(panel, found, THEME, replaceVariables);
  const mode = panel.options.textMode;
  return {
    tiles: values.map(({ display }) => {
      const { text, color } = word(display);
      if (mode === "name") return { text: display.title ?? "", color };
      const named = mode === "value_and_name" || (mode === "auto" && values.length > 1);
      return { ...(named ? { name: display.title ?? "" } : {}), text, color };
    }),
  };
}

const drawn = (found) => found.filter((frame) => frame.fields.some((field) => field.type === data.FieldType.number) && frame.length);

function timeSeries(panel, found) {
  const filled = drawn(found);
  if (!filled.length) return { nothing: noDataOf(panel) };
  const calcs = panel.options.legend.calcs;
  return {
    lines: filled.flatMap((frame) =>
      frame.fields
        .filter((field) => field.type === data.FieldType.number)
        .map((field) => {
          const reduced = data.reduceField({ field, reducers: calcs });
          return {
            name: data.getFieldDisplayName(field, frame, found),
            color: data.getFieldColorModeForField(field).isByValue
              ? undefined
              : THEME.visualization.getColorByName(data.getFieldSeriesColor(field, THEME).color),
            legend: calcs.map((calc) => data.formattedValueToString(field.display(reduced[calc]))),
          };
        }),
    ),
  };
}

function stateTimeline(panel, found) {
  const filled = drawn(found);
  if (!filled.length) return { nothing: noDataOf(panel) };
  return {
    bars: filled.flatMap((frame) =>
      frame.fields
        .filter((field) => field.type === data.FieldType.number)
        .map((field) => {
          const states = new Map(field.values.map((value) => [value, stateOf(panel, field, value)]));
          return { name: data.getFieldDisplayName(field, frame, found), states: [...states.values()] };
        }),
    ),
  };
}

function heatmap(panel, found) {
  const [frame] = drawn(found);
  if (!frame) return { nothing: noDataOf(panel) };
  const unit = data.getValueFormat(panel.options.yAxis.unit);
  return {
    buckets: frame.fields
      .filter((field) => field.type === data.FieldType.number)
      .map((field) => (field.name === "+Inf" ? "+Inf" : data.formattedValueToString(unit(Number(field.name))))),
  };
}

const KINDS = { stat, table, timeseries: timeSeries, "state-timeline": stateTimeline, heatmap };

async function read(asked) {
  const { panel } = asked;
  const { found, replaceVariables } = await fieldsOf(asked, THEME);
  return { title: panel.title, type: panel.type, ...KINDS[panel.type](panel, found, replaceVariables) };
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const request = JSON.parse(Buffer.concat(chunks).toString());
  Date.now = () => request.now * 1000; // "5 minutes ago" is by the recording's clock
  const dashboards = {};
  for (const [name, asked] of Object.entries(request.dashboards)) {
    dashboards[name] = [];
    for (const one of asked) dashboards[name].push(await read(one));
  }
  process.stdout.write(JSON.stringify({ dashboards, events: eventsOf(request.annotations) }));
}

main().catch((error) => {
  process.stderr.write(`read.cjs: ${error.stack}\n`);
  process.exitCode = 1;
});
