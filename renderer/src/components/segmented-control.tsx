import * as Radix from "radix-ui/radio-group";
import type { ReactNode } from "react";
import { count } from "./format.ts";
import "./segmented-control.css";

/** A choice of few, all visible. Arrow keys move within it. */
export function SegmentedControl<V extends string>(props: {
  label: string;
  value: V;
  onChange: (value: V) => void;
  options: { value: V; label: ReactNode; count?: number | undefined }[];
}) {
  const { label, value, onChange, options } = props;
  return (
    <Radix.Root
      className="segmented"
      aria-label={label}
      orientation="horizontal"
      value={value}
      onValueChange={(next) => onChange(next as V)}
    >
      {options.map((option) => (
        <Radix.Item key={option.value} value={option.value} className="segmented__item">
          {option.label}
          {option.count !== undefined && <span className="num">{count(option.count)}</span>}
        </Radix.Item>
      ))}
    </Radix.Root>
  );
}
