import { bytes, cpu, type Formatted, percent, rate } from "./format.ts";
import "./quantity.css";

/** A number with a small dim unit. `exact` is shown on hover. */
export function Quantity(props: { of: Formatted; exact?: string }) {
  const { of, exact } = props;
  return (
    <span className="quantity num" title={exact}>
      {of.value}
      <span className="quantity__unit"> {of.unit}</span>
    </span>
  );
}

export function ByteCount(props: { value: number }) {
  return (
    <Quantity of={bytes(props.value)} exact={`${props.value.toLocaleString("en-US")} bytes`} />
  );
}

export function ByteRate(props: { value: number }) {
  const exact = `${Math.round(props.value).toLocaleString("en-US")} bytes per second`;
  return <Quantity of={rate(props.value)} exact={exact} />;
}

/** `value` in CPUs: 1.0 is one whole CPU. */
export function CpuUse(props: { value: number }) {
  return <Quantity of={cpu(props.value)} exact={`${props.value.toFixed(4)} CPUs`} />;
}

/** `value` 0..1. */
export function Share(props: { value: number }) {
  return <Quantity of={percent(props.value)} exact={`${(props.value * 100).toFixed(2)} %`} />;
}

/** What isn't there or can't be known. */
export function Dash() {
  return <span className="dim">–</span>;
}
