import { type PointerEvent as ReactPointerEvent, useRef } from "react";
import "./divider.css";

export interface DividerProps {
  /** What it resizes: `Inspector width`. */
  label: string;
  /** `vertical` stands between columns, `horizontal` between rows. */
  orientation: "vertical" | "horizontal";
  /** Size in px of the part it resizes. */
  value: number;
  min: number;
  max: number;
  /** That part lies after the divider, so dragging back makes it larger. */
  after?: boolean;
  onChange: (value: number) => void;
  /** Double click and Enter. */
  onReset?: () => void;
}

/** Step of an arrow key in px; with Shift, five of them. */
const step = 16;

/** A divider that drags, and moves with arrow keys, Home and End. The owner keeps the size. */
export function Divider(props: DividerProps) {
  const { label, orientation, value, min, max, after, onChange, onReset } = props;
  const start = useRef<{ at: number; value: number }>(undefined);
  const vertical = orientation === "vertical";
  const sign = after ? -1 : 1;
  const set = (next: number): void => onChange(Math.round(Math.min(max, Math.max(min, next))));
  const at = (event: ReactPointerEvent): number => (vertical ? event.clientX : event.clientY);

  return (
    <div
      className={`divider divider--${orientation}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={value}
      aria-valuemin={min}
      aria-valuemax={max}
      onDoubleClick={onReset}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { at: at(event), value };
      }}
      onPointerMove={(event) => {
        if (start.current) set(start.current.value + sign * (at(event) - start.current.at));
      }}
      onPointerUp={() => (start.current = undefined)}
      onLostPointerCapture={() => (start.current = undefined)}
      onKeyDown={(event) => {
        const by = event.shiftKey ? step * 5 : step;
        const less = vertical ? "ArrowLeft" : "ArrowUp";
        const more = vertical ? "ArrowRight" : "ArrowDown";
        if (event.key === less) set(value - sign * by);
        else if (event.key === more) set(value + sign * by);
        else if (event.key === "Home") set(min);
        else if (event.key === "End") set(max);
        else if (event.key === "Enter") onReset?.();
        else return;
        event.preventDefault();
      }}
    />
  );
}
