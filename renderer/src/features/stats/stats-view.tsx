import { ChartLine as ChartIcon } from "lucide-react";
import { useMemo, useState } from "react";
import type { Sample } from "#shared/contract/stats";
import { EmptyState } from "../../components/empty-state.tsx";
import { bytes, clock, count, cpu, joined, rate } from "../../components/format.ts";
import { useContainer } from "../../queries/containers.ts";
import { historySpan } from "../../queries/stats-store.ts";
import { useHistory } from "../../queries/stats.ts";
import { Chart, type ChartLine, type ChartProps } from "./chart.tsx";
import { columns, niceCeiling } from "./series.ts";
import "./stats.css";

const mebi = 1024 * 1024;
const chartHeight = 132;

/** The last 10 minutes of a container. */
export function StatsView(props: { id: string }) {
  const { id } = props;
  const status = useContainer(id)?.state.status;
  const running = status === "running" || status === "paused";
  return <StatsCharts id={id} history={useHistory(id)} running={running} />;
}

/** `id` ties the charts together that are hovered at once. */
export function StatsCharts(props: { id: string; history: readonly Sample[]; running: boolean }) {
  const { id, history, running } = props;
  const data = useMemo(() => columns(history), [history]);
  const [hovered, setHovered] = useState<number>();

  if (history.length === 0) {
    return (
      <EmptyState icon={ChartIcon} title={running ? "Measuring" : "Nothing is measured"}>
        {running
          ? "The first figures come within a second or two."
          : "Figures are there while the container runs, and for 10 minutes of that."}
      </EmptyState>
    );
  }
  const at = hovered === undefined ? data.times.length - 1 : hovered;
  const time = data.times[at];
  const shared = {
    times: data.times,
    span: historySpan / 1000,
    syncKey: `stats-${id}`,
    height: chartHeight,
    onHover: setHovered,
  };
  const chart = (
    title: string,
    lines: ChartLine[],
    format: (value: number) => string,
    scale: Pick<ChartProps, "ceiling" | "format" | "binary">,
  ) => (
    <figure className="stat">
      <figcaption className="stat__head">
        <b>{title}</b>
        {lines.map(({ label, color, values }) => (
          <span key={label} className="stat__value">
            {lines.length > 1 && <i style={{ background: `var(--${color})` }} />}
            {lines.length > 1 && `${label} `}
            <span className="num">{text(values[at], format)}</span>
          </span>
        ))}
      </figcaption>
      <Chart title={title} lines={lines} {...scale} {...shared} />
    </figure>
  );
  const limited = data.limit.some((value) => value !== null);
  const bytesText = (value: number): string => joined(bytes(value));
  const countText = (value: number): string => count(Math.round(value));
  const rateText = (value: number): string => joined(rate(value));
  return (
    <div className="stats" onPointerLeave={() => setHovered(undefined)}>
      <p className="stats__time num dim">
        {hovered === undefined ? "Now, and the last 10 minutes" : time && clock(time * 1000)}
      </p>
      {chart(
        "CPU",
        [{ label: "Use", color: "accent", values: data.cpu, fill: true }],
        (value) => joined(cpu(value)),
        {
          format: (value) => `${Number((value * 100).toFixed(1))} %`,
          ceiling: (greatest) => niceCeiling(greatest, 10, 0.05),
        },
      )}
      {chart(
        "Memory",
        [
          { label: "Use", color: "accent", values: data.memory, fill: true },
          ...(limited
            ? [{ label: "Limit", color: "pause", values: data.limit, dashed: true }]
            : []),
        ],
        bytesText,
        {
          format: bytesText,
          ceiling: (greatest) => niceCeiling(greatest * 1.04, 1024, mebi),
          binary: true,
        },
      )}
      {chart(
        "Processes",
        [{ label: "Count", color: "busy", values: data.pids, fill: true }],
        countText,
        { format: countText, ceiling: (greatest) => niceCeiling(greatest, 10, 5) },
      )}
      {data.read.some((value) => value !== null) ? (
        chart(
          "Block I/O",
          [
            { label: "Read", color: "accent", values: data.read, fill: true },
            { label: "Write", color: "lost", values: data.write, fill: true },
          ],
          rateText,
          {
            format: rateText,
            ceiling: (greatest) => niceCeiling(greatest, 1024, 1024),
            binary: true,
          },
        )
      ) : (
        <p className="dim">The kernel does not tell this container’s block I/O here.</p>
      )}
    </div>
  );
}

function text(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}
