// What a dashboard may be, by Grafana's own types of the version that compose pins: types.cjs holds every board against it.
//
// @grafana/schema leaves open what a kind of panel has for options, settings of fields and overrides, though it has types
// for each. Here they are put together. Grafana fills in the options that a board leaves out.

import type * as schema from "@grafana/schema";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as timeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as lines from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// As JSON has it: a word where TypeScript has an enum's member.
type Written<T> = unknown extends T ? T : T extends string ? `${T}` : T extends object ? { [K in keyof T]: Written<T[K]> } : T;
type Some<T> = T extends unknown[] ? T : T extends object ? { [K in keyof T]?: Some<T[K]> } : T;

interface Link {
  title: string;
  url: string;
  targetBlank?: boolean;
}

// That @grafana/schema writes settings down as "custom & Record<string, unknown>" would let misspelt ones pass.
interface Defaults<Custom> extends Omit<schema.FieldConfig, "custom" | "links"> {
  custom?: Some<Custom>;
  links?: Link[];
}

type Property<Config, Prefix extends string = ""> = {
  [K in keyof Config & string]-?: { id: `${Prefix}${K}`; value: Config[K] };
}[keyof Config & string];

// Of Grafana's matchers those that are used here.
type Matcher = { id: "byName" | "byRegexp" | "byFrameRefID"; options: string };

interface Query {
  refId: string;
  datasource: schema.DataSourceRef;
  editorMode: "code" | "builder";
  exemplar: boolean;
  expr: string;
  format: "time_series" | "table" | "heatmap";
  hide: boolean;
  instant: boolean;
  interval: string;
  intervalFactor: number;
  legendFormat: string;
  range: boolean;
}

type Kind<Type extends string, Options, Custom> = Omit<schema.Panel, "type" | "options" | "fieldConfig" | "targets" | "links"> & {
  type: Type;
  options: Some<Options>;
  fieldConfig: {
    defaults: Defaults<Custom>;
    overrides: { matcher: Matcher; properties: (Property<Omit<Defaults<Custom>, "custom">> | Property<Custom, "custom.">)[] }[];
  };
  targets: Query[];
  links: Link[];
};

type Panel =
  | Kind<"stat", stat.Options, Record<string, never>>
  | Kind<"table", table.Options, table.FieldConfig>
  | Kind<"timeseries", lines.Options, lines.FieldConfig>
  | Kind<"state-timeline", timeline.Options, timeline.FieldConfig>
  | Kind<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | schema.RowPanel;

// Beside what the schema has, what Grafana's Prometheus data source reads of an annotation.
interface Annotation extends Omit<schema.AnnotationQuery, "target"> {
  target: { refId: string; expr: string; interval: string; datasource: schema.DataSourceRef };
  expr: string;
  step: string;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime: boolean;
}

export type Board = Written<
  Omit<schema.Dashboard, "panels" | "annotations"> & { panels: Panel[]; annotations: { list: Annotation[] } }
>;
