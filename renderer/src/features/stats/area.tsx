import type { Value } from "./series.ts";

export interface AreaProps {
  /** Seconds, ascending; null values are gaps. */
  times: readonly number[];
  values: readonly Value[];
  range: readonly [number, number];
  ceiling: number;
  label: string;
}

const width = 1000;
const height = 100;

/** A small chart without axes; its figures stand above it. */
export function Area(props: AreaProps) {
  const { times, values, range, ceiling, label } = props;
  const x = (time: number): string =>
    (((time - range[0]) / (range[1] - range[0])) * width).toFixed(1);
  const y = (value: number): string => (height - (value / ceiling) * (height - 4)).toFixed(1);
  const runs: { time: number; value: number }[][] = [[]];
  for (const [index, time] of times.entries()) {
    const value = values[index] ?? null;
    if (value === null) runs.push([]);
    else if (time >= range[0]) runs.at(-1)?.push({ time, value });
  }
  return (
    <svg
      className="area"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {runs
        .filter((run) => run.length > 0)
        .map((run) => {
          const points = run.map(({ time, value }) => `${x(time)},${y(value)}`).join(" ");
          const first = x(run[0]?.time ?? 0);
          const last = x(run.at(-1)?.time ?? 0);
          return (
            <g key={first}>
              <polygon points={`${first},${height} ${points} ${last},${height}`} />
              <polyline points={points} />
            </g>
          );
        })}
    </svg>
  );
}
