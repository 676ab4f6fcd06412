import "./spinner.css";

/** Something is under way; the words beside it say what. */
export function Spinner(props: { size?: number; className?: string }) {
  const { size = 14 } = props;
  return (
    <svg
      className={props.className ? `spinner ${props.className}` : "spinner"}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      aria-hidden="true"
    >
      <circle cx="8" cy="8" r="6" />
      <path d="M14 8a6 6 0 0 0-6-6" />
    </svg>
  );
}

/** Progress from 0 to 1, or without a known end when `value` is absent. */
export function Progress(props: { value?: number | undefined; label: string }) {
  const { value, label } = props;
  const percent =
    value === undefined ? undefined : Math.round(Math.min(1, Math.max(0, value)) * 100);
  return (
    <div
      className="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      data-endless={percent === undefined || undefined}
    >
      <i style={percent === undefined ? undefined : { width: `${percent}%` }} />
    </div>
  );
}
