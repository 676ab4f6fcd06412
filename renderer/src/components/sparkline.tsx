import { memo } from "react";
import "./sparkline.css";

export interface SparklineProps {
  /** Oldest first. */
  values: readonly number[];
  /** How many make the full width; fewer start at the right edge. */
  capacity: number;
  width: number;
  height: number;
  /** The top of the scale; grows when a value is above it. */
  ceiling: number;
}

/** The path of a sparkline in its own pixels, one decimal each. */
export function sparklinePath(props: SparklineProps): string {
  const { values, capacity, width, height, ceiling } = props;
  if (values.length === 0) return "";
  const top = Math.max(ceiling, ...values);
  const step = width / (capacity - 1);
  const left = width - (values.length - 1) * step;
  const inner = height - 2;
  let path = "";
  for (const [index, value] of values.entries()) {
    const x = (left + index * step).toFixed(1);
    const y = (1 + inner - (top > 0 ? (value / top) * inner : 0)).toFixed(1);
    path += `${index === 0 ? "M" : "L"}${x} ${y}`;
  }
  return path;
}

/** A line without axes, for the row of a list; the figure beside it says the value. */
export const Sparkline = memo(function Sparkline(props: SparklineProps) {
  return (
    <svg className="sparkline" width={props.width} height={props.height} aria-hidden="true">
      <path d={sparklinePath(props)} />
    </svg>
  );
});
