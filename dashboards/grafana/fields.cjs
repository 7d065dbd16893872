"use strict";
// What Grafana's own library makes of a panel's frames: transformed, with the panel's settings and overrides applied.
// What a person reads (read.cjs) and what the pictures show (draw.jsx) both come from here.

const data = require("@grafana/data");
const { firstValueFrom } = require("rxjs");
const { frames: framesOf } = require("./frames.cjs");

const ZONE = "utc";
exports.ZONE = ZONE;

// The settings of a field, by the name that an override has for it: what Grafana's editors register, and of a kind of
// panel's own those that this panel sets.
const STANDARD = ["displayName", "unit", "decimals", "min", "max", "noValue", "mappings", "thresholds", "color", "links"];

function settings(panel) {
  const item = (id, isCustom = false) => ({
    id: isCustom ? `custom.${id}` : id,
    path: id,
    name: id,
    isCustom,
    editor: null,
    override: null,
    process: (value) => value,
    shouldApply: () => true,
    defaultValue: undefined,
  });
  const { defaults, overrides } = panel.fieldConfig;
  const overridden = overrides.flatMap((each) => each.properties.map((one) => one.id)).filter((id) => id.startsWith("custom."));
  const own = new Set([...Object.keys(defaults.custom ?? {}), ...overridden.map((id) => id.slice("custom.".length))]);
  return new data.Registry(() => [...STANDARD.map((id) => item(id)), ...[...own].map((id) => item(id, true))]);
}

data.standardTransformersRegistry.setInit(() =>
  // Some are there under two names.
  [...new Map(Object.values(data.standardTransformers).map((one) => [one.id, one])).values()].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation: async () => transformation,
    editor: null,
  })),
);

exports.fieldsOf = async function fieldsOf({ panel, answers, step }, theme) {
  const replaceVariables = (text, scoped) =>
    text.replace(/\$\{__value\.raw\}/g, () => {
      const context = scoped?.__dataContext?.value;
      return context?.rowIndex === undefined ? "" : String(context.field.values[context.rowIndex]);
    });
  const transformed = await firstValueFrom(
    data.transformDataFrame(panel.transformations ?? [], framesOf(panel, answers, step), { interpolate: (words) => words }),
  );
  const found = data.applyFieldOverrides({
    data: transformed,
    fieldConfig: structuredClone(panel.fieldConfig),
    fieldConfigRegistry: settings(panel),
    replaceVariables,
    theme,
    timeZone: ZONE,
  });
  return { found, replaceVariables };
};

exports.noDataOf = function noDataOf(panel) {
  return panel.fieldConfig.defaults.noValue ?? "No data";
};

exports.tilesOf = function tilesOf(panel, found, theme, replaceVariables) {
  return data.getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables,
    theme,
    data: found,
    sparkline: false,
    timeZone: ZONE,
  });
};

// A state timeline's word and colour for a value, by the rules of public/app/core/components/TimelineChart/utils.ts in our
// own words: with colours by thresholds and merged values, each value is replaced by its threshold's label; otherwise each
// has its own word and colour.
exports.stateOf = function stateOf(panel, field, value) {
  if (panel.options.mergeValues && panel.fieldConfig.defaults.color?.mode === "thresholds") {
    const step = data.getActiveThreshold(value, field.config.thresholds.steps);
    const unit = data.getValueFormat(field.config.unit ?? "none");
    return { text: `${data.formattedValueToString(unit(step.value))}+`, color: step.color };
  }
  const display = field.display(value);
  return { text: data.formattedValueToString(display), color: display.color };
};
