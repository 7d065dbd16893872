// A board as Grafana draws it: bundled for a browser, which gets window.draw(board) -> promise, kept when all is drawn.
//
// The board: {title, now, from, to (Unix seconds), dark, width (pixels), panels: [{panel, answers: {A: ...}, step}],
// annotations: [{annotation, answer, step}]}; an asked panel without answers is a row's heading. Panels' frames, tiles,
// tables, lines, legends, axes and colours are @grafana/ui's; what that library does not have, the panels' own few lines
// around them, follows the published source of Grafana 13 (public/app/plugins/panel/*): in our own words here, in
// timeline.jsx, heatmap.jsx and plot.jsx. Not drawn: what needs a pointer, an annotation's words among it.

import "@fontsource/inter/latin-400.css";
import "@fontsource/inter/latin-500.css";
import "@fontsource/inter/latin-600.css";
import { cacheFieldDisplayNames, createTheme, dateTime, FieldType, getDisplayValueAlignmentFactors, ThemeContext } from "@grafana/data";
import { initPluginTranslations } from "@grafana/i18n";
import { BigValue, GlobalStyles, PanelChrome, TimeSeries, VizRepeater } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { createRoot } from "react-dom/client";
import { eventsOf, shownOn } from "./annotations.cjs";
import { fieldsOf, noDataOf, tilesOf, ZONE } from "./fields.cjs";
import { Heatmap } from "./heatmap.jsx";
import { addMarks } from "./plot.jsx";
import { StateTimeline } from "./timeline.jsx";

// Grafana's grid (public/app/core/constants.ts): 24 columns, rows of 30 pixels, 8 between panels.
const COLUMNS = 24;
const ROW = 30;
const GAP = 8;

function Nothing({ panel, width, height, theme }) {
  const style = { width, height, display: "flex", alignItems: "center", justifyContent: "center", color: theme.colors.text.secondary };
  return <div style={style}>{noDataOf(panel)}</div>;
}

function Stat({ panel, found, replaceVariables, theme, width, height }) {
  const { options } = panel;
  return (
    <VizRepeater
      getValues={() => tilesOf(panel, found, theme, replaceVariables)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, width, height, count }) => (
        <BigValue
          value={value.display}
          count={count}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          disableWideLayout={!options.wideLayout}
          alignmentFactors={alignmentFactors}
          width={width}
          height={height}
          theme={theme}
        />
      )}
      width={width}
      height={height}
      source={found}
      itemSpacing={3}
      renderCounter={0}
      autoGrid
      orientation={options.orientation}
    />
  );
}

function Table({ panel, found, width, height }) {
  const { options } = panel;
  return (
    <TableNG
      data={found[0]}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      sortBy={options.sortBy}
      cellHeight={options.cellHeight}
      fieldConfig={panel.fieldConfig}
      noValue={noDataOf(panel)}
      structureRev={1}
    />
  );
}

// What is no number of a line's is a gap.
function withGaps(frame) {
  const finite = (value) => (Number.isFinite(value) ? value : null);
  return { ...frame, fields: frame.fields.map((field) => ({ ...field, values: field.values.map(finite) })) };
}

function Lines({ panel, found, events, theme, width, height, timeRange }) {
  return (
    <TimeSeries
      frames={found.map(withGaps)}
      timeRange={timeRange}
      timeZone={ZONE}
      legend={{ showLegend: true, ...panel.options.legend }}
      options={panel.options}
      width={width}
      height={height}
      theme={theme}
    >
      {(builder) => {
        addMarks(builder, events);
        return null;
      }}
    </TimeSeries>
  );
}

const KINDS = { stat: Stat, table: Table, timeseries: Lines, "state-timeline": StateTimeline, heatmap: Heatmap };

// A stat has a tile that says so; the others are left blank but for the words.
function hasData(panel, found) {
  if (panel.type === "stat") return true;
  if (panel.type === "table") return Boolean(found[0]?.length);
  return found.some((frame) => frame.length && frame.fields.some((field) => field.type === FieldType.number));
}

function Panel({ asked: { panel }, fields, events, board, theme }) {
  const { x, y, w, h } = panel.gridPos;
  const column = (board.width - GAP) / COLUMNS;
  const [width, height] = [w * column - GAP, h * (ROW + GAP) - GAP];
  const place = { position: "absolute", left: GAP + x * column, top: GAP + y * (ROW + GAP), width, height };
  if (panel.type === "row") {
    return <div style={{ ...place, display: "flex", alignItems: "center", fontWeight: 500, paddingLeft: 8 }}>⌄ {panel.title}</div>;
  }
  const timeRange = { from: dateTime(board.from * 1000), to: dateTime(board.to * 1000), raw: { from: "", to: "" } };
  const Kind = hasData(panel, fields.found) ? KINDS[panel.type] : Nothing;
  return (
    <div style={place} data-panel={panel.title}>
      <PanelChrome title={panel.title} width={width} height={height}>
        {(innerWidth, innerHeight) => (
          <Kind
            panel={panel}
            {...fields}
            events={shownOn(panel, events)}
            theme={theme}
            width={innerWidth}
            height={innerHeight}
            timeRange={timeRange}
          />
        )}
      </PanelChrome>
    </div>
  );
}

function Board({ board, drawn, events, theme }) {
  const bottom = Math.max(...board.panels.map(({ panel }) => panel.gridPos.y + panel.gridPos.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{ position: "relative", width: board.width, height: bottom * (ROW + GAP) + GAP }}>
        {drawn.map((one, number) => (
          <Panel key={number} {...one} events={events} board={board} theme={theme} />
        ))}
      </div>
    </ThemeContext.Provider>
  );
}

const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

const MOST_FRAMES = 300;

function tablesAreWhole() {
  return [...document.querySelectorAll("[role=grid]")].every((grid) => grid.querySelectorAll("[role=row]").length > 1);
}

window.draw = async function draw(board) {
  Date.now = () => board.now * 1000; // "5 minutes ago" is by the recording's clock
  const theme = createTheme({ colors: { mode: board.dark ? "dark" : "light" } });
  await initPluginTranslations("grafana");
  const drawn = [];
  for (const asked of board.panels) {
    const fields = asked.answers && (await fieldsOf(asked, theme));
    if (fields) cacheFieldDisplayNames(fields.found);
    drawn.push({ asked, fields });
  }
  const events = eventsOf(board.annotations);
  await Promise.all([400, 500, 600].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
  document.body.style.background = theme.colors.background.canvas;
  createRoot(document.body.appendChild(document.createElement("div"))).render(
    <Board board={board} drawn={drawn} events={events} theme={theme} />,
  );
  // Tables measure themselves before they are whole.
  for (let at = 0; at < MOST_FRAMES && (at < 8 || !tablesAreWhole()); at++) await frame();
};
