import { useEffect, useRef, useState } from "react";
import UPlot from "uplot";
import { onThemeChange } from "../../terminals/theme.ts";
import type { Value } from "./series.ts";
import "uplot/dist/uPlot.min.css";

export interface ChartLine {
  label: string;
  /** The token's name, without dashes. */
  color: string;
  values: Value[];
  fill?: boolean;
  dashed?: boolean;
}

export interface ChartProps {
  title: string;
  /** Seconds since the Unix epoch. */
  times: number[];
  /** Seconds before the last of them at which the chart begins. */
  span: number;
  lines: ChartLine[];
  /** The top of the scale, for the greatest value there is. */
  ceiling: (greatest: number) => number;
  /** A value on the scale. */
  format: (value: number) => string;
  /** The scale's steps are powers of two rather than of ten. */
  binary?: boolean;
  /** Charts with the same key have their cursors together. */
  syncKey: string;
  height: number;
  /** Called with the index that the pointer is at. */
  onHover: (index: number | undefined) => void;
}

/** One chart over time. The drawing is uPlot's; colours are the theme's and change with it. */
export function Chart(props: ChartProps) {
  const theme = useThemeCount();
  const { lines, syncKey, height } = props;
  const shape = lines.map(({ label }) => label).join();
  // What can't be changed on a chart makes another one.
  return <Plot key={`${theme} ${syncKey} ${height} ${shape}`} {...props} />;
}

function Plot(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  const chart = useRef<UPlot>(undefined);
  const { times, lines } = props;

  useEffect(() => {
    latest.current = props;
  });

  useEffect(() => {
    const parent = place.current;
    if (!parent) return undefined;
    const made = new UPlot(options(latest, parent.clientWidth), [], parent);
    chart.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: parent.clientWidth, height: latest.current.height });
    });
    observer.observe(parent);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, []);

  useEffect(() => {
    chart.current?.setData([times, ...lines.map(({ values }) => values)], true);
  }, [times, lines]);

  return <div ref={place} className="chart" role="img" aria-label={props.title} />;
}

/** Bytes and bytes per second, to 1 PiB. */
const binarySteps = Array.from({ length: 51 }, (_, power) => 2 ** power);

function range({ times, span }: ChartProps): [number, number] {
  const end = times.at(-1) ?? 0;
  return [end - span, end];
}

function options(latest: { current: ChartProps }, width: number): UPlot.Options {
  const { lines, height, syncKey } = latest.current;
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const axis: UPlot.Axis = {
    stroke: token("dim"),
    font: `11px ${token("sans")}`,
    grid: { stroke: token("line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    legend: { show: false },
    padding: [6, 0, 0, 0],
    cursor: {
      sync: { key: syncKey },
      drag: { setScale: false },
      points: { size: 6 },
    },
    scales: {
      x: { time: true, range: () => range(latest.current) },
      y: {
        range: (_chart, _low, high) => [
          0,
          latest.current.ceiling(Number.isFinite(high) ? high : 0),
        ],
      },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        space: 90,
        values: (_chart, ticks) =>
          ticks.map((tick) => new Date(tick * 1000).toTimeString().slice(0, 5)),
      },
      {
        ...axis,
        size: 62,
        space: 28,
        incrs: latest.current.binary ? binarySteps : undefined,
        gap: 8,
        values: (_chart, ticks) => ticks.map((tick) => latest.current.format(tick)),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, color, fill, dashed }) => ({
        label,
        stroke: token(color),
        width: 1.4,
        fill: fill ? `color-mix(in srgb, ${token(color)} 14%, transparent)` : undefined,
        dash: dashed ? [4, 4] : undefined,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      setCursor: [({ cursor }) => latest.current.onHover(cursor.idx ?? undefined)],
    },
  };
}

/** Counts changes of the theme. */
function useThemeCount(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => onThemeChange(() => setChanges((n) => n + 1)), []);
  return changes;
}
