"use strict";
// What Grafana makes of annotations from Prometheus: its data source's rules in our own words, read in the published source
// of Grafana 13 (packages/grafana-prometheus/src/datasource.ts: processAnnotationResponse).
//
// A series is at work where its value is above 0. Moments that are no farther apart than the step are one event, from the
// first to the last of them. With "value as time" each value is a moment itself, in milliseconds.

const { frames } = require("./frames.cjs");

function* runs(moments, step) {
  let run;
  for (const moment of moments) {
    if (run && run.timeEnd + step >= moment) run.timeEnd = moment;
    else {
      if (run) yield run;
      run = { time: moment, timeEnd: moment };
    }
  }
  if (run) yield run;
}

function written(words, labels) {
  return words.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? "");
}

// Those that a panel shows, by its number.
exports.shownOn = function shownOn(panel, events) {
  return events.filter(({ filter }) => !filter || filter.ids.includes(panel.id) !== Boolean(filter.exclude));
};

// The events of annotations: [{annotation, answer, step}], with Prometheus' own answer and the step in seconds.
exports.eventsOf = function eventsOf(asked) {
  return asked.flatMap(({ annotation, answer, step }) => {
    const target = { refId: "Anno", legendFormat: "__auto" };
    return frames({ targets: [target] }, { Anno: answer }, step)
      .filter((frame) => frame.fields.length)
      .flatMap(({ fields: [times, values] }) => {
        const moments = annotation.useValueForTime
          ? values.values.map(Math.floor)
          : times.values.filter((_, at) => values.values[at] > 0);
        const { titleFormat, textFormat, tagKeys, iconColor } = annotation;
        const wanted = tagKeys.split(",");
        return [...runs(moments, step * 1000)].map((run) => ({
          ...run,
          title: written(titleFormat, values.labels),
          text: written(textFormat, values.labels),
          tags: Object.keys(values.labels).filter((label) => wanted.includes(label)).map((label) => values.labels[label]),
          color: iconColor,
          filter: annotation.filter,
        }));
      });
  });
};
