import { Spinner } from "./spinner.tsx";
import "./waiting.css";

/** What is not there yet; seen only when it takes longer than one would notice. */
export function Waiting(props: { what: string }) {
  return (
    <p className="waiting muted" role="status">
      <Spinner size={13} /> Reading {props.what}
    </p>
  );
}
