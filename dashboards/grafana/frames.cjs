"use strict";
// What Prometheus answers, as the data frames that Grafana's Prometheus data source makes of it.
//
// That data source is not ours to use: these are its rules in our own words, read in the published source of
// Grafana 13 (pkg/promlib/querydata/response.go and converter/prom.go; packages/grafana-prometheus/src/
// result_transformer.ts): a frame for each series; a query without an answer gives a frame without fields; as a table,
// one frame for each query with a column for each label, the value's column being named after the query where there are
// several; as a heat map, cumulative buckets taken apart, in the order of their bounds.

const { FieldType, sortDataFrame } = require("@grafana/data");

const TIME = "Time";
const VALUE = "Value";

function number(text) {
  return { "+Inf": Infinity, "-Inf": -Infinity, NaN }[text] ?? Number(text);
}

function legend(target, labels) {
  if (target.legendFormat === "__auto" && Object.keys(labels).length) return undefined;
  return target.legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? "");
}

// One answer of Prometheus' API: [{metric, value: [seconds, text]} or {metric, values: [...]}].
function seriesFrames(target, answer, step) {
  if (!answer.length) return [{ refId: target.refId, fields: [], length: 0 }];
  return answer.map(({ metric, value, values }) => {
    const samples = values ?? [value];
    const name = legend(target, metric);
    return {
      refId: target.refId,
      name,
      length: samples.length,
      fields: [
        { name: TIME, type: FieldType.time, config: { interval: step * 1000 }, values: samples.map(([at]) => at * 1000) },
        {
          name: VALUE,
          type: FieldType.number,
          labels: metric,
          config: name ? { displayNameFromDS: name } : {},
          values: samples.map(([, text]) => number(text)),
        },
      ],
    };
  });
}

function tableFrame(target, answer, several) {
  const labels = [];
  for (const { metric } of answer) {
    for (const label of Object.keys(metric).sort()) if (!labels.includes(label)) labels.push(label);
  }
  const rows = answer.flatMap(({ metric, value, values }) =>
    (values ?? [value]).map(([at, text]) => ({ at: at * 1000, metric, value: number(text) })),
  );
  const fields = [
    { name: TIME, type: FieldType.time, config: {}, values: rows.map((row) => row.at) },
    ...labels.map((label) => ({
      name: label,
      type: FieldType.string,
      config: { filterable: true },
      values: rows.map((row) => row.metric[label] ?? ""),
    })),
    {
      name: several ? `${VALUE} #${target.refId}` : VALUE,
      type: FieldType.number,
      config: {},
      values: rows.map((row) => row.value),
    },
  ];
  return sortDataFrame({ refId: target.refId, fields, length: rows.length }, 0);
}

function heatmapFrame(frames) {
  const filled = frames.filter((frame) => frame.length);
  if (!filled.length) return frames;
  filled.sort((one, other) => number(one.name) - number(other.name));
  const counts = filled.map((frame, place) => {
    const below = place ? filled[place - 1].fields[1].values : [];
    const values = frame.fields[1].values.map((count, at) => Math.max(0, count - (below[at] ?? 0)));
    return { ...frame.fields[1], name: frame.name, values };
  });
  return [{ ...filled[0], fields: [filled[0].fields[0], ...counts] }];
}

// All frames of a panel; answers are by the queries' letters.
exports.frames = function frames(panel, answers, step) {
  const made = panel.targets.map((target) => seriesFrames(target, answers[target.refId], step));
  const format = panel.targets[0].format;
  if (format === "heatmap") return heatmapFrame(made.flat());
  if (format !== "table") return made.flat();
  const several = panel.targets.length > 1;
  if (!several && !answers[panel.targets[0].refId].length) return made.flat();
  return panel.targets.map((target) => tableFrame(target, answers[target.refId], several));
};
